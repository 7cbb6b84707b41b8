"""Fan-out in the database: who lives where, and what one slice of people gets. Set-wise; one transaction per slice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from alerts.area_json import areas_from_json
from alerts.channel import DOUBTFUL
from alerts.decision import RatedArea, Tell
from alerts.people import Contact, Person, Standing, on_shift
from alerts.policy import ASKS_WINDOW
from alerts.texts import Text
from core.clock import date_in_japan
from core.db import Connection, Pool, Record, expect_rows
from core.model import Moment, Purpose, Severity


@dataclass(frozen=True, slots=True)
class ReachedPlaces:
    """Places that an alert's polygons reach, in two columns: the place, and the area of the alert that counts there."""

    places: list[UUID]
    areas: list[int]


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert on its way through the people."""

    id: UUID
    incident_id: UUID
    purpose: Purpose
    moment: Moment
    severity: Severity
    areas: tuple[RatedArea, ...]
    context: dict[str, Any]
    cursor: UUID | None
    people: int
    created_at: datetime
    expires_at: datetime
    key_enc: bytes | None
    #: Both are set for an alert whose areas are polygons: the places in them, and for one slice of its people which
    #: area counts where. All others are matched by the codes of their areas.
    inside: list[UUID] | None = None
    reached: ReachedPlaces | None = None
    #: Of how many ranks of its areas (slice_store.ranks) everybody stands in a portion, but for who has come since.
    planned: int = 0

    @property
    def tell(self) -> Tell:
        return Tell(self.context["tell"])

    @property
    def of(self) -> list[UUID]:
        """The alerts whose people are meant."""
        return [UUID(alert_id) for alert_id in self.context["of"]]


def advanced(alert: AlertRow, cursor: UUID) -> AlertRow:
    """The alert after the slice that ended with `cursor`."""
    return replace(alert, cursor=cursor)


# In order of making: a correction goes out before the news that the same report holds for others.
SQL_NEXT_ALERT = """
SELECT a.id, a.incident_id, a.purpose, a.moment, a.severity, a.areas, a.context, a.cursor, a.people, a.created_at,
       a.expires_at, a.planned, i.key_enc
FROM alert AS a JOIN incident AS i ON i.id = a.incident_id
WHERE a.state = 'fanning' ORDER BY a.created_at, a.revision LIMIT 1
"""


async def next_alert(conn: Connection) -> AlertRow | None:
    """The oldest alert that is not through yet; None if there is none."""
    row = await conn.fetchrow(SQL_NEXT_ALERT)
    return None if row is None else alert_row(row)


def alert_row(row: Record) -> AlertRow:
    """An alert from its row: id, incident_id, purpose, moment, severity, areas, context, cursor, people, times, key."""
    return AlertRow(
        **{
            **row,
            "purpose": Purpose(row["purpose"]),
            "moment": Moment(row["moment"]),
            "severity": Severity(row["severity"]),
            "areas": areas_from_json(row["areas"]),
        }
    )


SQL_SLICE_MATCHED = """
SELECT DISTINCT rp.resident_id
FROM unnest($1::text[], $2::text[]) AS a (scheme, code)
JOIN place_area AS pa ON pa.scheme = a.scheme AND pa.code = a.code
JOIN resident_place AS rp ON rp.place_id = pa.place_id AND (rp.until IS NULL OR rp.until > $5)
WHERE $3::uuid IS NULL OR rp.resident_id > $3
ORDER BY rp.resident_id LIMIT $4
"""
SQL_SLICE_INSIDE = """
SELECT DISTINCT rp.resident_id
FROM unnest($1::uuid[]) AS inside (place_id)
JOIN resident_place AS rp ON rp.place_id = inside.place_id AND (rp.until IS NULL OR rp.until > $4)
WHERE $2::uuid IS NULL OR rp.resident_id > $2
ORDER BY rp.resident_id LIMIT $3
"""
SQL_SLICE_TOLD = """
SELECT DISTINCT resident_id FROM alert_resident
WHERE alert_id = ANY($1::uuid[]) AND ($2::uuid IS NULL OR resident_id > $2)
ORDER BY resident_id LIMIT $3
"""


# Silent since the alert that told them last, and not asked by a newer incident meanwhile: that one's reminders count.
SQL_SLICE_SILENT = """
SELECT ir.resident_id FROM incident_resident AS ir
WHERE ir.incident_id = $1 AND ir.last_alert_id = ANY($2::uuid[]) AND ir.asked_at IS NOT NULL
  AND (ir.status IS NULL OR ir.status_at < ir.asked_at) AND ($3::uuid IS NULL OR ir.resident_id > $3)
  AND NOT EXISTS (
      SELECT 1 FROM incident_resident AS o JOIN incident AS i ON i.id = o.incident_id
      WHERE o.resident_id = ir.resident_id AND o.purpose = ir.purpose AND o.incident_id <> ir.incident_id
        AND i.closed_at IS NULL AND (o.asked_at > ir.asked_at OR o.status_at >= ir.asked_at))
