"""People who came after an alert had been to everybody, in the database: who they are, which alerts are for them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from alerts.decision import Tell
from alerts.fanout_store import AlertRow, alert_row
from alerts.known_store import order_of
from alerts.newcomer import ZONES_WAIT, Said
from core.db import Connection, Pool, expect_rows
from core.ids import uuid7
from core.model import Moment, Purpose, Severity


@dataclass(frozen=True, slots=True)
class Newcomers:
    """People who registered, moved, or got a way to be reached. `since`: the first of them, by the database's clock."""

    ids: list[UUID]
    since: datetime


# Not while an alert is on its way: it goes to whoever has come meanwhile, before it ends.
SQL_TAKE = """
WITH taken AS (
    DELETE FROM newcomer WHERE id IN (SELECT id FROM newcomer ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
      AND NOT EXISTS (SELECT FROM alert WHERE state = 'fanning')
    RETURNING residents, places, at
), people AS (
    SELECT unnest(residents) AS id FROM taken
    UNION
    SELECT rp.resident_id FROM (SELECT DISTINCT unnest(places) AS id FROM taken) AS p
    JOIN resident_place AS rp ON rp.place_id = p.id
)
SELECT (SELECT array_agg(id ORDER BY id) FROM people) AS ids, min(at) AS since FROM taken HAVING count(*) > 0
"""


async def take(conn: Connection, rows: int) -> Newcomers | None:
    """The oldest of them, of up to `rows` notes; from now on they are this transaction's to tell. None: nobody."""
    row = await conn.fetchrow(SQL_TAKE, rows)
    return None if row is None else Newcomers(row["ids"] or [], row["since"])


SQL_PUT_BACK = "INSERT INTO newcomer (residents, at) VALUES ($1, $2)"


async def put_back(conn: Connection, ids: Collection[UUID], since: datetime) -> None:
    """Look at these people again at the next turn."""
    await conn.execute(SQL_PUT_BACK, sorted(ids), since)


# A report that is held because its time cannot be right supersedes nothing. Of a quake that has its detailed report the
# flash report is not said any more, whatever became of that one.
SQL_SAID = """
SELECT a.id, a.incident_id, a.purpose, coalesce(a.context ->> 'hazard', i.hazard) AS hazard, e.source, e.thread,
       e.issued_at, e.sent_at, e.message_type, e.payload ->> 'serial' AS serial, a.context ->> 'tell' AS tell, a.state,
       a.severity, a.expires_at, a.context ->> 'valid_until' AS valid_until,
       e.type = 'VXSE51' AND EXISTS (
           SELECT FROM event AS d WHERE d.purpose = e.purpose AND d.hazard = 'earthquake' AND d.type = 'VXSE53'
             AND d.status = 'actual' AND d.event_ids && e.event_ids AND d.decided_at IS NOT NULL
             AND d.received_at >= e.received_at - interval '1 hour') AS detailed
FROM incident AS i JOIN alert AS a ON a.incident_id = i.id JOIN event AS e ON e.id = a.event_id
WHERE i.closed_at IS NULL AND a.purpose <> 'canary' AND a.moment <> 'reminder'
  AND NOT a.context ? 'again_of'
  AND NOT (a.people = 0 AND a.state IN ('held', 'stopped') AND e.issued_at > a.created_at + interval '2 minutes')
"""


async def said_now(conn: Connection) -> list[Said]:
    """The alerts of all open incidents, whatever has become of them."""
    return [
        Said(
            id=row["id"],
            incident_id=row["incident_id"],
            purpose=Purpose(row["purpose"]),
            hazard=row["hazard"],
            source=row["source"],
            thread=row["thread"],
            order=order_of(row["issued_at"], row["sent_at"], row["message_type"], row["serial"]),
            tell=Tell(row["tell"]),
            state=row["state"],
            severity=Severity(row["severity"]),
            expires_at=row["expires_at"],
            valid_until=None if row["valid_until"] is None else datetime.fromisoformat(row["valid_until"]),
            detailed=row["detailed"],
        )
        for row in await conn.fetch(SQL_SAID)
    ]


# Whoever stops the alert waits until these people's rows are there, and then cancels them with the others'.
SQL_ALERT = """
SELECT a.id, a.incident_id, a.purpose, a.moment, a.severity, a.areas, a.context, a.cursor, a.people, a.created_at,
       a.expires_at, i.key_enc
FROM alert AS a JOIN incident AS i ON i.id = a.incident_id
WHERE a.id = $1 AND a.state = 'done' AND i.closed_at IS NULL FOR NO KEY UPDATE OF a
"""


async def lock_alert(conn: Connection, alert_id: UUID) -> AlertRow | None:
    """The alert, locked; None if it has been stopped or its incident has closed."""
    row = await conn.fetchrow(SQL_ALERT, alert_id)
    return None if row is None else alert_row(row)


SQL_MATCHED = """
SELECT DISTINCT rp.resident_id
FROM resident_place AS rp
JOIN place_area AS pa ON pa.place_id = rp.place_id
JOIN unnest($3::text[], $4::text[]) AS a (scheme, code) ON pa.scheme = a.scheme AND pa.code = a.code
WHERE rp.resident_id = ANY($1::uuid[]) AND (rp.until IS NULL OR rp.until > $2)
ORDER BY rp.resident_id
"""
SQL_INSIDE = """
SELECT DISTINCT resident_id FROM resident_place
WHERE resident_id = ANY($1::uuid[]) AND (until IS NULL OR until > $2) AND place_id = ANY($3::uuid[])
ORDER BY resident_id
"""


