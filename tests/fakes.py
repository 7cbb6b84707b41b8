"""Providers to test against: a Twilio of our own on loopback that judges like the real one; a channel in-process."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, web
from twilio.request_validator import RequestValidator

from alerts.channel import ChannelKind, Channels, Outgoing, ReceiptRead, ReplyRead, Sent
from tests.push_server import served


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
    """These channels, declared like the real ones: "push" serves push contacts, all others phones."""
    kinds = {
        channel.name: ChannelKind(
            name=channel.name,
            contact="push" if channel.name == "push" else "phone",
            configured=lambda settings: True,
            make=lambda settings: FakeChannel(),
        )
        for channel in channels
    }
    return Channels(by_name={channel.name: channel for channel in channels}, kinds=kinds)


@dataclass(slots=True)
class FakeTwilio:
    """Twilio's Messages API. `mode`: ok, 429, 500, hang, lost (accepts, then drops the connection)."""

    account: str
    token: str
    mode: str = "ok"
    url: str = ""
    taken: list[dict[str, str]] = field(default_factory=list)
    #: Error number by the last four digits of To.
    codes: dict[str, int] = field(default_factory=dict)

    async def create(self, request: web.Request) -> web.StreamResponse:
        expected = "Basic " + base64.b64encode(f"{self.account}:{self.token}".encode()).decode()
        if request.headers.get("Authorization") != expected:
            return _refusal(401, 20003)
        form = {key: str(value) for key, value in (await request.post()).items()}
        if self.mode == "429":
            return web.json_response({"code": 20429, "message": "slow down"}, status=429, headers={"Retry-After": "7"})
        if self.mode == "500":
            return web.Response(status=500, text="<html>no</html>", content_type="text/html")
        if self.mode == "hang":
            await asyncio.sleep(3600)
        if code := self.codes.get(form["To"][-4:]):
            return _refusal(400, code)
        if not ("MessagingServiceSid" in form or "From" in form) or not form.get("Body"):
            return _refusal(400, 21603)
        self.taken.append(form)
        sid = f"SM{len(self.taken):032x}"
        if self.mode == "lost":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.json_response({"sid": sid, "status": "queued", "account_sid": self.account}, status=201)

    async def call_back(
        self, number: int, status: str, *, code: int | None = None, path: str | None = None, token: str | None = None
    ) -> int:
        """Tell our website what became of the message `taken[number]`, signed as Twilio signs; its HTTP answer."""
        form = self.taken[number]
        url = form["StatusCallback"] if path is None else path
        fields = {
            "MessageSid": f"SM{number + 1:032x}",
            "MessageStatus": status,
            "To": form["To"],
            "RawDlrDoneDate": "",
        }
        if code is not None:
            fields["ErrorCode"] = str(code)
        signature = RequestValidator(token or self.token).compute_signature(url, fields)
        headers = {"X-Twilio-Signature": signature}
        async with ClientSession() as session, session.post(url, data=fields, headers=headers) as answer:
            return answer.status


def _refusal(status: int, code: int) -> web.Response:
    return web.json_response({"code": code, "message": "refused", "status": status}, status=status)


@asynccontextmanager
async def fake_twilio(account: str = "AC" + "0" * 32, token: str = "secret") -> AsyncIterator[FakeTwilio]:
    """A running fake Twilio; `.url` is its base URL."""
    fake = FakeTwilio(account, token)
    app = web.Application()
    app.router.add_post(f"/2010-04-01/Accounts/{account}/Messages.json", fake.create)
    async with served(app) as fake.url:
        yield fake
