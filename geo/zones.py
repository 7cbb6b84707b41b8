"""Flood and landslide areas as the Ministry of Land (MLIT) publishes them, and whether a place lies in one. Pure.

We relay what the ministry drew and never estimate a depth ourselves. Where a place's point is not exact, the answer
errs towards "in the area": an alert too many can be put aside.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from core.later import Later
from core.model import Precision
from geo.match import TOLERANCE_M
from geo.shapes import METRES_PER_DEGREE

if TYPE_CHECKING:
    import numpy as np
    import shapely
else:
    np, shapely = Later("numpy"), Later("shapely")


class ZoneKind(StrEnum):
    """What an area is drawn for."""

    FLOOD = "flood"  # 洪水浸水想定区域
    LANDSLIDE = "landslide"  # 土砂災害警戒区域


class Lies(StrEnum):
    """Whether a place lies in an area. UNKNOWN never means that it does not."""

    IN = "in"
    OUT = "out"
    UNKNOWN = "unknown"


#: Depth rank -> (from, to) in metres, `to` None: and more. A31a's code list 浸水深ランクコード (water_depth_code),
#: editions 2.1 (2019) and later; A31 of 2012 counted otherwise and is not read.
DEPTH_RANKS: Final[Mapping[int, tuple[float, float | None]]] = {
    1: (0.0, 0.5),
    2: (0.5, 3.0),
    3: (3.0, 5.0),
    4: (5.0, 10.0),
    5: (10.0, 20.0),
    6: (20.0, None),
}
#: Landslide areas: 1 警戒区域 (yellow), 2 特別警戒区域 (red).
YELLOW, RED = 1, 2

#: How far from an area a place still counts as in it: the 250 m mesh (184 m to its corner), the precision of the data.
NEAR_M: Final = TOLERANCE_M
#: A point that stands for a whole town (大字) is within 2.1 km of the door in 99 of 100 cases.
TOWN_M: Final = 2_000.0
#: Precisions whose point says where the place is; TOWN says it roughly, all others not at all.
_EXACT: Final = frozenset({Precision.EXACT, Precision.STREET})


class Zone(NamedTuple):
    """One shape to compare with. `shape` is a shapely geometry in degrees (lon, lat; WGS84)."""

    kind: ZoneKind
    code: str
    name: str
    scale: str
    rank: int
    jma_rivers: tuple[str, ...]
    shape: Any


class RiverDepth(NamedTuple):
    """How deep one river may stand at a place. `scale`: "largest" (想定最大規模) or "planned" (計画規模)."""

    code: str
    name: str
    rank: int
    scale: str


@dataclass(frozen=True, slots=True)
class PlaceHazard:
    """What was found at a place. `editions`: the ids of the imports that were asked."""

    flood: Lies = Lies.UNKNOWN
    landslide: Lies = Lies.UNKNOWN
    #: The deepest first. Of a place whose flood is UNKNOWN: the rivers within TOWN_M.
    rivers: tuple[RiverDepth, ...] = ()
    slope_rank: int | None = None
    #: Rivers as JMA's bulletins name them.
    jma_rivers: tuple[str, ...] = ()
    tolerance_m: int = int(NEAR_M)
    editions: tuple[UUID, ...] = ()

    @property
    def depth_rank(self) -> int | None:
        """The deepest rank of a place that lies in a flood area."""
        return max((river.rank for river in self.rivers), default=None) if self.flood is Lies.IN else None


class Point(NamedTuple):
    """A place to compare: the centre of its mesh in degrees, and how exactly it is known."""

    lat: float | None
    lon: float | None
    precision: Precision


def comparable(point: Point) -> bool:
    """Whether the point may be compared with an area at all."""
    return point.lat is not None and point.lon is not None and (point.precision in _EXACT or _is_town(point))


def _is_town(point: Point) -> bool:
    return point.precision is Precision.TOWN


def reach_m(point: Point) -> float:
    """How far from a comparable point an area matters, in metres."""
    return TOWN_M if _is_town(point) else NEAR_M


def hazards_at(
    points: Sequence[Point], zones: Sequence[Zone], known: Sequence[Collection[ZoneKind]]
) -> list[PlaceHazard]:
    """What lies at each of the points, in their order.

    `zones`: at least all within `reach_m` of the points. `known`: for each point the kinds of which every area
    around it is in `zones`: without that a place in none of them is not known to be outside.
    """
    asked = [i for i, point in enumerate(points) if comparable(point)]
    towns = [i for i in asked if _is_town(points[i])]
    near = dict(zip(asked, _touching([points[i] for i in asked], zones, NEAR_M), strict=True))
    wide = near | dict(zip(towns, _touching([points[i] for i in towns], zones, TOWN_M), strict=True))
    found = [PlaceHazard()] * len(points)
    for i in asked:
        found[i] = _hazard(near[i], wide[i], known[i], reach_m(points[i]))
    return found


def _hazard(near: Sequence[Zone], wide: Sequence[Zone], known: Collection[ZoneKind], tolerance: float) -> PlaceHazard:
    def lies(kind: ZoneKind) -> Lies:
        if any(zone.kind is kind for zone in near):
            return Lies.IN
        if any(zone.kind is kind for zone in wide) or kind not in known:
            return Lies.UNKNOWN
        return Lies.OUT

    flood = lies(ZoneKind.FLOOD)
    rivers = [z for z in (near if flood is Lies.IN else wide) if z.kind is ZoneKind.FLOOD]
    slopes = [z.rank for z in near if z.kind is ZoneKind.LANDSLIDE]
    bulletins = {code for z in wide if z.kind is ZoneKind.FLOOD for code in z.jma_rivers}
    return PlaceHazard(
        flood, lies(ZoneKind.LANDSLIDE), _deepest(rivers), max(slopes, default=None), tuple(sorted(bulletins)),
        int(tolerance),
    )  # fmt: skip


def _deepest(zones: Iterable[Zone]) -> tuple[RiverDepth, ...]:
    """One line per river: its worst rank, and of equals the largest rain that was assumed."""
    worst: dict[str, RiverDepth] = {}
    for zone in zones:
        new = RiverDepth(zone.code, zone.name, zone.rank, zone.scale)
        old = worst.get(zone.code)
        if old is None or (new.rank, new.scale == "largest") > (old.rank, old.scale == "largest"):
            worst[zone.code] = new
    return tuple(sorted(worst.values(), key=lambda r: (-r.rank, r.code)))


def _touching(points: Sequence[Point], zones: Sequence[Zone], metres: float) -> list[list[Zone]]:
    """For each point the zones that reach within this distance. The circles are drawn around 32 corners, not inside."""
    found: list[list[Zone]] = [[] for _ in points]
    if not points or not zones:
        return found
    lat = np.array([point.lat for point in points], dtype=float)
    lon = np.array([point.lon for point in points], dtype=float)
    turn = np.arange(32) * (math.pi / 16)
    radius = metres / math.cos(math.pi / 32) / METRES_PER_DEGREE
    x = lon[:, None] + radius / np.cos(np.radians(lat))[:, None] * np.cos(turn)
    y = lat[:, None] + radius * np.sin(turn)
    tree = shapely.STRtree(shapely.polygons(np.stack([x, y], axis=-1)))
    for zone in zones:
        for hit in tree.query(zone.shape, predicate="intersects"):
            found[int(hit)].append(zone)
    return found
