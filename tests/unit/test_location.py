"""A phone's position: what a form may bring, and how it is said."""

from __future__ import annotations

import pytest

from core.model import Role
from geo.shelters import Shelter
from registry.access import FIELDS, may_see_location
from registry.location import Near, Position, geo_link, nearest_landmark, position_of, read_position, text_of

SCHOOL = Shelter("E4344300001201", "広安小学校", "", 32.7900, 130.8000, "43443", frozenset(), True)
HALL = Shelter("E4344300002201", "町民体育館", "", 32.8100, 130.8300, "43443", frozenset(), True)


@pytest.mark.parametrize(
    ("lat", "lon", "accuracy", "wanted"),
    [
        ("32.791234", "130.821236", "11.2", Position(32.79123, 130.82124, 12)),
        ("-33.9", "18.4", "0", Position(-33.9, 18.4, 5)),
        ("91", "130", "10", None),
        ("32", "181", "10", None),
        ("32", "130", "20001", None),
        ("32", "130", "-1", None),
        ("nan", "130", "10", None),
        ("32", "inf", "10", None),
        ("32", "130", "nan", None),
        ("32", "130", "", None),
        ("", "", "", None),
        ("32,7", "130", "10", None),
        ("1" * 400, "130", "10", None),
    ],
)
def test_what_a_form_may_bring(lat: str, lon: str, accuracy: str, wanted: Position | None) -> None:
    assert read_position({"lat": lat, "lon": lon, "accuracy": accuracy}) == wanted
    assert read_position({}) is None
    if wanted is not None:
        assert position_of(text_of(wanted)) == wanted


def test_the_link_says_how_exact_it_is() -> None:
    assert geo_link(Position(32.5, 130.80001, 40)) == "geo:32.50000,130.80001;u=40"


@pytest.mark.parametrize(
    ("position", "wanted"),
    [
        (Position(32.7932, 130.8000, 20), Near(360, "n", SCHOOL.name)),
        (Position(32.7900, 130.8050, 20), Near(470, "e", SCHOOL.name)),
        (Position(32.7880, 130.7976, 20), Near(320, "sw", SCHOOL.name)),
        # As exact as the phone was: a direction within its own error would be a guess.
        (Position(32.7905, 130.8000, 50), Near(110, "", SCHOOL.name)),
        (Position(32.8090, 130.8300, 20), Near(110, "s", HALL.name)),
    ],
)
def test_a_position_is_said_from_the_nearest_landmark(position: Position, wanted: Near) -> None:
    assert nearest_landmark(position, [HALL, SCHOOL]) == wanted
    assert nearest_landmark(position, []) is None


def test_only_who_follows_up_and_holds_or_may_take_the_case_sees_it() -> None:
    assert {role for role in Role if "location" in FIELDS[role]} == {Role.COORDINATOR, Role.VOLUNTEER}
    for role in Role:
        follows = role in (Role.COORDINATOR, Role.VOLUNTEER)
        assert may_see_location(role, protected=False, mine_or_free=True) is follows
        assert not may_see_location(role, protected=True, mine_or_free=True)
        assert not may_see_location(role, protected=False, mine_or_free=False)
