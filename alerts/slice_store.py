"""Whose turn comes when: an alert's people in portions, worst and nearest first, shared by all who fan out.

Each portion is taken under a row lock, and done in the transaction that writes what its people get: kill anything
anywhere, and whoever comes next takes it. Whoever finds no free portion makes those of the next rank of areas, and when
all are done, of whoever came meanwhile, until there is nobody; so nobody is missed, and nobody's turn comes twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from alerts.decision import RatedArea, Tell
from alerts.fanout_store import AlertRow, slice_ids
from alerts.newcomer_store import concerned
from core.db import Connection, Pool, expect_rows
from core.model import level_rank

#: Rows that one person can have in resident_place.
_PLACES_EACH: Final = 3


class AlertStopped(Exception):
    """The alert was stopped while one of its portions was at work: what that one wrote is rolled back."""


# Before people are read: nobody deletes them until this transaction has ended (migrations/0028). A plan kept from when
# the tables were empty would read them whole; workers of ours on every core would only be in each other's way. Whose
# turn comes when is sorted in memory.
SQL_BEGIN = """
SELECT pg_advisory_xact_lock_shared(2028, 1), set_config('app.fanout', 'on', true),
       set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('max_parallel_workers_per_gather', '0', true), set_config('work_mem', '64MB', true)
"""


async def begin(conn: Connection) -> None:
    """Make this transaction one of a fan-out."""
    await conn.execute(SQL_BEGIN)


SQL_TAKE = """
SELECT number, residents FROM alert_slice WHERE alert_id = $1 AND done_at IS NULL
ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED
"""


async def take(conn: Connection, alert: AlertRow) -> tuple[int, list[UUID]] | None:
    """The next portion that nobody is at work on, locked: its number and people; None if there is none."""
    row = await conn.fetchrow(SQL_TAKE, alert.id)
    return None if row is None else (row["number"], row["residents"])


# Not the alert's row: whoever ends a portion counts its people there, and would wait for whoever makes further ones.
SQL_TURN = "SELECT pg_try_advisory_xact_lock(2036, hashtext($1::uuid::text))"
SQL_COUNTS = """
SELECT coalesce(max(number) + 1, 0) AS next, count(*) FILTER (WHERE done_at IS NULL) AS waiting
FROM alert_slice WHERE alert_id = $1
"""


async def turn(conn: Connection, alert: AlertRow) -> tuple[int, bool] | None:
    """Of an alert that has no free portion, until this transaction ends: the number of its next one, 0 for an alert
    that has not begun, and whether somebody is at work on one. None: somebody else has the turn."""
    if not await conn.fetchval(SQL_TURN, alert.id):
        return None
    row = await conn.fetchrow(SQL_COUNTS, alert.id)
    assert row is not None
    return int(row["next"]), bool(row["waiting"])


SQL_LOCK = "SELECT FROM alert WHERE id = $1 AND state = 'fanning' FOR NO KEY UPDATE SKIP LOCKED"


async def lock(conn: Connection, alert: AlertRow) -> bool:
    """Lock the alert's row, before it begins or ends: nobody stops it in between. False: somebody is just doing so."""
    return await conn.fetchrow(SQL_LOCK, alert.id) is not None


def ranks(areas: Sequence[RatedArea]) -> list[int]:
    """For each area how many worse kinds of area there are: 0 is the worst. By severity, then by level."""
    weights = [(area.severity.rank, level_rank(area.level)) for area in areas]
    order = {weight: rank for rank, weight in enumerate(sorted(set(weights), reverse=True))}
    return [order[weight] for weight in weights]


SQL_FIRST_MATCHED = """
SELECT rp.resident_id
FROM unnest($1::text[], $2::text[]) AS a (scheme, code)
JOIN place_area AS pa ON pa.scheme = a.scheme AND pa.code = a.code
JOIN resident_place AS rp ON rp.place_id = pa.place_id AND (rp.until IS NULL OR rp.until > $3)
LIMIT $4
"""
SQL_FIRST_INSIDE = """
SELECT rp.resident_id
FROM unnest($1::uuid[]) AS inside (place_id)
JOIN resident_place AS rp ON rp.place_id = inside.place_id AND (rp.until IS NULL OR rp.until > $2)
LIMIT $3
"""
SQL_FIRST_TOLD = "SELECT resident_id FROM alert_resident WHERE alert_id = ANY($1::uuid[]) LIMIT $2"


