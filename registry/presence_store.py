"""Absences and short stays in the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from core.db import Connection, expect_rows
from registry.personal_store import stop
from registry.presence import Absence, Kind

SQL_SET = """
INSERT INTO absence (resident_id, said_by, kind, until, org_id, created_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (resident_id, said_by) DO UPDATE
SET kind = excluded.kind, until = excluded.until, org_id = excluded.org_id, created_at = excluded.created_at
"""
SQL_CLEAR = "DELETE FROM absence WHERE resident_id = $1 AND said_by = ANY($2::text[])"


async def set_own(conn: Connection, resident_id: UUID, absence: Absence, now: datetime) -> None:
    """The person says that they are away; an organisation's proposal is settled by it."""
    tag = await conn.execute(SQL_SET, resident_id, "self", absence.kind.value, absence.until, None, now)
    expect_rows(tag, 1, "an absence")
    await conn.execute(SQL_CLEAR, resident_id, ["employer"])


async def propose(conn: Connection, resident_id: UUID, org_id: UUID, absence: Absence, now: datetime) -> None:
    """An organisation believes that somebody is away: shown, and without effect until the person says so."""
    tag = await conn.execute(SQL_SET, resident_id, "employer", absence.kind.value, absence.until, org_id, now)
    expect_rows(tag, 1, "a proposed absence")


async def clear(conn: Connection, resident_id: UUID) -> None:
    """The person is there: their own word and any proposal end."""
    await conn.execute(SQL_CLEAR, resident_id, ["self", "employer"])


async def withdraw(conn: Connection, resident_id: UUID) -> None:
    """An organisation takes its proposal back."""
    await conn.execute(SQL_CLEAR, resident_id, ["employer"])


class Presence(NamedTuple):
    """What is said about where a person is. `proposed_by`: the organisation's name, "" without a proposal."""

    own: Absence | None
    proposed: Absence | None
    proposed_by: str
    stay_until: date | None


SQL_READ = """
SELECT r.id, r.stay_until, s.kind AS own_kind, s.until AS own_until, e.kind, e.until, coalesce(o.name, '') AS org
FROM resident r
LEFT JOIN absence s ON s.resident_id = r.id AND s.said_by = 'self' AND s.until >= $2
LEFT JOIN absence e ON e.resident_id = r.id AND e.said_by = 'employer' AND e.until >= $2
LEFT JOIN organisation o ON o.id = e.org_id
WHERE r.id = ANY($1::uuid[])
"""


async def read_presences(conn: Connection, residents: Collection[UUID], today: date) -> dict[UUID, Presence]:
    """Where these people are, by resident; everybody asked for who exists."""
    return {
        row["id"]: Presence(
            Absence(Kind(row["own_kind"]), row["own_until"]) if row["own_kind"] else None,
            Absence(Kind(row["kind"]), row["until"], own=False) if row["kind"] else None,
            row["org"],
            row["stay_until"],
        )
        for row in await conn.fetch(SQL_READ, list(residents), today)
    }


SQL_SET_STAY = "UPDATE resident SET stay_until = $2 WHERE id = $1"


async def set_stay(conn: Connection, resident_id: UUID, until: date | None) -> None:
    """The last day of a short stay; None for a stay without an end."""
    expect_rows(await conn.execute(SQL_SET_STAY, resident_id, until), 1, "the length of a stay")


SQL_LEAVE_DORM = """
UPDATE membership SET dorm_id = NULL, room = '' WHERE resident_id = $1 AND ended_at IS NULL AND dorm_id IS NOT NULL
"""
SQL_LEAD_NO_DORM = """
DELETE FROM site_leader l USING site s WHERE l.site_id = s.id AND s.kind = 'dorm' AND l.resident_id = $1
"""
SQL_FORGET_HOME = "DELETE FROM resident_place WHERE resident_id = $1 AND kind = 'home'"


async def move_out(conn: Connection, resident_id: UUID) -> None:
    """The person no longer lives where they lived: nobody looks for them in the dorm, and its alerts are not theirs."""
    await conn.execute(SQL_LEAD_NO_DORM, resident_id)  # while the dorm is still theirs to see
    await conn.execute(SQL_LEAVE_DORM, resident_id)
    await conn.execute(SQL_FORGET_HOME, resident_id)


SQL_END_ABSENCES = "DELETE FROM absence WHERE until < $1"
SQL_ENDED_STAYS = """
SELECT id FROM resident WHERE stay_until < $1 AND state <> 'left' ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED
"""


async def end_due(conn: Connection, today: date, now: datetime) -> int:
    """Absences and short stays whose last day (in Japan) is over end; how many stays. For the tend loop."""
    await conn.execute(SQL_END_ABSENCES, today)
    ended: Sequence[UUID] = [row["id"] for row in await conn.fetch(SQL_ENDED_STAYS, today)]
    for resident_id in ended:
        await stop(conn, resident_id, now)
    return len(ended)
