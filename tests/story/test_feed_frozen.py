"""A frozen feed: JMA's host answers 200 with the lists of hours ago. It looks healthy and must not pass for healthy;
what another source tells is told; once it thaws, nothing stays unread."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from core.clock import JST
from core.db import Pool
from feeds.health_store import feed_states
from feeds.store import ingest
from tests.story.feed_stage import FeedStage, feed_stage, quake

MASHIKI = "43443"
#: By day in Japan.
NOON = datetime(2026, 9, 1, 3, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def relayed(at: datetime) -> bytes:
    """P2PQuake's flash item of a quake at this time: 5-upper in 熊本県熊本."""
    told = at + timedelta(seconds=100)

    def local(when: datetime) -> str:
        return f"{when.astimezone(JST):%Y/%m/%d %H:%M:%S}"

    item = {
        "id": f"{told:%Y%m%d%H%M%S}00000000",
        "code": 551,
        "time": f"{local(told)}.123",
        "issue": {"source": "気象庁", "time": local(told), "type": "ScalePrompt", "correct": "None"},
        "earthquake": {
            "time": local(at.replace(second=0)),
            "hypocenter": {"name": "", "latitude": -200, "longitude": -200, "depth": -1, "magnitude": -1},
            "maxScale": 50,
            "domesticTsunami": "Checking",
        },
        "points": [{"pref": "熊本県", "addr": "熊本県熊本", "isArea": True, "scale": 50}],
    }
    return json.dumps(item, ensure_ascii=False).encode()


async def health(s: FeedStage) -> dict[str, tuple[object, object]]:
    """(state, why) of JMA's two streams now."""
    rows = await feed_states(s.db, s.deps.settings, s.clock.now())
    return {str(row["feed"]).removeprefix("jma."): (row["state"], row["why"]) for row in rows if row["primary"]}


async def test_a_frozen_feed_is_known_by_what_it_does_not_say(db: Pool, db_dsn: str) -> None:
    # A slow pace, still faster than the short list's ten minutes.
    async with feed_stage(db, db_dsn, NOON, eqvol_every_s=420.0, extra_every_s=420.0) as s:
        person = await s.lives_in(MASHIKI)
        for lists in (("eqvol",), ("extra",)):
            s.host.publish("VPFD51", b"x", at=NOON - 5 * MINUTE, lists=lists)
        await s.until(NOON + 30 * MINUTE)
        assert await health(s) == {"eqvol": ("ok", None), "extra": ("ok", None)}

        # It freezes. It answers all the same, and for a while nobody can know.
        s.host.freeze()
        await s.until(NOON + 2 * HOUR)
        assert {result.error for result in s.results} == {None}
        assert await health(s) == {"eqvol": ("ok", None), "extra": ("ok", None)}

        # A quake. JMA's list does not show it; P2PQuake relays it, and people are told after its minute of grace.
        shock = quake(s.clock.now(), ("741", {"5+": ["4344300"]}))
        paths = s.shake(shock)
        s.go_to(shock.occurred_at + timedelta(seconds=101))
        await ingest(db, relayed(shock.occurred_at), source="p2pquake", url="p2p:1", received_at=s.clock.now())
        await s.react()
        assert s.sms_to(person) == []
        s.go_to(s.clock.now() + timedelta(seconds=61))
        await s.react()
        assert len(s.sms_to(person)) == 1
        # Five minutes later the silence of JMA's list is a fault with a name.
        await s.until(shock.occurred_at + 10 * MINUTE)
        assert await health(s) == {"eqvol": ("late", "missed"), "extra": ("ok", None)}

        # After a day without anything new the other list is suspicious too.
        await s.until(NOON + 25 * HOUR)
        assert (await health(s))["extra"] == ("late", "quiet")
        assert s.host.bodies_sent == []

        # It thaws: what was said meanwhile is read from the next long list, and wakes nobody a day later.
        s.host.thaw()
        for lists in (("eqvol",), ("extra",)):
            s.host.publish("VPFD51", b"x", lists=lists)
        await s.until(s.clock.now() + 70 * MINUTE)
        assert sorted(s.host.bodies_sent) == sorted(paths)
        assert len(s.sms_to(person)) == 1
        assert await health(s) == {"eqvol": ("ok", None), "extra": ("ok", None)}
