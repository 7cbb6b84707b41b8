"""Undelivered messages in the database: counted by reason, and put back into the outbox by reason."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from alerts.outbox_store import MESSAGES_CHANNEL
from alerts.undelivered import Undelivered
from core.db import Connection, notify

# What can go out once more: it failed (what expired is not true any more), and its address still works. Who has
# answered is not asked again; a correction goes to them all the same.
SQL_GROUPS = """
SELECT m.incident_id, i.title, i.hazard, m.purpose, m.channel, coalesce(m.error_code, '') AS code,
       count(*)::int AS messages,
       count(DISTINCT m.resident_id) FILTER (WHERE NOT o.reached AND ir.status IS NULL)::int AS without,
       count(*) FILTER (WHERE m.state = 'failed' AND m.expires_at > $1 AND NOT o.answered AND k.state IS NOT NULL
                        AND k.state NOT IN ('dead', 'opted_out'))::int AS again,
       max(coalesce(m.done_at, m.created_at)) AS newest_at
FROM message AS m
JOIN incident AS i ON i.id = m.incident_id AND i.closed_at IS NULL
JOIN alert AS a ON a.id = m.alert_id
LEFT JOIN contact AS k ON k.id = m.contact_id
LEFT JOIN incident_resident AS ir ON ir.incident_id = m.incident_id AND ir.resident_id = m.resident_id
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM message AS n WHERE n.incident_id = m.incident_id AND n.resident_id = m.resident_id
                   AND n.alert_id = m.alert_id AND n.state IN ('sent', 'delivered')) AS reached,
           coalesce(a.moment IN ('issue', 'update', 'reminder') AND ir.status_at >= a.created_at, false) AS answered
) AS o
WHERE m.state IN ('failed', 'expired') AND m.purpose <> 'canary'
GROUP BY m.incident_id, i.title, i.hazard, i.opened_at, m.purpose, m.channel, coalesce(m.error_code, '')
ORDER BY m.purpose = 'live' DESC, i.opened_at DESC, m.incident_id, messages DESC, m.channel, code
LIMIT 500
"""


async def groups(conn: Connection, now: datetime) -> list[Undelivered]:
    """What did not arrive in open incidents, the newest live incident first."""
    return [Undelivered(**dict(row)) for row in await conn.fetch(SQL_GROUPS, now)]


SQL_COUNTED = """
SELECT m.channel, coalesce(m.error_code, '') AS code, count(*)::int AS messages
FROM message AS m JOIN incident AS i ON i.id = m.incident_id AND i.closed_at IS NULL
WHERE m.state IN ('failed', 'expired') AND m.purpose <> 'canary' GROUP BY 1, 2 ORDER BY 1, 2
"""


async def counted(conn: Connection) -> dict[tuple[str, str], int]:
    """Undelivered messages of open incidents by (channel, code)."""
    return {(row["channel"], row["code"]): row["messages"] for row in await conn.fetch(SQL_COUNTED)}


SQL_OF_INCIDENT = """
SELECT count(*)::int FROM message
WHERE incident_id = $1 AND resident_id IS NOT NULL AND state IN ('failed', 'expired')
"""


async def count_of(conn: Connection, incident_id: UUID) -> int:
    """Undelivered messages of one incident to the people whom the caller may see."""
    number: int = await conn.fetchval(SQL_OF_INCIDENT, incident_id)
    return number


# As new: five tries, at once. A question becomes needless by an answer that comes meanwhile.
SQL_REQUEUE = """
WITH again AS (
    SELECT m.id FROM message AS m
    JOIN incident AS i ON i.id = m.incident_id AND i.closed_at IS NULL AND i.key_enc IS NOT NULL
    JOIN alert AS a ON a.id = m.alert_id
    JOIN contact AS k ON k.id = m.contact_id AND k.state NOT IN ('dead', 'opted_out')
    LEFT JOIN incident_resident AS ir ON ir.incident_id = m.incident_id AND ir.resident_id = m.resident_id
    WHERE m.incident_id = $1 AND m.channel = $2 AND coalesce(m.error_code, '') = $3 AND m.state = 'failed'
      AND m.expires_at > $4 AND m.purpose <> 'canary'
      AND NOT coalesce(a.moment IN ('issue', 'update', 'reminder') AND ir.status_at >= a.created_at, false)
    FOR UPDATE OF m SKIP LOCKED
)
UPDATE message AS m SET state = 'pending', due_at = $4, attempts = 0, done_at = NULL, error_code = 'requeued',
    error = NULL
FROM again WHERE m.id = again.id
"""


async def requeue(conn: Connection, incident_id: UUID, channel: str, code: str, now: datetime) -> int:
    """Put the messages of one group back into the outbox, as far as they are still true; how many."""
    tag = await conn.execute(SQL_REQUEUE, incident_id, channel, code, now)
    number = int(tag.rpartition(" ")[2])
    if number:
        await notify(conn, MESSAGES_CHANNEL, str(incident_id))
    return number
