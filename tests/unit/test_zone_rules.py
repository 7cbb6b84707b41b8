"""Rivers and zones of one alert, as tables: which areas count for which place. No database."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from alerts.decision import AlertPlan, RatedArea, Tell
from alerts.fanout import geography
from alerts.guard import why_outside
from alerts.people import Person
from alerts.rating import listed_municipalities, matching, over_areas, rate
from alerts.texts import names_of
from alerts.zone_store import river_areas, without, zone_areas
from core.model import Area, Change, Event, Moment, Severity
from geo.areas import Areas, UnknownArea
from geo.rivers import SCHEME, bulletin_rivers, named, plain_name
from tests.alerts_kit import RULES, rain, warned

AREAS = Areas.load()
GEOGRAPHY = geography(AREAS)
KUMA = "8909110001"
RULE = RULES["river_flood"]


def river(level: int, *areas: Area, change: Change = Change.ISSUED) -> Event:
    named = Area("jma.river", KUMA, name="球磨川", level=level, change=change)
    return rain(named, *areas, type="VXKO", hazard="river_flood")


def codes(areas: object) -> list[tuple[str, str]]:
    return [(one.scheme, one.code) for one in areas]  # type: ignore[attr-defined]


def test_a_river_stands_beside_the_municipalities_in_every_prefecture_they_lie_in() -> None:
    event = river(4, warned("4320300", 4), warned("4620900", 3))
    assert codes(matching(event)) == [
        ("jma.city", "4320300"),
        ("jma.city", "4620900"),
        ("zone.river", f"{KUMA}-43"),
        ("zone.river", f"{KUMA}-46"),
    ]
    rated = rate(event, RULE, GEOGRAPHY)
    assert [(r.area.code, r.severity) for r in rated] == [
        ("4320300", Severity.SEVERE),
        (f"{KUMA}-43", Severity.SEVERE),
        (f"{KUMA}-46", Severity.SEVERE),
        ("4620900", Severity.MODERATE),
    ]
    assert listed_municipalities(event) == ["4320300", "4620900"]


def test_the_short_form_names_an_office_and_its_river() -> None:
    event = river(3, Area("jma.office", "430000", name="熊本県", level=3))
    assert codes(matching(event)) == [("jma.office", "430000"), ("zone.river", f"{KUMA}-43")]
    assert listed_municipalities(event) == []


def test_a_bulletin_of_a_river_alone_reaches_nobody_by_itself() -> None:
    assert matching(river(5)) == ()


def test_other_reports_know_no_rivers() -> None:
    event = rain(warned("4320300", 3))
    assert codes(matching(event)) == [("jma.city", "4320300")] and listed_municipalities(event) == []


def test_a_lifted_river_is_over() -> None:
    before = rate(river(4, warned("4320300", 4)), RULE, GEOGRAPHY)
    lifted = river(0, warned("4320300", 0), change=Change.LIFTED)
    assert {r.area.code for r in over_areas(lifted, RULE, before, ())} == {"4320300", f"{KUMA}-43"}


def test_the_guard_lets_the_named_river_through_and_no_other() -> None:
    event = river(4, warned("4320300", 4))
    rated = rate(event, RULE, GEOGRAPHY)
    assert why_outside(event, [AlertPlan(Moment.ISSUE, Severity.SEVERE, rated, Tell.MATCHED)], GEOGRAPHY) is None
    other = tuple(replace(r, area=replace(r.area, code=r.area.code.replace(KUMA, "8909090001"))) for r in rated)
    said = why_outside(event, [AlertPlan(Moment.ISSUE, Severity.SEVERE, other, Tell.MATCHED)], GEOGRAPHY)
    assert said is not None and "8909090001-43" in said


def test_other_areas_are_called_as_ever() -> None:
    assert named(AREAS, "jma.city", "4320300") == "人吉市" and named(AREAS, SCHEME, f"{KUMA}-43", "en") == "Kumagawa"
    with pytest.raises(UnknownArea):
        named(AREAS, SCHEME, "0000000000-43")


def test_a_river_is_called_by_its_name_in_the_reader_s_script() -> None:
    rated = rate(river(4, warned("4320300", 4)), RULE, GEOGRAPHY)
    name = names_of(AREAS, rated)
    assert name("zone.river", f"{KUMA}-43", "ja") == "球磨川"
    assert name("zone.river", f"{KUMA}-43", "vi") == AREAS.name("jma.river", KUMA, "vi") != "球磨川"


@pytest.mark.parametrize(("hazard", "level", "only"), [
    ("river_flood", 3, True), ("river_flood", 4, False), ("heavy_rain", 3, True), ("heavy_rain", "moderate", False),
    ("landslide", 3, True), ("landslide", 5, False), ("storm_surge", 3, False), ("earthquake", "5-", False),
])  # fmt: skip
def test_which_levels_are_only_for_zones(hazard: str, level: int | str, only: bool) -> None:
    rated = RatedArea(Area("jma.city", "4320300", level=level), Severity.MODERATE)
    assert zone_areas([rated], RULES[hazard]) == (frozenset({0}) if only else frozenset())


def test_areas_are_dropped_at_the_places_they_do_not_count_for() -> None:
    person = Person(id=UUID(int=1), languages=("vi", ""), enrolled=True, home=(0, 1, 2), work=(1, 2))
    left = without(person, {"home"}, {1, 2})
    assert (left.home, left.work) == ((0,), (1, 2))
    rated = rate(river(4, warned("4320300", 4)), RULE, GEOGRAPHY)
    assert river_areas(rated) == {1}


@pytest.mark.parametrize(("code", "name", "prefecture", "found"), [
    (KUMA, "球磨川", "43", (KUMA,)),
    ("4300019999", "球磨川", "43", (KUMA,)),
    (KUMA, "球磨川", "46", (KUMA,)),
    ("0000000000", "球磨川", "13", ()),
    (KUMA, "白川", "43", ("8909090001",)),
    ("8909080199", "合志川", "43", ("8909080001", "8909080199")),
    ("8909080777", "上内田川", "43", ("8909080001",)),
    ("8909110777", "万江川", "43", ()),
    ("x", "球磨川・白川", "43", ("8909090001", KUMA)),
    ("x", "荒川", "11", ()),
    ("", "", "43", ()),
])  # fmt: skip
def test_rivers_of_the_flood_areas_are_found_among_those_of_the_bulletins(
    code: str, name: str, prefecture: str, found: tuple[str, ...]
) -> None:
    assert bulletin_rivers(code, name, prefecture, AREAS) == found


@pytest.mark.parametrize(
    ("name", "plain"), [("一級河川 球磨川（上流）", "球磨川"), ("五ヶ瀬川", "五ケ瀬川"), ("白 川", "白川")]
)
def test_names_are_compared_without_ornaments(name: str, plain: str) -> None:
    assert plain_name(name) == plain
