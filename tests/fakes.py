"""Providers to test against: a Twilio and a push service of our own on loopback, and a channel inside the process.

They judge what they get as strictly as the real ones: the push service decrypts every message and checks its signature.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import http_ece
from aiohttp import ClientSession, web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02
from twilio.request_validator import RequestValidator

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
    async with _served(app) as fake.url:
        yield fake


@dataclass(frozen=True, slots=True)
class Browser:
    """A subscription with the keys that only the browser has."""

    endpoint: str
    private_key: ec.EllipticCurvePrivateKey
    auth: bytes

    def to_json(self) -> str:
        point = self.private_key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        keys = {"p256dh": _base64(point), "auth": _base64(self.auth)}
        return json.dumps({"endpoint": self.endpoint, "keys": keys})


@dataclass(frozen=True, slots=True)
class Shown:
    """A notification that arrived: whose, its decrypted JSON, the headers of the push."""

    browser: int
    payload: dict[str, Any]
    headers: Mapping[str, str]


@dataclass(slots=True)
class FakePush:
    """A push service that decrypts. `modes`: HTTP status by browser number (default 201)."""

    url: str = ""
    browsers: list[Browser] = field(default_factory=list)
    modes: dict[int, int] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)

    def subscribe(self) -> Browser:
        """A new browser."""
        number = len(self.browsers)
        browser = Browser(
            f"{self.url}/push/{number}", ec.generate_private_key(ec.SECP256R1()), bytes([number % 256]) * 16
        )
        self.browsers.append(browser)
        return browser

    async def receive(self, request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        problem = self._problem(request)
        if problem:
            return web.Response(status=400, text=problem)
        status = self.modes.get(number, 201)
        if status == 307:
            return web.Response(status=307, headers={"Location": f"{self.url}/internal"})
        if status != 201:
            return web.Response(status=status, headers={"Retry-After": "11"} if status == 429 else {})
        body = await request.read()
        if len(body) > 4096:
            return web.Response(status=413)
        browser = self.browsers[number]
        plain = http_ece.decrypt(body, private_key=browser.private_key, auth_secret=browser.auth, version="aes128gcm")
        self.shown.append(Shown(number, json.loads(plain), dict(request.headers)))
        return web.Response(status=201, headers={"Location": f"{self.url}/m/{len(self.shown)}"})

    def _problem(self, request: web.Request) -> str:
        """What a strict push service (Mozilla's autopush) would refuse."""
        headers = request.headers
        if not headers.get("TTL", "").isdigit():
            return "TTL"
        if headers.get("Content-Encoding") != "aes128gcm":
            return "Content-Encoding"
        topic = headers.get("Topic", "")
        if len(topic) > 32 or not all(c.isalnum() or c in "-_" for c in topic):
            return "Topic"
        if headers.get("Urgency") not in ("very-low", "low", "normal", "high"):
            return "Urgency"
        scheme, _, rest = headers.get("Authorization", "").partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
        if scheme != "vapid" or not {"t", "k"} <= parts.keys():
            return "Authorization"
        claims = json.loads(base64.urlsafe_b64decode(parts["t"].split(".")[1] + "=="))
        if claims["aud"] != self.url:
            return "aud"
        if not time.time() < claims["exp"] <= time.time() + 86_400:
            return "exp"
        if not str(claims["sub"]).startswith(("mailto:", "https:")):
            return "sub"
        return "" if Vapid02.verify(f"vapid t={parts['t']},k={parts['k']}") else "signature"


@asynccontextmanager
async def fake_push() -> AsyncIterator[FakePush]:
    """A running fake push service; `.subscribe()` makes browsers."""
    fake = FakePush()
    app = web.Application()
    app.router.add_post("/push/{number}", fake.receive)
    async with _served(app) as fake.url:
        yield fake


@asynccontextmanager
async def _served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
