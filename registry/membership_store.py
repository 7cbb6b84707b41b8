"""The end of a membership: the organisation's view of the person ends, the person stays."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from core.db import Connection, expect_rows

SQL_END_MEMBERSHIP = """
UPDATE membership SET end_date = $3, ended_at = $4 WHERE resident_id = $1 AND org_id = $2 AND ended_at IS NULL
"""
SQL_LEAVE_ORG = "SELECT leave_org($1, $2)"
SQL_NO_LONGER_LEADS = """
DELETE FROM site_leader l USING site s WHERE l.site_id = s.id AND s.org_id = $2 AND l.resident_id = $1
"""


async def end_membership(conn: Connection, resident_id: UUID, org_id: UUID, day: date, now: datetime) -> None:
    """End the organisation's view of a person. The person stays registered and is asked on their own page."""
    tag = await conn.execute(SQL_END_MEMBERSHIP, resident_id, org_id, day, now)
    expect_rows(tag, 1, "the membership that ends")
    await conn.execute(SQL_NO_LONGER_LEADS, resident_id, org_id)
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
