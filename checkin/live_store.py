"""Who may know that something has changed in an incident, and whether anything did that they may see."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, time
from uuid import UUID

from checkin.dashboard_store import Incident, incidents_of, people_of, supervised_ids
from checkin.visit_store import visits_of
from core.clock import JST
from core.db import Connection
from core.model import Role

#: Roles that follow every incident: by cases, or by totals.
EVERYWHERE = frozenset({Role.COORDINATOR, Role.VOLUNTEER, Role.OPERATOR})
#: Roles that are told of no change: they see less than an organisation's own staff, and a change tells of more.
NOWHERE = frozenset({Role.PARTNER, Role.UMBRELLA, Role.AUDITOR, Role.TRANSLATOR})

SQL_MAY_SEE = """
SELECT EXISTS (
    SELECT 1 FROM incident_resident ir
    JOIN incident i ON i.id = ir.incident_id
    JOIN membership m ON m.resident_id = ir.resident_id AND m.ended_at IS NULL
    WHERE ir.incident_id = $1 AND NOT ir.only_today AND (i.hazard <> 'help' OR answer_shared(ir.resident_id, m.org_id))
      AND (m.org_id = $2 OR ($3 AND m.org_id IN (SELECT other_id FROM org_relation
                                                 WHERE org_id = $2 AND kind = 'supervises'))))
"""


async def may_see(conn: Connection, incident_id: UUID, org_id: UUID, role: Role) -> bool:
    """Whether staff of an organisation may hear about an incident: it concerns their people, or they follow all."""
    if role in NOWHERE:
        return False
    if role in EVERYWHERE:
        return True
    return bool(await conn.fetchval(SQL_MAY_SEE, incident_id, org_id, role is Role.SUPERVISING))


async def fingerprints(conn: Connection, org_id: UUID, role: Role, today: date) -> dict[str, bytes]:
    """What an organisation's pages show now, as one fingerprint per open incident (by the incident's id as text).

    A page that is told of every change learns from the telling: when a coordinator takes up a call for help that its
    caller does not share with the organisation, nothing on the page changes, and so nothing may be told. Roles that
    follow all incidents have none.
    """
    if role in EVERYWHERE or role in NOWHERE:
        return {}
    orgs = await supervised_ids(conn, org_id) if role is Role.SUPERVISING else [org_id]
    return {
        str(incident.id): await _fingerprint(conn, incident, orgs, today)
        for incident in await incidents_of(conn, orgs, today)
        if incident.closed_at is None
    }


async def _fingerprint(conn: Connection, incident: Incident, orgs: list[UUID], today: date) -> bytes:
    shown = [repr(incident)]
    midnight = datetime.combine(today, time.min, JST)
    for org in orgs:
        shown.append(repr(await people_of(conn, incident.id, org, today)))
        shown.append(repr(await visits_of(conn, incident.id, org, midnight)))
    return hashlib.sha256("\n".join(shown).encode()).digest()
