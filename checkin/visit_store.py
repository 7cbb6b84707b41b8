"""Who is going to which dorm, in the database."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from alerts.outbox_store import INCIDENT_CHANNEL
from checkin.visits import SHOWN_AFTER, Visit
from core.db import Connection, Record, expect_rows, notify
from core.ids import uuid7
from core.model import Purpose

# Only to a dorm of the own organisation in which somebody was told.
SQL_SAY = """
INSERT INTO dorm_visit (id, incident_id, site_id, org_id, staff_id, arrives_at, said_at)
SELECT $1, $2, d.id, d.org_id, $5, $6, $7 FROM site d
WHERE d.id = $3 AND d.org_id = $4 AND d.kind = 'dorm' AND EXISTS (
    SELECT FROM membership m JOIN incident_resident ir ON ir.resident_id = m.resident_id AND ir.incident_id = $2
    WHERE m.dorm_id = d.id AND m.ended_at IS NULL AND NOT ir.only_today)
ON CONFLICT (incident_id, site_id, staff_id) DO UPDATE
SET arrives_at = excluded.arrives_at, said_at = excluded.said_at, withdrawn_at = NULL
"""


async def say_visit(
    conn: Connection,
    *,
    incident_id: UUID,
    site_id: UUID,
    org_id: UUID,
    staff_id: UUID,
    arrives_at: datetime,
    now: datetime,
) -> bool:
    """Keep that somebody is going to a dorm; a new time replaces the old. False if it is no dorm of theirs here."""
    tag = await conn.execute(SQL_SAY, uuid7(), incident_id, site_id, org_id, staff_id, arrives_at, now)
    if tag != "INSERT 0 1":
        return False
    await notify(conn, INCIDENT_CHANNEL, str(incident_id))
    return True


SQL_WITHDRAW = """
UPDATE dorm_visit SET withdrawn_at = $4
WHERE incident_id = $1 AND site_id = $2 AND staff_id = $3 AND withdrawn_at IS NULL
"""


async def withdraw_visit(conn: Connection, incident_id: UUID, site_id: UUID, staff_id: UUID, now: datetime) -> bool:
    """They are not going after all; False if they had not said so."""
    tag = await conn.execute(SQL_WITHDRAW, incident_id, site_id, staff_id, now)
    if tag == "UPDATE 0":
        return False
    expect_rows(tag, 1, "taking back a visit")
    await notify(conn, INCIDENT_CHANNEL, str(incident_id))
    return True


SQL_OF_ORG = """
SELECT v.site_id, d.name AS dorm, v.staff_id, s.name, v.arrives_at
FROM dorm_visit v JOIN site d ON d.id = v.site_id JOIN staff s ON s.id = v.staff_id AND s.disabled_at IS NULL
WHERE v.incident_id = $1 AND v.org_id = $2 AND v.withdrawn_at IS NULL AND v.arrives_at > $3
ORDER BY d.name, v.arrives_at
"""


async def visits_of(conn: Connection, incident_id: UUID, org_id: UUID, now: datetime) -> list[Visit]:
    """Who of an organisation is on the way to its dorms in an incident."""
    return _visits(await conn.fetch(SQL_OF_ORG, incident_id, org_id, now - SHOWN_AFTER))


SQL_TO_SITES = """
SELECT v.site_id, d.name AS dorm, v.staff_id, s.name, v.arrives_at
FROM dorm_visit v
JOIN incident i ON i.id = v.incident_id AND i.closed_at IS NULL AND i.purpose = $2
JOIN site d ON d.id = v.site_id JOIN staff s ON s.id = v.staff_id AND s.disabled_at IS NULL
WHERE v.site_id = ANY($1::uuid[]) AND v.withdrawn_at IS NULL AND v.arrives_at > $3
ORDER BY d.name, v.arrives_at
"""


async def visits_to(conn: Connection, sites: Collection[UUID], purpose: Purpose, now: datetime) -> list[Visit]:
    """Who is on the way to these dorms, in any open incident of a purpose."""
    if not sites:
        return []
    return _visits(await conn.fetch(SQL_TO_SITES, list(sites), purpose.value, now - SHOWN_AFTER))


def _visits(rows: list[Record]) -> list[Visit]:
    return [Visit(**dict(row.items())) for row in rows]
