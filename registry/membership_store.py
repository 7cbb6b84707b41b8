"""The end of a membership: the organisation's view of the person ends, the person stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from core.db import Connection, expect_rows

SQL_END_MEMBERSHIP = """
UPDATE membership SET end_date = $3, ended_at = $4 WHERE resident_id = $1 AND org_id = $2 AND ended_at IS NULL
"""
# The former workplace warns them no more; the dorm does until they say where they live now.
SQL_NO_LONGER_WORKS = """
DELETE FROM resident_place rp USING membership m JOIN site s ON s.id = m.workplace_id
WHERE rp.resident_id = $1 AND rp.kind = 'work' AND rp.place_id = s.place_id AND m.resident_id = $1 AND m.org_id = $2
"""
# While the row is still visible to whoever ends the membership.
SQL_ASK_STAY = "UPDATE resident SET ask_stay_at = coalesce(ask_stay_at, $2) WHERE id = $1 AND state <> 'left'"
SQL_LEAVE_ORG = "SELECT leave_org($1, $2)"
SQL_NO_LONGER_LEADS = """
DELETE FROM site_leader l USING site s WHERE l.site_id = s.id AND s.org_id = $2 AND l.resident_id = $1
"""


async def end_membership(conn: Connection, resident_id: UUID, org_id: UUID, day: date, now: datetime) -> None:
    """End the organisation's view of a person. The person stays registered and is asked on their own page."""
    tag = await conn.execute(SQL_END_MEMBERSHIP, resident_id, org_id, day, now)
    expect_rows(tag, 1, "the membership that ends")
    await conn.execute(SQL_NO_LONGER_LEADS, resident_id, org_id)
    await conn.execute(SQL_NO_LONGER_WORKS, resident_id, org_id)
    await conn.execute(SQL_ASK_STAY, resident_id, now)
    left = await conn.fetchval(SQL_LEAVE_ORG, resident_id, org_id)
    expect_rows(f"UPDATE {left}", 1, "the person who leaves")


SQL_DUE_ENDS = """
SELECT resident_id, org_id, end_date FROM membership WHERE ended_at IS NULL AND end_date <= $1 ORDER BY resident_id
"""


async def end_due_memberships(conn: Connection, today: date, now: datetime) -> int:
    """End every membership whose last day (in Japan) has come; how many. For the tend loop, inside a transaction."""
    due = await conn.fetch(SQL_DUE_ENDS, today)
    for row in due:
        await end_membership(conn, row["resident_id"], row["org_id"], row["end_date"], now)
    return len(due)


SQL_SET_HOUSEHOLD = "UPDATE membership SET household = $3 WHERE resident_id = $1 AND org_id = $2 AND ended_at IS NULL"


SQL_SET_HOUSEHOLDS = """
UPDATE membership m SET household = u.household
FROM unnest($1::uuid[], $2::uuid[], $3::boolean[]) AS u (id, org_id, household)
WHERE m.resident_id = u.id AND m.org_id = u.org_id
"""


async def set_households(conn: Connection, said: Sequence[tuple[UUID, UUID, bool | None]]) -> None:
    """Of many (resident, organisation) whether the workplace is somebody's home; None says nothing about it."""
    known = [(resident_id, org_id, household) for resident_id, org_id, household in said if household is not None]
    if known:
        tag = await conn.execute(SQL_SET_HOUSEHOLDS, *(list(column) for column in zip(*known, strict=True)))
        expect_rows(tag, len(known), "memberships of household workers")


async def set_household(conn: Connection, resident_id: UUID, org_id: UUID, *, household: bool) -> None:
    """Note that a person works in somebody's home. Raises WriteMismatch without a live membership."""
    expect_rows(await conn.execute(SQL_SET_HOUSEHOLD, resident_id, org_id, household), 1, "the membership")
