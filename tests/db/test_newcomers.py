"""Who registers, moves or says where they are today after an alert has been to everybody is told what holds there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from alerts.deps import Deps
from alerts.fanout import decide_forever
from alerts.newcomer_tell import tell_newcomers
from alerts.stop_store import SQL_STOP_ALERT
from core.clock import FixedClock
from core.db import Pool, Scope, ScopedPool, transaction
from core.model import Event, MessageType, OrgKind, Polygon, Purpose
from ops.tend_store import close_incidents
from registry.elsewhere_store import end_elsewhere, set_elsewhere
from registry.records import NewContact, NewMembership, NewResident
from registry.store import insert_contacts, insert_residents, set_places
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
    warned,
    wires,
)
from tests.alerts_kit import told as told_by
from tests.people import VAULT, make_place, make_resident

#: Severe in Mashiki, extreme in Kashima, felt in Higashi-ku.
SHOCK = quake(region("6-"), city(MASHIKI, "5+"), city(KASHIMA, "6-"), city(HIGASHI_KU, "4"))


@pytest.fixture
async def deps(db: Pool, db_dsn: str) -> AsyncIterator[Deps]:
    worker = ScopedPool(db, Scope("daijobu_worker"))  # as the loops run: what they may not do fails here
    async with wires(worker, db_dsn, clock=FixedClock(NOON + timedelta(seconds=30))) as made:
        yield made


async def look(deps: Deps, minutes: float = 0) -> None:
    """The decide loop finds nothing else to do, some minutes later."""
    assert isinstance(deps.clock, FixedClock)
    deps.clock.advance(timedelta(minutes=minutes))
    while await tell_newcomers(deps):
        pass


async def standing(db: Pool) -> dict[UUID, tuple[str, bool]]:
    """Who stands in an incident: how hard they were told, and whether they were asked."""
    rows = await db.fetch("SELECT resident_id, severity, asked_at FROM incident_resident")
    return {row["resident_id"]: (row["severity"], row["asked_at"] is not None) for row in rows}


async def someone(db: Pool, codes: Any = people.MASHIKI, **more: Any) -> UUID:
    return (await make_resident(db, home_place_id=await make_place(db, codes), **more)).id


async def move(db: Pool, person: UUID, codes: Any) -> None:
    place = await make_place(db, codes)
    async with transaction(db) as conn:
        await set_places(conn, [(person, "home", place)])


async def test_who_registers_is_told_once_like_everybody_else(db: Pool, deps: Deps) -> None:
    before = await someone(db)
    await hear(deps, SHOCK)
    new = await someone(db)
    await look(deps, minutes=20)
    assert await standing(db) == {before: ("severe", True), new: ("severe", True)}
    first, second = [[m for m in await messages(db) if m["resident_id"] == person] for person in (before, new)]
    # The very same words, with the time when it was issued; and never longer than these are true.
    assert [m["text_id"] for m in second] == [m["text_id"] for m in first]
    assert {m["expires_at"] for m in second} == {NOON + timedelta(seconds=30, hours=3)}
    assert {m["due_at"] for m in second if m["step"] < 2} == {deps.clock.now()}
    assert await db.fetchval("SELECT people FROM alert") == 2

    await move(db, new, people.MASHIKI)
    await look(deps, minutes=1)
    assert len(await messages(db)) == len(first) + len(second)
    assert await db.fetchval("SELECT people FROM alert") == 2
    assert await db.fetchval("SELECT count(*) FROM newcomer") == 0


async def test_a_newcomer_does_not_move_the_window_for_aftershocks(db: Pool, deps: Deps) -> None:
    await someone(db)
    await hear(deps, SHOCK)
    round_at = await db.fetchval("SELECT last_round_at FROM incident")
    await someone(db)
    await look(deps, minutes=20)
    assert await db.fetchval("SELECT last_round_at FROM incident") == round_at


async def test_who_may_not_be_told_is_not(db: Pool, deps: Deps) -> None:
    await hear(deps, SHOCK)
    paused, left, refused = [await someone(db) for _ in range(3)]
    await db.execute("UPDATE resident SET state = 'paused' WHERE id = $1", paused)
    await db.execute("UPDATE resident SET state = 'left' WHERE id = $1", left)
    await db.execute(
        "INSERT INTO consent (resident_id, scope, given, basis, version, language, at)"
        " SELECT resident_id, scope, false, 'withdrawn', version, language, at FROM consent"
        " WHERE resident_id = $1 AND scope = 'C1' LIMIT 1",
        refused,
    )
    await someone(db, people.HIGASHI_KU)
    await look(deps)
    assert await standing(db) == {}
    # Back from the pause: told at once.
    await db.execute("UPDATE resident SET state = 'enrolled' WHERE id = $1", paused)
    await look(deps)
    assert set(await standing(db)) == {paused}


async def test_an_invited_person_is_told_when_they_enrol(db: Pool, deps: Deps) -> None:
    """What asks nobody is not sent to who never agreed; who enrols is told at once."""
    invited = await someone(db, enrolled=False)
    await hear(deps, quake(region("5-"), city(MASHIKI, "5-")))
    await look(deps)
    assert await standing(db) == {}
    await db.execute("UPDATE resident SET state = 'enrolled' WHERE id = $1", invited)
    await look(deps)
    assert await standing(db) == {invited: ("moderate", False)}


async def test_who_moves_is_told_where_they_are_now(db: Pool, deps: Deps) -> None:
    mover = await someone(db, people.HIGASHI_KU)
    await hear(deps, SHOCK)
    assert await standing(db) == {}
    await move(db, mover, people.MASHIKI)
    await look(deps, minutes=1)
    assert await standing(db) == {mover: ("severe", True)}
    told = len(await messages(db))
    # Worse there, by the very same report: told again, by an alert of their own.
    await move(db, mover, people.KASHIMA)
    await look(deps, minutes=1)
    assert await standing(db) == {mover: ("extreme", True)}
    assert {m["moment"] for m in (await messages(db))[told:]} == {"update"}
    rows = await db.fetch("SELECT moment, people, state FROM alert ORDER BY revision")
    assert [tuple(row) for row in rows] == [("issue", 1, "done"), ("update", 1, "done")]
    told = len(await messages(db))
    for codes in (people.MASHIKI, people.KASHIMA, people.HIGASHI_KU):
        await move(db, mover, codes)
        await look(deps, minutes=1)
    assert len(await messages(db)) == told
    assert await db.fetchval("SELECT count(*) FROM alert") == 2
    # And what takes the report back takes this back too.
    await hear(deps, quake(at=NOON + timedelta(seconds=20), message=MessageType.CANCEL))
    assert await told_by(db, "cancel") == {mover}
    assert {m["state"] for m in await messages(db)} == {"cancelled"}


async def test_where_they_are_today(db: Pool, deps: Deps) -> None:
    traveller, back, short = [await someone(db, people.FUKUOKA_CHUO) for _ in range(3)]
    await hear(deps, rain(warned(MASHIKI, 4)))
    now = deps.clock.now()
    place = await make_place(db)
    async with transaction(db) as conn:
        await set_elsewhere(conn, traveller, place, now + timedelta(hours=8))
        await set_elsewhere(conn, back, place, now + timedelta(hours=8))
        await set_elsewhere(conn, short, place, now + timedelta(minutes=5))
        await end_elsewhere(conn, back, now)
    # Seen late, because the loop was down for a while.
    await look(deps, minutes=10)
    assert set(await standing(db)) == {traveller}
    assert await db.fetchval("SELECT only_today AND orgs = '{}' FROM incident_resident")


async def test_a_place_that_moves_takes_its_people_along(db: Pool, deps: Deps) -> None:
    """A dorm's address is mended: codes or point are written anew, its people's rows are not."""
    org = await people.make_org(db)
    dorm = await people.make_site(db, org.id, codes=people.HIGASHI_KU)
    coded = (await make_resident(db, org.id, dorm=dorm)).id
    await hear(deps, SHOCK)
    await look(deps)
    assert await standing(db) == {}
    await db.execute("INSERT INTO place_area (scheme, code, place_id) VALUES ('jma.city', $2, $1)", dorm[1], MASHIKI)
    await look(deps)
    assert set(await standing(db)) == {coded}


async def test_polygons_too(db: Pool, deps: Deps) -> None:
    ring = [[130.80, 32.77], [130.84, 32.77], [130.84, 32.81], [130.80, 32.81], [130.80, 32.77]]
    flood = Polygon({"type": "Polygon", "coordinates": [ring]}, 4)
    outside = await make_place(db, lat=32.60, lon=130.82)
    mover = (await make_resident(db, home_place_id=outside)).id
    await hear(deps, rain(polygons=(flood,)))
    assert await standing(db) == {}
    inside = await someone(db)
    await db.execute("UPDATE place SET lat = 32.79 WHERE id = $1", outside)
    await look(deps)
    assert await standing(db) == {inside: ("severe", True), mover: ("severe", True)}


async def stop(db: Pool, deps: Deps) -> None:
    operator = await people.make_org(db, OrgKind.OPERATOR)
    alert = await db.fetchval("SELECT id FROM alert")
    assert await db.fetchval(SQL_STOP_ALERT, alert, "a mistake", operator.staff_id, "^x$", deps.clock.now()) is not None


async def close(db: Pool, deps: Deps) -> None:
    await db.execute("UPDATE incident SET closes_at = $1", deps.clock.now())
    assert len(await close_incidents(db, deps.clock.now())) == 1


async def lift(db: Pool, deps: Deps) -> None:
    await hear(deps, rain(warned(MASHIKI, 0), at=NOON + timedelta(seconds=20), message=MessageType.LIFT))


async def lower(db: Pool, deps: Deps) -> None:
    await hear(deps, rain(warned(MASHIKI, 0), warned(KASHIMA, 4), at=NOON + timedelta(seconds=20)))


async def cancel(db: Pool, deps: Deps) -> None:
    await hear(deps, rain(at=NOON + timedelta(seconds=20), message=MessageType.CANCEL))


@pytest.mark.parametrize("end", [stop, close, lift, lower, cancel])
async def test_what_is_over_is_told_to_nobody_new(db: Pool, deps: Deps, end: Any) -> None:
    before = await someone(db)
    await hear(deps, rain(warned(MASHIKI, 4)))
    await end(db, deps)
    await someone(db)
    await look(deps)
    assert set(await standing(db)) == {before}
    assert await db.fetchval("SELECT count(*) FROM newcomer") == 0


@pytest.mark.parametrize(
    ("event", "hours", "told"),
    [
        (quake(city(MASHIKI, "5+")), 4, False),
        (rain(warned(MASHIKI, 4)), 4, True),
        (rain(warned(MASHIKI, 4), valid_until=NOON + timedelta(hours=3)), 4, False),
        (rain(warned(MASHIKI, 4), valid_until=NOON + timedelta(hours=5)), 4, True),
    ],
)
async def test_a_quake_becomes_history_and_a_warning_holds_until_its_end(
    db: Pool, deps: Deps, event: Event, hours: int, told: bool
) -> None:
    await hear(deps, event)
    new = await someone(db)
    await look(deps, minutes=60 * hours)
    assert set(await standing(db)) == ({new} if told else set())
    assert all(m["expires_at"] > deps.clock.now() for m in await messages(db))


async def test_a_newer_report_is_what_they_hear(db: Pool, deps: Deps) -> None:
    await hear(deps, rain(warned(MASHIKI, 4)), rain(warned(MASHIKI, 5), at=NOON + timedelta(seconds=20)))
    new = await someone(db)
    await look(deps)
    assert await standing(db) == {new: ("extreme", True)}
    assert {m["moment"] for m in await messages(db)} == {"update"}


async def test_of_two_quakes_the_worse_one_and_once(db: Pool, deps: Deps) -> None:
    at = NOON + timedelta(seconds=20)
    await hear(deps, SHOCK, quake(city(KASHIMA, "5+"), id="20261120120010", at=at))
    new = await someone(db, people.KASHIMA)
    await look(deps)
    assert await standing(db) == {new: ("extreme", True)}
    assert await db.fetchval("SELECT count(*) FROM alert_resident WHERE resident_id = $1", new) == 1


async def test_a_drill_stays_a_drill(db: Pool, deps: Deps) -> None:
    await hear(deps, SHOCK, purpose=Purpose.DRILL)
    await someone(db)
    await look(deps)
    found = await messages(db)
    assert found and {m["purpose"] for m in found} == {"drill"}
    assert await db.fetchval("SELECT purpose FROM incident_resident") == "drill"


async def test_nobody_is_told_beside_a_fan_out(db: Pool, deps: Deps) -> None:
    """While an alert is on its way their notes stay; killed while they are told, these stay too."""
    await hear(deps, SHOCK)
    new = await someone(db)
    await db.execute("UPDATE alert SET state = 'fanning'")
    assert not await tell_newcomers(deps)
    assert await db.fetchval("SELECT count(*) FROM newcomer") > 0 and await standing(db) == {}
    await db.execute("UPDATE alert SET state = 'done'")
    await look(deps)
    assert set(await standing(db)) == {new}


async def test_an_alert_our_code_cannot_handle_keeps_nobody_from_another(db: Pool, deps: Deps) -> None:
    await hear(deps, SHOCK, rain(warned(MASHIKI, 4)))
    await db.execute("UPDATE alert SET areas = '[{}]' WHERE context ->> 'hazard' = 'earthquake'")
    new = await someone(db)
    await look(deps)
    rows = await db.fetch(
        "SELECT i.hazard, ir.resident_id FROM incident_resident ir JOIN incident i ON i.id = incident_id"
    )
    assert [tuple(row) for row in rows] == [("heavy_rain", new)]


async def test_who_gets_a_way_to_be_reached_is_told_at_last(db: Pool, deps: Deps) -> None:
    """On the employer's list without a number: nobody could tell them. They enrol, or the number is entered."""
    person = await someone(db, phone="", enrolled=False)
    answered = await someone(db, phone="", enrolled=False)
    await hear(deps, SHOCK)
    assert await messages(db) == [] and len(await standing(db)) == 2
    await db.execute("UPDATE incident_resident SET status = 'ok', status_at = now() WHERE resident_id = $1", answered)
    asked = await db.fetchval("SELECT asked_at FROM incident_resident WHERE resident_id = $1", person)
    links = await db.fetchval("SELECT count(*) FROM link WHERE kind = 'checkin'")
    async with transaction(db) as conn:
        for one, number in ((person, "+819011112222"), (answered, "+819011113333")):
            await insert_contacts(conn, VAULT, [(one, NewContact("phone", number))], deps.clock.now())
    await look(deps, minutes=20)
    assert {m["resident_id"] for m in await messages(db)} == {person}
    row = await db.fetchrow("SELECT reachable, asked_at FROM incident_resident WHERE resident_id = $1", person)
    assert row["reachable"] and row["asked_at"] == asked + timedelta(minutes=20)
    assert await db.fetchval("SELECT count(*) FROM link WHERE kind = 'checkin'") == links
    assert await db.fetchval("SELECT people FROM alert") == 2
    sent = len(await messages(db))
    async with transaction(db) as conn:
        await insert_contacts(conn, VAULT, [(person, NewContact("email", "p@example.com"))], deps.clock.now())
    await look(deps)
    assert len(await messages(db)) == sent


