"""An organisation's people as the API reads them: by id in pages, or one by the organisation's own number."""

from __future__ import annotations

from uuid import UUID

from core.db import Connection
from registry.people_store import SELECT_LINE, PersonLine, line_of

_NOBODY = UUID(int=0)

SQL_MEMBERS = (
    SELECT_LINE
    + """
WHERE m.org_id = $1 AND m.ended_at IS NULL AND r.state <> 'left' AND r.id > $2 AND ($3 = '' OR m.employee_id = $3)
ORDER BY r.id LIMIT $4
"""
)


async def members_page(conn: Connection, org_id: UUID, after: UUID | None, limit: int) -> list[PersonLine]:
    """Live members in the order of their ids, from the one after `after`."""
    return await _lines(conn, org_id, after or _NOBODY, "", limit)


async def member(conn: Connection, org_id: UUID, employee_id: str) -> PersonLine | None:
    """The live member with this number; None if the organisation has none."""
    found = await _lines(conn, org_id, _NOBODY, employee_id, 1)
    return found[0] if found else None


async def _lines(conn: Connection, org_id: UUID, after: UUID, employee_id: str, limit: int) -> list[PersonLine]:
    rows = await conn.fetch(SQL_MEMBERS, org_id, after, employee_id, limit)
    lines = [line_of(row) for row in rows]
    return [line._replace(site="") if line.household else line for line in lines]
