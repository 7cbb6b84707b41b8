"""Alerts whose report named polygons and no codes: which places they reach, and by what name the texts call them.

SQL finds the people near the polygons, slice by slice; which of their places are inside is worked out here, from the
shapes that the alert itself carries: nothing of it need be stored, and a fan-out that was killed goes on with the same
answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from alerts import fanout_store
from alerts.decision import RatedArea
from alerts.fanout_store import AlertRow, Near, ReachedPlaces
from core.db import Connection, Pool
from core.model import Area
from geo.areas import Areas, UnknownArea
from geo.match import POINT_PRECISIONS, PlaceCodes
from geo.reach import Reach, bounds_of, municipality_of, places_reached, reach_of
from geo.shapes import Shapes
from geo.store import place_codes


@dataclass(frozen=True, slots=True)
class Prepared:
    """The polygons of one alert, ready for its slices."""

    alert: AlertRow
    reaches: tuple[Reach, ...]
    shapes: Shapes
    areas: Areas

    async def slice(self, conn: Connection | Pool, ids: Sequence[UUID]) -> AlertRow:
        """The alert for these people: in the polygons' stead the municipalities of the places that they reach."""
        places = await place_codes(conn, await fanout_store.place_ids(conn, ids))
        named, reached = await asyncio.to_thread(
            reached_areas, places, self.alert.areas, self.reaches, self.shapes, self.areas
        )
        return replace(self.alert, areas=named, reached=reached)


async def prepare(alert: AlertRow, areas: Areas) -> Prepared | None:
    """The polygons of an alert; None if it names codes: these win, and one alert never holds both.

    Raises UnusablePolygon; ValueError for an alert that mixes the two.
    """
    polygons = [rated.shape for rated in alert.areas if rated.shape is not None]
    if not polygons:
        return None
    if len(polygons) != len(alert.areas):
        raise ValueError(f"alert {alert.id} names codes and polygons: it must be matched by its codes alone")
    return await asyncio.to_thread(_prepare, alert, polygons, areas)


def _prepare(alert: AlertRow, polygons: Sequence[Mapping[str, Any]], areas: Areas) -> Prepared:
    shapes = Shapes.load()
    reaches = tuple(reach_of(polygon, shapes) for polygon in polygons)
    near = Near(
        box=bounds_of(reaches),
        precisions=sorted(precision.value for precision in POINT_PRECISIONS),
        municipalities=sorted(frozenset[str]().union(*(reach.municipalities for reach in reaches))),
    )
    return Prepared(replace(alert, near=near), reaches, shapes, areas)


def reached_areas(
    places: Sequence[PlaceCodes], polygons: Sequence[RatedArea], reaches: Sequence[Reach], shapes: Shapes, areas: Areas
) -> tuple[tuple[RatedArea, ...], ReachedPlaces]:
    """One area per polygon and municipality of a place in it, and which of these counts for which place. Pure.

    `reaches`: of the polygons, in their order. The keys of `places` are place ids.
    """
    numbers: dict[tuple[int, str], int] = {}
    reached = ReachedPlaces([], [])
    for position, polygon in places_reached(places, reaches):
        place = places[position]
        jis = municipality_of(place, reaches[polygon], shapes, areas)
        number = numbers.setdefault((polygon, jis), len(numbers))
        reached.places.append(place.key)
        reached.areas.append(number)
    return tuple(_municipality(polygons[polygon], jis, areas) for polygon, jis in numbers), reached


def _municipality(rated: RatedArea, jis: str, areas: Areas) -> RatedArea:
    try:
        name = areas.name("jis", jis)
    except UnknownArea:
        name = jis
    area = Area("jis", jis, name, level=rated.area.level, change=rated.area.change)
    return replace(rated, area=area, shape=None, polygon=rated.area.code)
