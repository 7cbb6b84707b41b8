"""Shelters around a person's places, as the pages behind their check-in link show them."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from checkin.link_store import LinkView
from checkin.shelter_view import FEW, Lookup, OwnPlace, PlaceShelters, names_shelters, place_shelters
from core.db import Connection, Pool
from core.model import PlaceKind, Precision
from geo.shelters import WALKABLE_M, has_distances, kind_for
from geo.shelters_store import shelters_around, shelters_in

#: Rows read for the two nearest: some may be for a few people only, or the same site twice.
NEAREST_ROWS: Final = 12

SQL_OWN_PLACES = """
SELECT rp.kind, p.lat, p.lon, p.precision,
       ARRAY(SELECT pa.code FROM place_area pa WHERE pa.place_id = p.id AND pa.scheme = 'jis' ORDER BY pa.code) AS jis
FROM resident_place rp JOIN place p ON p.id = rp.place_id
WHERE rp.resident_id = $1 AND (rp.until IS NULL OR rp.until > $2)
"""


async def shelters_of(
    conn: Connection, resident_id: UUID, now: datetime, kind: str | None = None, limit: int | None = None
) -> list[Lookup]:
    """Each place of a person with the shelters around it; of a place known only by its town, the town's.

    `kind`, `limit`: as geo.shelters_store.shelters_around.
    """
    found = []
    for row in await conn.fetch(SQL_OWN_PLACES, resident_id, now):
        place = OwnPlace(PlaceKind(row["kind"]), row["lat"], row["lon"], Precision(row["precision"]))
        if place.lat is not None and place.lon is not None and has_distances(place.precision):
            around = await shelters_around(conn, place.lat, place.lon, WALKABLE_M, kind, limit)
        else:
            around = await shelters_in(conn, row["jis"])
        found.append(Lookup(place, tuple(around)))
    return found


async def shelters_for(pool: Pool, view: LinkView, now: datetime, count: int) -> list[PlaceShelters]:
    """Up to `count` shelters per place that this person's alert is about; nothing once it sends nobody anywhere.

    For a few of them only the nearest are read, so that a page of thousands at once stays fast.
    """
    incident = view.incident
    if incident.closed_at is not None or not names_shelters(incident.moment, asks=view.severity.asks):
        return []
    hazard = str(incident.context.get("hazard") or incident.hazard)
    async with pool.acquire() as conn:
        if count <= FEW:
            found = await shelters_of(conn, view.resident_id, now, kind_for(hazard), NEAREST_ROWS)
        else:
            found = await shelters_of(conn, view.resident_id, now)
    return place_shelters(found, hazard, view.reason, count)
