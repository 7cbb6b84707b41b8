"""The other end of bench/sms.py: takes messages as fast as it can read them, judges nothing, and says what Twilio says.

    python bench/_sms_sink.py CORE

Prints its port. Ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import cast

SID = "SM" + "0" * 32
ACCOUNT = "AC" + "0" * 32
#: The resource as Twilio's description of its API has it, in full: the clients read all of it.
RESOURCE = {
    "account_sid": ACCOUNT,
    "api_version": "2010-04-01",
    "body": "Mashiki: 6+ " * 12,
    "date_created": "Fri, 20 Nov 2026 03:00:30 +0000",
    "date_sent": None,
    "date_updated": "Fri, 20 Nov 2026 03:00:30 +0000",
    "direction": "outbound-api",
    "error_code": None,
    "error_message": None,
    "from": None,
    "messaging_service_sid": "MG" + "0" * 32,
    "num_media": "0",
    "num_segments": "0",
    "price": None,
    "price_unit": None,
    "sid": SID,
    "status": "accepted",
    "subresource_uris": {"media": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}/Media.json"},
    "to": "+819012345678",
    "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}.json",
}
BODY = json.dumps(RESOURCE).encode()
ANSWER = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nTwilio-Request-Id: RQ1\r\n"
    b"Twilio-Concurrent-Requests: 1\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
)


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
                raise ValueError("a message without Content-Length")
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
