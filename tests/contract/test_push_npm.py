"""Web Push against two programs of npm: a push service that is not ours takes our pushes, a sender that is not ours
sends to our strict push service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from alerts.channel import SendError, Trouble
from alerts.channels.web_push import WebPush
from alerts.push_payload import payload, topic
from alerts.vapid import load_or_make_vapid, public_key
from core.settings import Settings
from tests.node_kit import MODULES, NODE, SCRIPTS, free_port, needs_npm, node_environment
from tests.outgoing import INCIDENT, outgoing
from tests.push_server import base64url, fake_push

pytestmark = needs_npm("web-push", "web-push-testing")


@asynccontextmanager
async def web_push_testing() -> AsyncIterator[str]:
    """npm's web-push-testing on loopback: its URL."""
    port, environment = free_port(), node_environment()
    assert NODE is not None
    process = await asyncio.create_subprocess_exec(
        NODE,
        "--require",
        str(SCRIPTS / "loopback.js"),
        str(MODULES / "web-push-testing/src/bin/server.js"),
        str(port),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = await process.stdout.readline()
        assert b"running" in line, line
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.communicate()


@pytest.mark.parametrize("prepared", [False, True])
async def test_web_push_testing_reads_us(tmp_path: Path, prepared: bool) -> None:
    settings = Settings(data_dir=tmp_path, push_allow_http=True)
    push = WebPush(settings)
    key = public_key(load_or_make_vapid(settings))
    async with web_push_testing() as url, aiohttp.ClientSession() as http:

        async def ask(path: str, **fields: str) -> Any:
            async with http.post(f"{url}{path}", data=fields) as answer:
                return await answer.json() if answer.content_type == "application/json" else None

        made = (await ask("/subscribe", userVisibleOnly="true", applicationServerKey=key))["data"]
        address = json.dumps({"endpoint": made["endpoint"], "keys": made["keys"]})
        for body in ("ngắn", "dài " * 500):
            if prepared:
                push.begin_preparing()
                assert await push.prepare([address]) == 1
                push.end_preparing()
            await push.send(outgoing(address, body=body))
        async with http.post(f"{url}/get-notifications", json={"clientHash": made["clientHash"]}) as answer:
            got = (await answer.json())["data"]["messages"]
        assert got == [payload(outgoing("", body=body)).decode() for body in ("ngắn", "dài " * 500)]
        await ask(f"/expire-subscription/{made['clientHash']}")
        with pytest.raises(SendError) as caught:
            await push.send(outgoing(address))
        assert caught.value.kind is Trouble.DEAD_ADDRESS and caught.value.code == "http_410"
    await push.close()


async def test_our_push_service_takes_npm_web_push(tmp_path: Path) -> None:
    """Our judge refuses nothing that another sender does right, and does see what is wrong."""
    vapid = load_or_make_vapid(Settings(data_dir=tmp_path))
    environment = node_environment()
    assert NODE is not None
    async with fake_push() as service:
        good = [json.loads(service.subscribe().to_json()) for _ in range(2)]
        gone = {**good[0], "endpoint": f"{service.url}/push/99"}
        mixed_up = {"endpoint": good[0]["endpoint"], "keys": good[1]["keys"]}
        plan = {
            "subscriptions": [*good, gone, mixed_up],
            "public": public_key(vapid),
            "private": base64url(vapid.private_numbers().private_value.to_bytes(32, "big")),
            "topic": topic(INCIDENT),
            "payload": payload(outgoing("")).decode(),
        }
        process = await asyncio.create_subprocess_exec(
            NODE,
            str(SCRIPTS / "send.js"),
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate(json.dumps(plan).encode())
        assert json.loads(out) == [201, 201, 404, 400]
        assert [one.payload["notification"]["title"] for one in service.shown] == ["ĐỘNG ĐẤT: Mashiki"] * 2
