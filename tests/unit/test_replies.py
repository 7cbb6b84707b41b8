"""Which answer counts: tables, and a property test against a model written the other way round."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkin.replies import (
    Detail,
    all_well_answer,
    allowed_answers,
    answer_with_detail,
    current_status,
    proxy_answers,
    read_detail,
    tap_time,
)
from core.model import Answer, Answered, AnsweredBy, Moment

START = datetime(2016, 4, 14, 12, 26, tzinfo=UTC)
SELF, LEADER, EMPLOYER, COORDINATOR = AnsweredBy
FLOOD = ("safe_place", "leaving", "cannot_leave", "on_duty", "not_there")


def said(answer: str, by: AnsweredBy = SELF, at: int = 0, received: int | None = None) -> Answered:
    received = at if received is None else received
    return Answered(Answer(answer), by, START + timedelta(minutes=at), START + timedelta(minutes=received))


@pytest.mark.parametrize(
    ("history", "status", "by"),
    [
        ([said("ok")], "ok", SELF),
        ([said("ok", at=1), said("help", at=2)], "help", SELF),
        ([said("help", at=1), said("ok", at=2)], "ok", SELF),
        # A proxy never beats an own answer, in either direction.
        ([said("help", at=1), said("ok", LEADER, at=2)], "help", SELF),
        ([said("help", at=1), said("ok", COORDINATOR, at=2)], "help", SELF),
        ([said("ok", at=1), said("help", EMPLOYER, at=2)], "ok", SELF),
        ([said("ok", LEADER, at=1), said("help", at=2)], "help", SELF),
        # Among proxies the newest.
        ([said("ok", LEADER, at=1), said("help", EMPLOYER, at=2)], "help", EMPLOYER),
        ([said("help", LEADER, at=1), said("ok", COORDINATOR, at=2)], "ok", COORDINATOR),
        # Only a green answer ends an own call for help.
        ([said("cannot_leave", at=1), said("leaving", at=2)], "cannot_leave", SELF),
        ([said("cannot_leave", at=1), said("on_duty", at=2)], "cannot_leave", SELF),
        ([said("cannot_leave", at=1), said("safe_place", at=2)], "safe_place", SELF),
        ([said("cannot_leave", at=1), said("not_there", at=2)], "not_there", SELF),
        ([said("help", at=1), said("cannot_leave", at=2)], "cannot_leave", SELF),
        # An old tap that arrives late does not undo a newer one.
        ([said("ok", at=5), said("help", at=2, received=9)], "ok", SELF),
        ([said("help", at=5), said("ok", at=2, received=9)], "help", SELF),
        # Tapped in the same instant: the one that arrived later.
        ([said("ok", at=1, received=2), said("on_duty", at=1, received=3)], "on_duty", SELF),
    ],
)
def test_status(history: list[Answered], status: str, by: AnsweredBy) -> None:
    view = current_status(history)
    assert view.current is not None
    assert (view.current.answer.value, view.current.by) == (status, by)


def test_first_answer_stays_visible() -> None:
    history = [said("help", LEADER, at=1), said("ok", at=2), said("help", at=3)]
    view = current_status(history)
    assert view.first == history[0]
    assert view.help_stands


def test_nobody_answered() -> None:
    view = current_status([])
    assert view.current is view.first is view.newest_own is None
    assert not view.help_stands


def test_newest_own_is_known_while_help_stands() -> None:
    view = current_status([said("cannot_leave", at=1), said("leaving", at=2)])
    assert view.newest_own == said("leaving", at=2)


answers = st.builds(
    said,
    answer=st.sampled_from([answer.value for answer in Answer]),
    by=st.sampled_from(AnsweredBy),
    at=st.integers(0, 8),
    received=st.integers(8, 12),
)


def model(history: list[Answered]) -> Answered | None:
    """The same promise, backwards: look from the newest own answer back to the last one that cleared everything."""
    own = sorted((a for a in history if a.by is SELF), key=lambda a: (a.at, a.received_at))
    if not own:
        return max(history, key=lambda a: (a.at, a.received_at), default=None)
    since_green: list[Answered] = []
    for answered in reversed(own):
        if answered.answer.is_green:
            break
        since_green.insert(0, answered)
    helps = [a for a in since_green if a.answer.is_help]
    return helps[-1] if helps else own[-1]


@given(st.lists(answers, max_size=10))
def test_status_agrees_with_the_model(history: list[Answered]) -> None:
    view, expected = current_status(history), model(history)
    assert (view.current is None) == (expected is None)
    if view.current is not None and expected is not None:
        # Two taps of one instant that arrived in one instant are told apart by the order of arrival in both.
        assert (view.current.at, view.current.by is SELF) == (expected.at, expected.by is SELF)
        assert view.current.answer.is_help == expected.answer.is_help or _twins(history, view.current)


def _twins(history: list[Answered], answered: Answered) -> bool:
    same = [a for a in history if (a.at, a.received_at) == (answered.at, answered.received_at)]
    return len(same) > 1


@given(st.lists(answers, min_size=1, max_size=8), st.lists(answers.filter(lambda a: a.by is not SELF), max_size=6))
def test_no_proxy_changes_an_own_status(history: list[Answered], proxies: list[Answered]) -> None:
    before = current_status(history)
    if before.newest_own is not None:
        assert current_status(history + proxies).current == before.current


@pytest.mark.parametrize(
    ("claimed", "expected"),
    [(None, 10), (5, 5), (10, 10), (30, 10), (-1, 10), (-60 * 24 * 365 * 40, 10), (0, 0)],
)
def test_tap_time_is_capped_at_receipt_and_never_before_the_link(claimed: int | None, expected: int) -> None:
    tapped = None if claimed is None else START + timedelta(minutes=claimed)
    assert tap_time(tapped, START + timedelta(minutes=10), START) == START + timedelta(minutes=expected)


def test_a_naive_tap_time_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        tap_time(datetime(2016, 4, 14, 21, 30), START, START)


@pytest.mark.parametrize(
    ("questions", "moment", "expected"),
    [
        (("ok", "help"), Moment.ISSUE, ("ok", "help")),
        (FLOOD, Moment.UPDATE, FLOOD),
        (FLOOD, Moment.LIFT, FLOOD),
        (FLOOD, Moment.CANCEL, ("ok", "help")),
        ((), Moment.ISSUE, ("ok", "help")),
        (("ok", "ok", "help"), Moment.REMINDER, ("ok", "help")),
    ],
)
def test_allowed_answers(questions: tuple[str, ...], moment: Moment, expected: tuple[str, ...]) -> None:
    assert allowed_answers(questions, moment) == tuple(Answer(word) for word in expected)


def test_an_unknown_question_is_an_error() -> None:
    with pytest.raises(ValueError, match="maybe"):
        allowed_answers(("maybe",), Moment.ISSUE)


def test_what_a_leader_can_say() -> None:
    flood = tuple(Answer(word) for word in FLOOD)
    assert proxy_answers(flood) == (Answer.SAFE_PLACE, Answer.CANNOT_LEAVE, Answer.NOT_THERE)
    assert all_well_answer(flood) is Answer.SAFE_PLACE
    assert all_well_answer((Answer.OK, Answer.HELP)) is Answer.OK


def test_detail_is_read_leniently() -> None:
    assert read_detail({"hurt": "1", "people": "၃", "tell_employer": "on"}) == Detail(
        hurt=True, people=3, tell_employer=True
    )
    assert read_detail({"people": "-2", "trapped": "no"}) == Detail()
    assert read_detail({"people": "5000"}).people == 99
    assert read_detail({"people": "²"}).people is None
    # "Tell my company" is only about being hurt.
    assert read_detail({"tell_employer": "1"}) == Detail()


def test_detail_as_json_says_only_what_was_said() -> None:
    assert Detail(trapped=True, people=0).as_json() == {"trapped": True, "people": 0}
    assert Detail().as_json() == {}


@pytest.mark.parametrize(
    ("current", "offered", "detail", "expected"),
    [
        (Answer.OK, (Answer.OK, Answer.HELP), Detail(hurt=True), Answer.OK),
        (Answer.OK, (Answer.OK, Answer.HELP), Detail(trapped=True), Answer.HELP),
        (Answer.LEAVING, tuple(map(Answer, FLOOD)), Detail(need_help=True), Answer.CANNOT_LEAVE),
        (Answer.HELP, (Answer.OK, Answer.HELP), Detail(need_help=True), Answer.HELP),
        (None, (Answer.OK, Answer.HELP), Detail(at_shelter=True), None),
        (None, (Answer.OK, Answer.HELP), Detail(need_help=True), Answer.HELP),
    ],
)
def test_answer_with_detail(
    current: Answer | None, offered: tuple[Answer, ...], detail: Detail, expected: Answer | None
) -> None:
    assert answer_with_detail(current, offered, detail) is expected
