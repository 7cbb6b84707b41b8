"""The places in memory are those of the database, whoever changed them, and in whatever order it was committed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest

from alerts.polygons import keep_places
from core.db import Connection, Pool, Scope, ScopedPool, StatementRefused, transaction
from core.model import AreaCode, Located, Precision
from geo import place_index_store
from geo.match import POINT_PRECISIONS, usable_polygon
from geo.place_index_store import LivePlaces
from geo.reach import Reach
from geo.store import insert_place, insert_places, move_place, new_place
from registry.erase_store import erase_resident
from tests import people

#: Mashiki town hall lies in it, and the municipality of Mashiki is touched.
SQUARE: dict[str, Any] = {
    "type": "Polygon",
    "coordinates": [[[130.7, 32.7], [130.9, 32.7], [130.9, 32.9], [130.7, 32.9], [130.7, 32.7]]],
}
REACHES = (Reach(usable_polygon(SQUARE), frozenset({"4344300"})),)
MASHIKI, HITOYOSHI = AreaCode("jma.city", "4344300"), AreaCode("jma.city", "4320300")
HERE, AWAY = (32.79, 130.82), (32.2, 130.76)


def located(point: tuple[float, float] | None, *codes: AreaCode, precision: Precision = Precision.EXACT) -> Located:
    lat, lon = point or (None, None)
    return Located(lat, lon, precision, codes or (MASHIKI,), "8612233")


async def reached(conn: Pool | Connection, live: LivePlaces) -> set[UUID]:
    return set(await live.reached_by(conn, REACHES))


async def make(conn: Pool, where: Located) -> UUID:
    async with transaction(conn) as inside:
        return await insert_place(inside, where)


async def test_loaded_and_then_kept(db: Pool) -> None:
    point, far = await make(db, located(HERE)), await make(db, located(AWAY))
    vague = await make(db, located(AWAY, MASHIKI, HITOYOSHI, precision=Precision.MUNICIPALITY))
    nowhere, elsewhere = await make(db, located(None)), await make(db, located(None, HITOYOSHI))
    live, later = LivePlaces(), LivePlaces()
    async with db.acquire() as conn:
        assert await reached(conn, live) == {point, vague, nowhere}
        async with transaction(db) as other:
            await move_place(other, far, located(HERE))
            await move_place(other, point, located(AWAY))
            await move_place(other, elsewhere, located(None))
            await move_place(other, nowhere, located(None, HITOYOSHI))
            new = await insert_place(other, located(HERE))
        assert await reached(conn, live) == {far, vague, elsewhere, new}
        await db.execute("DELETE FROM place WHERE id = ANY($1::uuid[])", [far, vague])
        await db.execute("DELETE FROM place_area WHERE place_id = $1", elsewhere)
        assert await reached(conn, live) == {new} == await reached(conn, later)
        await db.execute("UPDATE place_area SET code = '4344300' WHERE place_id = $1", nowhere)
        await db.execute("UPDATE place SET precision = 'municipality' WHERE id = $1", point)
        assert await reached(conn, live) == {new, nowhere, point}


async def test_more_changes_than_are_kept_aside(db: Pool) -> None:
    live = LivePlaces()
    async with db.acquire() as conn:
        assert await reached(conn, live) == set()
        live._index._rebuild_at = 20  # type: ignore[union-attr]
        many = [new_place(located(HERE if n % 2 else None)) for n in range(50)]
        async with transaction(db) as other:
            await insert_places(other, many)
        assert await reached(conn, live) == {place.id for place in many}
        assert live._index is not None and not live._index.now.changes


async def test_a_change_committed_late_is_not_missed(db: Pool) -> None:
    """Numbered before others that are read meanwhile, committed after them."""
    live = LivePlaces()
    async with db.acquire() as conn, db.acquire() as slow, db.acquire() as quick:
        assert await reached(conn, live) == set()
        held = slow.transaction()
        await held.start()
        late = await insert_place(slow, located(HERE))
        async with quick.transaction():
            early = await insert_place(quick, located(HERE))
        seqs = dict(await quick.fetch("SELECT place_id, min(seq) FROM place_change GROUP BY place_id"))
        assert list(seqs) == [early]
        for _ in range(3):
            assert await reached(conn, live) == {early}
        assert live._applied  # not read again and again while the slow one holds the horizon back
        await held.commit()
        assert await reached(conn, live) == {early, late}
        assert await reached(conn, live) == {early, late}


@pytest.mark.parametrize("seed", [1, 2])
async def test_transactions_that_overlap_in_any_order(db: Pool, seed: int) -> None:
    """What was followed change by change is what is read anew, whoever began, wrote and ended in between."""
    random, live = Random(seed), LivePlaces()
    known = [await make(db, located(random.choice((HERE, AWAY, None)))) for _ in range(12)]
    writers = [await db.acquire() for _ in range(3)]
    open_ones: list[Any] = [None] * len(writers)
    touched: dict[int, set[UUID]] = {n: set() for n in range(len(writers))}
    async with db.acquire() as conn:
        for _ in range(40):
            n = random.randrange(len(writers))
            if open_ones[n] is None:
                open_ones[n] = writers[n].transaction()
                await open_ones[n].start()
            elif random.random() < 0.4:
                await (open_ones[n].commit() if random.random() < 0.7 else open_ones[n].rollback())
                open_ones[n], touched[n] = None, set()
            else:
                place = random.choice(known)
                # A row that another open transaction has changed would make us wait for it for ever.
                if not any(place in places for other, places in touched.items() if other != n):
                    touched[n].add(place)
                    where = located(random.choice((HERE, AWAY, None)), random.choice((MASHIKI, HITOYOSHI)))
                    if await writers[n].fetchval("SELECT EXISTS (SELECT FROM place WHERE id = $1)", place):
                        if random.random() < 0.2:
                            await writers[n].execute("DELETE FROM place WHERE id = $1", place)
                        else:
                            await move_place(writers[n], place, where)
                else:
                    await insert_place(writers[n], located(HERE))
            assert await reached(conn, live) == await reached(conn, LivePlaces())
    for writer, transaction_of in zip(writers, open_ones, strict=True):
        if transaction_of is not None:
            await transaction_of.rollback()
        await db.release(writer)


async def test_a_change_that_is_taken_back_never_happened(db: Pool) -> None:
    live, fresh = LivePlaces(), LivePlaces()
    kept = await make(db, located(HERE))
    async with db.acquire() as conn, db.acquire() as doubtful:
        assert await reached(conn, live) == {kept}
        held = doubtful.transaction()
        await held.start()
        await insert_place(doubtful, located(HERE))
        await doubtful.execute("DELETE FROM place WHERE id = $1", kept)
        assert await reached(conn, live) == {kept} == await reached(conn, fresh)
        await held.rollback()
        assert await reached(conn, live) == {kept} == await reached(conn, fresh)


async def test_a_transaction_that_asks_does_not_put_its_own_changes_into_everybodys_memory(db: Pool) -> None:
    live = LivePlaces()
    kept = await make(db, located(HERE))
    async with db.acquire() as conn:
        assert await reached(conn, live) == {kept}
        held = conn.transaction()
        await held.start()
        await insert_place(conn, located(HERE))
        assert await reached(conn, live) == {kept}
        await held.rollback()
        assert await reached(conn, live) == {kept}


async def test_emptied_or_forgotten_means_loaded_anew(db: Pool) -> None:
    live = LivePlaces()
    place = await make(db, located(HERE))
    async with db.acquire() as conn:
        assert await reached(conn, live) == {place}
        await db.execute("TRUNCATE place CASCADE")
        assert await reached(conn, live) == set()
        other = await make(db, located(HERE))
        # So long away that the purge has deleted what was to be read.
        await db.execute("DELETE FROM place_change")
        assert live._read_at is not None
        live._read_at -= place_index_store.FORGOTTEN_AFTER + timedelta(seconds=1)
        assert await reached(conn, live) == {other}


async def test_the_decide_loop_holds_them_before_anybody_asks(db: Pool) -> None:
    live, stop, place = LivePlaces(), asyncio.Event(), await make(db, located(HERE))
    keeping = asyncio.create_task(keep_places(db, live, stop, every_s=0.01))
    while live._index is None:
        await asyncio.sleep(0.01)
    assert set(live._index.now.reached_by(REACHES).by_place()) == {place}
    other = await make(db, located(HERE))
    while set(live._index.now.reached_by(REACHES).by_place()) != {place, other}:
        await asyncio.sleep(0.01)
    stop.set()
    await keeping


async def test_an_erased_person_leaves_no_place_behind(db: Pool) -> None:
    live = LivePlaces()
    home = await people.make_place(db)
    person = await people.make_resident(db, home_place_id=home)
    async with db.acquire() as conn:
        assert await reached(conn, live) == {home}
        async with transaction(db) as other:
            await erase_resident(other, person.id, people.NOW)
        assert await reached(conn, live) == set()


async def test_nothing_is_noted_where_no_place_has_moved(db: Pool) -> None:
    place = await make(db, located(HERE))
    await db.execute("DELETE FROM place_change")
    await db.execute("UPDATE place SET point_enc = 'x', label = 'new key' WHERE id = $1", place)
    await db.execute("INSERT INTO place_area (scheme, code, place_id) VALUES ('jis', '43443', $1)", place)
    assert await db.fetchval("SELECT count(*) FROM place_change") == 0


@pytest.mark.parametrize("role", ["web", "follow", "operator", "person", "door"])
async def test_pages_write_places_and_cannot_read_who_moved(db: Pool, role: str) -> None:
    scoped = ScopedPool(db, Scope(f"daijobu_{role}", (uuid4(),)))
    if role in ("web", "person"):
        await make(scoped, located(HERE))
        assert await db.fetchval("SELECT count(*) FROM place_change") == 2
    for statement in (
        "SELECT * FROM place_change",
        "DELETE FROM place_change",
        "INSERT INTO place_change DEFAULT VALUES",
    ):
        with pytest.raises(StatementRefused, match="permission denied"):
            await scoped.execute(statement)


async def test_the_worker_reads_it_under_its_own_role(db: Pool) -> None:
    place = await make(db, located(HERE))
    live = LivePlaces()
    worker = ScopedPool(db, Scope("daijobu_worker"))
    async with worker.acquire() as conn:
        assert await reached(conn, live) == {place}
    other = await make(worker, located(HERE))
    async with worker.acquire() as conn:
        assert await reached(conn, live) == {place, other}


def test_the_precisions_of_the_statements_are_those_of_the_matcher() -> None:
    listed = "(" + ", ".join(f"'{precision}'" for precision in sorted(POINT_PRECISIONS)) + ")"
    for statement in (place_index_store.COPY_POINTS, place_index_store.COPY_VAGUE, place_index_store.SQL_CHANGES):
        assert listed in statement


def test_a_copy_of_another_layout_is_refused() -> None:
    good = b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"
    assert len(place_index_store._table(good, (("city", ">i4"),))) == 0
    for bad in (b"", good[:-1], good[:-2] + bytes(30) + b"\xff\xff", b"X" + good[1:]):
        with pytest.raises(ValueError, match="another format"):
            place_index_store._table(bad, (("city", ">i4"),))
