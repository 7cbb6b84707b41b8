"""Open pages follow what happens, in a real browser: one stream for all tabs, and nothing typed is ever lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from playwright.async_api import BrowserContext, Page, Route, expect

from checkin.cases_store import INCIDENT_CHANGED, open_due_cases
from checkin.store import record_check_in
from core.db import Pool, transaction
from core.model import Answer, AnsweredBy, OrgKind
from tests.board_site import BoardSite, board_site
from tests.chromium import chromium, needs_chromium
from tests.incidents import TestIncident, make_incident, tell
from tests.people import NOW, VAULT, Org, Person, make_org, make_resident, make_site

pytestmark = needs_chromium


@asynccontextmanager
async def browser_of(site: BoardSite, org: Org) -> AsyncIterator[BrowserContext]:
    """A browser in which a member of an organisation's staff is signed in, at the size of a small phone."""
    visitor = await site.visitor(org.staff_id)
    cookie = {"name": "daijobu", "value": visitor.session_id, "url": str(site.client.make_url("/"))}
    async with chromium() as browser:
        context = await browser.new_context(viewport={"width": 360, "height": 640})
        await context.add_cookies([cookie])  # type: ignore[list-item]
        yield context


async def opened(context: BrowserContext, site: BoardSite, path: str) -> Page:
    page = await context.new_page()
    await page.goto(str(site.client.make_url(path)))
    return page


async def until_streams(site: BoardSite, page: Page, count: int) -> None:
    """Wait until the browser holds its stream: a change told before would be nobody's."""
    while len(site.bells(INCIDENT_CHANGED)) != count:
        await page.wait_for_timeout(50)


async def answer(pool: Pool, incident: TestIncident, person: Person, said: Answer) -> None:
    async with transaction(pool) as conn:
        await record_check_in(
            conn,
            VAULT,
            incident_id=incident.id,
            resident_id=person.id,
            answer=said,
            answered_by=AnsweredBy.SELF,
            via="page",
            tapped_at=NOW,
            now=NOW + timedelta(minutes=1),
        )


async def people(db: Pool) -> tuple[Org, TestIncident, list[Person]]:
    org = await make_org(db)
    dorm = await make_site(db, org.id)
    incident = await make_incident(db)
    made = [await make_resident(db, org.id, dorm=dorm) for _ in range(4)]
    for person in made:
        await tell(db, incident, person.id)
    return org, incident, made


async def test_two_tabs_share_one_stream_and_both_follow(db: Pool, db_dsn: str) -> None:
    org, incident, made = await people(db)
    async with board_site(db, dsn=db_dsn) as site, browser_of(site, org) as context:
        tabs = [await opened(context, site, f"/dashboard/{incident.id}") for _ in range(2)]
        await until_streams(site, tabs[0], 1)
        assert len(site.bells(INCIDENT_CHANGED)) == 1
        await answer(db, incident, made[0], Answer.HELP)
        for tab in tabs:
            await expect(tab.get_by_role("heading", name="Who needs help first (1)")).to_be_visible()
        # The tab that listens is closed: another one takes over.
        await tabs[0].close()
        await answer(db, incident, made[1], Answer.HELP)
        await tabs[1].wait_for_timeout(100)
        await answer(db, incident, made[2], Answer.HELP)
        while len(site.bells(INCIDENT_CHANGED)) > 1:
            await answer(db, incident, made[2], Answer.HELP)
            await tabs[1].wait_for_timeout(100)
        await answer(db, incident, made[3], Answer.OK)
        await expect(tabs[1].get_by_role("heading", name="Who needs help first (3)")).to_be_visible(timeout=120_000)


async def test_an_opened_entry_stays_open_and_the_page_where_it_was(db: Pool, db_dsn: str) -> None:
    org, incident, made = await people(db)
    async with board_site(db, dsn=db_dsn) as site, browser_of(site, org) as context:
        tab = await opened(context, site, f"/dashboard/{incident.id}")
        await until_streams(site, tab, 1)
        await tab.locator(f"#d-{made[3].id} summary").click()
        await tab.evaluate("window.scrollTo(0, 300)")
        await answer(db, incident, made[0], Answer.OK)
        await expect(tab.locator(".stat.ok b")).to_have_text("1")
        await expect(tab.locator(f"#d-{made[3].id} button.ok")).to_be_visible()
        assert await tab.evaluate("window.scrollY") == 300
        assert await tab.evaluate("document.documentElement.scrollWidth") <= 360, "no sideways scrolling"


async def test_what_a_volunteer_types_is_never_swapped_away(db: Pool, db_dsn: str) -> None:
    _, incident, made = await people(db)
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    await open_due_cases(db, NOW, lambda hazard, severity, night: 0)
    dorm_id = await db.fetchval("SELECT dorm_id FROM case_file LIMIT 1")
    async with board_site(db, dsn=db_dsn) as site, browser_of(site, network) as context:
        tab = await opened(context, site, f"/board/live/dorm/{dorm_id}")
        await until_streams(site, tab, 1)
        await tab.get_by_label("Note (optional)").fill("called the leader")
        await answer(db, incident, made[0], Answer.OK)
        await expect(tab.locator("#live-wait")).to_be_visible()
        await expect(tab.get_by_label("Note (optional)")).to_have_value("called the leader")
        await expect(tab.get_by_role("heading", name="People (4)")).to_be_visible()
        await tab.get_by_role("link", name="Show it now").click()
        await expect(tab.get_by_role("heading", name="People (3)")).to_be_visible()


async def test_a_page_whose_session_has_ended_asks_to_sign_in(db: Pool, db_dsn: str) -> None:
    org, incident, made = await people(db)
    async with board_site(db, dsn=db_dsn) as site, browser_of(site, org) as context:
        tab = await opened(context, site, f"/dashboard/{incident.id}")
        await until_streams(site, tab, 1)
        await db.execute("UPDATE session SET revoked_at = now()")
        async with tab.expect_request("**/sign-in**"):
            await answer(db, incident, made[0], Answer.OK)


async def test_a_service_that_was_away_for_a_moment_does_not_end_the_live_page(db: Pool, db_dsn: str) -> None:
    org, incident, made = await people(db)
    refused: list[str] = []

    async def away(route: Route) -> None:
        refused.append(route.request.url)
        await route.fulfill(status=503, body="away")

    async with board_site(db, dsn=db_dsn) as site, browser_of(site, org) as context:
        # A browser gives an EventSource up for ever after one answer that is not 200.
        await context.route("**/events/stream", away, times=1)
        tab = await opened(context, site, f"/dashboard/{incident.id}")
        await until_streams(site, tab, 1)
        assert len(refused) == 1
        page = f"**/dashboard/{incident.id}"
        await context.route(page, away, times=1)
        async with tab.expect_response(lambda answer: answer.status == 503):
            await answer(db, incident, made[0], Answer.OK)
        await expect(tab.get_by_role("heading", name="Are our people safe?")).to_be_visible()
        await answer(db, incident, made[1], Answer.OK)
        await expect(tab.locator(".stat.ok b")).to_have_text("2", timeout=120_000)