async def first(
    conn: Connection, alert: AlertRow, inside: Mapping[UUID, Sequence[int]] | None, limit: int
) -> tuple[list[UUID], bool]:
    """Up to `limit` people to begin with, from the worst areas, without counting all; whether there are no more.

    `inside`: for an alert of polygons, the polygons that reach each place.
    """
    found: dict[UUID, None] = {}
    rank_of = ranks(alert.areas)
    most = _PLACES_EACH * (limit + 1)
    if alert.tell is Tell.SILENT:
        found.update(dict.fromkeys(await slice_ids(conn, alert, limit + 1)))
    elif alert.tell is not Tell.MATCHED:
        told = len(alert.of) * (limit + 1)
        found.update(dict.fromkeys(row["resident_id"] for row in await conn.fetch(SQL_FIRST_TOLD, alert.of, told)))
    else:
        for rank in range(max(rank_of, default=-1) + 1):
            if inside is not None:
                places = [place for place, numbers in inside.items() if rank == min(rank_of[n] for n in numbers)]
                rows = await conn.fetch(SQL_FIRST_INSIDE, places, alert.created_at, most)
            else:
                mine = [area.area for area, its in zip(alert.areas, rank_of, strict=True) if its == rank]
                rows = await conn.fetch(
                    SQL_FIRST_MATCHED, [a.scheme for a in mine], [a.code for a in mine], alert.created_at, most
                )
            found.update(dict.fromkeys(row["resident_id"] for row in rows))
            if len(found) > limit:
                break
    ids = list(found)
    return sorted(ids[:limit]), len(ids) <= limit


# Of the areas of one rank; who has a portion, of a worse one, is left out. Where a quake's epicentre is known, nearer
# bands first (10, 30, 100, 300 km). A band, not each distance: the people of one are written in the order of their ids,
# which is how the indexes lie.
SQL_PLAN_MATCHED = """
WITH places AS MATERIALIZED (
    SELECT DISTINCT pa.place_id
    FROM unnest($1::text[], $2::text[]) AS a (scheme, code)
    JOIN place_area AS pa ON pa.scheme = a.scheme AND pa.code = a.code
), ranked AS (
    SELECT p.place_id,
           width_bucket(sqrt(power((pl.lat - $3::float8) * 111.2, 2)
                             + power((pl.lon - $4::float8) * 111.2 * cos(radians($3::float8)), 2)),
                        ARRAY[10, 30, 100, 300]::float8[]) AS band
    FROM places AS p JOIN place AS pl ON pl.id = p.place_id
), people AS (
    SELECT rp.resident_id, min(coalesce(r.band, 9)) AS turn
    FROM ranked AS r
    JOIN resident_place AS rp ON rp.place_id = r.place_id AND (rp.until IS NULL OR rp.until > $5)
    GROUP BY rp.resident_id
), numbered AS (
    SELECT resident_id, (row_number() OVER (ORDER BY turn, resident_id) - 1) / $6::int AS number
    FROM people AS p
    WHERE NOT EXISTS (SELECT FROM (SELECT unnest(residents) AS id FROM alert_slice WHERE alert_id = $7) AS planned
                      WHERE planned.id = p.resident_id)
)
INSERT INTO alert_slice (alert_id, number, residents)
SELECT $7, $8::int + number, array_agg(resident_id ORDER BY resident_id) FROM numbered GROUP BY number
"""
SQL_PLAN_INSIDE = """
WITH numbered AS (
    SELECT resident_id, (row_number() OVER (ORDER BY resident_id) - 1) / $3::int AS number
    FROM (
        SELECT DISTINCT rp.resident_id FROM unnest($1::uuid[]) AS a (place_id)
        JOIN resident_place AS rp ON rp.place_id = a.place_id AND (rp.until IS NULL OR rp.until > $2)
    ) AS p
    WHERE NOT EXISTS (SELECT FROM (SELECT unnest(residents) AS id FROM alert_slice WHERE alert_id = $4) AS planned
                      WHERE planned.id = p.resident_id)
)
INSERT INTO alert_slice (alert_id, number, residents)
SELECT $4, $5::int + number, array_agg(resident_id ORDER BY resident_id) FROM numbered GROUP BY number
"""
# Corrections and reminders: those first who were told the gravest.
SQL_PLAN_TOLD = """
WITH people AS (
    SELECT DISTINCT t.resident_id, array_position(ARRAY['extreme', 'severe', 'moderate', 'info'], ir.severity) AS turn
    FROM alert_resident AS t
    LEFT JOIN incident_resident AS ir ON ir.incident_id = $1 AND ir.resident_id = t.resident_id
    WHERE t.alert_id = ANY($2::uuid[])
), numbered AS (
    SELECT resident_id, (row_number() OVER (ORDER BY turn, resident_id) - 1) / $3::int AS number
    FROM people AS p
    WHERE NOT EXISTS (SELECT FROM (SELECT unnest(residents) AS id FROM alert_slice WHERE alert_id = $4) AS planned
                      WHERE planned.id = p.resident_id)
)
INSERT INTO alert_slice (alert_id, number, residents)
SELECT $4, $5::int + number, array_agg(resident_id ORDER BY resident_id) FROM numbered GROUP BY number
"""
# As fanout_store.SQL_SLICE_SILENT.
SQL_PLAN_SILENT = """
WITH numbered AS (
    SELECT resident_id,
           (row_number() OVER (ORDER BY array_position(ARRAY['extreme', 'severe', 'moderate', 'info'], severity),
                                        resident_id) - 1) / $3::int AS number
    FROM incident_resident AS ir
    WHERE ir.incident_id = $1 AND ir.last_alert_id = ANY($2::uuid[]) AND ir.asked_at IS NOT NULL
      AND (ir.status IS NULL OR ir.status_at < ir.asked_at)
      AND NOT EXISTS (
          SELECT 1 FROM incident_resident AS o JOIN incident AS i ON i.id = o.incident_id
          WHERE o.resident_id = ir.resident_id AND o.purpose = ir.purpose AND o.incident_id <> ir.incident_id
            AND i.closed_at IS NULL AND (o.asked_at > ir.asked_at OR o.status_at >= ir.asked_at))
      AND NOT EXISTS (SELECT FROM (SELECT unnest(residents) AS id FROM alert_slice WHERE alert_id = $4) AS planned
                      WHERE planned.id = ir.resident_id)
)
INSERT INTO alert_slice (alert_id, number, residents)
SELECT $4, $5::int + number, array_agg(resident_id ORDER BY resident_id) FROM numbered GROUP BY number
"""


