"""The WebSocket listener against a server that misbehaves: it connects again, keeps what is real, and once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from core.clock import FixedClock
from core.db import Pool
from core.settings import load_settings
from feeds.feed import Feed
from feeds.keeper import Keeper
from feeds.listener import MAX_RUBBISH, Listener, Pauses
from feeds.poller import poll_forever
from feeds.sources.p2pquake import FEED
from feeds.store import load_state
from tests.feed_server import FeedServer, feed_server
from tests.p2p_server import P2PServer, p2p_server, sends

NOW = datetime(2026, 8, 31, 18, 20, tzinfo=UTC)
SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "feeds" / "p2pquake"
FLASH = (SAMPLES / "scale_prompt.json").read_text()
DETAIL = (SAMPLES / "detail_not_received.json").read_text()
PEERS = (SAMPLES / "peers.json").read_text()
QUICK = Pauses(first=0.01, longest=0.02, ping=5, note=0.05, idle=30, good=3600, connect=5)
#: Stays away after the first failure, so that a test can look at what was noted of it.
ONCE = replace(QUICK, first=600, longest=600)


@pytest.fixture
async def p2p() -> AsyncIterator[P2PServer]:
    async with p2p_server() as fake:
        yield fake


@asynccontextmanager
async def listening(
    db: Pool, p2p: P2PServer, pauses: Pauses = QUICK, feed: Feed = FEED, **settings: Any
) -> AsyncIterator[list[str]]:
    """A listener at work; yields what it rang for: "open" per connection, "new" per news."""
    rung: list[str] = []
    chosen = load_settings({}, **p2p.settings, **settings)
    clock = FixedClock(NOW)
    keeper = Keeper(db, clock, feed, on_new=lambda: rung.append("new"))
    stop = asyncio.Event()
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        stopping = tasks.create_task(stop.wait())
        listener = Listener(
            db, chosen, clock, session, feed, feed.pushes[0], keeper, on_open=lambda: rung.append("open"), pauses=pauses
        )
        tasks.create_task(listener.listen_forever(stopping))
        try:
            yield rung
        finally:
            stop.set()


async def until(db: Pool, sql: str) -> Any:
    """The first true value of a query."""
    while not (value := await db.fetchval(sql)):
        await asyncio.sleep(0.02)
    return value


async def error_of(db: Pool) -> str:
    return str(await until(db, "SELECT error FROM feed_state WHERE feed = 'p2pquake.ws'"))


async def test_an_item_is_kept_once_and_wakes_others(db: Pool, p2p: P2PServer) -> None:
    p2p.scenes = [sends(PEERS, FLASH, FLASH, PEERS, DETAIL)]
    async with listening(db, p2p) as rung:
        await until(db, "SELECT count(*) = 2 FROM report")
    assert rung == ["open", "new", "new"]  # the repeated one is no news
    state = await load_state(db, "p2pquake.ws")
    assert state.last_heard_at == NOW and state.error is None
    assert state.newest_report_at == datetime(2026, 8, 31, 18, 19, 2, 70_000, tzinfo=UTC)
    assert state.bytes_used > len(FLASH)


async def test_its_events_wait_for_jma(db: Pool, p2p: P2PServer) -> None:
    p2p.scenes = [sends(FLASH)]
    async with listening(db, p2p):
        await until(db, "SELECT count(*) = 1 FROM event")
    row = await db.fetchrow("SELECT source, decided_at, decide_after, received_at FROM event")
    assert tuple(row) == ("p2pquake", None, NOW + timedelta(seconds=60), NOW)


async def test_a_server_that_hangs_up_is_asked_again(db: Pool, p2p: P2PServer) -> None:
    p2p.scenes = [sends(FLASH, then_close=True), sends(then_close=True), sends(FLASH, DETAIL)]
    async with listening(db, p2p) as rung:
        await until(db, "SELECT count(*) = 2 FROM report")
    assert p2p.connections == 3
    assert rung.count("open") == 3  # each time the history is asked for what was missed
    assert rung.count("new") == 2


@pytest.mark.parametrize("status", [400, 403, 404, 502])
async def test_a_refusal_is_noted_and_is_not_hearing(db: Pool, p2p: P2PServer, status: int) -> None:
    p2p.refusals = [status]
    async with listening(db, p2p, ONCE):
        assert f"HTTP {status} instead of a WebSocket" in await error_of(db)
        assert (await load_state(db, "p2pquake.ws")).last_heard_at is None


async def test_after_a_refusal_it_is_asked_again(db: Pool, p2p: P2PServer) -> None:
    p2p.refusals = [404, 400]
    p2p.scenes = [sends(FLASH)]
    async with listening(db, p2p):
        await until(db, "SELECT count(*) = 1 FROM report")
    assert p2p.connections == 3
    assert (await load_state(db, "p2pquake.ws")).error is None


async def test_nobody_there(db: Pool, p2p: P2PServer) -> None:
    async with p2p_server() as gone:
        address = gone.settings["p2pquake_ws_url"]
    p2p.base = address.removesuffix("/v2/ws").replace("ws", "http", 1)
    async with listening(db, p2p, ONCE):
        assert address in await error_of(db)


@pytest.mark.parametrize(
    "rubbish", ["", "no json", "[]", "{}", '{"code":551}', '"' + "x" * 1000 + '"', "[" * 5000], ids=repr
)
async def test_rubbish_is_skipped_and_what_follows_is_kept(db: Pool, p2p: P2PServer, rubbish: str) -> None:
    p2p.scenes = [sends(rubbish, rubbish, FLASH)]
    async with listening(db, p2p):
        await until(db, "SELECT count(*) = 1 FROM report WHERE state = 'parsed'")
    assert p2p.connections == 1


async def test_nothing_but_rubbish_is_left(db: Pool, p2p: P2PServer) -> None:
    p2p.scenes = [sends(*["rubbish"] * (MAX_RUBBISH + 5), FLASH)]
    async with listening(db, p2p, ONCE):
        assert f"{MAX_RUBBISH} frames could not be read" in await error_of(db)
    assert await db.fetchval("SELECT count(*) FROM report") == 0


async def test_a_huge_frame_ends_the_connection(db: Pool, p2p: P2PServer) -> None:
    p2p.scenes = [sends("x" * 2_000_000), sends(FLASH)]
    async with listening(db, p2p):
        await until(db, "SELECT count(*) = 1 FROM report")
    assert p2p.connections == 2


async def test_bytes_that_are_no_text(db: Pool, p2p: P2PServer) -> None:
    p2p.scenes = [sends(b"\xff\xfe\x00", b"\x00" * 1000, FLASH.encode())]
    async with listening(db, p2p):
        await until(db, "SELECT count(*) = 1 FROM report")


async def test_a_flood_is_left(db: Pool, p2p: P2PServer) -> None:
    narrow = replace(FEED, pushes=(replace(FEED.pushes[0], max_frames_per_minute=50),))
    p2p.scenes = [sends(*[PEERS] * 200)]
    async with listening(db, p2p, ONCE, feed=narrow):
        assert "more than 50 frames in a minute" in await error_of(db)


async def test_a_silent_line_is_left_after_a_while(db: Pool, p2p: P2PServer) -> None:
    async with listening(db, p2p, replace(ONCE, idle=0.1)):
        assert "nothing came for" in await error_of(db)


async def test_a_dead_line_is_noticed_by_its_missing_pong(db: Pool, p2p: P2PServer) -> None:
    async def deaf(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        await p2p.closing.wait()
        return socket

    app = web.Application()
    app.router.add_get("/v2/ws", deaf)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    p2p.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with listening(db, p2p, replace(ONCE, ping=0.2)):
            assert await error_of(db)
    finally:
        p2p.closing.set()
        await runner.cleanup()


async def test_the_byte_budget_holds_for_it_too(db: Pool, p2p: P2PServer) -> None:
    p2p.scenes = [sends(FLASH, then_close=True)]
    async with listening(db, p2p, feed_daily_byte_budget=100):
        await until(db, "SELECT error LIKE '%budget%' FROM feed_state WHERE feed = 'p2pquake.ws'")
    assert p2p.connections == 1


async def test_an_endless_stream_of_large_frames_is_left(db: Pool, p2p: P2PServer) -> None:
    narrow = replace(FEED, pushes=(replace(FEED.pushes[0], max_bytes_per_minute=100_000),))
    p2p.scenes = [sends(*[PEERS + " " * 10_000] * 20)]
    async with listening(db, p2p, ONCE, feed=narrow):
        assert "more than 100000 bytes in a minute" in await error_of(db)


async def test_more_reports_than_any_quake_brings_are_left_to_the_history(db: Pool, p2p: P2PServer) -> None:
    narrow = replace(FEED, pushes=(replace(FEED.pushes[0], max_items_per_minute=3),))
    flash = json.loads(FLASH)
    p2p.scenes = [sends(*[json.dumps(flash | {"id": f"invented-{number}"}) for number in range(20)])]
    async with listening(db, p2p, ONCE, feed=narrow):
        assert "more than 3 reports in a minute" in await error_of(db)
    assert await db.fetchval("SELECT count(*) FROM report") == 3


@pytest.fixture
async def jma() -> AsyncIterator[FeedServer]:
    async with feed_server() as fake:
        yield fake


async def test_all_together(db: Pool, p2p: P2PServer, jma: FeedServer) -> None:
    """Two ways bring the same item and one report is kept; JMA is asked at once; what is switched off has no state."""
    await db.execute("INSERT INTO feed_state (feed) VALUES ('cap.retired.alerts')")
    detail = json.loads(DETAIL)
    p2p.history = [{"id": detail.pop("_id"), **detail}]
    told = asyncio.Event()

    async def later(socket: web.WebSocketResponse) -> None:
        await told.wait()
        await socket.send_str(DETAIL)
        await socket.send_str(FLASH)
        await p2p.closing.wait()

    p2p.scenes = [later]
    settings = load_settings(
        {}, jma_feed_url=jma.feed_url, eqvol_every_s=600, extra_every_s=600, other_every_s=600, **p2p.settings
    )
    stop = asyncio.Event()
    polling = asyncio.create_task(poll_forever(db, settings, FixedClock(NOW), stop=stop, min_pause_s=0.05))
    try:
        await until(db, "SELECT count(*) = 1 FROM report")
        told.set()
        await until(db, "SELECT count(*) = 2 FROM report")
        before = len(jma.paths("/feed/"))
        while len(jma.paths("/feed/")) <= max(before, 2):  # woken, long before the 600 s are over
            assert not polling.done()
            await asyncio.sleep(0.05)
    finally:
        stop.set()
        await polling
    assert "limit=100" in p2p.asked[0]
    names = {row["feed"] for row in await db.fetch("SELECT feed FROM feed_state")}
    assert names == {"jma.eqvol", "jma.extra", "p2pquake.history", "p2pquake.ws"}
    assert await db.fetchval("SELECT count(*) FROM event WHERE decide_after IS NULL") == 0
