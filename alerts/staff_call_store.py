"""Messages to staff in the database: which alerts they have not heard of, whom to tell, the message with its link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from alerts.compose import ComposedText
from alerts.staff_ladder import Contact, Way
from core.db import Connection, expect_rows
from core.model import Moment, Purpose, Role, Severity
from registry.access import KEEPS_PEOPLE

#: How long the link of a message to staff works.
LINK_LASTS: Final = timedelta(hours=24)
#: An alert that became known to us later than this is history: nobody is called about it.
CALL_WITHIN: Final = timedelta(hours=6)
#: Who is told of their own people, and who of everybody.
EMPLOYING: Final = KEEPS_PEOPLE
FOLLOWING: Final = frozenset({Role.COORDINATOR, Role.VOLUNTEER})


@dataclass(frozen=True, slots=True)
class Uncalled:
    """An alert whose people have been told, and of which no staff has heard."""

    id: UUID
    incident_id: UUID
    purpose: Purpose
    moment: Moment
    severity: Severity
    context: dict[str, Any]
    expires_at: datetime
    created_at: datetime
    key_enc: bytes


# A person's own call for help opens an incident whose alert tells nobody: only coordinators hear of it (help_calls).
SQL_NEXT = """
SELECT a.id, a.incident_id, a.purpose, a.moment, a.severity, a.context, a.expires_at, a.created_at, i.key_enc
FROM alert a JOIN incident i ON i.id = a.incident_id
WHERE a.state = 'done' AND a.staff_called_at IS NULL AND i.closed_at IS NULL AND i.key_enc IS NOT NULL
  AND i.hazard <> 'help' AND a.purpose <> 'canary' AND a.created_at > $1
  AND (a.moment IN ('cancel', 'lift', 'correct')
       OR (a.moment IN ('issue', 'update') AND a.severity IN ('severe', 'extreme')))
ORDER BY a.created_at, a.id LIMIT 1 FOR UPDATE OF a SKIP LOCKED
"""


async def next_uncalled(conn: Connection, now: datetime) -> Uncalled | None:
    """The oldest alert that staff must hear of, locked until the transaction ends; None if there is none."""
    row = await conn.fetchrow(SQL_NEXT, now - CALL_WITHIN)
    if row is None:
        return None
    return Uncalled(
        row["id"],
        row["incident_id"],
        Purpose(row["purpose"]),
        Moment(row["moment"]),
        Severity(row["severity"]),
        row["context"],
        row["expires_at"],
        row["created_at"],
        row["key_enc"],
    )


SQL_CALLED = "UPDATE alert SET staff_called_at = $2 WHERE id = $1 AND staff_called_at IS NULL"


async def mark_called(conn: Connection, alert_id: UUID, now: datetime) -> None:
    """Staff have been told of this alert, or nobody was to be told."""
    expect_rows(await conn.execute(SQL_CALLED, alert_id, now), 1, f"staff called about alert {alert_id}")


@dataclass(frozen=True, slots=True)
class Group:
    """An organisation whose staff are to be told: how many of its people were, and where the hardest hit are."""

    org_id: UUID
    people: int
    #: One place of `standing_reason.reason`, or None.
    place: dict[str, Any] | None


# A supervising organisation hears of the people of its employers as well. The place is one that this very alert has
# named: an older one belongs to another hazard or level. Where somebody said they are today is not theirs to know.
SQL_EMPLOYERS = """
WITH told AS (
    SELECT ir.resident_id, ir.severity,
           CASE WHEN ir.last_alert_id <> $2 THEN NULL
                WHEN sr.reason ->> 'worse' = 'today'
                    THEN coalesce(nullif(sr.reason -> 'home', 'null'), sr.reason -> 'work')
                ELSE sr.reason -> (sr.reason ->> 'worse') END AS place
    FROM incident_resident ir LEFT JOIN standing_reason sr ON sr.id = ir.reason_id
    WHERE ir.incident_id = $1 AND NOT ir.only_today
), mine AS (
    SELECT m.org_id, t.resident_id, t.severity, t.place FROM told t
    JOIN membership m ON m.resident_id = t.resident_id AND m.ended_at IS NULL
                     AND (m.end_date IS NULL OR m.end_date >= $3)
), theirs AS (
    SELECT org_id, resident_id, severity, place FROM mine
    UNION ALL
    SELECT r.org_id, m.resident_id, m.severity, m.place FROM mine m
    JOIN org_relation r ON r.other_id = m.org_id AND r.kind = 'supervises'
), grouped AS (
    SELECT t.org_id, t.severity, t.place, count(DISTINCT t.resident_id) AS people FROM theirs t
    WHERE EXISTS (SELECT FROM staff s JOIN contact k ON k.staff_id = s.id AND k.confirmed_at IS NOT NULL
                  WHERE s.org_id = t.org_id AND s.disabled_at IS NULL)
    GROUP BY 1, 2, 3
)
SELECT DISTINCT ON (g.org_id) g.org_id, (sum(g.people) OVER (PARTITION BY g.org_id))::int AS people, g.place
FROM grouped g JOIN organisation o ON o.id = g.org_id AND o.closed_at IS NULL AND o.kind <> 'volunteer_network'
ORDER BY g.org_id, array_position($4::text[], g.severity) DESC, g.place ->> 'level' IS NULL, g.people DESC
"""
SQL_EVERYBODY = """
SELECT (sum(count(*)) OVER ())::int AS people,
       CASE WHEN ir.last_alert_id = $2 THEN sr.reason -> (sr.reason ->> 'worse') END AS place
