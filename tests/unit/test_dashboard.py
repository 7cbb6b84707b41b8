"""What an organisation sees of its people: one state each, counts, groups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID, uuid4

import pytest

from checkin.dashboard import (
    EmployerRow,
    Person,
    Standing,
    State,
    groups,
    needs_help_first,
    sections,
    state_of,
    totals,
    unopened_first,
)
from core.model import Answer, Severity

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("standing", "state"),
    [
        (Standing(True, True), State.SILENT),
        (Standing(True, False), State.UNREACHABLE),
        (Standing(False, True), State.INFORMED),
        (Standing(False, False), State.UNREACHABLE),
        (Standing(True, True, Answer.OK), State.OK),
        (Standing(True, False, Answer.OK), State.OK),
        (Standing(True, True, Answer.HELP), State.HELP),
        (Standing(True, True, Answer.CANNOT_LEAVE), State.HELP),
        (Standing(True, True, Answer.HELP, before_ask=True), State.HELP),
        (Standing(True, True, Answer.SAFE_PLACE), State.OK),
        (Standing(True, True, Answer.NOT_THERE), State.OK),
        (Standing(True, True, Answer.LEAVING), State.MOVING),
        (Standing(True, True, Answer.OK, before_ask=True), State.EARLIER),
        (Standing(True, True, Answer.OK, shared=False), State.NOT_SHARED),
        (Standing(True, True, shared=False), State.SILENT),
        (Standing(True, True, Answer.OK, before_ask=True, shared=False), State.SILENT),
        (Standing(True, True, help_open=True), State.HELP),
        (Standing(True, True, help_open=True, shared=False), State.SILENT),
        (Standing(True, True, shared=False, answered=True), State.NOT_SHARED),
        (Standing(True, False, shared=False, answered=True), State.NOT_SHARED),
        (Standing(True, False, help_open=True, shared=False), State.UNREACHABLE),
    ],
)
def test_state(standing: Standing, state: State) -> None:
    assert state_of(standing) is state


@pytest.mark.parametrize(("asked", "reachable", "before"), list(product([True, False], repeat=3)))
def test_what_is_not_shared_looks_the_same_whatever_was_answered(asked: bool, reachable: bool, before: bool) -> None:
    states = {state_of(Standing(asked, reachable, answer, before_ask=before, shared=False)) for answer in Answer}
    assert len(states) == 1


def test_totals_count_everybody_once() -> None:
    found = totals([(Standing(True, True), 3), (Standing(True, True, Answer.HELP, enrolled=False), 2)])
    assert (found[State.SILENT], found[State.HELP], found[State.OK]) == (3, 2, 0)
    assert (found.people, found.waiting, found.not_enrolled) == (5, 5, 2)


def person(name: str, standing: Standing, **more: object) -> Person:
    values: dict[str, object] = {"severity": Severity.EXTREME, "asked_at": NOW} | more
    return Person(id=uuid4(), name=name, standing=standing, **values)  # type: ignore[arg-type]


def test_groups_put_help_and_waiting_people_first() -> None:
    people = [
        person("a", Standing(True, True, Answer.OK), site="Plant 1", dorm="A"),
        person("b", Standing(True, True), site="Plant 1", dorm="B"),
        person("c", Standing(True, True), site="Plant 1", dorm="B"),
        person("d", Standing(True, True, Answer.HELP), site="Plant 2"),
        person("e", Standing(True, True, Answer.OK), site="Plant 2"),
    ]
    found = groups(people)
    assert [(g.site, g.dorm, [p.name for p in g.people]) for g in found] == [
        ("Plant 2", "", ["d", "e"]),
        ("Plant 1", "B", ["b", "c"]),
        ("Plant 1", "A", ["a"]),
    ]
    assert sum(g.totals.people for g in found) == len(people)


def test_settled_help_no_longer_comes_first_and_the_oldest_call_does() -> None:
    help_ = Standing(True, True, Answer.HELP)
    people = [
        person("settled", help_, status_at=NOW - timedelta(hours=2), follow_up="help_given"),
        person("new", help_, status_at=NOW),
        person("old", help_, status_at=NOW - timedelta(hours=1)),
        person("fine", Standing(True, True, Answer.OK)),
    ]
    assert [p.name for p in needs_help_first(people)] == ["old", "new", "settled"]


def test_a_private_answer_shows_neither_answer_nor_change() -> None:
    hidden = person("x", Standing(True, True, Answer.OK, shared=False), first_status=Answer.HELP)
    assert hidden.answer is None and not hidden.changed
    shown = person("y", Standing(True, True, Answer.OK), first_status=Answer.HELP)
    assert shown.changed


def test_supervising_view_unopened_first_then_most_help() -> None:
    def row(n: int, help_: int, opened: bool) -> EmployerRow:
        counts = totals([(Standing(True, True, Answer.HELP), help_), (Standing(True, True), 1)])
        return EmployerRow(UUID(int=n), f"Employer {n}", counts, NOW if opened else None)

    rows = [row(1, 5, True), row(2, 0, False), row(3, 1, False), row(4, 0, True)]
    assert [r.name[-1] for r in unopened_first(rows)] == ["3", "2", "1", "4"]


def crowd() -> list[Person]:
    """Two dorms: in Kita two silent people and three who are OK, in Minami one call for help and one who is OK."""
    silent, ok, hurt = Standing(True, True), Standing(True, True, Answer.OK), Standing(True, True, Answer.HELP)
    kita = [person(f"k{n}", silent if n < 2 else ok, site="Plant", dorm="Kita") for n in range(5)]
    minami = [person(f"m{n}", hurt if n == 0 else ok, site="Plant", dorm="Minami") for n in range(2)]
    return kita + minami


def test_who_waits_is_a_row_and_the_others_are_names() -> None:
    minami, kita = sections(groups(crowd()), rows=100, names=100)
    assert [p.name for p in minami.rows] == ["m0"] and [p.name for p in minami.names] == ["m1"]
    assert [p.name for p in kita.rows] == ["k0", "k1"] and [p.name for p in kita.names] == ["k2", "k3", "k4"]
    assert minami.more == kita.more == 0


def test_a_long_list_keeps_its_groups_and_says_how_many_more() -> None:
    minami, kita = sections(groups(crowd()), rows=2, names=1)
    assert ([p.name for p in minami.rows], [p.name for p in minami.names], minami.more) == (["m0"], ["m1"], 0)
    assert ([p.name for p in kita.rows], kita.names, kita.more) == (["k0"], (), 4)
    (kita,) = sections(groups(crowd()), place=("Plant", "Kita"), rows=2, names=1)
    assert (len(kita.rows), len(kita.names), kita.more) == (2, 3, 0)
    assert sections(groups(crowd()), place=("Plant", "Nishi"), rows=2, names=1) == []


def test_one_state_alone() -> None:
    found = sections(groups(crowd()), state=State.OK, rows=100, names=0)
    assert [[p.name for p in section.rows] for section in found] == [["m1"], ["k2", "k3", "k4"]]
    assert [p.name for s in sections(groups(crowd()), state=State.HELP, rows=9, names=9) for p in s.rows] == ["m0"]
    assert sections(groups(crowd()), state=State.MOVING, rows=9, names=9) == []


def test_nobody_is_lost_between_rows_names_and_the_number() -> None:
    for rows, names in product(range(5), range(5)):
        found = sections(groups(crowd()), rows=rows, names=names)
        assert sum(len(s.rows) + len(s.names) + s.more for s in found) == 7
