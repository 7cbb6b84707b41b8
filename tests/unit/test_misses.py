"""The brake for guessers of links."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.misses import Misses

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def test_a_burst_then_a_trickle() -> None:
    misses = Misses(burst=3, per_minute=6)
    assert [misses.allow("a", NOW) for _ in range(4)] == [True, True, True, False]
    assert not misses.allow("a", NOW + timedelta(seconds=9))
    assert misses.allow("a", NOW + timedelta(seconds=10))
    assert not misses.allow("a", NOW + timedelta(seconds=11))
    assert [misses.allow("a", NOW + timedelta(hours=1)) for _ in range(4)] == [True, True, True, False]


def test_addresses_do_not_brake_each_other_and_are_forgotten() -> None:
    misses = Misses(burst=1, addresses=2)
    assert misses.allow("a", NOW) and misses.allow("b", NOW)
    assert not misses.allow("a", NOW)
    assert misses.allow("c", NOW)  # forgets b, the one seen longest ago
    assert len(misses) == 2
    assert misses.allow("b", NOW)


def test_a_clock_that_steps_back_gives_nothing_away() -> None:
    misses = Misses(burst=1, per_minute=60)
    assert misses.allow("a", NOW)
    assert not misses.allow("a", NOW - timedelta(hours=1))