FROM incident_resident ir LEFT JOIN standing_reason sr ON sr.id = ir.reason_id WHERE ir.incident_id = $1
GROUP BY ir.severity, CASE WHEN ir.last_alert_id = $2 THEN sr.reason -> (sr.reason ->> 'worse') END
ORDER BY array_position($3::text[], ir.severity) DESC,
         CASE WHEN ir.last_alert_id = $2 THEN sr.reason -> (sr.reason ->> 'worse') END ->> 'level' IS NULL,
         count(*) DESC LIMIT 1
"""
SQL_NETWORKS = """
SELECT id FROM organisation WHERE kind = 'volunteer_network' AND closed_at IS NULL ORDER BY created_at, id
"""
_SEVERITIES: Final = [severity.value for severity in Severity]


async def employers_told(conn: Connection, alert: Uncalled, today: date) -> list[Group]:
    """The organisations with people in the incident whose staff can be reached, and those that supervise them."""
    rows = await conn.fetch(SQL_EMPLOYERS, alert.incident_id, alert.id, today, _SEVERITIES)
    return [Group(row["org_id"], row["people"], row["place"]) for row in rows]


async def networks_told(conn: Connection, alert: Uncalled) -> list[Group]:
    """Every volunteer network, with the numbers of everybody in the incident; none while nobody was told."""
    row = await conn.fetchrow(SQL_EVERYBODY, alert.incident_id, alert.id, _SEVERITIES)
    return [] if row is None else [Group(org, row["people"], row["place"]) for org in await networks(conn)]


async def networks(conn: Connection) -> list[UUID]:
    """The volunteer networks at work."""
    return [row["id"] for row in await conn.fetch(SQL_NETWORKS)]


@dataclass(frozen=True, slots=True)
class Receiver:
    """A member of staff with the contacts that a message may go to; `first`: the one that goes first, if it matters."""

    staff_id: UUID
    org_id: UUID
    language: str
    contacts: tuple[Contact, ...]
    first: UUID | None = None


# Only over what its owner has confirmed; of several browsers the newest first.
SQL_RECEIVERS = """
SELECT s.id, s.org_id, s.language, array_agg(k.id ORDER BY k.created_at DESC, k.id) AS contacts,
       array_agg(k.channel ORDER BY k.created_at DESC, k.id) AS kinds
FROM staff s
JOIN contact k ON k.staff_id = s.id AND k.kind = 'address' AND k.confirmed_at IS NOT NULL
     AND k.state NOT IN ('dead', 'opted_out') AND k.channel = ANY($2::text[])
WHERE s.id = ANY($1::uuid[]) AND s.disabled_at IS NULL AND ($3::text[] IS NULL OR s.role = ANY($3))
GROUP BY s.id, s.org_id, s.language ORDER BY s.id
"""


async def receivers_of(
    conn: Connection, staff_ids: Sequence[UUID], contacts: Sequence[str], roles: frozenset[Role] | None
) -> list[Receiver]:
    """Those of these staff in one of `roles` (None: any) who can be reached. `contacts`: kinds that can be used."""
    rows = await conn.fetch(SQL_RECEIVERS, list(staff_ids), list(contacts), None if roles is None else sorted(roles))
    return [
        Receiver(
            row["id"],
            row["org_id"],
            row["language"],
            tuple(Contact(*pair) for pair in zip(row["contacts"], row["kinds"], strict=True)),
        )
        for row in rows
    ]


SQL_CALLED_BEFORE = "SELECT DISTINCT staff_id FROM staff_alert WHERE incident_id = $1"
#: Over which contact staff of an incident were told: what changes it goes there first, once per report ($3: the alert;
#: one report may make several). Staff hear of a quake once, by its flash report or the detailed one: what changes
#: either is for them.
SQL_TOLD_BEFORE = """
SELECT DISTINCT ON (s.id) s.id, k.id AS contact_id
FROM message m JOIN staff s ON s.id = m.staff_id AND s.disabled_at IS NULL
JOIN link l ON l.id = m.link_id AND l.kind = 'staff'
JOIN contact k ON k.id = m.contact_id AND k.state NOT IN ('dead', 'opted_out')
WHERE m.incident_id = $1 AND m.state IN ('pending', 'leased', 'sent', 'delivered')
  AND (m.alert_id = ANY($2::uuid[]) OR EXISTS (
      SELECT FROM alert AS t JOIN event AS te ON te.id = t.event_id
      JOIN alert AS this ON this.id = $3 JOIN event AS e ON e.id = this.event_id
      WHERE t.id = m.alert_id AND te.hazard = e.hazard AND te.event_ids && e.event_ids))
  AND NOT EXISTS (
      SELECT FROM message AS o JOIN alert AS b ON b.id = o.alert_id JOIN alert AS this ON this.id = $3
      WHERE o.incident_id = $1 AND o.staff_id = s.id AND b.event_id = this.event_id
        AND b.moment IN ('cancel', 'lift', 'correct'))
