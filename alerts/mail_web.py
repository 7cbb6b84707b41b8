"""Links in mails: "this address works" and "no more mails". GET shows a button: mail scanners open links too.

RFC 8058: a mail program posts to the second one by itself, from its provider's servers, when its user wants no more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from alerts.mail_links import CONFIRM, WAY_OUT, read_link
from alerts.mail_store import MailAddress, confirm_address, mail_address, stop_mails
from core.audit import Actor, audit
from core.db import Connection, transaction
from core.web import MACHINE, Route, language_of, link_not_found, render, site


async def _address(request: web.Request, conn: Connection, purpose: str) -> MailAddress | None:
    found = request.match_info
    contact_id = read_link(site(request).vault, purpose, found["contact"], found["token"])
    return None if contact_id is None else await mail_address(conn, contact_id)


def _page(request: web.Request, address: MailAddress, purpose: str, *, done: bool) -> web.Response:
    wires = site(request)
    own = wires.catalogs.normalise(address.language) or "en"
    lang = language_of(request) if request.query.get("lang") else own
    return render(request, "mail_link.html", lang=lang, purpose=purpose, done=done)


async def confirm_page(request: web.Request) -> web.Response:
    """GET /m/confirm/{contact}/{token}: a button, or that the address works."""
    return await _ask(request, CONFIRM, "proven")


async def confirm_now(request: web.Request) -> web.Response:
    """POST /m/confirm/{contact}/{token}: mails arrive there."""
    now = site(request).clock.now()
    return await _do(request, CONFIRM, lambda conn, found: confirm_address(conn, found, now))


async def stop_page(request: web.Request) -> web.Response:
    """GET /m/stop/{contact}/{token}: a button, or that mails have stopped."""
    return await _ask(request, WAY_OUT, "opted_out")


async def stop_now(request: web.Request) -> web.Response:
    """POST /m/stop/{contact}/{token}: no more mails to this address. Answered with 200: RFC 8058 wants no redirect."""
    return await _do(request, WAY_OUT, stop_mails)


async def _ask(request: web.Request, purpose: str, done: str) -> web.Response:
    """The page of a link: `done` is the state of the address after which there is nothing left to press."""
    async with transaction(site(request).pool) as conn:
        found = await _address(request, conn, purpose)
    if found is None:
        return link_not_found(request)
    return _page(request, found, purpose, done=found.state == done)


async def _do(
    request: web.Request, purpose: str, act: Callable[[Connection, MailAddress], Awaitable[None]]
) -> web.Response:
    wires = site(request)
    async with transaction(wires.pool) as conn:
        found = await _address(request, conn, purpose)
        if found is None:
            return link_not_found(request)
        await act(conn, found)
        await audit(
            conn,
            Actor("link in a mail"),
            f"mail {purpose}",
            at=wires.clock.now(),
            subjects=[found.resident_id],
            fields=["contact.state"],
        )
    return _page(request, found, purpose, done=True)


ROUTES = [
    Route("GET", "/m/confirm/{contact}/{token}", confirm_page, MACHINE),
    Route("POST", "/m/confirm/{contact}/{token}", confirm_now, MACHINE),
    Route("GET", "/m/stop/{contact}/{token}", stop_page, MACHINE),
    Route("POST", "/m/stop/{contact}/{token}", stop_now, MACHINE),
]
