"""Designated shelters in the database: who reads them, by municipality and around a point."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Final

from core.db import Connection, Pool, Record, transaction
from core.model import AreaCode
from geo.areas import Areas
from geo.distance import EARTH_RADIUS_KM
from geo.shelters import Shelter, joined

SHELTERS_IN = """
SELECT s.id, s.designation, s.name, s.address, s.lat, s.lon, s.jis, s.kinds, s.only_for, s.note
FROM shelter s WHERE s.jis = ANY($1::text[])
ORDER BY s.id
"""


async def shelters_in(conn: Pool | Connection, jis: Collection[str], kind: str | None = None) -> list[Shelter]:
    """The shelters that stand in these municipalities (five-digit JIS codes).

    A designated city means its wards too, and a ward its city: GSI's lists do not tell wards apart.

    `kind`: only those designated for it (geo.shelters.KINDS); None: all, those for staying included.
    """
    wanted = {code[:5] for code in jis}
    found = from_rows(await conn.fetch(SHELTERS_IN, sorted(wanted | _related(wanted))))
    return [shelter for shelter in found if kind is None or kind in shelter.kinds]


SHELTERS_AROUND = """
SELECT s.id, s.designation, s.name, s.address, s.lat, s.lon, s.jis, s.kinds, s.only_for, s.note
FROM shelter s
WHERE point(s.lon, s.lat) <@ box(point($1, $2), point($3, $4))
  AND ($5::text IS NULL OR s.kinds @> ARRAY[$5::text])
ORDER BY (s.lat - ($2 + $4) / 2) ^ 2 + ((s.lon - ($1 + $3) / 2) * ($4 - $2) / ($3 - $1)) ^ 2, s.id
LIMIT $6
"""


async def shelters_around(
    conn: Pool | Connection, lat: float, lon: float, metres: float, kind: str | None = None, limit: int | None = None
) -> list[Shelter]:
    """The shelters within `metres` of a point, and some in the corners of the square around it.

    `kind`: only those designated for it; `limit`: only so many rows of GSI's lists, nearest first.
    """
    north = math.degrees(metres / (EARTH_RADIUS_KM * 1000))
    east = north / max(0.1, math.cos(math.radians(lat)))
    corners = (lon - east, lat - north, lon + east, lat + north)
    return from_rows(await conn.fetch(SHELTERS_AROUND, *corners, kind, limit))


def from_rows(rows: Iterable[Record]) -> list[Shelter]:
    """Both designations of a site as one shelter."""
    sites: list[Shelter] = []
    shelters: list[Shelter] = []
    for row in rows:
        is_shelter = row["designation"] == "shelter"
        shelter = Shelter(
            row["id"],
            row["name"],
            row["address"],
            row["lat"],
            row["lon"],
            row["jis"],
            frozenset(row["kinds"]),
            is_shelter,
            row["note"],
            row["only_for"],
        )
        (shelters if is_shelter else sites).append(shelter)
    return joined(sites, shelters)


def _related(jis: Collection[str]) -> set[str]:
    """The wards of designated cities, and the cities of wards: GSI's lists name the city."""
    areas = Areas.load()
    known = [code for code in jis if AreaCode("jis", code) in areas]
    return {ward for code in known for ward in areas.wards(code)} | {areas.city_of_ward(code) for code in known} - {""}


SITES = """
SELECT s.id, s.name, s.lat, s.lon,
       CASE WHEN 'flood' = ANY (s.kinds) THEN 1 ELSE 0 END + CASE WHEN 'landslide' = ANY (s.kinds) THEN 2 ELSE 0 END
       + CASE WHEN 'storm_surge' = ANY (s.kinds) THEN 4 ELSE 0 END
       + CASE WHEN 'earthquake' = ANY (s.kinds) THEN 8 ELSE 0 END
       + CASE WHEN 'tsunami' = ANY (s.kinds) THEN 16 ELSE 0 END + CASE WHEN 'fire' = ANY (s.kinds) THEN 32 ELSE 0 END
       + CASE WHEN 'inland_flood' = ANY (s.kinds) THEN 64 ELSE 0 END
       + CASE WHEN 'volcano' = ANY (s.kinds) THEN 128 ELSE 0 END AS kinds
FROM shelter s WHERE s.only_for = ''
"""
#: Rows at a time: others of the process go on between.
_CHUNK: Final = 2_000


async def all_sites(pool: Pool) -> list[tuple[str, str, float, float, int]]:
    """Every shelter that is for everybody, for geo.shelter_index.sites: 115,000 for the whole country."""
    async with transaction(pool) as conn:
        return [tuple(row) async for row in conn.cursor(SITES, prefetch=_CHUNK)]


SHELTERS_MARK = "SELECT max(imported_at)::text || ' ' || sum(shelters) FROM shelter_edition"


async def shelters_mark(conn: Pool | Connection) -> str:
    """Changes whenever a list is brought in; "" while there is none."""
    return await conn.fetchval(SHELTERS_MARK) or ""
