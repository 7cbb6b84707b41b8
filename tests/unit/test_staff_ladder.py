"""Over which of their proven ways staff are told, in which order, and when."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from alerts.channels_setup import channel_kinds
from alerts.staff_ladder import Contact, Rung, StaffLadderError, ladder, read_ladder, ways

RUNGS = (Rung("phone", 60), Rung("push", 100), Rung("email", 200))
ONE, TWO, THREE, FOUR = (UUID(int=n) for n in range(1, 5))


@pytest.mark.parametrize(
    ("contacts", "first", "expected"),
    [
        ([], None, []),
        ([(ONE, "push")], None, [(ONE, 0)]),
        ([(ONE, "email"), (TWO, "phone")], None, [(TWO, 0), (ONE, 200)]),
        ([(ONE, "email"), (TWO, "push"), (THREE, "phone")], None, [(THREE, 0), (TWO, 100), (ONE, 300)]),
        ([(ONE, "push"), (TWO, "push")], None, [(ONE, 0), (TWO, 100)]),
        ([(ONE, "email"), (TWO, "push"), (THREE, "phone")], ONE, [(ONE, 0), (THREE, 60), (TWO, 160)]),
        ([(ONE, "pigeon"), (TWO, "push")], None, [(TWO, 0)]),
        ([(ONE, "push")], FOUR, [(ONE, 0)]),
    ],
    ids=["nobody", "one", "telephone first", "three", "two browsers", "as before", "unknown kind", "that one is gone"],
)
def test_order_and_times(
    contacts: list[tuple[UUID, str]], first: UUID | None, expected: list[tuple[UUID, int]]
) -> None:
    found = ways([Contact(*one) for one in contacts], RUNGS, first)
    assert [(way.contact.id, way.after) for way in found] == [(id, timedelta(seconds=s)) for id, s in expected]


def test_ours_names_kinds_that_there_are_and_a_telephone_first() -> None:
    kinds = [rung.contact for rung in ladder()]
    assert kinds[0] == "phone" and set(kinds) <= {kind.contact for kind in channel_kinds().values()}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "needs a list"),
        ("step = [", "not readable"),
        ('step = ["phone"]', r"step\[1\] must be"),
        ('step = [{ contact = "phone", after_s = 0 }]', r"step\[1\] must be"),
        ('step = [{ contact = "phone", after_s = true }]', r"step\[1\] must be"),
        ('step = [{ contact = "phone", after_s = 9, when = "x" }]', r"step\[1\] must be"),
        ('step = [{ contact = "phone", after_s = 9 }, { contact = "phone", after_s = 9 }]', "a second time"),
        ('more = 1\nstep = [{ contact = "phone", after_s = 9 }]', "nothing else"),
    ],
)
def test_a_wrong_table_is_told(text: str, problem: str) -> None:
    with pytest.raises(StaffLadderError, match=problem):
        read_ladder(text)
