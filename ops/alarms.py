"""Which alarms are open, when operators are told of them again, and when one is over. Pure.

An alarm is about a state (a stream is stale, a loop is silent): it ends when the state does; or it is news that an
operator must read (a report that nobody could parse): it ends when somebody takes care of it, or after a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID


class Level(StrEnum):
    """How soon somebody must act. Critical: people may not be warned now."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


RANK: Final = {level: rank for rank, level in enumerate(Level)}


class Kind(StrEnum):
    """What an alarm is about. Its sentence is `staff.alarm.is.<kind>`."""

    FEED_NEVER = "feed_never"
    FEED_SILENT = "feed_silent"
    FEED_FAILING = "feed_failing"
    FEED_MISSED = "feed_missed"
    FEED_QUIET = "feed_quiet"
    UNREADABLE = "unreadable"
    OPERATOR = "operator"
    ERROR = "error"
    HELD = "held"
    UNDECIDED = "undecided"
    OUTBOX = "outbox"
    LOOP = "loop"
    LOOP_NEVER = "loop_never"
    CLOCK = "clock"
    CHANNEL = "channel"
    LANE = "lane"
    PROVIDER = "provider"
    DATABASE = "database"
    STOPPED = "stopped"


#: News: over when somebody has taken care of it.
NEWS: Final = frozenset({Kind.UNREADABLE, Kind.OPERATOR, Kind.ERROR, Kind.PROVIDER})
#: News that nobody took care of is history after this long.
NEWS_FOR: Final = timedelta(hours=24)
#: A state must have been gone for this long before its alarm is over: what comes and goes is one alarm.
CLEAR_AFTER: Final = timedelta(minutes=2)
#: After the start, silence of others proves nothing for this long: they may be starting too.
GRACE: Final = timedelta(seconds=90)
#: When operators are told: at once, then this long after the alarm opened, then every hour.
AGAIN: Final = (timedelta(0), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))
EVERY: Final = timedelta(hours=1)

#: Loops that must be alive somewhere on this database.
LOOPS: Final = ("poll", "decide", "send", "tend", "hooks")
LOOP_SILENT: Final = timedelta(seconds=60)
HELD_AFTER: Final = timedelta(seconds=60)
WAITED: Final = timedelta(seconds=60)
CLOCK_LIMIT_S: Final = 5.0

#: What operators read because it is rare or only adds to warnings. Anything else for them (words of a warning that we
#: do not know, a strong quake of which JMA says nothing) may be a warning that nobody was given.
HAZARD_LEVELS: Final = {
    "weather_bulletin": Level.INFO,
    "quake_notice": Level.INFO,
    "nankai_trough": Level.WARNING,
}


