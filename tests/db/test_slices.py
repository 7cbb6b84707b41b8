"""Whose turn comes when: worst and nearest first, several at once, each once; and nobody deleted in between."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from alerts import fanout, fanout_store, held_store, slice_store
from alerts.deps import Deps
from alerts.outbox_store import claim
from core.db import ForeignKeyViolation, Pool, transaction
from core.model import Role
from tests import people
from tests.alerts_kit import HIGASHI_KU, KASHIMA, MASHIKI, NOON, city, hear, quake, region, store_event, wires
from tests.incidents import make_incident
from tests.sql_constants import ROOT

THREE_LEVELS = quake(region("7"), city(MASHIKI, "7"), city(KASHIMA, "5+"), city(HIGASHI_KU, "5-"))


SQL_PORTION = "INSERT INTO alert_slice (alert_id, number, residents) SELECT $1, 1, array_agg(id) FROM resident"


async def step(deps: Deps, first: int, size: int) -> int | None:
    """One step of the alert that is on its way."""
    async with transaction(deps.pool) as conn:
        alert = await fanout_store.next_alert(conn)
        assert alert is not None
        return await fanout.fan_out(deps, conn, alert, first, size)


async def in_turn(db: Pool, deps: Deps, first: int, size: int) -> list[set[UUID]]:
    """Who was told by each step."""
    turns: list[set[UUID]] = []
    before: set[UUID] = set()
    while await db.fetchval("SELECT EXISTS (SELECT FROM alert WHERE state = 'fanning')"):
        await step(deps, first, size)
        now = {row["resident_id"] for row in await db.fetch("SELECT resident_id FROM alert_resident")}
        turns.append(now - before)
        before = now
    return turns


async def test_the_worst_come_first_and_leave_first(db: Pool, db_dsn: str) -> None:
    """Registered in the opposite order; by the message's priority workers take them in this order too."""
    of: dict[str, list[UUID]] = {}
    for name, codes in (("5-", people.HIGASHI_KU), ("5+", people.KASHIMA), ("7", people.MASHIKI)):
        place = await people.make_place(db, codes)
        of[name] = [(await people.make_resident(db, home_place_id=place)).id for _ in range(3)]
    async with wires(db, db_dsn) as deps:
        await store_event(db, THREE_LEVELS)
        assert await fanout.decide_next_event(deps)
        turns = await in_turn(db, deps, 2, 1)
    order = [person for turn in turns for person in sorted(turn)]
    assert set(order[:3]) == set(of["7"])
    assert set(order[3:6]) == set(of["5+"])
    assert set(order[6:]) == set(of["5-"])
    taken = [
        row.id
        for _ in range(9)
        for row in await claim(db, limit=1, token=uuid4(), lease=timedelta(minutes=1), now=NOON + timedelta(minutes=5))
    ]
    whose = {row["id"]: row["resident_id"] for row in await db.fetch("SELECT id, resident_id FROM message")}
    left = [whose[message] for message in taken]
    assert set(left[:3]) == set(of["7"]) and set(left[3:6]) == set(of["5+"])


async def test_of_one_level_the_nearest_to_the_epicentre_come_first(db: Pool, db_dsn: str) -> None:
    """The epicentre is at 32.7, 130.8: 8 km, 25 km and 150 km away; a place without a point comes last."""
    at = {"none": (None, None), "far": (34.0, 131.2), "near": (32.75, 130.85), "middle": (32.9, 130.95)}
    homes = {
        name: (await people.make_resident(db, home_place_id=await people.make_place(db, lat=lat, lon=lon))).id
        for name, (lat, lon) in at.items()
    }
    async with wires(db, db_dsn) as deps:
        await store_event(db, quake(region("7"), city(MASHIKI, "7")))
        assert await fanout.decide_next_event(deps)
        turns = await in_turn(db, deps, 0, 1)
    order = [person for turn in turns for person in turn]
    assert order == [homes[name] for name in ("near", "middle", "far", "none")]