# Whoever came, moved, or whose place did, since everybody was counted: their notes stay while an alert is on its way.
SQL_CAME = """
SELECT unnest(residents) AS id FROM newcomer
UNION
SELECT rp.resident_id FROM (SELECT DISTINCT unnest(places) AS id FROM newcomer) AS p
JOIN resident_place AS rp ON rp.place_id = p.id
"""
SQL_PLAN_CAME = """
WITH numbered AS (
    SELECT came.id, (row_number() OVER (ORDER BY came.id) - 1) / $2::int AS number FROM unnest($1::uuid[]) AS came (id)
    WHERE NOT EXISTS (SELECT FROM (SELECT unnest(residents) AS id FROM alert_slice WHERE alert_id = $3) AS planned
                      WHERE planned.id = came.id)
)
INSERT INTO alert_slice (alert_id, number, residents)
SELECT $3, $4::int + number, array_agg(id ORDER BY id) FROM numbered GROUP BY number
"""
SQL_PLANNED = "UPDATE alert SET planned = greatest(planned, $2::smallint) WHERE id = $1 AND state = 'fanning'"


def is_planned(alert: AlertRow) -> bool:
    """Whether everybody stands in a portion, but for who has come since. Corrections and reminders go by people who
    were told, all at once."""
    every = max(ranks(alert.areas), default=0) + 1 if alert.tell is Tell.MATCHED else 1
    return alert.planned >= every


async def plan(
    conn: Connection, alert: AlertRow, inside: Mapping[UUID, Sequence[int]] | None, number: int, size: int
) -> None:
    """Make portions of up to `size` people, from `number` on, of whoever of the next rank of areas has none: those of
    the worst are written while others are still looked for. Raises AlertStopped."""
    await _plan_rank(conn, alert, inside, number, size)
    if await conn.execute(SQL_PLANNED, alert.id, alert.planned + 1) != "UPDATE 1":
        raise AlertStopped(alert.id)


