"""Places in the database: the point (250 m mesh), and one row per area code it lies in.

The exact point and the address of a home arrive here already encrypted (core.crypto): this file never sees them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from core.db import Connection, Pool, WriteMismatch, expect_rows
from core.ids import uuid7
from core.model import AreaCode, Located, Precision
from geo.match import PlaceCodes
from geo.mesh import mesh_centre


class NewPlace(NamedTuple):
    """A place to store. The encrypted fields are bound to `id` (columns "place.point" and "place.address")."""

    id: UUID
    located: Located
    label: str = ""
    point_enc: bytes | None = None
    address_enc: bytes | None = None


def new_place(located: Located, label: str = "") -> NewPlace:
    """A place with a fresh id and nothing encrypted: sites, and callers that fill the rest with dataclasses.replace."""
    return NewPlace(uuid7(), located, label)


INSERT_PLACES = """
INSERT INTO place (id, label, postal_code, lat, lon, precision, point_enc, address_enc)
SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::float8[], $5::float8[], $6::text[], $7::bytea[], $8::bytea[]
)
"""
INSERT_PLACE_AREAS = """
INSERT INTO place_area (scheme, code, place_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[])
RETURNING place_id
"""


async def insert_places(conn: Connection, places: Sequence[NewPlace]) -> None:
    """Store many places with their codes in two statements; run it inside a transaction.

    Stored coordinates are the centre of the 250 m mesh. Raises ValueError for a place without any code (nothing could
    ever reach it), WriteMismatch if the database took fewer rows.
    """
    if not places:
        return
    lost = next((p for p in places if not p.located.codes), None)
    if lost is not None:
        raise ValueError(
            f"place {lost.id} ({lost.located.postal_code or lost.label}) lies in no area: no alert could reach it"
        )
    points = [_mesh(p.located) for p in places]
    # No RETURNING: a page may write a place before anybody lives there, but not see it yet (row-level security).
    tag = await conn.execute(
        INSERT_PLACES,
        [p.id for p in places],
        [p.label for p in places],
        [p.located.postal_code for p in places],
        [lat for lat, _ in points],
        [lon for _, lon in points],
        [p.located.precision.value for p in places],
        [p.point_enc for p in places],
        [p.address_enc for p in places],
    )
    expect_rows(tag, len(places), "places")
    codes = [(c.scheme, c.code, p.id) for p in places for c in dict.fromkeys(p.located.codes)]
    rows = await conn.fetch(INSERT_PLACE_AREAS, *(list(column) for column in zip(*codes, strict=True)))
    _expect(len(rows), len(codes), "area codes of places")


async def insert_place(
    conn: Connection,
    located: Located,
    *,
    label: str = "",
    place_id: UUID | None = None,
    point_enc: bytes | None = None,
    address_enc: bytes | None = None,
) -> UUID:
    """Store one place with its codes and return its id. Give `place_id` when the encrypted fields are bound to it."""
    place = NewPlace(place_id or uuid7(), located, label, point_enc, address_enc)
    await insert_places(conn, [place])
    return place.id


DELETE_PLACE_AREAS = "DELETE FROM place_area WHERE place_id = $1"
UPDATE_PLACE = """
UPDATE place SET postal_code = $2, lat = $3, lon = $4, precision = $5, point_enc = $6, address_enc = $7
WHERE id = $1 RETURNING id
"""


async def move_place(
    conn: Connection,
    place_id: UUID,
    located: Located,
    *,
    point_enc: bytes | None = None,
    address_enc: bytes | None = None,
) -> None:
    """Give a stored place another position and its codes; run it inside a transaction.

    Raises ValueError for a position without codes, WriteMismatch if there is no such place.
    """
    if not located.codes:
        raise ValueError(f"the new position of place {place_id} lies in no area: no alert could reach it")
    lat, lon = _mesh(located)
    rows = await conn.fetch(
        UPDATE_PLACE, place_id, located.postal_code, lat, lon, located.precision.value, point_enc, address_enc
    )
    _expect(len(rows), 1, f"place {place_id}")
    await conn.execute(DELETE_PLACE_AREAS, place_id)
    codes = list(dict.fromkeys(located.codes))
    inserted = await conn.fetch(
        INSERT_PLACE_AREAS, [c.scheme for c in codes], [c.code for c in codes], [place_id] * len(codes)
    )
    _expect(len(inserted), len(codes), f"area codes of place {place_id}")


PLACES_IN_CODES = """
SELECT DISTINCT pa.place_id, pa.scheme, pa.code
FROM unnest($1::text[], $2::text[]) AS named (scheme, code)
JOIN place_area pa ON pa.scheme = named.scheme AND pa.code = named.code
ORDER BY pa.place_id, pa.scheme, pa.code
"""


async def places_in_codes(conn: Pool | Connection, codes: Collection[AreaCode]) -> dict[UUID, list[AreaCode]]:
    """Places that lie in any of `codes`, each with the codes that matched, sorted (see geo.match.decisive)."""
    rows = await conn.fetch(PLACES_IN_CODES, [c.scheme for c in codes], [c.code for c in codes])
    found: dict[UUID, list[AreaCode]] = {}
    for row in rows:
        found.setdefault(row["place_id"], []).append(AreaCode(row["scheme"], row["code"]))
    return found


PLACE_CODES = """
SELECT p.id, p.lat, p.lon, p.precision, array_agg(pa.scheme) AS schemes, array_agg(pa.code) AS codes
FROM place p JOIN place_area pa ON pa.place_id = p.id
WHERE p.id = ANY($1::uuid[])
GROUP BY p.id ORDER BY p.id
"""


async def place_codes(conn: Pool | Connection, ids: Iterable[UUID]) -> list[PlaceCodes]:
    """The stored places with all their codes, as the matcher takes them, in id order. Unknown ids are left out."""
    rows = await conn.fetch(PLACE_CODES, list(ids))
    return [
        PlaceCodes(
            row["id"],
            frozenset(AreaCode(s, c) for s, c in zip(row["schemes"], row["codes"], strict=True)),
            row["lat"],
            row["lon"],
            Precision(row["precision"]),
        )
        for row in rows
    ]


def _mesh(located: Located) -> tuple[float | None, float | None]:
    if located.lat is None or located.lon is None:
        return None, None
    return mesh_centre(located.lat, located.lon)


def _expect(written: int, meant: int, what: str) -> None:
    if written != meant:
        raise WriteMismatch(f"{what}: {written} rows written where {meant} were meant")
