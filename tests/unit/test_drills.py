"""When a call for help must leave the drill, or the closed incident, in which it was made."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from checkin.drills import asks_if_real, help_key, needs_open_incident
from checkin.replies import current_status
from core.model import Answer, Answered, AnsweredBy, Purpose

NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("purpose", "answer", "by", "asked"),
    [
        (Purpose.DRILL, Answer.HELP, AnsweredBy.SELF, True),
        (Purpose.DRILL, Answer.CANNOT_LEAVE, AnsweredBy.SELF, True),
        (Purpose.DRILL, Answer.OK, AnsweredBy.SELF, False),
        (Purpose.DRILL, Answer.LEAVING, AnsweredBy.SELF, False),
        (Purpose.DRILL, Answer.HELP, AnsweredBy.LEADER, False),
        (Purpose.CANARY, Answer.HELP, AnsweredBy.SELF, True),
        (Purpose.LIVE, Answer.HELP, AnsweredBy.SELF, False),
    ],
)
def test_only_own_help_outside_of_what_is_real_is_asked_about(
    purpose: Purpose, answer: Answer, by: AnsweredBy, asked: bool
) -> None:
    assert asks_if_real(purpose, current_status([Answered(answer, by, NOON, NOON)])) is asked


def test_nobody_is_asked_before_they_answered() -> None:
    assert not asks_if_real(Purpose.DRILL, current_status([]))


@pytest.mark.parametrize(
    ("purpose", "answer", "closed", "moves"),
    [
        (Purpose.LIVE, Answer.HELP, True, True),
        (Purpose.LIVE, Answer.CANNOT_LEAVE, True, True),
        (Purpose.LIVE, Answer.HELP, False, False),
        (Purpose.LIVE, Answer.OK, True, False),
        (Purpose.DRILL, Answer.HELP, True, False),
    ],
)
def test_help_after_the_end_needs_an_open_incident(purpose: Purpose, answer: Answer, closed: bool, moves: bool) -> None:
    assert needs_open_incident(purpose, answer, NOON if closed else None) is moves


def test_a_person_has_one_key() -> None:
    assert help_key(UUID(int=1)) == "help:00000000-0000-0000-0000-000000000001" != help_key(UUID(int=2))
