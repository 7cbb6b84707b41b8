"""The report about flood and landslide areas: a page per organisation, to be printed and hung up."""

from __future__ import annotations

from aiohttp import web

from core.db import transaction
from core.web import Route, render, site, staff
from registry.access import KEEPS_PEOPLE
from registry.people_store import own_orgs
from registry.sessions import staff_of
from registry.site_hazards_store import site_hazards


async def hazards(request: web.Request) -> web.Response:
    """GET /hazards: what the published maps say about every dorm and workplace, the endangered ones first."""
    me = staff_of(request)
    async with transaction(site(request).pool) as conn:
        orgs = await own_orgs(conn, me)
        found = await site_hazards(conn, list(orgs), me.language)
    found.sort(key=lambda one: (not one.endangered, not one.unknown))
    sources = sorted({source for one in found for source in one.sources}, key=lambda s: (s.prefecture, s.kind))
    return render(
        request, "hazards.html", lang=me.language, sites=found, orgs=orgs, sources=sources,
        endangered=sum(one.endangered for one in found),
    )  # fmt: skip


ROUTES = [Route("GET", "/hazards", hazards, staff(*KEEPS_PEOPLE))]
