"""LINE's Messaging API on loopback: push with retry keys, reply, limits; and its signature over webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass(slots=True)
class LineServer:
    """What was pushed and replied, and how it answers. `mode`: "", "429", "month", "500", "lost" (takes it, then breaks
    the connection), "401"."""

    url: str = ""
    token: str = "line-token"
    secret: str = "line-secret"
    mode: str = ""
    pushed: list[dict[str, Any]] = field(default_factory=list)
    replied: list[dict[str, Any]] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)

    def sign(self, body: bytes) -> str:
        """X-Line-Signature of a webhook's body."""
        return base64.b64encode(hmac.digest(self.secret.encode(), body, hashlib.sha256)).decode()

    async def push(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.token}" or self.mode == "401":
            return _error(401, "Authentication failed. Confirm that the access token is valid.")
        if self.mode == "429":
            return _error(429, "The API rate limit has been exceeded. Try again later.")
        if self.mode == "month":
            return _error(429, "You have reached your monthly limit.")
        if self.mode == "500":
            return _error(500, "Internal error")
        key = request.headers.get("X-Line-Retry-Key", "")
        try:
            UUID(key)
        except ValueError:
            return _error(400, "Invalid retry key")
        fields = json.loads(await request.text())
        if not str(fields["to"]).startswith("U") or len(fields["to"]) != 33:
            return _error(400, "The property, 'to', in the request body is invalid")
        if not 1 <= len(fields["messages"]) <= 5 or any(_bad(one) for one in fields["messages"]):
            return _error(400, "A message (messages[0]) in the request body is invalid")
        if key in self.keys:
            headers = {"X-Line-Accepted-Request-Id": self.keys[key]}
            return _error(409, "The retry key is already accepted", headers)
        self.keys[key] = f"request-{len(self.keys) + 1}"
        self.pushed.append(fields)
        if self.mode == "lost":
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(
            {"sentMessages": [{"id": f"46{len(self.pushed):04}", "quoteToken": "q"}]},
            headers={"X-Line-Request-Id": self.keys[key]},
        )

    async def reply(self, request: web.Request) -> web.Response:
        fields = json.loads(await request.text())
        if self.mode == "500":
            return _error(500, "Internal error")
        if not fields.get("replyToken") or any(_bad(one) for one in fields["messages"]):
            return _error(400, "Invalid reply token")
        self.replied.append(fields)
        return web.json_response({"sentMessages": []})


def _bad(message: dict[str, Any]) -> bool:
    """Whether LINE would refuse a message object."""
    match message.get("type"):
        case "text":
            return not 0 < len(message["text"].encode("utf-16-le")) // 2 <= 5000
        case "flex":
            return not 0 < len(message["altText"]) <= 400 or message["contents"]["type"] != "bubble"
    return True


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"message": message}, status=status, headers=headers)


@asynccontextmanager
async def line_server() -> AsyncIterator[LineServer]:
    """LINE for one test."""
    known = LineServer()
    app = web.Application()
    app.router.add_post("/v2/bot/message/push", known.push)
    app.router.add_post("/v2/bot/message/reply", known.reply)
    server = TestServer(app)
    await server.start_server()
    known.url = str(server.make_url("")).rstrip("/")
    try:
        yield known
    finally:
        await server.close()
