"""Placing a stored place again when the tables change: which codes it loses, which it gains. Pure.

A place may carry codes that its point and postal code do not explain: an address text that was read, a second
municipality that the sources disagreed about. So only the difference between the two editions is applied: what the old
tables gave for the same point, postal code and municipalities and the new ones do not give is lost; the reverse is
gained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from core.model import AreaCode, Precision
from geo.areas import Areas
from geo.match import PlaceCodes
from geo.shapes import BORDER_M, OutsideJapan, Shapes

#: Precisions whose point says in which municipality a place lies; a town's middle may be a kilometre from the door.
PLACED_BY_POINT = frozenset({Precision.EXACT, Precision.STREET})
#: Answers that are kept for places alike; beyond, memory is worth more than time.
MOST_KEPT = 100_000
#: Stored points are centres of 250 m cells, at most this far from where people live.
MESH_RADIUS_M = 185.0


class Tables(NamedTuple):
    """One edition of everything that decides on codes."""

    areas: Areas
    shapes: Shapes


class Replacing(NamedTuple):
    """How the codes of a place change."""

    lost: frozenset[AreaCode]
    gained: frozenset[AreaCode]

    def __bool__(self) -> bool:
        return bool(self.lost or self.gained)


class _Named(NamedTuple):
    """The municipalities that the point and the postal code name, and the parts the point is known to lie in."""

    jis: frozenset[str]
    parts: frozenset[str]


def replacing(place: PlaceCodes, postal: Iterable[str], before: Tables, after: Tables) -> Replacing:
    """What a change of tables does to a stored place.

    `place`: its stored point (mesh centre), precision and codes; `postal`: JIS codes of its postal code. A place that
    the new tables know nothing about keeps what it has.
    """
    return _replacing(place, frozenset(postal), before, after, _at)


def replacer(
    before: Tables, after: Tables, postal: Callable[[str], Iterable[str]]
) -> Callable[[PlaceCodes, str], Replacing]:
    """`replacing` for many places (place, postal code): many share a cell, a postal code or all of their codes."""
    points: dict[tuple[int, float, float], _Named] = {}
    done: dict[object, Replacing] = {}

    def at(tables: Tables, lat: float, lon: float) -> _Named:
        key = (id(tables), lat, lon)
        if key not in points:
            if len(points) >= MOST_KEPT:
                points.clear()
            points[key] = _at(tables, lat, lon)
        return points[key]

    def replaced(place: PlaceCodes, postal_code: str) -> Replacing:
        point = (place.lat, place.lon) if place.precision in PLACED_BY_POINT else None
        key = (point, postal_code, place.codes)
        if key not in done:
            if len(done) >= MOST_KEPT:
                done.clear()
            done[key] = _replacing(place, frozenset(postal(postal_code)), before, after, at)
        return done[key]

    return replaced


def _replacing(
    place: PlaceCodes,
    postal: frozenset[str],
    before: Tables,
    after: Tables,
    at: Callable[[Tables, float, float], _Named],
) -> Replacing:
    old, new = (_named(place, postal, tables, at) for tables in (before, after))
    unexplained = _unexplained(place, old, before.areas)
    was, now = (
        _codes(tables.areas, named.jis | unexplained, named.parts) for tables, named in ((before, old), (after, new))
    )
    if not now:
        return Replacing(frozenset(), frozenset())
    return Replacing((was - now) & place.codes, (now - was) - place.codes)


def _named(
    place: PlaceCodes, postal: frozenset[str], tables: Tables, at: Callable[[Tables, float, float], _Named]
) -> _Named:
    known = frozenset(jis for jis in postal if AreaCode("jis", jis) in tables.areas)
    if place.precision not in PLACED_BY_POINT or place.lat is None or place.lon is None:
        return _Named(known, frozenset())
    point = at(tables, place.lat, place.lon)
    return _Named(point.jis | known, point.parts)


def _at(tables: Tables, lat: float, lon: float) -> _Named:
    try:
        found = tables.shapes.at(lat, lon, BORDER_M + MESH_RADIUS_M)
    except OutsideJapan:
        return _Named(frozenset(), frozenset())
    codes = [code for code in (*found.inside, *found.near) if AreaCode("jis", code[:5]) in tables.areas]
    return _Named(frozenset(c[:5] for c in codes), frozenset(c for c in codes if not c.endswith("00")))


def _unexplained(place: PlaceCodes, named: _Named, areas: Areas) -> frozenset[str]:
    """Municipalities among the stored codes that something else than point and postal code named."""
    stored = {code.code for code in place.codes if code.scheme == "jis"}
    explained: set[str] = set()
    for jis in _without_cities(named.jis, areas):
        wards = set(areas.wards(jis))
        if wards & stored and not wards <= stored:
            explained.add(jis)  # the city is; that only some of its wards count, an address must have said
        else:
            explained |= {jis, *wards, areas.city_of_ward(jis)}
    return frozenset(_without_cities(stored, areas) - explained)


def _codes(areas: Areas, jis: frozenset[str], parts: frozenset[str]) -> frozenset[AreaCode]:
    known = {heir for one in jis for heir in _heirs(areas, one)}
    return frozenset(
        code for municipality in _without_cities(known, areas) for code in areas.codes_for_jis(municipality, parts)
    )


def _heirs(areas: Areas, jis: str) -> list[str]:
    """The municipality itself, or those that took it over; none if the table has never heard of it."""
    if AreaCode("jis", jis) in areas:
        return [jis]
    retired = AreaCode("jma.city", f"{jis}00")
    return areas.jis_of_city(retired.code) if retired in areas else []


def _without_cities(named: Iterable[str], areas: Areas) -> set[str]:
    """A city of which a ward is named is known more exactly: its other wards are not meant."""
    every = set(named)
    return every - {areas.city_of_ward(jis) for jis in every if AreaCode("jis", jis) in areas}
