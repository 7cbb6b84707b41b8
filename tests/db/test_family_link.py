"""Send to my family: one person's state, no place, no employer; ends when the person says so, or after 30 days."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web
from aiohttp.test_utils import TestClient

from core.clock import FixedClock
from core.db import Pool
from core.model import Answer
from ops.pages_web import all_routes
from tests.db.test_dashboard_pages import say
from tests.db.test_personal_page import link
from tests.incidents import make_incident, tell
from tests.pages import website
from tests.people import NOW, make_org, make_resident, make_site

DAY = timedelta(days=1)


async def make(client: TestClient[web.Request, web.Application], page: str) -> str:
    """Make the link on the person's own page and read it there, as a person would."""
    async with client.post(f"{page}/family", data={"do": "make"}, allow_redirects=False) as answer:
        assert answer.status == 303
    async with client.get(f"{page}/family?lang=en") as answer:
        html = await answer.text()
    return "/f/" + html.split("/f/")[1].split('"')[0]


async def text_of(client: TestClient[web.Request, web.Application], path: str) -> tuple[int, str]:
    async with client.get(f"{path}?lang=en") as answer:
        return answer.status, await answer.text()


async def test_the_family_sees_the_answer_and_nothing_else(db: Pool) -> None:
    org = await make_org(db, name="Aozora Foods")
    dorm = await make_site(db, org.id, name="Hikari Dorm")
    person = await make_resident(db, org.id, name="Thu Family", dorm=dorm, room="Z-77")
    page = await link(db, person)
    async with website(db, all_routes()) as client:
        family = await make(client, page)
        pages = [await text_of(client, family)]
        assert "No question is open now." in pages[-1][1]
        incident = await make_incident(db)
        await tell(db, incident, person.id)
        pages.append(await text_of(client, family))
        assert "No question is open now." not in pages[-1][1]
        await say(db, incident, person, Answer.HELP, note="my leg")
        pages.append(await text_of(client, family))
        assert "Volunteer helpers have been told." in pages[-1][1]
        await say(db, incident, person, Answer.OK)
        pages.append(await text_of(client, family))
        assert "Volunteer helpers have been told." not in pages[-1][1]
        for status, html in pages:
            assert status == 200 and "Thu Family" in html
            for hidden in ("Aozora", "Hikari", "Z-77", "my leg", "Mashiki", "益城", "/p/", "/c/"):
                assert hidden not in html
    assert await db.fetchval("SELECT count(*) FROM audit WHERE action = 'family.read'") == 4


async def test_the_person_can_end_it_and_a_new_one_replaces_the_old(db: Pool) -> None:
    page = await link(db, await make_resident(db))
    async with website(db, all_routes()) as client:
        first = await make(client, page)
        second = await make(client, page)
        assert first != second
        assert [(await text_of(client, path))[0] for path in (first, second)] == [404, 200]
        await client.post(f"{page}/family", data={"do": "end"})
        assert (await text_of(client, second))[0] == 404
        async with client.get(f"{page}/family") as answer:
            assert "/f/" not in await answer.text()


async def test_it_lives_thirty_days_or_as_long_as_the_emergency(db: Pool) -> None:
    person = await make_resident(db)
    clock = FixedClock(NOW)
    async with website(db, all_routes(), clock=clock) as client:
        family = await make(client, await link(db, person))
        for days, status in ((29, 200), (2, 404)):
            clock.advance(days * DAY)
            assert (await text_of(client, family))[0] == status
        incident = await make_incident(db, now=NOW + 20 * DAY)
        await tell(db, incident, person.id, now=NOW + 20 * DAY)
        assert (await text_of(client, family))[0] == 200
        await db.execute("UPDATE incident SET closed_at = $1, key_enc = NULL", clock.now())
        assert (await text_of(client, family))[0] == 404
