"""What keeps people from being lost, from the geocoder to who is found: by code in SQL, by polygon in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from core.db import Pool, transaction
from core.model import AreaCode, Located
from geo.areas import Areas
from geo.geocode import locate
from geo.place_index_store import LivePlaces
from geo.reach import reach_of
from geo.shapes import METRES_PER_DEGREE, Shapes
from geo.store import insert_place, places_in_codes

MASHIKI = (32.7873, 130.8167)


def square(west: float, south: float, size: float) -> dict[str, Any]:
    east, north = west + size, south + size
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


async def stored(db: Pool, located: Located) -> UUID:
    async with transaction(db) as conn:
        return await insert_place(conn, located)


async def by_polygon(db: Pool, geometry: dict[str, Any]) -> set[UUID]:
    async with db.acquire() as conn:
        return set(await LivePlaces().reached_by(conn, (reach_of(geometry, Shapes.load()),)))


async def by_code(db: Pool, scheme: str, code: str) -> set[UUID]:
    return set(await places_in_codes(db, [AreaCode(scheme, code)]))


@pytest.mark.parametrize(("metres", "told"), [(-400, True), (150, True), (700, False)])
async def test_a_polygon_is_300_metres_wider_than_drawn(db: Pool, metres: float, told: bool) -> None:
    """Less sharp here than in tests/unit: what is stored is the middle of a 250 m mesh."""
    place = await stored(db, locate(lat=MASHIKI[0], lon=MASHIKI[1]))
    north = MASHIKI[0] - metres / METRES_PER_DEGREE
    assert await by_polygon(db, square(130.80, north - 0.05, 0.05)) == ({place} if told else set())


async def test_point_and_postal_code_disagree_either_finds_the_place(db: Pool) -> None:
    place = await stored(db, locate(lat=MASHIKI[0], lon=MASHIKI[1], postal_code="868-0072"))  # Hitoyoshi
    for scheme, code in (("jis", "43443"), ("jma.city", "4344300"), ("jis", "43203"), ("jma.quake_area", "742")):
        assert await by_code(db, scheme, code) == {place}
    # By polygon the point decides, for there is one.
    assert await by_polygon(db, square(130.80, 32.77, 0.04)) == {place}
    assert await by_polygon(db, square(130.74, 32.20, 0.04)) == set()


async def test_a_postal_code_over_two_municipalities_is_found_in_both_by_either_way(db: Pool) -> None:
    codes = (*Areas.load().codes_for_jis("43443"), *Areas.load().codes_for_jis("43203"))
    place = await stored(db, replace(locate(postal_code="861-2233"), codes=codes, lat=None, lon=None))
    assert await by_code(db, "jma.city", "4344300") == await by_code(db, "jma.city", "4320300") == {place}
    assert await by_polygon(db, square(130.85, 32.76, 0.02)) == {place}
    assert await by_polygon(db, square(130.74, 32.20, 0.04)) == {place}


async def test_ward_unknown_means_every_ward(db: Pool) -> None:
    place = await stored(db, locate(address="熊本県熊本市"))
    wards = Areas.load().wards("43100")
    assert len(wards) == 5
    for ward in wards:
        assert await by_code(db, "jis", ward) == await by_code(db, "jma.city", f"{ward}00") == {place}
    # In the west of the city and in its east: wherever in it the polygon lies.
    assert (
        await by_polygon(db, square(130.62, 32.80, 0.01))
        == await by_polygon(db, square(130.78, 32.78, 0.01))
        == {place}
    )
    assert await by_polygon(db, square(130.85, 32.76, 0.02)) == set()
