"""Which shelter is suitable, and which is nearest."""

from __future__ import annotations

import pytest

from core.model import Precision
from geo.shelters import (
    KIND_OF_HAZARD,
    KINDS,
    Near,
    Rough,
    Shelter,
    has_distances,
    joined,
    kind_for,
    nearest,
    rough,
    suitable,
)


def shelter(number: int, lat: float, lon: float, *kinds: str, only_for: str = "", stay: bool = False) -> Shelter:
    end = 201 if kinds else 111
    return Shelter(
        f"E43999{number:05}{end}", f"第{number}公園", "", lat, lon, "43999", frozenset(kinds), stay, "", only_for
    )


PARK = shelter(1, 32.801, 130.700, "earthquake", "fire")
SCHOOL = shelter(2, 32.810, 130.700, "earthquake", "flood", "landslide", "volcano")
TOWER = shelter(3, 32.800, 130.720, "tsunami", "storm_surge", "flood", "inland_flood")
HALL = shelter(4, 32.8005, 130.700, stay=True)
WELFARE = shelter(5, 32.8001, 130.700, stay=True, only_for="要配慮者")
ALL = [SCHOOL, WELFARE, TOWER, HALL, PARK]


@pytest.mark.parametrize(
    ("hazard", "names"),
    [
        ("earthquake", [1, 2]),
        ("river_flood", [2, 3]),
        ("heavy_rain", [2, 3]),
        ("landslide", [2]),
        ("storm_surge", [3]),
        ("tsunami", [3]),
        ("volcano", [2]),
        ("tornado", [4, 1, 2, 3]),  # no designation for it: every shelter, but none that is only for some
    ],
)
def test_nearest_are_those_designated_for_the_hazard(hazard: str, names: list[int]) -> None:
    found = nearest(ALL, 32.800, 130.700, hazard, k=9)
    assert [int(near.shelter.id[6:11]) for near in found] == names
    assert [near.metres for near in found] == sorted(near.metres for near in found)


def test_distance_and_direction() -> None:
    north, east = nearest([PARK, TOWER._replace(kinds=frozenset({"earthquake"}))], 32.800, 130.700, "earthquake")
    assert north.metres == pytest.approx(111.2, abs=0.2)
    assert north.bearing_deg == pytest.approx(0, abs=0.01)
    assert east.metres == pytest.approx(1869, abs=2)
    assert east.bearing_deg == pytest.approx(90, abs=0.1)


def test_as_many_as_asked_for_and_none_from_nothing() -> None:
    assert len(nearest(ALL, 32.8, 130.7, "other", k=2)) == 2
    assert nearest(ALL, 32.8, 130.7, "other", k=0) == []
    assert nearest([], 32.8, 130.7, "earthquake") == []


def test_equally_near_shelters_have_a_fixed_order() -> None:
    twin = PARK._replace(id="E4399900000201")
    assert nearest([PARK, twin], 32.8, 130.7, "earthquake") == nearest([twin, PARK], 32.8, 130.7, "earthquake")


def test_every_kind_that_a_hazard_asks_for_exists() -> None:
    assert set(KIND_OF_HAZARD.values()) <= set(KINDS)
    assert kind_for("heavy_snow") is None
    assert suitable(HALL, "heavy_snow")
    assert not suitable(HALL, "earthquake")


def test_both_designations_of_one_site_are_one_shelter() -> None:
    stay = HALL._replace(id="E4399900002111")
    welfare = WELFARE._replace(id="E4399900003121")
    found = joined([PARK, SCHOOL, TOWER], [stay, welfare, HALL])
    assert [(each.id, each.is_shelter) for each in found] == [
        (PARK.id, False),
        (SCHOOL.id, True),
        (TOWER.id, False),  # its building takes in only some
        (HALL.id, True),
    ]


@pytest.mark.parametrize(
    ("metres", "bearing", "precision", "said", "text"),
    [
        (0, 0, Precision.EXACT, Rough(200, ""), "200 m"),
        (269, 90, Precision.STREET, Rough(500, ""), "500 m"),
        (271, 90, Precision.EXACT, Rough(300, "e"), "300 m"),
        (612, 44, Precision.EXACT, Rough(600, "ne"), "600 m"),
        (988, 337.6, Precision.EXACT, Rough(1000, "n"), "1 km"),
        (1288, 337.4, Precision.EXACT, Rough(1300, "nw"), "1.3 km"),
        (612, 180, Precision.TOWN, Rough(2000, ""), "2 km"),
        (1700, 203, Precision.POSTAL, Rough(1500, "sw"), "1.5 km"),
        (4870, 157, Precision.TOWN, Rough(5000, "se"), "5 km"),
    ],
)
def test_a_distance_is_said_as_exactly_as_it_is_known(
    metres: float, bearing: float, precision: Precision, said: Rough, text: str
) -> None:
    assert rough(Near(PARK, metres, bearing), precision) == said
    assert said.text == text


def test_from_a_whole_town_nothing_is_measured() -> None:
    assert not has_distances(Precision.MUNICIPALITY)
    assert not has_distances(Precision.UNKNOWN)
    with pytest.raises(KeyError):
        rough(Near(PARK, 100, 0), Precision.MUNICIPALITY)
