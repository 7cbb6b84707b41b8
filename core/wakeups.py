"""NOTIFY as a wake-up: loops look at their table when something may have changed, and at the latest after a while."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from types import TracebackType
from typing import Any, Final

from core.db import CONNECTION_ERRORS, Connection, open_connection

log = logging.getLogger(__name__)

#: Rung when an event waits for its decision, or an alert for its people: wakes the decide loop.
EVENTS_CHANNEL: Final = "daijobu_events"


class Wakeup:
    """One listener's bell. Each loop has its own, so that no loop swallows another's wake-up."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self._rung: set[str] = set()
        #: Payloads that the last successful `wait` was told; "" stands for anything (wake-ups may have been missed).
        self.heard: frozenset[str] = frozenset()

    def ring(self, payload: str = "") -> None:
        """Wake the listener."""
        self._rung.add(payload)
        self.event.set()

    async def wait(self, timeout: float) -> bool:
        """Wait until the bell rings (True) or `timeout` seconds have passed (False), and reset it."""
        try:
            async with asyncio.timeout(timeout):
                await self.event.wait()
        except TimeoutError:
            return False
        self.event.clear()
        self.heard, self._rung = frozenset(self._rung), set()
        return True

    async def wait_or_stop(self, timeout: float, stopping: asyncio.Task[Any]) -> None:
        """As `wait`, but no longer than `stopping` runs: a loop that is asked to stop does not finish its pause."""
        waiting = asyncio.create_task(self.wait(timeout))
        await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting


class Wakeups:
    """One dedicated connection that listens; it reconnects by itself, and rings every bell then.

    `async with Wakeups(dsn) as wakeups: bell = await wakeups.on("outbox")`. Needs a session connection: behind
    pgbouncer in transaction mode give it the server's own address.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._bells: dict[str, list[Wakeup]] = {}
        self._conn: Connection | None = None
        #: A connection does one thing at a time: loops that start together would refuse each other the LISTEN.
        self._listening = asyncio.Lock()
        self._lost = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Wakeups:
        await self._connect()
        self._task = asyncio.create_task(self._keep(), name="wakeups")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.remove_termination_listener(self._on_lost)
            with contextlib.suppress(*CONNECTION_ERRORS):
                await conn.close(timeout=2)

    async def on(self, channel: str) -> Wakeup:
        """A new bell that rings at each NOTIFY on `channel`."""
        bell = Wakeup()
        bells = self._bells.setdefault(channel, [])
        bells.append(bell)
        if len(bells) == 1:
            async with self._listening:
                conn = self._conn
                if conn is not None and not conn.is_closed():
                    try:
                        await conn.add_listener(channel, self._on_notify)
                    except CONNECTION_ERRORS as error:
                        log.warning("cannot listen for %s, connecting again: %s", channel, error)
                        conn.terminate()  # _keep() connects anew and subscribes to every channel
        return bell

    def off(self, channel: str, bell: Wakeup) -> None:
        """Forget a bell, for listeners that come and go (an open dashboard)."""
        self._bells.get(channel, []).remove(bell)

    def _on_notify(self, conn: object, pid: int, channel: str, payload: str) -> None:
        for bell in self._bells.get(channel, ()):
            bell.ring(payload)

    def _on_lost(self, conn: object) -> None:
        self._lost.set()

    async def _connect(self) -> None:
        conn = await open_connection(self._dsn, "daijobu wakeups")
        self._lost.clear()
        conn.add_termination_listener(self._on_lost)
        async with self._listening:
            for channel in list(self._bells):
                await conn.add_listener(channel, self._on_notify)
            self._conn = conn

    async def _keep(self) -> None:
        pause = 0.1
        while True:
            await self._lost.wait()
            try:
                await self._connect()
            except CONNECTION_ERRORS as error:
                log.warning("cannot listen for wake-ups, trying again in %.1f s: %s", pause, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
                continue
            pause = 0.1
            for bells in self._bells.values():
                for bell in bells:
                    bell.ring()
