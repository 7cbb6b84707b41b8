"""Makes `towns.sqlite` out of a gazetteer: one point and radius per town of a municipality, and per postal code.

The radius is ours: from the middle of a town's points to the farthest of them, and on by half the way from there to the
nearest point of any other town. A gazetteer names points, no extents; half-way to the neighbour is where a town ends.
"""

from __future__ import annotations

import math
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from core.later import Later
from core.progress import Progress
from geo.address import AddressIndex
from geo.areas import Areas, UnknownArea
from geo.distance import distance_km
from geo.postal import PlaceNotFound, PostalCodes, PostalTown
from geo.shapes import METRES_PER_DEGREE, Shapes
from geo.spelling import town_key
from geo.towns import MAX_RADIUS_M
from geo.towns_source import TownRow

if TYPE_CHECKING:
    import numpy as np
    import shapely
else:
    np, shapely = Later("numpy"), Later("shapely")

#: A point so far outside its municipality belongs to another place, or its numbers are wrong.
_ASTRAY_M: Final = 3_000
_BLOCK: Final = re.compile(r"\d+丁目$")

Point = tuple[float, float]  # latitude, longitude


class Built(NamedTuple):
    """What went into the file, and the shares of postal codes whose towns are known ("43": of one prefecture)."""

    towns: int
    astray: list[str]  # rows whose point lies in another municipality
    unknown: list[str]  # municipalities nobody knows
    postal_codes: int
    #: Prefecture ("" for all of them) -> (codes, codes whose every town is named, and of these: within MAX_RADIUS_M).
    matched: dict[str, tuple[int, int, int]]


class _Spot(NamedTuple):
    name: str
    lat: float
    lon: float
    radius_m: int


def build_towns(
    rows: Sequence[TownRow],
    path: Path,
    *,
    areas: Areas,
    shapes: Shapes,
    postal: PostalCodes,
    about: dict[str, str],
    progress: Progress = lambda stage, done, total: None,
) -> Built:
    """Write the gazetteer to a new SQLite file. `about`: source, vintage and credit line, kept in it."""
    astray: list[str] = []
    unknown: list[str] = []
    points = _by_municipality(rows, areas, shapes, unknown, astray, progress)
    spots = _spots(points, progress)
    codes, matched = _postal_spots(postal.towns({jis[:2] for jis in points}), spots)
    _write(path, spots, codes, about)
    return Built(sum(map(len, spots.values())), astray, unknown, len(codes), matched)


def _by_municipality(
    rows: Sequence[TownRow], areas: Areas, shapes: Shapes, unknown: list[str], astray: list[str], progress: Progress
) -> dict[str, dict[str, list[Point]]]:
    """JIS code -> town -> its points. A municipality that was divided since has them under each of its successors."""
    index = AddressIndex.of(areas)
    grouped: dict[str, list[TownRow]] = defaultdict(list)
    for row in rows:
        grouped[row.municipality].append(row)
    found: dict[str, dict[str, list[Point]]] = defaultdict(lambda: defaultdict(list))
    for done, (municipality, its) in enumerate(grouped.items(), 1):
        progress("towns", done, len(grouped))
        try:
            jis = index.find(municipality).jis
        except PlaceNotFound:
            unknown.append(municipality)
            continue
        kept = _inside(its, jis, areas, shapes)
        for row, good in zip(its, kept, strict=True):
            if not good:
                astray.append(f"{municipality}{row.town}: {row.lat}, {row.lon} lies elsewhere")
                continue
            for code in jis:
                found[code][town_key(row.town)].append((row.lat, row.lon))
    return found


def _inside(rows: Sequence[TownRow], jis: Sequence[str], areas: Areas, shapes: Shapes) -> list[bool]:
    try:
        shape = shapely.union_all([shapes.polygon("jis", code, areas) for code in jis])
    except UnknownArea:
        return [True] * len(rows)
    reach = _ASTRAY_M / METRES_PER_DEGREE
    shapely.prepare(shape)
    hit = shapely.intersects_xy(shape, [row.lon for row in rows], [row.lat for row in rows])
    return [
        bool(inside) or shape.distance(shapely.Point(row.lon, row.lat)) <= reach
        for inside, row in zip(hit, rows, strict=True)
    ]


