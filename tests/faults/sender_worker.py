"""A send worker in a process of its own, for tests that kill it. Its provider writes each accepted message to a file.

Arguments: DSN, file, slots. One line per message, by one unbuffered append: what stands in the file was accepted.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any

from alerts.channel import Outgoing, ReceiptRead, ReplyRead, Sent
from alerts.outbox import send_forever
from core.clock import FixedClock
from core.db import connect
from tests.alerts_kit import NOON, wires
from tests.fakes import FakeChannel, fake_channels


class LoggingChannel(FakeChannel):
    """Accepts a message after a moment, by writing it down."""

    def __init__(self, file: str) -> None:
        super().__init__("sms")
        self._descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    async def send(self, message: Outgoing) -> Sent:
        await asyncio.sleep(0.005)
        os.write(self._descriptor, f"{message.message_id}\n".encode())
        await asyncio.sleep(0.005)
        return Sent(f"logged-{message.message_id}")

    def read_receipt(self, message_id: int, fields: Mapping[str, Any]) -> ReceiptRead | None:
        return None

    def read_reply(self, fields: Mapping[str, Any]) -> ReplyRead | None:
        return None


async def main(dsn: str, file: str, slots: int) -> None:
    pool = await connect(dsn, size=4)
    channels = fake_channels(LoggingChannel(file))
    # The lease is ten times the provider's time limit: short here, so that the test does not wait for it.
    async with wires(
        pool, dsn, channels=channels, clock=FixedClock(NOON), send_in_flight=slots, send_timeout_s=0.3
    ) as deps:
        await send_forever(deps, asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
