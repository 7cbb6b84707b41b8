"""A fake of P2PQuake on loopback: a WebSocket that does what a test tells it, and a history."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

#: What the server does with one connection; returning closes it.
Scene = Callable[[web.WebSocketResponse], Awaitable[None]]


@dataclass
class P2PServer:
    """`scenes` are played one per connection, in order; after them every connection is quiet."""

    base: str = ""
    scenes: list[Scene] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    #: Statuses that refuse the next connections instead of opening them.
    refusals: list[int] = field(default_factory=list)
    connections: int = 0
    asked: list[str] = field(default_factory=list)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def settings(self) -> dict[str, str]:
        """What points a poller at this server."""
        return {"p2pquake_url": f"{self.base}/v2/", "p2pquake_ws_url": f"{self.base.replace('http', 'ws', 1)}/v2/ws"}

    async def socket(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        if self.refusals:
            return web.Response(status=self.refusals.pop(0))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        scene = self.scenes.pop(0) if self.scenes else self.quiet
        playing = asyncio.ensure_future(scene(socket))
        try:
            async for _ in socket:  # answers pings, notices that the other side left
                pass
        finally:
            playing.cancel()
        return socket

    async def quiet(self, socket: web.WebSocketResponse) -> None:
        """Stay open and say nothing."""
        await self.closing.wait()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.query_string)
        return web.Response(text=json.dumps(self.history, ensure_ascii=False), content_type="application/json")


@asynccontextmanager
async def p2p_server() -> AsyncIterator[P2PServer]:
    """A running fake on a free port."""
    fake = P2PServer()
    app = web.Application()
    app.router.add_get("/v2/ws", fake.socket)
    app.router.add_get("/v2/history", fake.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        fake.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield fake
    finally:
        fake.closing.set()
        await runner.cleanup()


def sends(*frames: str | bytes, then_close: bool = False) -> Scene:
    """Send these frames; then close, or stay open."""

    async def play(socket: web.WebSocketResponse) -> None:
        for frame in frames:
            await (socket.send_str(frame) if isinstance(frame, str) else socket.send_bytes(frame))
        if then_close:
            await socket.close(code=1012)
        else:
            await asyncio.Event().wait()

    return play
