"""Which consent counts now, and for whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.model import OrgKind
from registry.consent import (
    Choice,
    ConsentLine,
    Version,
    changes,
    choices,
    current,
    given,
    own_choice,
    shares_answer,
    shares_location,
    standing,
    to_ask_again,
    words_of,
)

NOW = datetime(2026, 11, 20, tzinfo=UTC)
FARM, PLANT = UUID(int=1), UUID(int=2)
QUAKE, FLOOD = UUID(int=3), UUID(int=4)


def line(
    scope: str,
    yes: bool = True,
    basis: str = "own",
    minute: int = 0,
    *,
    org: UUID | None = None,
    incident: UUID | None = None,
    version: str = "2026-11",
) -> ConsentLine:
    return ConsentLine(scope, yes, basis, NOW + timedelta(minutes=minute), org, incident, version)


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
    assert given(lines) == {"C1"}
    assert own_choice(lines) == frozenset()


def test_only_what_differs_is_written() -> None:
    assert changes(frozenset({"C1", "C2"}), frozenset({"C1", "C3"})) == (("C2", False), ("C3", True))
    assert changes(frozenset({"C1"}), frozenset({"C1"})) == ()
    assert changes(frozenset({"C4"}), frozenset()) == ()


# (lines, member of FARM since minute, enrolled, hidden) -> FARM may see the answer
SHARING = [
    ([], 0, True, False, False),  # asked and said nothing: no
    ([], 0, False, False, True),  # only invited: not asked yet
    ([], 0, False, True, False),  # hidden wins over everything
    ([line("C2", org=FARM)], 0, True, False, True),
    ([line("C2", org=FARM)], 0, True, True, False),
    ([line("C2", org=PLANT)], 0, True, False, False),  # another viewer's line is no line
    ([line("C2")], 0, True, False, True),  # a general line, and they were a member then
    ([line("C2")], 5, True, False, False),  # joined later: not what was agreed to
    ([line("C2")], None, True, False, False),  # never a member
    ([line("C2", org=FARM), line("C2", False, "withdrawn", 1)], 0, True, False, False),  # taken back from all
    ([line("C2", False, "withdrawn"), line("C2", minute=1, org=FARM)], 0, True, False, True),
    ([line("C2"), line("C2", False, "withdrawn", 1, org=FARM)], 0, True, False, False),
    ([line("C2"), line("C2", False, "withdrawn", 1, org=PLANT)], 0, True, False, True),
    ([line("C2", False, "withdrawn", org=FARM)], 0, False, False, False),  # said no before enrolling
    ([line("C1"), line("C3")], 0, True, False, False),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "since", "enrolled", "hidden", "shown"), SHARING)
def test_who_may_see_an_answer(
    lines: list[ConsentLine], since: int | None, enrolled: bool, hidden: bool, shown: bool
) -> None:
    member_since = None if since is None else NOW + timedelta(minutes=since)
    assert shares_answer(lines, FARM, member_since=member_since, enrolled=enrolled, hidden=hidden) is shown


def test_a_location_is_shared_in_one_incident_only() -> None:
    lines = [line("C5", incident=QUAKE)]
    assert shares_location(lines, QUAKE)
    assert not shares_location(lines, FLOOD)
    assert not shares_location([*lines, line("C5", False, "withdrawn", 1, incident=QUAKE)], QUAKE)


def test_only_a_changed_meaning_asks_again() -> None:
    versions = (
        Version("2026-11", frozenset({"C1", "C2"})),
        Version("2027-01", frozenset()),
        Version("2027-02", frozenset({"C2"})),
    )
    old = [line("C1"), line("C2")]
    assert to_ask_again(old, versions[:2]) == frozenset()
    assert to_ask_again(old, versions) == {"C2"}
    assert to_ask_again([*old, line("C2", minute=1, version="2027-02")], versions) == frozenset()
    assert to_ask_again([line("C2", False, "withdrawn")], versions) == frozenset()
    assert to_ask_again([line("C1", basis="invitation", version="1999")], versions) == frozenset()
    assert to_ask_again([line("C1", version="1999")], versions) == {"C1"}


def test_stopping_takes_back_every_line_that_stands() -> None:
    lines = [line("C1"), line("C2", org=FARM), line("C2", org=PLANT), line("C2", False, "withdrawn", 1, org=PLANT)]
    assert {(one.scope, one.viewer_org) for one in standing(lines)} == {("C1", None), ("C2", FARM)}
    assert [one.scope for one in standing([*lines, line("C2", False, "withdrawn", 2)])] == ["C1"]


def test_only_switches_that_moved_are_stored() -> None:
    before = {Choice("C2", True, FARM): True, Choice("C3", True): False}
    wanted = [Choice("C2", True, FARM), Choice("C2", True, PLANT), Choice("C3", False)]
    assert choices(before, wanted) == [Choice("C2", True, PLANT)]


@pytest.mark.parametrize(
    "fields", [("C9", True), ("C3", True, FARM), ("C5", True), ("C1", True, None, QUAKE), ("C5", True, FARM, QUAKE)]
)
def test_a_choice_that_means_nothing_is_refused(fields: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="consent"):
        Choice(*fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kinds", "line", "more"),
    [
        ((), "consent.C2", "consent.C2.more"),
        ((OrgKind.EMPLOYER, OrgKind.SUPERVISING), "consent.C2", "consent.C2.more"),
        ((OrgKind.COMMUNITY,), "consent.C2.org", "consent.C2.org.more"),
        ((OrgKind.SCHOOL,), "consent.C2.org", "consent.C2.org.more"),
        ((OrgKind.PARTNER,), "consent.C2.org", "partners.sees"),
        ((OrgKind.EMPLOYER, OrgKind.COMMUNITY), "consent.C2.org", "consent.C2.org.more"),
    ],
)
def test_only_a_companys_people_read_of_a_company(kinds: tuple[OrgKind, ...], line: str, more: str) -> None:
    assert words_of("C2", kinds) == (line, more)
    assert words_of("C3", kinds) == ("consent.C3", "consent.C3.more")
