"""Who is inside: codes first, polygons second (DESIGN §7). Pure; the SQL side of the codes is in geo/store.py.

A telegram names areas by code, and a place carries a row for every code it lies in: matching is equality of (scheme,
code). Polygons are for sources that name no codes. Places known only to their municipality are never matched by
polygon: their point may be 25 km from the door.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from core.later import Later
from core.model import Area, AreaCode, Polygon, Precision, level_rank
from geo.areas import Areas
from geo.distance import destination
from geo.shapes import METRES_PER_DEGREE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import shapely
    from shapely.geometry.base import BaseGeometry

    from geo import cells
else:
    np, shapely, cells = Later("numpy"), Later("shapely"), Later("geo.cells")

#: Alert polygons are widened by this much: the precision of the data, and of our 250 m mesh.
TOLERANCE_M = 300.0
#: A polygon with more vertices is simplified (0.0005 degrees, about 50 m) before it is used.
MAX_VERTICES = 100_000
#: A polygon larger than this (degrees squared, about four times Japan) names no place and is refused.
MAX_AREA_DEG2 = 160.0
#: A grid of cells over a shape (at most this many squared) costs about as much as asking GEOS for this many points and
#: one for every third corner.
MAX_SIDE = 512
GRID_COST = 800
#: Precisions whose point may be compared with a polygon.
POINT_PRECISIONS = frozenset({Precision.EXACT, Precision.STREET, Precision.TOWN})


class UnusablePolygon(ValueError):
    """A polygon of a report cannot be used. The message says why."""


class PlaceCodes(NamedTuple):
    """A place as the matcher sees it. `key` is the caller's own (a place id)."""

    key: Any
    codes: frozenset[AreaCode]
    lat: float | None = None
    lon: float | None = None
    precision: Precision = Precision.UNKNOWN


class Inside(NamedTuple):
    """Why a place is inside: the area that counts for it, or the worst polygon around its point."""

    key: Any
    area: Area | None = None
    polygon: Polygon | None = None


def worse(one: Area, other: Area) -> Area:
    """The area with the higher level; the first of equals. Only areas of one hazard compare."""
    return max(one, other, key=lambda a: level_rank(a.level))


#: How exactly a scheme says where; equal numbers are compared by level. Schemes not named here are as exact as a city.
_FINENESS = {"jma.office": 0, "jma.quake_pref": 0, "jma.class10": 1, "jma.quake_area": 1, "jma.class15": 2}


def decisive(areas: Sequence[Area]) -> Area:
    """Which of the matching areas of one event counts for a place: the most exact scheme, and in it the worst level.

    The areas above a town carry the maximum of their towns: intensity 4 in a town counts as 4 although its quake area
    reached 6-lower. What a town without figure counts as is for the caller to put into the areas
    (`Areas.cities_of_quake_area`); without that it counts as its quake area. Raises ValueError for no areas.
    """
    finest = max(_FINENESS.get(a.scheme, 3) for a in areas)
    return max((a for a in areas if _FINENESS.get(a.scheme, 3) == finest), key=lambda a: level_rank(a.level))


def matching_codes(event_areas: Iterable[Area], areas: Areas | None = None) -> dict[AreaCode, Area]:
    """The worst area per (scheme, code) of an event: what the places are looked up by.

    With `areas`, retired codes of old telegrams (replay) are spread to their successors, keeping name and level.
    """
    worst: dict[AreaCode, Area] = {}
    for area in event_areas:
        named = AreaCode(area.scheme, area.code)
        for code in areas.successors(named) if areas else (named,):
            worst[code] = worse(worst[code], area) if code in worst else area
    return worst


def who_is_inside(
    places: Iterable[PlaceCodes],
    areas: Iterable[Area],
    polygons: Sequence[Polygon] = (),
    table: Areas | None = None,
) -> list[Inside]:
    """The places an event touches, in the order given, each once.

    Codes first: a place with a matching code gets the `decisive` one of its areas, whatever the polygons say. Others
    are compared with the polygons (widened by TOLERANCE_M), the highest level wins. Raises UnusablePolygon.
    """
    codes = matching_codes(areas, table)
    waiting: list[PlaceCodes] = []
    found: dict[int, Inside] = {}
    order = list(places)
    for i, place in enumerate(order):
        matches = [codes[c] for c in sorted(place.codes, key=lambda c: (c.scheme, c.code)) if c in codes]
        if matches:
            found[i] = Inside(place.key, area=decisive(matches))
        elif place.lat is not None and place.lon is not None and place.precision in POINT_PRECISIONS:
            waiting.append(PlaceCodes(i, place.codes, place.lat, place.lon, place.precision))
    if polygons and waiting:
        index = PointIndex([p.lon for p in waiting if p.lon is not None], [p.lat for p in waiting if p.lat is not None])
        for polygon in sorted(polygons, key=lambda p: level_rank(p.level)):  # the worst is written last
            for hit in index.inside(usable_polygon(polygon.geometry)):
                i = waiting[int(hit)].key
                found[i] = Inside(order[i].key, polygon=polygon)
    return [found[i] for i in sorted(found)]


