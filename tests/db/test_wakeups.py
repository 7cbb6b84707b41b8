"""NOTIFY rings every bell, only its own channel's, and again after the connection was lost."""

from __future__ import annotations

from core.db import Pool, notify, transaction
from core.wakeups import Wakeups


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
        await db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'daijobu wakeups' AND datname = current_database()"
        )
        assert await bell.wait(30)  # something may have been missed
        await notify(db, "outbox")
        assert await bell.wait(30)
