"""Incidents and statuses over the API, and the document that describes the whole of it."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any, Final

from aiohttp import web

from checkin.api_models import (
    IncidentOut,
    IncidentsOut,
    StatusesOut,
    incident_out,
    shown_to,
    state_name,
    status_fields,
    status_out,
)
from checkin.api_store import employee_ids
from checkin.dashboard_store import Incident, incidents_of, people_of
from checkin.partner_store import incidents_of_partner
from core.audit import audit
from core.clock import date_in_japan
from core.model import Role
from core.web import site
from registry.api import Answer, Call, after_cursor, routes_of
from registry.api_tokens import Scope
from registry.openapi import Operation, Parameter, document
from registry.people_api import OPERATIONS as PEOPLE_OPERATIONS
from registry.problems import not_found
from registry.webhooks_api import OPERATIONS as WEBHOOK_OPERATIONS

MAX_PAGE: Final = 1000


async def list_incidents(call: Call) -> Answer:
    """GET /incidents."""
    return Answer({"incidents": [incident_out(incident) for incident in await _incidents(call)]})


async def get_incident(call: Call) -> Answer:
    """GET /incidents/{id}."""
    return Answer(incident_out(await _incident(call)))


async def list_statuses(call: Call) -> Answer:
    """GET /incidents/{id}/statuses: the organisation's people in an incident, by id."""
    incident = await _incident(call)
    role, org_id = call.token.role, call.token.org_id
    limit, after = call.limit(MAX_PAGE), call.cursor()
    everybody = await people_of(call.conn, incident.id, org_id, date_in_japan(call.now))
    people = sorted((p for p in everybody if shown_to(role, p)), key=lambda p: p.id)
    counts = Counter(state_name(person.state, role) for person in people)
    rest = [p for p in people if after is None or p.id > after]
    shown = rest[:limit]
    numbers = await employee_ids(call.conn, org_id)
    await audit(
        call.conn,
        call.actor,
        "status.read",
        at=call.now,
        subjects=[p.id for p in shown],
        fields=sorted(("id", *status_fields(role))),
        incident_id=incident.id,
    )
    return Answer(
        {
            "incident": incident_out(incident),
            "counts": dict(sorted(counts.items())),
            "statuses": [status_out(person, role, numbers) for person in shown],
            "next_cursor": after_cursor([p.id for p in rest], limit),
        }
    )


async def _incidents(call: Call) -> list[Incident]:
    day = date_in_japan(call.now)
    if call.token.role is Role.PARTNER:  # an incident that touched nobody who agreed is not a partner's to know
        return await incidents_of_partner(call.conn, call.token.org_id, day)
    return await incidents_of(call.conn, [call.token.org_id], day)


async def _incident(call: Call) -> Incident:
    wanted = call.id("id")
    found = next((incident for incident in await _incidents(call) if incident.id == wanted), None)
    if found is None:
        raise not_found()
    return found


async def openapi(request: web.Request) -> Answer:
    """GET /openapi.json."""
    return Answer(_document(site(request).settings.site_url), headers={"Cache-Control": "max-age=300"})


@cache  # a tenth of a second of work, always with the same result, for whoever asks
def _document(server: str) -> dict[str, Any]:
    return document(OPERATIONS, server=server)


_ID: Final = Parameter("id", "path", {"type": "string", "format": "uuid"})
_LIMIT: Final = Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 100})
_CURSOR: Final = Parameter(
    "cursor", "query", {"type": "string", "pattern": "^[0-9a-f]{32}$"}, "`next_cursor` of the page before."
)

OPERATIONS: Final[tuple[Operation, ...]] = (
    *PEOPLE_OPERATIONS,
    Operation("GET", "/incidents", list_incidents, Scope.STATUS_READ, "listIncidents",
              "Incidents that touched the organisation's people.", "incidents", gives=IncidentsOut),
    Operation("GET", "/incidents/{id}", get_incident, Scope.STATUS_READ, "getIncident", "One incident.", "incidents",
              gives=IncidentOut, parameters=(_ID,)),
    Operation("GET", "/incidents/{id}/statuses", list_statuses, Scope.STATUS_READ, "listStatuses",
              "Where the organisation's people stand in an incident, by page.", "incidents", gives=StatusesOut,
              parameters=(_ID, _LIMIT, _CURSOR)),
    *WEBHOOK_OPERATIONS,
    Operation("GET", "/openapi.json", openapi, None, "openapi", "This document.", "about"),
)  # fmt: skip

ROUTES = routes_of(OPERATIONS)
