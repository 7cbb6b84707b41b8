"""The fate of every row of an upload."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.model import AreaCode, Located, Precision
from registry.imports import (
    Action,
    ExistingPerson,
    ExistingSite,
    Fate,
    PlaceUnknown,
    Plan,
    Scope,
    SiteKey,
    name_key,
    plan,
)
from registry.records import NewContact
from registry.rows import AddressInput, PersonRow

OWN, BRANCH = uuid4(), uuid4()
COMPANY = Scope("hikari", {"hikari": OWN})
SUPERVISING = Scope("kumiai", {"kumiai": OWN, "hikari": BRANCH}, may_create_employers=True)
MASHIKI = AddressInput(postal_code="8612242")
UTO = AddressInput(postal_code="8690402")
NOWHERE = AddressInput(postal_code="9999999")
PHONE = (NewContact("phone", "+819012345678"),)
OTHER_PHONE = (NewContact("phone", "+819087654321"),)


def locate(given: AddressInput) -> Located:
    if given == NOWHERE:
        raise PlaceUnknown("no such postal code")
    return Located(32.8, 130.8, Precision.POSTAL, (AreaCode("test", given.postal_code),), given.postal_code)


def fingerprint(channel: str, address: str) -> bytes:
    return f"{channel}:{address}".encode()


def row(number: int = 2, name: str = "Thu", **more: Any) -> PersonRow:
    return PersonRow(**({"number": number, "name": name, "language": "vi", "contacts": PHONE, "home": MASHIKI} | more))


def known(**more: Any) -> ExistingPerson:
    values: dict[str, Any] = {
        "id": UUID(int=1), "employer": "hikari", "name": "Thu", "language": "vi", "second_language": "",
        "enrolled": False,
        "employee_id": "", "contacts": frozenset({("phone", fingerprint("phone", "+819012345678"))}), "site": "",
        "dorm": "", "room": "", "shift": "", "start_date": None, "end_date": None, "ended": False, "home": MASHIKI,
        "work": None, "has_place": True,
    }  # fmt: skip
    return ExistingPerson(**(values | more))


def decide(
    *rows: PersonRow,
    people: tuple[ExistingPerson, ...] = (),
    sites: tuple[ExistingSite, ...] = (),
    scope: Scope = COMPANY,
) -> Plan:
    return plan(rows, scope, people, sites, locate=locate, fingerprint=fingerprint, today=date(2026, 11, 20))


def only(made: Plan) -> tuple[Fate, Action, tuple[str, ...], tuple[str, ...]]:
    (one,) = made.rows
    return one.fate, one.action, one.changes, tuple(p.code for p in one.person.problems)


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        (row(), (Fate.NEW, Action.INSERT, (), ())),
        (row(contacts=()), (Fate.DOUBTFUL, Action.INSERT, (), ("no_way_to_reach",))),
        (row(home=None), (Fate.DOUBTFUL, Action.INSERT, (), ("no_place",))),
        (row(home=NOWHERE), (Fate.DOUBTFUL, Action.INSERT, (), ("home_not_found", "no_place"))),
        (row(home=None, work=UTO), (Fate.NEW, Action.INSERT, (), ())),
        (row(home=None, dorm="A"), (Fate.DOUBTFUL, Action.INSERT, (), ("no_place",))),
        (row(employer="other"), (Fate.REFUSED, Action.NONE, (), ("foreign_employer",))),
        (row(employer="HIKARI"), (Fate.NEW, Action.INSERT, (), ())),
        (row(end_date=date(2026, 11, 20)), (Fate.REFUSED, Action.NONE, (), ("already_left",))),
        (row(end_date=date(2026, 11, 21)), (Fate.NEW, Action.INSERT, (), ())),
    ],
)
def test_a_person_nobody_knows(person: PersonRow, expected: tuple[Any, ...]) -> None:
    assert only(decide(person)) == expected


@pytest.mark.parametrize(
    ("person", "old", "expected"),
    [
        (row(), known(), (Fate.UNCHANGED, Action.NONE, (), ())),
        (row(name="Ｔｈｕ"), known(), (Fate.CHANGED, Action.UPDATE, ("name",), ())),
        (row(room="203"), known(), (Fate.CHANGED, Action.UPDATE, ("room",), ())),
        (row(), known(room="203", shift="night"), (Fate.UNCHANGED, Action.NONE, (), ())),
        (row(home=UTO), known(), (Fate.CHANGED, Action.UPDATE, ("home",), ())),
        (row(home=None), known(), (Fate.UNCHANGED, Action.NONE, (), ())),
        (row(home=None), known(home=None, has_place=False), (Fate.DOUBTFUL, Action.NONE, (), ("no_place",))),
        (row(language="ne"), known(), (Fate.CHANGED, Action.UPDATE, ("language",), ())),
        (row(language="ne"), known(enrolled=True), (Fate.UNCHANGED, Action.NONE, (), ())),
        (row(end_date=date(2026, 11, 1)), known(), (Fate.CHANGED, Action.END, ("end_date",), ())),
        (row(end_date=date(2026, 11, 1)), known(ended=True), (Fate.UNCHANGED, Action.NONE, (), ())),
        (row(), known(ended=True), (Fate.CHANGED, Action.UPDATE, ("rejoined",), ())),
        (
            row(employee_id="7", contacts=OTHER_PHONE),
            known(employee_id="7"),
            (Fate.CHANGED, Action.UPDATE, ("contact",), ()),
        ),
        (row(contacts=OTHER_PHONE), known(), (Fate.DOUBTFUL, Action.UPDATE, ("contact",), ("matched_by_name",))),
        (row(employee_id="8"), known(employee_id="7"), (Fate.NEW, Action.INSERT, (), ())),
        (row(name="Thu Nguyen"), known(name="NGUYEN THU"), (Fate.CHANGED, Action.UPDATE, ("name",), ())),
        (row(name="Minh"), known(), (Fate.DOUBTFUL, Action.INSERT, (), ("phone_of_another",))),
        (row(name="Minh", employee_id="8"), known(), (Fate.DOUBTFUL, Action.INSERT, (), ("phone_of_another",))),
        (row(name="Minh"), known(ended=True), (Fate.NEW, Action.INSERT, (), ())),
        (row(name="Thu Ha"), known(name="Thu Hà", enrolled=True), (Fate.UNCHANGED, Action.NONE, (), ())),
        (row(home=UTO), known(enrolled=True), (Fate.UNCHANGED, Action.NONE, (), ())),
        (row(home=UTO), known(enrolled=True, home=None), (Fate.CHANGED, Action.UPDATE, ("home",), ())),
        (row(), known(employer="elsewhere"), (Fate.NEW, Action.INSERT, (), ())),
    ],
)
def test_a_person_we_know(person: PersonRow, old: ExistingPerson, expected: tuple[Any, ...]) -> None:
    assert only(decide(person, people=(old,))) == expected


def test_two_of_one_name_in_one_dorm_are_not_guessed() -> None:
    twins = (known(id=UUID(int=1), contacts=frozenset()), known(id=UUID(int=2), contacts=frozenset()))
    made = only(decide(row(contacts=OTHER_PHONE), people=twins))
    assert made == (Fate.DOUBTFUL, Action.INSERT, (), ("two_of_this_name",))


def test_people_who_share_a_phone_stay_two_people() -> None:
    made = decide(row(2, "Thu", employee_id="1"), row(3, "Minh", employee_id="2"))
    assert [r.fate for r in made.rows] == [Fate.NEW, Fate.NEW]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ((row(2, employee_id="1"), row(3, "Minh", employee_id="1")), "employee_id_twice"),
        ((row(2), row(3, "ＴＨＵ")), "same_person_twice"),
        ((row(2, contacts=(), dorm="A"), row(3, contacts=(), dorm="A")), "same_person_twice"),
    ],
)
def test_the_second_of_a_double_is_refused_and_names_the_first(rows: tuple[PersonRow, ...], code: str) -> None:
    first, second = decide(*rows).rows
    assert first.fate in (Fate.NEW, Fate.DOUBTFUL)
    assert second.fate is Fate.REFUSED
    problem = second.person.problems[-1]
    assert (problem.code, dict(problem.values)["other"]) == (code, 2)


def test_two_rows_that_mean_one_registered_person() -> None:
    made = decide(row(2, employee_id="7"), row(3, contacts=PHONE), people=(known(employee_id="7"),))
    assert [r.fate for r in made.rows] == [Fate.UNCHANGED, Fate.REFUSED]


def test_who_is_missing_from_the_file_is_listed_and_nothing_else() -> None:
    gone = known(id=UUID(int=2), name="Minh", contacts=frozenset())
    left = known(id=UUID(int=3), name="Lan", contacts=frozenset(), ended=True)
    made = decide(row(), people=(known(), gone, left))
    assert [p.name for p in made.absent] == ["Minh"]
    assert made.counts == {"new": 0, "changed": 0, "unchanged": 1, "doubtful": 0, "refused": 0, "absent": 1}


def test_the_absent_are_those_of_the_employers_in_the_file() -> None:
    others = known(id=UUID(int=2), employer="hikari", name="Minh", contacts=frozenset())
    assert decide(row(employer="新しい会社"), people=(others,), scope=SUPERVISING).absent == ()
    assert decide(row(employer="Hikari"), people=(others,), scope=SUPERVISING).absent == (others,)


def test_one_file_makes_many_employers_and_dorms() -> None:
    made = decide(
        row(2, "A", contacts=(), employer="株式会社あおい", dorm="青い寮"),
        row(3, "B", contacts=(), employer="㈱あおい", dorm="青い寮"),
        row(4, "C", contacts=(), employer="Hikari", dorm="青い寮", site="工場", work=UTO),
        row(5, "D", contacts=()),
        scope=SUPERVISING,
    )
    assert made.new_employers == ("株式会社あおい",)
    assert [r.employer for r in made.rows] == ["株式会社あおい", "株式会社あおい", "hikari", "kumiai"]
    assert set(made.new_sites) == {
        SiteKey("株式会社あおい", "dorm", "青い寮"),
        SiteKey("hikari", "dorm", "青い寮"),
        SiteKey("hikari", "workplace", "工場"),
    }
    assert made.site_addresses[SiteKey("hikari", "workplace", "工場")] == UTO


def test_the_address_of_a_dorm_is_what_most_of_its_rows_say() -> None:
    made = decide(
        row(2, "A", dorm="光寮"),
        row(3, "B", dorm="光寮"),
        row(4, "C", dorm="光寮", home=UTO),
        row(5, "D", dorm="光寮", home=None),
    )
    assert made.site_addresses == {SiteKey("hikari", "dorm", "光寮"): MASHIKI}
    assert [r.own_home for r in made.rows] == [None, None, UTO, None]
    assert [r.fate for r in made.rows] == [Fate.NEW, Fate.NEW, Fate.DOUBTFUL, Fate.NEW]
    assert made.rows[2].person.problems[0].code == "home_differs_from_dorm"


def test_the_same_address_written_otherwise_does_not_move_anybody() -> None:
    exact = replace(MASHIKI, address="上益城郡益城町宮園")
    dorm = ExistingSite(UUID(int=9), SiteKey("hikari", "dorm", "光寮"), UUID(int=8), MASHIKI)
    made = decide(row(2, dorm="光寮", home=exact), row(3, "B", contacts=(), dorm="光寮"), sites=(dorm,))
    assert made.site_addresses == {}
    assert [r.own_home for r in made.rows] == [None, None]


def test_a_known_dorm_needs_no_address() -> None:
    dorm = ExistingSite(UUID(int=9), SiteKey("hikari", "dorm", "光寮"), UUID(int=8), None)
    assert only(decide(row(home=None, dorm="光寮"), sites=(dorm,))) == (Fate.NEW, Action.INSERT, (), ())


@pytest.mark.parametrize(
    ("one", "other"),
    [("株式会社 あおい", "株式会社あおい"), ("㈱あおい", "(株)あおい"), ("Hikari Foods", "ＨＩＫＡＲＩ　foods")],
)
def test_names_that_are_the_same(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)
