"""What a partner (sending organisation, NPO) sees: of its own people who agreed, how they stand in an incident."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from checkin.dashboard import Standing, State, state_of
from checkin.dashboard_store import Incident, incident_of
from core.db import Connection
from core.model import Answer

# Only who has agreed: an invitation is nobody's word. An incident that touched nobody who agreed is not theirs to know.
SQL_INCIDENTS = """
SELECT i.id, i.purpose, i.hazard, i.title, i.severity, i.simulated, i.opened_at, i.closed_at,
       (SELECT a.context FROM alert a WHERE a.incident_id = i.id
        ORDER BY a.created_at DESC, a.id DESC LIMIT 1) AS context
FROM incident i
WHERE i.purpose <> 'canary'
  AND EXISTS (SELECT 1 FROM incident_resident ir
              JOIN resident r ON r.id = ir.resident_id AND r.state NOT IN ('invited', 'left')
              JOIN membership m ON m.resident_id = r.id AND m.org_id = $1 AND m.ended_at IS NULL
                               AND (m.end_date IS NULL OR m.end_date >= $2)
              WHERE ir.incident_id = i.id AND NOT ir.only_today AND answer_shared(r.id, m.org_id))
ORDER BY i.closed_at IS NOT NULL, i.purpose <> 'live', i.opened_at DESC
LIMIT 20
"""


async def incidents_of_partner(conn: Connection, org_id: UUID, today: date) -> list[Incident]:
    """The incidents in which somebody was told who lets this partner see: open before closed, live before drill."""
    return [incident_of(row) for row in await conn.fetch(SQL_INCIDENTS, org_id, today)]


class PartnerLine(NamedTuple):
    """One person: name, state and the time of the answer; nothing else is read."""

    id: UUID
    name: str
    state: State
    status_at: datetime | None


# How a message travelled is not the partner's to know: everybody counts as reachable.
SQL_PEOPLE = """
SELECT r.id, r.name, ir.asked_at, ir.status, ir.status_at, coalesce(c.reason = 'needs_help', false) AS help_open
FROM incident_resident ir
JOIN resident r ON r.id = ir.resident_id AND r.state NOT IN ('invited', 'left')
JOIN membership m ON m.resident_id = r.id AND m.org_id = $2 AND m.ended_at IS NULL
                 AND (m.end_date IS NULL OR m.end_date >= $3)
LEFT JOIN case_file c ON c.resident_id = r.id AND c.purpose = ir.purpose AND c.closed_at IS NULL
WHERE ir.incident_id = $1 AND NOT ir.only_today AND answer_shared(r.id, m.org_id)
ORDER BY r.name, r.id
"""


async def partner_people(conn: Connection, incident_id: UUID, org_id: UUID, today: date) -> list[PartnerLine]:
    """The partner's people of an incident who agreed, who needs help first. The caller writes the audit row."""
    found = []
    for row in await conn.fetch(SQL_PEOPLE, incident_id, org_id, today):
        asked_at, status_at = row["asked_at"], row["status_at"]
        standing = Standing(
            asked=asked_at is not None,
            reachable=True,
            status=Answer(row["status"]) if row["status"] else None,
            before_ask=status_at is not None and asked_at is not None and status_at < asked_at,
            help_open=row["help_open"],
        )
        found.append(PartnerLine(row["id"], row["name"], state_of(standing), status_at))
    return sorted(found, key=lambda line: line.state.rank)


SQL_SHARING = """
SELECT count(*) FROM membership m JOIN resident r ON r.id = m.resident_id AND r.state NOT IN ('invited', 'left')
WHERE m.org_id = $1 AND m.ended_at IS NULL AND (m.end_date IS NULL OR m.end_date >= $2)
  AND answer_shared(r.id, m.org_id)
"""


async def sharing(conn: Connection, org_id: UUID, today: date) -> int:
    """How many people let this partner see whether they are OK."""
    return int(await conn.fetchval(SQL_SHARING, org_id, today))
