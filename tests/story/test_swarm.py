"""Stories of many reports: a swarm of 300 aftershocks, 16 April 2016 after 14 April, the relay first and then JMA."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

from alerts.policy import MAX_ASKS
from core.clock import FixedClock
from core.db import Pool
from core.model import INTENSITIES, MessageType
from tests import people
from tests.alerts_kit import HIGASHI_KU, KASHIMA, MASHIKI, at, city, hear, quake, region, wires

#: 14 April 2016, 21:26 in Japan.
FORESHOCK = datetime(2016, 4, 14, 12, 26, tzinfo=UTC)
MAIN_SHOCK = datetime(2016, 4, 15, 16, 25, tzinfo=UTC)
ASO = "740"
MINAMIASO = "4343300"
ASO_CODES = (("jis", "43433"), ("jma.city", MINAMIASO), ("jma.quake_area", ASO))


def id_of(when: datetime) -> str:
    """JMA's id of a quake detected then, in Japan's time."""
    return (when + timedelta(hours=9)).strftime("%Y%m%d%H%M%S")


async def asked_in_a_day(db: Pool) -> int:
    """The most questions that anybody got from all incidents within 24 hours before one of them."""
    rows = await db.fetch("SELECT resident_id, asked_at, asks FROM incident_resident WHERE asked_at IS NOT NULL")
    day = timedelta(hours=24)
    return max(
        sum(
            other["asks"]
            for other in rows
            if other["resident_id"] == row["resident_id"]
            and row["asked_at"] - day < other["asked_at"] <= row["asked_at"]
        )
        for row in rows
    )


async def test_a_swarm_of_300_aftershocks_floods_nobody(db: Pool, db_dsn: str) -> None:
    """Two days of shaking after a 7, as in April 2016: most of it weak, some 5-lower and 5-upper, a few stronger."""
    ids = [
        (await people.make_resident(db, home_place_id=await people.make_place(db, codes))).id
        for codes in (people.MASHIKI, people.KASHIMA, people.HIGASHI_KU)
    ]
    random = Random(20160414)
    clock = FixedClock(FORESHOCK + timedelta(minutes=3))
    async with wires(db, db_dsn, clock=clock) as deps:
        await hear(
            deps,
            quake(
                region("7"),
                city(MASHIKI, "7"),
                city(KASHIMA, "6-"),
                city(HIGASHI_KU, "6-"),
                at=clock.now(),
                id=id_of(FORESHOCK),
            ),
        )
        for _ in range(300):
            clock.advance(timedelta(minutes=random.randint(1, 18)))
            levels = random.choices(INTENSITIES[2:8], weights=(300, 200, 24, 10, 5, 2), k=3)
            top = max(levels, key=INTENSITIES.index)
            towns = [city(code, level) for code, level in zip((MASHIKI, KASHIMA, HIGASHI_KU), levels, strict=True)]
            await hear(deps, quake(region(top), *towns, at=clock.now(), id=id_of(clock.now())))
    assert await db.fetchval("SELECT count(*) FROM event WHERE outcome LIKE 'error%'") == 0
    told = await db.fetchval("SELECT count(*) FROM event WHERE outcome LIKE '%(severe)%' OR outcome LIKE '%(extreme)%'")
    assert told > 10, "the swarm had shocks that ask"
    asked = await db.fetch("SELECT DISTINCT resident_id FROM incident_resident WHERE asked_at IS NOT NULL")
    assert {row["resident_id"] for row in asked} == set(ids)
    assert await asked_in_a_day(db) <= MAX_ASKS
    # Nobody hears the same twice: in an incident each further message is of a stronger shock, or the first that asks.
    rows = await db.fetch(
        "SELECT ar.resident_id, a.incident_id, a.severity FROM alert_resident ar JOIN alert a ON a.id = ar.alert_id"
    )
    each = Counter((row["resident_id"], row["incident_id"]) for row in rows)
    assert max(each.values()) <= 5
    messages = await db.fetchval("SELECT max(n) FROM (SELECT count(*) AS n FROM message GROUP BY resident_id) AS each")
    assert messages <= 15, "two days of shaking, 300 shocks"


async def test_the_main_shock_asks_everybody_again(db: Pool, db_dsn: str) -> None:
    """14 April 21:26: 7 in Mashiki. 15 April 00:03: an aftershock of 6-upper. 16 April 01:25: stronger everywhere."""
    mashiki = (await people.make_resident(db, home_place_id=await people.make_place(db))).id
    kashima = (await people.make_resident(db, home_place_id=await people.make_place(db, people.KASHIMA))).id
    minamiaso = (await people.make_resident(db, home_place_id=await people.make_place(db, ASO_CODES))).id
    clock = FixedClock(FORESHOCK)
    shocks = [
        (FORESHOCK, [region("7"), city(MASHIKI, "7"), city(KASHIMA, "5+")], {mashiki, kashima}),
        # No stronger at Mashiki; stronger at Kashima.
        (FORESHOCK + timedelta(hours=2, minutes=37), [region("6+"), city(MASHIKI, "6-"), city(KASHIMA, "6+")],
         {kashima}),
        # A small one in between tells nobody and does not keep the window open.
        (FORESHOCK + timedelta(hours=7), [region("5+"), city(MASHIKI, "5+"), city(KASHIMA, "4")], set()),
        (
            MAIN_SHOCK,
            [region("7"), region("6+", ASO), city(MASHIKI, "7"), city(KASHIMA, "6+"), city(MINAMIASO, "6+", area=ASO)],
            {mashiki, kashima, minamiaso},
        ),
    ]  # fmt: skip
    async with wires(db, db_dsn, clock=clock) as deps:
        for when, areas, expected in shocks:
            clock.advance(when + timedelta(minutes=3) - clock.now())
            await hear(deps, quake(*areas, at=clock.now(), id=id_of(when), occurred_at=when))
            told = await db.fetch(
                "SELECT resident_id FROM incident_resident WHERE asked_at = $1 AND told_at = $1", clock.now()
            )
            assert {row["resident_id"] for row in told} == expected, when
    assert await db.fetchval("SELECT count(*) FROM incident") == 2


async def test_the_relay_first_then_jma(db: Pool, db_dsn: str) -> None:
    """P2PQuake is heard a minute before JMA's own feed: people are told once, then only of what is worse, in one
    incident; JMA's correction reaches whom the relay had told."""
    mashiki = (await people.make_resident(db, home_place_id=await people.make_place(db))).id
    higashi = (await people.make_resident(db, home_place_id=await people.make_place(db, people.HIGASHI_KU))).id
    clock = FixedClock(FORESHOCK + timedelta(minutes=2))
    quake_id = id_of(FORESHOCK)
    async with wires(db, db_dsn, clock=clock) as deps:
        relayed = quake(
            region("6-"), type="P2P551", id="p2pquake:201604142126", serial="", at=clock.now(), occurred_at=FORESHOCK
        )
        await hear(deps, at(relayed, source="p2pquake", thread="P2P551:ScalePrompt:201604142126", hypocenter=None))
        clock.advance(timedelta(minutes=1))
        flash = quake(region("6-"), type="VXSE51", serial="", at=clock.now(), id=quake_id, occurred_at=None)
        await hear(deps, at(flash, hypocenter=None))
        clock.advance(timedelta(minutes=2))
        detailed = quake(
            region("7"), city(MASHIKI, "7"), city(HIGASHI_KU, "5+"), at=clock.now(), id=quake_id, occurred_at=FORESHOCK
        )
        await hear(deps, detailed)
        await db.execute("UPDATE message SET state = 'sent'")
        clock.advance(timedelta(minutes=1))
        corrected = quake(
            region("5+"),
            city(MASHIKI, "5+"),
            city(HIGASHI_KU, "4"),
            at=clock.now(),
            id=quake_id,
            serial="2",
            message=MessageType.CORRECT,
            occurred_at=FORESHOCK,
        )
        await hear(deps, corrected)
    rows = await db.fetch(
        "SELECT ar.resident_id, a.moment, a.severity FROM alert_resident ar JOIN alert a ON a.id = ar.alert_id "
        "ORDER BY a.created_at, a.revision, ar.resident_id"
    )
    assert [(row["resident_id"], row["moment"]) for row in rows] == [
        (mashiki, "issue"), (higashi, "issue"), (mashiki, "update"), (mashiki, "correct"), (higashi, "correct"),
    ]  # fmt: skip
    assert await db.fetchval("SELECT count(*) FROM incident") == 1
