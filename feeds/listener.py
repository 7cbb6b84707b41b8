"""Listens to one pushed stream (WebSocket): connects, keeps what arrives, and connects again whatever happens.

A push is never sent again to whoever missed it, so each connection begins by asking the feed's polled streams
(`on_open`). A server that floods, sends rubbish or falls silent is left, and tried again after a growing pause.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import aiohttp

from core.clock import Clock
from core.db import CONNECTION_ERRORS, Pool
from core.model import UnreadableReport
from feeds.feed import Feed, FeedSettings, Push
from feeds.fetch import user_agent
from feeds.flood import Flood
from feeds.health_store import PollNote, note_poll
from feeds.keeper import Keeper
from feeds.listing import Item
from feeds.schedule import backoff, count_bytes
from feeds.store import bytes_used, load_state, save_state

log = logging.getLogger(__name__)

#: Frames in one connection that cannot be read before it is left: one may be an accident.
MAX_RUBBISH = 20


@dataclass(frozen=True, slots=True)
class Pauses:
    """How patient the listener is, in seconds."""

    #: After the first failure; doubled with each further one.
    first: float = 1.0
    longest: float = 60.0
    #: Ping this often; no pong within half of it means that the line is dead.
    ping: float = 30.0
    #: The state is written this often while the line is alive.
    note: float = 30.0
    #: A line that carries pongs and nothing else for so long is left as well.
    idle: float = 900.0
    #: A connection that lived so long was a good one: the next pause is the first again.
    good: float = 60.0
    connect: float = 15.0


class Left(Exception):
    """The connection is left; the message says why in one sentence."""

    def __init__(self, message: str, *, wait: timedelta | None = None) -> None:
        super().__init__(message)
        #: How long the server wants to be left alone, at least.
        self.wait = wait


class Listener:
    """Listens to one Push of a feed."""

    def __init__(
        self,
        pool: Pool,
        settings: FeedSettings,
        clock: Clock,
        session: aiohttp.ClientSession,
        feed: Feed,
        push: Push,
        keeper: Keeper,
        *,
        on_open: Callable[[], None] = lambda: None,
        pauses: Pauses | None = None,
    ) -> None:
        self.name = f"{feed.name}.{push.name}"
        self._pool, self._settings, self._clock, self._session = pool, settings, clock, session
        self._feed, self._push, self._keeper, self._on_open = feed, push, keeper, on_open
        self._pauses = pauses or Pauses()
        self._size = 0

    async def listen_forever(self, stopping: asyncio.Task[bool]) -> None:
        """Listen until `stopping` is done. Nothing that the server does ends it earlier."""
        failures = 0
        while not stopping.done():
            began = asyncio.get_running_loop().time()
            listening = asyncio.create_task(self.listen_once())
            try:
                await asyncio.wait({listening, stopping}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                listening.cancel()
            left = (await asyncio.gather(listening, return_exceptions=True))[0]
            if stopping.done():
                return
            wait = left.wait if isinstance(left, Left) else None
            if isinstance(left, CONNECTION_ERRORS) and not isinstance(left, aiohttp.ClientError):
                log.warning("feed %s: the database is away, trying again: %s", self.name, left)
            elif not isinstance(left, Left):
                # Something that nobody thought of must not end the listening.
                log.error("feed %s: listening failed, it goes on", self.name, exc_info=left)
            if asyncio.get_running_loop().time() - began >= self._pauses.good:
                failures = 0
            failures += 1
            pause = self._pause(failures, wait)
            await asyncio.wait({stopping}, timeout=pause)

    def _pause(self, failures: int, wait: timedelta | None) -> float:
        """Seconds until the next try; spread out, so that a server that restarts is not asked by all at once."""
        doubled = self._pauses.first * float(2 ** min(failures - 1, 10))
        own = min(doubled, self._pauses.longest) * random.uniform(0.5, 1.5)
        return own if wait is None else max(own, wait.total_seconds())

    async def listen_once(self) -> None:
        """One connection, from its opening to its end. Always raises: Left, or what the database raises."""
        try:
            await self._connect_and_listen()
        except Left as left:
            await self._note(error=str(left))
            log.warning("feed %s: %s", self.name, left)
            raise

    async def _connect_and_listen(self) -> None:
        await self._check_budget()
        url = self._push.url(self._settings)
        try:
            async with asyncio.timeout(self._pauses.connect):
                socket = await self._session.ws_connect(
                    url,
                    headers={"User-Agent": user_agent(self._settings.contact)},
                    heartbeat=self._pauses.ping,
                    max_msg_size=self._push.max_frame_bytes,
                    timeout=aiohttp.ClientWSTimeout(ws_close=5.0),
                )
        except TimeoutError:
            raise Left(f"{url}: no connection within {self._pauses.connect:.0f} s") from None
        except aiohttp.WSServerHandshakeError as error:
            asked = backoff(1, None) if error.status in (403, 429) or error.status >= 500 else None
            raise Left(f"{url}: HTTP {error.status} instead of a WebSocket", wait=asked) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Left(f"{url}: {(str(error) or type(error).__name__).splitlines()[0]}") from None
        try:
            await self._note()
            self._on_open()
            await self._receive(socket)
        except aiohttp.ClientError as error:
            raise Left(f"the connection broke: {(str(error) or type(error).__name__).splitlines()[0]}") from None
        finally:
            await socket.close()

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        loop = asyncio.get_running_loop()
        noted = last_frame = loop.time()
        flood = Flood(self._push, noted)
        rubbish = 0
        while True:
            try:
                message = await socket.receive(timeout=self._pauses.note)
            except TimeoutError:
                message = None
            at = loop.time()
            if message is not None:
                self._check_open(socket, message)
                last_frame = at
                body = message.data.encode() if isinstance(message.data, str) else message.data
                self._size += len(body)
                if (reason := flood.why_too_much(at, frames=1, size=len(body))) is not None:
                    raise Left(reason)
                try:
                    item = self._push.read(body)
                except UnreadableReport as error:
                    rubbish += 1
                    log.warning("feed %s: a frame cannot be read: %s", self.name, error)
                    if rubbish >= MAX_RUBBISH:
                        raise Left(f"{rubbish} frames could not be read, the last: {error}") from None
                    item = None
                if item is not None:
                    if (reason := flood.why_too_much(at, reports=1)) is not None:
                        raise Left(reason)
                    _, problems = await self._keeper.keep([item])
                    await self._note(item, error=problems[0] if problems else None)
                    noted = at
            elif at - last_frame >= self._pauses.idle:
                raise Left(f"nothing came for {self._pauses.idle:.0f} s")
            if at - noted >= self._pauses.note:
                await self._note()
                await self._check_budget()
                noted = at

    async def _check_budget(self) -> None:
        """Raise Left once the feed has used up the bytes of this day."""
        used = await bytes_used(self._pool, self._feed.name, self._clock.now().date())
        if used >= self._settings.feed_daily_byte_budget:
            raise Left("the daily byte budget is used up; it starts anew at 00:00 UTC", wait=timedelta(minutes=15))

    def _check_open(self, socket: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage) -> None:
        """Raise Left unless the message is a frame with data."""
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            return
        if message.type is aiohttp.WSMsgType.ERROR:
            reason = (str(message.data) or type(message.data).__name__).splitlines()[0]
            raise Left(f"the connection broke: {reason}")
        raise Left(f"the server closed the connection (code {socket.close_code})")

    async def _note(self, item: Item | None = None, *, error: str | None = None) -> None:
        """Write that the line is alive (or why it is not), and what came."""
        now = self._clock.now()
        size, self._size = self._size, 0
        state = count_bytes(await load_state(self._pool, self.name), now, size)
        heard_before = state.last_heard_at
        if error is not None:
            state = replace(state, error=error, error_at=now)
        if error is None or item is not None:
            state = replace(state, error=error, last_heard_at=now, last_ok_at=now)
        if item is not None and item.updated is not None:
            state = replace(state, newest_report_at=min(item.updated, now))  # the table keeps the newer one
        await save_state(self._pool, self.name, state)
        heard = state.last_heard_at == now
        note = PollNote(
            self.name, now, heard, asked=not heard, bytes=size, reports=int(item is not None), heard_before=heard_before
        )
        await note_poll(self._pool, note)