async def plan_came(
    conn: Connection, alert: AlertRow, inside: Mapping[UUID, Sequence[int]] | None, number: int, size: int
) -> bool:
    """The same of whoever has come since everybody was looked at; False if there is nobody."""
    if alert.tell is not Tell.MATCHED:
        return await _plan_rank(conn, alert, inside, number, size) != "INSERT 0 0"
    came = [row["id"] for row in await conn.fetch(SQL_CAME)]
    reached = alert if inside is None else replace(alert, inside=list(inside))
    here = await concerned(conn, reached, came, alert.created_at) if came else []
    return bool(here) and await conn.execute(SQL_PLAN_CAME, here, size, alert.id, number) != "INSERT 0 0"


async def _plan_rank(
    conn: Connection, alert: AlertRow, inside: Mapping[UUID, Sequence[int]] | None, number: int, size: int
) -> str:
    rank_of = ranks(alert.areas)
    if alert.tell is Tell.SILENT:
        tag = await conn.execute(SQL_PLAN_SILENT, alert.incident_id, alert.of, size, alert.id, number)
    elif alert.tell is not Tell.MATCHED:
        tag = await conn.execute(SQL_PLAN_TOLD, alert.incident_id, alert.of, size, alert.id, number)
    elif inside is not None:
        worst = {place: min(rank_of[n] for n in numbers) for place, numbers in inside.items()}
        mine = [place for place, rank in worst.items() if rank == alert.planned]
        tag = await conn.execute(SQL_PLAN_INSIDE, mine, alert.created_at, size, alert.id, number)
    else:
        epicentre: dict[str, Any] = alert.context.get("epicentre") or {}
        areas = [rated.area for rated, rank in zip(alert.areas, rank_of, strict=True) if rank == alert.planned]
        tag = await conn.execute(
            SQL_PLAN_MATCHED,
            [area.scheme for area in areas],
            [area.code for area in areas],
            epicentre.get("lat"),
            epicentre.get("lon"),
            alert.created_at,
            size,
            alert.id,
            number,
        )
    return str(tag)


SQL_BEGUN = "INSERT INTO alert_slice (alert_id, number, residents, done_at) VALUES ($1, 0, $2, $3)"
SQL_DONE = "UPDATE alert_slice SET done_at = $3 WHERE alert_id = $1 AND number = $2 AND done_at IS NULL"
SQL_COUNT_PEOPLE = "UPDATE alert SET people = people + $2 WHERE id = $1 AND state = 'fanning'"


async def note_begun(conn: Connection, alert: AlertRow, ids: Sequence[UUID], told: int, now: datetime) -> None:
    """Portion 0 has been: these people's turn is over. Raises AlertStopped."""
    await conn.execute(SQL_BEGUN, alert.id, list(ids), now)
    await _count(conn, alert, told)


async def note_done(conn: Connection, alert: AlertRow, number: int, told: int, now: datetime) -> None:
    """A portion is done, `told` of its people were told. Raises AlertStopped."""
    expect_rows(await conn.execute(SQL_DONE, alert.id, number, now), 1, f"portion {number} of alert {alert.id}")
    await _count(conn, alert, told)


async def _count(conn: Connection, alert: AlertRow, told: int) -> None:
    """The last thing a portion does: the alert's row is shared with the others, and with whoever stops it."""
    if await conn.execute(SQL_COUNT_PEOPLE, alert.id, told) != "UPDATE 1":
        raise AlertStopped(alert.id)


SQL_FINISH = "UPDATE alert SET state = 'done', done_at = $2 WHERE id = $1 AND state = 'fanning'"
SQL_SWEEP = """
DELETE FROM alert_slice AS s USING alert AS a WHERE a.id = s.alert_id AND a.state IN ('done', 'stopped')
"""


async def finish(conn: Connection, alert: AlertRow, now: datetime) -> None:
    """The alert has been to everybody. The lists of whose turn it was go, those of stopped alerts too."""
    expect_rows(await conn.execute(SQL_FINISH, alert.id, now), 1, f"the end of alert {alert.id}")
    await conn.execute(SQL_SWEEP)


async def drop_stopped(pool: Pool) -> None:
    """Forget whose turn it would have been, after a stop in the middle of a portion."""
    await pool.execute(SQL_SWEEP)
