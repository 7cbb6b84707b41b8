"""Who answers for a dorm whose people were asked, and the one message they get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from alerts.compose import ComposedText
from alerts.fanout_store import AlertRow
from core.clock import date_in_japan
from core.db import Connection, expect_rows


@dataclass(frozen=True, slots=True)
class Leader:
    """A leader or deputy of a dorm with one usable contact. `people`: how many of the dorm were asked."""

    site_id: UUID
    dorm: str
    people: int
    resident_id: UUID | None
    staff_id: UUID | None
    languages: tuple[str, ...]
    contact_id: UUID
    contact_channel: str


# Per dorm without a leader link in this incident: the leader, or the deputy where the leader has no usable contact or
# said that they are away; an SMS before a notification, because the leader is called upon once only. Where both are
# away the leader is called all the same: they may know who is there.
SQL_LEADERS = """
SELECT DISTINCT ON (s.id) s.id AS site_id, s.name AS dorm, n.people::int, sl.resident_id, sl.staff_id,
       coalesce(r.language, st.language) AS language, coalesce(r.second_language, '') AS second_language,
       k.id AS contact_id, k.channel AS contact_channel
FROM (
    SELECT m.dorm_id, count(*) AS people
    FROM alert_resident AS ar
    JOIN incident_resident AS ir ON ir.incident_id = $2 AND ir.resident_id = ar.resident_id AND ir.asked_at IS NOT NULL
         AND NOT ir.only_today
    JOIN membership AS m ON m.resident_id = ar.resident_id AND m.ended_at IS NULL AND m.dorm_id IS NOT NULL
    WHERE ar.alert_id = $1 GROUP BY m.dorm_id
) AS n
JOIN site AS s ON s.id = n.dorm_id
JOIN site_leader AS sl ON sl.site_id = s.id AND sl.rank <= 2
LEFT JOIN resident AS r ON r.id = sl.resident_id AND r.state IN ('invited', 'enrolled')
LEFT JOIN staff AS st ON st.id = sl.staff_id AND st.disabled_at IS NULL
JOIN contact AS k ON (k.resident_id = r.id OR k.staff_id = st.id) AND k.kind = 'address'
     AND k.state NOT IN ('dead', 'opted_out') AND k.channel = ANY($3::text[])
LEFT JOIN absence AS away ON away.resident_id = r.id AND away.said_by = 'self' AND away.until >= $4
WHERE NOT EXISTS (SELECT 1 FROM link AS l WHERE l.kind = 'leader' AND l.incident_id = $2 AND l.site_id = s.id)
ORDER BY s.id, away.until IS NOT NULL, sl.rank, array_position($3::text[], k.channel), k.created_at
"""


async def leaders_of(conn: Connection, alert: AlertRow, contacts: Sequence[str]) -> list[Leader]:
    """The leaders to call for this alert. `contacts`: contact channels that can be used, the preferred one first."""
    return [
        Leader(
            row["site_id"],
            row["dorm"],
            row["people"],
            row["resident_id"],
            row["staff_id"],
            (row["language"], row["second_language"]),
            row["contact_id"],
            row["contact_channel"],
        )
        for row in await conn.fetch(
            SQL_LEADERS, alert.id, alert.incident_id, list(contacts), date_in_japan(alert.created_at)
        )
    ]


SQL_LEADER_MESSAGE = """
WITH made AS (
    INSERT INTO link (id, kind, token_sha256, resident_id, site_id, staff_id, incident_id, created_at)
    VALUES ($1, 'leader', $2, $3, $4, $5, $6, $7) RETURNING id
), words AS (
    INSERT INTO alert_text (alert_id, key, language, channel, title, body, unreviewed, segments)
    VALUES ($8, 'leader:' || $4::uuid::text, $9, $10, $11, $12, $13, $14) RETURNING id
)
INSERT INTO message (purpose, incident_id, alert_id, resident_id, staff_id, contact_id, channel, step, text_id, link_id,
                     priority, due_at, expires_at, created_at)
SELECT $15, $6, $8, $3, $5, $16, $10, 0, words.id, made.id, $17, $7, $18, $7 FROM made, words
"""


async def insert_leader_message(
    conn: Connection,
    alert: AlertRow,
    leader: Leader,
    *,
    link_id: UUID,
    token_sha256: bytes,
    text: ComposedText,
    channel: str,
    priority: int,
    now: datetime,
) -> None:
    """The leader's link, text and message."""
    tag = await conn.execute(
        SQL_LEADER_MESSAGE,
        link_id,
        token_sha256,
        leader.resident_id,
        leader.site_id,
        leader.staff_id,
        alert.incident_id,
        now,
        alert.id,
        text.language,
        channel,
        text.title,
        text.body,
        text.unreviewed,
        text.segments,
        alert.purpose.value,
        leader.contact_id,
        priority,
        alert.expires_at,
    )
    expect_rows(tag, 1, f"the message to the leader of site {leader.site_id}")
