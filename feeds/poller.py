"""The poll loop: every stream of every feed that is switched on, polled or listened to. No answer of a feed ends it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterable
from functools import partial

import aiohttp

from core.clock import Clock
from core.db import CONNECTION_ERRORS, Pool, heartbeat
from core.wakeups import Wakeup
from feeds.feed import FeedSettings
from feeds.keeper import Keeper
from feeds.known import feeds_for, pushes_for, stream_names, streams_for
from feeds.listener import Listener
from feeds.pending import MAX_ATTEMPTS
from feeds.store import forget_states
from feeds.stream_poller import MAX_PER_POLL, PARALLEL, PollResult, StreamPoller

__all__ = ["MAX_ATTEMPTS", "MAX_PER_POLL", "PARALLEL", "PollResult", "StreamPoller", "make_pollers", "poll_forever"]

log = logging.getLogger(__name__)

#: A stream that is woken again and again is still asked no more often than this.
MIN_PAUSE_S = 10.0


class Bells:
    """One bell per polled stream, so that one feed can wake another in the same loop."""

    def __init__(self) -> None:
        self._of: dict[str, list[Wakeup]] = {}

    def new(self, feed: str) -> Wakeup:
        """A bell that rings when `feed` is woken."""
        bell = Wakeup()
        self._of.setdefault(feed, []).append(bell)
        return bell

    def ring(self, feeds: Iterable[str]) -> None:
        """Ask every polled stream of these feeds at once."""
        for feed in feeds:
            for bell in self._of.get(feed, ()):
                bell.ring()


def make_pollers(
    pool: Pool,
    settings: FeedSettings,
    clock: Clock,
    session: aiohttp.ClientSession,
    bells: Bells | None = None,
) -> list[tuple[StreamPoller, Wakeup] | Listener]:
    """One poller with its bell, or one listener, per stream that the settings switch on."""
    ringing = bells or Bells()
    made: list[tuple[StreamPoller, Wakeup] | Listener] = []
    for feed in feeds_for(settings):
        keeper = Keeper(pool, clock, feed, on_new=partial(ringing.ring, feed.wakes))
        for stream in streams_for(feed, settings):
            poller = StreamPoller(pool, settings, clock, session, feed, stream, keeper)
            made.append((poller, ringing.new(feed.name)))
        for push in pushes_for(feed, settings):
            # What was pushed while nobody listened is in the polled streams of the same feed.
            on_open = partial(ringing.ring, (feed.name,))
            made.append(Listener(pool, settings, clock, session, feed, push, keeper, on_open=on_open))
    return made


async def poll_forever(
    pool: Pool,
    settings: FeedSettings,
    clock: Clock,
    *,
    session: aiohttp.ClientSession | None = None,
    stop: asyncio.Event,
    min_pause_s: float = MIN_PAUSE_S,
) -> None:
    """Poll every stream at its own pace until `stop` is set. One poller per deployment: hold the lease around this.

    A stream that is woken before its time is asked at once, but never twice within `min_pause_s`.
    """
    if session is None:
        async with aiohttp.ClientSession() as own:
            await poll_forever(pool, settings, clock, session=own, stop=stop, min_pause_s=min_pause_s)
        return
    try:
        await forget_states(pool, list(stream_names(settings)))
    except CONNECTION_ERRORS as error:
        log.warning("the states of feeds that are switched off stay until the next start: %s", error)
    async with asyncio.TaskGroup() as tasks:
        stopping = tasks.create_task(stop.wait(), name="poll stop")
        for each in make_pollers(pool, settings, clock, session):
            if isinstance(each, Listener):
                tasks.create_task(each.listen_forever(stopping), name=f"listen {each.name}")
            else:
                tasks.create_task(_loop(*each, pool, stop, stopping, min_pause_s), name=f"poll {each[0].name}")


async def _loop(
    poller: StreamPoller,
    bell: Wakeup,
    pool: Pool,
    stop: asyncio.Event,
    stopping: asyncio.Task[bool],
    min_pause_s: float,
) -> None:
    while not stop.is_set():
        try:
            result = await poller.poll_once()
            await heartbeat(pool, "poll", {"feed": result.feed, "error": result.error or result.skipped})
            if result.long:
                continue  # what is newest stands in the short list only
        except CONNECTION_ERRORS as error:
            log.warning("feed %s: the database is away, trying again: %s", poller.name, error)
        except Exception:
            # A poll that goes wrong in a way nobody thought of must not end the polling.
            log.exception("feed %s: this poll failed, the next one comes", poller.name)
        pause = poller.every_s * random.uniform(0.9, 1.1)
        least = min(pause, min_pause_s)
        await asyncio.wait({stopping}, timeout=least)
        await bell.wait_or_stop(pause - least, stopping)
