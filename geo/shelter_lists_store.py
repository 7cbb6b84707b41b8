"""The lists of shelters in the database: one municipality's list is replaced as a whole, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple

from core.db import Connection, Pool, Record, expect_rows, transaction
from geo.shelters import Shelter


class ListSource(NamedTuple):
    """Where a list came from: file or address, its fingerprint, and the date its publisher gives it (None: unknown)."""

    source: str
    sha256: bytes
    edition: date | None
    #: Written for a demonstration: pages say so.
    fictional: bool = False


class Change(NamedTuple):
    """What a list changes: numbers, and (共通ID, name) of the shelters that it names no more."""

    new: int
    changed: int
    same: int
    vanished: tuple[tuple[str, str], ...]


SQL_EDITIONS = """
SELECT owner_jis, edition FROM shelter_edition
WHERE designation = $1 AND owner_jis = ANY($2::text[]) AND edition IS NOT NULL
"""


async def editions(conn: Pool | Connection, designation: str, owners: Collection[str]) -> dict[str, date]:
    """The editions of the lists that are there, as far as they have a date."""
    return {row["owner_jis"]: row["edition"] for row in await conn.fetch(SQL_EDITIONS, designation, sorted(owners))}


SQL_LIST = """
SELECT id, name, address, lat, lon, jis, kinds, only_for, note FROM shelter
WHERE owner_jis = $1 AND designation = $2 ORDER BY id FOR UPDATE
"""
SQL_DELETE = "DELETE FROM shelter WHERE owner_jis = $1 AND designation = $2 AND id <> ALL($3::text[])"
SQL_INSERT = """
INSERT INTO shelter (id, designation, owner_jis, jis, name, address, lat, lon, kinds, only_for, note, fictional)
SELECT u.id, $1, $2, u.jis, u.name, u.address, u.lat, u.lon, coalesce(string_to_array(nullif(u.kinds, ''), ','), '{}'),
       u.only_for, u.note, $3
FROM unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::float8[], $9::float8[], $10::text[], $11::text[],
            $12::text[]) AS u (id, jis, name, address, lat, lon, kinds, only_for, note)
"""
SQL_EDITION = """
INSERT INTO shelter_edition (owner_jis, designation, edition, source, sha256, shelters, rejected, imported_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (owner_jis, designation) DO UPDATE SET edition = excluded.edition, source = excluded.source,
    sha256 = excluded.sha256, shelters = excluded.shelters, rejected = excluded.rejected,
    imported_at = excluded.imported_at
"""


async def replace_list(
    pool: Pool,
    owner: str,
    designation: str,
    shelters: Sequence[Shelter],
    source: ListSource,
    *,
    keep: Collection[str] = (),
    now: datetime,
    dry_run: bool = False,
) -> Change:
    """Put a municipality's list in the place of the one before it; others are not touched.

    `keep`: shelters that the new list names in a row nobody can read: they stay as they are. With `dry_run` nothing is
    written. Raises WriteMismatch if the database took fewer rows.
    """
    async with transaction(pool) as conn:
        before = {row["id"]: row for row in await conn.fetch(SQL_LIST, owner, designation)}
        after = {shelter.id: shelter for shelter in shelters}
        kept = [id_ for id_ in before if id_ in set(keep) and id_ not in after]
        unchanged = sum(id_ in after and _equal(row, after[id_]) for id_, row in before.items())
        known = sum(id_ in after for id_ in before)
        gone = tuple((id_, row["name"]) for id_, row in before.items() if id_ not in after and id_ not in kept)
        change = Change(len(after) - known, known - unchanged, unchanged, gone)
        if dry_run:
            return change
        expect_rows(await conn.execute(SQL_DELETE, owner, designation, kept), len(before) - len(kept), "old shelters")
        rows = [
            (s.id, s.jis, s.name, s.address, s.lat, s.lon, ",".join(sorted(s.kinds)), s.only_for, s.note)
            for s in after.values()
        ]
        columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * 9
        tag = await conn.execute(SQL_INSERT, designation, owner, source.fictional, *columns)
        expect_rows(tag, len(rows), "shelters")
        await conn.execute(
            SQL_EDITION, owner, designation, source.edition, source.source, source.sha256, len(rows), len(keep), now
        )
        return change


def _equal(row: Record, shelter: Shelter) -> bool:
    return tuple(row) == (
        shelter.id, shelter.name, shelter.address, shelter.lat, shelter.lon, shelter.jis, sorted(shelter.kinds),
        shelter.only_for, shelter.note,
    )  # fmt: skip