ORDER BY ir.resident_id LIMIT $4
"""


async def slice_ids(conn: Connection | Pool, alert: AlertRow, limit: int) -> list[UUID]:
    """The next people an alert considers, in order of id."""
    if alert.tell is Tell.MATCHED and alert.inside is not None:
        rows = await conn.fetch(SQL_SLICE_INSIDE, alert.inside, alert.cursor, limit, alert.created_at)
    elif alert.tell is Tell.MATCHED:
        schemes, codes = _columns(alert.areas)
        rows = await conn.fetch(SQL_SLICE_MATCHED, schemes, codes, alert.cursor, limit, alert.created_at)
    elif alert.tell is Tell.SILENT:
        rows = await conn.fetch(SQL_SLICE_SILENT, alert.incident_id, alert.of, alert.cursor, limit)
    else:
        rows = await conn.fetch(SQL_SLICE_TOLD, alert.of, alert.cursor, limit)
    return [row["resident_id"] for row in rows]


def _columns(areas: Sequence[RatedArea]) -> tuple[list[str], list[str]]:
    return [r.area.scheme for r in areas], [r.area.code for r in areas]


SQL_PLACES = "SELECT DISTINCT place_id FROM resident_place WHERE resident_id = ANY($1::uuid[])"


async def place_ids(conn: Connection | Pool, ids: Sequence[UUID]) -> list[UUID]:
    """Every home, workplace and place of today of these people, each once."""
    return [row["place_id"] for row in await conn.fetch(SQL_PLACES, ids)]


# Who paused or left is not told; nor who said no to C1 (an organisation's entry of a person counts as an invitation).
# Where somebody said they are counts for new alerts while it runs ($6); what follows an alert goes to whoever got it.
SQL_PEOPLE = """
SELECT r.id, r.language, r.second_language, r.state, h.place_id AS home, w.place_id AS work, t.place_id AS today,
       m.shifts, l.id AS link_id,
       ir.severity, coalesce(sr.reason, '{}') AS reason, ir.asked_at, ir.asks,
       ir.status IS NOT NULL AND (ir.asked_at IS NULL OR ir.status_at >= ir.asked_at) AS answered,
       b.resident_id IS NOT NULL AS away, o.asks AS asked_elsewhere
FROM unnest($1::uuid[]) AS wanted (id)
JOIN resident AS r ON r.id = wanted.id
LEFT JOIN resident_place AS h ON h.resident_id = r.id AND h.kind = 'home'
LEFT JOIN resident_place AS w ON w.resident_id = r.id AND w.kind = 'work'
LEFT JOIN resident_place AS t ON t.resident_id = r.id AND t.kind = 'today'
     AND ($6::timestamptz IS NULL OR t.until > $6)