@pytest.mark.parametrize(("zone", "told"), [("in", True), ("out", False), ("unknown", True)])
async def test_who_must_be_in_a_zone_waits_for_the_comparison(db: Pool, deps: Deps, zone: str, told: bool) -> None:
    """Level 3 of a flood is for zones: a new home is compared with them a second later, and that is waited for."""
    await hear(deps, rain(warned(MASHIKI, 3), hazard="river_flood", type="VXKO"))
    new = await someone(db)
    assert not await tell_newcomers(deps)
    assert await standing(db) == {} and await db.fetchval("SELECT residents FROM newcomer") == [new]
    await db.execute(
        "INSERT INTO place_hazard (place_id, flood, landslide, tolerance_m, editions, checked_at)"
        " SELECT place_id, $1, 'out', 0, '{}', now() FROM place_hazard_due ORDER BY place_id LIMIT 1",
        zone,
    )
    await db.execute("DELETE FROM place_hazard_due")
    await look(deps)
    assert set(await standing(db)) == ({new} if told else set())


async def test_nobody_waits_for_zones_for_ever(db: Pool, deps: Deps) -> None:
    await hear(deps, rain(warned(MASHIKI, 3), hazard="river_flood", type="VXKO"))
    new = await someone(db)
    await db.execute("UPDATE newcomer SET at = at - interval '1 minute'")
    await look(deps)
    assert set(await standing(db)) == {new}


