"""The people of some organisations with the state of their contacts: what the list of the unreached is judged from."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from checkin.unreached import Member
from core.db import Connection
from registry.access import site_shown
from registry.reach import ContactFacts

# Who paused alerts has chosen so, and is nobody to chase.
SQL_MEMBERS = """
SELECT r.id, m.org_id, r.name, r.state, m.employee_id, m.household, coalesce(w.name, '') AS site,
       coalesce(d.name, '') AS dorm,
       m.room, r.reach_by,
       r.created_at, r.enrolled_at, r.last_sign_at, k.states, k.proven, k.created
FROM membership m JOIN resident r ON r.id = m.resident_id
LEFT JOIN site w ON w.id = m.workplace_id
LEFT JOIN site d ON d.id = m.dorm_id
LEFT JOIN LATERAL (
    SELECT array_agg(c.state ORDER BY c.id) AS states, array_agg(c.proven_at ORDER BY c.id) AS proven,
           array_agg(c.created_at ORDER BY c.id) AS created
    FROM contact c WHERE c.resident_id = r.id AND c.kind = 'address'
) k ON true
WHERE m.org_id = ANY($1::uuid[]) AND m.ended_at IS NULL AND r.state IN ('invited', 'enrolled')
ORDER BY d.name NULLS LAST, m.room, r.name, r.id, m.org_id
"""


async def members(conn: Connection, orgs: Collection[UUID]) -> list[Member]:
    """Everybody who should be reached, by dorm, room and name; each person once."""
    found: dict[UUID, Member] = {}
    for row in await conn.fetch(SQL_MEMBERS, list(orgs)):
        facts = zip(row["states"] or (), row["proven"] or (), row["created"] or (), strict=True)
        found.setdefault(
            row["id"],
            Member(
                id=row["id"],
                org_id=row["org_id"],
                name=row["name"],
                state=row["state"],
                employee_id=row["employee_id"],
                site=site_shown(row["site"], household=row["household"]),
                dorm=row["dorm"],
                room=row["room"],
                reach_by=row["reach_by"],
                created_at=row["created_at"],
                enrolled_at=row["enrolled_at"],
                last_sign_at=row["last_sign_at"],
                contacts=tuple(ContactFacts(*one) for one in facts),
            ),
        )
    return list(found.values())
