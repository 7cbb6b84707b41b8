"""14 and 16 April 2016, as the feed told them: the foreshock in the evening, the main shock 28 hours later at 01:25.
The second one hits nearly everybody, and nobody is held back for that."""

from __future__ import annotations

from datetime import timedelta

from core.db import Pool
from demo.scenario import load_scenario
from tests.story.feed_stage import feed_stage

MASHIKI, MINAMI_ASO, YUFU, NAHA = "43443", "43433", "44213", "47201"
MINUTE = timedelta(minutes=1)
SQL_TOLD = """
SELECT ir.severity, ir.asked_at IS NOT NULL AS asked FROM incident_resident ir JOIN incident i ON i.id = ir.incident_id
WHERE ir.resident_id = $1 ORDER BY i.opened_at
"""


async def test_the_main_shock_after_the_foreshock(db: Pool, db_dsn: str) -> None:
    foreshock, mainshock = load_scenario("kumamoto-2016-foreshock"), load_scenario("kumamoto-2016-mainshock")
    async with feed_stage(db, db_dsn, foreshock.occurred_at - 2 * MINUTE, "eqvol") as s:
        mashiki = [await s.lives_in(MASHIKI) for _ in range(20)]
        aso, yufu, naha = await s.lives_in(MINAMI_ASO), await s.lives_in(YUFU), await s.lives_in(NAHA)

        async def told(person: object) -> list[tuple[str, bool]]:
            return [(row["severity"], row["asked"]) for row in await db.fetch(SQL_TOLD, person.id)]  # type: ignore[attr-defined]

        s.shake(foreshock)
        await s.until(foreshock.occurred_at + 10 * MINUTE)
        # The flash of the region comes first (7, but of a wide area: severe), the town's own figure raises it.
        assert await told(mashiki[0]) == [("extreme", True)]
        assert len(s.sms_to(mashiki[0])) == 2 and "7" in s.sms_to(mashiki[0])[1]
        assert await told(aso) == [("moderate", False)]
        assert await told(yufu) == await told(naha) == []
        evening = len(s.sms.taken)

        # 28 hours later, in the night.
        s.go_to(mainshock.occurred_at - 2 * MINUTE)
        s.shake(mainshock)
        await s.until(mainshock.occurred_at + 10 * MINUTE)
        assert await told(mashiki[0]) == [("extreme", True), ("extreme", True)]
        assert await told(aso) == [("moderate", False), ("extreme", True)]
        assert await told(yufu) == [("extreme", True)]
        assert await told(naha) == []
        # Nearly everybody at once, and no alert waits for anybody's permission.
        assert {message.address for message in s.sms.taken[evening:]} == {p.phone for p in [*mashiki, aso, yufu]}
        assert await db.fetchval("SELECT count(*) FROM alert WHERE state = 'held'") == 0
        assert await db.fetchval("SELECT count(*) FROM incident WHERE purpose = 'live'") == 2
        # The first quake's reminders do not run beside the second one's.
        await s.tend()
        s.go_to(mainshock.occurred_at + 40 * MINUTE)
        before = len(s.sms_to(mashiki[0]))
        await s.tend()
        assert len(s.sms_to(mashiki[0])) - before <= 1
