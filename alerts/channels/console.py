"""The console channel: prints each message. It stands in for SMS where no provider is configured (laptop, demo)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TextIO

from alerts.channel import ChannelKind, Outgoing, ReceiptRead, ReplyRead, Sent
from core.settings import Settings


class Console:
    """Prints one block per message: to whom (the last four digits only), in which language, the text."""

    name = "console"

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    async def send(self, message: Outgoing) -> Sent:
        # Looked up at each call: whoever redirects sys.stdout (a test, a log) gets what is printed from then on.
        stream = self._stream or sys.stdout
        head = f"--- SMS (not sent, no provider) to ...{message.address[-4:]} [{message.language}] {message.severity}"
        if message.purpose != "live":
            head += f" {message.purpose.upper()}"
        print(f"{head}\n{message.body}\n", file=stream, flush=True)
        return Sent(provider_id=f"console-{message.message_id}")

    def read_receipt(self, message_id: int, fields: Mapping[str, Any]) -> ReceiptRead | None:
        return None

    def read_reply(self, fields: Mapping[str, Any]) -> ReplyRead | None:
        return None

    async def close(self) -> None:
        return None


def _make(settings: Settings) -> Console:
    return Console()


CHANNEL = ChannelKind(
    name="console", contact="phone", configured=lambda settings: True, make=_make, stands_in_for="sms"
)
