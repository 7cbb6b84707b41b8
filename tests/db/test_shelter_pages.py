"""Shelters behind a check-in link: on the page itself, and on the page with all of them."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest

from checkin.shelters_web import ROUTES as SHELTERS
from checkin.web import ROUTES
from core.db import Pool
from tests.db.test_checkin_page import FLOOD_REASON, Client, linked, page
from tests.incidents import FLOOD_CONTEXT, QUAKE_CONTEXT, QUAKE_REASON, database_digest, make_incident
from tests.pages import website
from tests.people import NOW
from tests.shelter_kit import make_shelters, works_at_home

PAGES = [*ROUTES, *SHELTERS]
SQL_TOWN_ONLY = "UPDATE place SET precision = 'municipality', lat = 32.79, lon = 130.82"
SQL_EXACT = "UPDATE place SET precision = 'exact'"


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", html, flags=re.S)).split())


async def more(client: Client, token: str, query: str = "") -> str:
    response = await client.get(f"/c/{token}/shelters{query}")
    assert response.status == 200
    return await response.text()


async def test_the_two_nearest_for_the_danger_stand_under_the_buttons(db: Pool) -> None:
    await make_shelters(db)
    await db.execute(SQL_EXACT)
    _, token = await linked(db, await make_incident(db), language="en")
    await db.execute(SQL_EXACT)
    async with website(db, PAGES) as client:
        html = await page(client, token)
    said = words(html)
    assert "架空公園 about 600 m, east 架空益城町立第二中学校体育館 about 1.5 km, south-east" in said
    assert "総合運動公園" not in said
    assert "They may not be open." in said
    assert "Shelters are free and open to everyone" in said
    assert html.index('value="help"') < html.index("架空公園") < html.index("jma.go.jp")
    assert "https://maps.google.com/?q=32.79050,130.82600" in html


async def test_a_flood_names_what_is_designated_for_floods(db: Pool) -> None:
    await make_shelters(db)
    incident = await make_incident(db, context=FLOOD_CONTEXT)
    _, token = await linked(db, incident, language="en", reason=FLOOD_REASON)
    async with website(db, PAGES) as client:
        said = words(await page(client, token))
        assert "架空公園" not in said
        # The dorm is known only to its quarter of the town.
        assert "架空益城町立第二中学校体育館 within about 2.5 km" in said
        await client.post(f"/c/{token}", data={"answer": "leaving"})
        assert "/shelters" in await page(client, token)
        await client.post(f"/c/{token}", data={"answer": "safe_place"})
        assert "/shelters" not in await page(client, token)


async def test_the_page_of_all_shelters(db: Pool) -> None:
    await make_shelters(db)
    person, token = await linked(db, await make_incident(db), language="en")
    await works_at_home(db, person)
    await db.execute(SQL_EXACT)
    before = await database_digest(db)
    async with website(db, PAGES) as client:
        html = await more(client, token)
        assert '<html lang="ur" dir="rtl">' in await more(client, token, "?lang=ur")
        assert (await client.get("/c/nothing/shelters")).status == 404
    assert await database_digest(db) == before
    said = words(html)
    assert said.index("Home") < said.index("架空公園")
    assert "架空公園 about 600 m, east 熊本県益城町架空1-1 For: Earthquake 車中泊用避難所" in said
    assert "You can also stay here later (hinanjo)" in said
    # Only a place to stay, not for this danger; what is for some people only is not shown to everybody.
    assert said.index("Other places, not chosen for this danger") < said.index("架空公民館")
    assert "架空8" not in said and "E4344300008121" not in html
    assert html.count('rel="noreferrer noopener" referrerpolicy="no-referrer"') == html.count("maps.google.com")


async def test_a_home_known_only_by_its_town_has_no_distances(db: Pool) -> None:
    await make_shelters(db)
    _, token = await linked(db, await make_incident(db), language="en")
    await db.execute(SQL_TOWN_ONLY)
    async with website(db, PAGES) as client:
        assert " m, " not in words(await page(client, token))
        said = words(await more(client, token))
    assert "We know only your town" in said
    assert "架空公園" in said and "about" not in said


@pytest.mark.parametrize("moment", ["cancel", "lift"])
async def test_nobody_is_sent_to_a_shelter_by_an_end(db: Pool, moment: str) -> None:
    await make_shelters(db)
    _, token = await linked(db, await make_incident(db, context=QUAKE_CONTEXT | {"moment": moment}), language="en")
    async with website(db, PAGES) as client:
        assert "架空公園" not in await page(client, token)


async def test_who_calls_for_help_reads_other_things(db: Pool) -> None:
    await make_shelters(db)
    _, token = await linked(db, await make_incident(db), language="en")
    async with website(db, PAGES) as client:
        await client.post(f"/c/{token}", data={"answer": "help"})
        assert "架空" not in await page(client, token)


async def test_without_lists_the_page_says_nothing_of_shelters(db: Pool) -> None:
    _, token = await linked(db, await make_incident(db), language="en")
    async with website(db, PAGES) as client:
        assert "evacuation sites" not in await page(client, token)
        assert "We know no evacuation site" in words(await more(client, token))


async def test_only_where_the_person_is_today(db: Pool) -> None:
    await make_shelters(db)
    person, token = await linked(
        db, await make_incident(db), language="en", reason={"today": QUAKE_REASON["home"], "worse": "today"}
    )
    place = await db.fetchval("SELECT place_id FROM resident_place WHERE resident_id = $1", person.id)
    await db.execute(
        "INSERT INTO resident_place VALUES ($1, 'today', $2, $3)", person.id, place, NOW + timedelta(days=1)
    )
    async with website(db, PAGES) as client:
        assert "架空公園" in await more(client, token)
