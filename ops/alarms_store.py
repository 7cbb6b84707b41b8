"""Alarms in the database: what they are made of, the open ones, and who takes care of them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from alerts.lane_store import lanes
from core.crypto import Vault
from core.db import Connection, Pool, Record, expect_rows, transaction
from core.ids import uuid7
from ops.alarms import NEWS, NEWS_FOR, Alarm, Changes, Facts, FeedFact, HeldFact, Kind, Level, News

#: What feeds say about themselves at a time: one mapping per stream (feeds/health_store.py).
FeedStates = Callable[..., Coroutine[Any, Any, list[dict[str, object]]]]
#: A clear that could not be told for so long is no news any more.
TELL_CLEAR_FOR: Final = timedelta(hours=1)
SHOWN: Final = 100

SQL_LOOPS = "SELECT name, at, now() - at AS ago FROM heartbeat"
SQL_HELD = """
SELECT a.id, i.title, a.created_at AS since, coalesce(a.held_reason, '') AS reason, a.purpose = 'live' AS live
FROM alert a JOIN incident i ON i.id = a.incident_id
WHERE a.state = 'held' AND a.purpose <> 'canary' ORDER BY a.created_at LIMIT 500
"""
# The condition on the outcome is the one of the index event_for_operators.
SQL_EVENT_NEWS = """
SELECT outcome ^@ 'operator:' AS for_operators, type AS about, max(hazard) AS hazard, max(decided_at) AS at,
       count(*)::int AS number,
       (array_agg(substr(outcome, strpos(outcome, ':') + 2) ORDER BY decided_at DESC, id DESC))[1] AS what
FROM event
WHERE (outcome ^@ 'operator:' OR outcome ^@ 'error:') AND decided_at > $1 AND purpose <> 'canary'
GROUP BY outcome ^@ 'operator:', type
"""
SQL_UNREADABLE = """
SELECT concat_ws(' ', source, nullif(type, '')) AS about, max(received_at) AS at, count(*)::int AS number,
       (array_agg(coalesce(reason, '') ORDER BY received_at DESC, id DESC))[1] AS what
FROM report WHERE state = 'unreadable' AND received_at > $1 GROUP BY source, type
"""
SQL_PROVIDERS = """
SELECT channel || ' ' || code AS about, what, at, number::int AS number, level FROM provider_trouble WHERE at > $1
"""
SQL_OUTBOX_SINCE = "SELECT min(due_at) FROM message WHERE state = 'pending' AND due_at <= $1 AND expires_at > $1"
SQL_UNDECIDED_SINCE = "SELECT min(greatest(received_at, decide_after)) FROM event WHERE decided_at IS NULL"
SQL_STOPPED = """
SELECT x.stopped_at AS since, s.name || ': ' || x.why AS what,
       (SELECT count(*) FROM alert a WHERE a.purpose = 'live' AND a.created_at >= x.stopped_at
        AND a.state IN ('fanning', 'done'))::int AS live
