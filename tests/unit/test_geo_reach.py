"""Which places a polygon reaches: points with a tolerance, municipalities for places without one, and guard rails."""

from __future__ import annotations

import math
from typing import Any
from uuid import UUID

import pytest

from core.model import AreaCode, Precision
from geo.areas import Areas
from geo.match import MAX_VERTICES, POINT_PRECISIONS, PlaceCodes, UnusablePolygon
from geo.place_index import PlaceIndex, Row
from geo.reach import municipality_of, reach_of, why_unusable
from geo.shapes import METRES_PER_DEGREE, Shapes

AREAS, SHAPES = Areas.load(), Shapes.load()
MASHIKI, KASHIMA, HIGASHI_KU, HITOYOSHI = "43443", "43442", "43102", "43203"
#: Mashiki town hall.
LAT, LON = 32.7873, 130.8167


def ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def box(west: float, south: float, east: float, north: float, *holes: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [ring(west, south, east, north), *holes]}


def place(
    jis: str = MASHIKI, lat: float | None = LAT, lon: float | None = LON, precision: Precision = Precision.EXACT
) -> PlaceCodes:
    codes = frozenset(c for c in AREAS.codes_for_jis(jis) if c.scheme in ("jis", "jma.city"))
    return PlaceCodes(jis, codes, lat, lon, precision)


def reached(where: PlaceCodes, *geometries: dict[str, Any]) -> list[int]:
    """The numbers of the polygons that reach this one place."""
    key, index = UUID(int=1), PlaceIndex()
    cities = tuple(sorted(int(code.code) for code in where.codes if code.scheme == "jma.city"))
    point = (where.lon, where.lat) if where.precision in POINT_PRECISIONS else (None, None)
    index.apply([(key, Row(*point, cities))])
    return list(index.now.reached_by([reach_of(g, SHAPES) for g in geometries]).by_place().get(key, ()))


@pytest.mark.parametrize(("metres", "inside"), [(-500, True), (0, True), (290, True), (310, False), (2000, False)])
@pytest.mark.parametrize("side", ["north", "east"])
def test_the_border_of_a_polygon_is_300_metres_wide(metres: float, inside: bool, side: str) -> None:
    north, east = 32.80, 130.85
    per_degree = METRES_PER_DEGREE * math.cos(math.radians(32.75))
    point = (
        place(lat=north + metres / METRES_PER_DEGREE, lon=130.80)
        if side == "north"
        else place(lat=32.75, lon=east + metres / per_degree)
    )
    assert bool(reached(point, box(130.75, 32.70, east, north))) is inside


def test_who_stands_in_a_hole_is_outside() -> None:
    hole = ring(LON - 0.02, LAT - 0.02, LON + 0.02, LAT + 0.02)
    around = box(LON - 0.1, LAT - 0.1, LON + 0.1, LAT + 0.1, hole)
    assert reached(place(), around) == []
    assert reached(place(lat=LAT + 0.05), around) == [0]


def test_every_part_of_a_multipolygon_counts() -> None:
    two = {
        "type": "MultiPolygon",
        "coordinates": [[ring(130.0, 32.0, 130.1, 32.1)], [ring(LON - 0.01, LAT - 0.01, LON + 0.01, LAT + 0.01)]],
    }
    assert reached(place(), two) == [0]
    assert reached(place(lat=32.05, lon=130.05), two) == [0]
    assert reached(place(lat=32.4, lon=130.4), two) == []


def test_a_place_in_two_polygons_comes_once_for_each() -> None:
    wide, narrow = box(130.5, 32.5, 131.0, 33.0), box(LON - 0.01, LAT - 0.01, LON + 0.01, LAT + 0.01)
    assert reached(place(), wide, narrow) == [0, 1]
    assert reached(place(lat=32.6), wide, narrow) == [0]


@pytest.mark.parametrize("precision", [Precision.MUNICIPALITY, Precision.UNKNOWN, Precision.POSTAL])
def test_a_place_without_a_usable_point_counts_by_its_municipality(precision: Precision) -> None:
    # A corner of Mashiki, six kilometres from where the point happens to be.
    corner = box(130.87, 32.79, 130.88, 32.80)
    assert reached(place(precision=Precision.EXACT), corner) == []
    assert reached(place(precision=precision), corner) == [0]
    assert reached(place(lat=None, lon=None, precision=precision), corner) == [0]
    # The point may lie in the polygon, the municipality does not: it is the municipality that is known.
    assert reached(place(HITOYOSHI, precision=precision), corner) == []


@pytest.mark.parametrize("precision", [Precision.EXACT, Precision.STREET, Precision.TOWN])
def test_a_usable_point_decides_whatever_the_municipality(precision: Precision) -> None:
    assert reached(place(HITOYOSHI, precision=precision), box(LON - 0.01, LAT - 0.01, LON + 0.01, LAT + 0.01)) == [0]
    assert reached(place(precision=precision), box(130.87, 32.79, 130.88, 32.80)) == []


