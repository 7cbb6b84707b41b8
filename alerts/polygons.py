"""Alerts whose report named polygons and no codes: which places they reach, and by what name the texts call them.

The places in memory (geo/place_index_store.py) say which of them the polygons reach, and SQL who lives and works there,
slice by slice. Each slice asks anew, from the shapes that the alert itself carries: nothing of the answer is stored,
and a fan-out that was killed goes on as if it had not been. Whose turn comes when is written down (slice_store.py):
whoever moves meanwhile counts where they are when their turn comes, and only then; whoever registers or moves in while
an alert is on its way gets a turn before it ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from alerts import fanout_store
from alerts.decision import RatedArea
from alerts.fanout_store import AlertRow, ReachedPlaces
from core.db import CONNECTION_ERRORS, Connection, Pool, transaction
from core.model import Area
from geo.areas import Areas, UnknownArea
from geo.match import PlaceCodes
from geo.place_index_store import LivePlaces
from geo.reach import Reach, municipality_of, reach_of
from geo.shapes import Shapes
from geo.store import place_codes

log = logging.getLogger(__name__)

#: How often an idle process looks what has changed, so that the first alert with polygons finds little left to read.
REFRESH_EVERY_S: Final = 5.0


async def keep_places(pool: Pool, live: LivePlaces, stop: asyncio.Event, every_s: float = REFRESH_EVERY_S) -> None:
    """Hold the places in memory from soon after the start on, and as they are, until `stop` is set.

    Nothing depends on it but the time that the first answer takes: each answer looks for itself what has changed.
    """
    while not stop.is_set():
        try:
            async with asyncio.timeout(every_s):
                await stop.wait()
        except TimeoutError:
            pass
        else:
            return
        try:
            async with transaction(pool) as conn:
                await live.now(conn)
        except CONNECTION_ERRORS as error:
            log.info("the places in memory wait for the database: %s", str(error) or type(error).__name__)
        except Exception:
            log.exception("the places cannot be held in memory; alerts with polygons would be held")


@dataclass(frozen=True, slots=True)
class Prepared:
    """The polygons of one alert, and the places that they reach now: the numbers of the polygons for each."""

    alert: AlertRow
    reaches: tuple[Reach, ...]
    places: Mapping[UUID, tuple[int, ...]]
    shapes: Shapes
    areas: Areas

    async def slice(self, conn: Connection | Pool, ids: Sequence[UUID]) -> AlertRow:
        """The alert for these people: in the polygons' stead the municipalities of the places that they reach."""
        theirs = [place for place in await fanout_store.place_ids(conn, ids) if place in self.places]
        places = await place_codes(conn, theirs)
        named, reached = await asyncio.to_thread(
            reached_areas, places, self.places, self.alert.areas, self.reaches, self.shapes, self.areas
        )
        return replace(self.alert, areas=named, reached=reached)


async def prepare(conn: Connection, alert: AlertRow, areas: Areas, live: LivePlaces) -> Prepared | None:
    """The polygons of an alert; None if it names codes: these win, and one alert never holds both.

    `conn` must see every place. Raises UnusablePolygon; ValueError for an alert that mixes the two.
    """
    polygons = [rated.shape for rated in alert.areas if rated.shape is not None]
    if not polygons:
        return None
    if len(polygons) != len(alert.areas):
        raise ValueError(f"alert {alert.id} names codes and polygons: it must be matched by its codes alone")
    shapes, reaches = await asyncio.to_thread(_reaches, polygons)
    places = await live.reached_by(conn, reaches)
    return Prepared(replace(alert, inside=list(places)), reaches, places, shapes, areas)


def _reaches(polygons: Sequence[Mapping[str, Any]]) -> tuple[Shapes, tuple[Reach, ...]]:
    shapes = Shapes.load()
    return shapes, tuple(reach_of(polygon, shapes) for polygon in polygons)


def reached_areas(
    places: Sequence[PlaceCodes],
    inside: Mapping[UUID, Sequence[int]],
    polygons: Sequence[RatedArea],
    reaches: Sequence[Reach],
    shapes: Shapes,
    areas: Areas,
) -> tuple[tuple[RatedArea, ...], ReachedPlaces]:
    """One area per polygon and municipality of a place in it, and which of these counts for which place. Pure.

    `inside`: the numbers of the polygons that reach a place, by its id. `reaches`: of the polygons, in their order. The
    keys of `places` are place ids.
    """
    numbers: dict[tuple[int, str], int] = {}
    reached = ReachedPlaces([], [])
    for place in places:
        for polygon in inside[place.key]:
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
