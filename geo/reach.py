"""What a report's polygons reach, for reports that name no codes of ours. Pure; the places are in geo/place_index.py.

A place with a usable point is inside if the point touches the polygon, widened by `geo.match.TOLERANCE_M`. A place
known only to its municipality has no such point; it is inside if a polygon of its municipality touches the widened
polygon: told once too often, but not forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from core.later import Later
from geo.areas import Areas, UnknownArea
from geo.match import MAX_VERTICES, POINT_PRECISIONS, PlaceCodes, UnusablePolygon, usable_polygon
from geo.shapes import METRES_PER_DEGREE, OutsideJapan, Shapes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import shapely
    from shapely.geometry.base import BaseGeometry
else:
    np, shapely = Later("numpy"), Later("shapely")

#: Polygons that together cover more are looked at by a person first: a little more than Kyushu (36,782 km2).
MAX_AREA_KM2: Final = 40_000.0


class Reach(NamedTuple):
    """One polygon of a report, ready to be asked: its widened shape, and the municipalities it touches (7 digits)."""

    shape: BaseGeometry
    municipalities: frozenset[str]


def reach_of(geometry: Mapping[str, Any], shapes: Shapes) -> Reach:
    """A report's GeoJSON polygon (WGS84), widened by the tolerance of the data. Raises UnusablePolygon."""
    shape = usable_polygon(geometry)
    return Reach(shape, frozenset(shapes.touched_by(shape)))


def has_point(place: PlaceCodes) -> bool:
    """Whether the place's point says where it is, rather than only in which municipality."""
    return place.lat is not None and place.lon is not None and place.precision in POINT_PRECISIONS


def municipality_of(place: PlaceCodes, reach: Reach, shapes: Shapes, areas: Areas) -> str:
    """The JIS code by which a reached place is named in a text, "" if it carries none.

    Of several (a place at a border lies in both) the one around its point, or, without a point, one that the polygon
    touches. A designated city whose ward is not known is named as the city.
    """
    named = _without_doubles({c.code for c in place.codes if c.scheme == "jis"}, areas)
    if len(named) < 2:
        return named[0] if named else ""
    around: Collection[str] = reach.municipalities
    if place.lat is not None and place.lon is not None and has_point(place):
        try:
            around = shapes.at(place.lat, place.lon).inside
        except OutsideJapan:
            around = ()
    here = {code[:5] for code in around}
    return next((jis for jis in named if jis in here or _city_of(jis, areas) in here), named[0])


def _without_doubles(jis: set[str], areas: Areas) -> list[str]:
    """A city or its wards, not both: the city stands for all of its wards, and steps back where only some are named."""
    kept = set(jis)
    for city in jis:
        wards = set(areas.wards(city))
        if wards:
            kept -= wards if wards <= jis else {city}
    return sorted(kept)


def _city_of(ward: str, areas: Areas) -> str:
    try:
        return areas.city_of_ward(ward)
    except UnknownArea:
        return ""


def why_unusable(geometries: Sequence[Mapping[str, Any]]) -> str | None:
    """Why nobody may be told by these polygons before a person has looked at them; None: they may be used.

    Unreadable, on the date line, more than MAX_VERTICES corners, or together larger than MAX_AREA_KM2.
    """
    corners = sum(_corners(g.get("coordinates")) for g in geometries if isinstance(g, Mapping))
    if corners > MAX_VERTICES:
        return f"polygons without area codes: {corners} corners, more than {MAX_VERTICES}"
    try:
        shapes = [usable_polygon(geometry, tolerance_m=0.0) for geometry in geometries]
    except UnusablePolygon as error:
        return f"polygons without area codes: {error}"
    km2 = _square_km(shapely.union_all(shapes))
    if km2 > MAX_AREA_KM2:
        return f"polygons without area codes: they cover {km2:.0f} km2, more than {MAX_AREA_KM2:.0f} km2"
    return None


def _corners(coordinates: object) -> int:
    """How many positions nested GeoJSON coordinates hold, before any of them becomes a shape."""
    count, waiting = 0, [coordinates]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple) and part:
            if isinstance(part[0], list | tuple):
                waiting.extend(part)
            else:
                count += 1
    return count


def _square_km(shape: BaseGeometry) -> float:
    """The area of a shape in degrees, by the sinusoidal projection, which keeps areas."""

    def flat(lon_lat: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.column_stack([lon_lat[:, 0] * np.cos(np.radians(lon_lat[:, 1])), lon_lat[:, 1]])

    return float(shapely.transform(shape, flat).area) * (METRES_PER_DEGREE / 1000) ** 2
