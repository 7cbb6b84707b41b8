"""Which alarms are open, when they are told again, when they are over: tables with times."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from ops.alarms import (
    CLEAR_AFTER,
    GRACE,
    LOOPS,
    Alarm,
    Changes,
    Facts,
    FeedFact,
    Found,
    HeldFact,
    Kind,
    Level,
    News,
    all_critical_well,
    changes,
    due,
    find,
    times_over,
)

NOW = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)
ONE = UUID(int=1)
ALIVE = {name: (NOW, timedelta(seconds=5)) for name in LOOPS}
INFO, WARNING, CRITICAL = Level.INFO, Level.WARNING, Level.CRITICAL


def ago(**passed: float) -> datetime:
    return NOW - timedelta(**passed)


def facts(**known: object) -> Facts:
    values = {"now": NOW, "watching_since": LONG_AGO, "loops": ALIVE} | known
    return Facts(**values)  # type: ignore[arg-type]


def feed(state: str, why: str | None = "silent", *, primary: bool = True) -> FeedFact:
    return FeedFact("jma.eqvol" if primary else "usgs.4.5_day", primary, state, why, ago(minutes=4))


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, []),
        ({"feeds": [feed("ok", None)]}, []),
        (
            {"providers": [News("sms 21408", "the country is off", ago(minutes=1), 3, level=CRITICAL)]},
            [("provider:sms 21408", Kind.PROVIDER, CRITICAL)],
        ),
        (
            {"providers": [News("sms 30001", "the queue is full", ago(minutes=1), level=WARNING)]},
            [("provider:sms 30001", Kind.PROVIDER, WARNING)],
        ),
        ({"feeds": [feed("late")]}, [("feed:jma.eqvol", Kind.FEED_SILENT, WARNING)]),
        ({"feeds": [feed("late", "quiet")]}, [("feed:jma.eqvol", Kind.FEED_QUIET, WARNING)]),
        # A quake that another source knows: people may not be warned now.
        ({"feeds": [feed("late", "missed")]}, [("feed:jma.eqvol", Kind.FEED_MISSED, CRITICAL)]),
        ({"feeds": [feed("stale", "failing")]}, [("feed:jma.eqvol", Kind.FEED_FAILING, CRITICAL)]),
        ({"feeds": [feed("stale", "never")]}, [("feed:jma.eqvol", Kind.FEED_NEVER, CRITICAL)]),
        # A source that only adds to the others wakes nobody.
        ({"feeds": [feed("late", primary=False)]}, [("feed:usgs.4.5_day", Kind.FEED_SILENT, INFO)]),
        ({"feeds": [feed("stale", primary=False)]}, [("feed:usgs.4.5_day", Kind.FEED_SILENT, WARNING)]),
        ({"held": [HeldFact(ONE, "t", ago(seconds=60), "far", True)]}, []),
        ({"held": [HeldFact(ONE, "t", ago(seconds=61), "far", True)]}, [(f"held:{ONE}", Kind.HELD, CRITICAL)]),
        ({"held": [HeldFact(ONE, "t", ago(hours=1), "far", False)]}, [(f"held:{ONE}", Kind.HELD, WARNING)]),
        ({"loops": ALIVE | {"send": (ago(seconds=60), timedelta(seconds=60))}}, []),
        (
            {"loops": ALIVE | {"send": (ago(seconds=61), timedelta(seconds=61))}},
            [("loop:send", Kind.LOOP, CRITICAL)],
        ),
        (
            {"loops": {name: ALIVE[name] for name in LOOPS if name != "hooks"}},
            [("loop:hooks", Kind.LOOP_NEVER, CRITICAL)],
        ),
        ({"outbox_since": ago(seconds=60)}, []),
        ({"outbox_since": ago(seconds=61)}, [("outbox", Kind.OUTBOX, CRITICAL)]),
        ({"undecided_since": ago(seconds=61)}, [("undecided", Kind.UNDECIDED, CRITICAL)]),
        ({"database_now": ago(seconds=5)}, []),
        ({"database_now": ago(seconds=6)}, [("clock:database", Kind.CLOCK, WARNING)]),
        (
            {"feeds": [replace(feed("ok", None), clock_off_s=-7.0)]},
            [("clock:jma.eqvol", Kind.CLOCK, WARNING)],
        ),
        ({"channels": {"url": (ago(minutes=1), "HTTP 500")}}, [("channel:url", Kind.CHANNEL, WARNING)]),
        (
            {"for_operators": [News("VYSE52", "headline", ago(minutes=1), hazard="nankai_trough")]},
            [("operator:VYSE52", Kind.OPERATOR, WARNING)],
        ),
        (
            {"for_operators": [News("VPBS50", "headline", ago(minutes=1), hazard="weather_bulletin")]},
            [("operator:VPBS50", Kind.OPERATOR, INFO)],
        ),
        (
            {"for_operators": [News("VPWW55", "unknown kind: 特別警報", ago(minutes=1), hazard="heavy_rain")]},
            [("operator:VPWW55", Kind.OPERATOR, CRITICAL)],
        ),
        ({"errors": [News("VXSE53", "KeyError", ago(minutes=1))]}, [("error:VXSE53", Kind.ERROR, CRITICAL)]),
        (
            {"unreadable": [News("jma VXSE53", "cut", ago(hours=23))]},
            [("unreadable:jma VXSE53", Kind.UNREADABLE, WARNING)],
        ),
        ({"unreadable": [News("jma VXSE53", "cut", ago(hours=24))]}, []),
        # Somebody took care of it; what came after that is new.
        ({"errors": [News("VXSE53", "KeyError", ago(minutes=9))], "settled": {"error:VXSE53": ago(minutes=8)}}, []),
        (
            {"errors": [News("VXSE53", "KeyError", ago(minutes=7))], "settled": {"error:VXSE53": ago(minutes=8)}},
            [("error:VXSE53", Kind.ERROR, CRITICAL)],
        ),
    ],
)
def test_what_is_wrong(known: dict[str, object], expected: list[tuple[str, Kind, Level]]) -> None:
    assert [(one.key, one.kind, one.level) for one in find(facts(**known))] == expected


def test_the_worst_comes_first_and_says_since_when() -> None:
    found = find(facts(feeds=[feed("late")], outbox_since=ago(minutes=2), channels={"sms": (ago(minutes=1), "no")}))
    assert [one.level for one in found] == [CRITICAL, WARNING, WARNING]
    assert found[0].detail == {"since": ago(minutes=2).isoformat()}
    assert found[1].detail == {"since": ago(minutes=1).isoformat(), "what": "no"}


def test_just_started_nobodys_silence_is_an_alarm_but_what_is_held_is() -> None:
    young = {"watching_since": NOW - GRACE + timedelta(seconds=1), "loops": {}, "feeds": [feed("stale")]}
    assert find(facts(**young, outbox_since=ago(hours=1))) == []
    assert [one.kind for one in find(facts(**young, held=[HeldFact(ONE, "t", ago(hours=1), "", True)]))] == [Kind.HELD]
    assert len(find(facts(**(young | {"watching_since": NOW - GRACE})))) == 1 + len(LOOPS)


def alarm(**known: object) -> Alarm:
    values = {
        "id": uuid4(),
        "key": "feed:jma.eqvol",
        "kind": Kind.FEED_SILENT,
        "level": CRITICAL,
        "subject": "jma.eqvol",
        "detail": {},
        "opened_at": NOW,
        "last_seen_at": NOW,
    } | known
    return Alarm(**values)  # type: ignore[arg-type]


def test_alarms_open_once_are_seen_again_and_end_when_the_state_has_been_gone_for_long_enough() -> None:
    found = Found("feed:jma.eqvol", Kind.FEED_SILENT, CRITICAL, "jma.eqvol")
    old = alarm()
    assert changes([], [found], facts()) == Changes(opened=(found,))
    assert changes([old], [found], facts()) == Changes(seen=((old, found),))
    gone = alarm(last_seen_at=NOW - CLEAR_AFTER)
    assert changes([gone], [], facts()) == Changes(cleared=(gone,))
    assert changes([alarm(last_seen_at=ago(seconds=119))], [], facts()) == Changes()
    # After a restart of ours nothing is known to be over yet.
    assert changes([gone], [], facts(watching_since=ago(seconds=9))) == Changes()


def told_at(level: Level, *, until: int, acknowledged_after: int | None = None) -> list[int]:
    """The minutes after its opening at which operators are told of an alarm that stays open."""
    told, one = [], alarm(level=level)
    for minute in range(until + 1):
        if acknowledged_after is not None and minute == acknowledged_after:
            one = replace(one, acknowledged_at=NOW)
        now = NOW + timedelta(minutes=minute)
        if due(one, now):
            told.append(minute)
            one = replace(one, told_count=times_over(one, now), told_level=one.level, told_at=now)
    return told


def test_operators_are_told_at_once_then_after_5_15_60_minutes_then_hourly() -> None:
    assert told_at(CRITICAL, until=241) == [0, 5, 15, 60, 120, 180, 240]
    assert told_at(WARNING, until=121) == [0, 5, 15, 60, 120]
    assert told_at(INFO, until=241) == [0]


def test_whoever_takes_care_of_it_ends_the_repeats_unless_it_gets_worse() -> None:
    assert told_at(CRITICAL, until=241, acknowledged_after=7) == [0, 5]
    taken = alarm(level=WARNING, told_level=WARNING, told_count=2, acknowledged_at=NOW)
    assert not due(taken, NOW + timedelta(hours=5))
    assert due(replace(taken, level=CRITICAL), NOW + timedelta(hours=5))


def test_what_could_not_be_told_in_time_is_told_once_and_not_made_up() -> None:
    late = NOW + timedelta(minutes=61)
    assert due(alarm(), late) and times_over(alarm(), late) == 4
    after = alarm(told_count=4, told_level=CRITICAL)
    assert not due(after, NOW + timedelta(minutes=119)) and due(after, NOW + timedelta(minutes=120))


def test_all_is_well_only_without_a_critical_alarm_that_nobody_takes_care_of() -> None:
    assert all_critical_well([])
    assert all_critical_well([alarm(level=WARNING)])
    assert not all_critical_well([alarm(level=WARNING), alarm()])
    assert all_critical_well([alarm(acknowledged_at=NOW)])