ORDER BY s.id, array_position(ARRAY['delivered', 'sent', 'leased', 'pending'], m.state), m.id
"""


async def called_before(conn: Connection, incident_id: UUID) -> set[UUID]:
    """The staff who have had their one message of this incident."""
    return {row["staff_id"] for row in await conn.fetch(SQL_CALLED_BEFORE, incident_id)}


async def told_of(
    conn: Connection, alert: Uncalled, alert_ids: Sequence[UUID], contacts: Sequence[str]
) -> list[Receiver]:
    """The staff who were told of these alerts, which `alert` changes: first over the contacts over which they were."""
    rows = await conn.fetch(SQL_TOLD_BEFORE, alert.incident_id, list(alert_ids), alert.id)
    first = {row["id"]: row["contact_id"] for row in rows}
    found = await receivers_of(conn, list(first), contacts, None)
    return [replace(receiver, first=first[receiver.staff_id]) for receiver in found]


# The newest link that was sent and still opens something.
SQL_LIVE_LINK = """
SELECT a.id FROM staff_alert a JOIN link l ON l.id = a.id
WHERE a.staff_id = $1 AND a.incident_id = $2 AND a.revoked_at IS NULL AND a.expires_at > $3
ORDER BY a.created_at DESC, a.id DESC LIMIT 1
"""


async def live_link(conn: Connection, staff_id: UUID, incident_id: UUID, now: datetime) -> UUID | None:
    """The link this member of staff already has for the incident; None if it has none that works."""
    found: UUID | None = await conn.fetchval(SQL_LIVE_LINK, staff_id, incident_id, now)
    return found


SQL_NEW_LINK = """
WITH made AS (
    INSERT INTO link (id, kind, token_sha256, staff_id, incident_id, created_at, expires_at)
    VALUES ($1, 'staff', $2, $4, $5, $6, $7)
)
INSERT INTO staff_alert (id, token_sha256, org_id, staff_id, incident_id, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


async def new_link(
    conn: Connection, link_id: UUID, token_sha256: bytes, receiver: Receiver, incident_id: UUID, now: datetime
) -> None:
    """A link for one member of staff and one incident; of the token only its hash is kept."""
    tag = await conn.execute(
        SQL_NEW_LINK,
        link_id,
        token_sha256,
        receiver.org_id,
        receiver.staff_id,
        incident_id,
        now,
        now + LINK_LASTS,
    )
    expect_rows(tag, 1, f"the link of staff {receiver.staff_id}")


# `step` counts the messages of one alert to one person: several calls for help may come under the same alert.
SQL_MESSAGE = """
WITH words AS (
    INSERT INTO alert_text (alert_id, key, language, channel, title, body, unreviewed, segments)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (alert_id, key) DO UPDATE SET key = excluded.key RETURNING id
)
INSERT INTO message (purpose, incident_id, alert_id, staff_id, contact_id, channel, step, text_id, link_id, priority,
                     due_at, expires_at, created_at, unless)
SELECT $9, $10, $1, $11, $12, $4,
       (SELECT count(*) FROM message o WHERE o.incident_id = $10 AND o.resident_id IS NULL AND o.alert_id = $1
        AND o.staff_id = $11)::int, words.id, $13, $14, $15::timestamptz + $17, $16, $15,
       CASE WHEN $17::interval > '0' THEN 'received' ELSE 'never' END
FROM words
"""


async def add_message(
    conn: Connection,
    *,
    alert_id: UUID,
    incident_id: UUID,
    purpose: Purpose,
    receiver: Receiver,
    way: Way,
    link_id: UUID,
    key: str,
    text: ComposedText,
    channel: str,
    priority: int,
    now: datetime,
    expires_at: datetime,
) -> None:
    """One message for one member of staff into the outbox; its words are stored once per alert and `key`.

    What is due later goes only if nothing of this telling has arrived by then (outbox_store.SQL_CLAIM).
    """
    tag = await conn.execute(
        SQL_MESSAGE,
        alert_id,
        key,
        text.language,
        channel,
        text.title,
        text.body,
        text.unreviewed,
        text.segments,
        purpose.value,
        incident_id,
        receiver.staff_id,
        way.contact.id,
        link_id,
        priority,
        now,
        expires_at,
        way.after,
    )
    expect_rows(tag, 1, f"the message to staff {receiver.staff_id}")
