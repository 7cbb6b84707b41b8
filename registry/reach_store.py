"""Which contacts and people have given a sign: read from answers before the purge deletes them, kept as three dates."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from core.db import Connection

#: How far back answers are looked at: longer than the purge keeps them after an incident of ordinary length.
LOOK_BACK: Final = timedelta(days=60)

# An own answer proves the contact whose message brought the link: the last one sent before the tap. An answer by the
# button of a notification can only have come by push. A provider's receipts prove their contact at once, in alerts/.
SQL_PROVE = """
WITH brought AS (
    SELECT m.contact_id, max(c.tapped_at) AS at
    FROM check_in c JOIN link l ON l.id = c.link_id AND l.resident_id = c.resident_id
    CROSS JOIN LATERAL (
        SELECT m.contact_id FROM message m
        WHERE m.incident_id = l.incident_id AND m.resident_id = l.resident_id AND m.link_id = l.id
          AND m.contact_id IS NOT NULL AND m.sent_at <= c.received_at AND (c.via <> 'push' OR m.channel = 'push')
        ORDER BY m.sent_at DESC, m.id DESC LIMIT 1
    ) m
    WHERE c.answered_by = 'self' AND c.purpose <> 'canary' AND c.received_at >= $1
    GROUP BY m.contact_id
)
UPDATE contact k SET state = 'proven', proven_at = b.at, state_reason = ''
FROM brought b WHERE k.id = b.contact_id AND k.state IN ('unproven', 'proven')
  AND (k.proven_at IS NULL OR k.proven_at < b.at)
"""
SQL_SIGNS = """
WITH sign AS (
    SELECT resident_id, max(at) AS at FROM (
        SELECT resident_id, received_at AS at FROM check_in
        WHERE answered_by = 'self' AND purpose <> 'canary' AND received_at >= $1
        UNION ALL
        SELECT resident_id, at FROM consent WHERE basis <> 'invitation' AND at >= $1
    ) AS both_kinds GROUP BY resident_id
)
UPDATE resident r SET last_sign_at = sign.at FROM sign
WHERE r.id = sign.resident_id AND (r.last_sign_at IS NULL OR r.last_sign_at < sign.at)
"""
SQL_DEAD_SINCE = "UPDATE contact SET dead_since = $1 WHERE state = 'dead' AND dead_since IS NULL"
SQL_ALIVE_AGAIN = "UPDATE contact SET dead_since = NULL WHERE state <> 'dead' AND dead_since IS NOT NULL"


async def note_signs(conn: Connection, now: datetime) -> int:
    """Bring the dates up to date: contacts proven by answers, people's own newest sign, since when addresses are dead.

    Saying it twice changes nothing. Returns how many rows changed.
    """
    since = now - LOOK_BACK
    tags = (
        await conn.execute(SQL_PROVE, since),
        await conn.execute(SQL_SIGNS, since),
        await conn.execute(SQL_DEAD_SINCE, now),
        await conn.execute(SQL_ALIVE_AGAIN),
    )
    return sum(int(tag.rpartition(" ")[2]) for tag in tags)
