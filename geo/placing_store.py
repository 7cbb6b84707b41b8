"""Stored places in batches, to be placed again, and what changed written set-wise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.db import Connection, Pool, WriteMismatch, expect_rows
from core.model import AreaCode, Precision
from geo.data_folder import Version
from geo.match import PlaceCodes
from geo.placing import Replacing


class StoredPlace(NamedTuple):
    """A place as it is stored. `place.key` is its id."""

    place: PlaceCodes
    postal_code: str


#: Before every id.
FIRST = UUID(int=0)

COUNT_PLACES = "SELECT count(*) FROM place"


async def count_places(conn: Pool | Connection) -> int:
    """How many places are stored."""
    return int(await conn.fetchval(COUNT_PLACES))


# Locked until the batch is written: somebody who moves meanwhile is not given the codes of the old address.
NEXT_PLACES = """
WITH batch AS (
    SELECT id, lat, lon, precision, postal_code FROM place WHERE id > $1 ORDER BY id LIMIT $2 FOR UPDATE
)
SELECT b.id, b.lat, b.lon, b.precision, b.postal_code,
       coalesce(array_agg(a.scheme) FILTER (WHERE a.scheme IS NOT NULL), '{}') AS schemes,
       coalesce(array_agg(a.code) FILTER (WHERE a.scheme IS NOT NULL), '{}') AS codes
FROM batch b LEFT JOIN place_area a ON a.place_id = b.id
GROUP BY b.id, b.lat, b.lon, b.precision, b.postal_code ORDER BY b.id
"""


async def next_places(conn: Connection, after: UUID, limit: int) -> list[StoredPlace]:
    """The next places in id order, locked until the transaction ends."""
    seen: dict[tuple[str, str], AreaCode] = {}
    return [
        StoredPlace(
            PlaceCodes(
                row["id"],
                frozenset(
                    seen.setdefault(pair, AreaCode(*pair)) for pair in zip(row["schemes"], row["codes"], strict=True)
                ),
                row["lat"],
                row["lon"],
                Precision(row["precision"]),
            ),
            row["postal_code"],
        )
        for row in await conn.fetch(NEXT_PLACES, after, limit)
    ]


REMOVE_CODES = """
DELETE FROM place_area a USING unnest($1::uuid[], $2::text[], $3::text[]) AS gone (place_id, scheme, code)
WHERE a.place_id = gone.place_id AND a.scheme = gone.scheme AND a.code = gone.code
RETURNING a.place_id
"""
ADD_CODES = """
INSERT INTO place_area (place_id, scheme, code)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[])
RETURNING place_id
"""


async def apply_changes(conn: Connection, changes: Sequence[tuple[UUID, Replacing]]) -> None:
    """Give places other codes. Raises WriteMismatch if a code to lose was not there."""
    for sql, what, wanted in (
        (ADD_CODES, "codes gained", [(place, code) for place, change in changes for code in sorted(change.gained)]),
        (REMOVE_CODES, "codes lost", [(place, code) for place, change in changes for code in sorted(change.lost)]),
    ):
        if not wanted:
            continue
        columns = ([p for p, _ in wanted], [c.scheme for _, c in wanted], [c.code for _, c in wanted])
        written = await conn.fetch(sql, *columns)
        if len(written) != len(wanted):
            raise WriteMismatch(f"{what}: {len(written)} rows written where {len(wanted)} were meant")


FORGET_TABLES = "DELETE FROM area_tables"
KEEP_TABLES = """
INSERT INTO area_tables (file, source, vintage, sha256, placed_at)
SELECT file, source, vintage, sha256, $5 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
    AS fetched (file, source, vintage, sha256)
"""


async def keep_tables(conn: Connection, tables: Mapping[str, Version], now: datetime) -> None:
    """Say with which fetched tables the places are placed now; none: with those of the program."""
    await conn.execute(FORGET_TABLES)
    names = sorted(tables)
    columns = [[getattr(tables[name], field) for name in names] for field in ("source", "vintage", "sha256")]
    expect_rows(await conn.execute(KEEP_TABLES, names, *columns, now), len(names), "area tables")


TABLES_OF_PLACES = "SELECT file, sha256 FROM area_tables ORDER BY file"


async def tables_of_places(conn: Pool | Connection) -> dict[str, str]:
    """The fetched tables the places are placed with: file -> SHA-256."""
    return {row["file"]: row["sha256"] for row in await conn.fetch(TABLES_OF_PLACES)}