FROM sending_stop x JOIN staff s ON s.id = x.stopped_by WHERE x.alert_id IS NULL AND x.resumed_at IS NULL
"""
SQL_DATABASE_NOW = "SELECT clock_timestamp()"
SQL_FAILING_CHANNELS = "SELECT name, failed_at, error FROM alarm_channel WHERE failures > 0 ORDER BY name"
SQL_SETTLED = """
SELECT key, max(acknowledged_at) AS at FROM alarm WHERE acknowledged_at > $1 AND kind = ANY($2) GROUP BY key
"""


async def gather(pool: Pool, feeds: Iterable[Mapping[str, object]], now: datetime, watching_since: datetime) -> Facts:
    """Everything alarms are made of, as it is now. `feeds`: what they say about themselves."""
    since = now - NEWS_FOR
    async with transaction(pool) as conn:
        events = await conn.fetch(SQL_EVENT_NEWS, since)
        stop = await conn.fetchrow(SQL_STOPPED)
        return Facts(
            now=now,
            watching_since=watching_since,
            feeds=[_feed(row) for row in feeds],
            loops={row["name"]: (row["at"], row["ago"]) for row in await conn.fetch(SQL_LOOPS)},
            held=[HeldFact(**dict(row)) for row in await conn.fetch(SQL_HELD)],
            for_operators=[_news(row) for row in events if row["for_operators"]],
            errors=[_news(row) for row in events if not row["for_operators"]],
            unreadable=[_news(row) for row in await conn.fetch(SQL_UNREADABLE, since)],
            providers=[_news(row) for row in await conn.fetch(SQL_PROVIDERS, since)],
            outbox_since=await conn.fetchval(SQL_OUTBOX_SINCE, now),
            undecided_since=await conn.fetchval(SQL_UNDECIDED_SINCE),
            database_now=await conn.fetchval(SQL_DATABASE_NOW),
            stopped=None if stop is None else (stop["since"], stop["what"], stop["live"]),
            channels=await failing_channels(conn),
            lanes_down={lane.lane: (lane.since or now, lane.reason) for lane in await lanes(conn) if lane.is_open},
            settled={row["key"]: row["at"] for row in await conn.fetch(SQL_SETTLED, since, [*NEWS])},
        )


def _feed(row: Mapping[str, Any]) -> FeedFact:
    return FeedFact(
        row["feed"],
        row.get("primary", False),
        row["state"],
        row.get("why"),
        row.get("since"),
        row.get("detail", ""),
        row.get("clock_off_s"),
    )


def _news(row: Record) -> News:
    level = row.get("level")
    return News(
        row["about"], row["what"], row["at"], row["number"], row.get("hazard", ""), Level(level) if level else None
    )


async def failing_channels(conn: Connection | Pool) -> dict[str, tuple[datetime, str]]:
    """The ways of telling operators whose last try failed: name -> (since when, why)."""
    return {row["name"]: (row["failed_at"], row["error"]) for row in await conn.fetch(SQL_FAILING_CHANNELS)}


SELECT_ALARM: Final = """
SELECT a.id, a.key, a.kind, a.level, a.subject, a.detail, a.opened_at, a.last_seen_at, a.told_at, a.told_count,
       a.told_level, a.acknowledged_at, s.name AS acknowledged_by, a.cleared_at
FROM alarm a LEFT JOIN staff s ON s.id = a.acknowledged_by
"""
SQL_OPEN = SELECT_ALARM + "WHERE a.cleared_at IS NULL ORDER BY a.opened_at, a.id"
SQL_HISTORY = SELECT_ALARM + "WHERE a.cleared_at IS NOT NULL ORDER BY a.cleared_at DESC, a.id LIMIT $1"
SQL_UNTOLD_CLEAR = (
    SELECT_ALARM
    + """
