"""Who may know that something has changed in an incident."""

from __future__ import annotations

from uuid import UUID

from core.db import Connection
from core.model import Role

#: Roles that follow every incident: by cases, or by totals.
EVERYWHERE = frozenset({Role.COORDINATOR, Role.VOLUNTEER, Role.OPERATOR})

SQL_MAY_SEE = """
SELECT EXISTS (
    SELECT 1 FROM incident_resident ir JOIN membership m ON m.resident_id = ir.resident_id AND m.ended_at IS NULL
    WHERE ir.incident_id = $1
      AND (m.org_id = $2 OR ($3 AND m.org_id IN (SELECT other_id FROM org_relation
                                                 WHERE org_id = $2 AND kind = 'supervises'))))
"""


async def may_see(conn: Connection, incident_id: UUID, org_id: UUID, role: Role) -> bool:
    """Whether staff of an organisation may hear about an incident: it concerns their people, or they follow all."""
    if role in EVERYWHERE:
        return True
    return bool(await conn.fetchval(SQL_MAY_SEE, incident_id, org_id, role is Role.SUPERVISING))
