"""From a stored event to the rows in the outbox: who, what, over which way; and nobody else."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from alerts import fanout, fanout_store
from alerts.fanout import decide_forever
from core.clock import FixedClock
from core.db import Pool, transaction
from core.model import MessageType, OrgKind, Purpose, Status
from core.tokens import link_token, token_hash
from registry import store as registry
from registry.records import NewConsent
from tests import people
from tests.alerts_kit import (
    HIGASHI_KU,
    KASHIMA,
    MASHIKI,
    NOON,
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
from tests.incidents import SQL_REASON, SQL_STANDINGS
from tests.people import VAULT


async def test_the_right_people_and_nobody_else(db: Pool, db_dsn: str) -> None:
    org = await people.make_org(db)
    mashiki = await people.make_site(db, org.id, codes=people.MASHIKI)
    fukuoka = await people.make_site(db, org.id, codes=people.FUKUOKA_CHUO)
    inside = await people.make_resident(db, org.id, dorm=mashiki)
    await people.make_resident(db, org.id, dorm=fukuoka)
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7")))
    assert await told(db, "issue") == {inside.id}
    sent = await messages(db)
    assert [(m["resident_id"], m["channel"], m["language"], m["priority"]) for m in sent] == [
        (inside.id, "sms", "vi", 0)
    ]
    assert sent[0]["body"].endswith("\n{link}")
    standing = await db.fetchrow(SQL_STANDINGS)
    assert standing is not None
    assert (standing["severity"], standing["asks"], standing["reachable"]) == ("extreme", 1, True)
    assert standing["reason"]["home"]["level"] == "7" and standing["reason"]["worse"] == "home"


async def test_link_is_made_from_incident_key(db: Pool, db_dsn: str) -> None:
    await people.make_resident(db, home_place_id=await people.make_place(db))
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7")))
    link = await db.fetchrow("SELECT * FROM link WHERE kind = 'checkin'")
    incident = await db.fetchrow("SELECT id, key_enc FROM incident")
    assert link is not None and incident is not None
    key = VAULT.decrypt_bytes(incident["key_enc"], incident["id"], "incident.key_enc")
    assert link["token_sha256"] == token_hash(link_token(key, link["id"]))


async def test_silent_town_counts_with_its_areas_maximum(db: Pool, db_dsn: str) -> None:
    reported = await people.make_resident(db, home_place_id=await people.make_place(db, people.KASHIMA))
    missing = await people.make_resident(db, home_place_id=await people.make_place(db, people.HIGASHI_KU))
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("6+"), city(MASHIKI, "6+"), city(KASHIMA, "5-", not_received=True)))
    rows = {r["resident_id"]: r for r in await db.fetch(SQL_STANDINGS)}
    assert set(rows) == {reported.id, missing.id}
    assert {r["severity"] for r in rows.values()} == {"extreme"}
    assert rows[reported.id]["reason"]["home"]["not_received"] is True
    assert rows[reported.id]["reason"]["home"]["area_max"] == "6+"
    assert rows[missing.id]["reason"]["home"]["level"] is None
    assert rows[missing.id]["reason"]["home"]["area_max"] == "6+"


async def test_worse_of_home_and_work_decides(db: Pool, db_dsn: str) -> None:
    org = await people.make_org(db)
    work = await people.make_site(db, org.id, kind="workplace", codes=people.MASHIKI)
    home = await people.make_place(db, people.HIGASHI_KU)
    await people.make_resident(db, org.id, home_place_id=home, workplace=work)
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("6-"), city(MASHIKI, "6-"), city(HIGASHI_KU, "5+")))
    row = await db.fetchrow(SQL_STANDINGS)
    assert row is not None
    assert (row["severity"], row["reason"]["worse"]) == ("extreme", "work")
    assert (row["reason"]["home"]["level"], row["reason"]["work"]["level"]) == ("5+", "6-")


@pytest.mark.parametrize("status", [Status.EXERCISE, Status.TEST, Status.UNKNOWN])
async def test_only_actual_reports_reach_people(db: Pool, db_dsn: str, status: Status) -> None:
    await people.make_resident(db, home_place_id=await people.make_place(db))
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7"), status=status))
    assert await db.fetchval("SELECT count(*) FROM message") == 0
    assert await db.fetchval("SELECT outcome FROM event") == f"ignored: status {status}: never sent"


async def test_drill_keeps_to_itself(db: Pool, db_dsn: str) -> None:
    await people.make_resident(db, home_place_id=await people.make_place(db))
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7")), purpose=Purpose.DRILL)
        await hear(deps, quake(region("7"), city(MASHIKI, "7")))
    rows = await db.fetch("SELECT purpose, count(*) FROM message GROUP BY purpose")
    assert {r["purpose"]: r["count"] for r in rows} == {"drill": 1, "live": 1}
    assert await db.fetchval("SELECT count(*) FROM incident") == 2
    drill = next(m for m in await messages(db) if m["purpose"] == "drill")
    live = next(m for m in await messages(db) if m["purpose"] == "live")
    assert drill["body"] != live["body"]


async def test_second_report_of_the_quake_tells_only_new_and_raised_people(db: Pool, db_dsn: str) -> None:
    severe = await people.make_resident(db, home_place_id=await people.make_place(db, people.KASHIMA))
    raised = await people.make_resident(
        db, home_place_id=await people.make_place(db, (*people.MASHIKI[:2], ("jma.quake_area", "741")))
    )
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("6+"), type="VXSE51", serial=""))
        assert await told(db, "issue") == {severe.id, raised.id}
        assert await db.fetchval("SELECT DISTINCT severity FROM incident_resident") == "severe"
        later = NOON + timedelta(minutes=1)
        await hear(deps, quake(region("6+"), city(MASHIKI, "6+"), city(KASHIMA, "5+"), at=later))
    assert await db.fetchval("SELECT count(*) FROM incident") == 1
    assert await told(db, "update") == {raised.id}
    assert await db.fetchval("SELECT severity FROM incident_resident WHERE resident_id = $1", raised.id) == "extreme"


async def test_cancellation_goes_to_those_who_got_it(db: Pool, db_dsn: str) -> None:
    got = await people.make_resident(db, home_place_id=await people.make_place(db))
    waits = await people.make_resident(db, home_place_id=await people.make_place(db))
    clock = FixedClock(NOON)
    async with wires(db, db_dsn, clock=clock) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7")))
        await db.execute("UPDATE message SET state = 'sent' WHERE resident_id = $1", got.id)
        clock.advance(timedelta(minutes=3))
        await hear(deps, quake(at=NOON + timedelta(minutes=3), message=MessageType.CANCEL))
    rows = [(m["resident_id"], m["moment"], m["state"]) for m in await messages(db)]
    assert sorted(rows, key=str) == sorted(
        [(got.id, "issue", "sent"), (waits.id, "issue", "cancelled"), (got.id, "cancel", "pending")], key=str
    )
    assert await db.fetchval("SELECT count(*) FROM incident_resident WHERE asked_at IS NOT NULL") == 0


async def test_correction_goes_to_those_told_and_newly_affected_people_are_told(db: Pool, db_dsn: str) -> None:
    first = await people.make_resident(db, home_place_id=await people.make_place(db))
    new = await people.make_resident(db, home_place_id=await people.make_place(db, people.KASHIMA))
    clock = FixedClock(NOON)
    async with wires(db, db_dsn, clock=clock) as deps:
        await hear(deps, quake(region("4"), city(MASHIKI, "6-"), city(KASHIMA, "4")))
        await db.execute("UPDATE message SET state = 'sent'")
        clock.advance(timedelta(minutes=4))
        correct = quake(
            region("4"),
            city(MASHIKI, "4"),
            city(KASHIMA, "6-"),
            at=NOON + timedelta(minutes=4),
            message=MessageType.CORRECT,
            serial="2",
        )
        await hear(deps, correct)
    assert await told(db, "correct") == {first.id}
    assert await told(db, "update") == {new.id}
    by_person = {m["resident_id"]: m["moment"] for m in await messages(db) if m["state"] == "pending"}
    assert by_person == {first.id: "correct", new.id: "update"}


async def test_flood_rises_and_is_lifted(db: Pool, db_dsn: str) -> None:
    mashiki = await people.make_resident(db, home_place_id=await people.make_place(db))
    kashima = await people.make_resident(db, home_place_id=await people.make_place(db, people.KASHIMA))
    clock = FixedClock(NOON)
    async with wires(db, db_dsn, clock=clock) as deps:
        await hear(deps, rain(warned(MASHIKI, 4), warned(KASHIMA, 4)))
        await db.execute("UPDATE message SET state = 'sent'")
        clock.advance(timedelta(minutes=30))
        await hear(deps, rain(warned(MASHIKI, 5), warned(KASHIMA, 4), at=clock.now()))
        assert await told(db, "update") == {mashiki.id}
        assert await db.fetchval("SELECT asks FROM incident_resident WHERE resident_id = $1", mashiki.id) == 2
        clock.advance(timedelta(minutes=30))
        await db.execute("UPDATE message SET state = 'sent'")
        await hear(deps, rain(warned(MASHIKI, 5), warned(KASHIMA, 0), at=clock.now()))
        assert await told(db, "lift") == {kashima.id}
        clock.advance(timedelta(minutes=30))
        await db.execute("UPDATE message SET state = 'sent'")
        await hear(deps, rain(warned(MASHIKI, 0), at=clock.now(), message=MessageType.LIFT))
        assert await told(db, "lift") == {kashima.id, mashiki.id}
        lifts = [m["resident_id"] for m in await messages(db) if m["moment"] == "lift"]
        assert lifts == [kashima.id, mashiki.id]
    assert await db.fetchval("SELECT count(*) FROM incident") == 1
    assert await db.fetchval("SELECT closes_at FROM incident") == clock.now() + timedelta(hours=24)


async def test_tsunami_joins_its_quake_and_asks_again(db: Pool, db_dsn: str) -> None:
    place = await people.make_place(db, (*people.MASHIKI, ("jma.tsunami_area", "740")))
    person = await people.make_resident(db, home_place_id=place)
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("6-"), city(MASHIKI, "6-")), tsunami("warning", at=NOON + timedelta(seconds=20)))
    assert await db.fetchval("SELECT count(*) FROM incident") == 1
    assert await told(db, "update") == {person.id}
    reason = await db.fetchval(SQL_REASON)
    assert set(reason["told"]) == {"earthquake", "tsunami"}


async def test_invited_people_are_told_only_when_it_is_serious(db: Pool, db_dsn: str) -> None:
    mild = await people.make_place(db, people.KASHIMA)
    hard = await people.make_place(db, people.MASHIKI)
    enrolled = await people.make_resident(db, home_place_id=mild)
    await people.make_resident(db, home_place_id=mild, enrolled=False)
    invited = await people.make_resident(db, home_place_id=hard, enrolled=False)
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("4"), city(KASHIMA, "5-"), city(MASHIKI, "6-")))
    assert await told(db, "issue") == {enrolled.id, invited.id}


async def test_who_withdrew_or_left_is_not_told(db: Pool, db_dsn: str) -> None:
    place = await people.make_place(db)
    await people.make_resident(
        db, home_place_id=place, consents=(NewConsent("C1"), NewConsent("C1", "withdrawn", False))
    )
    left = await people.make_resident(db, home_place_id=place)
    await db.execute("UPDATE resident SET state = 'left' WHERE id = $1", left.id)
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7")))
    assert await told(db, "issue") == set()


async def test_nobody_without_a_way_to_reach_is_forgotten(db: Pool, db_dsn: str) -> None:
    person = await people.make_resident(db, home_place_id=await people.make_place(db), phone="")
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7")))
    row = await db.fetchrow("SELECT resident_id, reachable, asked_at FROM incident_resident")
    assert row is not None
    assert (row["resident_id"], row["reachable"]) == (person.id, False) and row["asked_at"] is not None


async def test_leader_of_a_dorm_gets_one_message(db: Pool, db_dsn: str) -> None:
    org = await people.make_org(db)
    dorm = await people.make_site(db, org.id, name="Sakura dorm")
    leader = await people.make_resident(db, org.id, dorm=dorm)
    for _ in range(5):
        await people.make_resident(db, org.id, dorm=dorm)
    async with db.acquire() as conn, conn.transaction():
        await registry.set_leader(conn, dorm[0], 1, resident_id=leader.id)
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("6-"), city(MASHIKI, "6-")))
        await hear(deps, quake(region("7"), city(MASHIKI, "7"), at=NOON + timedelta(seconds=25), serial="2"))
    links = await db.fetch(
        "SELECT l.*, t.body FROM link l JOIN message m ON m.link_id = l.id "
        "JOIN alert_text t ON t.id = m.text_id WHERE l.kind = 'leader'"
    )
    assert [(link["resident_id"], link["site_id"]) for link in links] == [(leader.id, dorm[0])]
    # What happened comes first: a leader on the staff may live elsewhere and have had no alert.
    assert "Động đất. Bạn phụ trách Sakura dorm: 6 người." in links[0]["body"]


async def test_deputy_is_called_where_the_leader_has_no_contact(db: Pool, db_dsn: str) -> None:
    org = await people.make_org(db)
    dorm = await people.make_site(db, org.id)
    leader = await people.make_resident(db, org.id, dorm=dorm, phone="")
    deputy = await people.make_resident(db, org.id, dorm=dorm)
    async with db.acquire() as conn, conn.transaction():
        await registry.set_leader(conn, dorm[0], 1, resident_id=leader.id)
        await registry.set_leader(conn, dorm[0], 2, resident_id=deputy.id)
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("6-"), city(MASHIKI, "6-")))
    assert await db.fetchval("SELECT resident_id FROM link WHERE kind = 'leader'") == deputy.id


async def test_impossible_time_is_held(db: Pool, db_dsn: str) -> None:
    await people.make_resident(db, home_place_id=await people.make_place(db))
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7"), at=NOON + timedelta(minutes=30)))
    row = await db.fetchrow("SELECT state, held_reason FROM alert")
    assert row is not None
    assert row["state"] == "held" and "future" in row["held_reason"]
    assert await db.fetchval("SELECT count(*) FROM message") == 0


async def test_aftershock_goes_on_the_same_round(db: Pool, db_dsn: str) -> None:
    known = await people.make_resident(db, home_place_id=await people.make_place(db))
    new = await people.make_resident(db, home_place_id=await people.make_place(db, people.KASHIMA))
    clock = FixedClock(NOON)
    async with wires(db, db_dsn, clock=clock) as deps:
        await hear(deps, quake(region("4"), city(MASHIKI, "6-")))
        clock.advance(timedelta(hours=2))
        weaker = quake(region("4"), city(MASHIKI, "6-"), city(KASHIMA, "5+"), at=clock.now(), id="20261120140000")
        await hear(deps, weaker)
        assert await told(db, "update") == {new.id}
        clock.advance(timedelta(hours=1))
        stronger = quake(region("4"), city(MASHIKI, "7"), at=clock.now(), id="20261120150000")
        await hear(deps, stronger)
        assert await told(db, "update") == {new.id, known.id}
        assert await db.fetchval("SELECT count(*) FROM incident") == 1
        clock.advance(timedelta(hours=7))
        await hear(deps, quake(region("4"), city(MASHIKI, "5+"), at=clock.now(), id="20261120220000"))
    assert await db.fetchval("SELECT count(*) FROM incident") == 2


async def test_two_deciders_make_one_of_everything(db: Pool, db_dsn: str) -> None:
    place = await people.make_place(db)
    for _ in range(20):
        await people.make_resident(db, home_place_id=place)
    stop = asyncio.Event()
    async with wires(db, db_dsn) as deps:
        loops = [asyncio.create_task(decide_forever(deps, stop)) for _ in range(2)]
        for serial in ("1", "2", "3"):
            async with db.acquire() as conn, conn.transaction():
                await store_event(conn, quake(region("7"), city(MASHIKI, "7"), serial=serial))
                await conn.execute("SELECT pg_notify('daijobu_events', '')")
        while await db.fetchval("SELECT count(*) FROM event WHERE decided_at IS NULL") or await db.fetchval(
            "SELECT count(*) FROM alert WHERE state = 'fanning'"
        ):
            await asyncio.sleep(0.02)
        stop.set()
        await asyncio.gather(*loops)
    assert await db.fetchval("SELECT count(*) FROM incident") == 1
    assert await db.fetchval("SELECT count(*) FROM message") == 20
    assert await db.fetchval("SELECT count(*) FROM alert_resident") == 20


async def test_an_event_that_breaks_our_code_stops_nobody_else(db: Pool, db_dsn: str) -> None:
    person = await people.make_resident(db, home_place_id=await people.make_place(db))
    async with wires(db, db_dsn) as deps:
        poison = await store_event(db, quake(city(MASHIKI, "7"), serial="9", id="20261120110000"))
        await db.execute("UPDATE event SET payload = payload - 'areas' WHERE id = $1", poison)
        await hear(deps, quake(region("7"), city(MASHIKI, "7"), at=NOON + timedelta(seconds=5)))
    assert str(await db.fetchval("SELECT outcome FROM event WHERE id = $1", poison)).startswith("error: ")
    assert await told(db, "issue") == {person.id}


async def test_org_kind_is_irrelevant_for_being_told(db: Pool, db_dsn: str) -> None:
    org = await people.make_org(db, OrgKind.COMMUNITY)
    person = await people.make_resident(db, org.id, home_place_id=await people.make_place(db))
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7")))
    assert await db.fetchval("SELECT orgs FROM incident_resident WHERE resident_id = $1", person.id) == [org.id]


async def test_slices_resume_where_they_stopped(db: Pool, db_dsn: str) -> None:
    """A fan-out that dies in the middle goes on with the next slice: nobody twice, nobody missed."""
    place = await people.make_place(db)
    ids = {(await people.make_resident(db, home_place_id=place)).id for _ in range(9)}
    async with wires(db, db_dsn) as deps:
        await store_event(db, quake(region("7"), city(MASHIKI, "7")))
        assert await fanout.decide_next_event(deps)
        for limit in (4, 4):
            async with transaction(db) as conn:
                alert = await fanout_store.next_alert(conn)
                assert alert is not None
                await fanout.fan_out(deps, conn, alert, limit, limit)
        with pytest.raises(asyncpg.PostgresError):
            async with transaction(db) as conn:
                alert = await fanout_store.next_alert(conn)
                assert alert is not None
                await fanout.fan_out(deps, conn, alert, 4, 4)
                await conn.execute("SELECT 1/0")
        while await fanout.fan_out_slice(deps):
            pass
    rows = await db.fetch("SELECT resident_id FROM message")
    assert sorted(r["resident_id"] for r in rows) == sorted(ids)
    assert await db.fetchval("SELECT people FROM alert") == 9
