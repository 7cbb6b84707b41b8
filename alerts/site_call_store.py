"""Calls to who answers for a dorm, in the database: which are due, whom they reach, the message with its link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from alerts.compose import ComposedText
from alerts.rules import To
from core.clock import date_in_japan
from core.db import Connection, expect_rows
from core.model import Purpose, Severity

#: A step that could not be taken for longer than this (the service was down) is left out.
MAX_LATE: Final = timedelta(hours=1)
#: Which place of `site_leader` each step calls.
RANKS: Final = {To.LEADER: 1, To.DEPUTY: 2, To.NIGHT_CONTACT: 3}


@dataclass(frozen=True, slots=True)
class Asking:
    """An alert of an open incident that asked people whether they are safe."""

    id: UUID
    incident_id: UUID
    purpose: Purpose
    severity: Severity
    context: dict[str, Any]
    created_at: datetime
    expires_at: datetime
    key_enc: bytes


SQL_ASKING = """
SELECT a.id, a.incident_id, a.purpose, a.severity, a.context, a.created_at, a.expires_at, i.key_enc
FROM alert AS a JOIN incident AS i ON i.id = a.incident_id AND i.closed_at IS NULL AND i.key_enc IS NOT NULL
WHERE a.state = 'done' AND a.purpose <> 'canary' AND a.moment IN ('issue', 'update', 'correct')
  AND a.severity IN ('severe', 'extreme') AND a.created_at > $1
ORDER BY a.created_at FOR UPDATE OF a SKIP LOCKED
"""


async def asking(conn: Connection, since: datetime) -> list[Asking]:
    """The alerts that asked since then, the oldest first, locked until the transaction ends."""
    return [
        Asking(
            row["id"],
            row["incident_id"],
            Purpose(row["purpose"]),
            Severity(row["severity"]),
            row["context"],
            row["created_at"],
            row["expires_at"],
            row["key_enc"],
        )
        for row in await conn.fetch(SQL_ASKING, since)
    ]


@dataclass(frozen=True, slots=True)
class Called:
    """A dorm with silent people and who is to be called; without a contact nobody can be."""

    site_id: UUID
    dorm: str
    silent: int
    resident_id: UUID | None
    staff_id: UUID | None
    languages: tuple[str, ...]
    contact_id: UUID | None
    contact_channel: str | None
    link_id: UUID | None


# Who is called in the leader's place: the deputy, where the leader has no usable contact or said that they are away.
# Silent: asked by this alert, not answered since. Opened: a leader's page of this dorm was read since the alert, by
# whoever has its link (core.audit: "leader.read").
SQL_DUE = """
SELECT DISTINCT ON (s.id) s.id AS site_id, s.name AS dorm, n.silent::int, who.resident_id, who.staff_id,
       coalesce(who.language, '') AS language, coalesce(who.second_language, '') AS second_language,
       who.contact_id, who.contact_channel, l.id AS link_id
FROM (
    SELECT m.dorm_id, count(*) AS silent
    FROM alert_resident AS ar
    JOIN incident_resident AS ir ON ir.incident_id = $2 AND ir.resident_id = ar.resident_id AND ir.asked_at IS NOT NULL
         AND NOT ir.only_today AND (ir.status IS NULL OR ir.status_at < ir.asked_at)
    JOIN membership AS m ON m.resident_id = ar.resident_id AND m.ended_at IS NULL AND m.dorm_id IS NOT NULL
    WHERE ar.alert_id = $1 GROUP BY m.dorm_id
) AS n
JOIN site AS s ON s.id = n.dorm_id
LEFT JOIN LATERAL (
    SELECT sl.resident_id, sl.staff_id, coalesce(r.language, st.language) AS language, r.second_language,
           k.id AS contact_id, k.channel AS contact_channel, k.created_at, sl.rank, away.until IS NOT NULL AS away
    FROM site_leader AS sl
    LEFT JOIN resident AS r ON r.id = sl.resident_id AND r.state IN ('invited', 'enrolled')
    LEFT JOIN staff AS st ON st.id = sl.staff_id AND st.disabled_at IS NULL
    JOIN contact AS k ON (k.resident_id = r.id OR k.staff_id = st.id) AND k.kind = 'address'
         AND k.state NOT IN ('dead', 'opted_out') AND k.channel = ANY($5::text[])
    LEFT JOIN absence AS away ON away.resident_id = r.id AND away.said_by = 'self' AND away.until >= $7
    WHERE sl.site_id = s.id AND (sl.rank = $3 OR ($3 = 1 AND sl.rank = 2))
) AS who ON true
LEFT JOIN link AS l ON l.kind = 'leader' AND l.incident_id = $2 AND l.site_id = s.id AND l.revoked_at IS NULL
     AND (l.resident_id = who.resident_id OR l.staff_id = who.staff_id)