WHERE a.cleared_at > $1 AND a.clear_told_at IS NULL AND a.told_count > 0 AND NOT a.kind = ANY($2) ORDER BY a.cleared_at
"""
)


async def open_alarms(conn: Connection | Pool) -> list[Alarm]:
    """The open alarms, oldest first."""
    return [_alarm(row) for row in await conn.fetch(SQL_OPEN)]


async def past_alarms(conn: Connection | Pool) -> list[Alarm]:
    """The last alarms that are over, newest first."""
    return [_alarm(row) for row in await conn.fetch(SQL_HISTORY, SHOWN)]


async def untold_clears(conn: Connection | Pool, now: datetime) -> list[Alarm]:
    """Alarms that operators were told of and that have ended, which they do not know yet. News just ends."""
    return [_alarm(row) for row in await conn.fetch(SQL_UNTOLD_CLEAR, now - TELL_CLEAR_FOR, [*NEWS])]


def _alarm(row: Record) -> Alarm:
    told = row["told_level"]
    values = dict(row) | {"kind": Kind(row["kind"]), "level": Level(row["level"])}
    return Alarm(**(values | {"told_level": None if told is None else Level(told)}))


SQL_OPEN_ONE = """
INSERT INTO alarm (id, key, kind, level, subject, detail, opened_at, last_seen_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
ON CONFLICT (key) WHERE cleared_at IS NULL DO NOTHING
"""
SQL_SEEN = """
UPDATE alarm SET kind = $2, level = $3, subject = $4, detail = $5, last_seen_at = $6
WHERE id = $1 AND cleared_at IS NULL
"""
SQL_CLEAR = "UPDATE alarm SET cleared_at = $2 WHERE id = ANY($1::uuid[]) AND cleared_at IS NULL"


async def apply_changes(pool: Pool, made: Changes, now: datetime) -> None:
    """Open, renew and clear alarms. One that another process has opened or cleared meanwhile stays as it is."""
    async with transaction(pool) as conn:
        for one in made.opened:
            await conn.execute(SQL_OPEN_ONE, uuid7(), one.key, one.kind, one.level, one.subject, dict(one.detail), now)
        for alarm, one in made.seen:
            await conn.execute(SQL_SEEN, alarm.id, one.kind, one.level, one.subject, dict(one.detail), now)
        if made.cleared:
            await conn.execute(SQL_CLEAR, [alarm.id for alarm in made.cleared], now)


SQL_TOLD = "UPDATE alarm SET told_at = $2, told_count = $3, told_level = $4 WHERE id = $1"
SQL_CLEAR_TOLD = "UPDATE alarm SET clear_told_at = $2 WHERE id = ANY($1::uuid[])"


async def mark_told(pool: Pool, told: Iterable[tuple[Alarm, int]], over: Iterable[Alarm], now: datetime) -> None:
    """Operators were told of these alarms (with the count that follows), and that those are over."""
    async with transaction(pool) as conn:
        for alarm, count in told:
            expect_rows(await conn.execute(SQL_TOLD, alarm.id, now, count, alarm.level), 1, "telling of an alarm")
        ids = [alarm.id for alarm in over]
        expect_rows(await conn.execute(SQL_CLEAR_TOLD, ids, now), len(ids), "telling that alarms are over")


SQL_ACKNOWLEDGE = """
UPDATE alarm SET acknowledged_by = $2, acknowledged_at = $3::timestamptz,
    cleared_at = CASE WHEN kind = ANY($4) THEN $3::timestamptz END
WHERE id = $1 AND cleared_at IS NULL AND acknowledged_at IS NULL
RETURNING key
"""


async def acknowledge(conn: Connection, alarm_id: UUID, staff_id: UUID, now: datetime) -> str | None:
    """A member of staff takes care of an alarm: its key. None if it is over, or somebody else was first."""
    key: str | None = await conn.fetchval(SQL_ACKNOWLEDGE, alarm_id, staff_id, now, [*NEWS])
    return key


SQL_CHANNEL_OK = """
INSERT INTO alarm_channel (name, ok_at) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET ok_at = excluded.ok_at, failed_at = NULL, failures = 0, error = ''
"""
SQL_CHANNEL_FAILED = """
INSERT INTO alarm_channel (name, failed_at, failures, error) VALUES ($1, $2, 1, $3)
ON CONFLICT (name) DO UPDATE SET failed_at = coalesce(alarm_channel.failed_at, excluded.failed_at),
    failures = alarm_channel.failures + 1, error = excluded.error
"""


async def note_channel(pool: Pool, name: str, error: str | None, now: datetime) -> None:
    """Whether the last try over a way of telling operators worked; `error` says why not."""
    if error is None:
        tag = await pool.execute(SQL_CHANNEL_OK, name, now)
    else:
        tag = await pool.execute(SQL_CHANNEL_FAILED, name, now, error[:300])
    expect_rows(tag, 1, f"the state of the alarm channel {name}")


@dataclass(frozen=True, slots=True)
class OperatorContact:
    """One proven way to reach an operator. `channel`: phone or push; `address` is never logged."""

    staff_id: UUID
    language: str
    channel: str
    address: str


FROM_OPERATORS: Final = """
FROM staff s JOIN contact c ON c.staff_id = s.id
WHERE s.role = 'operator' AND s.disabled_at IS NULL AND c.kind = 'address' AND c.channel IN ('phone', 'push')
  AND c.confirmed_at IS NOT NULL AND c.state NOT IN ('dead', 'opted_out')
"""
SQL_OPERATORS = (
    "SELECT s.id AS staff_id, s.language, c.id, c.channel, c.address_enc"
    + FROM_OPERATORS
    + "ORDER BY s.id, c.channel, c.id"
)


async def operator_contacts(conn: Connection | Pool, vault: Vault) -> list[OperatorContact]:
    """The telephones and browsers of operators who have typed in the code that was sent there."""
    return [
        OperatorContact(
            row["staff_id"],
            row["language"],
            row["channel"],
            vault.decrypt(row["address_enc"], row["id"], "contact.address_enc"),
        )
        for row in await conn.fetch(SQL_OPERATORS)
    ]


SQL_WAYS = "SELECT DISTINCT c.channel" + FROM_OPERATORS


async def ways_of_operators(conn: Connection | Pool) -> set[str]:
    """Over which kinds of contact at least one operator can be reached."""
    return {row["channel"] for row in await conn.fetch(SQL_WAYS)}
