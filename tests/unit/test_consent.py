"""Which consent counts now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from registry.consent import ConsentLine, changes, current, given, own_choice

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def line(scope: str, yes: bool = True, basis: str = "own", minute: int = 0) -> ConsentLine:
    return ConsentLine(scope, yes, basis, NOW + timedelta(minutes=minute))


def test_the_newest_line_of_a_scope_counts() -> None:
    lines = [line("C2"), line("C1"), line("C2", False, "withdrawn", 5)]
    assert given(lines) == {"C1"}
    assert current(lines)["C2"].basis == "withdrawn"


def test_a_withdrawn_scope_can_be_given_again() -> None:
    lines = [line("C3"), line("C3", False, "withdrawn", 1), line("C3", minute=2)]
    assert given(lines) == {"C3"}


def test_of_two_lines_of_one_moment_the_later_stored_counts() -> None:
    assert given([line("C2"), line("C2", False, "withdrawn")]) == frozenset()


def test_an_invitation_is_not_the_persons_own_word() -> None:
    lines = [line("C1", basis="invitation")]
    assert (given(lines), own_choice(lines)) == ({"C1"}, frozenset())


def test_only_what_differs_is_written() -> None:
    assert changes(frozenset({"C1", "C2"}), frozenset({"C1", "C3"})) == (("C2", False), ("C3", True))
    assert changes(frozenset({"C1"}), frozenset({"C1"})) == ()
    assert changes(frozenset({"C4"}), frozenset()) == ()
