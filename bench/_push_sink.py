"""The other end of bench/push.py: takes pushes as fast as it can read them, judges nothing, and says 201.

    python bench/_push_sink.py CORE

Prints its port. Ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import cast

ANSWER = b"HTTP/1.1 201 Created\r\nLocation: /m/1\r\nTTL: 1800\r\nContent-Length: 0\r\n\r\n"


class Sink(asyncio.Protocol):
    """One connection: requests with Content-Length, one after the other."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end]).lower()
            at = head.find(b"content-length:")
            if at < 0:
                raise ValueError("a push without Content-Length")
            size = end + 4 + int(head[at + 15 :].split(b"\r", 1)[0])
            if len(self._buffer) < size:
                return
            del self._buffer[:size]
            assert self._transport is not None
            self._transport.write(ANSWER)


async def main() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity") and sys.argv[1:]:
        os.sched_setaffinity(0, {int(sys.argv[1])})
    if sys.platform == "win32":
        asyncio.run(main())
    else:
        import uvloop

        uvloop.run(main())