LEFT JOIN incident_resident AS ir ON ir.incident_id = $2 AND ir.resident_id = r.id
LEFT JOIN standing_reason AS sr ON sr.id = ir.reason_id
LEFT JOIN link AS l ON l.kind = 'checkin' AND l.incident_id = $2 AND l.resident_id = r.id
LEFT JOIN absence AS b ON b.resident_id = r.id AND b.said_by = 'self' AND b.until >= $3::date
LEFT JOIN LATERAL (
    SELECT string_agg(shift, ' ') AS shifts FROM membership
    WHERE resident_id = r.id AND ended_at IS NULL AND shift <> ''
) AS m ON true
LEFT JOIN LATERAL (
    SELECT coalesce(sum(other.asks), 0)::int AS asks FROM incident_resident AS other
    WHERE other.resident_id = r.id AND other.incident_id <> $2 AND other.purpose = $4 AND other.asked_at > $5
) AS o ON true
LEFT JOIN LATERAL (
    SELECT given FROM consent WHERE resident_id = r.id AND scope = 'C1' ORDER BY id DESC LIMIT 1
) AS c1 ON true
WHERE r.state IN ('invited', 'enrolled') AND coalesce(c1.given, true)
ORDER BY r.id
"""
# By place, because the people of a dorm and of a workplace share theirs.
SQL_MATCHES = """
SELECT pa.place_id, (a.ord - 1)::int AS area
FROM unnest($3::uuid[]) AS mine (place_id)
JOIN place_area AS pa ON pa.place_id = mine.place_id
JOIN unnest($1::text[], $2::text[]) WITH ORDINALITY AS a (scheme, code, ord)
     ON pa.scheme = a.scheme AND pa.code = a.code
ORDER BY a.ord
"""
SQL_CONTACTS = """
SELECT resident_id, id, channel, state = 'proven' AS proven FROM contact
WHERE resident_id = ANY($1::uuid[]) AND kind = 'address' AND state NOT IN ('dead', 'opted_out')
ORDER BY created_at, id
"""
# What may have left counts as told, whatever became of it afterwards ($4: codes of such tries).
SQL_REACHED = """
SELECT DISTINCT resident_id, contact_id FROM message
WHERE incident_id = $1 AND alert_id = ANY($2::uuid[]) AND resident_id = ANY($3::uuid[]) AND contact_id IS NOT NULL
  AND (state IN ('leased', 'sent', 'delivered') OR error_code ~ $4)
"""


async def gather_people(
    conn: Connection | Pool, alert: AlertRow, ids: Sequence[UUID], now: datetime
) -> tuple[list[Person], dict[UUID, UUID]]:
    """These people with places, contacts and standing, in order of id; and the check-in links they already have."""
    contacts: dict[UUID, list[Contact]] = defaultdict(list)
    for row in await conn.fetch(SQL_CONTACTS, ids):
        contacts[row["resident_id"]].append(Contact(row["id"], row["channel"], row["proven"]))
    reached: dict[UUID, set[UUID]] = defaultdict(set)
    if alert.of:
        for row in await conn.fetch(SQL_REACHED, alert.incident_id, alert.of, ids, f"^({DOUBTFUL}|digest)$"):
            reached[row["resident_id"]].add(row["contact_id"])
    people: list[Person] = []
    links: dict[UUID, UUID] = {}
    since = alert.created_at if alert.tell is Tell.MATCHED else None
    found = await conn.fetch(
        SQL_PEOPLE, ids, alert.incident_id, date_in_japan(now), alert.purpose.value, now - ASKS_WINDOW, since
    )
    places = {row[kind] for row in found for kind in ("home", "work", "today")} - {None}
    areas_of = await areas_of_places(conn, alert, places)
    for row in found:
        person_id = row["id"]
        standing = None
        if row["severity"] is not None:
            standing = Standing(
                Severity(row["severity"]), row["reason"], row["asked_at"], row["asks"], bool(row["answered"])
            )
        if row["link_id"] is not None:
            links[person_id] = row["link_id"]
        people.append(
            Person(
                id=person_id,
                languages=(row["language"], row["second_language"] or ""),
                enrolled=row["state"] == "enrolled",
                home=areas_of.get(row["home"], ()),
                work=areas_of.get(row["work"], ()),
                contacts=tuple(contacts.get(person_id, ())),
                standing=standing,
                on_shift=bool(row["shifts"]) and on_shift(row["shifts"], now),
                away=row["away"],
                today=areas_of.get(row["today"], ()) if row["today"] is not None else (),
                asked_elsewhere=row["asked_elsewhere"],
                reached=frozenset(reached.get(person_id, ())),
            )
        )
    return people, links


async def areas_of_places(
    conn: Connection | Pool, alert: AlertRow, places: Collection[UUID]
) -> dict[UUID | None, tuple[int, ...]]:
    """The areas of the alert that hold each of these places, in the alert's order."""
    found: dict[UUID | None, list[int]] = defaultdict(list)
    if alert.reached is not None:
        for place, area in zip(alert.reached.places, alert.reached.areas, strict=True):
            found[place].append(area)
    else:
        for row in await conn.fetch(SQL_MATCHES, *_columns(alert.areas), list(places)):
            found[row["place_id"]].append(row["area"])
    return {place: tuple(areas) for place, areas in found.items()}


