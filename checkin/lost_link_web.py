"""/c/<token>/card: whoever answers by a check-in link and has lost their card has a new link sent to themselves."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from checkin.link_store import LinkView, open_link
from checkin.web import here, page_address, page_language
from core.audit import Actor, audit
from core.db import Connection
from core.web import TOKEN, Route, link_hash, link_not_found, public_form, render, see_other, site
from registry.lost_link_store import AskedBy, ask_for_link


async def page(request: web.Request) -> web.Response:
    """GET /c/{token}/card: what happens, and one button; ?asked=1 after it."""
    async with site(request).pool.acquire() as conn:
        view = await _opened(request, conn)
    if view is None:
        return link_not_found(request)
    return render(
        request,
        "checkin_lost.html",
        lang=page_language(request, view.language),
        asked=request.query.get("asked") == "1",
        action=here(request),
        back=page_address(request),
    )


async def ask(request: web.Request) -> web.Response:
    """POST /c/{token}/card: the link goes to the person's own proved contacts, not to whoever holds this page."""
    wires = site(request)
    now = wires.clock.now()
    await public_form(request)
    async with wires.pool.acquire() as conn:
        view = await _opened(request, conn)
        if view is None:
            return link_not_found(request)
        if await ask_for_link(conn, view.resident_id, AskedBy.LINK, now):
            await audit(conn, Actor("check-in link"), "person.new_link", at=now, subjects=[view.resident_id])
    return see_other(here(request, asked="1"))


async def _opened(request: web.Request, conn: Connection) -> LinkView | None:
    hashed = link_hash(request)
    return None if hashed is None else await open_link(conn, hashed, site(request).clock.now())


ROUTES: Final = [
    Route("GET", "/c/{token}/card", page, TOKEN),
    Route("POST", "/c/{token}/card", ask, TOKEN),
]