@dataclass(frozen=True, slots=True)
class FeedFact:
    """One stream as judged by feeds/health.py; `primary`: of the source that decides."""

    name: str
    primary: bool
    state: str
    why: str | None = None
    since: datetime | None = None
    detail: str = ""
    clock_off_s: float | None = None


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened: what about (type of a report), what, when the newest of it, and how many."""

    about: str
    what: str
    at: datetime
    number: int = 1
    hazard: str = ""
    #: How bad, where what happened says so itself.
    level: Level | None = None


@dataclass(frozen=True, slots=True)
class HeldFact:
    """An alert that waits for two people."""

    id: UUID
    title: str
    since: datetime
    reason: str
    live: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What alarms are made of. `watching_since`: when this process began to look."""

    now: datetime
    watching_since: datetime
    feeds: Sequence[FeedFact] = ()
    #: Loop -> (when it last spoke, how long ago that is by the database's clock).
    loops: Mapping[str, tuple[datetime, timedelta]] = field(default_factory=dict)
    held: Sequence[HeldFact] = ()
    for_operators: Sequence[News] = ()
    errors: Sequence[News] = ()
    unreadable: Sequence[News] = ()
    #: What providers of messages say is wrong with this installation: "sms 21408".
    providers: Sequence[News] = ()
    #: Since when the oldest message that is due waits, and the oldest event that could be decided.
    outbox_since: datetime | None = None
    undecided_since: datetime | None = None
    database_now: datetime | None = None
    #: Since when all sending is stopped, by whom and why, and how many live alerts began meanwhile.
    stopped: tuple[datetime, str, int] | None = None
    #: Ways of telling operators that do not work: name -> (since, why).
    channels: Mapping[str, tuple[datetime, str]] = field(default_factory=dict)
    #: Providers of messages to people that are down: lane -> (since, why).
    lanes_down: Mapping[str, tuple[datetime, str]] = field(default_factory=dict)
    #: News somebody took care of: the alarm's key -> when.
    settled: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def settling(self) -> bool:
        """Whether we began to look only just now."""
        return self.now - self.watching_since < GRACE


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is wrong now. `subject` and `detail` are the fields of its sentence; times in ISO 8601."""

    key: str
    kind: Kind
    level: Level
    subject: str
    detail: Mapping[str, str | int] = field(default_factory=dict)


def find(facts: Facts) -> list[Found]:
    """Everything that is wrong now, the worst first."""
    found = [
        *_feeds(facts),
        *_loops(facts),
        *_held(facts),
        *_stopped(facts),
        *_waiting(facts),
        *_news(facts),
        *_clocks(facts),
        *(
            Found(f"channel:{name}", Kind.CHANNEL, Level.WARNING, name, _detail(since=since, what=why))
            for name, (since, why) in facts.channels.items()
        ),
        *(
            Found(f"lane:{name}", Kind.LANE, Level.CRITICAL, name, _detail(since=since, what=why))
            for name, (since, why) in facts.lanes_down.items()
        ),
    ]
    return sorted(found, key=lambda one: (-RANK[one.level], one.key))


def _detail(*, since: datetime | None = None, what: str = "", number: int | None = None) -> dict[str, str | int]:
    values: dict[str, str | int] = {}
    if since is not None:
        values["since"] = since.isoformat()
    if what:
        values["what"] = what[:300]
    if number is not None:
        values["number"] = number
    return values


def _feeds(facts: Facts) -> Iterable[Found]:
    for feed in facts.feeds:
        if feed.state == "ok" or facts.settling or feed.why is None:
            continue
        yield Found(
            f"feed:{feed.name}",
            Kind(f"feed_{feed.why}"),
            _feed_level(feed),
            feed.name,
            _detail(since=feed.since, what=feed.detail),
        )


def _feed_level(feed: FeedFact) -> Level:
    stale = feed.state == "stale"
    if not feed.primary:
        return Level.WARNING if stale else Level.INFO
    return Level.CRITICAL if stale or feed.why == "missed" else Level.WARNING


def _loops(facts: Facts) -> Iterable[Found]:
    for name in () if facts.settling else LOOPS:
        if name not in facts.loops:
            yield Found(f"loop:{name}", Kind.LOOP_NEVER, Level.CRITICAL, name)
        elif facts.loops[name][1] > LOOP_SILENT:
            yield Found(f"loop:{name}", Kind.LOOP, Level.CRITICAL, name, _detail(since=facts.loops[name][0]))


def _held(facts: Facts) -> Iterable[Found]:
    for one in facts.held:
        if facts.now - one.since > HELD_AFTER:
            level = Level.CRITICAL if one.live else Level.WARNING
            yield Found(f"held:{one.id}", Kind.HELD, level, one.title, _detail(since=one.since, what=one.reason))


def _stopped(facts: Facts) -> Iterable[Found]:
    """Somebody meant it; but people who must be warned now are not."""
    if facts.stopped is not None:
        since, what, live = facts.stopped
        level = Level.CRITICAL if live else Level.WARNING
        yield Found("stopped", Kind.STOPPED, level, "stopped", _detail(since=since, what=what, number=live))


def _waiting(facts: Facts) -> Iterable[Found]:
    # While everything is stopped messages wait because somebody said so, and that alarm says it.
    outbox_since = None if facts.stopped is not None else facts.outbox_since
    for kind, since in ((Kind.OUTBOX, outbox_since), (Kind.UNDECIDED, facts.undecided_since)):
        # After an outage of ours everything waits at first: the same patience as for loops.
        if since is not None and facts.now - since > WAITED and not facts.settling:
            yield Found(kind.value, kind, Level.CRITICAL, kind.value, _detail(since=since))


def _news(facts: Facts) -> Iterable[Found]:
    for kind, items in (
        (Kind.OPERATOR, facts.for_operators),
        (Kind.ERROR, facts.errors),
        (Kind.UNREADABLE, facts.unreadable),
        (Kind.PROVIDER, facts.providers),
    ):
        for item in items:
            key = f"{kind}:{item.about}"
            settled = facts.settled.get(key)
            if facts.now - item.at < NEWS_FOR and (settled is None or item.at > settled):
                yield Found(key, kind, _news_level(kind, item), item.about, _of_news(item))


def _of_news(item: News) -> dict[str, str | int]:
    return _detail(since=item.at, what=item.what, number=item.number)


def _news_level(kind: Kind, item: News) -> Level:
    if item.level is not None:
        return item.level
    if kind is Kind.UNREADABLE:
        return Level.WARNING
    return HAZARD_LEVELS.get(item.hazard, Level.CRITICAL) if kind is Kind.OPERATOR else Level.CRITICAL


def _clocks(facts: Facts) -> Iterable[Found]:
    off = {feed.name: feed.clock_off_s for feed in facts.feeds if feed.clock_off_s is not None}
    if facts.database_now is not None:
        off["database"] = (facts.now - facts.database_now).total_seconds()
    for name, seconds in off.items():
        if abs(seconds) > CLOCK_LIMIT_S:
            yield Found(f"clock:{name}", Kind.CLOCK, Level.WARNING, name, _detail(number=abs(round(seconds))))


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm as it is kept. Open while `cleared_at` is None."""

    id: UUID
    key: str
    kind: Kind
    level: Level
    subject: str
    detail: Mapping[str, str | int]
    opened_at: datetime
    last_seen_at: datetime
    told_at: datetime | None = None
    told_count: int = 0
    told_level: Level | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    cleared_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What becomes of the open alarms."""

    opened: tuple[Found, ...] = ()
    seen: tuple[tuple[Alarm, Found], ...] = ()
    cleared: tuple[Alarm, ...] = ()


def changes(open_now: Sequence[Alarm], found: Sequence[Found], facts: Facts) -> Changes:
    """Compare what is wrong now with the alarms that are open. Nothing is over before we have looked long enough."""
    by_key = {alarm.key: alarm for alarm in open_now}
    keys = {one.key for one in found}
    return Changes(
        opened=tuple(one for one in found if one.key not in by_key),
        seen=tuple((by_key[one.key], one) for one in found if one.key in by_key),
        cleared=tuple(
            alarm
            for alarm in open_now
            if alarm.key not in keys and not facts.settling and facts.now - alarm.last_seen_at >= CLEAR_AFTER
        ),
    )


def due(alarm: Alarm, now: datetime) -> bool:
    """Whether operators must be told of an open alarm now: for the first time, because it got worse, or again."""
    if alarm.told_level is None or RANK[alarm.level] > RANK[alarm.told_level]:
        return True
    if alarm.acknowledged_at is not None or alarm.level is Level.INFO:
        return False
    return now - alarm.opened_at >= _again_after(alarm.told_count)


def _again_after(told: int) -> timedelta:
    """How long after its opening an alarm that was told `told` times is told again."""
    if told < len(AGAIN):
        return AGAIN[told]
    return AGAIN[-1] + EVERY * (told - len(AGAIN) + 1)


def times_over(alarm: Alarm, now: datetime) -> int:
    """How many of the tellings up to now are done with when operators are told now: what was missed is not made up."""
    told = alarm.told_count + 1
    while now - alarm.opened_at >= _again_after(told):
        told += 1
    return told


def all_critical_well(open_now: Iterable[Alarm]) -> bool:
    """Whether the outside world may be told that all is well: nothing critical is open that nobody takes care of."""
    return not any(alarm.level is Level.CRITICAL and alarm.acknowledged_at is None for alarm in open_now)
