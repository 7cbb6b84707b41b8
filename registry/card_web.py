"""/p/<token>/card: the wallet card with the permanent self-report link: to keep, to print, for the home screen."""

from __future__ import annotations

from aiohttp import web

from core.audit import Actor, audit
from core.db import transaction
from core.qr import qr_svg
from core.web import TOKEN, Route, link_not_found, render, site
from registry.inapp import read_user_agent
from registry.owner_web import owner_language, owner_of


async def card(request: web.Request) -> web.Response:
    """GET /p/<token>/card: name, QR code and how to keep it; ?new=1 right after enrolling."""
    wires = site(request)
    token = request.match_info["token"]
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is not None:
            actor, now = Actor("personal link"), wires.clock.now()
            await audit(conn, actor, "person.card", at=now, subjects=[owner.resident_id], fields=["name"])
    if owner is None:
        return link_not_found(request)
    lang = owner_language(request, owner)
    url = f"{wires.settings.site_url}/p/{token}"
    return render(
        request,
        "person_card.html",
        lang=lang,
        owner=owner,
        token=token,
        url=url,
        qr=qr_svg(url, wires.catalogs.sayer(lang).plain("card.title")),
        platform=read_user_agent(request.headers.get("User-Agent", "")).platform,
        new=request.query.get("new") == "1",
    )


ROUTES = [Route("GET", "/p/{token}/card", card, TOKEN)]
