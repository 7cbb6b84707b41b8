"""Level 3 of rain and rivers by hazard zone, and rivers that reach beyond the municipalities of their bulletin."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from alerts.audience import outlook
from alerts.preview import preview
from alerts.rules import load_rules
from core.db import Pool, transaction
from core.model import Area, Change, Event, MessageType
from tests import people
from tests.alerts_kit import NOON, hear, rain, told, warned, wires
from tests.incidents import SQL_REASON
from tests.people import Person
from tests.zone_files import (
    HILL,
    HITOYOSHI,
    KUMA,
    NISHIKI,
    RIVERSIDE,
    compare_all,
    flood,
    import_zones,
    landslide,
    place_at,
    square,
    write,
)

CITY = "4320300"
BEFORE = NOON - timedelta(minutes=1)


def river(level: int, *cities: Area, **more: object) -> Event:
    """A bulletin of the Kuma river: VXKO."""
    change = Change.LIFTED if level == 0 else Change.ISSUED
    areas = (Area("jma.river", KUMA, name="球磨川", level=level, change=change), *cities)
    return replace(rain(*areas, type="VXKO", hazard="river_flood"), thread="VXKO:actual:890911000100", **more)


async def live_at(
    db: Pool, org: UUID, point: tuple[float, float], precision: str = "exact", codes: object = HITOYOSHI
) -> Person:
    place = await place_at(db, point, precision, codes)  # type: ignore[arg-type]
    return await people.make_resident(db, org, home_place_id=place)


async def zones(db: Pool, folder: Path) -> None:
    await import_zones(
        db, write(folder, "flood.geojson", flood()), write(folder, "slope.geojson", landslide(square(*HILL)))
    )
    await compare_all(db)


@pytest.mark.parametrize(
    ("event", "where"),
    [
        (river(3, warned(CITY, 3)), {"river", "rough", "vague"}),
        (rain(warned(CITY, 3)), {"river", "rough", "vague"}),
        (rain(warned(CITY, 3), type="VPWW56", hazard="landslide"), {"hill", "rough", "vague"}),
        (river(4, warned(CITY, 4)), {"river", "hill", "rough", "vague"}),
        (rain(warned(CITY, 5)), {"river", "hill", "rough", "vague"}),
        (rain(warned(CITY, 3), type="VPWW57", hazard="storm_surge"), {"river", "hill", "rough", "vague"}),
        (rain(replace(warned(CITY, 3), level="moderate"), hazard="heavy_rain"), {"river", "hill", "rough", "vague"}),
    ],
    ids=["river 3", "rain 3", "landslide 3", "river 4", "rain 5", "surge 3", "stated by people"],
)
async def test_level_3_is_for_zones_and_for_places_that_are_not_known(
    db: Pool, db_dsn: str, tmp_path: Path, event: Event, where: set[str]
) -> None:
    org = await people.make_org(db)
    homes = {
        "river": await live_at(db, org.id, RIVERSIDE),
        "hill": await live_at(db, org.id, HILL),
        "rough": await live_at(db, org.id, HILL, "municipality"),
    }
    await zones(db, tmp_path)
    homes["vague"] = await live_at(db, org.id, (32.30, 130.76))  # registered a second ago: not compared yet
    async with wires(db, db_dsn) as deps:
        async with transaction(db) as conn:
            counted = (await outlook(deps, conn, event, NOON)).audience.people
            listed = await preview(deps, conn, event)
        await hear(deps, event)
    assert await told(db, "issue") == {homes[name].id for name in where}
    assert counted == len(where) == listed["totals"]["people"]


async def test_without_zones_of_the_prefecture_level_3_is_for_everybody(db: Pool, db_dsn: str) -> None:
    org = await people.make_org(db)
    homes = [await live_at(db, org.id, point) for point in (RIVERSIDE, HILL)]
    await compare_all(db)
    async with wires(db, db_dsn) as deps:
        await hear(deps, river(3, warned(CITY, 3)))
    assert await told(db, "issue") == {person.id for person in homes}


async def test_whoever_asked_for_it_is_told_of_level_3_outside_of_every_zone(
    db: Pool, db_dsn: str, tmp_path: Path
) -> None:
    org = await people.make_org(db)
    asked, other = [await live_at(db, org.id, HILL) for _ in range(2)]
    await zones(db, tmp_path)
    await db.execute("UPDATE resident SET level3_always = true WHERE id = $1", asked.id)
    async with wires(db, db_dsn) as deps:
        await hear(deps, rain(warned(CITY, 3), at=BEFORE))
        assert await told(db, "issue") == {asked.id}
        await hear(deps, rain(warned(CITY, 4)))
    assert await told(db, "update") == {asked.id, other.id}


async def test_home_on_the_hill_and_work_at_the_river(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    org = await people.make_org(db)
    async with transaction(db) as conn:
        work = await people.make_site(conn, org.id, kind="workplace", codes=HITOYOSHI)
        await conn.execute(
            "UPDATE place SET lat = $2, lon = $3, precision = 'exact' WHERE id = $1", work[1], *RIVERSIDE
        )
    person = await people.make_resident(db, org.id, home_place_id=await place_at(db, HILL), workplace=work)
    await zones(db, tmp_path)
    async with wires(db, db_dsn) as deps:
        await hear(deps, river(3, warned(CITY, 3)))
    assert await told(db, "issue") == {person.id}
    reason = await db.fetchval(SQL_REASON)
    assert reason["home"] is None and reason["work"]["code"] == CITY and reason["worse"] == "work"


async def test_a_river_reaches_its_flood_area_beyond_the_listed_municipalities(
    db: Pool, db_dsn: str, tmp_path: Path
) -> None:
    org = await people.make_org(db)
    listed_hill = await live_at(db, org.id, HILL)
    unlisted_river = await live_at(db, org.id, RIVERSIDE, codes=NISHIKI)
    unlisted_hill = await live_at(db, org.id, HILL, codes=NISHIKI)
    await zones(db, tmp_path)
    async with wires(db, db_dsn) as deps:
        await hear(deps, river(4, warned(CITY, 4)))
    assert await told(db, "issue") == {listed_hill.id, unlisted_river.id}
    assert unlisted_hill.id not in await told(db, "issue")
    body = await db.fetchval(
        "SELECT t.body FROM message m JOIN alert_text t ON t.id = m.text_id WHERE m.resident_id = $1", unlisted_river.id
    )
    assert "球磨川" in body or "Kuma" in body


async def test_the_gauge_of_a_listed_municipality_counts_before_the_river(
    db: Pool, db_dsn: str, tmp_path: Path
) -> None:
    org = await people.make_org(db)
    calm = await live_at(db, org.id, RIVERSIDE)
    high = await live_at(db, org.id, RIVERSIDE, codes=NISHIKI)
    await zones(db, tmp_path)
    async with wires(db, db_dsn) as deps:
        await hear(deps, river(5, warned(CITY, 2), warned("4350100", 5)))
    assert await told(db, "issue") == {high.id}
    assert calm.id not in await told(db, "issue")


async def test_a_river_of_the_same_code_does_not_reach_another_prefecture(
    db: Pool, db_dsn: str, tmp_path: Path
) -> None:
    org = await people.make_org(db)
    kagoshima = (("jis", "46208"), ("jma.city", "4620800"))
    beyond = await live_at(db, org.id, RIVERSIDE, codes=kagoshima)
    await zones(db, tmp_path)
    async with wires(db, db_dsn) as deps:
        await hear(deps, river(5, warned(CITY, 5), issued_at=BEFORE, sent_at=BEFORE))
        assert await told(db, "issue") == set()
        await hear(deps, river(5, warned(CITY, 5), warned("4620900", 4)))
    assert beyond.id in await told(db, "issue") | await told(db, "update")


async def test_it_is_over_for_whoever_the_river_alone_reached(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    org = await people.make_org(db)
    person = await live_at(db, org.id, RIVERSIDE, codes=NISHIKI)
    await zones(db, tmp_path)
    async with wires(db, db_dsn) as deps:
        await hear(deps, river(4, warned(CITY, 4), issued_at=BEFORE, sent_at=BEFORE))
        await hear(deps, river(0, warned(CITY, 0), message_type=MessageType.LIFT))
    assert await told(db, "lift") == {person.id}


def test_only_levels_that_do_not_ask_are_for_zones() -> None:
    limited = {(name, one) for name, rule in load_rules().items() for one in rule.levels if rule.only_in_zone(one)}
    assert limited == {("river_flood", "3"), ("heavy_rain", "3"), ("landslide", "3")}
