"""Hazard zones in the database: an import's shapes, and what was found at each place. Set-wise, in batches.

`place_hazard_due` says which places are to be compared; whoever writes a place adds to it by a trigger, and waits for
nothing. `check_due` takes a batch of it and writes the answer in the same transaction: kill it anywhere.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from core.db import Connection, Pool, Record, expect_rows, transaction
from core.later import Later
from core.model import Precision
from geo.rivers import SCHEME, river_code
from geo.zone_build import Piece
from geo.zone_cells import cells_near
from geo.zones import Lies, PlaceHazard, Point, RiverDepth, Zone, ZoneKind, comparable, hazards_at, reach_m

if TYPE_CHECKING:
    import shapely
else:
    shapely = Later("shapely")

#: Places compared in one transaction.
BATCH: Final = 2_000
#: Rows of shapes sent at once.
_ROWS: Final = 200


class Edition(NamedTuple):
    """One import: everything of one kind in one prefecture."""

    id: UUID
    prefecture: str
    kind: ZoneKind
    edition: str
    source: str
    sha256: str
    credit: str
    features: int
    left_out: int
    complete: bool
    imported_at: datetime


SQL_LOCK_EDITION = "SELECT pg_advisory_xact_lock(hashtext('hazard_edition'), hashtext($1 || $2))"
SQL_DROP_EDITION = "DELETE FROM hazard_edition WHERE prefecture = $1 AND kind = $2"
SQL_ADD_EDITION = """
INSERT INTO hazard_edition (id, prefecture, kind, edition, source, sha256, credit, features, left_out, complete,
                            imported_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""


async def replace_edition(conn: Connection, edition: Edition) -> None:
    """Begin an import: the prefecture's edition of this kind and its shapes are gone, and this one is there, empty.

    Run it in the transaction that also stores the pieces, so that nobody ever sees half of it.
    """
    await conn.execute(SQL_LOCK_EDITION, edition.prefecture, edition.kind.value)
    await conn.execute(SQL_DROP_EDITION, edition.prefecture, edition.kind.value)
    tag = await conn.execute(SQL_ADD_EDITION, edition.id, edition.prefecture, edition.kind.value, *edition[3:])
    expect_rows(tag, 1, "a hazard edition")


SQL_ADD_ZONES = """
INSERT INTO hazard_zone (edition_id, cell, code, name, scale, rank, jma_rivers, wkb)
SELECT $1, z.cell, z.code, z.name, z.scale, z.rank,
       CASE WHEN z.rivers = '' THEN '{}' ELSE string_to_array(z.rivers, ' ') END, z.wkb
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::text[], $8::bytea[])
     AS z (cell, code, name, scale, rank, rivers, wkb)
"""


async def add_pieces(
    conn: Connection, edition_id: UUID, pieces: Iterable[Piece], jma_rivers: dict[str, tuple[str, ...]]
) -> int:
    """Store the shapes of an import; how many. `jma_rivers`: river name -> the bulletins' codes."""
    stored = 0
    batch: list[Piece] = []
    for piece in pieces:
        batch.append(piece)
        if len(batch) == _ROWS:
            stored += await _add(conn, edition_id, batch, jma_rivers)
            batch = []
    return stored + (await _add(conn, edition_id, batch, jma_rivers) if batch else 0)


async def _add(
    conn: Connection, edition_id: UUID, pieces: Sequence[Piece], jma_rivers: dict[str, tuple[str, ...]]
) -> int:
    tag = await conn.execute(
        SQL_ADD_ZONES,
        edition_id,
        [piece.cell for piece in pieces],
        [piece.row.code for piece in pieces],
        [piece.row.name for piece in pieces],
        [piece.row.scale for piece in pieces],
        [piece.row.rank for piece in pieces],
        [" ".join(jma_rivers.get(piece.row.code, ())) for piece in pieces],
        [piece.wkb for piece in pieces],
    )
    expect_rows(tag, len(pieces), "hazard zones")
    return len(pieces)


# By the municipalities' codes, whose index begins with scheme and code.
SQL_ALL_DUE = """
INSERT INTO place_hazard_due (place_id)
SELECT DISTINCT place_id FROM place_area WHERE scheme = 'jis' AND code >= $1 AND code < $1 || ':'
"""


async def all_due(conn: Connection, prefecture: str) -> int:
    """Every place of a prefecture is to be compared again; how many."""
    return int((await conn.execute(SQL_ALL_DUE, prefecture)).rpartition(" ")[2])


SQL_EDITIONS = """
SELECT id, prefecture, kind, edition, source, sha256, credit, features, left_out, complete, imported_at
FROM hazard_edition ORDER BY prefecture, kind
"""


async def editions(conn: Pool | Connection) -> list[Edition]:
    """Every import that counts now."""
    return [_edition(row) for row in await conn.fetch(SQL_EDITIONS)]


def _edition(row: Record) -> Edition:
    return Edition(**{**dict(row.items()), "kind": ZoneKind(row["kind"])})


SQL_TAKE_DUE = """
DELETE FROM place_hazard_due WHERE id IN (
    SELECT id FROM place_hazard_due ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING place_id
"""
SQL_LEFT_DUE = "SELECT count(*) FROM place_hazard_due"
SQL_POINTS = """
SELECT p.id, p.lat, p.lon, p.precision,
       ARRAY(SELECT DISTINCT left(a.code, 2) FROM place_area a
             WHERE a.place_id = p.id AND a.scheme = 'jis') AS prefectures
FROM place p WHERE p.id = ANY($1::uuid[]) ORDER BY p.id FOR NO KEY UPDATE
"""


async def check_due(pool: Pool, now: datetime, limit: int = BATCH) -> int:
    """Compare one batch of the places that are due, in one transaction. How many entries were taken."""
    async with transaction(pool) as conn:
        taken = [row["place_id"] for row in await conn.fetch(SQL_TAKE_DUE, limit)]
        if taken:
            await _check(conn, sorted(set(taken)), now)
    return len(taken)


async def left_due(conn: Pool | Connection) -> int:
    """How many entries wait."""
    return int(await conn.fetchval(SQL_LEFT_DUE))


async def _check(conn: Connection, ids: Sequence[UUID], now: datetime) -> None:
    known = await editions(conn)
    places = await conn.fetch(SQL_POINTS, list(ids)) if known else []
    points = [Point(row["lat"], row["lon"], Precision(row["precision"])) for row in places]
    found: dict[UUID, PlaceHazard] = {}
    by_cell: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for position, point in enumerate(points):
        if comparable(point) and point.lat is not None and point.lon is not None:
            by_cell[tuple(cells_near(point.lat, point.lon, reach_m(point)))].append(position)
    for cells, positions in by_cell.items():
        zones = await _zones_in(conn, cells)
        kinds = [_known_kinds(places[i]["prefectures"], known) for i in positions]
        hazards = await asyncio.to_thread(hazards_at, [points[i] for i in positions], zones, kinds)
        for i, hazard in zip(positions, hazards, strict=True):
            asked = tuple(e.id for e in known if e.prefecture in places[i]["prefectures"])
            if asked or Lies.IN in (hazard.flood, hazard.landslide):  # a neighbour's zone reaches over the border
                found[places[i]["id"]] = replace(hazard, editions=asked)
    prefectures = {row["id"]: list(row["prefectures"]) for row in places}
    await _write(conn, ids, found, prefectures, now)


def _known_kinds(prefectures: Collection[str], known: Sequence[Edition]) -> set[ZoneKind]:
    """The kinds of which every prefecture of a place has a whole edition."""
    have = {(e.prefecture, e.kind) for e in known if e.complete}
    return {kind for kind in ZoneKind if prefectures and all((one, kind) in have for one in prefectures)}


SQL_ZONES_IN = """
SELECT e.kind, z.code, z.name, z.scale, z.rank, z.jma_rivers, z.wkb, z.edition_id, z.cell
FROM hazard_zone z JOIN hazard_edition e ON e.id = z.edition_id WHERE z.cell = ANY($1::text[])
"""


async def _zones_in(conn: Connection, cells: Sequence[str]) -> list[Zone]:
    return [
        Zone(
            ZoneKind(row["kind"]),
            row["code"],
            row["name"],
            row["scale"],
            row["rank"],
            tuple(row["jma_rivers"]),
            shapely.from_wkb(row["wkb"]),
        )
        for row in await conn.fetch(SQL_ZONES_IN, list(cells))
    ]


SQL_DROP_HAZARDS = "DELETE FROM place_hazard WHERE place_id = ANY($1::uuid[])"
SQL_ADD_HAZARDS = """
INSERT INTO place_hazard (place_id, flood, landslide, depth_rank, rivers, slope_rank, tolerance_m, editions, checked_at)
SELECT h.place_id, h.flood, h.landslide, h.depth_rank, h.rivers::jsonb, h.slope_rank, h.tolerance_m,
       string_to_array(h.editions, ' ')::uuid[], $9
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::smallint[], $7::int[], $8::text[])
     AS h (place_id, flood, landslide, depth_rank, rivers, slope_rank, tolerance_m, editions)
"""
SQL_DROP_RIVERS = "DELETE FROM place_area WHERE place_id = ANY($1::uuid[]) AND scheme = $2"
SQL_ADD_RIVERS = """
INSERT INTO place_area (scheme, code, place_id) SELECT $1, r.code, r.place_id
FROM unnest($2::text[], $3::uuid[]) AS r (code, place_id)
"""


async def _write(
    conn: Connection,
    ids: Sequence[UUID],
    found: dict[UUID, PlaceHazard],
    prefectures: dict[UUID, list[str]],
    now: datetime,
) -> None:
    """What was found, in the stead of all that was known of these places before."""
    await conn.execute(SQL_DROP_HAZARDS, list(ids))
    await conn.execute(SQL_DROP_RIVERS, list(ids), SCHEME)
    if not found:
        return
    hazards = list(found.values())
    tag = await conn.execute(
        SQL_ADD_HAZARDS,
        list(found),
        [h.flood.value for h in hazards],
        [h.landslide.value for h in hazards],
        [h.depth_rank for h in hazards],
        [json.dumps([river._asdict() for river in h.rivers], ensure_ascii=False) for h in hazards],
        [h.slope_rank for h in hazards],
        [h.tolerance_m for h in hazards],
        [" ".join(map(str, h.editions)) for h in hazards],
        now,
    )
    expect_rows(tag, len(found), "hazards of places")
    codes = [
        (river_code(river, prefecture), place_id)
        for place_id, hazard in found.items()
        for river in hazard.jma_rivers
        for prefecture in prefectures[place_id]
    ]
    if codes:
        tag = await conn.execute(SQL_ADD_RIVERS, SCHEME, [code for code, _ in codes], [place for _, place in codes])
        expect_rows(tag, len(codes), "rivers of places")


SQL_HAZARDS = """
SELECT h.place_id, h.flood, h.landslide, h.rivers, h.slope_rank, h.tolerance_m, h.editions,
       ARRAY(SELECT split_part(a.code, '-', 1) FROM place_area a WHERE a.place_id = h.place_id AND a.scheme = $2
             ORDER BY 1) AS jma_rivers
FROM place_hazard h WHERE h.place_id = ANY($1::uuid[])
"""


async def place_hazards(conn: Pool | Connection, place_ids: Iterable[UUID]) -> dict[UUID, PlaceHazard]:
    """What is known of these places; one that is missing has not been compared, or with nothing."""
    return {
        row["place_id"]: PlaceHazard(
            Lies(row["flood"]),
            Lies(row["landslide"]),
            tuple(RiverDepth(**river) for river in row["rivers"]),
            row["slope_rank"],
            tuple(row["jma_rivers"]),
            row["tolerance_m"],
            tuple(row["editions"]),
        )
        for row in await conn.fetch(SQL_HAZARDS, list(place_ids), SCHEME)
    }
