"""/p/<token>/line: warnings on LINE: add us as a friend, send us a code. Needs no script."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from core.audit import Actor, audit
from core.db import transaction
from core.qr import qr_svg
from core.web import TOKEN, Route, link_not_found, public_form, see_other, site
from registry.line_store import LINE, make_code, shown_code
from registry.owner_web import own_page, owner_language, owner_of
from registry.personal_store import own_contacts


def _account(request: web.Request) -> str:
    """Our account's basic ID. Raises 404 where LINE is not configured."""
    settings = site(request).settings
    if not settings.line_configured or not settings.line_basic_id:
        raise web.HTTPNotFound()
    return settings.line_basic_id


async def page(request: web.Request) -> web.Response:
    """GET /p/<token>/line: connected, or a code with the ways to send it, or a button to get one."""
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        account = _account(request)
        contacts = await own_contacts(conn, wires.vault, owner.resident_id)
        code = await shown_code(conn, wires.vault, owner.resident_id, now)
    lang = owner_language(request, owner)
    # Opens the chat with the code written in it, on a telephone with LINE (developers.line.biz, "LINE URL scheme").
    chat = f"https://line.me/R/oaMessage/{quote(account)}/?{code[0]}" if code else ""
    return own_page(
        request,
        "personal_line.html",
        owner,
        lang=lang,
        linked=any(c.channel == LINE and c.kind == "address" and c.state == "proven" for c in contacts),
        code=code[0] if code else "",
        until=code[1] if code else None,
        account=account,
        add=f"https://line.me/R/ti/p/{quote(account)}",
        chat=chat,
        qr=qr_svg(chat, wires.catalogs.sayer(lang).plain("line.title")) if code else "",
    )


async def get_code(request: web.Request) -> web.Response:
    """POST /p/<token>/line: a new code, for half an hour."""
    wires = site(request)
    now = wires.clock.now()
    await public_form(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        _account(request)
        await make_code(conn, wires.vault, owner.resident_id, now)
        await audit(conn, Actor("personal link"), "line code", at=now, subjects=[owner.resident_id])
    lang = request.query.get("lang", "")
    return see_other(f"/p/{request.match_info['token']}/line" + (f"?lang={quote(lang)}" if lang else ""))


ROUTES = [Route("GET", "/p/{token}/line", page, TOKEN), Route("POST", "/p/{token}/line", get_code, TOKEN)]