async def test_two_at_once_take_different_portions_and_the_end_waits_for_both(db: Pool, db_dsn: str) -> None:
    place = await people.make_place(db)
    everybody = {(await people.make_resident(db, home_place_id=place)).id for _ in range(7)}
    async with wires(db, db_dsn) as deps:
        await store_event(db, quake(region("7"), city(MASHIKI, "7")))
        assert await fanout.decide_next_event(deps)
        assert await step(deps, 1, 3) == 1
        assert await step(deps, 1, 3) == 0  # two portions are written down
        async with transaction(db) as one:
            alert = await fanout_store.next_alert(one)
            assert alert is not None
            taken = await slice_store.take(one, alert)
            assert taken is not None and taken[0] == 1
            async with transaction(db) as two:
                other = await slice_store.take(two, alert)
                assert other is not None and other[0] == 2 and not set(other[1]) & set(taken[1])
        assert await step(deps, 1, 3) == 3
        async with transaction(db) as one, transaction(db) as two:
            assert (await slice_store.take(one, alert)) is not None
            assert (await slice_store.take(two, alert)) is None
            assert await slice_store.turn(two, alert) == (3, True)  # somebody is still at work: this is not the end
            assert await slice_store.turn(one, alert) is None  # and one at a time says whose turn comes next
        while any(await asyncio.gather(*(fanout.fan_out_slice(deps) for _ in range(3)))):
            pass
    assert await db.fetchval("SELECT state FROM alert") == "done"
    assert {row["resident_id"] for row in await db.fetch("SELECT resident_id FROM message")} == everybody
    assert await db.fetchval("SELECT count(*) FROM message") == 7 == await db.fetchval("SELECT people FROM alert")
    assert await db.fetchval("SELECT count(*) FROM alert_slice") == 0


async def test_an_alert_stopped_in_the_middle_tells_nobody_more(db: Pool, db_dsn: str) -> None:
    place = await people.make_place(db)
    for _ in range(4):
        await people.make_resident(db, home_place_id=place)
    async with wires(db, db_dsn) as deps:
        await store_event(db, quake(region("7"), city(MASHIKI, "7")))
        assert await fanout.decide_next_event(deps)
        await step(deps, 1, 2)
        with pytest.raises(slice_store.AlertStopped):
            async with transaction(db) as conn:
                alert = await fanout_store.next_alert(conn)
                assert alert is not None
                # A portion that is at work as the stop comes.
                await conn.execute(SQL_PORTION, alert.id)
                await db.execute("UPDATE alert SET state = 'stopped' WHERE id = $1", alert.id)
                await slice_store.note_done(conn, alert, 1, 2, NOON)
        assert not await fanout.fan_out_slice(deps)
    assert await db.fetchval("SELECT count(*) FROM message") == 1
    assert await db.fetchval("SELECT count(*) FROM alert_slice") == 0


async def test_people_are_not_deleted_under_a_fan_out(db: Pool, db_dsn: str) -> None:
    """No foreign key is checked row by row, and yet nobody who is gone stands in an incident."""
    place = await people.make_place(db)
    person = await people.make_resident(db, home_place_id=place)
    async with wires(db, db_dsn) as deps:
        await store_event(db, quake(region("7"), city(MASHIKI, "7")))
        assert await fanout.decide_next_event(deps)
        async with transaction(db) as conn:
            alert = await fanout_store.next_alert(conn)
            assert alert is not None
            await fanout.fan_out(deps, conn, alert, 5, 5)
            deleting = asyncio.create_task(db.execute("DELETE FROM resident WHERE id = $1", person.id))
            while not await db.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE classid = 2028 AND NOT granted)"):
                await asyncio.sleep(0.01)
        with pytest.raises(ForeignKeyViolation):
            await deleting
    await db.execute("DELETE FROM incident_resident")
    await db.execute("DELETE FROM resident WHERE id = $1", person.id)
    assert await db.fetchval("SELECT count(*) FROM link WHERE resident_id = $1", person.id) == 0


