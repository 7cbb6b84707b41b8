"""A swarm: 300 aftershocks in three hours over the feed. Every report is kept; people hear of the few that change
something for them, and are not asked about the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from core.db import Pool
from tests.story.feed_stage import feed_stage, quake

MASHIKI, ASO, HITOYOSHI = "43443", "43214", "43203"
CITY = {MASHIKI: "4344300", ASO: "4321400", HITOYOSHI: "4320300"}
#: By day in Japan.
START = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
AFTERSHOCKS = 300
HOURS = 3


async def test_three_hundred_aftershocks(db: Pool, db_dsn: str) -> None:
    rng = Random("swarm")
    async with feed_stage(db, db_dsn, START - timedelta(minutes=1), "eqvol", eqvol_every_s=60.0) as s:
        mashiki, aso, hitoyoshi = await s.lives_in(MASHIKI), await s.lives_in(ASO), await s.lives_in(HITOYOSHI)
        paths = s.shake(quake(START, ("741", {"6-": [CITY[MASHIKI]]}), ("742", {"3": [CITY[HITOYOSHI]]})))
        # Each at a second of its own: the feed's names and JMA's ids are times.
        times = sorted(rng.sample(range(600, HOURS * 3600 - 600), AFTERSHOCKS))
        felt = ["1"] * 150 + ["2"] * 90 + ["3"] * 40 + ["4"] * 12 + ["5-"] * 4 + ["5+"] * 2
        rng.shuffle(felt)
        # One is stronger than the first, one is strong where nobody was told yet.
        felt.insert(100, "6+")
        felt.insert(200, "aso 5+")
        assert len(felt) == AFTERSHOCKS
        for seconds, intensity in zip(times, felt, strict=True):
            at = START + timedelta(seconds=seconds)
            area, jis = ("740", ASO) if intensity.startswith("aso") else ("741", MASHIKI)
            intensity = intensity.removeprefix("aso ")
            paths += s.shake(quake(at, (area, {intensity: [CITY[jis]]})))
        await s.until(START + timedelta(hours=HOURS))

        # Every report had once, kept once, decided once.
        assert sorted(s.host.bodies_sent) == sorted(paths)
        assert await db.fetchval("SELECT count(*) FROM report WHERE state = 'parsed'") == len(paths)
        outcomes = await s.outcomes()
        assert len(outcomes) == len(paths)
        assert [each for each in outcomes if each[2] == "" or each[2].startswith(("error", "operator"))] == []
        # One swarm, one incident; the quake of another area may open its own.
        assert await db.fetchval("SELECT count(*) FROM incident") <= 2
        assert await db.fetchval("SELECT count(*) FROM alert WHERE state <> 'done'") == 0
        # Mashiki: the first quake (flash, then the town's figure) and the stronger one. Aso: its own. Hitoyoshi: none.
        texts = s.sms_to(mashiki)
        assert ["6 Upper" in text for text in texts] == [False, False, True], texts
        assert len(s.sms_to(aso)) == 1
        assert s.sms_to(hitoyoshi) == []
        # Nobody is asked more than five times in a day.
        asked = await db.fetchval(
            "SELECT count(*) FROM message m JOIN alert a ON a.id = m.alert_id"
            " WHERE m.resident_id = $1 AND a.severity IN ('severe', 'extreme')",
            mashiki.id,
        )
        assert asked <= 5
