"""Deputies and duty as tables."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from core.clock import JST
from registry.duty import DutyProblem, StandIn, read_days, read_times, with_deputies

A, B, C = (UUID(int=n) for n in (1, 2, 3))
#: 23:30 in Japan on 20 November.
LATE = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
TODAY = date(2026, 11, 20)


def one(person: UUID, deputy: UUID, first: int, last: int) -> StandIn:
    return StandIn(person, deputy, date(2026, 11, first), date(2026, 11, last))


@pytest.mark.parametrize(
    ("stand_ins", "told"),
    [
        ([], [A, B]),
        ([one(A, C, 20, 20)], [A, C, B]),
        ([one(A, B, 20, 20)], [A, B]),
        ([one(A, C, 18, 19)], [A, B]),
        ([one(A, C, 21, 25)], [A, B]),
        ([one(C, A, 20, 20)], [A, B]),
        ([one(A, C, 20, 20), one(C, B, 20, 20)], [A, C, B]),
    ],
)
def test_who_is_told(stand_ins: list[StandIn], told: list[UUID]) -> None:
    assert with_deputies([A, B], stand_ins, LATE) == told


def test_a_day_is_a_day_in_japan() -> None:
    entry = one(A, C, 21, 21)
    assert not entry.holds(datetime(2026, 11, 20, 14, 59, tzinfo=UTC))
    assert entry.holds(datetime(2026, 11, 20, 15, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("first", "last", "key"),
    [
        ("", "2026-11-21", "staff.deputy.no_days"),
        ("2026-11-22", "2026-11-21", "staff.deputy.wrong_days"),
        ("2026-11-01", "2026-11-19", "staff.deputy.wrong_days"),
        ("2026-11-20", "2028-11-20", "staff.deputy.wrong_days"),
    ],
)
def test_days_that_cannot_be_meant(first: str, last: str, key: str) -> None:
    with pytest.raises(DutyProblem) as caught:
        read_days(first, last, TODAY)
    assert caught.value.key == key


def test_days_and_times_are_read_in_japan() -> None:
    assert read_days("2026-11-18", "2026-11-20", TODAY) == (date(2026, 11, 18), TODAY)
    begin, end = read_times("2026-11-20T21:00", "2026-11-21T07:00", LATE)
    assert (begin, end) == (datetime(2026, 11, 20, 21, tzinfo=JST), datetime(2026, 11, 21, 7, tzinfo=JST))


@pytest.mark.parametrize(
    ("first", "last", "key"),
    [
        ("tonight", "2026-11-21T07:00", "staff.duty.no_times"),
        ("2026-11-21T07:00", "2026-11-21T07:00", "staff.duty.wrong_times"),
        ("2026-11-20T07:00", "2026-11-20T21:00", "staff.duty.wrong_times"),
        ("2026-11-20T21:00", "2027-11-20T21:00", "staff.duty.wrong_times"),
    ],
)
def test_times_that_cannot_be_meant(first: str, last: str, key: str) -> None:
    with pytest.raises(DutyProblem) as caught:
        read_times(first, last, LATE)
    assert caught.value.key == key
