"""A channel inside the process, to test against. Twilio: twilio_server.py; a push service: push_server.py."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from alerts.channel import ChannelKind, Channels, Outgoing, ReceiptRead, ReplyRead, Sent


class FakeChannel:
    """Takes messages inside the process. Fails as told: `errors` are raised one after the other, per address or "*"."""

    def __init__(self, name: str = "sms", *, delay_s: float = 0.0) -> None:
        self.name = name
        self.delay_s = delay_s
        self.taken: list[Outgoing] = []
        self.errors: dict[str, list[Exception]] = {}
        #: Cleared: messages wait inside `send` until it is set.
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = 0

    async def send(self, message: Outgoing) -> Sent:
        self.waiting += 1
        try:
            await self.gate.wait()
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            for key in (message.address, "*"):
                if self.errors.get(key):
                    raise self.errors[key].pop(0)
        finally:
            self.waiting -= 1
        self.taken.append(message)
        return Sent(f"fake-{message.message_id}")

    def read_receipt(self, message_id: int, fields: Mapping[str, Any]) -> ReceiptRead | None:
        return None

    def read_reply(self, fields: Mapping[str, Any]) -> ReplyRead | None:
        return None

    async def close(self) -> None:
        return None


def fake_channels(*channels: FakeChannel) -> Channels:
    """These channels, declared like the real ones: push, e-mail, LINE serve their own contacts, all others phones."""
    kinds = {
        channel.name: ChannelKind(
            name=channel.name,
            contact=channel.name if channel.name in ("push", "email", "line") else "phone",
            configured=lambda settings: True,
            make=lambda settings: FakeChannel(),
        )
        for channel in channels
    }
    return Channels(by_name={channel.name: channel for channel in channels}, kinds=kinds)
