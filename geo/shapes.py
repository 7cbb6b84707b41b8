"""Polygons of the municipality-level areas: which municipality a point lies in, and shapes to draw.

JMA's polygons are accurate to some hundred metres: a point within `BORDER_M` of a neighbour counts for both. Loaded on
first use (about 50 ms); read-only afterwards and safe to share between threads.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from core.later import Later
from core.model import AreaCode
from geo.areas import Areas, UnknownArea
from geo.tables import read_polygons

if TYPE_CHECKING:
    import shapely
    from shapely.geometry.base import BaseGeometry
else:
    shapely = Later("shapely")

#: Width of the strip along a border in which a place belongs to both sides (about the accuracy of the polygons).
BORDER_M = 300.0
#: How far outside every polygon a point may lie and still belong to the nearest: reclaimed land, quays. Degrees.
NEAREST_DEG = 0.03
#: Metres per degree of latitude (and of longitude at the equator), mean earth.
METRES_PER_DEGREE = 111_195.0


class OutsideJapan(ValueError):
    """A point lies in no municipality and near none. The message names the point."""


class PointAreas(NamedTuple):
    """Where a point lies: 7-digit polygon codes it is inside of (or nearest to), and those within BORDER_M."""

    inside: tuple[str, ...]
    near: tuple[str, ...]
    #: True if it was inside no polygon and the nearest was taken.
    repaired: bool = False


def metres_box(lat: float, lon: float, radius_m: float) -> BaseGeometry:
    """A 32-gon of `radius_m` around a point, in degrees (circles in degrees would be too narrow east-west)."""
    dy = radius_m / METRES_PER_DEGREE
    dx = dy / max(0.1, math.cos(math.radians(lat)))
    corners = [(lon + dx * math.cos(a * math.pi / 16), lat + dy * math.sin(a * math.pi / 16)) for a in range(32)]
    return shapely.Polygon(corners)


class Shapes:
    """Polygons by 7-digit JMA code, with an index for points."""

    def __init__(self, polygons: Iterable[tuple[str, bytes]]) -> None:
        pairs = list(polygons)
        self._codes = [code for code, _ in pairs]
        self._shapes: Any = shapely.from_wkb([wkb for _, wkb in pairs])
        shapely.prepare(self._shapes)
        self._index = {code: i for i, code in enumerate(self._codes)}
        self._tree = shapely.STRtree(self._shapes)

    @staticmethod
    @functools.cache
    def load() -> Shapes:
        """The committed polygons, read once per process. Raises geo.tables.AreaDataError."""
        return Shapes(read_polygons())

    def at(self, lat: float, lon: float) -> PointAreas:
        """The areas of a point, borders included. Raises OutsideJapan."""
        if not (math.isfinite(lat) and math.isfinite(lon)):
            raise OutsideJapan(f"latitude {lat}, longitude {lon} is not a point")
        point = shapely.Point(lon, lat)
        inside = self._found(point)
        if inside:
            circle = metres_box(lat, lon, BORDER_M)
            return PointAreas(inside, tuple(c for c in self._found(circle) if c not in inside))
        nearest = self._tree.query_nearest(point, max_distance=NEAREST_DEG, all_matches=False)
        if not len(nearest):
            raise OutsideJapan(f"latitude {lat}, longitude {lon} is in no municipality of Japan")
        return PointAreas((self._codes[int(nearest[0])],), (), repaired=True)

    def _found(self, shape: BaseGeometry) -> tuple[str, ...]:
        return tuple(sorted(self._codes[int(i)] for i in self._tree.query(shape, predicate="intersects")))

    def touched_by(self, shape: BaseGeometry) -> tuple[str, ...]:
        """Codes of the polygons that have a point in common with `shape` (degrees), sorted."""
        return self._found(shape)

    def codes(self, prefix: str = "") -> list[str]:
        """Polygon codes that begin with `prefix` ("43", "43202")."""
        return [code for code in self._codes if code.startswith(prefix)]

    def polygon(self, scheme: str, code: str, areas: Areas) -> BaseGeometry:
        """The shape of an area: its own polygon, or the union of its municipalities. WGS84 (lon, lat).

        Wards of designated cities that JMA does not draw have their city's shape. Raises UnknownArea if the scheme has
        no shapes (rivers, sea areas).
        """
        if scheme == "jma.city" and code in self._index:
            return self._shapes[self._index[code]]
        return self._union(frozenset(self._members(AreaCode(scheme, code), areas)), f"{scheme}:{code}")

    def _members(self, area: AreaCode, areas: Areas) -> set[str]:
        if area.scheme in ("jis", "jma.city"):
            jis = area.code[:5]
            own = self.codes(jis)
            if own:
                return set(own)
            if area in areas:
                city = areas.city_of_ward(jis) if AreaCode("jis", jis) in areas else ""
                wards = [code for ward in areas.wards(jis) for code in self.codes(ward)]
                return set(wards or (self.codes(city) if city else []))
            return set()
        below = {"jma.class15": "jma.city", "jma.class10": "jma.class15", "jma.office": "jma.class10",
                 "jma.quake_area": "jma.city", "jma.quake_pref": "jma.quake_area"}.get(area.scheme)  # fmt: skip
        if below is None:
            return set()
        return {m for child in areas.children(area.scheme, area.code, below) for m in self._child(child, areas)}

    def _child(self, area: AreaCode, areas: Areas) -> set[str]:
        # A part of a split municipality stands for itself only, not for the whole municipality.
        return {area.code} if area.code in self._index else self._members(area, areas)

    def _union(self, codes: frozenset[str], label: str) -> BaseGeometry:
        if not codes:
            raise UnknownArea(f"no polygon for area {label}")
        return shapely.union_all([self._shapes[self._index[code]] for code in sorted(codes)])
