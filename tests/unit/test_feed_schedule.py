"""When a feed is asked, what is fetched of it, and what its silence means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from feeds.atom import Entry
from feeds.fetch import MAX_RETRY_AFTER, parse_retry_after, same_origin_or_allowed
from feeds.jma.codes import type_of_url, wanted
from feeds.schedule import MAX_BACKOFF, Plan, StreamState, backoff, choose, count_bytes, plan
from feeds.sources.jma import FEED

NOW = datetime(2026, 9, 1, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIST = "https://www.data.jma.go.jp/developer/xml/feed/eqvol.xml"
EQVOL, EXTRA = FEED.streams


def _plan(
    state: StreamState,
    covered: datetime | None = None,
    used: int = 0,
    tried: datetime | None = None,
    at: datetime = NOW,
) -> Plan:
    return plan(state, at, covered_at=covered, used_today=used, budget=1000, long_tried_at=tried)


def test_long_list_at_first_start_and_after_a_gap() -> None:
    read = StreamState(long_read_at=NOW)
    assert _plan(StreamState()) == Plan(long=True)
    assert _plan(replace(read, last_ok_at=NOW - 7 * MINUTE)) == Plan(long=False)
    assert _plan(replace(read, last_ok_at=NOW - 9 * MINUTE)) == Plan(long=True)
    # Bodies still pending hold last_ok_at back; this process has seen the list all the same.
    assert _plan(read, covered=NOW - MINUTE) == Plan(long=False)


def test_each_edition_of_the_long_list_is_read_once_some_minutes_after_the_hour() -> None:
    for read_at, asked_at, long in (
        (-40, 4, False),  # the edition of this hour may not be there yet
        (-40, 5, True),
        (5, 59, False),
        (5, 64, False),
        (5, 65, True),
        (-70, 1, True),  # that of the hour before was never read
    ):
        state = StreamState(last_ok_at=NOW, long_read_at=NOW + read_at * MINUTE)
        asked = NOW + asked_at * MINUTE
        assert _plan(state, covered=asked - MINUTE, at=asked) == Plan(long=long), (read_at, asked_at)


def test_a_long_list_that_cannot_be_had_does_not_keep_us_from_the_short_one() -> None:
    for minutes, long in ((0.5, False), (4.9, False), (5, True)):
        assert _plan(StreamState(), tried=NOW - minutes * MINUTE) == Plan(long=long)


def test_waits_when_told_and_when_the_budget_is_used_up() -> None:
    assert _plan(StreamState(backoff_until=NOW + MINUTE)).skip is not None
    assert _plan(StreamState(backoff_until=NOW)).skip is None
    assert "budget" in str(_plan(StreamState(), used=1000).skip)


def test_bytes_are_counted_per_day() -> None:
    state = count_bytes(count_bytes(StreamState(), NOW, 10), NOW, 5)
    assert (state.bytes_day, state.bytes_used) == (NOW.date(), 15)
    assert count_bytes(state, NOW + timedelta(days=1), 3).bytes_used == 3


def test_backoff_grows_to_a_limit_and_obeys_the_server() -> None:
    waits = [backoff(n, None) for n in range(1, 40)]
    assert waits == sorted(waits)
    assert waits[0] < waits[1] < waits[-1] == MAX_BACKOFF
    assert backoff(1, timedelta(minutes=20)) == timedelta(minutes=20)
    assert backoff(1, timedelta(0)) > timedelta(0)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("120", timedelta(seconds=120)),
        ("Tue, 01 Sep 2026 00:05:00 GMT", timedelta(minutes=5)),
        ("Mon, 31 Aug 2026 00:00:00 GMT", timedelta(0)),
        ("999999999999999999", MAX_RETRY_AFTER),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after(header: str | None, wait: timedelta | None) -> None:
    assert parse_retry_after(header, NOW) == wait


@pytest.mark.parametrize(
    ("code", "yes"),
    [
        ("VXSE51", True),
        ("VXSE61", True),
        ("VTSE41", True),
        ("VPWW55", True),
        ("VPWW57", True),
        ("VXKO50", True),
        ("VXKO89", True),
        ("VXKO90", False),
        ("VXKO49", False),
        ("VPWS50", False),  # over 4 MB each
        ("VPWW53", False),
        ("VXSE43", False),
    ],
)
def test_only_types_that_make_events_are_fetched(code: str, yes: bool) -> None:
    url = f"https://www.data.jma.go.jp/developer/xml/data/20260831181840_0_{code}_010000.xml"
    assert type_of_url(url) == code
    assert wanted(code) is yes


def _entry(code: str, age: timedelta | None, host: str = "www.data.jma.go.jp") -> Entry:
    url = f"https://{host}/developer/xml/data/20260831181840_0_{code}_010000.xml"
    return Entry(url, "", None if age is None else NOW - age)


def test_choice_is_newest_first_and_never_another_host() -> None:
    entries = [
        _entry("VXSE52", 3 * MINUTE),
        _entry("VXSE53", MINUTE),
        _entry("VPFD51", MINUTE),
        _entry("VXSE51", timedelta(hours=25)),
        _entry("VXSE51", MINUTE, host="169.254.169.254"),
        Entry("https://www.data.jma.go.jp/no-type.xml", "", NOW),
        Entry("https://www.data.jma.go.jp/" + "a" * 600 + "/x_0_VXSE51_0.xml", "", NOW),
    ]
    chosen, refused = choose(entries, FEED, EQVOL, LIST, NOW)
    assert [e.url.split("_")[2] for e in chosen] == ["VXSE53", "VXSE52"]
    assert refused == 2


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://www.data.jma.go.jp/x.xml", True),
        ("https://www.data.jma.go.jp:443/x.xml", True),
        ("http://www.data.jma.go.jp/x.xml", False),
        ("https://www.data.jma.go.jp:8443/x.xml", False),
        ("https://www.data.jma.go.jp.evil.example/x.xml", False),
        ("https://user@www.data.jma.go.jp/x.xml", False),
        ("https://evil.example/www.data.jma.go.jp", False),
        ("file:///etc/passwd", False),
        ("http://127.0.0.1:9000/x.xml", True),
        ("http://127.0.0.1:9001/x.xml", False),
        ("http://localhost:9000/x.xml", False),
        ("https://[::1", False),
        ("//", False),
    ],
)
def test_where_bodies_may_come_from(url: str, allowed: bool) -> None:
    feed = "http://127.0.0.1:9000/feed/eqvol.xml"
    assert same_origin_or_allowed(url, feed, FEED.body_hosts) is allowed
