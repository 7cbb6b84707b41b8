"""What a check-in page says about shelters."""

from __future__ import annotations

import pytest

from checkin.shelter_view import KIND_WORDS, Lookup, OwnPlace, distance_words, names_shelters, place_shelters
from core.i18n import Catalogs
from core.model import Moment, PlaceKind, Precision
from geo.shelters import KINDS, Rough
from tests.unit.test_shelters import ALL, HALL, PARK, SCHOOL, TOWER, WELFARE

HOME = OwnPlace(PlaceKind.HOME, 32.800, 130.700, Precision.EXACT)
WORK = OwnPlace(PlaceKind.WORK, 32.810, 130.700, Precision.STREET)
TOWN = OwnPlace(PlaceKind.HOME, None, None, Precision.MUNICIPALITY)
BOTH = {"home": {"code": "2"}, "work": {"code": "1"}, "worse": "home"}
CATALOGS = Catalogs.load()


def test_the_place_that_decides_comes_first() -> None:
    found = [Lookup(HOME, tuple(ALL)), Lookup(WORK, tuple(ALL))]
    assert [each.kind for each in place_shelters(found, "earthquake", BOTH, 2)] == ["home", "work"]
    assert [each.kind for each in place_shelters(found, "earthquake", BOTH | {"worse": "work"}, 2)] == ["work", "home"]


def test_only_places_the_alert_is_about_and_all_if_it_does_not_say() -> None:
    found = [Lookup(HOME, tuple(ALL)), Lookup(WORK, tuple(ALL))]
    only_work = {"home": None, "work": {"code": "1"}, "worse": "work"}
    assert [each.kind for each in place_shelters(found, "earthquake", only_work, 2)] == ["work"]
    assert [each.kind for each in place_shelters(found, "earthquake", {}, 2)] == ["home", "work"]


def test_the_nearest_that_fit_and_apart_from_them_the_others() -> None:
    (home,) = place_shelters([Lookup(HOME, tuple(ALL))], "tsunami", {}, 2)
    assert [line.shelter for line in home.lines] == [TOWER]
    assert [line.shelter for line in home.others] == [HALL, PARK]
    assert WELFARE not in [line.shelter for line in (*home.lines, *home.others)]
    assert home.lines[0].rough == Rough(1900, "e")
    assert home.lines[0].map_url == "https://maps.google.com/?q=32.80000,130.72000"


def test_nobody_is_sent_farther_than_they_can_walk() -> None:
    far = SCHOOL._replace(lat=32.9)
    (home,) = place_shelters([Lookup(HOME, (far,))], "earthquake", {}, 2)
    assert (home.measured, home.lines) == (True, ())


def test_a_place_known_only_by_its_town_has_no_distances() -> None:
    (home,) = place_shelters([Lookup(TOWN, tuple(ALL))], "river_flood", {}, 9)
    assert not home.measured
    assert [(line.shelter, line.rough) for line in home.lines] == [(SCHOOL, None), (TOWER, None)]


def test_where_no_shelter_is_known_nothing_is_said() -> None:
    assert place_shelters([Lookup(HOME, ())], "earthquake", {}, 2) == []


@pytest.mark.parametrize(
    ("moment", "asks", "named"),
    [
        (Moment.ISSUE, True, True),
        (Moment.UPDATE, True, True),
        (Moment.CORRECT, True, True),
        (Moment.REMINDER, True, True),
        (Moment.ISSUE, False, False),
        (Moment.CANCEL, True, False),
        (Moment.LIFT, True, False),
    ],
)
def test_which_alerts_name_shelters(moment: Moment, asks: bool, named: bool) -> None:
    assert names_shelters(moment, asks=asks) is named


def test_every_kind_has_words_in_every_language() -> None:
    assert set(KIND_WORDS) == set(KINDS)
    for lang in CATALOGS.languages:
        say = CATALOGS.sayer(lang)
        assert len({say.plain(key) for key in KIND_WORDS.values()}) == len(KINDS)
        assert "600 m" in distance_words(say, Rough(600, "ne"))
        assert "1.3 km" in distance_words(say, Rough(1300, ""))
    assert distance_words(CATALOGS.sayer("en"), Rough(600, "ne")) == "about 600 m, north-east"
