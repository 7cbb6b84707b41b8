"""A push service of our own on loopback that judges as strictly as Mozilla's autopush, and decrypts what it takes.

Its refusals carry autopush's HTTP status and `errno`: https://mozilla-services.github.io/autopush-rs/errors.html
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import http_ece
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

#: Salt, record size, length of the key, key.
HEADER = 86


@dataclass(frozen=True, slots=True)
class Browser:
    """A subscription with the keys that only the browser has."""

    endpoint: str
    private_key: ec.EllipticCurvePrivateKey
    auth: bytes

    def to_json(self) -> str:
        """What the browser hands to the page."""
        point = self.private_key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        keys = {"p256dh": base64url(point), "auth": base64url(self.auth)}
        return json.dumps({"endpoint": self.endpoint, "keys": keys})


@dataclass(frozen=True, slots=True)
class Shown:
    """A notification that arrived: whose, its decrypted JSON, the headers of the push."""

    browser: int
    payload: dict[str, Any]
    headers: Mapping[str, str]


class Refusal(Exception):
    """What is wrong with a push: HTTP status and autopush's errno."""

    def __init__(self, status: int, errno: int, why: str) -> None:
        self.status, self.errno = status, errno
        super().__init__(why)


@dataclass(slots=True)
class FakePush:
    """`modes`: by browser number an HTTP status, or what else happens: "hang", "drop", "drop once" (default 201)."""

    url: str = ""
    browsers: list[Browser] = field(default_factory=list)
    modes: dict[int, int | str] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)
    #: Headers that go with every refusal, e.g. Retry-After.
    more_headers: dict[str, str] = field(default_factory=dict)
    #: Longest body it takes.
    limit: int = 4096
    #: Requests so far.
    pushes: int = 0
    #: Connections that are open now.
    connections: Callable[[], int] = lambda: 0

    def subscribe(self) -> Browser:
        """A new browser."""
        number = len(self.browsers)
        browser = Browser(
            f"{self.url}/push/{number}", ec.generate_private_key(ec.SECP256R1()), bytes([number % 256]) * 16
        )
        self.browsers.append(browser)
        return browser

    async def receive(self, request: web.Request) -> web.Response:
        """POST /push/{number}."""
        self.pushes += 1
        number = int(request.match_info["number"])
        body = await request.read()
        mode = self.modes.get(number, 201)
        if mode == "drop once":
            self.modes[number] = 201
        if mode in ("drop", "drop once"):
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if mode == "hang":
            await asyncio.sleep(3600)
        if mode == 307:
            return web.Response(status=307, headers={"Location": f"{self.url}/internal"})
        if mode != 201:
            assert isinstance(mode, int)
            after = {"Retry-After": "11"} if mode == 429 else {}
            body_ = {"code": mode, "errno": 999, "message": "as told"}
            return web.json_response(body_, status=mode, headers=after | self.more_headers)
        try:
            plain = self._judge(request, number, body)
        except Refusal as error:
            return web.json_response(
                {"code": error.status, "errno": error.errno, "message": str(error)}, status=error.status
            )
        self.shown.append(Shown(number, json.loads(plain), dict(request.headers)))
        ttl = min(int(request.headers["TTL"]), 30 * 86_400)
        return web.Response(status=201, headers={"Location": f"{self.url}/m/{len(self.shown)}", "TTL": str(ttl)})

    def _judge(self, request: web.Request, number: int, body: bytes) -> bytes:
        headers = request.headers
        if number >= len(self.browsers):
            raise Refusal(404, 102, "no such endpoint")
        ttl = headers.get("TTL")
        if ttl is None:
            raise Refusal(400, 111, "TTL is missing")
        if not (ttl.isascii() and ttl.isdigit()):
            raise Refusal(400, 114, "TTL is not a number of seconds")
        topic = headers.get("Topic")
        if topic is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", topic):
            raise Refusal(400, 113, "Topic is not at most 32 characters of base64url")
        if headers.get("Urgency", "normal") not in ("very-low", "low", "normal", "high"):
            raise Refusal(400, 110, "Urgency is none of RFC 8030")
        self._judge_signature(headers.get("Authorization", ""))
        if len(body) > self.limit:
            raise Refusal(413, 104, "too large")
        if headers.get("Content-Encoding") != "aes128gcm":
            raise Refusal(400, 110, "Content-Encoding is not aes128gcm")
        if {"Crypto-Key", "Encryption"} & set(headers):
            raise Refusal(400, 110, "headers of the older draft")
        if len(body) < HEADER + 17 or body[20] != 65 or body[21] != 4:
            raise Refusal(400, 110, "the body is no aes128gcm record with a P-256 key")
        if int.from_bytes(body[16:20], "big") < 18:
            raise Refusal(400, 110, "record size")
        browser = self.browsers[number]
        try:
            return bytes(
                http_ece.decrypt(body, private_key=browser.private_key, auth_secret=browser.auth, version="aes128gcm")
            )
        except (ValueError, http_ece.ECEException) as error:
            raise Refusal(400, 110, f"the browser could not read it: {error}") from error

    def _judge_signature(self, authorization: str) -> None:
        """VAPID (RFC 8292): scheme, form, signature, audience, expiry, contact."""
        scheme, _, rest = authorization.partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
        if scheme.lower() != "vapid" or parts.keys() != {"t", "k"}:
            raise Refusal(401, 109, "Authorization is not vapid t=...,k=...")
        try:
            head, claims, signature = parts["t"].split(".")
            if json.loads(unbase64url(head)) | {"typ": "JWT"} != {"typ": "JWT", "alg": "ES256"}:
                raise Refusal(401, 109, "the token is not ES256")
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unbase64url(parts["k"]))
            raw = unbase64url(signature)
            pair = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
            key.verify(pair, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
            said = json.loads(unbase64url(claims))
        except (ValueError, binascii.Error, InvalidSignature) as error:
            raise Refusal(401, 109, f"signature: {error}") from error
        if said.get("aud") != self.url:
            raise Refusal(401, 109, "aud is not our origin")
        if not isinstance(said.get("exp"), int) or not time.time() < said["exp"] <= time.time() + 86_400:
            raise Refusal(401, 109, "exp is past or more than a day away")
        if not re.fullmatch(r"(mailto:[^@\s]+@[^@\s]+|https://\S+)", str(said.get("sub", ""))):
            raise Refusal(401, 109, "sub is no way to reach anybody")


@asynccontextmanager
async def fake_push() -> AsyncIterator[FakePush]:
    """A running push service; `.subscribe()` makes browsers."""
    fake = FakePush()
    app = web.Application()
    app.router.add_post("/push/{number}", fake.receive)
    async with _running(app) as (fake.url, runner):
        fake.connections = lambda: len(runner.server.connections) if runner.server else 0
        yield fake


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """A running website on loopback: its URL."""
    async with _running(app) as (url, _):
        yield url


@asynccontextmanager
async def _running(app: web.Application) -> AsyncIterator[tuple[str, web.AppRunner]]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", runner
    finally:
        await runner.cleanup()


def base64url(raw: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unbase64url(text: str) -> bytes:
    """Raises ValueError for anything else."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