async def test_three_hundred_at_once(db: Pool, deps: Deps) -> None:
    """A company is taken on during the incident: one list, few notes; the dorm's leader is called once."""
    await hear(deps, SHOCK)
    org = await people.make_org(db)
    dorm = await people.make_site(db, org.id)
    leader = await make_resident(db, org.id, dorm=dorm)
    await db.execute("INSERT INTO site_leader (site_id, rank, resident_id) VALUES ($1, 1, $2)", dorm[0], leader.id)
    await look(deps)
    made = [
        NewResident(
            name=f"Imported {n}",
            language="vi",
            memberships=(NewMembership(org.id, str(n), None, dorm[0]),),
            contacts=(NewContact("phone", f"+8170{20_000_000 + n}"),),
            home_place_id=dorm[1],
        )
        for n in range(600)
    ]
    async with transaction(db) as conn:
        await insert_residents(conn, VAULT, made, deps.clock.now())
    # Two notes for their homes, two for their numbers.
    assert await db.fetchval("SELECT count(*) FROM newcomer") == 4
    await look(deps, minutes=1)
    assert {person for person in await standing(db)} == {leader.id, *(one.id for one in made)}
    assert await db.fetchval("SELECT count(*) FROM link WHERE kind = 'leader'") == 1
    assert await db.fetchval("SELECT count(DISTINCT resident_id) FROM message") == 601

    # The same list once more leaves no note at all.
    async with transaction(db) as conn:
        await set_places(conn, [(one.id, "home", dorm[1]) for one in made])
    assert await db.fetchval("SELECT count(*) FROM newcomer") == 0


async def test_without_an_incident_notes_are_only_dropped(db: Pool, deps: Deps) -> None:
    await someone(db)
    await look(deps)
    assert await db.fetchval("SELECT count(*) FROM newcomer") == 0 and await standing(db) == {}
    # And the next alert is everybody's, as ever.
    await store_event(db, SHOCK)
    assert not await tell_newcomers(deps)


async def test_the_decide_loop_looks_for_them(db: Pool, deps: Deps) -> None:
    await hear(deps, SHOCK)
    new = await someone(db)
    stop = asyncio.Event()
    task = asyncio.create_task(decide_forever(deps, stop))
    try:
        while not await standing(db) and not task.done():
            await asyncio.sleep(0.02)
    finally:
        stop.set()
        await task
    assert set(await standing(db)) == {new}