@dataclass(slots=True)
class Slice:
    """The rows of one slice, in columns as they are written."""

    # resident, severity, asked, id of the reason, reachable, only where they said they are today
    standings: list[tuple[UUID, str, bool, UUID, bool, bool]]
    links: list[tuple[UUID, bytes, UUID]]  # id, token hash, resident
    texts: dict[str, tuple[str, Text]]  # key -> channel, text
    messages: list[tuple[UUID, UUID, str, int, str, UUID | None, int, str, datetime]]
    # resident, contact, channel, step, text key, link, priority, unless, due
    superseded: list[UUID]  # residents whose older waiting messages of this hazard are out of date
    settled: list[UUID]  # residents whom a correction spares: nobody waits for their answer any more


# A lift or a cancellation leaves what was asked as it is: who called for help stays on the board.
# Where less holds now than they were told ($14), only the reason changes. Who is told only because of where they said
# they are today belongs to no organisation here: it would learn where that is.
# Few people differ in what they were told and why: each group's row is sent and read once.
SQL_STANDINGS = """
WITH told AS MATERIALIZED (
    SELECT t.no, t.severity, t.asked, t.reason_id, t.reachable, t.only_today
    FROM unnest($7::text[], $8::boolean[], $9::uuid[], $10::boolean[], $11::boolean[]) WITH ORDINALITY
         AS t (severity, asked, reason_id, reachable, only_today, no)
)
INSERT INTO incident_resident AS ir (incident_id, resident_id, orgs, purpose, severity, asked_at, asks, told_at,
                                     last_alert_id, reason_id, reachable, only_today)
SELECT $1, p.id, CASE WHEN told.only_today THEN '{}' ELSE r.orgs END,
       $2, told.severity, CASE WHEN told.asked THEN $3::timestamptz END, told.asked::int, $3, $4,
       told.reason_id, told.reachable, told.only_today
FROM unnest($5::uuid[], $6::int[]) AS p (id, no)
JOIN told ON told.no = p.no
JOIN resident AS r ON r.id = p.id
ON CONFLICT (incident_id, resident_id) DO UPDATE SET
    orgs = CASE WHEN excluded.only_today THEN ir.orgs ELSE excluded.orgs END,
    only_today = ir.only_today AND excluded.only_today,
    severity = CASE WHEN $14::boolean THEN ir.severity ELSE excluded.severity END,
    asks = CASE WHEN excluded.asked_at IS NULL THEN ir.asks
                WHEN ir.asked_at < $3 - interval '24 hours' THEN 1 ELSE ir.asks + 1 END,
    asked_at = CASE WHEN $12::boolean THEN NULL ELSE coalesce(
        CASE WHEN $13::boolean THEN ir.asked_at ELSE excluded.asked_at END, ir.asked_at) END,
    told_at = CASE WHEN $14 THEN ir.told_at ELSE excluded.told_at END,
    last_alert_id = CASE WHEN $13::boolean THEN ir.last_alert_id ELSE excluded.last_alert_id END,
    reason_id = excluded.reason_id, reachable = CASE WHEN $14 THEN ir.reachable ELSE excluded.reachable END
"""
SQL_SUPERSEDED = """
UPDATE message AS m SET state = 'cancelled', done_at = $4,
    error_code = CASE WHEN m.error_code ~ $6 THEN m.error_code ELSE 'superseded' END
FROM alert AS a
WHERE m.incident_id = $1 AND m.resident_id = ANY($2::uuid[]) AND m.state = 'pending' AND a.id = m.alert_id
  AND a.id <> $3 AND a.context ->> 'hazard' = $5
"""
SQL_SETTLED = "UPDATE incident_resident SET asked_at = NULL WHERE incident_id = $1 AND resident_id = ANY($2::uuid[])"


