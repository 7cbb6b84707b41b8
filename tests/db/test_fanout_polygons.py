"""People matched by polygon, because the event names no codes: who is told, what they read, and what is held."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from alerts import fanout, fanout_store
from alerts.deps import Deps
from alerts.preview import preview
from core.clock import FixedClock
from core.db import Pool, transaction
from core.model import Event, Level, MessageType, Polygon
from tests import people
from tests.alerts_kit import MASHIKI, NOON, at, hear, messages, quake, rain, store_event, told, warned, wires
from tests.incidents import SQL_STANDINGS

HITOYOSHI = (("jis", "43203"), ("jma.city", "4320300"))


def square(west: float, south: float, size: float) -> dict[str, Any]:
    east, north = west + size, south + size
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


#: Mashiki town hall lies in both of these; (32.75, 130.77) only in the wide one; (32.60, 130.82) in neither.
WIDE, NARROW = square(130.75, 32.73, 0.12), square(130.80, 32.77, 0.04)
TOWN_HALL, WEST, OUTSIDE = (32.79, 130.82), (32.75, 130.77), (32.60, 130.82)


def flood(*polygons: tuple[dict[str, Any], Level], **more: Any) -> Event:
    return at(rain(**more), polygons=tuple(Polygon(*polygon) for polygon in polygons))


async def place(db: Pool, point: tuple[float, float], codes: tuple[tuple[str, str], ...] = people.MASHIKI) -> Any:
    return await people.make_place(db, codes, lat=point[0], lon=point[1])


async def someone(db: Pool, home: tuple[float, float] | None, work: tuple[float, float] | None = None) -> people.Person:
    """A resident with a home and, at other coordinates, a workplace; None: not known."""
    org = await people.make_org(db)
    workplace = None
    if work is not None:
        workplace = await people.make_site(db, org.id, kind="workplace")
        await db.execute("UPDATE place SET lat = $2, lon = $3 WHERE id = $1", workplace[1], *work)
    home_id = None if home is None else await place(db, home)
    return await people.make_resident(db, org.id, home_place_id=home_id, workplace=workplace)


async def reasons(db: Pool) -> dict[Any, dict[str, Any]]:
    return {r["resident_id"]: dict(r) for r in await db.fetch(SQL_STANDINGS)}


async def test_home_work_and_both_are_told_and_nobody_outside(db: Pool, db_dsn: str) -> None:
    lives = await someone(db, WEST, OUTSIDE)
    works = await someone(db, OUTSIDE, WEST)
    worse_at_work = await someone(db, WEST, TOWN_HALL)
    await someone(db, OUTSIDE, OUTSIDE)
    await someone(db, OUTSIDE)
    async with wires(db, db_dsn) as deps:
        await hear(deps, flood((WIDE, 4), (NARROW, 5)))
    rows = await reasons(db)
    assert set(rows) == {lives.id, works.id, worse_at_work.id}
    assert {i: r["severity"] for i, r in rows.items()} == {
        lives.id: "severe",
        works.id: "severe",
        worse_at_work.id: "extreme",
    }
    home = rows[lives.id]["reason"]["home"]
    assert (home["scheme"], home["code"], home["level"], home["name_ja"]) == ("polygon", "0", 4, "益城町")
    assert rows[lives.id]["reason"]["work"] is None and rows[works.id]["reason"]["home"] is None
    both = rows[worse_at_work.id]["reason"]
    assert (both["worse"], both["home"]["code"], both["work"]["code"]) == ("work", "0", "1")
    assert {m["resident_id"] for m in await messages(db)} == set(rows)
    # The text names the municipality in the reader's own script, never the number of a polygon.
    body = next(m["body"] for m in await messages(db) if m["resident_id"] == lives.id)
    assert "Mashiki" in body


async def test_three_hundred_metres_outside_still_counts(db: Pool, db_dsn: str) -> None:
    edge = 32.73
    near = await someone(db, (edge - 250 / 111_195, 130.80))
    await someone(db, (edge - 350 / 111_195, 130.80))
    async with wires(db, db_dsn) as deps:
        await hear(deps, flood((WIDE, 4)))
    assert await told(db, "issue") == {near.id}


async def test_a_home_known_only_to_its_municipality_is_not_forgotten(db: Pool, db_dsn: str) -> None:
    vague = await people.make_place(db, people.MASHIKI, lat=OUTSIDE[0], lon=OUTSIDE[1], precision="municipality")
    no_point = await people.make_place(db, people.MASHIKI, lat=None, lon=None, precision="unknown")
    elsewhere = await people.make_place(db, HITOYOSHI, lat=TOWN_HALL[0], lon=TOWN_HALL[1], precision="municipality")
    inside = {(await people.make_resident(db, home_place_id=home)).id for home in (vague, no_point)}
    await people.make_resident(db, home_place_id=elsewhere)
    async with wires(db, db_dsn) as deps:
        await hear(deps, flood((NARROW, 4)))
    assert await told(db, "issue") == inside
    assert {r["reason"]["home"]["name_ja"] for r in (await reasons(db)).values()} == {"益城町"}


async def test_codes_win_where_an_event_has_both(db: Pool, db_dsn: str) -> None:
    by_code = await people.make_resident(db, home_place_id=await place(db, OUTSIDE))
    await people.make_resident(db, home_place_id=await place(db, TOWN_HALL, HITOYOSHI))
    async with wires(db, db_dsn) as deps:
        await hear(deps, at(rain(warned(MASHIKI, 4)), polygons=(Polygon(NARROW, 5),)))
    rows = await reasons(db)
    assert set(rows) == {by_code.id}
    home = rows[by_code.id]["reason"]["home"]
    assert (home["scheme"], home["code"], home["level"]) == ("jma.city", MASHIKI, 4)


@pytest.mark.parametrize(
    ("geometry", "reason"),
    [
        (square(130.0, 31.5, 2.5), "more than 40000 km2"),
        ({"type": "Polygon", "coordinates": [[[130, 32], [131, 33]]]}, "cannot be read"),
        (
            {"type": "Polygon", "coordinates": [[[-179, 30], [179, 30], [179, 40], [-179, 40], [-179, 30]]]},
            "not a shape in Japan",
        ),
    ],
)
async def test_unusable_polygons_are_held_and_nobody_is_told(
    db: Pool, db_dsn: str, geometry: dict[str, Any], reason: str
) -> None:
    await someone(db, TOWN_HALL)
    event = flood((NARROW, 4), (geometry, 5))
    async with wires(db, db_dsn) as deps:
        await hear(deps, event)
        async with transaction(db) as conn:
            seen = await preview(deps, conn, flood((geometry, 5), at=NOON + timedelta(minutes=1)))
    row = await db.fetchrow("SELECT state, held_reason FROM alert")
    assert row is not None
    assert row["state"] == "held" and reason in row["held_reason"]
    assert await db.fetchval("SELECT count(*) FROM message") == 0
    assert str(await db.fetchval("SELECT outcome FROM event")).startswith("held: polygons without area codes")
    assert reason in seen["incident"]["held"]


async def test_a_polygon_lifted_tells_those_in_it_and_the_next_report_those_newly_inside(db: Pool, db_dsn: str) -> None:
    first, second = await someone(db, TOWN_HALL), await someone(db, WEST)
    clock = FixedClock(NOON)
    async with wires(db, db_dsn, clock=clock) as deps:
        await hear(deps, flood((NARROW, 4)))
        assert await told(db, "issue") == {first.id}
        await db.execute("UPDATE message SET state = 'sent'")
        clock.advance(timedelta(minutes=30))
        await hear(deps, flood((NARROW, 0), (square(130.75, 32.74, 0.03), 4), at=clock.now()))
        assert (await told(db, "lift"), await told(db, "update")) == ({first.id}, {second.id})
        await db.execute("UPDATE message SET state = 'sent'")
        clock.advance(timedelta(minutes=30))
        # A cancellation names nothing: its text still names the municipality of the alert that it takes back.
        await hear(deps, at(rain(at=clock.now(), message=MessageType.CANCEL)))
    assert await told(db, "cancel") == {second.id}
    assert await db.fetchval("SELECT count(*) FROM incident") == 1
    assert "Mashiki" in next(m["body"] for m in await messages(db) if m["moment"] == "cancel")


async def test_a_fan_out_that_dies_goes_on_with_the_same_answer(db: Pool, db_dsn: str) -> None:
    ids = {(await someone(db, TOWN_HALL if n % 2 else WEST)).id for n in range(7)}
    async with wires(db, db_dsn) as deps:
        await store_event(db, flood((WIDE, 4), (NARROW, 5)))
        assert await fanout.decide_next_event(deps)
        async with transaction(db) as conn:
            alert = await fanout_store.next_alert(conn)
            assert alert is not None
            await fanout.fan_out(deps, conn, alert, 3, 3)
        with pytest.raises(asyncpg.PostgresError):
            async with transaction(db) as conn:
                alert = await fanout_store.next_alert(conn)
                assert alert is not None
                await fanout.fan_out(deps, conn, alert, 3, 3)
                await conn.execute("SELECT 1/0")
        while await fanout.fan_out_slice(deps):
            pass
    assert sorted(m["resident_id"] for m in await messages(db)) == sorted(ids)
    assert await db.fetchval("SELECT people FROM alert") == 7


async def test_people_near_a_polygon_but_outside_are_not_even_read(db: Pool, db_dsn: str) -> None:
    """In the hole of a ring: within its bounds, so that only the shape itself can say so."""
    ring = {"type": "Polygon", "coordinates": [*WIDE["coordinates"], *NARROW["coordinates"]]}
    inside = set()
    for n in range(8):
        person = await someone(db, TOWN_HALL if n % 4 else WEST)
        if n % 4 == 0:
            inside.add(person.id)
    async with wires(db, db_dsn) as deps:
        await store_event(db, flood((ring, 4)))
        assert await fanout.decide_next_event(deps)
        await fan_out(db, deps, 3)
    assert await db.fetchval("SELECT state FROM alert") == "done"
    assert await told(db, "issue") == inside
    assert await db.fetchval("SELECT people FROM alert") == 2


async def fan_out(db: Pool, deps: Deps, limit: int) -> None:
    """One slice of the alert that is on its way."""
    async with transaction(db) as conn:
        alert = await fanout_store.next_alert(conn)
        assert alert is not None
        planned = await fanout.fan_out(deps, conn, alert, limit, limit) == 0
    if planned and await db.fetchval("SELECT EXISTS (SELECT FROM alert_slice WHERE done_at IS NULL)"):
        await fan_out(db, deps, limit)  # it has said whose turn comes when, and told nobody yet


async def test_who_registers_or_moves_while_an_alert_is_on_its_way(db: Pool, db_dsn: str) -> None:
    """Told once or not at all, by where they are when their turn comes; also by another process."""
    homes = [await place(db, TOWN_HALL) for _ in range(6)]
    first, second, third, fourth, fifth, sixth = [
        (await people.make_resident(db, home_place_id=home)).id for home in homes
    ]
    move = "UPDATE place SET lat = $2, lon = $3 WHERE id = $1"
    async with wires(db, db_dsn) as deps:
        await store_event(db, flood((NARROW, 4)))
        assert await fanout.decide_next_event(deps)
        await fan_out(db, deps, 2)
        assert await told(db, "issue") == {first, second}
        await db.execute(move, homes[0], *OUTSIDE)  # told already, and not taken back
        await db.execute(move, homes[2], *OUTSIDE)  # before their turn: not told
        await db.execute("DELETE FROM resident WHERE id = $1", fourth)
        await db.execute("DELETE FROM place WHERE id = $1", homes[3])
        late = (await someone(db, TOWN_HALL)).id
        await fan_out(db, deps, 2)
        await db.execute(move, homes[0], *TOWN_HALL)  # back again: the turn is over
    async with wires(db, db_dsn) as another_process:
        await fan_out(db, another_process, 2)
        await db.execute(move, homes[2], *TOWN_HALL)  # back before the end: whoever is inside and had no turn gets one
        latest = (await someone(db, TOWN_HALL)).id
        await fan_out(db, another_process, 2)
        assert await db.fetchval("SELECT state FROM alert") == "fanning"
        await fan_out(db, another_process, 2)  # nobody is left
        await someone(db, TOWN_HALL)  # too late for this alert
    assert await db.fetchval("SELECT state FROM alert") == "done"
    rows = await db.fetch("SELECT resident_id FROM alert_resident ORDER BY resident_id")
    assert [row["resident_id"] for row in rows] == [first, second, third, fifth, sixth, late, latest]
    assert await db.fetchval("SELECT count(*) FROM alert_slice") == 0


@pytest.mark.parametrize("level", [4, 5])
async def test_a_place_that_moved_an_instant_ago_counts_where_it_is_now(db: Pool, db_dsn: str, level: int) -> None:
    """The next report reaches by polygon who has moved in, or registered, since the one before."""
    moves, stays = await place(db, OUTSIDE), await place(db, TOWN_HALL)
    moving = (await people.make_resident(db, home_place_id=moves)).id
    staying = (await people.make_resident(db, home_place_id=stays)).id
    clock = FixedClock(NOON)
    async with wires(db, db_dsn, clock=clock) as deps:
        await hear(deps, flood((NARROW, 4)))
        assert await told(db, "issue") == {staying}
        await db.execute("UPDATE place SET lat = $2, lon = $3 WHERE id = $1", moves, *TOWN_HALL)
        newcomer = (await someone(db, TOWN_HALL)).id
        clock.advance(timedelta(minutes=10))
        await hear(deps, flood((NARROW, level), at=clock.now()))
    # A report that repeats the level is news to those alone who were not told of it.
    assert await told(db, "update") == {moving, newcomer} | ({staying} if level == 5 else set())


async def test_by_polygon_too_both_codes_and_every_ward_count(db: Pool, db_dsn: str) -> None:
    """A point and a postal code that disagree, and a city without its ward: told wherever either of them lies."""
    wards = (("jis", "43102"), ("jis", "43103"), ("jma.city", "4310000"))
    both = await people.make_place(db, (*people.MASHIKI, *HITOYOSHI), lat=None, lon=None, precision="unknown")
    ward_unknown = await people.make_place(db, wards, lat=None, lon=None, precision="municipality")
    by_point = await people.make_place(db, HITOYOSHI, lat=32.77, lon=130.86, precision="exact")
    ids = [(await people.make_resident(db, home_place_id=home)).id for home in (both, ward_unknown, by_point)]
    clock = FixedClock(NOON)
    async with wires(db, db_dsn, clock=clock) as deps:
        await hear(deps, flood((square(130.85, 32.76, 0.02), 4)))  # in Mashiki, away from the city's border
        assert await told(db, "issue") == {ids[0], ids[2]}
        clock.advance(timedelta(minutes=10))
        await hear(deps, flood((square(130.70, 32.79, 0.02), 4), at=clock.now()))
    assert await told(db, "update") == {ids[1]}


async def test_preview_lists_the_same_people_with_the_polygon_as_the_reason(db: Pool, db_dsn: str) -> None:
    person = await someone(db, OUTSIDE, TOWN_HALL)
    await someone(db, OUTSIDE)
    event = at(quake(), polygons=(Polygon(NARROW, "6-"),))
    async with wires(db, db_dsn) as deps:
        async with transaction(db) as conn:
            found = await preview(deps, conn, event)
        assert await db.fetchval("SELECT count(*) FROM alert") == 0
        await hear(deps, event)
    json.dumps(found)
    assert found["incident"]["held"] is None
    (one,) = found["people"]
    assert (one["name"], one["severity"], one["asked"]) == (person.name, "extreme", True)
    assert one["reason"] == {"place": "work", "scheme": "polygon", "code": "0", "level": "6-", "not_received": False}
    assert "Mashiki" in one["text"]
    assert await told(db, "issue") == {person.id}
    assert [m["body"] for m in await messages(db) if m["channel"] == "sms"] == [one["text"]]
