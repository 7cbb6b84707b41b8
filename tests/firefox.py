"""A real Firefox with our own push service behind it: what it acknowledges, it has decrypted.

Debian's Firefox ESR, headless, driven by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/); the push service
speaks Firefox's own protocol (hello, register, notification, ack) on loopback, and nothing leaves the machine.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from core.web import STATIC

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
#: For `pytestmark` of a module that needs it.
needs_firefox = pytest.mark.skipif(
    FIREFOX is None and os.environ.get("CI") != "true",
    reason="no Firefox on this machine (apt-get install firefox-esr)",
)
#: What Firefox says about a push: https://searchfox.org/firefox-main/source/dom/push (PushService, kDELIVERY codes).
DECRYPTED, NOT_DECRYPTED = 100, 101
_PREFS = {
    "dom.push.connection.enabled": True,
    "dom.push.testing.allowInsecureServerURL": True,
    "permissions.default.desktop-notification": 1,
    # Whatever is not on this machine is behind a door that is shut.
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "alerts.useSystemBackend": False,
}


@dataclass(slots=True)
class Service:
    """The push service and the website in one: what Firefox acknowledged, what our service worker reported."""

    url: str = ""
    acks: list[int] = field(default_factory=list)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    #: Flip one bit of each message on its way.
    damage: bool = False
    _socket: web.WebSocketResponse | None = None

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """Firefox's own connection."""
        socket = web.WebSocketResponse(protocols=("push-notification",))
        await socket.prepare(request)
        self._socket = socket
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            said = json.loads(message.data)
            kind = said.get("messageType")
            if kind == "hello":
                hello = {"uaid": uuid4().hex, "status": 200, "use_webpush": True, "broadcasts": {}}
                await socket.send_json({"messageType": "hello", **hello})
            elif kind == "register":
                channel = said["channelID"]
                made = {"channelID": channel, "status": 200, "pushEndpoint": f"{self.url}/push/{channel}"}
                await socket.send_json({"messageType": "register", **made})
            elif kind == "ack":
                self.acks += [update.get("code", 0) for update in said["updates"]]
            elif not kind:
                await socket.send_str("{}")
        return socket

    async def push(self, request: web.Request) -> web.Response:
        """What our channel sends, handed on as it came."""
        assert self._socket is not None
        body = bytearray(await request.read())
        if self.damage:
            body[-1] ^= 1
        await self._socket.send_json(
            {
                "messageType": "notification",
                "channelID": request.match_info["channel"],
                "version": uuid4().hex,
                "data": base64.urlsafe_b64encode(body).rstrip(b"=").decode(),
                "headers": {"encoding": request.headers["Content-Encoding"]},
                "ttl": int(request.headers["TTL"]),
            }
        )
        return web.Response(status=201, headers={"Location": f"{self.url}/m/1"})

    async def receipt(self, request: web.Request) -> web.Response:
        """POST /push/receipt, as our website has it."""
        self.receipts.append(await request.json())
        return web.Response(status=204)

    async def acknowledged(self, count: int) -> list[int]:
        """Firefox's word on so many messages."""
        while len(self.acks) < count:
            await asyncio.sleep(0.02)
        return self.acks


@asynccontextmanager
async def service() -> AsyncIterator[Service]:
    """A running Service, with our service worker on its website."""
    made = Service()
    app = web.Application()

    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>t</title>", content_type="text/html")

    async def worker(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "sw.js", headers={"Content-Type": "text/javascript"})

    app.router.add_get("/", page)
    app.router.add_get("/sw.js", worker)
    app.router.add_get("/ws", made.connect)
    app.router.add_post("/push/{channel}", made.push)
    app.router.add_post("/push/receipt", made.receipt)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield made
    finally:
        await runner.cleanup()


@dataclass(slots=True)
class Bidi:
    """One WebDriver BiDi session with one window."""

    socket: aiohttp.ClientWebSocketResponse
    context: str = ""
    _number: int = 0

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command; its result."""
        self._number += 1
        await self.socket.send_json({"id": self._number, "method": method, "params": params})
        while True:
            answer = json.loads((await self.socket.receive()).data)
            if answer.get("id") == self._number:
                assert answer["type"] == "success", answer
                result: dict[str, Any] = answer["result"]
                return result

    async def run(self, script: str) -> Any:
        """The text to which an asynchronous function's body comes."""
        target = {"context": self.context}
        expression = f"(async () => {{ {script} }})()"
        found = await self.call("script.evaluate", expression=expression, target=target, awaitPromise=True)
        assert found["type"] == "success", found
        return found["result"].get("value")


@asynccontextmanager
async def firefox(behind: Service) -> AsyncIterator[Bidi]:
    """A headless Firefox whose push service is `behind`, with one window on its website."""
    assert FIREFOX is not None, "CI needs Firefox: apt-get install firefox-esr"
    profile = Path(tempfile.mkdtemp(prefix="daijobu-firefox-"))
    prefs = _PREFS | {"dom.push.serverURL": behind.url.replace("http", "ws", 1) + "/ws"}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in prefs.items()]
    (profile / "user.js").write_text("\n".join(lines), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        FIREFOX,
        "--headless",
        "--no-remote",
        "--profile",
        str(profile),
        "--remote-debugging-port",
        "0",
        "about:blank",
        env={**os.environ, "HOME": str(profile), "MOZ_CRASHREPORTER_DISABLE": "1"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        while not (found := re.search(rb"BiDi listening on (ws://\S+)", line := await process.stderr.readline())):
            assert line, "Firefox ended"
        drained = asyncio.create_task(process.stderr.read())
        async with aiohttp.ClientSession() as http, http.ws_connect(f"{found[1].decode()}/session") as socket:
            session = Bidi(socket)
            await session.call("session.new", capabilities={})
            session.context = (await session.call("browsingContext.getTree"))["contexts"][0]["context"]
            await session.call("browsingContext.navigate", context=session.context, url=behind.url, wait="complete")
            yield session
        process.terminate()
        await drained
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        shutil.rmtree(profile, ignore_errors=True)


async def subscribe(browser: Bidi, key: str) -> str:
    """Our service worker registered, notifications on; the subscription as JSON."""
    found: str = await browser.run(
        f"""await navigator.serviceWorker.register("/sw.js", {{ scope: "/" }});
        const ready = await navigator.serviceWorker.ready;
        const key = Uint8Array.from(atob({json.dumps(key)}.replace(/-/g, "+").replace(/_/g, "/")), (c) =>
        c.charCodeAt(0)); const made = await ready.pushManager.subscribe({{ userVisibleOnly: true, applicationServerKey:
        key }}); return JSON.stringify(made);"""
    )
    return found


async def notifications(browser: Bidi) -> list[dict[str, Any]]:
    """What is shown: title, body and language."""
    text = await browser.run(
        """const ready = await navigator.serviceWorker.ready;
        const shown = await ready.getNotifications();
        return JSON.stringify(shown.map((one) => ({ title: one.title, body: one.body, lang: one.lang })));"""
    )
    found: list[dict[str, Any]] = json.loads(text)
    return found
