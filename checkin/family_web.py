"""Send to my family: a page with one person's state, which opens from any messenger and which they can end."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from checkin.family_store import family_view, make_link, own_link, revoke
from core.audit import Actor, audit
from core.db import transaction
from core.web import TOKEN, Route, language_of, link_hash, link_not_found, public_form, render, see_other, site
from registry.owner_web import own_page, owner_of


async def own(request: web.Request) -> web.Response:
    """GET /p/<token>/family: the link to copy, or a button that makes one."""
    wires = site(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        link = await own_link(conn, wires.vault, owner.resident_id, wires.clock.now())
    url = f"{wires.settings.site_url}/f/{link.token}" if link else ""
    return own_page(request, "family_own.html", owner, url=url, until=link.expires_at if link else None)


async def change(request: web.Request) -> web.Response:
    """POST /p/<token>/family: `do` is make or end."""
    wires = site(request)
    now = wires.clock.now()
    form = await public_form(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        if form.get("do") == "make":
            await make_link(conn, wires.vault, owner.resident_id, now)
        elif form.get("do") == "end":
            await revoke(conn, owner.resident_id, now)
        await audit(conn, Actor("personal link"), "family.link", at=now, subjects=[owner.resident_id])
    return see_other(f"/p/{request.match_info['token']}/family")


async def show(request: web.Request) -> web.Response:
    """GET /f/<token>: name, answer, when. The reading is in the audit log; nothing else changes."""
    wires = site(request)
    now = wires.clock.now()
    hashed = link_hash(request)
    view = None
    if hashed is not None:
        async with transaction(wires.pool) as conn:
            view = await family_view(conn, hashed, now)
            if view is not None:
                fields = ("name", "status")
                await audit(
                    conn, Actor("family link"), "family.read", at=now, subjects=[view.resident_id], fields=fields
                )
    if view is None:
        return link_not_found(request)
    return render(request, "family_page.html", lang=language_of(request), view=view)


ROUTES: Final = [
    Route("GET", "/p/{token}/family", own, TOKEN),
    Route("POST", "/p/{token}/family", change, TOKEN),
    Route("GET", "/f/{token}", show, TOKEN),
]
