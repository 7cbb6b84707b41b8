"""NOTIFY rings every bell, only its own channel's, and again after the connection was lost."""

from __future__ import annotations

import asyncio

from core.db import Pool, notify, transaction
from core.wakeups import Wakeups

SQL_LOSE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'daijobu wakeups' AND datname = current_database()
"""


async def test_every_bell_of_the_channel_rings_once_committed(db: Pool, db_dsn: str) -> None:
    async with Wakeups(db_dsn) as wakeups:
        bells = [await wakeups.on("outbox"), await wakeups.on("outbox")]
        other = await wakeups.on("events")
        async with transaction(db) as conn:
            await notify(conn, "outbox", "7")
            assert not await bells[0].wait(0.05)  # nothing is visible yet, so nobody is woken
        assert [await bell.wait(30) for bell in bells] == [True, True]
        assert not await other.wait(0)
        assert not await bells[0].wait(0)  # one ring, one wake-up
        wakeups.off("outbox", bells[1])
        await notify(db, "outbox")
        assert await bells[0].wait(30)
        assert not await bells[1].wait(0)


async def test_a_lost_connection_is_made_again_and_rings_every_bell(db: Pool, db_dsn: str) -> None:
    async with Wakeups(db_dsn) as wakeups:
        bell = await wakeups.on("outbox")
        await db.execute(SQL_LOSE)
        assert await bell.wait(30)  # something may have been missed
        await notify(db, "outbox")
        assert await bell.wait(30)


async def test_loops_that_start_together_all_hear(db: Pool, db_dsn: str) -> None:
    """One connection does one thing at a time; a LISTEN that it refused left its loop deaf, with only its poll."""
    async with Wakeups(db_dsn) as wakeups:
        channels = [f"loop_{number}" for number in range(6)]
        bells = await asyncio.gather(*(wakeups.on(channel) for channel in channels))
        for channel in channels:
            await notify(db, channel)
        assert await asyncio.gather(*(bell.wait(30) for bell in bells)) == [True] * 6


async def test_who_cannot_listen_at_first_hears_after_the_next_connection(db: Pool, db_dsn: str) -> None:
    async with Wakeups(db_dsn) as wakeups:
        first = await wakeups.on("first")
        await db.execute(SQL_LOSE)
        second = await wakeups.on("second")  # over a connection that is gone, or about to be found gone
        assert await first.wait(30) and await second.wait(30)  # something may have been missed
        await notify(db, "second")
        assert await second.wait(30)