async def test_a_row_for_nobody_is_refused_as_ever(db: Pool, db_dsn: str) -> None:
    person = await people.make_resident(db, home_place_id=await people.make_place(db))
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7")))
    incident = await db.fetchval("SELECT id FROM incident")
    for resident, of in ((uuid4(), incident), (person.id, uuid4())):
        with pytest.raises(ForeignKeyViolation):
            await db.execute(
                "INSERT INTO link (id, kind, token_sha256, resident_id, incident_id, created_at)"
                " VALUES (gen_random_uuid(), 'checkin', sha256('x'), $1, $2, now())",
                resident,
                of,
            )
        with pytest.raises(ForeignKeyViolation):
            await db.execute("UPDATE incident_resident SET resident_id = $1, incident_id = $2", resident, of)


async def test_a_worker_elsewhere_is_woken_by_the_first_portion(db: Pool, db_dsn: str) -> None:
    """It listens on a connection of its own, in a process of its own; the alert is still on its way to the others."""
    place = await people.make_place(db)
    for _ in range(3):
        await people.make_resident(db, home_place_id=place)
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.claim_worker",
        db_dsn,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"listening\n"
    async with wires(db, db_dsn) as deps:
        await store_event(db, quake(region("7"), city(MASHIKI, "7")))
        assert await fanout.decide_next_event(deps)
        assert await step(deps, 2, 2) == 2
        taken = (await worker.stdout.readline()).decode().split()
    assert await worker.wait() == 0
    assert await db.fetchval("SELECT state FROM alert") == "fanning"
    leased = await db.fetch("SELECT id FROM message WHERE state = 'leased' ORDER BY id")
    assert taken == [str(row["id"]) for row in leased] and len(taken) == 2


async def test_everybody_is_looked_at_once_and_then_whoever_has_come_since(db: Pool, db_dsn: str) -> None:
    """Who came after the portions were made has left a note: one registered, one moved here, one's dorm was found to be
    here, one only got an address; and one came to a town that nobody is warned of."""
    home, elsewhere, dorm = [
        await people.make_place(db, codes) for codes in (people.MASHIKI, people.FUKUOKA_CHUO, people.FUKUOKA_CHUO)
    ]
    at_first = {(await people.make_resident(db, home_place_id=home)).id for _ in range(4)}
    mover = (await people.make_resident(db, home_place_id=elsewhere)).id
    of_dorm = (await people.make_resident(db, home_place_id=dorm)).id
    await db.execute("DELETE FROM newcomer")
    async with wires(db, db_dsn) as deps:
        await store_event(db, quake(region("7"), city(MASHIKI, "7")))
        assert await fanout.decide_next_event(deps)
        assert await step(deps, 1, 2) == 1
        assert await step(deps, 1, 2) == 0 and await db.fetchval("SELECT planned FROM alert")
        came = (await people.make_resident(db, home_place_id=home)).id
        await people.make_resident(db, home_place_id=elsewhere)
        await db.execute("UPDATE resident_place SET place_id = $2 WHERE resident_id = $1", mover, home)
        await db.execute(
            "INSERT INTO place_area (scheme, code, place_id) VALUES ($1, $2, $3)", *people.MASHIKI[1], dorm
        )
        while await fanout.fan_out_slice(deps):
            pass
    told = {row["resident_id"] for row in await db.fetch("SELECT resident_id FROM alert_resident")}
    assert told == at_first | {came, mover, of_dorm}
    assert (
        await db.fetchval("SELECT count(*) FROM message") == 7
        and await db.fetchval("SELECT state FROM alert") == "done"
    )


async def test_an_alert_released_from_hold_looks_at_everybody_again(db: Pool, db_dsn: str) -> None:
    """While it was held, the notes of people who came were taken by those who tell newcomers what holds."""
    home = await people.make_place(db)
    at_first = [(await people.make_resident(db, home_place_id=home)).id for _ in range(3)]
    async with wires(db, db_dsn) as deps:
        await store_event(db, quake(region("7"), city(MASHIKI, "7")))
        assert await fanout.decide_next_event(deps)
        assert await step(deps, 1, 5) == 1 and await step(deps, 1, 5) == 0
        await fanout_store.hold(db, await db.fetchval("SELECT id FROM alert"), "somebody must look")
        came = (await people.make_resident(db, home_place_id=home)).id
        await db.execute("DELETE FROM newcomer")
        async with transaction(db) as conn:
            await held_store.release(conn, await db.fetchval("SELECT id FROM alert"), deps.clock.now())
        while await fanout.fan_out_slice(deps):
            pass
    told = {row["resident_id"] for row in await db.fetch("SELECT resident_id FROM alert_resident")}
    assert told == {*at_first, came}


