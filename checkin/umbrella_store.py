"""Reading numbers for umbrella organisations: from functions that return counts and never a person's row."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from checkin.dashboard_store import Incident, incident_of, standing_of
from checkin.umbrella import Counted
from core.db import Connection

SQL_BELOW = """
SELECT o.id, o.name, o.kind FROM below_umbrella() b JOIN organisation o ON o.id = b.org_id ORDER BY o.name, o.id
"""


async def below(conn: Connection) -> dict[UUID, tuple[str, str]]:
    """The organisations below the umbrella of this request, at any depth: name and kind."""
    return {row["id"]: (row["name"], row["kind"]) for row in await conn.fetch(SQL_BELOW)}


SQL_INCIDENTS = """
SELECT i.id, i.purpose, i.hazard, i.title, i.severity, i.simulated, i.opened_at, i.closed_at,
       (SELECT a.context FROM alert a WHERE a.incident_id = i.id
        ORDER BY a.created_at DESC, a.id DESC LIMIT 1) AS context
FROM incident i JOIN umbrella_incidents() u ON u.incident_id = i.id
ORDER BY i.closed_at IS NOT NULL, i.purpose <> 'live', i.opened_at DESC
"""


async def incidents_below(conn: Connection) -> list[Incident]:
    """The newest incidents that touched anybody below: open before closed, live before drill."""
    return [incident_of(row) for row in await conn.fetch(SQL_INCIDENTS)]


SQL_TOTALS = "SELECT * FROM umbrella_totals($1, $2)"


async def counted_below(conn: Connection, incident_id: UUID, today: date) -> list[Counted]:
    """The people of every organisation below, counted by the facts that decide their state."""
    return [
        Counted(
            row["org_id"],
            row["told"],
            standing_of(row),
            row["people"],
        )
        for row in await conn.fetch(SQL_TOTALS, incident_id, today)
    ]
