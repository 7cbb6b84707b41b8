"""Hazard zones in the database: imports that replace each other, and what is found at each place."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from core.db import Pool, Scope, ScopedPool, transaction
from core.model import AreaCode, Located, Precision
from geo.store import move_place
from geo.zones import Lies, PlaceHazard, RiverDepth, ZoneKind
from geo.zones_store import check_due, editions, left_due, place_hazards
from tests import people
from tests.zone_files import (
    HILL,
    HITOYOSHI,
    KUMA,
    NISHIKI,
    NOW,
    RIVERSIDE,
    compare_all,
    flood,
    import_zones,
    landslide,
    place_at,
    square,
    write,
)

#: 200 m, 1.5 km and 5 km north of the edge of the square at RIVERSIDE (0.004 degrees are 445 m).
JUST_OUTSIDE = (RIVERSIDE[0] + 0.004 + 0.0018, RIVERSIDE[1])
NOT_FAR = (RIVERSIDE[0] + 0.004 + 0.0135, RIVERSIDE[1])
FAR = (RIVERSIDE[0] + 0.004 + 0.045, RIVERSIDE[1])


async def hazard_at(pool: Pool, place: UUID) -> PlaceHazard | None:
    return (await place_hazards(pool, [place])).get(place)


async def rivers_of(pool: Pool, place: UUID) -> list[str]:
    rows = await pool.fetch("SELECT code FROM place_area WHERE place_id = $1 AND scheme = 'zone.river'", place)
    return [row["code"] for row in rows]


@pytest.mark.parametrize(
    ("point", "precision", "lies", "rivers"),
    [
        (RIVERSIDE, "exact", Lies.IN, 1),
        (JUST_OUTSIDE, "exact", Lies.IN, 1),
        (NOT_FAR, "exact", Lies.OUT, 0),
        (NOT_FAR, "street", Lies.OUT, 0),
        (RIVERSIDE, "town", Lies.IN, 1),
        (NOT_FAR, "town", Lies.UNKNOWN, 1),
        (FAR, "town", Lies.OUT, 0),
        (RIVERSIDE, "municipality", None, 0),
        (RIVERSIDE, "postal", None, 0),
        (RIVERSIDE, "unknown", None, 0),
    ],
)
async def test_what_is_found_depends_on_the_point_and_how_exact_it_is(
    db: Pool, tmp_path: Path, point: tuple[float, float], precision: str, lies: Lies | None, rivers: int
) -> None:
    place = await place_at(db, point, precision)
    await import_zones(db, write(tmp_path, "a.geojson", flood(), flood(rank=2)))
    await compare_all(db)
    found = await hazard_at(db, place)
    if lies is None:
        assert found is None
    else:
        assert found is not None and found.flood is lies and found.landslide is Lies.UNKNOWN
        assert found.depth_rank == (3 if lies is Lies.IN else None)
        assert found.rivers == ((RiverDepth(KUMA, "球磨川", 3, "largest"),) if rivers else ())
    assert await rivers_of(db, place) == [f"{KUMA}-43"] * rivers


async def test_landslide_zones_are_found_as_well(db: Pool, tmp_path: Path) -> None:
    hill, river = await place_at(db, HILL), await place_at(db, RIVERSIDE)
    await import_zones(
        db,
        write(tmp_path, "slopes.geojson", landslide(square(*HILL)), landslide(square(*HILL, half=0.001), zone=2)),
        write(tmp_path, "rivers.geojson", flood()),
    )
    await compare_all(db)
    found = await place_hazards(db, [hill, river])
    assert (found[hill].flood, found[hill].landslide, found[hill].slope_rank) == (Lies.OUT, Lies.IN, 2)
    assert (found[river].flood, found[river].landslide, found[river].slope_rank) == (Lies.IN, Lies.OUT, None)
    assert {e.kind for e in await editions(db)} == set(ZoneKind) and len(found[hill].editions) == 2


async def test_nobody_is_known_to_be_outside_where_a_file_was_left_out(db: Pool, tmp_path: Path) -> None:
    hill, river = await place_at(db, HILL), await place_at(db, RIVERSIDE)
    tokyo = {"type": "name", "properties": {"name": "EPSG:4301"}}
    await import_zones(db, write(tmp_path, "a.geojson", flood()), write(tmp_path, "b.geojson", flood(), crs=tokyo))
    await compare_all(db)
    found = await place_hazards(db, [hill, river])
    assert (found[hill].flood, found[river].flood) == (Lies.UNKNOWN, Lies.IN)


async def test_a_place_over_two_prefectures_needs_the_zones_of_both(db: Pool, tmp_path: Path) -> None:
    place = await place_at(db, HILL, codes=(*HITOYOSHI, ("jis", "46208")))
    await import_zones(db, write(tmp_path, "a.geojson", flood()))
    await compare_all(db)
    found = await hazard_at(db, place)
    assert found is not None and found.flood is Lies.UNKNOWN


async def test_without_any_zones_nothing_is_known_and_nothing_waits(db: Pool) -> None:
    place = await place_at(db, RIVERSIDE)
    assert await left_due(db) == 1
    assert await compare_all(db) == 1
    assert await hazard_at(db, place) is None and await left_due(db) == 0


async def test_a_new_import_replaces_the_old_one_whole(db: Pool, tmp_path: Path) -> None:
    place = await place_at(db, RIVERSIDE)
    await import_zones(db, write(tmp_path, "a.geojson", flood(), flood(code="x", name="万江川", rank=1)))
    await compare_all(db)
    (old,) = await editions(db)
    await import_zones(db, write(tmp_path, "b.geojson", flood(rank=5)))
    assert await compare_all(db) == 1
    (new,) = await editions(db)
    assert old.id != new.id and await db.fetchval("SELECT count(*) FROM hazard_zone") == 1
    found = await hazard_at(db, place)
    assert found is not None and found.depth_rank == 5 and found.editions == (new.id,)
    assert await compare_all(db) == 0


async def test_an_import_that_fails_leaves_the_old_one(db: Pool, tmp_path: Path) -> None:
    await import_zones(db, write(tmp_path, "a.geojson", flood()))
    before = await editions(db)
    await db.execute("ALTER TABLE hazard_zone ADD CONSTRAINT no_six CHECK (rank < 6)")
    with pytest.raises(Exception, match="no_six"):
        await import_zones(db, write(tmp_path, "b.geojson", flood(), flood(rank=6)))
    assert await editions(db) == before and await db.fetchval("SELECT count(*) FROM hazard_zone") == 1


async def test_a_place_that_moves_is_not_known_until_it_is_compared_again(db: Pool, tmp_path: Path) -> None:
    await import_zones(db, write(tmp_path, "a.geojson", flood()))
    org = await people.make_org(db)
    site, place = await people.make_site(db, org.id, codes=HITOYOSHI)
    web = ScopedPool(db, Scope("daijobu_web", (org.id,)))
    for point, lies in ((RIVERSIDE, Lies.IN), (HILL, Lies.OUT)):
        located = Located(*point, Precision.EXACT, codes=tuple(AreaCode(*code) for code in HITOYOSHI))
        async with transaction(web) as conn:
            await move_place(conn, place, located)
        assert await hazard_at(db, place) is None
        await compare_all(db)
        found = await hazard_at(db, place)
        assert found is not None and found.flood is lies
        assert (await place_hazards(web, [place]))[place] == found
    other = ScopedPool(db, Scope("daijobu_web", ((await people.make_org(db)).id,)))
    assert await place_hazards(other, [place]) == {}


async def test_many_places_go_in_batches_and_the_answer_is_the_same(db: Pool, tmp_path: Path) -> None:
    await import_zones(db, write(tmp_path, "a.geojson", flood()))
    await compare_all(db)
    places = [await place_at(db, (RIVERSIDE if n % 2 else HILL), codes=NISHIKI) for n in range(9)]
    assert await check_due(db, NOW, 4) == 4 and await left_due(db) == 5
    assert len(await place_hazards(db, places)) == 4
    assert [await check_due(db, NOW, 4) for _ in range(3)] == [4, 1, 0]
    found = await place_hazards(db, places)
    assert [found[place].flood for place in places] == [Lies.IN if n % 2 else Lies.OUT for n in range(9)]
