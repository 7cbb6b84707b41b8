"""Counting opened telephone numbers, and the alarms about too many of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from checkin.reveals import WINDOW, Revealed, too_many
from core.db import Connection, Pool, expect_rows, transaction
from core.model import Role

#: How long an alarm stays on the status page.
SHOWN_FOR = timedelta(days=7)

# A position is read again whenever its page renews itself: of these each person counts once.
SQL_REVEALED = """
SELECT a.staff_id, a.org_id,
       (count(*) FILTER (WHERE a.action = 'board.reveal')
        + count(DISTINCT s.person) FILTER (WHERE a.action = 'board.location'))::int AS number,
       (SELECT max(o.at) FROM ops_alarm o WHERE o.kind = 'reveals' AND o.staff_id = a.staff_id) AS alarmed_at
FROM audit a CROSS JOIN LATERAL unnest(a.subjects) AS s (person)
WHERE a.action IN ('board.reveal', 'board.location') AND a.at > $1 AND a.staff_id IS NOT NULL AND a.org_id IS NOT NULL
GROUP BY a.staff_id, a.org_id
"""
SQL_RAISE = "INSERT INTO ops_alarm (kind, at, staff_id, org_id, number) VALUES ('reveals', $1, $2, $3, $4)"


async def raise_reveal_alarms(pool: Pool, now: datetime) -> list[Revealed]:
    """Write an alarm for everybody who opened too many numbers in the last minutes, and return them."""
    async with transaction(pool) as conn:
        rows = await conn.fetch(SQL_REVEALED, now - WINDOW)
        found = too_many((Revealed(**dict(row.items())) for row in rows), now)
        for one in found:
            tag = await conn.execute(SQL_RAISE, now, one.staff_id, one.org_id, one.number)
            expect_rows(tag, 1, "an alarm about opened numbers")
    return found


# A network's coordinator also answers for the volunteers of its member groups. Where row-level security hides the
# person, the group's name stands for them.
SQL_ALARMS = """
SELECT o.at, coalesce(s.name, g.name) AS name, o.number
FROM ops_alarm o JOIN organisation g ON g.id = o.org_id LEFT JOIN staff s ON s.id = o.staff_id
WHERE o.at > $1 AND ($2 OR o.org_id = $3
                     OR o.org_id IN (SELECT r.other_id FROM org_relation r WHERE r.org_id = $3 AND r.kind = 'member'))
ORDER BY o.at DESC LIMIT 20
"""


async def reveal_alarms(conn: Connection, role: Role, org_id: UUID, now: datetime) -> list[tuple[datetime, str, int]]:
    """The alarms of the last week as (when, whose name, how many people); for operators all, for coordinators their
    own network's, for nobody else any."""
    if role not in (Role.OPERATOR, Role.COORDINATOR):
        return []
    rows = await conn.fetch(SQL_ALARMS, now - SHOWN_FOR, role is Role.OPERATOR, org_id)
    return [(row["at"], row["name"], row["number"]) for row in rows]