def test_every_municipality_can_be_touched_and_every_polygon_belongs_to_one() -> None:
    """Wards that JMA does not draw and cities that it splits included: nobody without a point can be forgotten."""
    polygons, owned = set(SHAPES.codes()), set()
    for row in AREAS.rows("jis"):
        own = {c.code for c in AREAS.codes_for_jis(row.code) if c.scheme == "jma.city"} & polygons
        assert own, row
        owned |= own
    assert owned == polygons


@pytest.mark.parametrize(
    ("where", "named"),
    [
        (place(MASHIKI), MASHIKI),
        (place(HIGASHI_KU, 32.78, 130.76), HIGASHI_KU),  # a ward, not its city
        (place("43100", 32.78, 130.76, Precision.MUNICIPALITY), "43100"),  # ward unknown: the city
        (PlaceCodes(0, frozenset({AreaCode("jma.city", "4344300")}), LAT, LON, Precision.EXACT), ""),
        # At a border, in both: the one around the point, although the other comes first.
        (PlaceCodes(0, place(KASHIMA).codes | place(MASHIKI).codes, LAT, LON, Precision.EXACT), MASHIKI),
        (PlaceCodes(0, place(HIGASHI_KU).codes | place(MASHIKI).codes, LAT, LON, Precision.EXACT), MASHIKI),
        (PlaceCodes(0, place(HIGASHI_KU).codes | place(MASHIKI).codes, 32.78, 130.76, Precision.EXACT), HIGASHI_KU),
        # Without a point: the one that the polygon touches.
        (PlaceCodes(0, place(HITOYOSHI).codes | place(MASHIKI).codes), MASHIKI),
        # A point that is in the sea and in no municipality: the first.
        (PlaceCodes(0, place(KASHIMA).codes | place(MASHIKI).codes, 30.0, 140.9, Precision.EXACT), KASHIMA),
    ],
)
def test_by_which_municipality_a_place_is_named(where: PlaceCodes, named: str) -> None:
    reach = reach_of(box(LON - 0.001, LAT - 0.001, LON + 0.001, LAT + 0.001), SHAPES)
    assert municipality_of(where, reach, SHAPES, AREAS) == named


#: About 187 x 222 km at this latitude: 41,600 km2.
TOO_LARGE = box(130.0, 32.0, 132.0, 34.0)
#: Half of it.
LARGE = box(130.0, 32.0, 131.0, 34.0)


@pytest.mark.parametrize(
    ("geometries", "complaint"),
    [
        ([], None),
        ([box(130.7, 32.7, 130.9, 32.9)], None),
        ([LARGE, LARGE, LARGE], None),  # one inside the other, as levels are: the land counts once
        ([TOO_LARGE], "km2, more than 40000 km2"),
        ([LARGE, box(131.0, 32.0, 132.0, 34.0)], "km2, more than 40000 km2"),
        ([box(130.7, 32.7, 130.9, 32.9), box(170.0, 50.0, 181.0, 52.0)], "not a shape in Japan"),
        ([box(-179.0, 32.0, 179.0, 33.0)], "not a shape in Japan"),
        ([{"type": "LineString", "coordinates": [[130, 32], [131, 33]]}], "not a polygon"),
        (
            [{"type": "Polygon", "coordinates": [[[130, 32], [131, float("nan")], [131, 33], [130, 32]]]}],
            "not a number",
        ),
        ([{}], "cannot be read"),
        ([None], "cannot be read"),
    ],
)
def test_what_a_person_must_look_at_first(geometries: list[Any], complaint: str | None) -> None:
    found = why_unusable(geometries)
    assert found is None if complaint is None else found is not None and complaint in found


def test_the_area_is_measured_in_square_kilometres() -> None:
    """A box of one degree at 60 degrees north is half as wide as at the equator."""
    side = METRES_PER_DEGREE / 1000
    expected = 4 * 2 * side * side * math.cos(math.radians(60.0))
    found = why_unusable([box(130.0, 59.0, 134.0, 61.0)])
    assert found is not None
    assert int(found.split("they cover ")[1].split(" km2")[0]) == pytest.approx(expected, rel=0.01)


def test_too_many_corners_are_counted_before_they_become_a_shape() -> None:
    corner = [130.0, 32.0]
    found = why_unusable([{"type": "MultiPolygon", "coordinates": [[[corner] * 60_000], [[corner] * 60_000]]}])
    assert found == f"polygons without area codes: 120000 corners, more than {MAX_VERTICES}"


def test_a_polygon_on_the_date_line_reaches_nobody() -> None:
    with pytest.raises(UnusablePolygon, match="not a shape in Japan"):
        reach_of(box(-179.0, 32.0, 179.0, 33.0), SHAPES)
