"""How each stream was heard, in the database: a line per poll is added up by day, and judged when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from core.clock import SystemClock
from core.db import Connection, Pool, expect_rows, transaction
from feeds.feed import FeedSettings, Stream
from feeds.health import EVERY_S, MISSED_WITHIN, Health, Heard, Missed, Quake, gap, judge, missed_quake
from feeds.known import stream_names

#: The source that decides: what depends on it says so when it is not heard.
PRIMARY: Final = "jma"
#: Where that source publishes earthquakes; a quake it misses means that this stream is frozen.
QUAKES: Final = "jma.eqvol"
#: Sources that pass on what the primary one has published.
RELAYS: Final = frozenset({"p2pquake"})
#: Foreign networks that locate earthquakes themselves.
NETWORKS: Final = frozenset({"usgs"})
WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class PollNote:
    """What one poll of a stream came to. `heard`: it answered readably; `asked`: a request was made at all."""

    feed: str
    at: datetime
    heard: bool
    asked: bool = True
    #: The answer was 304, or the same list as before.
    unchanged: bool = False
    bytes: int = 0
    reports: int = 0
    unreadable: int = 0
    #: When it was last heard before this poll.
    heard_before: datetime | None = None
    every_s: float = EVERY_S
    #: feeds.health.clock_off of this answer.
    clock_off_s: float | None = None


SQL_NOTE_DAY = """
INSERT INTO feed_day (feed, day, polls, unchanged, failures, bytes, reports, unreadable, gaps, longest_gap_s)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (feed, day) DO UPDATE SET
    polls = feed_day.polls + excluded.polls, unchanged = feed_day.unchanged + excluded.unchanged,
    failures = feed_day.failures + excluded.failures, bytes = feed_day.bytes + excluded.bytes,
    reports = feed_day.reports + excluded.reports, unreadable = feed_day.unreadable + excluded.unreadable,
    gaps = feed_day.gaps + excluded.gaps, longest_gap_s = greatest(feed_day.longest_gap_s, excluded.longest_gap_s)
"""
SQL_NOTE_STATE = """
INSERT INTO feed_state (feed, failing_since, clock_off_s)
VALUES ($1, CASE WHEN $2 THEN NULL ELSE $3::timestamptz END, $4)
ON CONFLICT (feed) DO UPDATE SET
    failing_since = CASE WHEN $2 THEN NULL ELSE coalesce(feed_state.failing_since, $3) END,
    clock_off_s = coalesce($4, feed_state.clock_off_s)
"""


async def note_poll(pool: Pool, note: PollNote) -> None:
    """Add one poll to the numbers of its day, and say since when the stream has been failing."""
    silence = gap(note.heard_before, note.at, note.every_s) if note.heard else None
    async with transaction(pool) as conn:
        tag = await conn.execute(
            SQL_NOTE_DAY,
            note.feed,
            note.at.astimezone(UTC).date(),
            int(note.asked),
            int(note.unchanged),
            int(note.asked and not note.heard),
            note.bytes,
            note.reports,
            note.unreadable,
            int(silence is not None),
            0.0 if silence is None else silence.total_seconds(),
        )
        expect_rows(tag, 1, f"the numbers of feed {note.feed}")
        tag = await conn.execute(SQL_NOTE_STATE, note.feed, note.heard, note.at, note.clock_off_s)
        expect_rows(tag, 1, f"the state of feed {note.feed}")


SQL_STATES = """
SELECT feed, last_heard_at, newest_report_at, failing_since, coalesce(error, '') AS error, clock_off_s,
       bytes_day, bytes_used
FROM feed_state
"""
SQL_DAYS = """
SELECT feed, sum(polls)::int AS polls, sum(unchanged)::int AS unchanged, sum(failures)::int AS failures,
       sum(reports)::int AS reports, sum(unreadable)::int AS unreadable, sum(gaps)::int AS gaps,
       max(longest_gap_s) AS longest_gap_s, sum(bytes)::bigint AS bytes
