"""Decisions in the database: what waits is decided in an order of its own, late reports, guard rails, what is held."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from alerts.deps import Deps
from alerts.fanout import decide_next_event, decide_once
from alerts.held_store import list_held, release
from core.clock import FixedClock
from core.db import Pool, transaction
from core.model import Area, Change, Event, MessageType, Polygon
from registry.approvals import ApprovalError
from tests import people
from tests.alerts_kit import (
    KASHIMA,
    MASHIKI,
    NOON,
    at,
    city,
    hear,
    messages,
    quake,
    rain,
    region,
    store_event,
    told,
    tsunami,
    warned,
    wires,
)
from tests.incidents import SQL_STANDINGS

SQL_WAIT = "UPDATE event SET decide_after = $2 WHERE id = $1"


async def decide_all(deps: Deps) -> None:
    while await decide_once(deps):
        pass


async def outcomes(db: Pool) -> dict[str, str]:
    """Type and minute of issue -> outcome."""
    rows = await db.fetch("SELECT type, issued_at, outcome FROM event ORDER BY issued_at")
    return {f"{r['type']}+{(r['issued_at'] - NOON) // timedelta(minutes=1)}": r["outcome"] for r in rows}


async def standings(db: Pool) -> dict[UUID, tuple[str, bool]]:
    """Person -> (severity, over) of heavy rain."""
    rows = await db.fetch(SQL_STANDINGS)
    found = {r["resident_id"]: r["reason"]["told"]["heavy_rain"] for r in rows}
    return {who: (said["severity"], said["over"]) for who, said in found.items() if not said["over"]}


def snapshots() -> list[Event]:
    """A rise, a fall, a town that is lifted, and at last left out."""
    return [
        rain(warned(MASHIKI, 4), warned(KASHIMA, 4)),
        rain(warned(MASHIKI, 5), warned(KASHIMA, 0), at=NOON + timedelta(minutes=1)),
        rain(warned(MASHIKI, 3, Change.LOWERED), at=NOON + timedelta(minutes=2)),
    ]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (0, 2, 1)])
async def test_any_order_of_arrival_ends_in_the_same_state(db: Pool, db_dsn: str, order: tuple[int, ...]) -> None:
    mashiki = await people.make_resident(db, home_place_id=await people.make_place(db))
    await people.make_resident(db, home_place_id=await people.make_place(db, people.KASHIMA))
    clock = FixedClock(NOON + timedelta(minutes=3))
    async with wires(db, db_dsn, clock=clock) as deps:
        await hear(deps, *(snapshots()[n] for n in order))
    assert await standings(db) == {mashiki.id: ("moderate", False)}
    (incident,) = await db.fetch("SELECT key, facts FROM incident")
    (said,) = incident["facts"]["in_force"].values()
    assert (incident["key"], [area[:3] for area in said["areas"]]) == ("weather:430000", [["jma.city", MASHIKI, 3]])


async def test_reports_that_wait_together_tell_the_same_people_once(db: Pool, db_dsn: str) -> None:
    mashiki = await people.make_resident(db, home_place_id=await people.make_place(db))
    await people.make_resident(db, home_place_id=await people.make_place(db, people.KASHIMA))
    events = snapshots()
    clock = FixedClock(NOON + timedelta(minutes=3))
    async with wires(db, db_dsn, clock=clock) as deps:
        for order in list(permutations(range(3)))[::2]:
            for n in order:
                await store_event(db, events[n])
            await decide_all(deps)
            sent = await messages(db)
            assert [(m["resident_id"], m["moment"]) for m in sent] == [(mashiki.id, "issue")]
            await db.execute("TRUNCATE incident, incident_event, event, report, alert, message CASCADE")
            await db.execute("TRUNCATE incident_resident, alert_resident, link CASCADE")


async def test_which_event_is_decided_next(db: Pool, db_dsn: str) -> None:
    """Quakes before weather; of one matter the newest; what only adds facts last. Not by arrival."""
    minute = timedelta(minutes=1)
    events = [
        quake(type="VXSE61", at=NOON + 3 * minute),
        rain(warned(MASHIKI, 4), at=NOON - 30 * minute),
        quake(region("6-"), type="VXSE51", serial=""),
        quake(region("6-"), city(MASHIKI, "6-"), at=NOON + minute),
        rain(warned(MASHIKI, 4), at=NOON - 20 * minute),
    ]
    async with wires(db, db_dsn, clock=FixedClock(NOON + 4 * minute)) as deps:
        ids = [await store_event(db, event) for event in events]
        decided: list[int] = []
        while await decide_next_event(deps):
            rows = await db.fetch("SELECT id FROM event WHERE decided_at IS NOT NULL")
            decided += [row["id"] for row in rows if row["id"] not in decided]
    assert [ids.index(event_id) for event_id in decided] == [3, 2, 4, 1, 0]
    found = await outcomes(db)
    assert found["VXSE51+0"] == "ignored: superseded: the detailed report of this quake is here"
    assert found["VXSE61+3"] == "facts updated, nobody to tell"
    assert found["VPWW55+-30"].startswith("late: superseded") or found["VPWW55+-30"].startswith("operator: while")


async def test_a_relays_event_waits_and_yields_to_jmas(db: Pool, db_dsn: str) -> None:
    person = await people.make_resident(db, home_place_id=await people.make_place(db))
    clock = FixedClock(NOON + timedelta(seconds=10))
    relayed = at(
        quake(region("6-"), type="P2P551", id="p2pquake:202611201158", serial=""),
        source="p2pquake",
        thread="P2P551:ScalePrompt:202611201158",
    )
    async with wires(db, db_dsn, clock=clock) as deps:
        event_id = await store_event(db, relayed)
        await db.execute(SQL_WAIT, event_id, NOON + timedelta(seconds=60))
        await decide_all(deps)
        assert await db.fetchval("SELECT decided_at FROM event") is None
        await store_event(db, quake(region("6-"), type="VXSE51", serial="", occurred_at=None))
        clock.advance(timedelta(seconds=60))
        await decide_all(deps)
    assert (await outcomes(db))["P2P551+0"] == "ignored: JMA's own telegram is here"
    assert [m["resident_id"] for m in await messages(db)] == [person.id]


async def test_a_relay_alone_tells_and_jmas_reports_join_it(db: Pool, db_dsn: str) -> None:
    person = await people.make_resident(db, home_place_id=await people.make_place(db))
    clock = FixedClock(NOON + timedelta(seconds=70))
    began = NOON - timedelta(minutes=2)
    relayed = at(
        quake(region("6-"), type="P2P551", id="p2pquake:202611201158", serial="", occurred_at=began),
        source="p2pquake",
        thread="P2P551:ScalePrompt:202611201158",
        hypocenter=None,
    )
    async with wires(db, db_dsn, clock=clock) as deps:
        # The hypocentre came first, and belonged to nothing yet.
        await hear(deps, quake(type="VXSE52", occurred_at=began))
        await hear(deps, relayed)
        clock.advance(timedelta(minutes=2))
        detailed = quake(region("6-"), city(MASHIKI, "6-"), at=clock.now(), occurred_at=began)
        await hear(deps, detailed)
    assert [(m["resident_id"], m["moment"], m["priority"]) for m in await messages(db)] == [
        (person.id, "issue", 1),
        (person.id, "update", 0),
    ]
    (incident,) = await db.fetch("SELECT event_ids, facts FROM incident")
    assert incident["event_ids"] == ["20261120115800", "p2pquake:202611201158"]
    assert len(incident["facts"]["quakes"]) == 1 and incident["facts"]["epicentre"]["lat"] == 32.7
    assert await db.fetchval("SELECT count(*) FROM incident_event") == 3


async def test_lowering_is_noted_and_a_new_rise_is_told(db: Pool, db_dsn: str) -> None:
    person = await people.make_resident(db, home_place_id=await people.make_place(db))
    clock = FixedClock(NOON)
    async with wires(db, db_dsn, clock=clock) as deps:
        for level, change in ((5, Change.ISSUED), (4, Change.LOWERED)):
            await hear(deps, rain(warned(MASHIKI, level, change), at=clock.now()))
            clock.advance(timedelta(minutes=10))
        assert await standings(db) == {person.id: ("severe", False)}
        row = await db.fetchrow("SELECT severity, told_at, asks FROM incident_resident")
        # Who was asked at the highest severity and is silent is followed up as such.
        assert row is not None and (row["severity"], row["told_at"], row["asks"]) == ("extreme", NOON, 1)
        assert len(await messages(db)) == 1
        await hear(deps, rain(warned(MASHIKI, 5), at=clock.now()))
    assert [m["moment"] for m in await messages(db)] == ["issue", "update"]
    assert await db.fetchval("SELECT count(*) FROM alert_resident") == 2


async def test_a_second_quake_in_one_tsunami_report_and_the_lift_of_all(db: Pool, db_dsn: str) -> None:
    place = await people.make_place(db, (*people.MASHIKI, ("jma.tsunami_area", "740")))
    person = await people.make_resident(db, home_place_id=place)
    both = ("20261120115800", "20261120120100")
    later = NOON + timedelta(minutes=5)
    lifted = Area("jma.tsunami_area", "740", level="none", change=Change.LIFTED)
    async with wires(db, db_dsn, clock=FixedClock(later)) as deps:
        await hear(deps, tsunami("warning"))
        await hear(deps, at(tsunami("warning", at=NOON + timedelta(minutes=3)), event_ids=both))
        over = at(tsunami("none", at=later, message=MessageType.LIFT), event_ids=both, areas=(lifted,))
        await db.execute("UPDATE message SET state = 'sent'")
        await hear(deps, over)
    assert await told(db, "issue") == await told(db, "lift") == {person.id}
    assert await db.fetchval("SELECT count(*) FROM incident") == 1


async def test_what_came_while_we_were_deaf_is_one_summary(db: Pool, db_dsn: str) -> None:
    await people.make_resident(db, home_place_id=await people.make_place(db))
    clock = FixedClock(NOON + timedelta(hours=1))
    async with wires(db, db_dsn, clock=clock) as deps:
        for n in range(13):
            shock = quake(region("6-"), city(MASHIKI, "6-"), at=NOON + timedelta(minutes=n), id=f"202611201{n:05d}")
            await store_event(db, shock, received_at=clock.now())
        old = rain(warned(MASHIKI, 3), at=NOON)
        await store_event(db, old, received_at=clock.now())
        await store_event(db, rain(warned(MASHIKI, 4), at=NOON + timedelta(minutes=40)), received_at=clock.now())
        await decide_all(deps)
        summaries = await db.fetch("SELECT outcome FROM event WHERE outcome LIKE 'operator: %'")
        assert [row["outcome"] for row in summaries] == [
            "operator: while we were deaf (2026-11-20 12:00 to 11-20 12:12 in Japan): 14 reports (1 VPWW55, 13 VXSE53) "
            "came too late and were sent to nobody; still in force: town 4344300の大雨 (severe)"
        ]
        await decide_all(deps)
    assert await db.fetchval("SELECT count(*) FROM event WHERE outcome LIKE 'operator: %'") == 1
    assert await db.fetchval("SELECT count(*) FROM event WHERE outcome LIKE 'late: %'") == 0
    # The warning that is still in force is told; of the shaking nobody is woken an hour later.
    assert {(m["moment"], m["priority"]) for m in await messages(db)} == {("issue", 1)}


async def test_a_report_from_the_future_does_not_silence_the_true_ones(db: Pool, db_dsn: str) -> None:
    person = await people.make_resident(db, home_place_id=await people.make_place(db))
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7"), at=NOON + timedelta(hours=5), serial="9"))
        assert await db.fetchval("SELECT state FROM alert") == "held"
        await hear(deps, quake(region("6-"), city(MASHIKI, "6-"), serial="2"))
    assert await told(db, "update") == {person.id}
    held = await db.fetchrow("SELECT state, held_reason FROM alert WHERE moment = 'issue'")
    assert held is not None and held["state"] == "stopped" and held["held_reason"].endswith("by a newer report)")


async def manual(db: Pool, deps: Deps, **more: Any) -> Event:
    event = at(rain(warned(MASHIKI, 4), **more), source="manual", type="MANUAL", thread="manual:1", title="避難")
    await hear(deps, event)
    return event


async def test_a_manual_alert_beyond_its_share_is_held_and_goes_out_whole_once_released(db: Pool, db_dsn: str) -> None:
    place = await people.make_place(db)
    ids = {(await people.make_resident(db, home_place_id=place)).id for _ in range(12)}
    for _ in range(3):
        await people.make_resident(db, home_place_id=await people.make_place(db, people.FUKUOKA_CHUO))
    clock = FixedClock(NOON + timedelta(seconds=30))
    async with wires(db, db_dsn, clock=clock) as deps:
        await manual(db, deps)
        async with transaction(db) as conn:
            (held,) = await list_held(conn)
        assert held.reason == "a manual alert would reach 12 of 15 people, more than 30%"
        assert await messages(db) == []
        clock.advance(timedelta(minutes=5))
        async with transaction(db) as conn:
            await release(conn, held.alert.id, clock.now())
        await decide_all(deps)
    assert await told(db, "issue") == ids
    assert {m["body"].count("{link}") for m in await messages(db)} == {1}


async def test_a_manual_alert_within_its_share_goes_at_once(db: Pool, db_dsn: str) -> None:
    place = await people.make_place(db)
    for _ in range(12):
        await people.make_resident(db, home_place_id=place)
    async with wires(db, db_dsn, manual_share=1.0) as deps:
        await manual(db, deps)
    assert len(await told(db, "issue")) == 12


async def test_polygons_beyond_the_share_are_held_and_an_official_telegram_never_is(db: Pool, db_dsn: str) -> None:
    place = await people.make_place(db)
    for _ in range(12):
        await people.make_resident(db, home_place_id=place)
    ring = [[130.7, 32.7], [130.9, 32.7], [130.9, 32.9], [130.7, 32.9], [130.7, 32.7]]
    polygon = Polygon({"type": "Polygon", "coordinates": [ring]}, "severe")
    cap = at(rain(), source="cap.other", type="CAP", thread="cap.other:1", polygons=(polygon,))
    async with wires(db, db_dsn) as deps:
        await hear(deps, cap)
        reason = await db.fetchval("SELECT held_reason FROM alert WHERE state = 'held'")
        assert reason == "polygons without area codes would reach 12 of 12 people, more than 30%"
        await hear(deps, quake(region("7"), city(MASHIKI, "7")))
    assert len(await told(db, "issue")) == 12


async def test_what_was_held_too_long_is_not_let_go(db: Pool, db_dsn: str) -> None:
    place = await people.make_place(db)
    for _ in range(12):
        await people.make_resident(db, home_place_id=place)
    clock = FixedClock(NOON)
    async with wires(db, db_dsn, clock=clock) as deps:
        await manual(db, deps)
        async with transaction(db) as conn:
            (held,) = await list_held(conn)
        clock.advance(timedelta(hours=2, seconds=1))
        with pytest.raises(ApprovalError, match="too old now"):
            async with transaction(db) as conn:
                await release(conn, held.alert.id, clock.now())
    assert await messages(db) == []


async def test_an_unknown_kind_is_for_operators_and_still_told(db: Pool, db_dsn: str) -> None:
    person = await people.make_resident(db, home_place_id=await people.make_place(db))
    async with wires(db, db_dsn) as deps:
        await hear(deps, at(rain(warned(MASHIKI, 5)), notes=("unknown kind: 99 レベル５新特別警報",)))
    assert await told(db, "issue") == {person.id}
    said = await db.fetchval("SELECT outcome FROM event")
    assert said == "operator: VPWW55 : unknown kind: 99 レベル５新特別警報 (issue (extreme))"


async def test_whom_a_correction_spares_is_not_looked_for(db: Pool, db_dsn: str) -> None:
    """Nobody waits for the answer of somebody whose town was not hit after all; the tsunami's question stays."""
    spared = await people.make_resident(db, home_place_id=await people.make_place(db, people.KASHIMA))
    coast = (*people.KASHIMA, ("jma.tsunami_area", "740"))
    by_the_sea = await people.make_resident(db, home_place_id=await people.make_place(db, coast))
    still = await people.make_resident(db, home_place_id=await people.make_place(db))
    clock = FixedClock(NOON + timedelta(minutes=3))
    async with wires(db, db_dsn, clock=clock) as deps:
        await hear(deps, quake(region("6-"), city(MASHIKI, "6-"), city(KASHIMA, "6-")), tsunami("warning"))
        await db.execute("UPDATE message SET state = 'sent'")
        corrected = quake(
            region("6-"),
            city(MASHIKI, "6-"),
            city(KASHIMA, "4"),
            at=NOON + timedelta(minutes=2),
            message=MessageType.CORRECT,
            serial="2",
        )
        await hear(deps, corrected)
    assert await told(db, "correct") == {spared.id, by_the_sea.id, still.id}
    rows = await db.fetch("SELECT resident_id FROM incident_resident WHERE asked_at IS NOT NULL")
    assert {row["resident_id"] for row in rows} == {by_the_sea.id, still.id}
    mine = [m for m in await messages(db) if m["resident_id"] == spared.id and m["moment"] == "correct"]
    assert [(m["priority"], m["channel"]) for m in mine] == [(3, "sms")]
