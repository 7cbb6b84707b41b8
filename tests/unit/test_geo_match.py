"""Who is inside: codes before polygons, exact schemes before wide ones, and geometry that knows metres."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from core.model import Area, AreaCode, Polygon, Precision
from geo.areas import Areas
from geo.match import (
    PlaceCodes,
    PointIndex,
    UnusablePolygon,
    circle,
    decisive,
    matching_codes,
    usable_polygon,
    who_is_inside,
    widened,
)


def square(west: float, south: float, size: float = 0.1) -> dict[str, Any]:
    east, north = west + size, south + size
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


def place(key: str, jis: str, **point: Any) -> PlaceCodes:
    return PlaceCodes(key, frozenset(Areas.load().codes_for_jis(jis)), **point)


KUMAMOTO_QUAKE = [
    Area("jma.quake_pref", "43", level="7"),
    Area("jma.quake_area", "741", level="7"),
    Area("jma.quake_area", "740", level="5+"),
    Area("jma.city", "4344300", "益城町", level="7"),
    Area("jma.city", "4310200", "熊本東区", level="6-"),
    Area("jma.city", "4321600", "合志市", level="5+"),
]


@pytest.mark.parametrize(
    ("jis", "code", "level"),
    [
        ("43443", "4344300", "7"),
        ("43102", "4310200", "6-"),
        ("43216", "4321600", "5+"),  # its own figure, not the 7 of its quake area
        ("43442", "741", "7"),  # no figure of its own: its quake area's
        ("43214", "740", "5+"),
        ("43203", "43", "7"),  # quake area not named either: the prefecture
        ("43100", "4310200", "6-"),  # ward unknown: the strongest ward that has a figure
    ],
)
def test_the_most_exact_area_decides(jis: str, code: str, level: str) -> None:
    (inside,) = who_is_inside([place("p", jis)], KUMAMOTO_QUAKE)
    assert inside.area is not None
    assert (inside.area.code, inside.area.level) == (code, level)


def test_nobody_outside_is_inside() -> None:
    assert who_is_inside([place("nagareyama", "12220"), place("osaka", "27127")], KUMAMOTO_QUAKE) == []


def test_equal_numbers_of_other_schemes_do_not_match() -> None:
    amakusa, aso = place("amakusa", "43215"), place("aso", "43214")
    assert [i.key for i in who_is_inside([amakusa, aso], [Area("jma.tsunami_area", "740", level="warning")])] == [
        "amakusa"
    ]
    assert [i.key for i in who_is_inside([amakusa, aso], [Area("jma.quake_area", "740", level="5+")])] == ["aso"]


def test_the_worst_of_equally_exact_areas_decides() -> None:
    areas = [Area("jma.city", "4320211", level=3), Area("jma.city", "4320212", level=4)]
    assert decisive(areas) == areas[1]
    assert (
        decisive([Area("jma.river_section", "890911000100", level=5), Area("jma.class10", "430010", level=5)]).level
        == 5
    )


def test_a_code_named_twice_keeps_its_worst_level() -> None:
    twice = [Area("jma.city", "4310000", "熊本市", level=2), Area("jma.city", "4310000", "熊本市", level=4)]
    for order in (twice, twice[::-1]):
        assert matching_codes(order)[AreaCode("jma.city", "4310000")].level == 4


def test_retired_codes_reach_those_who_live_there_now() -> None:
    areas = Areas.load()
    (inside,) = who_is_inside(
        [place("p", "22139")], [Area("jma.city", "2213600", "浜松浜北区", level="5-")], table=areas
    )
    assert inside.area is not None and inside.area.name == "浜松浜北区"
    assert who_is_inside([place("p", "22140")], [Area("jma.city", "2213600", level="5-")], table=areas) == []


def test_codes_come_before_polygons() -> None:
    home = place("p", "43443", lat=32.79, lon=130.82, precision=Precision.EXACT)
    far_worse = Polygon(square(130.8, 32.75), level=5)
    (inside,) = who_is_inside([home], [Area("jma.city", "4344300", level=3)], [far_worse])
    assert inside.area is not None and inside.area.level == 3 and inside.polygon is None


def test_polygons_find_points_and_the_worst_wins() -> None:
    mild, bad = Polygon(square(130.7, 32.7, 0.3), level=3), Polygon(square(130.8, 32.75), level=5)
    places = [
        place("both", "43443", lat=32.79, lon=130.82, precision=Precision.EXACT),
        place("mild", "43102", lat=32.72, lon=130.72, precision=Precision.STREET),
        place("outside", "43202", lat=32.50, lon=130.60, precision=Precision.EXACT),
    ]
    for order in ([mild, bad], [bad, mild]):
        found = {i.key: i.polygon.level for i in who_is_inside(places, [], order) if i.polygon}
        assert found == {"both": 5, "mild": 3}


@pytest.mark.parametrize("precision", [Precision.MUNICIPALITY, Precision.POSTAL, Precision.UNKNOWN])
def test_a_point_that_is_only_a_municipality_never_meets_a_polygon(precision: Precision) -> None:
    home = place("p", "43443", lat=32.79, lon=130.82, precision=precision)
    assert who_is_inside([home], [], [Polygon(square(130.8, 32.75), level=5)]) == []


def test_the_edge_of_a_polygon_is_300_metres_wide() -> None:
    edge, per_degree = 130.9, 111_195 * math.cos(math.radians(32.8))
    places = [
        place(str(m), "43443", lat=32.8, lon=edge + m / per_degree, precision=Precision.EXACT)
        for m in (-50, 0, 290, 310)
    ]
    found = who_is_inside(places, [], [Polygon(square(edge - 0.1, 32.75), level=4)])
    assert [i.key for i in found] == ["-50", "0", "290"]


def test_widening_is_round_in_metres() -> None:
    grown = widened(shapely.Point(130.8, 32.8).buffer(1e-9), 300.0)
    west, south, east, north = grown.bounds
    assert (north - south) * 111_195 == pytest.approx(600, rel=0.01)
    assert (east - west) * 111_195 * math.cos(math.radians(32.8)) == pytest.approx(600, rel=0.01)


def test_a_circle_keeps_its_distance_in_every_direction() -> None:
    for lon, lat in circle(32.8, 130.8, 30.0)["coordinates"][0]:
        p1, p2, d = math.radians(32.8), math.radians(lat), math.radians(lon - 130.8)
        angle = math.acos(math.sin(p1) * math.sin(p2) + math.cos(p1) * math.cos(p2) * math.cos(d))
        assert math.degrees(angle) * 111.195 == pytest.approx(30.0, rel=1e-3)


@pytest.mark.parametrize(("lat", "lon", "km"), [(95, 130, 30), (32, 130, 0), (32, 130, 5000), (32, 400, 30)])
def test_an_impossible_circle_is_refused(lat: float, lon: float, km: float) -> None:
    with pytest.raises(UnusablePolygon, match="cannot be used"):
        circle(lat, lon, km)


@pytest.mark.parametrize(
    ("geometry", "complaint"),
    [
        ({"type": "Point", "coordinates": [130, 32]}, "is a Point, not a polygon"),
        ({"type": "Polygon", "coordinates": []}, "not a polygon"),
        ({"type": "Polygon"}, "cannot be read"),
        ({}, "cannot be read"),
        ({"type": "Polygon", "coordinates": [[[130, 32], [131, 32]]]}, "cannot be read"),
        ({"type": "Polygon", "coordinates": [[[130, 32], [131, "x"], [131, 33], [130, 32]]]}, "cannot be read"),
        (square(100.0, 10.0, 40.0), "1600.0 square degrees"),
        ({"type": "Polygon", "coordinates": [[[-179, 32], [179, 32], [179, 33], [-179, 32]]]}, "not a shape in Japan"),
        ({"type": "Polygon", "coordinates": [[[130, 32], [131, float("nan")], [131, 33], [130, 32]]]}, "not a number"),
    ],
)
def test_unusable_polygons_say_why(geometry: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UnusablePolygon, match=complaint):
        usable_polygon(geometry)


def test_a_polygon_that_crosses_itself_is_mended() -> None:
    bow_tie = {"type": "Polygon", "coordinates": [[[130, 32], [131, 33], [131, 32], [130, 33], [130, 32]]]}
    shape = usable_polygon(bow_tie, tolerance_m=0)
    assert shape.is_valid and shape.area == pytest.approx(0.5, rel=0.01)


points = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=60)


@settings(max_examples=60)
@given(points, st.tuples(st.integers(0, 15), st.integers(0, 15), st.integers(1, 8)))
def test_the_index_agrees_with_asking_point_by_point(xy: list[tuple[int, int]], box: tuple[int, int, int]) -> None:
    west, south, size = box
    shape = (
        shapely.Point(west + size / 2, south + size / 2)
        .buffer(size / 2)
        .union(shapely.box(west, south, west + 1, south + 1))
    )
    index = PointIndex([float(x) for x, _ in xy], [float(y) for _, y in xy])
    expected = [i for i, (x, y) in enumerate(xy) if shape.intersects(shapely.Point(x, y))]
    assert index.inside(shape).tolist() == expected


def test_points_on_the_border_are_inside() -> None:
    index = PointIndex([0.0, 1.0, 1.0, 2.0], [0.0, 1.0, 0.5, 2.0])
    assert index.inside(shapely.box(0, 0, 1, 1)).tolist() == [0, 1, 2]
    assert index.inside(shapely.Polygon()).tolist() == []
    assert len(index) == 4


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        PointIndex(np.zeros(3), np.zeros(2))
