"""The plainest feed host on loopback: real HTTP, lists and bodies as put there, with every fault a test asks for.

How JMA's own host behaves over time is tests/jma_server.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def atom(entries: Iterable[tuple[str, datetime]]) -> bytes:
    """An Atom list of (address of the body, time)."""
    items = "".join(
        f'<entry><title>t</title><id>{url}</id><updated>{when.isoformat()}</updated><link href="{url}"/></entry>'
        for url, when in entries
    )
    return f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>f</title>{items}</feed>'.encode()


@dataclass
class FeedServer:
    """`lists` and `bodies` are served by name; `faults` replace the answer of a path once per item, in order."""

    base: str = ""
    entries: dict[str, list[tuple[str, datetime]]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[Answer]] = field(default_factory=dict)
    validators: bool = True
    #: (path, request headers) of every request.
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def feed_url(self) -> str:
        return f"{self.base}/feed/"

    def put(self, name: str, body: bytes, when: datetime, *lists: str) -> str:
        """Publish a body under the name of a telegram, in the lists given (default eqvol, short and long)."""
        url = f"{self.base}/data/{name}"
        self.bodies[f"/data/{name}"] = body
        for each in lists or ("eqvol.xml", "eqvol_l.xml"):
            self.entries.setdefault(f"/feed/{each}", []).insert(0, (url, when))
        return url

    def paths(self, prefix: str = "/") -> list[str]:
        return [path for path, _ in self.seen if path.startswith(prefix)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.path, dict(request.headers)))
        if self.faults.get(request.path):
            return await self.faults[request.path].pop(0)(request)
        if request.path in self.bodies:
            return web.Response(body=self.bodies[request.path], content_type="application/xml")
        if request.path.startswith("/feed/"):
            body = atom(self.entries.get(request.path, []))
            etag = hashlib.sha256(body).hexdigest()[:16]
            if not self.validators:
                return web.Response(body=body)
            if request.headers.get("If-None-Match") == f'"{etag}"':
                return web.Response(status=304, headers={"ETag": f'"{etag}"'})
            return web.Response(
                body=body, headers={"ETag": f'"{etag}"', "Last-Modified": "Tue, 01 Sep 2026 00:00:00 GMT"}
            )
        return web.Response(status=404)


@asynccontextmanager
async def served(handle: Answer) -> AsyncIterator[str]:
    """A server on a free port of loopback that answers every GET with `handle`; its address without a path."""
    app = web.Application()
    app.router.add_get("/{tail:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def feed_server() -> AsyncIterator[FeedServer]:
    """A running fake on a free port."""
    fake = FeedServer()
    async with served(fake.handle) as fake.base:
        yield fake


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    """A plain answer; header names are written with underscores."""

    async def respond(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return respond


def cut_short(body: bytes) -> Answer:
    """Announces the whole body, sends half and hangs up."""

    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        assert request.transport is not None
        request.transport.close()
        return response

    return respond