async def test_a_link_names_a_site_and_staff_that_exist_and_goes_with_them(db: Pool, db_dsn: str) -> None:
    org = await people.make_org(db)
    dorm, other = [(await people.make_site(db, org.id))[0] for _ in range(2)]
    staff, leaver = [await people.make_staff(db, org.id, Role.EMPLOYER) for _ in range(2)]
    incident = (await make_incident(db)).id
    insert = """INSERT INTO link (id, kind, token_sha256, site_id, staff_id, incident_id, created_at)
                VALUES ($1, 'leader', sha256(uuid_send($1)), $2, $3, $4, now())"""
    for site, who in ((dorm, staff), (dorm, leaver), (other, staff)):
        await db.execute(insert, uuid4(), site, who, incident)
    for site, who, text in ((uuid4(), staff, "no site"), (dorm, uuid4(), "no member of staff")):
        with pytest.raises(ForeignKeyViolation, match=text):
            await db.execute(insert, uuid4(), site, who, incident)
    await db.execute("DELETE FROM site WHERE id = $1", other)
    await db.execute("DELETE FROM staff WHERE id = $1", leaver)
    assert [tuple(row) for row in await db.fetch("SELECT site_id, staff_id FROM link")] == [(dorm, staff)]


async def test_the_next_rank_is_looked_for_while_the_worst_is_written(db: Pool, db_dsn: str) -> None:
    """Who lives in the worst area and works in the next is of the worst, and of no other."""
    worst, next_worst = await people.make_place(db, people.MASHIKI), await people.make_place(db, people.KASHIMA)
    first = {(await people.make_resident(db, home_place_id=worst)).id for _ in range(2)}
    for person in first:
        await db.execute("INSERT INTO resident_place VALUES ($1, 'work', $2)", person, next_worst)
    second = {(await people.make_resident(db, home_place_id=next_worst)).id for _ in range(3)}
    async with wires(db, db_dsn) as deps:
        await store_event(db, THREE_LEVELS)
        assert await fanout.decide_next_event(deps)
        assert await step(deps, 0, 9) == 0  # it has begun
        assert await step(deps, 0, 9) == 0  # the worst stand in a portion
        async with transaction(db) as one:
            alert = await fanout_store.next_alert(one)
            assert alert is not None and alert.planned == 1
            taken = await slice_store.take(one, alert)
            assert taken is not None and set(taken[1]) == first
            assert await step(deps, 0, 9) == 0  # another makes the portions of the next rank meanwhile
            assert await step(deps, 0, 9) == 3
            assert await step(deps, 0, 9) == 0  # of the last rank there is nobody
            assert await step(deps, 0, 9) is None  # and the end waits for the first
        while await fanout.fan_out_slice(deps):
            pass
    assert await db.fetchval("SELECT state FROM alert") == "done"
    rows = await db.fetch("SELECT resident_id FROM message")
    assert sorted(row["resident_id"] for row in rows) == sorted(first | second)


async def test_an_alert_stopped_while_its_portions_are_made_keeps_none(db: Pool, db_dsn: str) -> None:
    home = await people.make_place(db)
    for _ in range(3):
        await people.make_resident(db, home_place_id=home)
    async with wires(db, db_dsn) as deps:
        await store_event(db, quake(region("7"), city(MASHIKI, "7")))
        assert await fanout.decide_next_event(deps)
        await step(deps, 1, 1)
        with pytest.raises(slice_store.AlertStopped):
            async with transaction(db) as conn:
                alert = await fanout_store.next_alert(conn)
                assert alert is not None
                await db.execute("UPDATE alert SET state = 'stopped' WHERE id = $1", alert.id)
                await slice_store.plan(conn, alert, None, 1, 1)
        assert not await fanout.fan_out_slice(deps)
    assert await db.fetchval("SELECT count(*) FROM alert_slice") == 0
