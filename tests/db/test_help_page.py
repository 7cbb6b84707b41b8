"""Help that is meant in earnest in a drill or after the end: it reaches the coordinators' board, not a dead list."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from checkin import drill_web, leader_web
from checkin import web as checkin_web
from checkin.board_store import open_cases
from checkin.drills import HELP_AFTER_END, HELP_IN_DRILL
from core.clock import FixedClock
from core.db import Pool, transaction
from core.i18n import Catalogs
from core.model import CaseReason, Purpose
from ops.tend_store import close_incidents
from tests.incidents import FLOOD_CONTEXT, TestIncident, make_incident, make_link, tell
from tests.pages import forms_of, website
from tests.people import NOW, Person, make_org, make_resident, make_site

Client = TestClient[web.Request, web.Application]
ROUTES = [*checkin_web.ROUTES, *drill_web.ROUTES, *leader_web.ROUTES]
CATALOGS = Catalogs.load()


async def asked(db: Pool, incident: TestIncident, language: str = "en") -> tuple[Person, str]:
    org = await make_org(db)
    person = await make_resident(db, org.id, language=language, dorm=await make_site(db, org.id))
    await tell(db, incident, person.id)
    return person, (await make_link(db, incident, resident_id=person.id))[1]


async def post(client: Client, path: str, **fields: str) -> str:
    """Send fields; the path of the page that follows."""
    response = await client.post(path, data=fields, allow_redirects=False)
    assert response.status == 303
    return urlsplit(response.headers["Location"]).path


async def on_the_board(db: Pool, purpose: Purpose) -> list[tuple[UUID, CaseReason]]:
    async with transaction(db) as conn:
        return [(case.resident_id, case.reason) for case in await open_cases(conn, purpose)]


@pytest.mark.parametrize("language", CATALOGS.languages)
async def test_help_in_a_drill_asks_whether_it_is_real(db: Pool, language: str) -> None:
    incident = await make_incident(db, purpose="drill")
    _, token = await asked(db, incident, language)
    say = CATALOGS.sayer(language)
    async with website(db, ROUTES) as client:
        here = await post(client, f"/c/{token}", answer="help")
        html = await (await client.get(here)).text()
    assert len(html.encode()) < 10_000
    assert say("help.is_this_real").replace("<rp>(</rp>", "")[:8] in html and 'href="tel:119"' in html
    assert str(say("tag.drill.last"))[:8] in html
    # A rehearsal promises nobody, and shows no address.
    assert say("help.title") not in html and "card show" not in html
    assert forms_of(html)[0].offers == {"real": ["yes", "no"]}
    assert await on_the_board(db, Purpose.LIVE) == []


async def test_yes_opens_a_live_case_at_once(db: Pool) -> None:
    incident = await make_incident(db, context=FLOOD_CONTEXT, purpose="drill")
    person, token = await asked(db, incident)
    async with website(db, ROUTES) as client:
        await post(client, f"/c/{token}", answer="cannot_leave")
        live = await post(client, f"/c/{token}/real", real="yes")
        assert live != f"/c/{token}"
        html = await (await client.get(live)).text()
        assert CATALOGS.sayer("en")("help.title") in html and "card show" in html
        # Nothing of the drill, and nothing that JMA is said to have announced.
        assert 'class="strip"' not in html and "JMA" not in html
        # The drill's page leads to the real call; a second tap on "yes" makes no second case.
        drill = await (await client.get(f"/c/{token}")).text()
        assert live in drill and "help.is_this_real" not in drill
        assert await post(client, f"/c/{token}/real", real="yes") == live
        assert await on_the_board(db, Purpose.LIVE) == [(person.id, CaseReason.NEEDS_HELP)]
        assert await post(client, live, answer="ok") == live
        thanks = await (await client.get(live)).text()
        assert "JMA" not in thanks and len(thanks.encode()) < 10_000
    assert await on_the_board(db, Purpose.LIVE) == []
    row = await db.fetchrow("SELECT purpose, hazard, title FROM incident WHERE id <> $1", incident.id)
    assert row is not None and tuple(row) == ("live", "help", HELP_IN_DRILL)


async def test_no_was_practice(db: Pool) -> None:
    incident = await make_incident(db, context=FLOOD_CONTEXT, purpose="drill")
    _, token = await asked(db, incident)
    async with website(db, ROUTES) as client:
        # Nothing is asked yet: a stray "no" answers nothing for anybody.
        await post(client, f"/c/{token}/real", real="no")
        assert await db.fetchval("SELECT count(*) FROM check_in") == 0
        await post(client, f"/c/{token}", answer="cannot_leave")
        await post(client, f"/c/{token}/real", real="perhaps")
        assert await post(client, f"/c/{token}/real", real="no") == f"/c/{token}"
        assert 'value="yes"' not in await (await client.get(f"/c/{token}")).text()
    row = await db.fetchrow("SELECT status, first_status FROM incident_resident")
    assert row is not None and tuple(row) == ("safe_place", "cannot_leave")
    assert await on_the_board(db, Purpose.LIVE) == [] and await on_the_board(db, Purpose.DRILL) == []
    assert await db.fetchval("SELECT count(*) FROM incident") == 1


async def test_real_help_during_something_real_joins_it(db: Pool) -> None:
    drill, live = await make_incident(db, purpose="drill"), await make_incident(db)
    person, token = await asked(db, drill)
    await tell(db, live, person.id)
    _, live_token = await make_link(db, live, resident_id=person.id)
    async with website(db, ROUTES) as client:
        await post(client, f"/c/{token}", answer="help")
        assert await post(client, f"/c/{token}/real", real="yes") == f"/c/{live_token}"
    assert await db.fetchval("SELECT incident_id FROM case_file WHERE purpose = 'live'") == live.id
    assert await db.fetchval("SELECT count(*) FROM incident") == 2


async def test_two_taps_at_once_open_one_incident(db: Pool) -> None:
    incident = await make_incident(db, purpose="drill")
    _, token = await asked(db, incident)
    async with website(db, ROUTES) as client:
        await post(client, f"/c/{token}", answer="help")
        pages = await asyncio.gather(*[post(client, f"/c/{token}/real", real="yes") for _ in range(4)])
    assert len(set(pages)) == 1
    assert await db.fetchval("SELECT count(*) FROM incident WHERE purpose = 'live'") == 1
    assert await db.fetchval("SELECT count(*) FROM case_file WHERE purpose = 'live'") == 1


async def close(db: Pool, incident: TestIncident) -> None:
    await db.execute("UPDATE incident SET closes_at = $2 WHERE id = $1", incident.id, NOW)
    assert await close_incidents(db, NOW + timedelta(hours=1)) == [incident.id]


async def test_after_the_end_the_page_says_so_and_help_is_still_heard(db: Pool) -> None:
    incident = await make_incident(db)
    person, token = await asked(db, incident)
    over = CATALOGS.sayer("en")("page.incident_over")
    clock = FixedClock(NOW + timedelta(hours=2))
    async with website(db, ROUTES, clock=clock) as client:
        assert over not in await (await client.get(f"/c/{token}")).text()
        await close(db, incident)
        assert over in await (await client.get(f"/c/{token}")).text()
        assert await post(client, f"/c/{token}", answer="ok") == f"/c/{token}"
        assert await db.fetchval("SELECT count(*) FROM incident") == 1
        live = await post(client, f"/c/{token}", answer="help")
        assert await on_the_board(db, Purpose.LIVE) == [(person.id, CaseReason.NEEDS_HELP)]
        # The old link ends 72 hours after the close; the call's own page stays.
        clock.advance(timedelta(hours=80))
        assert (await client.get(f"/c/{token}")).status == 404
        html = await (await client.get(live)).text()
        assert CATALOGS.sayer("en")("help.title") in html and over not in html
    titles = [row["title"] for row in await db.fetch("SELECT title FROM incident ORDER BY opened_at DESC")]
    assert titles[0] == HELP_AFTER_END


async def test_a_leader_is_told_that_it_is_over_and_heard_all_the_same(db: Pool) -> None:
    incident = await make_incident(db)
    org = await make_org(db)
    site = await make_site(db, org.id)
    people = [await make_resident(db, org.id, dorm=site, language="en") for _ in range(2)]
    for person in people:
        await tell(db, incident, person.id)
    await db.execute("INSERT INTO site_leader (site_id, rank, resident_id) VALUES ($1, 1, $2)", site[0], people[0].id)
    _, token = await make_link(db, incident, kind="leader", site_id=site[0], resident_id=people[0].id)
    await close(db, incident)
    async with website(db, ROUTES, clock=FixedClock(NOW + timedelta(hours=2))) as client:
        assert CATALOGS.sayer("en")("page.incident_over") in await (await client.get(f"/l/{token}")).text()
        await post(client, f"/l/{token}", **{str(people[1].id): "help"})
    assert await on_the_board(db, Purpose.LIVE) == [(people[1].id, CaseReason.NEEDS_HELP)]
