"""What a `send` process does while nobody has to be told, so that it is faster when somebody has.

In quiet times each channel that can do part of its work ahead (`channel.Prepares`) is given all live addresses, a few
at a time and at a fifth of a core at most. When an event comes in, before anybody knows whom it concerns, connections
are opened.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from alerts import push_store
from alerts.channel import Prepares
from alerts.deps import Deps
from core.db import CONNECTION_ERRORS
from core.wakeups import EVENTS_CHANNEL

log = logging.getLogger(__name__)

#: Quiet for this long: no message has been in flight.
QUIET_S: Final = 20.0
LOOK_EVERY_S: Final = 5.0
#: Everybody is looked at again this often, for those who are new.
ROUND_EVERY_S: Final = 3600.0
#: Addresses taken up in one go, and how much longer than each go the pause after it is.
BATCH: Final = 32
PAUSE: Final = 4.0
WAKE_EVERY_S: Final = 300.0


async def warm_forever(deps: Deps) -> None:
    """Open connections whenever an event comes in."""
    channels = [channel for channel in deps.channels.values() if isinstance(channel, Prepares)]
    bell = await deps.wakeups.on(EVENTS_CHANNEL)
    try:
        while channels:
            if await bell.wait(WAKE_EVERY_S):
                await asyncio.gather(*(channel.warm() for channel in channels))
    finally:
        deps.wakeups.off(EVENTS_CHANNEL, bell)


async def prepare_forever(
    deps: Deps, idle: Callable[[], bool], *, look_every_s: float = LOOK_EVERY_S, quiet_s: float = QUIET_S
) -> None:
    """Prepare in quiet times. `idle`: whether nothing is in flight; it must have been so for `quiet_s`."""
    loop = asyncio.get_running_loop()
    channels = {
        deps.channels.kinds[name].contact: channel
        for name, channel in deps.channels.by_name.items()
        if isinstance(channel, Prepares)
    }
    quiet_since, next_round = loop.time(), 0.0
    while channels:
        await asyncio.sleep(look_every_s)
        if not idle():
            quiet_since = loop.time()
            continue
        if loop.time() - quiet_since < quiet_s:
            continue
        due = loop.time() >= next_round
        try:
            if due:
                next_round = loop.time() + ROUND_EVERY_S
                if forgotten := await push_store.forget_old_proofs(deps.pool, deps.clock.now()):
                    log.info("%d push subscriptions are not proven any more", forgotten)
            for contact, channel in channels.items():
                if due or channel.wants_preparing():
                    await prepare_all(deps, contact, channel, idle, asyncio.sleep)
        except CONNECTION_ERRORS as error:
            log.info("addresses cannot be read for now: %s", str(error) or type(error).__name__)
        except Exception:  # being ready is a favour: without it everything is still sent
            log.exception("quiet time could not be used")
            quiet_since = loop.time() + ROUND_EVERY_S


async def prepare_all(
    deps: Deps, contact: str, channel: Prepares, idle: Callable[[], bool], pause: Callable[[float], Awaitable[object]]
) -> bool:
    """One round through the live addresses of one kind, proven ones first; False if messages came in between."""
    loop = asyncio.get_running_loop()
    channel.begin_preparing()
    for state in ("proven", "unproven"):
        after: UUID | None = None
        while True:
            found = await push_store.live_addresses(deps.pool, deps.vault, contact, state, after, BATCH)
            if not found:
                break
            after = found[-1][0]
            started = loop.time()
            await channel.prepare([address for _, address in found])
            await pause((loop.time() - started) * PAUSE)
            if not idle():
                return False
    channel.end_preparing()
    return True
