"""/p/<token>/shelters: the shelters around a person's places on a quiet day, with what each is designated for."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from checkin.shelter_store import shelters_of
from checkin.shelter_view import MANY, distance_words, place_shelters
from checkin.shelters_web import script_words
from core.audit import Actor, audit
from core.db import transaction
from core.web import TOKEN, Route, link_not_found, site
from registry.owner_web import own_page, owner_language, owner_of

#: No disaster in particular: every shelter for everybody counts, and each says what it is designated for.
ANY_HAZARD: Final = ""


async def page(request: web.Request) -> web.Response:
    """GET /p/<token>/shelters: up to ten per place, the nearest first, with distance and direction."""
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        found = await shelters_of(conn, owner.resident_id, now)
        await audit(
            conn, Actor("personal link"), "person.own", at=now, subjects=[owner.resident_id], fields=("places",)
        )
    lang = owner_language(request, owner)
    return own_page(
        request,
        "own_shelters.html",
        owner,
        lang=lang,
        alert=None,
        places=place_shelters(found, ANY_HAZARD, {}, MANY),
        distance_words=distance_words,
        words=script_words(wires.catalogs.sayer(lang)),
        back=f"/p/{request.match_info['token']}?lang={lang}",
    )


ROUTES: Final = [Route("GET", "/p/{token}/shelters", page, TOKEN)]