FROM feed_day WHERE day > $1 AND day <= $2 GROUP BY feed
"""


async def feed_states(
    conn: Pool | Connection, settings: FeedSettings, now: datetime | None = None
) -> list[dict[str, object]]:
    """One row per stream of every feed that `settings` switch on, for pages, alarms and metrics.

    feed, primary (bool), state (ok, late, stale), why, since, detail (feeds.health), last_heard_at, newest_report_at,
    error, every_s, clock_off_s, bytes (of today), and `today` and `week`: polls, unchanged, failures, reports,
    unreadable, gaps, longest_gap_s (with the silence that lasts now), bytes. `now` defaults to the system's clock.
    """
    at = now or SystemClock().now()
    today = at.astimezone(UTC).date()
    states = {row["feed"]: row for row in await conn.fetch(SQL_STATES)}
    days = await _numbers(conn, today, 1)
    weeks = await _numbers(conn, today, WEEK)
    missed = _missed(await _quakes(conn, at), at)
    rows: list[dict[str, object]] = []
    for name, stream in stream_names(settings).items():
        row = states.get(name)
        heard = _heard(row, stream.every_s(settings) if isinstance(stream, Stream) else EVERY_S)
        health = judge(heard, stream.quiet_after, at, missed if name == QUAKES else None)
        lasting = gap(heard.last_heard_at, at, heard.every_s)
        rows.append(
            {
                "feed": name,
                "primary": name.startswith(f"{PRIMARY}."),
                **_judged(health),
                "last_heard_at": heard.last_heard_at,
                "newest_report_at": heard.newest_report_at,
                "error": heard.error or None,
                "every_s": heard.every_s,
                "clock_off_s": None if row is None else row["clock_off_s"],
                "bytes": row["bytes_used"] if row is not None and row["bytes_day"] == today else 0,
                "today": _with_lasting(days.get(name), lasting),
                "week": _with_lasting(weeks.get(name), lasting),
            }
        )
    return rows


def _heard(row: Any, every_s: float) -> Heard:
    if row is None:
        return Heard(every_s=every_s)
    return Heard(row["last_heard_at"], row["newest_report_at"], row["failing_since"], row["error"], every_s)


def _judged(health: Health) -> dict[str, object]:
    return {
        "state": health.state.value,
        "why": None if health.why is None else health.why.value,
        "since": health.since,
        "detail": health.detail,
    }


_NUMBERS: Final = ("polls", "unchanged", "failures", "reports", "unreadable", "gaps", "longest_gap_s", "bytes")


async def _numbers(conn: Pool | Connection, today: date, days: int) -> dict[str, dict[str, float]]:
    rows = await conn.fetch(SQL_DAYS, today - timedelta(days=days), today)
    return {row["feed"]: {name: row[name] for name in _NUMBERS} for row in rows}


def _with_lasting(numbers: dict[str, float] | None, lasting: timedelta | None) -> dict[str, float]:
    found: dict[str, float] = {name: 0 for name in _NUMBERS} | (numbers or {})
    if lasting is not None:
        found["gaps"] += 1
        found["longest_gap_s"] = max(found["longest_gap_s"], lasting.total_seconds())
    return found


SQL_QUAKES = """
SELECT source, received_at, coalesce((payload ->> 'occurred_at')::timestamptz, issued_at) AS at,
       (payload #>> '{hypocenter,lat}')::float8 AS lat, (payload #>> '{hypocenter,lon}')::float8 AS lon,
       (payload #>> '{hypocenter,magnitude}')::float8 AS magnitude
FROM event WHERE hazard = 'earthquake' AND status = 'actual' AND purpose = 'live' AND received_at > $1
"""


async def _quakes(conn: Pool | Connection, now: datetime) -> list[Quake]:
    # Ours may have come long before the other's; the same span again covers what was told twice.
    return [Quake(**dict(row)) for row in await conn.fetch(SQL_QUAKES, now - 2 * MISSED_WITHIN)]


def _missed(quakes: list[Quake], now: datetime) -> Missed | None:
    return missed_quake(
        [quake for quake in quakes if quake.source == PRIMARY],
        [quake for quake in quakes if quake.source in RELAYS],
        [quake for quake in quakes if quake.source in NETWORKS],
        now,
    )
