"""A lost card, on a small phone and at a clerk's desk. Pictures are taken where DAIJOBU_SHOTS names a folder."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser

from core.db import Pool, transaction
from ops.pages_web import routes_under
from registry import store
from registry.consent import Choice
from registry.consent_store import record
from tests.alerts_kit import CATALOGS
from tests.chromium import needs_chromium, picture
from tests.incidents import make_incident, make_link, tell
from tests.people import NOW, VAULT, make_org, make_resident, whole_session
from tests.staff_site import staff_site

pytestmark = needs_chromium
PHONE: Any = {"width": 360, "height": 640}
LAPTOP: Any = {"width": 1280, "height": 800}
WIDE = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.mark.parametrize("lang", ["my", "ur", "ja-simple"])
async def test_the_ways_back_to_ones_own_page(db: Pool, browser: Browser, lang: str) -> None:
    person = await make_resident(db, (await make_org(db)).id, language=lang)
    incident = await make_incident(db)
    await tell(db, incident, person.id)
    _, token = await make_link(db, incident, resident_id=person.id)
    async with transaction(db) as conn:
        own = await store.personal_token(conn, VAULT, person.id)
    async with staff_site(db, more_routes=routes_under("checkin")) as site:
        context = await browser.new_context(viewport=PHONE, java_script_enabled=False)
        page = await context.new_page()
        await page.goto(str(site.server.make_url(f"/c/nothing?lang={lang}")))
        await page.click("a[href*='/lost']")
        await picture(page, f"lost.{lang}.png")
        assert await page.evaluate(WIDE)
        await page.fill("#phone", "090-1234-5678")
        await page.click("form button")
        await picture(page, f"lost.asked.{lang}.png")
        await page.wait_for_selector("[role=status]")
        await page.goto(str(site.server.make_url(f"/c/{token}/card")))
        await picture(page, f"lost.checkin.{lang}.png")
        await page.click("form button")
        await page.wait_for_selector("[role=status]")
        assert await page.evaluate(WIDE)
        await page.goto(str(site.server.make_url(f"/p/{own}/card")))
        await page.click("summary")
        await picture(page, f"lost.card.{lang}.png")
        await page.click("details form button")
        await page.wait_for_url(lambda url: f"/p/{own}/" not in url and url.split("?")[0].endswith("/card"))
        await context.close()


async def test_a_clerk_prints_a_card_for_who_has_no_phone(db: Pool, browser: Browser) -> None:
    org = await make_org(db)
    person = await make_resident(db, org.id, name="Khin Test", language="my", phone="")
    await db.execute("UPDATE resident SET reach_by = 'paper' WHERE id = $1", person.id)
    async with transaction(db) as conn:
        await record(conn, CATALOGS, person.id, [Choice("C2", True, org.id)], language="my", now=NOW)
        session = await whole_session(conn, org.staff_id, NOW)
    async with staff_site(db) as site:
        context = await browser.new_context(viewport=LAPTOP, locale="ja")
        await context.add_cookies([{"name": "daijobu", "value": session, "url": str(site.server.make_url("/"))}])
        page = await context.new_page()
        await page.goto(str(site.server.make_url(f"/people/{person.id}")))
        await page.click("#lost summary")
        await picture(page, "lost.clerk.ja.png")
        await page.click("#lost button")
        await picture(page, "lost.printed.ja.png")
        await page.wait_for_selector(".qr-box svg")
        assert await page.evaluate(WIDE)
        await context.close()