def _spots(points: dict[str, dict[str, list[Point]]], progress: Progress) -> dict[str, dict[str, _Spot]]:
    """Every town, and every town of numbered blocks as a whole (帯山 beside 帯山1丁目)."""
    progress("distances", 0, 1)
    reach = _reaches({point for towns in points.values() for its in towns.values() for point in its})
    progress("distances", 1, 1)
    spots: dict[str, dict[str, _Spot]] = {}
    for jis, towns in points.items():
        whole = dict(towns)
        blocks: dict[str, list[Point]] = defaultdict(list)
        for name, its in towns.items():
            base = _BLOCK.sub("", name)
            if base and base != name:
                blocks[base] += its
        for base, its in blocks.items():
            whole[base] = [*whole.get(base, []), *its]
        spots[jis] = {name: _spot(name, its, reach) for name, its in whole.items()}
    return spots


def _reaches(every: Iterable[Point]) -> dict[Point, float]:
    """Point -> half the way to the nearest other point, in metres."""
    points = sorted(every)
    if len(points) < 2:
        return dict.fromkeys(points, float(MAX_RADIUS_M))
    lat = np.array([p[0] for p in points])
    # One scale for all of Japan would be 20 % wrong in Okinawa and Hokkaido; the true distance is measured afterwards.
    x = np.array([p[1] for p in points]) * np.cos(np.radians(lat))
    tree = shapely.STRtree(shapely.points(x, lat))
    own, other = tree.query_nearest(shapely.points(x, lat), exclusive=True, all_matches=False)
    return {points[i]: distance_km(*points[i], *points[j]) * 500 for i, j in zip(own, other, strict=True)}


def _spot(name: str, points: Sequence[Point], reach: dict[Point, float]) -> _Spot:
    if len(points) == 1:
        return _Spot(name, *points[0], math.ceil(reach[points[0]]))
    lats, lons = [p[0] for p in points], [p[1] for p in points]
    lat, lon = (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2
    radius = max(1000 * distance_km(lat, lon, *point) + reach[point] for point in points)
    return _Spot(name, round(lat, 6), round(lon, 6), math.ceil(radius))


def _postal_spots(
    codes: Iterable[tuple[str, tuple[PostalTown, ...]]], spots: dict[str, dict[str, _Spot]]
) -> tuple[dict[str, _Spot], dict[str, tuple[int, int, int]]]:
    """The point of every postal code all of whose towns are known, and how many there are."""
    found: dict[str, _Spot] = {}
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for code, towns in codes:
        prefecture = towns[0].jis[:2]
        its = [spots.get(town.jis, {}).get(_name(town, spots.get(town.jis, {}))) for town in towns]
        known = [spot for spot in its if spot is not None]
        spot = None
        if len(known) == len(its):
            spot = known[0] if len(known) == 1 else _around(known)
            found[code] = spot
        for key in ("", prefecture):
            counts[key][0] += 1
            counts[key][1] += spot is not None
            counts[key][2] += spot is not None and spot.radius_m <= MAX_RADIUS_M
    return found, {key: (n[0], n[1], n[2]) for key, n in sorted(counts.items())}


def _name(town: PostalTown, known: dict[str, _Spot]) -> str:
    """The key of a town of Japan Post's list. Floors of a building (西新宿新宿三井ビル) have its town's."""
    name = town_key(town.name)
    if name in known or not town.building:
        return name
    return next((name[:length] for length in range(len(name) - 1, 1, -1) if name[:length] in known), "")


def _around(spots: Sequence[_Spot]) -> _Spot:
    lats, lons = [s.lat for s in spots], [s.lon for s in spots]
    lat, lon = (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2
    radius = max(1000 * distance_km(lat, lon, s.lat, s.lon) + s.radius_m for s in spots)
    return _Spot("・".join(s.name for s in spots)[:200], round(lat, 6), round(lon, 6), math.ceil(radius))


def _write(path: Path, spots: dict[str, dict[str, _Spot]], codes: dict[str, _Spot], about: dict[str, str]) -> None:
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    try:
        connection.executescript(_SCHEMA)
        connection.executemany(
            "INSERT INTO town VALUES (?, ?, ?, ?, ?)", ((jis, *s) for jis in sorted(spots) for s in spots[jis].values())
        )
        connection.executemany("INSERT INTO postal VALUES (?, ?, ?, ?, ?)", ((c, *s) for c, s in sorted(codes.items())))
        connection.executemany("INSERT INTO about VALUES (?, ?)", sorted(about.items()))
        connection.commit()
    finally:
        connection.close()


_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE town (jis TEXT, name TEXT, lat REAL, lon REAL, radius_m INTEGER, PRIMARY KEY (jis, name)) WITHOUT ROWID;
CREATE TABLE postal (code TEXT PRIMARY KEY, name TEXT, lat REAL, lon REAL, radius_m INTEGER) WITHOUT ROWID;
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT);
"""
