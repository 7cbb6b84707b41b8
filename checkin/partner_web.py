"""The page of a partner organisation: who of its own people, of those who agreed, is OK."""

from __future__ import annotations

from aiohttp import web

from checkin.partner_store import incidents_of_partner, partner_people, sharing
from core.audit import audit
from core.clock import date_in_japan
from core.db import transaction
from core.model import Role
from core.web import Route, render, site, staff
from registry.access import FIELDS
from registry.listening_web import silent_feeds
from registry.sessions import staff_of


async def partner(request: web.Request) -> web.Response:
    """GET /partner: names, states and ages for one incident (?incident=); without one, how many people share."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    asked = request.query.get("incident", "")
    async with transaction(wires.pool) as conn:
        found = await incidents_of_partner(conn, me.org_id, date_in_japan(now))
        incident = next((i for i in found if str(i.id) == asked), found[0] if found else None)
        people = await partner_people(conn, incident.id, me.org_id, date_in_japan(now)) if incident else []
        if incident:
            await audit(
                conn,
                me.actor,
                "partner.read",
                at=now,
                subjects=[line.id for line in people],
                fields=sorted(FIELDS[Role.PARTNER]),
                incident_id=incident.id,
            )
        number = await sharing(conn, me.org_id, date_in_japan(now))
        stale = await silent_feeds(request, conn)
    return render(
        request,
        "partner.html",
        lang=me.language,
        incident=incident,
        incidents=found,
        people=people,
        sharing=number,
        stale=stale,
    )


ROUTES = [Route("GET", "/partner", partner, staff(Role.PARTNER))]
