"""One quake told by four sources: people hear of it once; and what the relay may do while JMA is silent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.fanout import decide_once
from core.db import Pool
from feeds.inspect import parse_any
from feeds.store import ingest
from tests.alerts_kit import send_all
from tests.people import Org, Person, make_org
from tests.story.stage import Stage, stage

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "feeds"
MASHIKI, OSAKA = "43443", "27128"
#: When the quake of the samples was reported first.
BEGIN = datetime(2026, 8, 31, 18, 16, 40, tzinfo=UTC)


async def heard(s: Stage, name: str) -> None:
    """A document of any feed comes in, at the time at which it says it was sent."""
    body = (SAMPLES / name).read_bytes()
    await ingest(s.pool, body, source=parse_any(body).source, url=f"test:{name}", received_at=s.clock.now())
    await decided(s)


async def decided(s: Stage) -> None:
    """Whatever can be decided now is, and goes out."""
    while await decide_once(s.deps):
        pass
    await send_all(s.deps)


def it_is(s: Stage, when: datetime) -> None:
    """Set the clock."""
    s.clock.advance(when - s.clock.now())


async def outcomes(s: Stage) -> dict[str, str | None]:
    rows = await s.pool.fetch("SELECT type, outcome FROM event ORDER BY id")
    return {row["type"]: row["outcome"] for row in rows}


async def people(s: Stage, db: Pool) -> tuple[Org, Person, Person]:
    farm = await make_org(db)
    return farm, await s.resident(farm, MASHIKI, "en"), await s.resident(farm, OSAKA, "en", name="Osaka Person")


async def test_four_sources_one_quake_one_message(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        _, near, far = await people(s, db)
        it_is(s, BEGIN)
        await heard(s, "p2pquake/scale_prompt.json")
        assert s.sms_to(near) == []  # the relay waits for JMA
        s.clock.advance(timedelta(seconds=20))
        await heard(s, "jma/vxse51_flash.xml")
        assert len(s.sms_to(near)) == 1
        s.clock.advance(timedelta(seconds=50))
        await decided(s)
        assert (await outcomes(s))["P2P551"] is not None and "JMA" in str((await outcomes(s))["P2P551"])
        s.clock.advance(timedelta(minutes=10))
        await heard(s, "usgs/feature.json")
        await heard(s, "usgs/feature_deleted.json")
        assert len(s.sms_to(near)) == 1
        assert s.sms_to(far) == []
        assert await db.fetchval("SELECT count(*) FROM incident") == 1


async def test_the_relay_speaks_when_jma_does_not(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        _, near, far = await people(s, db)
        it_is(s, BEGIN)
        await heard(s, "p2pquake/scale_prompt.json")
        s.clock.advance(timedelta(seconds=59))
        await decided(s)
        assert s.sms_to(near) == []
        s.clock.advance(timedelta(seconds=2))
        await decided(s)
        assert len(s.sms_to(near)) == 1 and s.sms_to(far) == []
        # A flash of the relay alone is never more than severe (6-upper would be extreme).
        assert await db.fetchval("SELECT max(severity) FROM alert") == "severe"


async def test_what_the_relay_says_is_cancelled_ends_nothing(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        await people(s, db)
        it_is(s, datetime(2026, 9, 1, 14, 50, tzinfo=UTC))
        await heard(s, "p2pquake/tsunami.json")
        s.clock.advance(timedelta(seconds=61))
        await decided(s)
        before = await db.fetch("SELECT moment, state FROM alert ORDER BY id")
        s.clock.advance(timedelta(hours=2))
        await heard(s, "p2pquake/tsunami_cancelled.json")
        s.clock.advance(timedelta(seconds=61))
        await decided(s)
        assert await db.fetch("SELECT moment, state FROM alert ORDER BY id") == before
        note = await db.fetchval("SELECT payload -> 'notes' ->> 0 FROM event ORDER BY id DESC LIMIT 1")
        assert note.startswith("p2pquake says cancelled")


async def test_another_agencys_alert_and_its_exercise(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        _, near, far = await people(s, db)
        it_is(s, datetime(2026, 8, 31, 20, 0, tzinfo=UTC))
        await heard(s, "cap/exercise.xml")
        assert (await outcomes(s))["CAP"] == "not_live"
        await heard(s, "cap/landslide_two_languages.xml")
        assert s.sms_to(far) == []
        row = await db.fetchrow(
            "SELECT outcome, payload -> 'areas' -> 0 ->> 'code' AS code FROM event ORDER BY id DESC LIMIT 1"
        )
        assert row["code"] == "4344300" and row["outcome"]
        assert len(s.sms_to(near)) <= 1
