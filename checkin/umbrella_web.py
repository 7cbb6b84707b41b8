"""The page of an umbrella organisation: totals of the organisations below it, and nobody's name."""

from __future__ import annotations

from aiohttp import web

from checkin.umbrella import COLUMNS, lines
from checkin.umbrella_store import below, counted_below, incidents_below
from core.audit import audit
from core.clock import date_in_japan
from core.db import transaction
from core.model import Role
from core.web import Route, render, site, staff
from registry.listening_web import silent_feeds
from registry.sessions import staff_of


async def umbrella(request: web.Request) -> web.Response:
    """GET /umbrella: numbers per organisation and in all for one incident (?incident=), small ones hidden."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    asked = request.query.get("incident", "")
    async with transaction(wires.pool) as conn:
        orgs = await below(conn)
        found = await incidents_below(conn)
        incident = next((i for i in found if str(i.id) == asked), found[0] if found else None)
        stale = await silent_feeds(request, conn)
        counted = await counted_below(conn, incident.id, date_in_japan(now)) if incident else []
        if incident:
            await audit(conn, me.actor, "umbrella.read", at=now, incident_id=incident.id, fields=["totals"])
    rows, total = lines(orgs, counted)
    return render(
        request,
        "umbrella.html",
        lang=me.language,
        incident=incident,
        incidents=found,
        orgs=orgs,
        rows=rows,
        total=total,
        columns=COLUMNS,
        stale=stale,
    )


ROUTES = [Route("GET", "/umbrella", umbrella, staff(Role.UMBRELLA))]
