"""Partners on a person's own page: which there are, and joining or leaving one by one's own hand."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.db import Connection, expect_rows

SQL_PARTNERS = """
SELECT o.id, o.name, m.resident_id IS NOT NULL AS joined,
       m.resident_id IS NOT NULL AND answer_shared($1, o.id) AS shares
FROM organisation o
LEFT JOIN membership m ON m.org_id = o.id AND m.resident_id = $1 AND m.ended_at IS NULL
WHERE o.kind = 'partner' AND o.closed_at IS NULL ORDER BY o.name, o.id
"""
SQL_JOIN = "SELECT join_partner($1, $2, $3)"
SQL_LEAVE = "SELECT leave_partner($1, $2, $3)"


class Partner(NamedTuple):
    """A partner organisation as a person meets it: with it or not, and whether it sees their answers."""

    id: UUID
    name: str
    joined: bool
    shares: bool


async def partners_of(conn: Connection, resident_id: UUID) -> list[Partner]:
    """Every partner, by name."""
    return [Partner(**dict(row.items())) for row in await conn.fetch(SQL_PARTNERS, resident_id)]


async def join(conn: Connection, resident_id: UUID, org_id: UUID, now: datetime) -> None:
    """Let a partner see the person from now on, in open incidents too. Raises WriteMismatch for what is no partner."""
    joined = await conn.fetchval(SQL_JOIN, resident_id, org_id, now)
    expect_rows(f"UPDATE {joined}", 1, "joining a partner")


async def leave(conn: Connection, resident_id: UUID, org_id: UUID, now: datetime) -> None:
    """End a partner's view. Raises WriteMismatch where there is none to end."""
    left = await conn.fetchval(SQL_LEAVE, resident_id, org_id, now)
    expect_rows(f"UPDATE {left}", 1, "leaving a partner")
