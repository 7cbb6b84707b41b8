"""The fake of JMA's host does what the stories believe: windows, editions, validators, late files, blocks, a freeze."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from core.clock import FixedClock
from feeds.atom import parse_atom
from feeds.fetch import Fetched, FetchError, fetch
from tests.jma_server import JmaServer, jma_server

START = datetime(2026, 8, 31, 18, 20, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AGENT = {"User-Agent": "Daijobu/test"}


class Reader:
    """Asks the host as the poller does."""

    def __init__(self, host: JmaServer, session: aiohttp.ClientSession, clock: FixedClock) -> None:
        self.host, self.session, self.clock = host, session, clock

    async def get(self, path: str, headers: dict[str, str] = AGENT) -> Fetched:
        url = path if path.startswith("http") else f"{self.host.feed_url}{path}"
        return await fetch(self.session, url, headers=headers, max_bytes=1_000_000, now=self.clock.now())

    async def types(self, name: str = "eqvol.xml") -> list[str]:
        """The type codes a list shows, newest first."""
        answer = await self.get(name)
        assert answer.body is not None
        return [entry.url.split("_")[-2] for entry in parse_atom(answer.body, self.host.feed_url)]


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    clock = FixedClock(START)
    async with jma_server(clock) as host, aiohttp.ClientSession() as session:
        yield Reader(host, session, clock)


async def test_a_report_shows_from_the_next_minute_on_for_ten_minutes(reader: Reader) -> None:
    reader.host.publish("VXSE51", b"<a/>")
    assert await reader.types() == []
    reader.clock.advance(timedelta(seconds=40))
    reader.host.publish("VXSE53", b"<b/>")
    assert await reader.types() == ["VXSE53", "VXSE51"]
    reader.clock.advance(9 * MINUTE)
    assert await reader.types() == ["VXSE53", "VXSE51"]
    reader.clock.advance(MINUTE)
    assert await reader.types() == []


async def test_the_long_list_is_made_by_the_hour_and_shows_days(reader: Reader) -> None:
    reader.host.publish("VXSE53", b"<b/>", in_short=False)
    reader.clock.advance(5 * MINUTE)
    assert await reader.types() == [] and await reader.types("eqvol_l.xml") == []
    reader.clock.advance(35 * MINUTE)
    assert await reader.types("eqvol_l.xml") == ["VXSE53"]
    reader.clock.advance(timedelta(days=6, hours=23))
    assert await reader.types("eqvol_l.xml") == ["VXSE53"]
    reader.clock.advance(timedelta(hours=1))
    assert await reader.types("eqvol_l.xml") == []


async def test_both_validators_are_understood(reader: Reader) -> None:
    first = await reader.get("eqvol.xml")
    assert first.etag and first.last_modified == "Mon, 31 Aug 2026 18:20:00 GMT"
    for header, value in (("If-None-Match", first.etag), ("If-Modified-Since", first.last_modified)):
        assert (await reader.get("eqvol.xml", {**AGENT, header: value})).body is None
    reader.clock.advance(MINUTE)
    assert (await reader.get("eqvol.xml", {**AGENT, "If-None-Match": first.etag})).body is not None


async def test_a_late_body_is_listed_before_it_is_there(reader: Reader) -> None:
    path = reader.host.publish("VXSE53", b"<b/>", body_later=3 * MINUTE, lists=("eqvol", "extra"))
    reader.clock.advance(MINUTE)
    assert await reader.types("eqvol.xml") == await reader.types("extra.xml") == ["VXSE53"]
    with pytest.raises(FetchError, match="404"):
        await reader.get(f"{reader.host.base}{path}")
    reader.clock.advance(2 * MINUTE)
    assert (await reader.get(f"{reader.host.base}{path}")).body == b"<b/>"
    assert reader.host.bodies_sent == [path]


async def test_no_name_and_too_much_are_blocked_until_the_day_ends(reader: Reader) -> None:
    with pytest.raises(FetchError, match="403"):
        await reader.get("eqvol.xml", {})
    reader.host.daily_limit = 100
    await reader.get("eqvol.xml")
    with pytest.raises(FetchError, match="403"):
        await reader.get("eqvol.xml")
    reader.clock.advance(timedelta(hours=21))  # past midnight in Japan
    await reader.get("eqvol.xml")


async def test_a_frozen_host_answers_as_if_nothing_were_wrong(reader: Reader) -> None:
    before = await reader.get("eqvol.xml")
    reader.host.freeze()
    reader.clock.advance(timedelta(hours=3))
    reader.host.publish("VXSE53", b"<b/>", at=reader.clock.now() - MINUTE)
    assert (await reader.get("eqvol.xml")).body == before.body
    assert await reader.types("eqvol_l.xml") == []
    reader.host.thaw()
    assert await reader.types() == ["VXSE53"]
