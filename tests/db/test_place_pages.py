"""Where staff type a place: what was understood is shown back, how exactly, and online only where it is configured."""

from __future__ import annotations

from typing import Any

import pytest

from core.db import Pool
from core.settings import Settings, load_settings
from tests.geocode_servers import FakeGeocoder, geocoder_server
from tests.people import make_org
from tests.staff_site import staff_site

#: A stored point is the centre of its 250 m mesh.
MESH = 0.003


def online(fake: FakeGeocoder, **more: Any) -> Settings:
    return load_settings(
        {}, geocoder="nominatim", geocoder_url=fake.url, geocoder_min_delay_s=0.0, geocoder_timeout_s=20, **more
    )


async def add(visitor: Any, **values: str) -> str:
    given = {"kind": "dorm", "name": "Dorm", **values}
    response = await visitor.submit("/sites", "/sites", given)
    assert response.status == 200, await response.text()
    return str(await response.text())


async def test_a_postal_code_says_what_it_is_and_that_it_is_not_exact(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        page = await add(await site.signed_in(org), postal_code="861-2242")
    assert "Mashiki" in page and "We know only the city, town or village." in page


async def test_an_address_as_people_write_it_in_the_region(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        visitor = await site.signed_in(org)
        assert "Uki" in await add(visitor, address="松橋町1")
        page = await add(visitor, name="Other", address="Chuo-ku, Kumamoto City")
        assert "Kumamoto Chuo-ku (熊本市中央区)" in page
    codes = await db.fetch("SELECT DISTINCT code FROM place_area WHERE scheme = 'jis' ORDER BY code")
    assert [row["code"] for row in codes] == ["43100", "43101", "43213"]


async def test_a_pasted_point_is_exact_and_its_notes_are_shown_once(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        visitor = await site.signed_in(org)
        page = await add(visitor, address="130.8167, 32.7873")
        assert "The exact point is known." in page and "Latitude and longitude were swapped" in page
        dorm = await db.fetchval("SELECT id FROM site")
        _, again = await visitor.get(f"/sites/{dorm}?note=nonsense&note=%3Cb%3E")
        assert "swapped" not in again and "nonsense" not in again
    row = await db.fetchrow("SELECT lat, lon, precision FROM place")
    assert row["precision"] == "exact" and abs(row["lat"] - 32.7873) < MESH and abs(row["lon"] - 130.8167) < MESH


async def test_a_site_is_asked_online_and_known_to_the_building(db: Pool) -> None:
    org = await make_org(db)
    async with geocoder_server() as fake, staff_site(db, settings=online(fake)) as site:
        page = await add(await site.signed_in(org), address="益城町宮園702", postal_code="861-2242")
        assert "The building is known." in page and len(fake.asked) == 1
    assert await db.fetchval("SELECT precision FROM place") == "street"


@pytest.mark.parametrize(("mode", "words"), [("error", "gave no answer"), ("nothing", "does not know this address")])
async def test_an_online_geocoder_that_fails_never_stops_saving(db: Pool, mode: str, words: str) -> None:
    org = await make_org(db)
    async with geocoder_server() as fake, staff_site(db, settings=online(fake)) as site:
        fake.mode = mode
        page = await add(await site.signed_in(org), address="益城町宮園702")
    assert words in page and "We know only the city" in page
    assert await db.fetchval("SELECT precision FROM place") == "municipality"


@pytest.mark.parametrize("personal", [False, True])
async def test_a_home_is_asked_online_only_where_that_is_switched_on(db: Pool, personal: bool) -> None:
    org = await make_org(db)
    async with geocoder_server() as fake, staff_site(db, settings=online(fake, geocoder_personal=personal)) as site:
        visitor = await site.signed_in(org)
        given = {"name": "Thu Example", "language": "vi", "phone": "090-1234-5678", "home_address": "益城町宮園702"}
        response = await visitor.submit("/people/new", "/people/new", given)
        page = await response.text()
        assert response.status == 200 and "Mashiki" in page
        assert ("The building is known." in page) is personal
        assert len(fake.asked) == personal
    assert await db.fetchval("SELECT precision FROM place") == ("street" if personal else "municipality")
