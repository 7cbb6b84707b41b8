"""JMA blocks our address: 403 to everything until the day in Japan ends. We ask seldom, say that we hear nothing, and
catch up when the block is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.db import Pool
from feeds.health_store import feed_states
from tests.jma_server import DAILY_LIMIT
from tests.story.feed_stage import feed_stage, quake

MASHIKI = "43443"
#: 21:30 in Japan.
EVENING = datetime(2026, 9, 1, 12, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def test_a_block_is_borne_politely_and_caught_up(db: Pool, db_dsn: str) -> None:
    async with feed_stage(db, db_dsn, EVENING, "eqvol") as s:
        person = await s.lives_in(MASHIKI)
        await s.until(EVENING + 3 * MINUTE)
        # Somebody behind the same address loads too much.
        s.host.daily_limit = 1
        blocked = s.clock.now()
        s.shake(quake(blocked + 10 * MINUTE, ("741", {"6-": ["4344300"]})))
        s.go_to(blocked + MINUTE)
        await s.until(blocked + 60 * MINUTE)
        refused = s.host.requests("/developer/", status=403)
        # 30 s, a minute, two, four, eight, then every quarter of an hour.
        assert 6 <= len(refused) <= 10, len(refused)
        assert s.sms_to(person) == []
        (row,) = [r for r in await feed_states(db, s.deps.settings, s.clock.now()) if r["feed"] == "jma.eqvol"]
        assert row["state"] == "stale" and "403" in str(row["error"])
        # Midnight in Japan: the block ends. What still holds would be told; a quake of two hours ago is history.
        await s.until(EVENING + 149 * MINUTE)
        assert s.host.requests("/developer/", status=200)[-1].at <= blocked
        s.host.daily_limit = DAILY_LIMIT
        await s.until(EVENING + 180 * MINUTE)
        assert len(s.host.bodies_sent) == 2 and s.sms_to(person) == []
        # Two telegrams, fetched at once: either may come in first.
        assert sorted(outcome.split(":")[0] for _, _, outcome in await s.outcomes()) == ["ignored", "operator"]
        (row,) = [r for r in await feed_states(db, s.deps.settings, s.clock.now()) if r["feed"] == "jma.eqvol"]
        assert row["state"] == "ok" and not row["error"]
