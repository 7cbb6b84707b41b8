"""How well a stream is heard: a table of what was heard when, and what is said of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from feeds.health import Freshness, Health, Heard, Missed, Quake, Why, clock_off, gap, judge, missed_quake

NOW = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
QUIET = timedelta(hours=48)
OK, LATE, STALE = Freshness.OK, Freshness.LATE, Freshness.STALE


def ago(**passed: float) -> datetime:
    return NOW - timedelta(**passed)


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        (Heard(), Health(STALE, Why.NEVER)),
        (Heard(error="no answer", failing_since=ago(minutes=9)), Health(STALE, Why.NEVER, None, "no answer")),
        (Heard(ago(seconds=60), ago(hours=1)), Health(OK)),
        # An error about one body while the list is heard is no silence.
        (Heard(ago(seconds=60), ago(hours=1), error="1 body waits"), Health(OK)),
        (Heard(ago(seconds=149), ago(hours=1)), Health(OK)),
        (Heard(ago(seconds=151), ago(hours=1)), Health(LATE, Why.SILENT, ago(seconds=151))),
        (Heard(ago(seconds=91), ago(hours=1), every_s=30), Health(LATE, Why.SILENT, ago(seconds=91))),
        (Heard(ago(minutes=11), ago(hours=1)), Health(STALE, Why.SILENT, ago(minutes=11))),
        (
            Heard(ago(minutes=5), ago(hours=1), ago(minutes=4), "HTTP 403"),
            Health(LATE, Why.FAILING, ago(minutes=4), "HTTP 403"),
        ),
        (
            Heard(ago(minutes=50), ago(hours=1), ago(minutes=49), "HTTP 403"),
            Health(STALE, Why.FAILING, ago(minutes=49), "HTTP 403"),
        ),
        # Answers every minute, and nothing new for two days: a frozen feed looks healthy.
        (Heard(ago(seconds=9), ago(hours=47)), Health(OK)),
        (Heard(ago(seconds=9), ago(hours=49)), Health(LATE, Why.QUIET, ago(hours=49))),
        (Heard(ago(seconds=9), None), Health(LATE, Why.QUIET, None)),
        # Asked every ten minutes: what is late for others is early for it.
        (Heard(ago(minutes=24), ago(hours=1), every_s=600), Health(OK)),
        (Heard(ago(minutes=26), ago(hours=1), every_s=600), Health(LATE, Why.SILENT, ago(minutes=26))),
        (Heard(ago(minutes=101), ago(hours=1), every_s=600), Health(STALE, Why.SILENT, ago(minutes=101))),
    ],
)
def test_what_is_said_of_a_stream(heard: Heard, expected: Health) -> None:
    assert judge(heard, QUIET, NOW) == expected


def test_a_stream_that_may_be_silent_is_never_called_frozen() -> None:
    assert judge(Heard(ago(seconds=9), None), None, NOW).state is OK


def test_a_quake_that_others_know_makes_a_healthy_stream_suspicious() -> None:
    healthy, seen = Heard(ago(seconds=9), ago(hours=1)), Missed("p2pquake", ago(minutes=6))
    assert judge(healthy, QUIET, NOW, seen) == Health(LATE, Why.MISSED, ago(minutes=6), "p2pquake")
    # That it does not answer at all says more.
    assert judge(Heard(ago(minutes=11), ago(hours=1)), QUIET, NOW, seen).why is Why.SILENT


def test_the_silence_that_an_answer_ends() -> None:
    assert gap(None, NOW, 60) is None
    assert gap(ago(seconds=150), NOW, 60) is None
    assert gap(ago(hours=1), NOW, 60) == HOUR


def test_the_clock_is_right_as_long_as_the_servers_date_lies_between_question_and_answer() -> None:
    asked, answered = NOW, NOW + timedelta(seconds=3)
    assert clock_off(None, asked, answered) is None
    assert [clock_off(NOW + timedelta(seconds=s), asked, answered) for s in (-1, 0, 3)] == [0, 0, 0]
    assert clock_off(NOW + timedelta(seconds=13), asked, answered) == -10
    assert clock_off(NOW - timedelta(seconds=11), asked, answered) == 10


def quake(source: str, minutes_ago: float, *, heard_after: float = 1, **where: float) -> Quake:
    at = ago(minutes=minutes_ago)
    return Quake(source, at, at + heard_after * MINUTE, **where)


KUMAMOTO = {"lat": 32.7, "lon": 130.8}
SENDAI = {"lat": 38.2, "lon": 141.5}


@pytest.mark.parametrize(
    ("ours", "relays", "others", "missed"),
    [
        ([], [], [], None),
        # Known for five minutes, and not yet a minute longer.
        ([], [quake("p2pquake", 6)], [], None),
        ([], [quake("p2pquake", 7)], [], Missed("p2pquake", ago(minutes=7))),
        ([quake("jma", 8)], [quake("p2pquake", 7, **KUMAMOTO)], [], None),
        # Another quake at the same time is another quake.
        ([quake("jma", 7, **SENDAI)], [quake("p2pquake", 7, **KUMAMOTO)], [], Missed("p2pquake", ago(minutes=7))),
        ([quake("jma", 7, lat=32.9, lon=131.0)], [quake("p2pquake", 7, **KUMAMOTO)], [], None),
        ([quake("jma", 30)], [quake("p2pquake", 7)], [], Missed("p2pquake", ago(minutes=7))),
        # What is over for hours is history, also if the other source tells it again.
        ([], [quake("p2pquake", 125)], [], None),
        ([], [quake("p2pquake", 600, heard_after=590)], [], None),
        # A foreign network counts only where Japan's agency surely reports.
        ([], [], [quake("usgs", 7, magnitude=7.1, **KUMAMOTO)], Missed("usgs", ago(minutes=7))),
        ([], [], [quake("usgs", 7, magnitude=5.4, **KUMAMOTO)], None),
        ([], [], [quake("usgs", 7, magnitude=7.1, lat=-20.0, lon=130.0)], None),
        ([], [], [quake("usgs", 7, **KUMAMOTO)], None),
    ],
)
def test_a_quake_is_missed(ours: list[Quake], relays: list[Quake], others: list[Quake], missed: Missed | None) -> None:
    assert missed_quake(ours, relays, others, NOW) == missed
