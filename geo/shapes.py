"""Polygons of the municipality-level areas: which municipality a point lies in, and shapes to draw.

JMA's polygons are accurate to some hundred metres: a point within `BORDER_M` of a neighbour counts for both. Where the
boundaries of N03 (国土数値情報 行政区域) were fetched, they decide the municipality and the ward, and JMA's only the
part of a split municipality. Loaded on first use (about 50 ms); read-only afterwards and safe to share between threads.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from core.later import Later
from core.model import AreaCode
from geo import data_folder
from geo.areas import Areas, UnknownArea
from geo.tables import current_polygons, fetched_n03, read_polygons

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import shapely
    from shapely.geometry.base import BaseGeometry
else:
    np, shapely = Later("numpy"), Later("shapely")

#: Width of the strip along a border in which a place belongs to both sides (about the accuracy of the polygons).
BORDER_M = 300.0
#: How far outside every polygon a point may lie and still belong to the nearest: reclaimed land, quays. Degrees.
NEAREST_DEG = 0.03
#: Metres per degree of latitude (and of longitude at the equator), mean earth.
METRES_PER_DEGREE = 111_195.0


class OutsideJapan(ValueError):
    """A point lies in no municipality and near none. The message names the point."""


class PointAreas(NamedTuple):
    """Where a point lies: 7-digit polygon codes it is inside of (or nearest to), and those within BORDER_M.

    Where N03 counts, both hold the municipality or ward (4320200, 4310300) and, behind it, JMA's parts of it (4320211).
    """

    inside: tuple[str, ...]
    near: tuple[str, ...]
    #: True if it was inside no polygon and the nearest was taken.
    repaired: bool = False


def metres_box(lat: float, lon: float, radius_m: float) -> BaseGeometry:
    """A 32-gon of `radius_m` around a point, in degrees (circles in degrees would be too narrow east-west)."""
    dy = radius_m / METRES_PER_DEGREE
    dx = dy / max(0.1, math.cos(math.radians(lat)))
    return shapely.polygons(_unit_circle() * (dx, dy) + (lon, lat))


@functools.cache
def _unit_circle() -> npt.NDArray[np.float64]:
    angles = np.arange(32) * (math.pi / 16)
    return np.column_stack([np.cos(angles), np.sin(angles)])


class _Layer:
    """Polygons with an index: which of them touch a shape."""

    def __init__(self, codes: Sequence[str], shapes: Any, asking: threading.Lock) -> None:
        self.codes = codes
        self._tree = shapely.STRtree(shapes)
        self._shapes = self._tree.geometries
        # A prepared polygon makes its indexes when it is first asked, without a lock of its own: two threads at once
        # have ended the process (GEOS issue 825). Layers that share polygons share the lock.
        self._asking = asking

    def touching(self, shape: BaseGeometry) -> tuple[str, ...]:
        # Boxes by the tree, then the prepared polygons: the tree's own predicate would prepare the point instead.
        with self._asking:
            close = self._tree.query(shape)
            here = close[shapely.intersects(self._shapes[close], shape)]
        return tuple(sorted(self.codes[int(i)] for i in here))

    def nearest(self, point: BaseGeometry) -> str:
        """The nearest within NEAREST_DEG, "" for none."""
        with self._asking:
            found = self._tree.query_nearest(point, max_distance=NEAREST_DEG, all_matches=False)
        return self.codes[int(found[0])] if len(found) else ""


class Shapes:
    """Polygons by 7-digit JMA code, with an index for points.

    `n03`: municipalities and wards by JIS code + "00"; they count for points instead of JMA's polygons of the same
    municipalities. `areas` says which wards make up a city of JMA's.
    """

    def __init__(
        self,
        polygons: Iterable[tuple[str, bytes]],
        n03: Iterable[tuple[str, bytes]] = (),
        areas: Areas | None = None,
    ) -> None:
        pairs, finer = list(polygons), list(n03)
        self._codes = [code for code, _ in pairs]
        self._shapes: Any = shapely.from_wkb([wkb for _, wkb in pairs])
        shapely.prepare(self._shapes)
        self._index = {code: i for i, code in enumerate(self._codes)}
        self._asking = threading.Lock()
        self._drawn = self._points = _Layer(self._codes, self._shapes, self._asking)
        self._parts: _Layer | None = None
        self._finer: dict[str, Any] = {}
        if finer and areas is not None:
            self._use_n03(finer, areas)

    def _use_n03(self, finer: list[tuple[str, bytes]], areas: Areas) -> None:
        codes = [code for code, _ in finer]
        shapes: Any = shapely.from_wkb([wkb for _, wkb in finer])
        shapely.prepare(shapes)
        self._finer = dict(zip(codes, shapes, strict=True))
        covered = {code[:5] for code in codes}
        for jis in {code[:5] for code in self._codes} - covered:
            wards = areas.wards(jis)
            if wards and covered.issuperset(wards):
                covered.add(jis)
        kept = [i for i, code in enumerate(self._codes) if code[:5] not in covered]
        self._points = self._layer(
            [*codes, *(self._codes[i] for i in kept)], [*shapes, *(self._shapes[i] for i in kept)]
        )
        parts = [i for i, code in enumerate(self._codes) if code[:5] in covered and not code.endswith("00")]
        if parts:
            self._parts = self._layer([self._codes[i] for i in parts], [self._shapes[i] for i in parts])
        self._city_of = {ward: jis for jis in covered for ward in areas.wards(jis)}

    def _layer(self, codes: Sequence[str], shapes: Sequence[Any]) -> _Layer:
        return _Layer(codes, shapes, self._asking)

    @staticmethod
    @functools.cache
    def load() -> Shapes:
        """The polygons in use, read once per process (again after new ones were fetched). Raises AreaDataError."""
        n03 = list(fetched_n03())
        return Shapes(current_polygons(), n03, Areas.load() if n03 else None)

    @staticmethod
    def committed() -> Shapes:
        """The polygons that came with the program. Raises geo.tables.AreaDataError."""
        return Shapes(read_polygons())

    def at(self, lat: float, lon: float, border_m: float = BORDER_M) -> PointAreas:
        """The areas of a point, and those less than `border_m` away. Raises OutsideJapan."""
        if not (math.isfinite(lat) and math.isfinite(lon)):
            raise OutsideJapan(f"latitude {lat}, longitude {lon} is not a point")
        point = shapely.Point(lon, lat)
        inside = self._points.touching(point)
        if not inside:
            nearest = self._points.nearest(point)
            if not nearest:
                raise OutsideJapan(f"latitude {lat}, longitude {lon} is in no municipality of Japan")
            return PointAreas((nearest, *self._parts_at(point, [nearest])), (), repaired=True)
        circle = metres_box(lat, lon, border_m)
        near = tuple(c for c in self._points.touching(circle) if c not in inside)
        here = (*inside, *self._parts_at(point, inside))
        around = (*near, *self._parts_at(circle, (*inside, *near)))
        return PointAreas(here, tuple(c for c in around if c not in here))

    def _parts_at(self, shape: BaseGeometry, municipalities: Iterable[str]) -> tuple[str, ...]:
        """JMA's parts that touch a shape, of municipalities that N03 decided on."""
        if self._parts is None:
            return ()
        jis = {code[:5] for code in municipalities}
        jis |= {self._city_of[ward] for ward in jis if ward in self._city_of}
        return tuple(code for code in self._parts.touching(shape) if code[:5] in jis)

    def touched_by(self, shape: BaseGeometry) -> tuple[str, ...]:
        """Codes of JMA's polygons that have a point in common with `shape` (degrees), sorted."""
        return self._drawn.touching(shape)

    def codes(self, prefix: str = "") -> list[str]:
        """Codes of JMA's polygons that begin with `prefix` ("43", "43202")."""
        return [code for code in self._codes if code.startswith(prefix)]

    def polygon(self, scheme: str, code: str, areas: Areas) -> BaseGeometry:
        """The shape of an area: its own polygon, the union the table states, or that of its municipalities. WGS84.

        Wards of designated cities that nobody draws have their city's shape. Raises UnknownArea if the scheme has
        no shapes (rivers, sea areas).
        """
        if scheme == "jma.city" and code in self._index:
            return self._shapes[self._index[code]]
        finer = self._finer.get(f"{code[:5]}00") if scheme == "jis" or code.endswith("00") else None
        if finer is not None and scheme in ("jis", "jma.city"):
            return finer
        return self._union(frozenset(self._members(AreaCode(scheme, code), areas)), f"{scheme}:{code}")

    def _members(self, area: AreaCode, areas: Areas) -> set[str]:
        if area.scheme in ("jis", "jma.city"):
            jis = area.code[:5]
            stated = areas.row(*area).polygons if area in areas else ()
            if stated and set(stated) <= self._index.keys():
                return set(stated)
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


data_folder.when_changed(Shapes.load.cache_clear)
