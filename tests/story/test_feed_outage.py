"""Our own outage of an hour: what JMA said meanwhile is caught up from the long list; old shaking wakes nobody any
more, what is still in force is told, and nothing stays unread because it fell between two lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.db import Pool
from tests.story.feed_stage import feed_stage, quake, retimed
from tests.telegrams import body

MASHIKI, YATSUSHIRO, KASHIMA = "43443", "43202", "43442"
#: By day in Japan.
NOON = datetime(2026, 9, 1, 3, 0, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


async def test_after_an_hour_only_what_still_holds_is_told(db: Pool, db_dsn: str) -> None:
    async with feed_stage(db, db_dsn, NOON - timedelta(minutes=5)) as s:
        shaken, flooded = await s.lives_in(MASHIKI), await s.lives_in(YATSUSHIRO)
        # Before, all is well.
        before = quake(after(-5), ("741", {"2": ["4344300"]}))
        s.shake(before)
        await s.until(after(0))
        assert len(s.host.bodies_sent) == 1
        # We are away from 12:00 to 13:01. A strong quake at 12:10, a level-4 rain warning at 12:20.
        strong = quake(after(10), ("741", {"6-": ["4344300"], "3": ["4320200"]}), magnitude=6.1)
        s.shake(strong)
        rain = retimed(body("vpww55_heavy_rain_mixed.xml"), after(20))
        s.host.publish("VPWW55", rain, at=after(20), lists=("extra",), office="430000")
        s.go_to(after(61))
        s.restart()
        await s.until(after(63))
        # The quake is history: no alarm, and an operator can read why. The rain still falls.
        assert s.sms_to(shaken) == []
        (told,) = s.sms_to(flooded)
        assert "八代" in told or "Yatsushiro" in told
        # Both are fetched at once; whichever is stored first, the detailed report is the one that counts.
        late = {kind: outcome for kind, quake_id, outcome in await s.outcomes() if quake_id == strong.event_id}
        assert set(late) == {"VXSE51", "VXSE53"}
        assert late["VXSE53"].startswith("operator: while we were deaf") and "superseded" in late["VXSE51"], late
        assert await db.fetchval("SELECT count(*) FROM alert") == 1
        # Each body once, also those from before.
        assert len(s.host.bodies_sent) == len(set(s.host.bodies_sent)) == 4


async def test_a_start_between_two_long_lists_misses_nothing(db: Pool, db_dsn: str) -> None:
    """At 12:50 the long list is of 12:00 and the short one begins at 12:40: what came between is in neither."""
    async with feed_stage(db, db_dsn, NOON - timedelta(minutes=3)) as s:
        person = await s.lives_in(YATSUSHIRO)
        await s.until(after(0))
        rain = retimed(body("vpww55_heavy_rain_mixed.xml"), after(20))
        path = s.host.publish("VPWW55", rain, at=after(20), lists=("extra",), office="430000")
        s.go_to(after(50))
        await s.until(after(59))
        assert path not in s.host.bodies_sent and s.sms_to(person) == []
        await s.until(after(70))
        assert s.host.bodies_sent.count(path) == 1
        assert len(s.sms_to(person)) == 1


async def test_a_report_that_the_short_list_never_names_is_found_within_the_hour(db: Pool, db_dsn: str) -> None:
    async with feed_stage(db, db_dsn, NOON - timedelta(minutes=3), "extra") as s:
        person = await s.lives_in(YATSUSHIRO)
        rain = retimed(body("vpww55_heavy_rain_mixed.xml"), after(20))
        path = s.host.publish("VPWW55", rain, at=after(20), lists=("extra",), office="430000", in_short=False)
        await s.until(after(70))
        assert s.host.bodies_sent == [path]
        assert len(s.sms_to(person)) == 1
