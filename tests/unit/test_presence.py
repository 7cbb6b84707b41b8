"""Absences, short stays, and questions about two registrations: the rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from registry.presence import LONGEST, Absence, AbsenceProblem, Kind, read_absence, read_stay, stay_is_over
from registry.same_person import Found, Question, may_write, questions
from registry.same_web import token_in

TODAY = date(2026, 4, 20)
A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)
EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("until", "own", "stands", "counts"),
    [
        (TODAY + timedelta(days=13), True, True, True),
        (TODAY, True, True, True),
        (TODAY - timedelta(days=1), True, False, False),
        (TODAY + timedelta(days=13), False, True, False),
    ],
)
def test_an_absence_holds_through_its_last_day_and_only_on_the_persons_own_word(
    until: date, own: bool, stands: bool, counts: bool
) -> None:
    absence = Absence(Kind.HOME_LEAVE, until, own)
    assert (absence.stands(TODAY), absence.counts(TODAY)) == (stands, counts)


@pytest.mark.parametrize(
    ("form", "key"),
    [
        ({"kind": "gone", "until": "2026-05-03"}, "away.problem.kind"),
        ({"until": "2026-05-03"}, "away.problem.kind"),
        ({"kind": "away"}, "away.problem.until"),
        ({"kind": "away", "until": "next week"}, "away.problem.until"),
        ({"kind": "away", "until": "2026-04-19"}, "away.problem.until"),
        ({"kind": "away", "until": (TODAY + LONGEST + timedelta(days=1)).isoformat()}, "away.problem.until"),
    ],
)
def test_what_cannot_be_an_absence_is_said(form: dict[str, str], key: str) -> None:
    with pytest.raises(AbsenceProblem) as caught:
        read_absence(form, TODAY)
    assert caught.value.key == key


def test_an_absence_is_read() -> None:
    found = read_absence({"kind": "home_leave", "until": "2026-05-03"}, TODAY, own=False)
    assert found == Absence(Kind.HOME_LEAVE, date(2026, 5, 3), own=False)


def test_short_stays() -> None:
    assert read_stay("", TODAY) is None and read_stay("2026-04-20", TODAY) == TODAY
    for wrong in ("2026-04-19", "soon"):
        with pytest.raises(AbsenceProblem):
            read_stay(wrong, TODAY)
    assert not stay_is_over(None, TODAY) and not stay_is_over(TODAY, TODAY)
    assert stay_is_over(TODAY - timedelta(days=1), TODAY)


@pytest.mark.parametrize(
    ("found", "asked"),
    [
        ([Found(A, EARLY, B, LATE)], [Question(A, B)]),
        ([Found(A, LATE, B, EARLY)], [Question(B, A)]),
        ([Found(A, None, B, LATE)], [Question(B, A)]),
        ([Found(A, None, B, None)], []),
        ([Found(A, EARLY, A, EARLY)], []),
        ([Found(A, EARLY, B, LATE), Found(B, LATE, A, EARLY)], [Question(A, B)]),
        ([Found(A, EARLY, B, LATE), Found(A, EARLY, C, None)], [Question(A, B), Question(A, C)]),
    ],
)
def test_whoever_enrolled_first_is_asked_once(found: list[Found], asked: list[Question]) -> None:
    assert questions(found) == asked


@pytest.mark.parametrize(("hour", "may"), [(8, False), (9, True), (19, True), (20, False), (3, False)])
def test_nobody_is_woken_by_such_a_question(hour: int, may: bool) -> None:
    assert may_write(datetime(2026, 4, 20, (hour - 9) % 24, tzinfo=UTC)) is may


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("https://daijobu.example.jp/p/AbCdEfGhJkLm", "AbCdEfGhJkLm"),
        (" https://daijobu.example.jp/p/AbCdEfGhJkLm/card?new=1 ", "AbCdEfGhJkLm"),
        ("https://daijobu.example.jp/e/AbCdEfGhJkLm#x", "AbCdEfGhJkLm"),
        ("AbCdEfGhJkLm", "AbCdEfGhJkLm"),
        ("https://daijobu.example.jp/c/AbCdEfGhJkLm", ""),
        ("AbCdEfGhJkL0", ""),
        ("", ""),
    ],
)
def test_a_pasted_link_is_understood(text: str, token: str) -> None:
    assert token_in(text) == token
