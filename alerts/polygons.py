"""Alerts whose report named polygons and no codes: which places they reach, and by what name the texts call them.

Worked out anew for every slice of people, from the shapes that the alert itself carries: nothing of it need be stored,
and a fan-out that was killed goes on with the same answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from alerts.decide import RatedArea
from alerts.fanout_store import AlertRow, ReachedPlaces
from core.db import Connection, Pool
from core.model import Area
from geo.areas import Areas, UnknownArea
from geo.match import PlaceCodes
from geo.reach import Reach, bounds_of, municipality_of, places_reached, reach_of
from geo.shapes import Shapes
from geo.store import places_near


async def resolved(conn: Connection | Pool, alert: AlertRow, areas: Areas) -> AlertRow:
    """The alert with the municipalities of the places that its polygons reach in the polygons' stead, and the places.

    An alert that names codes comes back as it is: codes win, and one alert never holds both. Raises UnusablePolygon.
    """
    shapes = [rated.shape for rated in alert.areas if rated.shape is not None]
    if not shapes:
        return alert
    if len(shapes) != len(alert.areas):
        raise ValueError(f"alert {alert.id} names codes and polygons: it must be matched by its codes alone")
    table = await asyncio.to_thread(Shapes.load)
    reaches = await asyncio.to_thread(lambda: [reach_of(shape, table) for shape in shapes])
    municipalities = frozenset[str]().union(*(reach.municipalities for reach in reaches))
    places = await places_near(conn, bounds_of(reaches), municipalities)
    named, reached = await asyncio.to_thread(reached_areas, places, alert.areas, reaches, table, areas)
    return replace(alert, areas=named, reached=reached)


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
