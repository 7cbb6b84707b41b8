"""Deputies and the duty list in the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from core.clock import date_in_japan
from core.db import Connection
from core.ids import uuid7
from registry.duty import StandIn, with_deputies

# Without an entry nobody is forgotten: then everybody who could be on duty is. Volunteers are only if the list says so.
SQL_ON_DUTY = """
SELECT s.id, EXISTS (SELECT FROM duty d WHERE d.staff_id = s.id AND d.org_id = s.org_id AND d.removed_at IS NULL
                     AND d.starts_at <= $2 AND d.ends_at > $2) AS listed, s.role = 'volunteer' AS volunteer
FROM staff s WHERE s.org_id = $1 AND s.disabled_at IS NULL ORDER BY s.created_at, s.id
"""
SQL_STAND_INS = """
SELECT d.staff_id, d.deputy_id, d.from_day, d.until_day FROM deputy d
JOIN staff s ON s.id = d.deputy_id AND s.disabled_at IS NULL
WHERE d.staff_id = ANY($1::uuid[]) AND d.revoked_at IS NULL AND d.until_day >= $2 ORDER BY d.from_day, d.id
"""


async def on_duty(conn: Connection, org_id: UUID, now: datetime) -> list[UUID]:
    """The staff of an organisation to be told first now, with the deputies of those who are away.

    The duty list decides; at a time nobody is listed for, all of the organisation's staff but its volunteers.
    """
    rows = await conn.fetch(SQL_ON_DUTY, org_id, now)
    listed = [row["id"] for row in rows if row["listed"]]
    return await with_stand_ins(conn, listed or [row["id"] for row in rows if not row["volunteer"]], now)


async def with_stand_ins(conn: Connection, staff_ids: Sequence[UUID], now: datetime) -> list[UUID]:
    """These members of staff, each followed by whoever acts for them today."""
    rows = await conn.fetch(SQL_STAND_INS, list(staff_ids), date_in_japan(now))
    return with_deputies(staff_ids, [StandIn(**dict(row.items())) for row in rows], now)


# ---------------------------------------------------------------- the duty list


class Duty(NamedTuple):
    """One entry of the duty list; it ends before `ends_at`."""

    id: UUID
    org_id: UUID
    staff_id: UUID
    name: str
    starts_at: datetime
    ends_at: datetime

    def running(self, now: datetime) -> bool:
        return self.starts_at <= now < self.ends_at


SQL_DUTIES = """
SELECT d.id, d.org_id, d.staff_id, s.name, d.starts_at, d.ends_at FROM duty d JOIN staff s ON s.id = d.staff_id
WHERE d.org_id = ANY($1::uuid[]) AND d.removed_at IS NULL AND d.ends_at > $2 AND s.disabled_at IS NULL
ORDER BY d.starts_at, d.ends_at, s.name
"""


async def duties_of(conn: Connection, orgs: Collection[UUID], now: datetime) -> list[Duty]:
    """What is running and what comes, earliest first."""
    return [Duty(**dict(row.items())) for row in await conn.fetch(SQL_DUTIES, list(orgs), now)]


# Only somebody of the organisation itself can be put on its list.
SQL_ADD_DUTY = """
INSERT INTO duty (id, org_id, staff_id, starts_at, ends_at, created_by, created_at)
SELECT $1, s.org_id, s.id, $4, $5, $6, $7 FROM staff s WHERE s.id = $3 AND s.org_id = $2 AND s.disabled_at IS NULL
"""
SQL_REMOVE_DUTY = "UPDATE duty SET removed_at = $3 WHERE id = $1 AND org_id = $2 AND removed_at IS NULL"


async def add_duty(
    conn: Connection,
    *,
    org_id: UUID,
    staff_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    by: UUID,
    now: datetime,
) -> bool:
    """Put somebody on the list; False if they are not of this organisation."""
    tag = await conn.execute(SQL_ADD_DUTY, uuid7(), org_id, staff_id, starts_at, ends_at, by, now)
    return bool(tag == "INSERT 0 1")


async def remove_duty(conn: Connection, duty_id: UUID, org_id: UUID, now: datetime) -> bool:
    """Take an entry off the list; False if it is not on this organisation's."""
    return bool(await conn.execute(SQL_REMOVE_DUTY, duty_id, org_id, now) == "UPDATE 1")


# ---------------------------------------------------------------- deputies


class Deputy(NamedTuple):
    """One entry of who acts for whom, as the team page shows it."""

    id: UUID
    staff_id: UUID
    name: str
    deputy_id: UUID
    deputy_name: str
    from_day: date
    until_day: date


SQL_DEPUTIES = """
SELECT d.id, d.staff_id, s.name, d.deputy_id, p.name AS deputy_name, d.from_day, d.until_day
FROM deputy d JOIN staff s ON s.id = d.staff_id JOIN staff p ON p.id = d.deputy_id
WHERE d.org_id = $1 AND d.revoked_at IS NULL AND d.until_day >= $2 AND s.disabled_at IS NULL AND p.disabled_at IS NULL
ORDER BY d.from_day, s.name, d.id
"""


async def deputies_of(conn: Connection, org_id: UUID, today: date) -> list[Deputy]:
    """Who acts for whom in an organisation, today and later."""
    return [Deputy(**dict(row.items())) for row in await conn.fetch(SQL_DEPUTIES, org_id, today)]


# The same organisation, and never oneself.
SQL_NAME_DEPUTY = """
INSERT INTO deputy (id, org_id, staff_id, deputy_id, from_day, until_day, created_by, created_at)
SELECT $1, s.org_id, s.id, p.id, $5, $6, $7, $8
FROM staff s JOIN staff p ON p.org_id = s.org_id AND p.id <> s.id AND p.disabled_at IS NULL
WHERE s.id = $3 AND p.id = $4 AND s.org_id = $2 AND s.disabled_at IS NULL
"""
SQL_REVOKE_DEPUTY = "UPDATE deputy SET revoked_at = $3 WHERE id = $1 AND org_id = $2 AND revoked_at IS NULL"


async def name_deputy(
    conn: Connection,
    *,
    org_id: UUID,
    staff_id: UUID,
    deputy_id: UUID,
    days: tuple[date, date],
    by: UUID,
    now: datetime,
) -> bool:
    """Let a colleague act for somebody on `days` (first, last); False unless both are of this organisation."""
    tag = await conn.execute(SQL_NAME_DEPUTY, uuid7(), org_id, staff_id, deputy_id, *days, by, now)
    return bool(tag == "INSERT 0 1")


async def revoke_deputy(conn: Connection, entry_id: UUID, org_id: UUID, now: datetime) -> bool:
    """End an entry at once; False if it is not this organisation's."""
    return bool(await conn.execute(SQL_REVOKE_DEPUTY, entry_id, org_id, now) == "UPDATE 1")
