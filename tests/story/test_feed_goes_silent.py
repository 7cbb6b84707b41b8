"""A feed goes silent, or goes on answering without news: operators hear of it, take care, and hear that it is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from core.db import Pool, transaction
from feeds.health_store import feed_states
from ops.alarm_loop import Watch, look_once
from ops.alarms import Alarm, Kind, Level
from ops.alarms_store import acknowledge
from tests.alarm_kit import AlarmReceiver, alarm_receiver, all_alive, make_operator
from tests.alerts_kit import hear, region
from tests.alerts_kit import quake as heard_quake
from tests.feed_server import answer
from tests.story.feed_stage import FeedStage, feed_stage, quake

START = datetime(2026, 9, 1, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LISTS = ("eqvol", "eqvol_l", "extra", "extra_l")
PHONE = "+819012340001"


@dataclass
class Night:
    """The stage with operators who look."""

    s: FeedStage
    receiver: AlarmReceiver
    watch: Watch

    async def pass_time(self, minutes: int, *, step: int = 1) -> dict[str, Alarm]:
        """The pollers poll at their pace, the alarms look every `step` minutes: what is open about feeds in the end."""
        found: list[Alarm] = []
        for _ in range(0, minutes, step):
            await self.s.until(self.s.clock.now() + step * MINUTE)
            found = await look_once(self.s.deps, self.feeds, self.watch)
        return {alarm.key: alarm for alarm in found if alarm.key.startswith("feed:jma")}

    async def feeds(self, conn: Any, now: datetime | None = None) -> list[dict[str, object]]:
        rows = await feed_states(conn, self.s.deps.settings, now)
        return [row for row in rows if row["primary"]]

    @property
    def texts(self) -> list[str]:
        """What operators were told about the feeds."""
        told = self.receiver.told
        return [one["text"] for one in told if any(alarm["key"].startswith("feed:jma") for alarm in one["alarms"])]


@asynccontextmanager
async def night(db: Pool, dsn: str) -> AsyncIterator[Night]:
    async with alarm_receiver() as receiver, feed_stage(db, dsn, START) as s:
        more = {"alarm_url": SecretStr(receiver.alarm_url), "alarm_language": "en"}
        s.deps = replace(s.deps, settings=s.deps.settings.model_copy(update=more))
        s.shake(quake(START - 90 * MINUTE, ("741", {"2": ["4344300"]})))
        s.host.publish("VPFD51", b"x", at=START - 90 * MINUTE, lists=("extra",))
        await all_alive(db)
        yield Night(s, receiver, Watch(s.session, START - timedelta(hours=1), tries=(0.0,)))


async def test_the_feed_breaks_operators_hear_of_it_within_three_minutes_and_of_its_return(
    db: Pool, db_dsn: str
) -> None:
    operator = await make_operator(db, START, phone=PHONE)
    async with night(db, db_dsn) as at:
        assert await at.pass_time(5) == {} and at.texts == []
        broken = [answer(503) for _ in range(500)]
        at.s.host.faults = {f"/developer/xml/feed/{name}.xml": list(broken) for name in LISTS}
        found = await at.pass_time(3)
        assert set(found) == {"feed:jma.eqvol", "feed:jma.extra"}
        assert {alarm.kind for alarm in found.values()} == {Kind.FEED_FAILING}
        assert "HTTP 503" in at.texts[0] and "12:05" in at.texts[0]
        assert at.s.sms.taken == []
        # Nobody answers, and it gets worse: now telephones ring.
        found = await at.pass_time(9, step=3)
        assert {alarm.level for alarm in found.values()} == {Level.CRITICAL}
        assert {sms.address for sms in at.s.sms.taken} == {PHONE}
        async with transaction(db) as conn:
            for alarm in found.values():
                assert await acknowledge(conn, alarm.id, operator.staff_id, at.s.clock.now())
        told = len(at.texts)
        await at.pass_time(6, step=3)
        assert len(at.texts) == told
        # It is mended: within the pause that its server asked for, and two minutes more.
        at.s.host.faults = {}
        assert await at.pass_time(20, step=4) == {}
        assert "Over: JMA" in at.texts[-1]
        today = {str(row["feed"]): row["today"] for row in await at.feeds(db, at.s.clock.now())}
        eqvol = today["jma.eqvol"]
        assert isinstance(eqvol, dict) and eqvol["gaps"] == 1 and eqvol["longest_gap_s"] > 15 * 60
        assert eqvol["failures"] > 3 and eqvol["polls"] > eqvol["failures"] + 10 and eqvol["unchanged"] > 5


async def test_a_feed_that_answers_without_news_is_found_out_by_another_source(db: Pool, db_dsn: str) -> None:
    await make_operator(db, START, phone=PHONE)
    async with night(db, db_dsn) as at:
        await at.pass_time(3)
        at.s.host.freeze()
        shaken = at.s.clock.now()
        at.s.shake(quake(shaken, ("741", {"3": ["4344300"]})))
        await at.pass_time(3)
        relayed = heard_quake(region("3"), at=at.s.clock.now(), occurred_at=shaken, id="p2p-1")
        await hear(at.s.deps, replace(relayed, source="p2pquake", thread="p2p-1"))
        assert await at.pass_time(5) == {}
        found = await at.pass_time(1)
        alarm = found["feed:jma.eqvol"]
        assert (alarm.kind, alarm.level) == (Kind.FEED_MISSED, Level.CRITICAL)
        assert "p2pquake" in at.texts[0] and len(at.s.sms.taken) >= 1
        at.s.host.thaw()
        assert await at.pass_time(4) == {}
        assert "Over: JMA" in at.texts[-1]


async def test_a_feed_that_answers_without_news_for_two_days_may_be_frozen(db: Pool, db_dsn: str) -> None:
    async with night(db, db_dsn) as at:
        await at.pass_time(1)
        at.s.host.freeze()
        at.s.clock.advance(timedelta(hours=50))
        found = await at.pass_time(3)
        assert {alarm.kind for alarm in found.values()} == {Kind.FEED_QUIET}
        assert "may be frozen" in at.texts[-1]
