"""Places in PostgreSQL: written set-wise, found by code, moved whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.db import Pool, WriteMismatch, transaction
from core.ids import uuid7
from core.model import AreaCode, Located, Precision
from geo.areas import Areas
from geo.mesh import mesh_centre
from geo.store import insert_place, insert_places, move_place, new_place, place_codes, places_in_codes


def located(jis: str, lat: float | None = None, lon: float | None = None) -> Located:
    return Located(lat, lon, Precision.EXACT if lat else Precision.UNKNOWN, Areas.load().codes_for_jis(jis), "8612233")


async def test_a_place_is_found_by_every_code_it_lies_in(db: Pool) -> None:
    async with transaction(db) as conn:
        mashiki = await insert_place(
            conn, located("43443", 32.7873, 130.8167), label="dorm A", point_enc=b"p", address_enc=b"a"
        )
        ward = await insert_place(conn, located("43103"))
    found = await places_in_codes(db, [AreaCode("jma.quake_area", "741"), AreaCode("jma.city", "4344300")])
    assert found == {
        mashiki: [AreaCode("jma.city", "4344300"), AreaCode("jma.quake_area", "741")],
        ward: [AreaCode("jma.quake_area", "741")],
    }
    assert await places_in_codes(db, [AreaCode("jma.city", "741")]) == {}
    assert await places_in_codes(db, []) == {}


async def test_only_the_mesh_is_readable(db: Pool) -> None:
    async with transaction(db) as conn:
        place = await insert_place(
            conn, located("43443", 32.7873, 130.8167), label="home", point_enc=b"p", address_enc=b"a"
        )
    row = await db.fetchrow("SELECT * FROM place WHERE id = $1", place)
    assert (row["lat"], row["lon"]) == mesh_centre(32.7873, 130.8167) != (32.7873, 130.8167)
    assert (row["label"], row["postal_code"], row["precision"], row["point_enc"], row["address_enc"]) == (
        "home", "8612233", "exact", b"p", b"a",
    )  # fmt: skip


async def test_many_places_at_once(db: Pool) -> None:
    many = [new_place(located(jis), label=jis) for jis in Areas.load().municipalities("43")]
    async with transaction(db) as conn:
        await insert_places(conn, many)
        await insert_places(conn, [])
    read = {p.key: p for p in await place_codes(db, [m.id for m in many])}
    assert {m.id: frozenset(m.located.codes) for m in many} == {key: p.codes for key, p in read.items()}
    assert len(await places_in_codes(db, [AreaCode("jma.quake_area", "740")])) == 6


async def test_a_place_without_codes_is_refused_and_nothing_is_written(db: Pool) -> None:
    good, lost = new_place(located("43443")), new_place(Located(None, None, Precision.UNKNOWN, ()), label="nowhere")
    with pytest.raises(ValueError, match="no alert could reach it"):
        async with transaction(db) as conn:
            await insert_places(conn, [good, lost])
    assert await db.fetchval("SELECT count(*) FROM place") == 0


async def test_a_moved_place_leaves_its_old_codes(db: Pool) -> None:
    async with transaction(db) as conn:
        place = await insert_place(conn, located("43443", 32.7873, 130.8167))
        await move_place(conn, place, located("43202", 32.507, 130.602))
    assert await places_in_codes(db, [AreaCode("jma.city", "4344300")]) == {}
    assert list(await places_in_codes(db, [AreaCode("jma.tsunami_area", "712")])) == [place]
    assert (await place_codes(db, [place]))[0].precision is Precision.EXACT


async def test_moving_nobodys_place_raises(db: Pool) -> None:
    with pytest.raises(WriteMismatch, match="0 rows written where 1"):
        async with transaction(db) as conn:
            await move_place(conn, uuid7(), located("43443"))
    with pytest.raises(ValueError, match="lies in no area"):
        async with transaction(db) as conn:
            await move_place(conn, uuid7(), replace(located("43443"), codes=()))
