"""Who may see what, as tables."""

from __future__ import annotations

from uuid import uuid4

import pytest

from core.model import Role
from registry.access import (
    FIELDS,
    HOUSEHOLD,
    editable_orgs,
    may_name,
    may_see,
    may_see_answer,
    may_see_needs,
    may_see_place,
    may_see_workplace,
    site_shown,
    visible_orgs,
)

OWN, OTHER = uuid4(), uuid4()
NEVER_FOR_EMPLOYERS = ("home_address", "need", "note", "phone", "phone_on_request", "other_orgs", "point", "consents")


@pytest.mark.parametrize("role", [Role.EMPLOYER, Role.COMMUNITY, Role.SUPERVISING])
@pytest.mark.parametrize("field", NEVER_FOR_EMPLOYERS)
def test_employers_never_see(role: Role, field: str) -> None:
    assert not may_see(role, field)


def test_the_operator_sees_nobody() -> None:
    assert FIELDS[Role.OPERATOR] == frozenset()
    assert visible_orgs(Role.OPERATOR, OWN, [OTHER]) == frozenset()


def test_every_role_has_its_list() -> None:
    assert set(FIELDS) == set(Role)


@pytest.mark.parametrize(
    ("role", "visible"),
    [
        (Role.EMPLOYER, {OWN}),
        (Role.COMMUNITY, {OWN}),
        (Role.SUPERVISING, {OWN, OTHER}),
        (Role.COORDINATOR, set()),
        (Role.VOLUNTEER, set()),
        (Role.OPERATOR, set()),
    ],
)
def test_whose_people_a_role_lists(role: Role, visible: set[object]) -> None:
    assert visible_orgs(role, OWN, [OTHER]) == visible == editable_orgs(role, OWN, [OTHER])


@pytest.mark.parametrize(
    ("role", "enrolled", "consents", "named"),
    [
        (Role.VOLUNTEER, True, {"C1", "C3"}, True),
        (Role.VOLUNTEER, True, {"C1", "C2"}, False),
        (Role.VOLUNTEER, False, {"C1", "C3"}, False),
        (Role.COORDINATOR, True, {"C3"}, True),
        (Role.EMPLOYER, False, {"C1"}, True),
        (Role.OPERATOR, True, {"C1", "C2", "C3"}, False),
    ],
)
def test_who_is_named(role: Role, enrolled: bool, consents: set[str], named: bool) -> None:
    assert may_name(role, enrolled=enrolled, consents=frozenset(consents)) is named


@pytest.mark.parametrize(
    ("role", "consents", "shown"),
    [
        (Role.EMPLOYER, {"C1", "C2"}, True),
        (Role.EMPLOYER, {"C1"}, False),
        (Role.SUPERVISING, {"C1"}, False),
        (Role.COORDINATOR, {"C1"}, True),
        (Role.OPERATOR, {"C1", "C2"}, False),
    ],
)
def test_an_answer_is_shared_only_with_consent(role: Role, consents: set[str], shown: bool) -> None:
    assert may_see_answer(role, frozenset(consents)) is shown


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        (Role.EMPLOYER, False),
        (Role.SUPERVISING, False),
        (Role.COMMUNITY, False),
        (Role.PARTNER, False),
        (Role.COORDINATOR, True),
        (Role.VOLUNTEER, True),
    ],
)
def test_a_hidden_answer_is_for_those_who_help_and_nobody_else(role: Role, shown: bool) -> None:
    assert may_see_answer(role, frozenset({"C1", "C2", "C3"}), hidden=True) is shown


@pytest.mark.parametrize("role", list(Role))
def test_nobody_is_told_where_a_protected_person_is(role: Role) -> None:
    assert not may_see_place(role, protected=True)
    assert may_see_place(role, protected=False) is (role in (Role.COORDINATOR, Role.VOLUNTEER))


@pytest.mark.parametrize("role", list(Role))
def test_needs_are_for_coordinators_in_an_open_incident_with_consent(role: Role) -> None:
    everything = frozenset({"C1", "C2", "C3", "C4"})
    assert may_see_needs(role, everything, incident_open=True) is (role is Role.COORDINATOR)
    assert not may_see_needs(role, everything - {"C4"}, incident_open=True)
    assert not may_see_needs(role, everything, incident_open=False)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(
    ("household", "help_asked", "protected", "shown"),
    [
        (False, False, False, True),
        (True, False, False, False),
        (True, True, False, True),
        (False, True, True, False),
        (True, True, True, False),
    ],
)
def test_a_household_is_opened_for_help_only(
    role: Role, household: bool, help_asked: bool, protected: bool, shown: bool
) -> None:
    helper = role in (Role.COORDINATOR, Role.VOLUNTEER)
    assert may_see_workplace(role, household=household, help_asked=help_asked, protected=protected) is (
        shown and helper
    )


def test_the_name_of_a_household_is_nobodys_to_read() -> None:
    assert site_shown("Home of the Fukuda family", household=True) == HOUSEHOLD
    assert site_shown("Plant 1", household=False) == "Plant 1"
