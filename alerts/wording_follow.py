"""Every process hears of texts that people changed: at once by a wake-up, at the latest after half a minute."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Final

from alerts.deps import Deps
from alerts.wording_store import CHANNEL, refresh
from core.db import CONNECTION_ERRORS
from core.wakeups import Wakeup

log = logging.getLogger(__name__)

#: Seconds after which the table is looked at without a wake-up.
AT_THE_LATEST_S: Final = 30.0


@contextlib.asynccontextmanager
async def following(deps: Deps) -> AsyncIterator[None]:
    """Keep `deps.catalogs` up to date for as long as the block runs."""
    bell = await deps.wakeups.on(CHANNEL)
    task = asyncio.create_task(_follow(deps, bell), name="wording")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        deps.wakeups.off(CHANNEL, bell)


async def _follow(deps: Deps, bell: Wakeup) -> None:
    while True:
        await bell.wait(AT_THE_LATEST_S)
        try:
            await refresh(deps.pool, deps.catalogs)
        except CONNECTION_ERRORS as error:
            log.warning("texts cannot be looked up, those from before are said: %s", error)
