"""The other end of a sending benchmark: takes requests as fast as it can read them, judges nothing, says one answer.

    python bench/_sink.py CORE

A process of its own: it reads the answer as one line of base64 from its standard input, prints its port, and ends when
its standard input does. `sink` starts it.
"""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import cast


@contextmanager
def sink(answer: bytes) -> Iterator[int]:
    """The port of a receiver on loopback, on the last core this process may use."""
    core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    command = [sys.executable, str(Path(__file__).resolve()), str(core)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        print(base64.b64encode(answer).decode(), file=process.stdin, flush=True)
        yield int(process.stdout.readline())
        # Closing its standard input, as leaving the block does, ends it.


class Sink(asyncio.Protocol):
    """One connection: requests with Content-Length, one after the other."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
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
                raise ValueError("a request without Content-Length")
            size = end + 4 + int(head[at + 15 :].split(b"\r", 1)[0])
            if len(self._buffer) < size:
                return
            del self._buffer[:size]
            assert self._transport is not None
            self._transport.write(self._answer)


async def serve(answer: bytes) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(Sink, answer), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    """Read the answer, then serve."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(sys.argv[1])})
    answer = base64.b64decode(sys.stdin.readline())
    if sys.platform == "win32":
        asyncio.run(serve(answer))
    else:
        import uvloop

        uvloop.run(serve(answer))


if __name__ == "__main__":
    main()
