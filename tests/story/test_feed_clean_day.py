"""A clean day: 24 hours of polls. Each report is had once, nothing else is asked for, and the bytes stay far below what
JMA lets one address load.

The suite polls every 400 seconds, to be cheap; DAIJOBU_TEST_FULL_PACE=1 polls at the pace of the settings (a minute of
CPU). What must hold is the same.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from random import Random

from core.db import Pool
from feeds.health_store import feed_states
from tests.jma_server import DAILY_LIMIT
from tests.story.feed_stage import FeedStage, feed_stage, quake, retimed
from tests.telegrams import body

MASHIKI = "43443"
#: A day of UTC: the byte budget is counted by it.
MIDNIGHT = datetime(2026, 9, 1, 0, 0, tzinfo=UTC)
DAY = timedelta(days=1)
FULL_PACE = bool(os.environ.get("DAIJOBU_TEST_FULL_PACE"))
#: Seconds between two polls of eqvol and of extra; the settings' own are 30 and 60.
EVERY_S = (30.0, 60.0) if FULL_PACE else (400.0, 400.0)


def publish_the_day(s: FeedStage) -> dict[str, bytes]:
    """What JMA publishes on a day when nothing much happens: path -> body of what we use."""
    rng = Random("a clean day")

    def some_time() -> datetime:
        # Not in the last minutes, which the last polls would not see.
        return MIDNIGHT + timedelta(seconds=rng.randrange(60, 86_400 - 300))

    wanted: dict[str, bytes] = {}
    quakes: list[str] = []
    for _ in range(12):
        quakes += s.shake(quake(some_time() - timedelta(minutes=3), ("741", {"2": ["4344300"]})))
    quakes += s.shake(quake(some_time() - timedelta(minutes=3), ("741", {"3": ["4344300"]})), body_later=2 * MINUTE)
    quakes += s.shake(quake(some_time() - timedelta(minutes=3), ("740", {"3": ["4321400"]})), in_short=False)
    wanted |= {path: s.host.published[path].body for path in quakes}
    for _ in range(8):
        at = some_time()
        lifted = retimed(body("vpww55_lifted.xml"), at)
        wanted[s.host.publish("VPWW55", lifted, at=at, office="430000", lists=("extra",))] = lifted
    # The same bytes under two names, from two offices; and one report that two lists show.
    at = some_time()
    for office in ("010000", "270000"):
        twice = retimed(body("vxse61_revised_hypocentre.xml"), at)
        wanted[s.host.publish("VXSE61", twice, at=at, office=office)] = twice
    at = some_time()
    both = retimed(body("vpww57_storm_surge.xml"), at)
    wanted[s.host.publish("VPWW57", both, at=at, office="430000", lists=("extra", "eqvol"))] = both
    # What we have no use for, heavy ones among it.
    for number in range(150):
        kind = ("VPFD51", "VPFW50", "VPWP50", "VPWS50", "VFVO53", "VXSE60")[number % 6]
        s.host.publish(kind, b"x" * 400_000, at=some_time(), lists=("eqvol" if kind[1] in "FX" else "extra",))
    return wanted


MINUTE = timedelta(minutes=1)


async def test_a_clean_day(db: Pool, db_dsn: str) -> None:
    eqvol, extra = EVERY_S
    async with feed_stage(db, db_dsn, MIDNIGHT, eqvol_every_s=eqvol, extra_every_s=extra) as s:
        person = await s.lives_in(MASHIKI)
        wanted = publish_the_day(s)
        await s.until(MIDNIGHT + DAY - timedelta(seconds=30))

        # Each body once, and no other.
        assert sorted(s.host.bodies_sent) == sorted(wanted)
        # Each report kept once, whatever lists and names it came under, and answered for.
        rows = await db.fetch("SELECT body, state FROM report")
        assert sorted(row["body"] for row in rows) == sorted(set(wanted.values()))
        assert {row["state"] for row in rows} == {"parsed"}
        assert await db.fetchval("SELECT count(*) FROM event WHERE outcome IS NULL") == 0
        # Every poll of the day asked the short list once; the long one once an hour, and at the start.
        polls = {name: len(s.host.requests(name)) for name in ("eqvol.xml", "extra.xml", "eqvol_l.xml", "extra_l.xml")}
        late_polls = 3  # a late body: the long list that named it is read again until it is there
        assert polls["eqvol.xml"] == 86_400 / eqvol and polls["extra.xml"] == 86_400 / extra, polls
        assert 24 <= polls["eqvol_l.xml"] <= 25 + late_polls and 24 <= polls["extra_l.xml"] <= 25, polls
        if FULL_PACE:
            # Between two editions the host has nothing new to say, and says it with 304.
            assert len(s.host.requests("eqvol.xml", status=304)) > 1300
        # The bytes: as we count them, so they went over the wire, and it is a thousandth of what JMA allows.
        counted = await db.fetchval("SELECT sum(bytes_used) FROM feed_state")
        assert abs(counted - s.host.bytes_sent) < 1_000
        assert s.host.bytes_sent < DAILY_LIMIT / 1_000
        # Nobody was told of anything, and the feed is well.
        assert s.sms.taken == [] and s.sms_to(person) == []
        assert [result.error for result in s.results if result.error and "404" not in result.error] == []
        states = {str(row["feed"]): row for row in await feed_states(db, s.deps.settings, s.clock.now())}
        assert {name: states[name]["state"] for name in ("jma.eqvol", "jma.extra")} == {
            "jma.eqvol": "ok",
            "jma.extra": "ok",
        }
