""" "Send where I am now": one press on a small phone, and what the coordinator sees of it.

Pictures are taken where DAIJOBU_SHOTS names a folder.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Page

from core.db import Pool, transaction
from core.model import OrgKind
from ops.pages_web import routes_under
from tests.chromium import needs_chromium, picture
from tests.incidents import FLOOD_CONTEXT, make_incident, make_link, tell
from tests.people import NOW, make_org, make_resident, make_site, whole_session
from tests.shelter_kit import make_shelters
from tests.staff_site import Site, staff_site

pytestmark = needs_chromium
PHONE: Any = {"width": 360, "height": 640}
LAPTOP: Any = {"width": 1280, "height": 800}
HERE: Any = {"latitude": 32.79150, "longitude": 130.82123, "accuracy": 18}


async def asked(db: Pool, lang: str, **more: Any) -> str:
    org = await make_org(db, name="Aozora Foods")
    incident = await make_incident(db, **more)
    person = await make_resident(db, org.id, language=lang, dorm=await make_site(db, org.id, name="Hikari Dorm"))
    await tell(db, incident, person.id)
    return f"/c/{(await make_link(db, incident, resident_id=person.id))[1]}"


async def look(page: Page, name: str) -> None:
    await picture(page, name)
    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name


async def coordinator_sees(db: Pool, site: Site, browser: Browser) -> None:
    org = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    async with transaction(db) as conn:
        session = await whole_session(conn, org.staff_id, NOW)
    context = await browser.new_context(viewport=LAPTOP, locale="en")
    await context.add_cookies([{"name": "daijobu", "value": session, "url": str(site.server.make_url("/"))}])
    page = await context.new_page()
    dorm = await db.fetchval("SELECT dorm_id FROM case_file WHERE closed_at IS NULL")
    await page.goto(str(site.server.make_url(f"/board/live/dorm/{dorm}")))
    link = page.locator("a[href^='geo:']")
    assert await link.get_attribute("href") == "geo:32.79150,130.82123;u=18"
    await look(page, "board.where.en.png")
    await context.close()


@pytest.mark.parametrize("lang", ["my", "ur", "ja-simple"])
async def test_one_press_after_help(db: Pool, browser: Browser, lang: str) -> None:
    path = await asked(db, lang)
    await make_shelters(db)
    async with staff_site(db, more_routes=routes_under("checkin")) as site:
        context = await browser.new_context(viewport=PHONE, geolocation=HERE, permissions=["geolocation"])
        page = await context.new_page()
        await page.goto(str(site.server.make_url(path)))
        await page.click("button[value=help]")
        await page.wait_for_selector("[data-here]")
        await look(page, f"where.ask.{lang}.png")
        await page.click("[data-here]")
        await page.wait_for_selector("#where button[formaction]")
        assert await db.fetchval("SELECT count(*) FROM shared_location") == 1
        await look(page, f"where.sent.{lang}.png")
        if lang == "ur":
            await coordinator_sees(db, site, browser)
        await page.click("#where button[formaction]")
        await page.wait_for_selector("[data-here-box]")
        assert await db.fetchval("SELECT count(*) FROM shared_location") == 0
        await context.close()


@pytest.mark.parametrize("lang", ["my", "ur", "ja-simple"])
async def test_a_flood_has_a_page_for_it_and_no_script_has_words(db: Pool, browser: Browser, lang: str) -> None:
    path = await asked(db, lang, context=FLOOD_CONTEXT)
    async with staff_site(db, more_routes=routes_under("checkin")) as site:
        context = await browser.new_context(viewport=PHONE, java_script_enabled=False)
        page = await context.new_page()
        await page.goto(str(site.server.make_url(path)))
        await page.click("button[value=cannot_leave]")
        await look(page, f"where.flood.{lang}.png")
        await page.click("#where")
        assert not await page.is_visible("[data-here]"), "nothing to press that needs a script"
        await look(page, f"where.page.plain.{lang}.png")
        await page.fill("#note", "Room 301")
        await page.click("form[action*='/detail'] button")
        assert await db.fetchval("SELECT count(*) FROM check_in WHERE note_enc IS NOT NULL") == 1
        await context.close()
        # Refused by the phone or its owner: said, and the words stay.
        context = await browser.new_context(viewport=PHONE, permissions=[])
        page = await context.new_page()
        await page.goto(str(site.server.make_url(f"{path}/where")))
        await page.click("[data-here]")
        await page.wait_for_selector("[data-here-failed]", state="visible")
        await look(page, f"where.page.failed.{lang}.png")
        await context.close()
