"""What the API reads besides the dashboard's own rows."""

from __future__ import annotations

from uuid import UUID

from core.db import Connection

SQL_EMPLOYEE_IDS = """
SELECT resident_id, employee_id FROM membership WHERE org_id = $1 AND ended_at IS NULL AND employee_id <> ''
"""


async def employee_ids(conn: Connection, org_id: UUID) -> dict[UUID, str]:
    """The organisation's own numbers of its live members."""
    return {row["resident_id"]: row["employee_id"] for row in await conn.fetch(SQL_EMPLOYEE_IDS, org_id)}
