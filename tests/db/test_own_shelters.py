"""Shelters behind the personal link: on a quiet day, for every danger, and nobody else's."""

from __future__ import annotations

from checkin.own_shelters_web import ROUTES
from core.db import Pool
from tests.db.test_personal_page import link
from tests.db.test_shelter_pages import SQL_EXACT, words
from tests.incidents import database_digest
from tests.pages import website
from tests.people import make_org, make_resident, make_site
from tests.shelter_kit import make_shelters


async def test_shelters_around_home_say_how_far_and_what_for(db: Pool) -> None:
    await make_shelters(db)
    org = await make_org(db)
    person = await make_resident(db, org.id, dorm=await make_site(db, org.id, name="Hikari Dorm"))
    await db.execute(SQL_EXACT)
    page = await link(db, person)
    before = await database_digest(db, without=("audit", "audit_unsealed"))
    async with website(db, ROUTES) as client:
        said = words(await (await client.get(f"{page}/shelters?lang=en")).text())
        urdu = await (await client.get(f"{page}/shelters?lang=ur")).text()
        assert (await client.get("/p/nothing/shelters")).status == 404
    assert "架空公園 about 600 m, east" in said
    assert "架空益城町総合運動公園多目的広場" in said  # farther, and for other dangers than the nearest
    assert "They may not be open." in said and "Back" in said
    assert 'dir="rtl"' in urdu and "架空公園" in urdu and "، " in urdu
    assert await database_digest(db, without=("audit", "audit_unsealed")) == before
    assert await db.fetchval("SELECT count(*) FROM audit WHERE action = 'person.own'") == 2


async def test_where_no_shelter_is_known_the_page_says_so(db: Pool) -> None:
    org = await make_org(db)
    page = await link(db, await make_resident(db, org.id))
    async with website(db, ROUTES) as client:
        response = await client.get(f"{page}/shelters?lang=en")
        assert response.status == 200
        said = words(await response.text())
    assert "We know no evacuation site" in said
