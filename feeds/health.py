"""How well a stream is heard, and why not: `ok`, `late` or `stale`, with the reason as data. Pure.

Silence of a feed is never an all-clear, and a feed that answers may still be deaf: a server once went on answering 200
with the data of three months ago. So each stream is judged by three things: when it last answered, how old the newest
report in it is, and whether another source knows of an earthquake that it does not show.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from geo.same_quake import SAME_QUAKE_TIME, near_enough

#: Missed polls after which a stream is late: two and a half of them are no chance.
LATE_POLLS: Final = 2.5
LATE_AT_LEAST: Final = timedelta(seconds=90)
#: After this many times as long, and at least so long, it is stale.
STALE_TIMES: Final = 4
STALE_AT_LEAST: Final = timedelta(minutes=10)
#: Seconds between two polls where the poller has not said yet.
EVERY_S: Final = 60.0

#: Another source may be faster than the one that decides, but not by this much.
MISSED_AFTER: Final = timedelta(minutes=5)
#: A quake that was missed is looked for this long.
MISSED_WITHIN: Final = timedelta(hours=2)
#: What a foreign network tells is surely reported by JMA if it is this strong and in this box:
#: south, west, north, east.
SURELY_FELT: Final = 6.0
NEAR_JAPAN: Final = (24.0, 122.0, 46.0, 149.0)


class Freshness(StrEnum):
    """How well a stream is heard."""

    OK = "ok"
    LATE = "late"
    STALE = "stale"


class Why(StrEnum):
    """Why a stream is not heard well."""

    NEVER = "never"  # it has never answered
    SILENT = "silent"  # nobody has asked it, or nothing came, and no error is known
    FAILING = "failing"  # each try failed; `detail` says how
    MISSED = "missed"  # another source (`detail`) knows a quake of `since` that it does not show
    QUIET = "quiet"  # it answers, but nothing new since `since`


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of one stream (table feed_state), all times UTC."""

    last_heard_at: datetime | None = None
    newest_report_at: datetime | None = None
    #: The first failure since it was last heard.
    failing_since: datetime | None = None
    error: str = ""
    #: Seconds between two polls.
    every_s: float = EVERY_S


@dataclass(frozen=True, slots=True)
class Missed:
    """A quake that another source knows: which source, and its origin time."""

    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Health:
    """The judgement of one stream. `why` is None exactly if it is ok; `since` and `detail` belong to `why`."""

    state: Freshness
    why: Why | None = None
    since: datetime | None = None
    detail: str = ""


def late_after(every_s: float) -> timedelta:
    """Silence after which a stream that is asked every `every_s` seconds is late.

    >>> [late_after(s).seconds for s in (30, 60, 300)]
    [90, 150, 750]
    """
    return max(LATE_AT_LEAST, timedelta(seconds=every_s * LATE_POLLS))


def stale_after(every_s: float) -> timedelta:
    """Silence after which it is stale."""
    return max(STALE_AT_LEAST, late_after(every_s) * STALE_TIMES)


def judge(heard: Heard, quiet_after: timedelta | None, now: datetime, missed: Missed | None = None) -> Health:
    """How well a stream is heard now. `quiet_after`: without a new report for so long it looks frozen (None: never)."""
    if heard.last_heard_at is None:
        return Health(Freshness.STALE, Why.NEVER, None, heard.error)
    silent = now - heard.last_heard_at
    if silent > late_after(heard.every_s):
        state = Freshness.STALE if silent > stale_after(heard.every_s) else Freshness.LATE
        if heard.failing_since is not None:
            return Health(state, Why.FAILING, heard.failing_since, heard.error)
        return Health(state, Why.SILENT, heard.last_heard_at)
    if missed is not None:
        return Health(Freshness.LATE, Why.MISSED, missed.at, missed.source)
    if quiet_after is not None and (heard.newest_report_at is None or now - heard.newest_report_at > quiet_after):
        return Health(Freshness.LATE, Why.QUIET, heard.newest_report_at)
    return Health(Freshness.OK)


def gap(heard_before: datetime | None, now: datetime, every_s: float) -> timedelta | None:
    """The silence that ends with an answer at `now`; None if it was no longer than usual, or this is the first."""
    if heard_before is None or now - heard_before <= late_after(every_s):
        return None
    return now - heard_before


def clock_off(server_date: datetime | None, asked_at: datetime, answered_at: datetime) -> float | None:
    """Seconds by which our clock is ahead of a server's (negative: behind); None if the server did not say.

    The server wrote its date (whole seconds) between our question and its answer: within that span nothing is wrong.

    >>> from datetime import UTC
    >>> t = datetime(2026, 9, 1, tzinfo=UTC)
    >>> [clock_off(t + timedelta(seconds=s), t, t + timedelta(seconds=2)) for s in (1, -1, -9, 30)]
    [0.0, 0.0, 8.0, -28.0]
    """
    if server_date is None:
        return None
    if server_date + timedelta(seconds=1) < asked_at:
        return (asked_at - server_date - timedelta(seconds=1)).total_seconds()
    if server_date > answered_at:
        return (answered_at - server_date).total_seconds()
    return 0.0


@dataclass(frozen=True, slots=True)
class Quake:
    """An earthquake as one source told it. `at`: origin time, or when it was told; degrees WGS84."""

    source: str
    at: datetime
    received_at: datetime
    lat: float | None = None
    lon: float | None = None
    magnitude: float | None = None


def missed_quake(
    ours: Iterable[Quake], relays: Iterable[Quake], others: Iterable[Quake], now: datetime
) -> Missed | None:
    """The oldest quake that another source has known for MISSED_AFTER and ours does not; None if there is none.

    `relays` tell only what our source has published; of `others` (foreign networks) only what is surely felt counts.
    """
    mine = list(ours)
    known = [*relays, *(quake for quake in others if _surely_ours(quake))]
    missed = [
        quake
        for quake in known
        if MISSED_AFTER < now - quake.received_at <= MISSED_WITHIN
        and now - quake.at <= MISSED_WITHIN
        and not any(_same(quake, own) for own in mine)
    ]
    first = min(missed, key=lambda quake: quake.at, default=None)
    return None if first is None else Missed(first.source, first.at)


def _surely_ours(quake: Quake) -> bool:
    if quake.magnitude is None or quake.lat is None or quake.lon is None:
        return False
    south, west, north, east = NEAR_JAPAN
    return quake.magnitude >= SURELY_FELT and south <= quake.lat <= north and west <= quake.lon <= east


def _same(one: Quake, other: Quake) -> bool:
    # A relay may not know the epicentre yet: then the time says enough.
    return abs(one.at - other.at) <= SAME_QUAKE_TIME and near_enough(one, other) is not False
