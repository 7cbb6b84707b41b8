"""Leases: `poll`, `decide` and `tend` may be started twice, and one of the two works while the other stands by."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from core.db import CONNECTION_ERRORS, Connection, Pool

log = logging.getLogger(__name__)


class LeaseLost(RuntimeError):
    """The lease could not be kept: another holder may be at work, so ours has been stopped."""


# The database's clock is the only one asked, so that the machines of the holders need not agree on the time.
SQL_TAKE = """
INSERT INTO lease (name, holder, until) VALUES ($1, $2, now() + $3)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE lease.holder = excluded.holder OR lease.until < now()
RETURNING holder
"""


async def take_lease(conn: Pool | Connection, name: str, holder: str, ttl: timedelta) -> bool:
    """Take or renew the lease `name` for `ttl`. False while somebody else holds it."""
    return await conn.fetchval(SQL_TAKE, name, holder, ttl) is not None


SQL_RELEASE = "DELETE FROM lease WHERE name = $1 AND holder = $2"


@asynccontextmanager
async def hold_lease(pool: Pool, name: str, holder: str, ttl: timedelta = timedelta(seconds=15)) -> AsyncIterator[None]:
    """Wait for the lease `name`, hold it during the block (renewed every third of `ttl`), and release it.

    `holder` must be unique to this process and start. If the lease cannot be renewed until it runs out, the block is
    cancelled and LeaseLost is raised: the caller asks again.
    """
    pause = ttl.total_seconds() / 3
    loop = asyncio.get_running_loop()
    started = loop.time()
    while not await take_lease(pool, name, holder, ttl):
        await asyncio.sleep(pause)
        started = loop.time()
    task = asyncio.current_task()
    assert task is not None
    lost = False

    async def renew() -> None:
        nonlocal lost
        good_until = started + ttl.total_seconds()
        while True:
            # The last try ends one pause before the lease does: ours has stopped before another may begin.
            await asyncio.sleep(pause)
            asked = loop.time()
            try:
                async with asyncio.timeout(max(0.001, good_until - asked)):
                    kept = await take_lease(pool, name, holder, ttl)
            except CONNECTION_ERRORS as error:  # a TimeoutError is an OSError
                log.warning("the lease %s could not be renewed: %s", name, str(error) or type(error).__name__)
                kept = False
                if loop.time() + pause < good_until:
                    continue
            if not kept:
                lost = True
                task.cancel()
                return
            good_until = asked + ttl.total_seconds()

    renewal = asyncio.create_task(renew(), name=f"lease {name}")
    try:
        try:
            yield
        finally:
            renewal.cancel()
            await asyncio.wait([renewal])  # also where a cancellation of the last instant arrives
    except asyncio.CancelledError:
        if lost and task.uncancel() == 0:
            raise LeaseLost(f"the lease {name} was lost") from None
        raise
    else:
        if lost:  # the block swallowed its cancellation
            task.uncancel()
            raise LeaseLost(f"the lease {name} was lost")
    finally:
        if not lost:
            with contextlib.suppress(*CONNECTION_ERRORS):
                await pool.execute(SQL_RELEASE, name, holder)
