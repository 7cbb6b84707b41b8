"""An organisation's people as the API reads them: by id in pages, or one by the organisation's own number."""

from __future__ import annotations

from uuid import UUID

from core.db import Connection
from registry.people_store import PersonLine

_NOBODY = UUID(int=0)

SQL_MEMBERS = """
SELECT r.id, m.org_id, r.name, r.language, r.second_language, r.state, m.employee_id, m.dorm_id, m.room, m.shift,
       m.start_date, m.end_date, m.household, CASE WHEN m.household THEN '' ELSE coalesce(w.name, '') END AS site,
       coalesce(d.name, '') AS dorm,
       EXISTS (SELECT FROM resident_place p WHERE p.resident_id = r.id) AS has_place,
       CASE WHEN c.push THEN 'push' WHEN c.phone THEN 'phone' WHEN c.handle THEN 'handle' WHEN c.dead THEN 'dead'
            ELSE 'none' END AS reach
FROM membership m JOIN resident r ON r.id = m.resident_id
LEFT JOIN site w ON w.id = m.workplace_id
LEFT JOIN site d ON d.id = m.dorm_id
LEFT JOIN LATERAL (
    SELECT bool_or(k.channel = 'push' AND k.state IN ('unproven', 'proven')) AS push,
           bool_or(k.channel = 'phone' AND k.state IN ('unproven', 'proven')) AS phone,
           bool_or(k.kind = 'handle') AS handle,
           bool_or(k.state IN ('dead', 'opted_out')) AS dead
    FROM contact k WHERE k.resident_id = r.id
) c ON true
WHERE m.org_id = $1 AND m.ended_at IS NULL AND r.state <> 'left' AND r.id > $2 AND ($3 = '' OR m.employee_id = $3)
ORDER BY r.id LIMIT $4
"""


async def members_page(conn: Connection, org_id: UUID, after: UUID | None, limit: int) -> list[PersonLine]:
    """Live members in the order of their ids, from the one after `after`."""
    return await _lines(conn, org_id, after or _NOBODY, "", limit)


async def member(conn: Connection, org_id: UUID, employee_id: str) -> PersonLine | None:
    """The live member with this number; None if the organisation has none."""
    found = await _lines(conn, org_id, _NOBODY, employee_id, 1)
    return found[0] if found else None


async def _lines(conn: Connection, org_id: UUID, after: UUID, employee_id: str, limit: int) -> list[PersonLine]:
    rows = await conn.fetch(SQL_MEMBERS, org_id, after, employee_id, limit)
    return [PersonLine(**{name: row[name] for name in PersonLine.__dataclass_fields__}) for row in rows]
