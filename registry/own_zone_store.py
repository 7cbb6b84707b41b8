"""What the published maps say about a person's home, and whether they want level 3 wherever they live."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from core.db import Connection, expect_rows
from geo.zones import Lies
from geo.zones_store import place_hazards
from registry.site_hazards import metres_of


class OwnZone(NamedTuple):
    """`metres`: "3–5" in a flood area, else "". `always`: told of level 3 outside of every area too."""

    metres: str
    landslide: bool
    always: bool


SQL_HOME = """
SELECT r.level3_always, h.place_id FROM resident r
LEFT JOIN resident_place h ON h.resident_id = r.id AND h.kind = 'home' WHERE r.id = $1
"""
SQL_SET_ALWAYS = "UPDATE resident SET level3_always = $2 WHERE id = $1"


async def own_zone(conn: Connection, resident_id: UUID) -> OwnZone:
    """For the person's own page."""
    row = await conn.fetchrow(SQL_HOME, resident_id)
    if row is None:
        return OwnZone("", False, False)
    found = (await place_hazards(conn, [row["place_id"]] if row["place_id"] else [])).get(row["place_id"])
    rank = found.depth_rank if found is not None else None
    slope = found is not None and found.landslide is Lies.IN
    return OwnZone("" if rank is None else metres_of(rank), slope, row["level3_always"])


async def set_level3(conn: Connection, resident_id: UUID, always: bool) -> None:
    """The person's own choice."""
    expect_rows(await conn.execute(SQL_SET_ALWAYS, resident_id, always), 1, "the person")