async def write_slice(
    conn: Connection, alert: AlertRow, rows: Slice, text_ids: Mapping[str, int], now: datetime
) -> None:
    """Write everything about one slice of people. `text_ids`: by the keys of its texts."""
    quiet = alert.tell is Tell.LOWERED
    if rows.superseded:
        await conn.execute(
            SQL_SUPERSEDED,
            alert.incident_id,
            rows.superseded,
            alert.id,
            now,
            alert.context["hazard"],
            f"^({DOUBTFUL})$",
        )
    if rows.standings:
        groups: dict[tuple[str, bool, UUID, bool, bool], int] = {}
        numbers = [groups.setdefault(standing[1:], len(groups) + 1) for standing in rows.standings]
        tag = await conn.execute(
            SQL_STANDINGS,
            alert.incident_id,
            alert.purpose.value,
            now,
            alert.id,
            [standing[0] for standing in rows.standings],
            numbers,
            *zip(*groups, strict=True),
            alert.moment is Moment.CANCEL,
            alert.moment is Moment.REMINDER or quiet,
            quiet,
        )
        expect_rows(tag, len(rows.standings), f"standings of alert {alert.id}")
    if rows.settled:
        tag = await conn.execute(SQL_SETTLED, alert.incident_id, rows.settled)
        expect_rows(tag, len(rows.settled), f"people spared by alert {alert.id}")
    if rows.standings and not quiet:
        await conn.copy_records_to_table(
            "alert_resident",
            columns=["alert_id", "resident_id"],
            records=[(alert.id, standing[0]) for standing in rows.standings],
        )
    if rows.links:
        await conn.copy_records_to_table(
            "link",
            columns=["id", "kind", "token_sha256", "resident_id", "incident_id", "created_at"],
            records=[(link, "checkin", sha, person, alert.incident_id, now) for link, sha, person in rows.links],
        )
    if rows.messages:
        await conn.copy_records_to_table(
            "message",
            columns=[
                "purpose",
                "incident_id",
                "alert_id",
                "resident_id",
                "contact_id",
                "channel",
                "step",
                "text_id",
                "link_id",
                "priority",
                "unless",
                "due_at",
                "expires_at",
                "created_at",
            ],
            records=[
                (
                    alert.purpose.value,
                    alert.incident_id,
                    alert.id,
                    resident,
                    contact,
                    channel,
                    step,
                    text_ids[key],
                    link,
                    priority,
                    unless,
                    due,
                    alert.expires_at,
                    now,
                )
                for resident, contact, channel, step, key, link, priority, unless, due in rows.messages
            ],
        )


# A round was sent: somebody is asked. From here the window for aftershocks runs.
SQL_ROUND = "UPDATE incident SET last_round_at = $2 WHERE id = $1 AND last_round_at < $2"
_ROUNDS: Final = (Moment.ISSUE, Moment.UPDATE, Moment.CORRECT)


async def note_round(conn: Connection, alert: AlertRow) -> None:
    """The alert asks people: remember when, if it was the first of its slices to do so."""
    if alert.moment in _ROUNDS:
        await conn.execute(SQL_ROUND, alert.incident_id, alert.created_at)


SQL_HOLD = "UPDATE alert SET state = 'held', held_reason = $2 WHERE id = $1 AND state = 'fanning'"


async def hold(conn: Connection | Pool, alert_id: UUID, reason: str) -> None:
    """Park an alert for a person to look at."""
    await conn.execute(SQL_HOLD, alert_id, reason[:500])


SQL_NAMES = "SELECT id, name FROM resident WHERE id = ANY($1::uuid[])"


async def names_of(conn: Connection | Pool, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Names of people, for a preview on the operator's own terminal."""
    return {row["id"]: row["name"] for row in await conn.fetch(SQL_NAMES, ids)}
