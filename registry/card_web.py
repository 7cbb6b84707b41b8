"""/p/<token>/card: the wallet card with the permanent self-report link: to keep, to print, for the home screen."""

from __future__ import annotations

from aiohttp import web

from core.audit import Actor, audit
from core.db import transaction
from core.qr import qr_svg
from core.tokens import looks_like_token
from core.web import TOKEN, Route, language_of, render, site
from registry.inapp import read_user_agent
from registry.personal_store import Owner, owner_of_link


def owner_language(request: web.Request, owner: Owner) -> str:
    """?lang=, else the person's own choice, else what the browser prefers."""
    if request.query.get("lang"):
        return language_of(request)
    return site(request).catalogs.normalise(owner.language) or language_of(request)


async def card(request: web.Request) -> web.Response:
    """GET /p/<token>/card: name, QR code and how to keep it; ?new=1 right after enrolling."""
    wires = site(request)
    token = request.match_info["token"]
    async with transaction(wires.pool) as conn:
        owner = await owner_of_link(conn, token) if looks_like_token(token) else None
        if owner is not None:
            actor, now = Actor("personal link"), wires.clock.now()
            await audit(conn, actor, "person.card", at=now, subjects=[owner.resident_id], fields=["name"])
    if owner is None:
        return render(request, "link_gone.html", lang=language_of(request), status=404, too_many=False)
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
