"""When to try again, what a receipt may change, when an incident is over."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from alerts.channel import SendError, Trouble
from alerts.policy import closes_at, forward, is_night, may_ask, next_attempt, priority
from core.model import MessageState, Severity

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def pause(attempts: int, error: SendError, random: float = 0.5, expires: datetime = LATER) -> float | None:
    at = next_attempt(attempts, error, NOW, expires, lambda: random)
    return None if at is None else round((at - NOW).total_seconds(), 3)


@pytest.mark.parametrize(("attempts", "expected"), [(1, 1.0), (2, 3.0), (3, 9.0), (4, 27.0), (5, None), (9, None)])
def test_back_off(attempts: int, expected: float | None) -> None:
    assert pause(attempts, SendError(Trouble.NOT_SENT)) == expected


@pytest.mark.parametrize(("random", "expected"), [(0.0, 0.7), (0.999999, 1.3)])
def test_jitter_is_at_most_thirty_percent(random: float, expected: float) -> None:
    assert pause(1, SendError(Trouble.NOT_SENT), random) == expected


@pytest.mark.parametrize("kind", [Trouble.DEAD_ADDRESS, Trouble.OPTED_OUT, Trouble.REFUSED, Trouble.STALE])
def test_what_is_refused_is_not_repeated(kind: Trouble) -> None:
    assert pause(1, SendError(kind)) is None


def test_a_provider_that_names_a_longer_pause_gets_it() -> None:
    assert pause(1, SendError(Trouble.THROTTLED, retry_after_s=7)) == 7
    assert pause(3, SendError(Trouble.THROTTLED, retry_after_s=2)) == 9


def test_ambiguous_waits_for_the_providers_word() -> None:
    assert pause(1, SendError(Trouble.AMBIGUOUS)) == 25


def test_never_past_its_life() -> None:
    assert pause(2, SendError(Trouble.NOT_SENT), expires=NOW + timedelta(seconds=3)) is None
    assert pause(2, SendError(Trouble.NOT_SENT), expires=NOW + timedelta(seconds=4)) == 3


@pytest.mark.parametrize(
    ("kind", "retry", "ambiguous", "drop"),
    [
        (Trouble.NOT_SENT, True, False, None),
        (Trouble.THROTTLED, True, False, None),
        (Trouble.AMBIGUOUS, True, True, None),
        (Trouble.DEAD_ADDRESS, False, False, "dead"),
        (Trouble.OPTED_OUT, False, False, "opted_out"),
        (Trouble.REFUSED, False, False, None),
    ],
)
def test_send_error_says_what_follows(kind: Trouble, retry: bool, ambiguous: bool, drop: str | None) -> None:
    error = SendError(kind, "c", "why")
    assert (error.retry, error.ambiguous, error.drop_address) == (retry, ambiguous, drop)
    assert "(c): why" in str(error)


def test_receipts_in_any_order_and_doubled_end_the_same() -> None:
    def end(receipts: tuple[MessageState, ...]) -> MessageState:
        state = MessageState.LEASED
        for receipt in receipts:
            if forward(state, receipt):
                state = receipt
        return state

    good = (MessageState.SENT, MessageState.DELIVERED, MessageState.SENT)
    assert {end(order) for order in itertools.permutations(good)} == {MessageState.DELIVERED}
    late = (MessageState.SENT, MessageState.FAILED, MessageState.DELIVERED)
    assert {end(order) for order in itertools.permutations(late)} == {MessageState.DELIVERED}
    bad = (MessageState.SENT, MessageState.FAILED)
    assert {end(order) for order in itertools.permutations(bad)} == {MessageState.FAILED}


@pytest.mark.parametrize("state", [MessageState.EXPIRED, MessageState.CANCELLED])
def test_a_message_that_was_withdrawn_takes_no_receipts(state: MessageState) -> None:
    assert not forward(state, MessageState.DELIVERED)


@pytest.mark.parametrize(
    ("hazard", "severity", "lifted", "hours"),
    [
        ("earthquake", Severity.EXTREME, False, 72),
        ("earthquake", Severity.MODERATE, False, 24),
        ("heavy_rain", Severity.SEVERE, False, 72),
        ("heavy_rain", Severity.SEVERE, True, 24),
    ],
)
def test_when_an_incident_is_over(hazard: str, severity: Severity, lifted: bool, hours: int) -> None:
    end_h = 72 if hazard == "earthquake" else 24
    assert closes_at(NOW, hazard, severity, end_h, lifted=lifted) == NOW + timedelta(hours=hours)


@pytest.mark.parametrize(("utc_hour", "night"), [(12, False), (13, True), (20, True), (21, False), (3, False)])
def test_night_in_japan(utc_hour: int, night: bool) -> None:
    assert is_night(datetime(2026, 11, 20, utc_hour, 0, tzinfo=UTC)) is night


def test_at_most_five_asks_a_day() -> None:
    assert may_ask(4, NOW, NOW)
    assert not may_ask(5, NOW, NOW + timedelta(hours=23))
    assert may_ask(5, NOW, NOW + timedelta(hours=24))
    assert may_ask(0, None, NOW)


def test_priority_is_worst_first() -> None:
    assert [priority(s) for s in Severity] == [3, 2, 1, 0]
