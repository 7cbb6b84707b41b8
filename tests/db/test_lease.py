"""Two holders, one lease: only one works at a time, and a lost lease stops its holder."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.db import Pool
from core.lease import LeaseLost, hold_lease, take_lease

SHORT, LONG = timedelta(seconds=0.3), timedelta(minutes=5)


async def test_the_second_waits_until_the_first_lets_go(db: Pool) -> None:
    order = []

    async def second() -> None:
        async with hold_lease(db, "poll", "second", SHORT):
            order.append("second works")

    async with hold_lease(db, "poll", "first", LONG):
        waiting = asyncio.create_task(second())
        assert not await take_lease(db, "poll", "second", SHORT)
        order.append("first works")
    await waiting
    assert order == ["first works", "second works"]
    assert await db.fetchval("SELECT count(*) FROM lease") == 0


async def test_leases_of_other_names_do_not_wait(db: Pool) -> None:
    async with hold_lease(db, "poll", "one", LONG), hold_lease(db, "decide", "two", LONG):
        assert await db.fetchval("SELECT count(*) FROM lease") == 2


async def test_a_dead_holders_lease_runs_out(db: Pool) -> None:
    assert await take_lease(db, "tend", "dead", timedelta(seconds=-1))
    async with hold_lease(db, "tend", "heir", LONG):
        assert await db.fetchval("SELECT holder FROM lease") == "heir"


async def test_a_held_lease_is_renewed(db: Pool) -> None:
    async with hold_lease(db, "poll", "me", SHORT):
        before = await db.fetchval("SELECT until FROM lease")
        while await db.fetchval("SELECT until FROM lease") == before:
            await asyncio.sleep(0.01)


async def test_a_lost_lease_stops_the_block(db: Pool) -> None:
    with pytest.raises(LeaseLost, match="the lease poll was lost"):
        async with hold_lease(db, "poll", "me", SHORT):
            await db.execute("UPDATE lease SET holder = 'thief', until = now() + interval '1 hour'")
            await asyncio.Event().wait()
    assert await db.fetchval("SELECT holder FROM lease") == "thief"  # and the thief keeps it


async def test_being_cancelled_from_outside_stays_a_cancellation(db: Pool) -> None:
    held = asyncio.Event()

    async def work() -> None:
        async with hold_lease(db, "poll", "me", LONG):
            held.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await held.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await db.fetchval("SELECT count(*) FROM lease") == 0


async def test_an_error_in_the_block_frees_the_lease(db: Pool) -> None:
    with pytest.raises(ZeroDivisionError):
        async with hold_lease(db, "poll", "me", LONG):
            raise ZeroDivisionError
    assert await take_lease(db, "poll", "other", LONG)


async def test_a_lease_lost_in_the_last_instant_is_told_and_leaves_no_cancellation_behind(db: Pool) -> None:
    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(LeaseLost):
        async with hold_lease(db, "poll", "me", SHORT):
            await db.execute("UPDATE lease SET holder = 'thief', until = now() + interval '1 hour'")
            while not task.cancelling():
                try:
                    await asyncio.sleep(0.01)
                except asyncio.CancelledError:
                    break  # a block that swallows its cancellation and ends as if nothing had happened
    assert task.cancelling() == 0