WHERE NOT EXISTS (SELECT FROM site_call AS c WHERE c.incident_id = $2 AND c.site_id = s.id AND c.step = $4)
  AND ($6::timestamptz IS NULL OR NOT EXISTS (
      SELECT FROM audit AS b WHERE b.action = 'leader.read' AND b.incident_id = $2 AND b.at >= $6
      AND b.detail ->> 'site' = s.id::text))
ORDER BY s.id, who.away, who.rank, array_position($5::text[], who.contact_channel), who.created_at, l.created_at DESC
"""


async def due(
    conn: Connection, alert: Asking, to: To, step: str, contacts: Sequence[str], unread_since: datetime | None
) -> list[Called]:
    """The dorms for which this step is to be taken now. `contacts`: kinds that can be used, the preferred first;
    `unread_since`: only dorms whose page nobody has opened since then."""
    today = date_in_japan(alert.created_at)
    rows = await conn.fetch(SQL_DUE, alert.id, alert.incident_id, RANKS[to], step, list(contacts), unread_since, today)
    return [
        Called(
            row["site_id"],
            row["dorm"],
            row["silent"],
            row["resident_id"],
            row["staff_id"],
            (row["language"], row["second_language"]),
            row["contact_id"],
            row["contact_channel"],
            row["link_id"],
        )
        for row in rows
    ]


SQL_CALLED = """
INSERT INTO site_call (incident_id, site_id, step, called_at, reached)
SELECT $1, t.site_id, $2, $3, t.reached FROM unnest($4::uuid[], $5::boolean[]) AS t (site_id, reached)
"""


async def note(conn: Connection, incident_id: UUID, step: str, called: Sequence[Called], now: datetime) -> None:
    """The step has been taken for these dorms, also where there was nobody to call."""
    tag = await conn.execute(
        SQL_CALLED,
        incident_id,
        step,
        now,
        [one.site_id for one in called],
        [one.contact_id is not None for one in called],
    )
    expect_rows(tag, len(called), f"calls of incident {incident_id}")


SQL_LINK = """
INSERT INTO link (id, kind, token_sha256, resident_id, site_id, staff_id, incident_id, created_at)
VALUES ($1, 'leader', $2, $3, $4, $5, $6, $7)
"""


async def new_link(
    conn: Connection, link_id: UUID, token_sha256: bytes, called: Called, incident_id: UUID, now: datetime
) -> None:
    """The leader's link of somebody who has none in this incident; of the token only its hash is kept."""
    await conn.execute(
        SQL_LINK, link_id, token_sha256, called.resident_id, called.site_id, called.staff_id, incident_id, now
    )


SQL_MESSAGE = """
WITH words AS (
    INSERT INTO alert_text (alert_id, key, language, channel, title, body, unreviewed, segments)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (alert_id, key) DO UPDATE SET key = excluded.key RETURNING id
)
INSERT INTO message (purpose, incident_id, alert_id, resident_id, staff_id, contact_id, channel, step, text_id, link_id,
                     priority, due_at, expires_at, created_at)
SELECT $9, $10, $1, $11, $12, $13, $4,
       (SELECT count(*) FROM message o WHERE o.alert_id = $1 AND o.incident_id = $10 AND o.link_id = $14)::int,
       words.id, $14, $15, $16, $17, $16
FROM words
"""


async def add_message(
    conn: Connection,
    alert: Asking,
    called: Called,
    *,
    step: str,
    text: ComposedText,
    channel: str,
    link_id: UUID,
    priority: int,
    now: datetime,
    expires_at: datetime,
) -> None:
    """One message into the outbox."""
    tag = await conn.execute(
        SQL_MESSAGE,
        alert.id,
        f"site:{step}:{called.site_id}",
        text.language,
        channel,
        text.title,
        text.body,
        text.unreviewed,
        text.segments,
        alert.purpose.value,
        alert.incident_id,
        called.resident_id,
        called.staff_id,
        called.contact_id,
        link_id,
        priority,
        now,
        expires_at,
    )
    expect_rows(tag, 1, f"the call to site {called.site_id}")
