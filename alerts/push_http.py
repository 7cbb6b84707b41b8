"""The POST of one push message over HTTP/1.1 (RFC 9112), on connections that are kept: a client for this one purpose.

With encryption prepared, a general client was two thirds of what a message costs (ADR 0015). This
one sends requests whose every byte we know and reads short answers; whatever it does not understand closes the
connection.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final, cast
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver

from alerts.push_http_answer import Response, read_response

#: An idle connection is used again for this long; push services close theirs sooner or later.
KEEP_ALIVE_S: Final = 75.0
CONNECT_S: Final = 3.0
#: Addresses of a name are asked for anew after this.
RESOLVED_S: Final = 60.0


class NotConnected(OSError):
    """No connection could be made: certainly nothing was sent."""


class Interrupted(OSError):
    """The connection ended, or said something that is no HTTP, before the answer was complete.

    `silent`: not one byte of an answer had come, and the connection had been used before: the other side may have
    closed it while it was idle.
    """

    def __init__(self, why: str, *, silent: bool = False) -> None:
        super().__init__(why)
        self.silent = silent


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiter: asyncio.Future[Response] | None = None
        self.kept = False  # it was idle before
        self.idle_since = 0.0

    @property
    def is_open(self) -> bool:
        """Whether a request may be sent on it."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes) -> Response:
        """Send a request, wait for its answer. Raises Interrupted; whoever stops waiting closes the connection."""
        if self._transport is None or self._transport.is_closing():
            raise Interrupted("closed before the request", silent=self.kept)
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._waiter
        except BaseException:
            self.close()
            raise
        finally:
            self._waiter = None

    def close(self) -> None:
        """Let go of it."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._waiter is None or self._waiter.done():
            self.close()  # an answer to nothing
            return
        self._buffer += data
        try:
            read = read_response(self._buffer, ended=False)
        except ValueError as error:
            self._fail(Interrupted(str(error)))
            return
        if read is None:
            return
        response, length, keep = read
        if length < len(self._buffer) or not keep:
            self.close()
        self._buffer.clear()
        self._waiter.set_result(response)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._waiter is None or self._waiter.done():
            return
        try:
            read = read_response(self._buffer, ended=True)
        except ValueError as problem:
            self._fail(Interrupted(str(problem)))
            return
        if read is None:
            self._fail(Interrupted("the connection ended", silent=not self._buffer and self.kept))
        else:
            self._waiter.set_result(read[0])

    def _fail(self, error: Interrupted) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        self.close()


@dataclass(slots=True)
class _Origin:
    """The connections to one push service."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    idle: deque[Connection] = field(default_factory=deque)
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    addresses: tuple[str, ...] = ()
    resolved_at: float = float("-inf")


class Client:
    """Keeps connections to each push service, at most `per_origin` of them in use at a time."""

    def __init__(
        self, resolver: AbstractResolver, *, per_origin: int, timeout_s: float, tls: ssl.SSLContext | None = None
    ) -> None:
        """`resolver` decides which addresses may be dialled; a host that is an address is dialled as it stands.
        `timeout_s`: for one request, from its turn on. `tls`: whose certificates are believed; default the system's."""
        self._resolver = resolver
        self._per_origin = per_origin
        self._timeout_s = timeout_s
        self._origins: dict[str, _Origin] = {}
        self._tls = tls

    async def post(self, origin: str, request: bytes) -> Response:
        """Send a whole request to a push service ("https://host"). Raises NotConnected, Interrupted, TimeoutError.

        A kept connection that the other side has closed meanwhile is replaced by a new one, once.
        """
        at = self._at(origin)
        async with at.slots:
            try:
                async with asyncio.timeout(self._timeout_s):
                    connection = self._kept(at) or await self._open(at)
                    try:
                        response = await connection.ask(request)
                    except Interrupted as error:
                        if not error.silent:
                            raise
                        connection = await self._open(at)
                        response = await connection.ask(request)
            except NotConnected:
                at.resolved_at = float("-inf")
                raise
            self._keep(at, connection)
            return response

    async def warm(self, origin: str, count: int) -> int:
        """Have up to `count` connections open; how many were opened. Raises NotConnected."""
        at = self._at(origin)
        alive = [connection for connection in at.idle if connection.is_open]
        wanted = range(max(0, min(count, self._per_origin) - len(alive)))
        found = await asyncio.gather(*(self._open(at) for _ in wanted), return_exceptions=True)
        opened = [connection for connection in found if isinstance(connection, Connection)]
        for connection in opened:
            self._keep(at, connection)
        if wanted and not opened:
            raise NotConnected("no connection could be opened")
        return len(opened)

    async def close(self) -> None:
        """Close all connections that are not in use."""
        for at in self._origins.values():
            for connection in at.idle:
                connection.close()
            at.idle.clear()
        await self._resolver.close()
        await asyncio.sleep(0)  # the sockets close in the next turn of the loop

    def _at(self, origin: str) -> _Origin:
        known = self._origins.get(origin)
        if known is None:
            parts = urlsplit(origin)
            if parts.scheme == "https" and self._tls is None:
                self._tls = ssl.create_default_context()
            tls = self._tls if parts.scheme == "https" else None
            port = parts.port or (443 if tls else 80)
            known = self._origins[origin] = _Origin(parts.hostname or "", port, tls)
            known.slots = asyncio.Semaphore(self._per_origin)
        return known

    def _kept(self, at: _Origin) -> Connection | None:
        """The connection that was used last: the others may grow old and go."""
        oldest = time.monotonic() - KEEP_ALIVE_S
        while at.idle:
            connection = at.idle.pop()
            if connection.is_open and connection.idle_since > oldest:
                return connection
            connection.close()
        return None

    def _keep(self, at: _Origin, connection: Connection) -> None:
        if connection.is_open:
            connection.kept, connection.idle_since = True, time.monotonic()
            at.idle.append(connection)

    async def _open(self, at: _Origin) -> Connection:
        """A new connection: to the address that worked last, else to the next one in its share of the time."""
        try:
            async with asyncio.timeout(min(CONNECT_S, self._timeout_s)):
                if time.monotonic() - at.resolved_at > RESOLVED_S:
                    at.addresses = await self._resolve(at)
                    at.resolved_at = time.monotonic()
                addresses = at.addresses  # another connection may find a better order meanwhile
                for address in addresses:
                    last = address == addresses[-1]
                    try:
                        async with asyncio.timeout(None if last else CONNECT_S / len(addresses)):
                            connection = await self._dial(at, address)
                    except (OSError, TimeoutError):
                        if last:
                            raise
                        continue
                    at.addresses = (address, *(other for other in addresses if other != address))
                    return connection
        except (OSError, TimeoutError) as error:
            raise NotConnected(type(error).__name__) from error
        raise NotConnected("the name has no address")

    async def _dial(self, at: _Origin, address: str) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(
            Connection, address, at.port, ssl=at.tls, server_hostname=at.host if at.tls else None
        )
        return connection

    async def _resolve(self, at: _Origin) -> tuple[str, ...]:
        try:
            socket.inet_pton(socket.AF_INET6 if ":" in at.host else socket.AF_INET, at.host)
        except OSError:
            return tuple(one["host"] for one in await self._resolver.resolve(at.host, at.port))
        return (at.host,)
