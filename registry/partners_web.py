"""/p/<token>/partners: which partners (NPO, sending organisation) may know whether somebody is OK."""

from __future__ import annotations

from aiohttp import web

from core.audit import Actor, audit
from core.db import transaction
from core.web import TOKEN, Route, link_not_found, public_form, see_other, site
from registry.consent import Choice
from registry.consent_store import record
from registry.owner_web import own_page, owner_language, owner_of
from registry.partners_store import join, leave, partners_of


async def page(request: web.Request) -> web.Response:
    """GET /p/<token>/partners: a switch for each partner."""
    async with transaction(site(request).pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        partners = await partners_of(conn, owner.resident_id)
    return own_page(request, "personal_partners.html", owner, partners=partners)


async def save(request: web.Request) -> web.Response:
    """POST /p/<token>/partners: a tick joins and agrees, no tick leaves and takes back; only what moved is stored."""
    wires = site(request)
    now = wires.clock.now()
    form = await public_form(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        person = owner.resident_id
        language = owner_language(request, owner)
        made = []
        for partner in await partners_of(conn, person):
            wanted = form.get(f"partner-{partner.id}") == "1"
            if wanted and not partner.shares:
                if not partner.joined:
                    await join(conn, person, partner.id, now)
                made.append(Choice("C2", True, partner.id))
            elif not wanted and partner.joined:
                made.append(Choice("C2", False, partner.id))
                await leave(conn, person, partner.id, now)
        words = f"{wires.catalogs.say(language, 'partners.title')}\n{wires.catalogs.say(language, 'partners.what')}"
        await record(conn, wires.catalogs, person, made, language=language, now=now, words={"C2": words})
        await audit(
            conn,
            Actor("personal link"),
            "partners.save",
            at=now,
            subjects=[person],
            fields=["C2"] if made else [],
        )
    return see_other(f"/p/{request.match_info['token']}/partners?saved=1&lang={language}")


ROUTES = [
    Route("GET", "/p/{token}/partners", page, TOKEN),
    Route("POST", "/p/{token}/partners", save, TOKEN),
]
