"""The check-in page in a real browser on a small phone: every language at 360x640, with and without JavaScript.

Pictures are taken where DAIJOBU_SHOTS names a folder, to be looked at.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page

from checkin import leader_web, web
from core.db import Pool
from core.i18n import Catalogs
from tests.chromium import needs_chromium, picture
from tests.incidents import FLOOD_CONTEXT, QUAKE_REASON, TestIncident, make_incident, make_link, tell
from tests.pages import website
from tests.people import make_org, make_resident, make_site

pytestmark = needs_chromium
PHONE: Any = {"width": 360, "height": 640}
LANGUAGES = Catalogs.load().languages
WORK = QUAKE_REASON["home"] | {"code": "4321300", "name_ja": "宇城市", "level": "5+"}
REASONS: dict[str, dict[str, Any]] = {
    "quake": QUAKE_REASON | {"work": WORK},
    "flood": {"home": QUAKE_REASON["home"] | {"level": 4}, "work": None, "worse": "home"},
}


async def link_for(db: Pool, incident: TestIncident, lang: str, reason: dict[str, Any]) -> str:
    org = await make_org(db)
    person = await make_resident(db, org.id, language=lang, dorm=await make_site(db, org.id, name="ひばり寮"))
    await tell(db, incident, person.id, reason=reason)
    return (await make_link(db, incident, resident_id=person.id))[1]


async def no_sideways_scroll(page: Page) -> bool:
    await page.wait_for_load_state()
    return bool(await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.fixture
async def small_phone(browser: Browser) -> AsyncIterator[Page]:
    """A telephone that has seen nothing before. One tab for all languages was quicker, and once lost a page."""
    context = await browser.new_context(viewport=PHONE, java_script_enabled=True)
    yield await context.new_page()
    await context.close()


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_the_buttons_are_on_the_first_screen(db: Pool, small_phone: Page, lang: str) -> None:
    incidents = {
        "quake": await make_incident(db, simulated=True),
        "flood": await make_incident(db, context=FLOOD_CONTEXT, simulated=True),
    }
    async with website(db, web.ROUTES) as client:
        page, refused = small_phone, list[str]()

        def listen(message: ConsoleMessage) -> None:
            if message.type == "error":
                refused.append(f"{lang}: {message.text}")

        page.on("console", listen)
        for name, incident in incidents.items():
            token = await link_for(db, incident, lang, REASONS[name])
            await page.goto(str(client.make_url(f"/c/{token}")))
            await picture(page, f"{lang}-{name}-ask.png", full_page=False)
            buttons = await page.locator("button[name=answer]").all()
            assert len(buttons) == len(incident_questions(name))
            # Of five answers the last may need a little scrolling; the first two never do, nor does the call for help.
            for button in buttons if name == "quake" else buttons[:3]:
                box = await button.bounding_box()
                assert box is not None and box["y"] + box["height"] <= PHONE["height"], await button.inner_text()
                assert box["height"] >= 44 and box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
            assert await no_sideways_scroll(page)
            await page.locator("button[name=answer][value=help], button[name=answer][value=leaving]").click()
            await picture(page, f"{lang}-{name}-answered.png")
            assert await no_sideways_scroll(page)
        page.remove_listener("console", listen)
        assert not refused
    assert await db.fetchval("SELECT count(*) FROM check_in") == 2


def incident_questions(name: str) -> list[str]:
    return ["ok", "help"] if name == "quake" else list(FLOOD_CONTEXT["questions"])


async def test_everything_works_without_javascript(db: Pool, browser: Browser) -> None:
    incident = await make_incident(db)
    token = await link_for(db, incident, "vi", REASONS["quake"])
    async with website(db, web.ROUTES) as client:
        context = await browser.new_context(viewport=PHONE, java_script_enabled=False)
        page = await context.new_page()
        await page.goto(str(client.make_url(f"/c/{token}")))
        await page.click("button[value=ok]")
        await page.check("input[name=hurt]")
        await page.fill("textarea[name=note]", "Tôi ở tầng 2")
        await page.click("form[action$='/detail'] button")
        await page.click("summary:has-text('回答を変える')")
        await page.click("details button[value=help]")
        await page.wait_for_selector("a[href='tel:119']")
        await context.close()
    rows = await db.fetch("SELECT answer, detail FROM check_in ORDER BY id")
    assert [(row["answer"], row["detail"]) for row in rows] == [("ok", {}), ("ok", {"hurt": True}), ("help", {})]


async def test_a_browser_that_only_looks_answers_nothing(db: Pool, browser: Browser) -> None:
    incident = await make_incident(db)
    token = await link_for(db, incident, "my", REASONS["quake"])
    async with website(db, web.ROUTES) as client:
        context = await browser.new_context(viewport=PHONE)
        page = await context.new_page()
        await page.goto(str(client.make_url(f"/c/{token}")), wait_until="networkidle")
        await page.reload(wait_until="networkidle")
        await context.close()
    assert await db.fetchval("SELECT count(*) FROM check_in") == 0


async def test_who_is_coming_appears_by_itself(db: Pool, browser: Browser) -> None:
    incident = await make_incident(db)
    org = await make_org(db)
    token = await link_for(db, incident, "en", REASONS["quake"])
    async with website(db, web.ROUTES) as client:
        context = await browser.new_context(viewport=PHONE)
        page = await context.new_page()
        await page.clock.install()
        await page.goto(str(client.make_url(f"/c/{token}")))
        await page.click("button[value=help]")
        name = await db.fetchval("SELECT name FROM staff WHERE id = $1", org.staff_id)
        assert name not in await page.content()
        await db.execute("UPDATE case_file SET claimed_by = $1, claimed_at = opened_at", org.staff_id)
        await page.clock.run_for(21_000)
        await page.locator(f"#coming:has-text('{name}')").wait_for()
        await context.close()


@pytest.mark.parametrize(("lang", "width", "height"), [("vi", 360, 640), ("ja", 360, 640), ("my", 1280, 800)])
async def test_the_leaders_page(db: Pool, browser: Browser, lang: str, width: int, height: int) -> None:
    incident = await make_incident(db, simulated=True)
    org = await make_org(db)
    site = await make_site(db, org.id, name="ひばり寮")
    people = [await make_resident(db, org.id, language=lang, dorm=site, room=f"{n}01") for n in range(1, 7)]
    for person in people:
        await tell(db, incident, person.id)
    await db.execute("INSERT INTO site_leader (site_id, rank, resident_id) VALUES ($1, 1, $2)", site[0], people[0].id)
    _, token = await make_link(db, incident, kind="leader", site_id=site[0], resident_id=people[0].id)
    async with website(db, leader_web.ROUTES) as client:
        context = await browser.new_context(viewport={"width": width, "height": height}, java_script_enabled=False)
        page = await context.new_page()
        await page.goto(str(client.make_url(f"/l/{token}")))
        assert await no_sideways_scroll(page)
        await page.check(f"input[name='{people[1].id}'][value=help]")
        await picture(page, f"leader-{lang}-{width}.png")
        await page.click("button[name=others]")
        await picture(page, f"leader-{lang}-{width}-saved.png")
        assert await no_sideways_scroll(page)
        await context.close()
    rows = await db.fetch("SELECT status, status_by FROM incident_resident ORDER BY resident_id")
    assert [row["status"] for row in rows] == ["ok", "help", "ok", "ok", "ok", "ok"]
    assert [row["status_by"] for row in rows] == ["self"] + ["leader"] * 5
