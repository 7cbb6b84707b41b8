"""The poller against a real server that misbehaves: nothing is lost, nothing is fetched twice, the loop goes on."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from core.clock import FixedClock
from core.db import Pool
from core.settings import load_settings
from feeds.poller import MAX_ATTEMPTS, MAX_PER_POLL, PARALLEL, StreamPoller, poll_forever
from feeds.sources.jma import FEED
from feeds.store import load_state, save_state
from tests.feed_server import Answer, FeedServer, answer, cut_short, feed_server
from tests.telegrams import body

START = datetime(2026, 8, 31, 18, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SHORT, LONG = "/feed/eqvol.xml", "/feed/eqvol_l.xml"
FLASH = "20260831181640_0_VXSE51_010000.xml"
FULL = "20260831181840_0_VXSE53_010000.xml"


class Scene:
    """One stream, its fake host, a clock that stands still, and a database."""

    def __init__(self, db: Pool, host: FeedServer, session: aiohttp.ClientSession, **settings: Any) -> None:
        self.db, self.host, self.session = db, host, session
        self.clock = FixedClock(START)
        self.settings = load_settings({}, jma_feed_url=host.feed_url, contact="ops@daijobu.example", **settings)
        self.poller = self.restart()

    def restart(self) -> StreamPoller:
        """The process starts anew: memory is gone, the database stays."""
        self.poller = StreamPoller(self.db, self.settings, self.clock, self.session, FEED, FEED.streams[0])
        return self.poller

    def publish(self, name: str = FULL, sample: str = "vxse53_first_not_received.xml") -> str:
        return self.host.put(name, body(sample), self.clock.now())

    async def types(self) -> list[str]:
        rows = await self.db.fetch("SELECT type FROM report WHERE state <> 'unreadable' ORDER BY type")
        return [row["type"] for row in rows]

    async def heard(self) -> None:
        """The first, long reading is done."""
        assert (await self.poller.poll_once()).long
        self.host.seen.clear()


@pytest.fixture
async def host() -> AsyncIterator[FeedServer]:
    async with feed_server() as fake:
        yield fake


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as client:
        yield client


@pytest.fixture
def scene(db: Pool, host: FeedServer, session: aiohttp.ClientSession) -> Scene:
    return Scene(db, host, session)


async def test_first_start_reads_the_long_list_then_the_short_one(scene: Scene) -> None:
    scene.publish(FLASH, "vxse51_flash.xml")
    first = await scene.poller.poll_once()
    assert (first.long, first.error, len(first.stored)) == (True, None, 1)
    scene.clock.advance(MINUTE)
    scene.publish()
    second = await scene.poller.poll_once()
    assert (second.long, len(second.stored)) == (False, 1)
    assert await scene.types() == ["VXSE51", "VXSE53"]
    assert scene.host.paths() == [LONG, f"/data/{FLASH}", SHORT, f"/data/{FULL}"]


async def test_a_gap_reads_the_long_list_again(scene: Scene) -> None:
    await scene.heard()
    scene.clock.advance(7 * MINUTE)
    assert not (await scene.poller.poll_once()).long
    scene.clock.advance(9 * MINUTE)
    assert (await scene.poller.poll_once()).long


async def test_a_quick_restart_needs_only_the_short_list(scene: Scene) -> None:
    await scene.heard()
    scene.clock.advance(MINUTE)
    assert not (await scene.restart().poll_once()).long


async def test_validators_are_sent_and_unchanged_costs_nothing(scene: Scene) -> None:
    scene.publish()
    await scene.heard()
    await scene.poller.poll_once()
    scene.host.seen.clear()
    result = await scene.poller.poll_once()
    assert result.unchanged
    (path, headers), *_ = scene.host.seen
    assert path == SHORT
    assert headers["If-None-Match"] and headers["If-Modified-Since"] == "Tue, 01 Sep 2026 00:00:00 GMT"
    assert "ops@daijobu.example" in headers["User-Agent"]
    assert len(scene.host.seen) == 1


async def test_the_same_list_with_200_is_unchanged_too(scene: Scene) -> None:
    scene.host.validators = False
    scene.publish()
    await scene.heard()
    await scene.poller.poll_once()
    scene.host.seen.clear()
    assert (await scene.poller.poll_once()).unchanged
    assert scene.host.paths() == [SHORT]


async def test_a_body_is_fetched_once_even_after_a_restart_and_in_both_lists(scene: Scene) -> None:
    scene.publish()
    await scene.poller.poll_once()
    await scene.poller.poll_once()
    scene.restart()
    scene.clock.advance(20 * MINUTE)
    assert (await scene.poller.poll_once()).long
    assert scene.host.paths("/data/") == [f"/data/{FULL}"]


async def test_unwanted_types_are_not_fetched(scene: Scene) -> None:
    scene.host.put("20260831181840_0_VPWS50_010000.xml", b"heavy", START)
    scene.host.put("20260831181840_0_VXSE60_010000.xml", b"note", START)
    assert (await scene.poller.poll_once()).stored == ()
    assert scene.host.paths("/data/") == []


async def test_a_missing_body_is_tried_again_until_it_is_there(scene: Scene) -> None:
    await scene.heard()
    scene.publish()
    scene.host.faults[f"/data/{FULL}"] = [answer(404)] * 2
    for _ in range(2):
        result = await scene.poller.poll_once()
        assert result.stored == () and "404" in str(result.error)
        scene.clock.advance(MINUTE)
    result = await scene.poller.poll_once()
    assert (len(result.stored), result.error) == (1, None)


async def test_a_body_still_missing_survives_a_restart(scene: Scene) -> None:
    await scene.heard()
    scene.publish()
    scene.host.faults[f"/data/{FULL}"] = [answer(404)]
    await scene.poller.poll_once()
    result = await scene.restart().poll_once()
    assert len(result.stored) == 1  # the list was asked for without validators


async def test_a_body_that_comes_half_an_hour_late_is_still_taken(scene: Scene) -> None:
    """A cache may keep the "not found" of a body that was listed too early."""
    await scene.heard()
    scene.publish()
    scene.host.faults[f"/data/{FULL}"] = [answer(404)] * (MAX_ATTEMPTS - 1)
    for _ in range(40):
        await scene.poller.poll_once()
        scene.clock.advance(MINUTE)
    assert await scene.types() == ["VXSE53"]


async def test_a_long_list_that_is_broken_keeps_nobody_from_the_short_one(scene: Scene) -> None:
    scene.host.faults[LONG] = [answer(404), answer(200, b"<html/>")]
    scene.publish()
    assert (await scene.poller.poll_once()).error is not None
    assert len((await scene.poller.poll_once()).stored) == 1
    for _ in range(11):
        scene.clock.advance(MINUTE)
        await scene.poller.poll_once()
    # Tried again every five minutes, until it can be read.
    assert scene.host.paths("/feed/").count(LONG) == 3
    assert (await load_state(scene.db, "jma.eqvol")).long_read_at == START + 10 * MINUTE


async def test_a_body_that_never_comes_is_given_up_and_named(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    await scene.heard()
    url = scene.publish()
    scene.publish(FLASH, "vxse51_flash.xml")
    del scene.host.bodies[f"/data/{FULL}"]
    for _ in range(40):
        await scene.poller.poll_once()
        scene.clock.advance(MINUTE)
    assert scene.host.paths("/data/").count(f"/data/{FULL}") == MAX_ATTEMPTS
    assert await scene.types() == ["VXSE51"]
    assert f"gave up on {url}" in caplog.text


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (answer(200, b"<html>Sorry</html>"), "not a JMA Report"),
        (answer(200, body("vxse53_first_not_received.xml")[:700]), "not well-formed"),
        (cut_short(body("vxse53_first_not_received.xml")), ""),
        (answer(200, gzip.compress(body("vxse53_first_not_received.xml"))[:300], Content_Encoding="gzip"), "early"),
        (answer(200, b"no gzip", Content_Encoding="gzip"), "damaged"),
        (answer(200, b"x", Content_Encoding="br"), "encoding"),
        (answer(302, Location="http://169.254.169.254/latest/meta-data"), "redirect"),
        (answer(200, b" " * 10_000_000), "larger than"),
        (answer(200, gzip.compress(b"\0" * 50_000_000), Content_Encoding="gzip"), "larger than"),
        (answer(200, b""), "empty"),
    ],
    ids=["html", "half", "cut", "gzip-cut", "gzip-bad", "brotli", "redirect", "10MB", "bomb", "empty"],
)
async def test_a_bad_body_is_named_and_the_good_one_comes_next_time(scene: Scene, fault: Answer, says: str) -> None:
    await scene.heard()
    scene.publish()
    scene.host.faults[f"/data/{FULL}"] = [fault]
    bad = await scene.poller.poll_once()
    assert bad.error is not None and says in bad.error
    assert await scene.types() == []
    good = await scene.poller.poll_once()
    assert good.error is None
    assert await scene.types() == ["VXSE53"]


async def test_gzip_is_understood(scene: Scene) -> None:
    scene.publish()
    raw = body("vxse53_first_not_received.xml")
    scene.host.faults[f"/data/{FULL}"] = [answer(200, gzip.compress(raw), Content_Encoding="gzip")]
    assert (await scene.poller.poll_once()).error is None
    assert await scene.db.fetchval("SELECT body FROM report") == raw


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (answer(200, b"<html>Maintenance</html>"), "not an Atom feed"),
        (answer(200, b""), "empty"),
        (answer(301, Location="/elsewhere"), "redirect"),
        (answer(404), "404"),
        (cut_short(b"<feed>" * 500), ""),
    ],
    ids=["html", "empty", "redirect", "404", "cut"],
)
async def test_a_bad_list_is_shown_and_the_next_poll_recovers(scene: Scene, fault: Answer, says: str) -> None:
    await scene.heard()
    before = await load_state(scene.db, "jma.eqvol")
    scene.publish()
    scene.clock.advance(MINUTE)
    scene.host.faults[SHORT] = [fault]
    result = await scene.poller.poll_once()
    assert result.error is not None and says in result.error
    state = await load_state(scene.db, "jma.eqvol")
    assert (state.error, state.error_at) == (result.error, START + MINUTE)
    assert state.last_heard_at == before.last_heard_at  # silence is not hearing
    assert (await scene.poller.poll_once()).error is None
    assert (await load_state(scene.db, "jma.eqvol")).error is None
    assert await scene.types() == ["VXSE53"]


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_a_refusal_is_obeyed(scene: Scene, status: int) -> None:
    await scene.heard()
    scene.publish()
    scene.host.faults[SHORT] = [answer(status, Retry_After="120")]
    assert str(status) in str((await scene.poller.poll_once()).error)
    scene.host.seen.clear()
    scene.clock.advance(timedelta(seconds=119))
    assert (await scene.poller.poll_once()).skipped is not None
    assert (await scene.restart().poll_once()).skipped is not None
    assert scene.host.seen == []
    scene.clock.advance(timedelta(seconds=1))
    assert len((await scene.poller.poll_once()).stored) == 1


async def test_a_refused_body_stops_the_round_and_comes_later(scene: Scene) -> None:
    await scene.heard()
    scene.publish()
    scene.host.faults[f"/data/{FULL}"] = [answer(503)]
    await scene.poller.poll_once()
    assert (await scene.poller.poll_once()).skipped is not None
    scene.clock.advance(MINUTE)
    assert len((await scene.poller.poll_once()).stored) == 1


async def test_a_body_that_is_always_refused_does_not_hold_up_the_others(scene: Scene) -> None:
    await scene.heard()
    scene.publish()
    scene.host.faults[f"/data/{FULL}"] = [answer(403)] * 12
    for number in range(45):
        if number == 40:
            scene.publish(FLASH, "vxse51_flash.xml")
        scene.clock.advance(MINUTE)
        await scene.poller.poll_once()
    assert await scene.types() == ["VXSE51"]
    assert len(scene.host.paths(f"/data/{FULL}")) <= MAX_ATTEMPTS + 2
    del scene.host.faults[f"/data/{FULL}"]
    for _ in range(20):
        scene.clock.advance(MINUTE)
        await scene.poller.poll_once()
    assert await scene.types() == ["VXSE51", "VXSE53"]


async def test_slow_bodies_do_not_keep_us_from_the_list(scene: Scene) -> None:
    """Longer than one interval nothing newer waits behind the bodies that a slow server still owes us."""
    quick = Scene(scene.db, scene.host, scene.session, eqvol_every_s=0.01)
    for number in range(3 * PARALLEL):
        name = f"2026083118{number:04d}_0_VXSE53_010000.xml"
        scene.host.put(name, body("vxse53_cancel.xml") + b"\n" * number, START - MINUTE)

        async def slowly(request: web.Request, name: str = name) -> web.Response:
            await asyncio.sleep(0.05)
            return web.Response(body=scene.host.bodies[f"/data/{name}"])

        scene.host.faults[f"/data/{name}"] = [slowly]
    assert len((await quick.poller.poll_once()).stored) == PARALLEL
    scene.publish(FLASH, "vxse51_flash.xml")
    scene.host.seen.clear()
    assert len((await quick.poller.poll_once()).stored) == PARALLEL
    paths = scene.host.paths()
    assert paths[0] == SHORT and f"/data/{FLASH}" in paths[1 : 1 + PARALLEL]


async def test_the_byte_budget_stops_the_day_and_starts_anew(scene: Scene) -> None:
    small = Scene(scene.db, scene.host, scene.session, feed_daily_byte_budget=3000)
    small.publish(FLASH, "vxse51_flash.xml")
    await small.poller.poll_once()
    state = await load_state(small.db, "jma.eqvol")
    await save_state(small.db, "jma.eqvol", replace(state, bytes_used=3000))
    small.publish()
    assert "budget" in str((await small.poller.poll_once()).skipped)
    assert "budget" in str((await load_state(small.db, "jma.eqvol")).error)
    small.clock.advance(timedelta(hours=6))  # past 00:00 UTC
    await small.poller.poll_once()
    assert await small.types() == ["VXSE51", "VXSE53"]


async def test_bodies_left_by_the_budget_are_not_forgotten(scene: Scene) -> None:
    for number in range(6):
        scene.host.put(f"2026083118184{number}_0_VXSE53_010000.xml", body("vxse53_cancel.xml") + b"\n" * number, START)
    tight = Scene(scene.db, scene.host, scene.session, feed_daily_byte_budget=2500)
    first = await tight.poller.poll_once()
    assert 0 < len(first.stored) < 6 and "budget" in str(first.error)
    tight.settings = load_settings({}, jma_feed_url=scene.host.feed_url)
    tight.restart()
    assert len((await tight.poller.poll_once()).stored) == 6 - len(first.stored)


async def test_after_a_long_gap_new_reports_overtake_the_old_ones(scene: Scene) -> None:
    for number in range(MAX_PER_POLL + 5):
        old = body("vxse53_cancel.xml") + b"\n" * number
        scene.host.put(f"202608311{number:05d}_0_VXSE53_010000.xml", old, START - 10 * MINUTE)
    first = await scene.poller.poll_once()
    assert len(first.stored) == MAX_PER_POLL
    scene.publish(FLASH, "vxse51_flash.xml")
    scene.host.seen.clear()
    second = await scene.poller.poll_once()
    assert not second.long
    assert scene.host.paths()[:2] == [SHORT, f"/data/{FLASH}"]
    assert len(second.stored) == 6


async def test_an_entry_pointing_elsewhere_is_not_followed(scene: Scene) -> None:
    other = scene.host.base.replace("127.0.0.1", "localhost")
    scene.host.entries[LONG] = [(f"{other}/data/{FULL}", START)]
    scene.host.bodies[f"/data/{FULL}"] = body("vxse53_first_not_received.xml")
    result = await scene.poller.poll_once()
    assert "host" in str(result.error)
    assert scene.host.paths("/data/") == []


async def test_a_body_our_parser_cannot_take_is_kept(scene: Scene) -> None:
    scene.host.put(FULL, b"<Report/>", START)
    await scene.poller.poll_once()
    row = await scene.db.fetchrow("SELECT state, reason, body FROM report")
    assert (row["state"], row["body"]) == ("unreadable", b"<Report/>")
    assert FULL in row["reason"]


async def test_the_host_being_away_is_an_error_not_a_crash(db: Pool, session: aiohttp.ClientSession) -> None:
    async with feed_server() as gone:
        address = gone.feed_url
    settings = load_settings({}, jma_feed_url=address)
    poller = StreamPoller(db, settings, FixedClock(START), session, FEED, FEED.streams[0])
    assert (await poller.poll_once()).error is not None
    assert (await load_state(db, "jma.eqvol")).last_heard_at is None


async def test_newest_report_counts_all_types_and_never_the_future(scene: Scene) -> None:
    scene.host.put("20260831181840_0_VPFD51_010000.xml", b"x", START - MINUTE)
    await scene.poller.poll_once()
    assert (await load_state(scene.db, "jma.eqvol")).newest_report_at == START - MINUTE
    scene.host.put("20260831181841_0_VPFD51_010000.xml", b"x", START + timedelta(days=900))
    await scene.poller.poll_once()
    assert (await load_state(scene.db, "jma.eqvol")).newest_report_at == START


async def test_the_loop_goes_on_through_faults_and_ends_when_told(db: Pool, host: FeedServer) -> None:
    settings = load_settings({}, jma_feed_url=host.feed_url, eqvol_every_s=0.01, extra_every_s=0.01)
    clock, stop = FixedClock(START), asyncio.Event()
    host.faults[LONG] = [answer(404), cut_short(b"<feed>" * 500), answer(200, b"<html/>")]
    host.put(FULL, body("vxse53_first_not_received.xml"), START)
    host.put("20260831181840_0_VPWW55_430000.xml", body("vpww55_lifted.xml"), START, "extra.xml", "extra_l.xml")
    task = asyncio.create_task(poll_forever(db, settings, clock, stop=stop))
    while await db.fetchval("SELECT count(*) FROM event") < 2:
        assert not task.done()
        await asyncio.sleep(0.02)
    stop.set()
    await task
    assert host.paths("/data/").count(f"/data/{FULL}") == 1
    assert await db.fetchval("SELECT name FROM heartbeat WHERE name = 'poll'") == "poll"
