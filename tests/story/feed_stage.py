"""The stage of stories over the feed: JMA's host, the service's own poller, decisions and outbox, one clock in hand.

Nothing sleeps: `until` moves the clock from poll to poll at the pace of the settings.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp

from alerts.deps import Deps
from alerts.fanout import decide_once
from core.clock import JST, FixedClock
from core.db import Pool
from core.model import INTENSITIES
from demo.scenario import QuakeArea, Scenario
from demo.telegrams import build_report
from feeds.poller import PollResult, StreamPoller
from feeds.sources.jma import FEED
from geo.areas import Areas
from ops.tend import tend_once
from tests.alerts_kit import SQL_WAITING, send_all, wires
from tests.fakes import FakeChannel, fake_channels
from tests.jma_server import JmaServer, jma_server
from tests.people import Person, make_place, make_resident

#: How long after the shaking JMA's reports come (measured: 92-108 s and 147-291 s).
AFTER = {"VXSE51": timedelta(seconds=99), "VXSE53": timedelta(seconds=181)}
SQL_OUTCOMES = """
SELECT e.type, e.event_ids[1] AS quake, e.outcome, e.issued_at FROM event e ORDER BY e.received_at, e.id
"""


@dataclass
class FeedStage:
    """Everything a story over the feed touches."""

    db: Pool
    deps: Deps
    clock: FixedClock
    host: JmaServer
    session: aiohttp.ClientSession
    sms: FakeChannel
    pollers: list[StreamPoller]
    results: list[PollResult]
    org: UUID | None = None

    def restart(self, *streams: str) -> None:
        """The poller's process starts anew: its memory is gone, the database stays."""
        self.pollers = [
            StreamPoller(self.db, self.deps.settings, self.clock, self.session, FEED, stream)
            for stream in FEED.streams
            if not streams or stream.name in streams
        ]

    async def poll(self, poller: StreamPoller) -> PollResult:
        """One poll, and everything that follows from it."""
        result = await poller.poll_once()
        self.results.append(result)
        if result.stored:
            await self.react()
        if result.long:
            return await self.poll(poller)  # as the loop does: the newest stands in the short list only
        return result

    async def react(self) -> None:
        """Decide, fan out and send what waits."""
        while await decide_once(self.deps):
            pass
        if await self.db.fetchval(SQL_WAITING, self.clock.now()):
            await send_all(self.deps)

    async def until(self, end: datetime) -> None:
        """Poll every stream at its own pace until `end`."""
        due = {poller: self.clock.now() for poller in self.pollers}
        while True:
            poller = min(due, key=lambda each: due[each])
            if due[poller] > end:
                break
            self.go_to(due[poller])
            await self.poll(poller)
            due[poller] += timedelta(seconds=poller.every_s)
        self.go_to(end)

    def go_to(self, when: datetime) -> None:
        """Nobody polls: the time just passes."""
        self.clock.advance(when - self.clock.now())

    async def tend(self) -> None:
        """What is due at this moment is done."""
        await tend_once(self.deps, "story")
        await self.react()

    async def lives_in(self, jis: str, language: str = "en") -> Person:
        """A person with a phone, whose home is in this municipality."""
        codes = tuple((code.scheme, code.code) for code in AREAS.codes_for_jis(jis))
        place = await make_place(self.db, codes, label=AREAS.name("jis", jis))
        return await make_resident(self.db, self.org, language=language, home_place_id=place)

    def sms_to(self, person: Person) -> list[str]:
        """The texts this person's phone got, in order."""
        return [message.body for message in self.sms.taken if message.address == person.phone]

    def shake(self, scenario: Scenario, *, types: tuple[str, ...] = ("VXSE51", "VXSE53"), **how: Any) -> list[str]:
        """JMA will report this quake: its telegrams, at the times it takes."""
        times = dict(scenario.reports)
        paths = []
        strongest = max(INTENSITIES.index(area.max) for area in scenario.quake_areas)
        for kind in types:
            if kind == "VXSE51" and strongest < INTENSITIES.index("3"):
                continue  # JMA makes none of what was hardly felt
            telegram = build_report(scenario, kind, scenario.occurred_at)
            title = {"VXSE51": "震度速報", "VXSE53": "震源・震度に関する情報"}[kind]
            paths.append(self.host.publish(kind, telegram, at=scenario.occurred_at + times[kind], title=title, **how))
        return paths

    async def outcomes(self) -> list[tuple[str, str, str]]:
        """(type, quake id, what came of it) of every event, in the order they came in."""
        return [(row["type"], row["quake"] or "", row["outcome"] or "") for row in await self.db.fetch(SQL_OUTCOMES)]


AREAS = Areas.load()


def quake(
    at: datetime,
    *felt: tuple[str, dict[str, list[str]]],
    magnitude: float = 4.0,
    name: str = "熊本県熊本地方",
) -> Scenario:
    """A quake at a time, by what was felt: (quake area code, {intensity: 7-digit municipality codes}) each.

    Without municipalities the intensity is the area's alone: ("741", {"5+": []}).
    """
    areas = []
    for code, cities in felt:
        area = (code, AREAS.name("jma.quake_area", code))
        named = {
            level: tuple((city, AREAS.name("jma.city", city)) for city in codes)
            for level, codes in cities.items()
            if codes
        }
        areas.append(QuakeArea(("43", "熊本県"), area, max(cities, key=INTENSITIES.index), named))
    return Scenario(
        id=f"quake-{at:%Y%m%d%H%M%S}",
        title="",
        title_ja="",
        event_id=at.astimezone(JST).strftime("%Y%m%d%H%M%S"),
        occurred_at=at,
        reports=tuple(AFTER.items()),
        hypocenter={"name": name, "code": "741", "lat": 32.7, "lon": 130.8, "depth_km": 10, "magnitude": magnitude},
        comments={"forecast": ["0215"], "variable": ["0262"]},
        quake_areas=tuple(areas),
    )


def retimed(telegram: bytes, at: datetime) -> bytes:
    """The telegram as if it had been sent at `at`; everything else as it was."""
    text = telegram.decode()
    text = re.sub(r"<DateTime>[^<]*", f"<DateTime>{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", text)
    minute = at.astimezone(JST).replace(second=0, microsecond=0).isoformat()
    return re.sub(r"<(Report|Target)DateTime>[^<]*", rf"<\1DateTime>{minute}", text).encode()


@asynccontextmanager
async def feed_stage(db: Pool, dsn: str, start: datetime, *streams: str, **settings: Any) -> AsyncIterator[FeedStage]:
    """JMA's host and the service before it, at `start`. `streams`: only these of eqvol and extra."""
    clock, sms = FixedClock(start), FakeChannel("sms")
    async with jma_server(clock) as host, aiohttp.ClientSession() as session:
        values = {"jma_feed_url": host.feed_url, "contact": "ops@daijobu.example", **settings}
        async with wires(db, dsn, channels=fake_channels(sms), clock=clock, **values) as deps:
            stage = FeedStage(db, deps, clock, host, session, sms, [], [])
            stage.restart(*streams)
            yield stage
