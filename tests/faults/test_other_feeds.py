"""USGS, CAP and P2PQuake's history through the real poller, from a host that renews, repeats and redirects."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from core.clock import FixedClock
from core.db import Pool
from core.settings import Settings, load_settings
from feeds.known import feeds_for, streams_for
from feeds.store import load_state
from feeds.stream_poller import StreamPoller
from tests.feed_server import FeedServer, answer, feed_server

NOW = datetime(2026, 8, 31, 18, 40, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "feeds"
FLOOD = (SAMPLES / "cap" / "flood_polygon.xml").read_text()
SUMMARY, HISTORY, INDEX = "/usgs.geojson", "/v2/history", "/rss.xml"


@pytest.fixture
async def host() -> AsyncIterator[FeedServer]:
    async with feed_server() as fake:
        yield fake


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as client:
        yield client


class Scene:
    """One stream of one feed, its host and a clock that stands still."""

    def __init__(self, db: Pool, host: FeedServer, session: aiohttp.ClientSession, stream: str) -> None:
        self.db, self.host, self.clock = db, host, FixedClock(NOW)
        self.settings: Settings = load_settings(
            {},
            jma_feed_url=host.feed_url,
            usgs_url=host.base + SUMMARY,
            p2pquake_url=f"{host.base}/v2/",
            cap_feeds=f"rivers={host.base}{INDEX}",
        )
        (self.poller,) = [
            StreamPoller(db, self.settings, self.clock, session, feed, each)
            for feed in feeds_for(self.settings)
            for each in streams_for(feed, self.settings)
            if f"{feed.name}.{each.name}" == stream
        ]

    async def poll(self, fault: Any = None) -> Any:
        self.clock.advance(MINUTE)
        return await self.poller.poll_once()

    async def rows(self, columns: str = "type, thread, message_type") -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.db.fetch(f"SELECT {columns} FROM event ORDER BY id")]  # noqa: S608


def summary(updated: int = 1788200990040, generated: int = 1788201000000, **properties: Any) -> bytes:
    data = json.loads((SAMPLES / "usgs" / "summary.json").read_text())
    data["metadata"]["generated"] = generated
    data["features"][1]["properties"] |= {"updated": updated, **properties}
    return json.dumps(data).encode()


async def test_usgs_each_revision_is_one_report(db: Pool, host: FeedServer, session: aiohttp.ClientSession) -> None:
    scene = Scene(db, host, session, "usgs.summary")
    host.bodies[SUMMARY] = summary()
    assert [len((await scene.poll()).stored) for _ in range(2)] == [1, 0]
    host.bodies[SUMMARY] = summary(generated=1788201060000)  # renewed, nothing new in it
    assert (await scene.poll()).stored == ()
    host.bodies[SUMMARY] = summary(updated=1788201070000, mag=5.2)
    assert len((await scene.poll()).stored) == 1
    rows = await scene.rows("type, thread, payload -> 'hypocenter' -> 'magnitude'")
    assert rows == [("USGS", "usgs:us7000zzyb", 4.9), ("USGS", "usgs:us7000zzyb", 5.2)]
    state = await load_state(db, "usgs.summary")
    assert state.newest_report_at == datetime(2026, 8, 31, 18, 31, 10, tzinfo=UTC)
    assert (await db.fetchval("SELECT body FROM report ORDER BY id LIMIT 1")).startswith(b'{"geometry":')


async def test_usgs_a_quake_that_gets_another_id_stays_one_thread(
    db: Pool, host: FeedServer, session: aiohttp.ClientSession
) -> None:
    scene = Scene(db, host, session, "usgs.summary")
    for number, ids in enumerate([",us7000zzyb,", ",at00000001,us7000zzyb,", ",aa00000000,at00000001,"]):
        host.bodies[SUMMARY] = summary(updated=1788201070000 + number, ids=ids)
        if number == 2:  # the first id is gone
            host.bodies[SUMMARY] = host.bodies[SUMMARY].replace(b'"id": "us7000zzyb"', b'"id": "aa00000000"')
        assert (await scene.poll()).error is None
    assert await scene.rows("thread") == [("usgs:us7000zzyb",)] * 3


async def test_a_restart_stores_nothing_twice(db: Pool, host: FeedServer, session: aiohttp.ClientSession) -> None:
    host.bodies[SUMMARY] = summary()
    for _ in range(2):
        await Scene(db, host, session, "usgs.summary").poll()
    assert await db.fetchval("SELECT count(*) FROM report") == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>Sorry</html>", "markup"),
        (summary()[:300], "not JSON"),
        (summary().decode().encode("utf-16"), "UTF-8"),
        (b"[]", "FeatureCollection"),
        (b" " * 31_000_000, "larger than"),
    ],
    ids=["nothing", "html", "half", "utf-16", "list", "31 MB"],
)
async def test_a_bad_summary_is_named_and_the_next_one_read(
    db: Pool, host: FeedServer, session: aiohttp.ClientSession, body: bytes, says: str
) -> None:
    scene = Scene(db, host, session, "usgs.summary")
    host.bodies[SUMMARY] = body
    assert says in str((await scene.poll()).error)
    assert (await load_state(db, "usgs.summary")).last_heard_at is None
    host.bodies[SUMMARY] = summary()
    assert (await scene.poll()).error is None


async def test_the_history_fills_a_gap_and_a_damaged_item_hides_nothing(
    db: Pool, host: FeedServer, session: aiohttp.ClientSession
) -> None:
    scene = Scene(db, host, session, "p2pquake.history")
    items = [json.loads(path.read_text()) for path in sorted((SAMPLES / "p2pquake").glob("*.json"))]
    now = f"{NOW + timedelta(hours=9):%Y/%m/%d %H:%M:%S}"
    host.bodies[HISTORY] = json.dumps([item | {"time": now} for item in items] + [{"code": "x"}]).encode()
    first = await scene.poll()
    assert first.long and "code is missing" in str(first.error)
    assert len(first.stored) == len(items) - 1  # 555 is not kept
    assert await db.fetchval("SELECT count(*) FROM event WHERE decide_after = received_at + interval '60 s'") == 6
    assert (await scene.poll()).stored == ()


def rss(host: FeedServer, path: str = "/cap/1.xml", minute: int = 0) -> bytes:
    return f"""<rss version="2.0"><channel><item><title>t</title>
      <enclosure type="application/cap+xml" url="{host.base}{path}"/>
      <pubDate>Mon, 31 Aug 2026 18:{minute:02d}:00 GMT</pubDate></item></channel></rss>""".encode()


async def test_cap_alerts_are_fetched_again_when_the_index_says_so(
    db: Pool, host: FeedServer, session: aiohttp.ClientSession
) -> None:
    scene = Scene(db, host, session, "cap.rivers.alerts")
    host.bodies |= {INDEX: rss(host), "/cap/1.xml": FLOOD.encode()}
    assert len((await scene.poll()).stored) == 1
    host.bodies["/cap/1.xml"] = FLOOD.replace("<msgType>Alert", "<msgType>Update").encode()
    assert (await scene.poll()).stored == ()
    host.bodies[INDEX] = rss(host, minute=30)
    assert len((await scene.poll()).stored) == 1
    thread = "cap.rivers:Actual:warnings@rivers.example,flood-2026-0901-1"
    assert await scene.rows() == [("CAP", thread, "issue"), ("CAP", thread, "update")]
    assert {row["source"] for row in await db.fetch("SELECT source FROM report")} == {"cap.rivers"}


async def test_cap_references_that_name_only_the_last_message_stay_one_thread(
    db: Pool, host: FeedServer, session: aiohttp.ClientSession
) -> None:
    scene = Scene(db, host, session, "cap.rivers.alerts")

    def message(number: int, kind: str, refers_to: int | None) -> bytes:
        refers = "" if refers_to is None else (
            f"<references>warnings@rivers.example,m{refers_to},2026-09-01T03:0{refers_to}:00+09:00</references>"
        )  # fmt: skip
        text = FLOOD.replace("flood-2026-0901-1", f"m{number}").replace("T03:00:00", f"T03:0{number}:00")
        text = text.replace("<msgType>Alert", f"<msgType>{kind}").replace("<info>", f"{refers}<info>")
        return (text[: text.index("<info>")] + "</alert>" if kind == "Cancel" else text).encode()

    for number, kind in enumerate(["Alert", "Update", "Update", "Cancel"]):
        host.bodies[INDEX] = message(number, kind, number - 1 if number else None)  # one alert is a feed as well
        assert (await scene.poll()).error is None
    thread = "cap.rivers:Actual:warnings@rivers.example,m0"
    assert await scene.rows("thread, hazard, message_type") == [
        (thread, "river_flood", kind) for kind in ("issue", "update", "update", "cancel")
    ]


async def test_a_redirect_is_followed_on_the_feeds_own_host_only(
    db: Pool, host: FeedServer, session: aiohttp.ClientSession
) -> None:
    scene = Scene(db, host, session, "cap.rivers.alerts")
    host.bodies |= {"/moved.xml": rss(host), "/cap/2.xml": FLOOD.encode()}
    host.faults = {INDEX: [answer(301, Location="/moved.xml")], "/cap/1.xml": [answer(302, Location="/cap/2.xml")]}
    assert len((await scene.poll()).stored) == 1
    elsewhere = host.base.replace("127.0.0.1", "localhost")
    host.faults = {INDEX: [answer(301, Location=f"{elsewhere}/moved.xml")]}
    assert f"redirect to {elsewhere}" in str((await scene.poll()).error)
    host.faults = {INDEX: [answer(302, Location=INDEX) for _ in range(9)]}
    assert "more than 3 redirects" in str((await scene.poll()).error)


async def test_an_error_page_instead_of_an_alert(db: Pool, host: FeedServer, session: aiohttp.ClientSession) -> None:
    scene = Scene(db, host, session, "cap.rivers.alerts")
    host.bodies |= {INDEX: rss(host), "/cap/1.xml": b"<!DOCTYPE html><html>Sorry</html>"}
    assert "HTML page" in str((await scene.poll()).error)
    host.bodies["/cap/1.xml"] = FLOOD.encode()
    assert len((await scene.poll()).stored) == 1
