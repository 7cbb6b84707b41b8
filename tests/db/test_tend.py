"""Whatever is due: reminders, expiry, closing, and the leases of two tend loops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from alerts.deps import Deps
from alerts.fanout import decide_once
from core.clock import FixedClock
from core.crypto import CryptoError
from core.db import Pool
from core.model import MessageType
from ops.tend import TASKS, Task, tend_forever, tend_once
from tests import people
from tests.alerts_kit import KASHIMA, MASHIKI, NOON, city, hear, quake, region, send_all, told, wires
from tests.outbox_kit import fill_outbox, states


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
async def deps(db: Pool, db_dsn: str, clock: FixedClock) -> AsyncIterator[Deps]:
    async with wires(db, db_dsn, clock=clock) as made:
        yield made


async def remind(deps: Deps) -> None:
    done = await tend_once(deps, "test", tuple(task for task in TASKS if task.name == "reminders"))
    assert done["reminders"] >= 0
    while await decide_once(deps):
        pass


async def reminded(db: Pool) -> int:
    count: int = await db.fetchval(
        "SELECT count(*) FROM message m JOIN alert a ON a.id = m.alert_id WHERE a.moment = 'reminder'"
    )
    return count


async def test_only_silent_people_are_asked_again(db: Pool, deps: Deps, clock: FixedClock) -> None:
    place = await people.make_place(db)
    silent = await people.make_resident(db, home_place_id=place)
    answered = await people.make_resident(db, home_place_id=place)
    await hear(deps, quake(region("7"), city(MASHIKI, "7")))
    await send_all(deps)
    await db.execute(
        "UPDATE incident_resident SET status = 'ok', status_by = 'self', status_at = $2 WHERE resident_id = $1",
        answered.id,
        NOON + timedelta(minutes=2),
    )
    asked_at = await db.fetchval("SELECT asked_at FROM incident_resident WHERE resident_id = $1", silent.id)
    clock.advance(timedelta(minutes=29))
    await remind(deps)
    assert await reminded(db) == 0
    clock.advance(timedelta(minutes=1))
    await remind(deps)
    await remind(deps)
    assert await told(db, "reminder") == {silent.id} and await reminded(db) == 1
    row = await db.fetchrow("SELECT asks, asked_at FROM incident_resident WHERE resident_id = $1", silent.id)
    # The clock of the case runs from the first question, however often it is repeated.
    assert row is not None and tuple(row) == (2, asked_at)
    clock.advance(timedelta(hours=6))
    await remind(deps)
    assert await reminded(db) == 2, "a time missed meanwhile is made up for once"


async def test_a_newer_incident_ends_the_older_ones_reminders(db: Pool, deps: Deps, clock: FixedClock) -> None:
    both = (*people.MASHIKI, *people.KASHIMA)
    codes = tuple(code for code in both if code[0] == "jma.city")
    await people.make_resident(db, home_place_id=await people.make_place(db, codes))
    await hear(deps, quake(city(MASHIKI, "6-", area="740")))
    clock.advance(timedelta(minutes=10))
    await hear(deps, quake(city(KASHIMA, "7", area="799"), at=clock.now(), id="20261120121000"))
    assert await db.fetchval("SELECT count(*) FROM incident") == 2
    clock.advance(timedelta(minutes=25))
    await remind(deps)
    assert await reminded(db) == 0
    clock.advance(timedelta(minutes=5))
    await remind(deps)
    rows = await db.fetch(
        "SELECT i.event_ids FROM alert a JOIN incident i ON i.id = a.incident_id WHERE a.moment = 'reminder'"
    )
    assert [r["event_ids"] for r in rows] == [["20261120121000"]]


async def test_stale_messages_expire(db: Pool, deps: Deps, clock: FixedClock) -> None:
    await fill_outbox(db, 3, NOON, life=timedelta(minutes=5))
    clock.advance(timedelta(minutes=6))
    assert (await tend_once(deps, "test"))["messages"] == 3
    assert await states(db) == {"expired": 3}


async def test_incident_closes_and_its_key_is_destroyed(db: Pool, deps: Deps, clock: FixedClock) -> None:
    await people.make_resident(db, home_place_id=await people.make_place(db))
    await hear(deps, quake(region("7"), city(MASHIKI, "7")))
    await db.execute("UPDATE message SET state = 'sent'")
    clock.advance(timedelta(hours=71))
    assert (await tend_once(deps, "test"))["incidents"] == 0
    clock.advance(timedelta(hours=1))
    done = await tend_once(deps, "test")
    # Silence has opened a case: a person nobody has found is not over.
    assert await db.fetchval("SELECT count(*) FROM case_file WHERE closed_at IS NULL") == 1 and done["incidents"] == 0
    await db.execute("UPDATE case_file SET outcome = 'ok', closed_at = $1", clock.now())
    assert (await tend_once(deps, "test"))["incidents"] == 1
    row = await db.fetchrow("SELECT closed_at, key_enc FROM incident")
    assert row is not None and row["closed_at"] == clock.now() and row["key_enc"] is None
    ends = await db.fetchval("SELECT expires_at FROM link WHERE kind = 'checkin'")
    assert ends == clock.now() + timedelta(hours=72)


async def test_cancellation_closes_cases_of_silence_and_keeps_calls_for_help(
    db: Pool, deps: Deps, clock: FixedClock
) -> None:
    place = await people.make_place(db)
    silent = await people.make_resident(db, home_place_id=place, phone="")
    help_ = await people.make_resident(db, home_place_id=place, phone="")
    await hear(deps, quake(region("7"), city(MASHIKI, "7")))
    await tend_once(deps, "test")
    await db.execute("UPDATE case_file SET reason = 'needs_help' WHERE resident_id = $1", help_.id)
    assert await db.fetchval("SELECT count(*) FROM case_file WHERE closed_at IS NULL") == 2
    clock.advance(timedelta(minutes=3))
    await hear(deps, quake(at=clock.now(), message=MessageType.CANCEL))
    await tend_once(deps, "test")
    rows = await db.fetch("SELECT resident_id FROM case_file WHERE closed_at IS NULL")
    assert [r["resident_id"] for r in rows] == [help_.id] and silent.id != help_.id


async def test_two_tend_loops_share_the_work(db: Pool, deps: Deps) -> None:
    runs: list[str] = []

    def task(holder: str) -> Task:
        async def run(deps: Deps) -> int:
            runs.append(holder)
            return 1

        return Task("shared", 1.0, run)

    assert await tend_once(deps, "one", (task("one"),)) == {"shared": 1}
    assert await tend_once(deps, "two", (task("two"),)) == {}
    assert runs == ["one"]


async def test_a_task_that_fails_stops_no_other(db: Pool, deps: Deps) -> None:
    async def broken(deps: Deps) -> int:
        raise CryptoError("no key")

    async def fine(deps: Deps) -> int:
        return 7

    done = await tend_once(deps, "test", (Task("broken", 1.0, broken), Task("fine", 1.0, fine)))
    assert done == {"broken": -1, "fine": 7}


async def test_loop_ends_when_told_and_has_said_that_it_lives(db: Pool, deps: Deps) -> None:
    stop = asyncio.Event()
    loop = asyncio.create_task(tend_forever(deps, stop))
    while not await db.fetchval("SELECT count(*) FROM heartbeat WHERE name = 'tend'"):
        await asyncio.sleep(0.02)
    stop.set()
    await asyncio.wait_for(loop, 120)
