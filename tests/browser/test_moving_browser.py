"""People who move, on a small phone: "I am here now" with one tap, "somewhere else today" without a script, "do you
stay?" after a company was left. Pictures are taken where DAIJOBU_SHOTS names a folder.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Page

from core.db import Pool, transaction
from core.i18n import Catalogs
from registry import store
from registry.membership_store import end_membership
from tests.chromium import needs_chromium, picture
from tests.people import NOW, VAULT, Person, make_org, make_resident, make_site
from tests.staff_site import Site, staff_site

pytestmark = needs_chromium
PHONE: Any = {"width": 360, "height": 640}
LAPTOP: Any = {"width": 1280, "height": 800}
TENJIN: Any = {"latitude": 33.5898, "longitude": 130.3988}
SAY = Catalogs.load().say


async def own_page(db: Pool, site: Site, person: Person, end: str = "") -> str:
    async with transaction(db) as conn:
        return str(site.server.make_url(f"/p/{await store.personal_token(conn, VAULT, person.id)}{end}"))


async def look(page: Page, name: str) -> None:
    """A picture of the whole page, which must not scroll sideways."""
    await picture(page, name)
    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name


async def test_i_am_here_now_is_one_tap(db: Pool, browser: Browser) -> None:
    person = await make_resident(db, language="vi", home_place_id=(await make_site(db, (await make_org(db)).id))[1])
    async with staff_site(db) as site:
        context = await browser.new_context(viewport=PHONE, geolocation=TENJIN, permissions=["geolocation"])
        page = await context.new_page()
        await page.goto(await own_page(db, site, person))
        await look(page, "own.vi.png")
        await page.click("a[href*='/elsewhere']")
        await page.click("[data-here]")
        await page.wait_for_url("**/elsewhere?saved=1")
        assert "Fukuoka" in await page.inner_text("main")
        await look(page, "elsewhere.running.vi.png")
        await page.goto(await own_page(db, site, person))
        await look(page, "own.running.vi.png")
        await context.close()
    assert await db.fetchval("SELECT count(*) FROM resident_place WHERE kind = 'today'") == 1


@pytest.mark.parametrize("lang", ["my", "ur", "ja-simple"])
async def test_without_a_script(db: Pool, browser: Browser, lang: str) -> None:
    person = await make_resident(db, language=lang)
    async with staff_site(db) as site:
        context = await browser.new_context(viewport=PHONE, java_script_enabled=False)
        page = await context.new_page()
        await page.goto(await own_page(db, site, person, "/elsewhere"))
        assert not await page.is_visible("[data-here]"), "nothing to press that needs a script"
        await page.select_option("select[name=for]", "days:3")
        await page.fill("input[name=postal_code]", "000-0000")
        await page.click("form:has(input[value=here]) button:not([type=button])")
        await look(page, f"elsewhere.wrong.{lang}.png")
        await page.wait_for_selector("[role=alert]")
        assert await page.input_value("select[name=for]") == "days:3", "what was chosen stays"
        await page.fill("input[name=postal_code]", "810-0001")
        await page.click("form:has(input[value=here]) button:not([type=button])")
        await look(page, f"elsewhere.running.{lang}.png")
        await page.click("form:has(input[value=back]) button")
        assert not await page.is_visible("input[value=back]")
        await context.close()


@pytest.mark.parametrize(("lang", "size"), [("my", PHONE), ("ur", PHONE), ("ja-simple", PHONE), ("en", LAPTOP)])
async def test_who_left_a_company_reads_the_question_first(db: Pool, browser: Browser, lang: str, size: Any) -> None:
    org = await make_org(db)
    person = await make_resident(db, org.id, language=lang, dorm=await make_site(db, org.id))
    async with transaction(db) as conn:
        await end_membership(conn, person.id, org.id, NOW.date(), NOW)
    async with staff_site(db) as site:
        context = await browser.new_context(viewport=size, java_script_enabled=False)
        page = await context.new_page()
        await page.goto(await own_page(db, site, person))
        await picture(page, f"stay.{lang}.png", full_page=False)
        box = await page.locator("#stay").bounding_box()
        assert box is not None and box["y"] < size["height"], "on the first screen"
        await page.fill("#now_at", "861-2242")
        await page.click("#stay button")
        assert not await page.is_visible("#stay")
        await context.close()
    assert await db.fetchval("SELECT ask_stay_at FROM resident") is None