class Probe:
    """A shape, ready to be asked for many points. `shape`: valid, in degrees (lon, lat).

    Once it has been asked for more points than a grid would cost, it lays one over the shape, so that GEOS need only
    look at points along the edge. For one thread at a time: GEOS makes its own index when it is first asked.
    """

    def __init__(self, shape: BaseGeometry) -> None:
        shapely.prepare(shape)
        self.shape = shape
        self._grid: cells.Cells | None = None
        self._credit = GRID_COST + shapely.get_num_coordinates(shape) // 3
        if shape.geom_type not in ("Polygon", "MultiPolygon") or not shape.area:
            self._credit = sys.maxsize

    def touches(self, lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Whether each of these points within the shape's bounds lies in it or on its edge; shape (n,)."""
        self._credit -= len(lon)
        if self._credit >= 0:
            return np.asarray(shapely.intersects_xy(self.shape, lon, lat))
        if self._grid is None:
            self._grid = cells.Cells(self.shape, min(MAX_SIDE, max(1, math.isqrt(len(lon)))))
        kinds = self._grid.kinds_at(lon, lat)
        inside: npt.NDArray[np.bool_] = kinds == cells.INSIDE
        edge = np.flatnonzero(kinds == cells.EDGE)
        inside[edge] = shapely.intersects_xy(self.shape, lon[edge], lat[edge])
        return inside


class PointIndex:
    """Many points, sorted by longitude: which of them lie in a shape.

    Slices by the shape's bounding box, then asks the shape: about 1 ms for a town among a million points. The index is
    read-only; GEOS lets go of the interpreter lock, so different shapes may be asked in threads.
    """

    def __init__(self, lon: Sequence[float] | npt.NDArray[np.float64], lat: Sequence[float] | npt.NDArray[np.float64]):
        """`lon` and `lat` in degrees (WGS84), same length n. Raises ValueError if they differ in length."""
        x = np.asarray(lon, dtype=np.float64)
        y = np.asarray(lat, dtype=np.float64)
        if x.shape != y.shape or x.ndim != 1:
            raise ValueError(f"longitudes and latitudes must be two lists of one length, got {x.shape} and {y.shape}")
        self._order = np.argsort(x, kind="stable")
        self._x = x[self._order]
        self._y = y[self._order]

    def __len__(self) -> int:
        return len(self._x)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, in bytes."""
        return int(self._order.nbytes + self._x.nbytes + self._y.nbytes)

    def points(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Longitudes and latitudes in the order given, each of shape (n,): what a larger index is made of."""
        lon, lat = np.empty_like(self._x), np.empty_like(self._y)
        lon[self._order], lat[self._order] = self._x, self._y
        return lon, lat

    def inside(self, shape: BaseGeometry | Probe) -> npt.NDArray[np.intp]:
        """Positions (in the lists given) of the points inside or on the edge of `shape`, rising; shape (k,).

        `shape` must be valid. Whoever asks about one shape more than once makes a `Probe` of it.
        """
        probe = shape if isinstance(shape, Probe) else Probe(shape)
        if probe.shape.is_empty:
            return np.empty(0, dtype=np.intp)
        west, south, east, north = probe.shape.bounds
        low, high = np.searchsorted(self._x, [west, np.nextafter(east, np.inf)], side="left")
        y = self._y[low:high]
        box = np.flatnonzero((y >= south) & (y <= north)) + low
        hits = box[probe.touches(self._x[box], self._y[box])]
        return np.sort(self._order[hits])


def usable_polygon(geometry: Mapping[str, Any], tolerance_m: float = TOLERANCE_M) -> BaseGeometry:
    """A report's GeoJSON polygon made valid and widened by `tolerance_m` metres.

    Raises UnusablePolygon for what is no polygon, lies on the date line, or is larger than MAX_AREA_DEG2.
    """
    try:
        with np.errstate(invalid="ignore"):  # not-a-number corners are refused in words below
            shape = shapely.geometry.shape(dict(geometry))
    except (shapely.errors.GEOSException, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise UnusablePolygon(f"the report's polygon cannot be read: {error}") from None
    if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        raise UnusablePolygon(f"the report's shape is a {shape.geom_type}, not a polygon")
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise UnusablePolygon("the report's polygon has a corner that is not a number")
    west, south, east, north = shape.bounds
    if west < -180 or east > 180 or south < -90 or north > 90 or east - west > 180:
        raise UnusablePolygon(f"the report's polygon reaches from {west} to {east} degrees: not a shape in Japan")
    if shapely.get_num_coordinates(shape) > MAX_VERTICES:
        shape = shapely.simplify(shape, 0.0005)
    shape = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    if shape.is_empty or shape.area > MAX_AREA_DEG2:
        raise UnusablePolygon(
            f"the report's polygon covers {shape.area:.1f} square degrees: no place can be told from it"
        )
    return widened(shape, tolerance_m)


def widened(shape: BaseGeometry, metres: float) -> BaseGeometry:
    """`shape` (degrees) grown by a distance in metres, exact at the middle of the shape.

    Longitudes are scaled by the cosine of the latitude while growing: a degree is not the same length both ways.
    """
    _, south, _, north = shape.bounds
    stretch = max(0.05, math.cos(math.radians((south + north) / 2)))
    flat = shapely.transform(shape, lambda xy: xy * (stretch, 1.0))
    grown = shapely.buffer(flat, metres / METRES_PER_DEGREE, quad_segs=8)
    return shapely.transform(grown, lambda xy: xy / (stretch, 1.0))


def circle(lat: float, lon: float, radius_km: float) -> dict[str, Any]:
    """A CAP circle ("lat,lon km") as GeoJSON: 64 corners at that distance on the sphere, not an ellipse of degrees.

    Raises UnusablePolygon if the numbers are not a circle on earth below 85 degrees latitude and 2,000 km.
    """
    if not (abs(lat) <= 85 and abs(lon) <= 180 and 0 < radius_km <= 2000):
        raise UnusablePolygon(f"a circle at {lat},{lon} with radius {radius_km} km cannot be used")
    ring = (destination(lat, lon, radius_km, step * 360 / 64) for step in range(64))
    corners = [[there_lon, there_lat] for there_lat, there_lon in ring]
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}