async def concerned(conn: Connection, alert: AlertRow, ids: Sequence[UUID], now: datetime) -> list[UUID]:
    """Those of these people who have a place in the alert's areas, or in its polygons, now."""
    if alert.inside is not None:
        rows = await conn.fetch(SQL_INSIDE, ids, now, alert.inside)
    else:
        schemes, codes = [r.area.scheme for r in alert.areas], [r.area.code for r in alert.areas]
        rows = await conn.fetch(SQL_MATCHED, ids, now, schemes, codes)
    return [row["resident_id"] for row in rows]


SQL_UNCOMPARED = """
SELECT DISTINCT rp.resident_id FROM resident_place AS rp JOIN place_hazard_due AS d ON d.place_id = rp.place_id
WHERE rp.resident_id = ANY($1::uuid[]) AND $2::timestamptz > clock_timestamp() - $3::interval
"""


async def uncompared(conn: Connection, ids: Sequence[UUID], since: datetime) -> set[UUID]:
    """Those whose place is about to be compared with the hazard zones; nobody who has waited long enough."""
    return {row["resident_id"] for row in await conn.fetch(SQL_UNCOMPARED, ids, since, ZONES_WAIT)}


# Who stands in the incident, was told over nothing because there was no way, has not answered, and has a way now.
SQL_REACHABLE_AT_LAST = """
SELECT ir.resident_id FROM incident_resident AS ir
WHERE ir.incident_id = $1 AND ir.resident_id = ANY($2::uuid[]) AND NOT ir.reachable AND ir.status IS NULL
  AND EXISTS (SELECT FROM contact AS c WHERE c.resident_id = ir.resident_id AND c.kind = 'address'
              AND c.channel = ANY($3::text[]) AND c.state NOT IN ('dead', 'opted_out'))
"""


async def reachable_at_last(
    conn: Connection, alert: AlertRow, ids: Sequence[UUID], channels: Sequence[str]
) -> set[UUID]:
    """Those whom no message of the incident could go to, and now can. `channels`: of contacts that can be used."""
    rows = await conn.fetch(SQL_REACHABLE_AT_LAST, alert.incident_id, ids, channels)
    return {row["resident_id"] for row in rows}


SQL_TOLD_BY = "SELECT resident_id FROM alert_resident WHERE alert_id = $1 AND resident_id = ANY($2::uuid[])"


async def told_by(conn: Connection, alert: AlertRow, ids: Sequence[UUID]) -> set[UUID]:
    """Those of these people whom this alert has told."""
    return {row["resident_id"] for row in await conn.fetch(SQL_TOLD_BY, alert.id, ids)}


# One row per alert and person: made anew by the step that tells them.
SQL_FORGET_TOLD = """
DELETE FROM alert_resident WHERE alert_id = $1 AND resident_id = ANY($2::uuid[]) RETURNING resident_id
"""
SQL_REMEMBER_TOLD = """
INSERT INTO alert_resident (alert_id, resident_id) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING
"""


async def forget_told(conn: Connection, alert: AlertRow, ids: Collection[UUID]) -> list[UUID]:
    """Make room for people whom nothing of this alert could be sent to; those found are for `remember_told`."""
    return [row["resident_id"] for row in await conn.fetch(SQL_FORGET_TOLD, alert.id, list(ids))]


async def remember_told(conn: Connection, alert: AlertRow, ids: Sequence[UUID]) -> int:
    """These people were told by this alert before; how many of them it did not tell again."""
    tag = await conn.execute(SQL_REMEMBER_TOLD, alert.id, ids)
    return int(tag.rpartition(" ")[2])


SQL_AGAIN = """
INSERT INTO alert (id, incident_id, event_id, purpose, revision, moment, severity, areas, context, state, created_at,
                   done_at, expires_at)
SELECT $2, a.incident_id, a.event_id, a.purpose,
       (SELECT max(n.revision) + 1 FROM alert AS n WHERE n.incident_id = a.incident_id), $5, a.severity, a.areas,
       a.context || jsonb_build_object('moment', $5::text, 'again_of', a.id), 'done', $3, $3, $4
FROM alert AS a WHERE a.id = $1
"""


async def say_again(pool: Pool, alert: AlertRow, now: datetime) -> AlertRow:
    """A further alert of the same report, for people whom the first one told of less. It asks as any other does, but
    the times of its incident stay those of the first."""
    further = replace(alert, id=uuid7(), moment=Moment.UPDATE, people=0)
    tag = await pool.execute(SQL_AGAIN, alert.id, further.id, now, alert.expires_at, Moment.UPDATE.value)
    expect_rows(tag, 1, f"alert {alert.id} said again")
    return further


SQL_COUNT = "UPDATE alert SET people = people + $2 WHERE id = $1"


async def count_more(conn: Connection, alert: AlertRow, people: int) -> None:
    """The alert has told so many people more."""
    expect_rows(await conn.execute(SQL_COUNT, alert.id, people), 1, f"the people of alert {alert.id}")
