"""What an answer does to a case, when silence becomes one, and what a coordinator may enter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from checkin.cases import (
    CLOSES,
    Found,
    Step,
    after_answer,
    case_delay,
    choices,
    green_answer,
    help_answer,
    is_night,
    proxy_answer,
    stands_beside,
    with_the_rest,
)
from core.model import Answer, Answered, AnsweredBy, CaseReason, Severity

HELP, UNREACHABLE, SILENT = CaseReason.NEEDS_HELP, CaseReason.UNREACHABLE, CaseReason.SILENT
SELF, LEADER = AnsweredBy.SELF, AnsweredBy.LEADER


@pytest.mark.parametrize(
    ("answer", "by", "reason", "own_help", "step"),
    [
        (Answer.HELP, SELF, None, False, Step.OPEN_HELP),
        (Answer.CANNOT_LEAVE, SELF, SILENT, False, Step.OPEN_HELP),
        (Answer.HELP, LEADER, None, False, Step.OPEN_HELP),
        (Answer.OK, SELF, None, False, Step.NOTHING),
        (Answer.OK, SELF, SILENT, False, Step.CLOSE),
        (Answer.OK, SELF, HELP, True, Step.CLOSE),
        (Answer.NOT_THERE, SELF, HELP, True, Step.CLOSE),
        (Answer.LEAVING, SELF, SILENT, False, Step.CLOSE),
        (Answer.ON_DUTY, SELF, UNREACHABLE, False, Step.CLOSE),
        (Answer.LEAVING, SELF, HELP, True, Step.NOTHING),
        (Answer.OK, LEADER, SILENT, False, Step.CLOSE),
        (Answer.OK, LEADER, UNREACHABLE, False, Step.CLOSE),
        (Answer.OK, LEADER, HELP, False, Step.CLOSE),
        (Answer.OK, LEADER, HELP, True, Step.NOTHING),
        (Answer.LEAVING, LEADER, SILENT, False, Step.NOTHING),
    ],
)
def test_what_an_answer_does(
    answer: Answer, by: AnsweredBy, reason: CaseReason | None, own_help: bool, step: Step
) -> None:
    assert after_answer(answer, by, reason, own_help) is step


@pytest.mark.parametrize("by", [b for b in AnsweredBy if b is not SELF])
@pytest.mark.parametrize("answer", list(Answer))
def test_nobody_else_ends_an_own_call_for_help(answer: Answer, by: AnsweredBy) -> None:
    assert after_answer(answer, by, HELP, own_help=True) is not Step.CLOSE


@pytest.mark.parametrize(
    ("utc_hour", "minute", "night"), [(12, 59, False), (13, 0, True), (20, 59, True), (21, 0, False), (3, 0, False)]
)
def test_night_is_22_to_6_in_japan(utc_hour: int, minute: int, night: bool) -> None:
    assert is_night(datetime(2026, 4, 14, utc_hour, minute, tzinfo=UTC)) is night


@pytest.mark.parametrize(
    ("severity", "night", "override", "minutes"),
    [
        (Severity.EXTREME, False, None, 30),
        (Severity.EXTREME, True, None, 20),
        (Severity.SEVERE, True, None, 20),
        (Severity.MODERATE, True, None, 30),
        (Severity.EXTREME, True, 60, 1),
    ],
)
def test_how_long_silence_may_last(severity: Severity, night: bool, override: int | None, minutes: int) -> None:
    delay = case_delay("earthquake", severity, night, lambda hazard, sev, at_night: 1800, override)
    assert delay == timedelta(minutes=minutes)


def test_an_own_call_for_help_is_never_simply_ok() -> None:
    assert Found.OK not in choices(HELP, own_help=True)
    assert Found.NOT_THERE not in choices(HELP, own_help=True)
    assert Found.OK in choices(HELP, own_help=False)


@pytest.mark.parametrize("reason", list(CaseReason))
@pytest.mark.parametrize("own_help", [True, False])
def test_every_form_can_leave_a_person_open(reason: CaseReason, own_help: bool) -> None:
    offered = choices(reason, own_help)
    assert offered[0] is Found.NOT_YET and len(set(offered)) == len(offered)
    assert {Found.NOT_YET, Found.NEEDS_HELP}.isdisjoint(CLOSES)


@pytest.mark.parametrize(
    ("questions", "green", "help_"),
    [
        (["ok", "help"], Answer.OK, Answer.HELP),
        ([], Answer.OK, Answer.HELP),
        (["safe_place", "leaving", "cannot_leave", "on_duty", "not_there"], Answer.SAFE_PLACE, Answer.CANNOT_LEAVE),
    ],
)
def test_findings_become_answers_of_the_hazard(questions: list[str], green: Answer, help_: Answer) -> None:
    assert green_answer(questions) is proxy_answer(Found.OK, questions) is green
    assert help_answer(questions) is proxy_answer(Found.NEEDS_HELP, questions) is help_
    assert proxy_answer(Found.MISSING, questions) is proxy_answer(Found.HELP_GIVEN, questions) is None


def test_the_rest_is_ok_speaks_for_the_silent_and_never_for_who_asked_for_help() -> None:
    minh, silent, unreached, hurt = (uuid4() for _ in range(4))
    cases = {minh: SILENT, silent: SILENT, unreached: UNREACHABLE, hurt: HELP}
    found = dict.fromkeys(cases, Found.NOT_YET) | {minh: Found.MISSING}
    assert with_the_rest(found, cases, rest_is_ok=True) == {
        minh: Found.MISSING,
        silent: Found.OK,
        unreached: Found.OK,
        hurt: Found.NOT_YET,
    }
    assert with_the_rest(found, cases, rest_is_ok=False) == found
    assert with_the_rest({silent: Found.NOT_YET}, {}, rest_is_ok=True) == {silent: Found.OK}


ASKED = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("answer", "answered_at", "has_case", "beside"),
    [
        (None, None, False, False),  # who has not answered is looked after
        (Answer.OK, ASKED + timedelta(minutes=1), False, True),
        (Answer.OK, ASKED, False, True),
        (Answer.OK, ASKED - timedelta(minutes=1), False, False),  # asked anew since: not an answer to this
        (Answer.OK, ASKED + timedelta(minutes=1), True, False),  # a colleague called for help: no "OK" again
        (Answer.HELP, ASKED + timedelta(minutes=1), True, True),
        (Answer.HELP, ASKED - timedelta(minutes=1), True, False),
    ],
)
def test_where_words_are_kept(
    answer: Answer | None, answered_at: datetime | None, has_case: bool, beside: bool
) -> None:
    own = Answered(answer, SELF, answered_at, answered_at) if answer and answered_at else None
    assert stands_beside(own, ASKED, has_case=has_case) is beside


def test_words_of_somebody_who_was_not_asked_stand_beside_what_they_said() -> None:
    assert stands_beside(Answered(Answer.OK, SELF, ASKED, ASKED), None, has_case=False)
