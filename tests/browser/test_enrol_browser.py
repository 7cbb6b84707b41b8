"""Enrolling in a real browser on a small phone, in Vietnamese, Burmese, Easy Japanese and Urdu, with and without
JavaScript.

Prints seconds and bytes; asserts neither. Pictures are taken where DAIJOBU_SHOTS names a folder.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from alerts.web import ROUTES as ALERT_ROUTES
from core.db import Pool, transaction
from core.i18n import Catalogs
from core.model import OrgKind
from registry import store
from registry.poster_store import make_poster, poster_token
from tests.chromium import needs_chromium, picture
from tests.people import NOW, VAULT, make_org, make_resident, make_site
from tests.staff_site import Site, staff_site

pytestmark = needs_chromium
PHONE: Any = {"width": 360, "height": 640}
LAPTOP: Any = {"width": 1280, "height": 800}
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15"
SAY = Catalogs.load().say


async def look(page: Page, name: str) -> None:
    """A picture of the whole page, which must not scroll sideways."""
    await picture(page, name)
    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name


def url(site: Site, path: str) -> str:
    return str(site.server.make_url(path))


async def invitation(db: Pool, **more: Any) -> str:
    org = await make_org(db, name="株式会社あおぞら食品")
    dorm = await make_site(db, org.id, name="ひばり寮")
    person = await make_resident(
        db, org.id, enrolled=False, phone="", name="NGUYEN THI THU", dorm=dorm, room="201", **more
    )
    async with transaction(db) as conn:
        await store.set_leader(conn, dorm[0], 1, resident_id=person.id)
        return f"/e/{await store.personal_token(conn, VAULT, person.id)}"


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "nojs"])
@pytest.mark.parametrize(("lang", "locale"), [("vi", "vi-VN"), ("my", "my"), ("ja-simple", "ja"), ("ur", "ur-PK")])
async def test_an_enrolment(db: Pool, browser: Browser, lang: str, locale: str, scripts: bool) -> None:
    path = await invitation(db, language=lang)
    async with staff_site(db, more_routes=ALERT_ROUTES) as site:
        context = await browser.new_context(viewport=PHONE, locale=locale, java_script_enabled=scripts)
        page = await context.new_page()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
        sizes: list[int] = []

        async def measure(response: Any) -> None:
            if response.request.resource_type == "document" and response.status == 200:
                sizes.append(len(await response.body()))

        page.on("response", measure)
        name = f"{lang}-{'js' if scripts else 'nojs'}"
        began = time.perf_counter()
        await page.goto(url(site, path))
        await look(page, f"{name}-1-language.png") if scripts else None
        await page.click(f"button[name=language][value='{lang}']")
        await page.wait_for_selector("#work_postal_code")
        await look(page, f"{name}-2-places.png")
        await page.click("button.big")
        await page.wait_for_selector("input[name=phone]")
        await page.fill("input[name=phone]", "090-1234-567")
        await page.click("button.big")
        await page.wait_for_selector("[role=alert]")
        await look(page, f"{name}-3-reach-wrong.png")
        await page.fill("input[name=phone]", "090-1234-5678")
        await page.click("button.big")
        await page.wait_for_selector("button[name=all]")
        await look(page, f"{name}-4-consent.png")
        await page.click("button[name=all]")
        await page.wait_for_selector("svg.qr")
        seconds = time.perf_counter() - began
        await look(page, f"{name}-5-card.png")
        print(f"{name}: {seconds:.1f} s for the machine, pages of {sizes} bytes")
        if scripts:
            await page.goto(page.url.replace("/card?new=1", "/away"))
            await look(page, f"{name}-6-away.png")
            await page.goto(page.url.replace("/away", "/same"))
            await look(page, f"{name}-7-same.png")
        assert not [text for text in refused if "400" not in text]
        await context.close()
    assert await db.fetchval("SELECT state FROM resident") == "enrolled"
    assert await db.fetchval("SELECT language FROM resident") == lang


async def test_i_am_here_now(db: Pool, browser: Browser) -> None:
    path = await invitation(db, language="vi")
    async with staff_site(db) as site:
        context = await browser.new_context(
            viewport=PHONE, geolocation={"latitude": 32.7912, "longitude": 130.8164}, permissions=["geolocation"]
        )
        page = await context.new_page()
        await page.goto(url(site, path + "?lang=vi"))
        await page.click("button[name=language][value='vi']")
        await page.click("summary")
        await page.click("[data-here]")
        await page.wait_for_selector("[data-here-done]:not([hidden])")
        await look(page, "vi-here.png")
        await page.click("button.big")
        await page.wait_for_selector("input[name=phone]")
        assert "益城町" in await page.inner_text("main")
        await context.clear_permissions()
        await page.goto(url(site, path + "?step=places"))
        await page.click("summary")
        await page.click("[data-here]")
        await page.wait_for_selector("[data-here-failed]:not([hidden])")
        assert await page.is_enabled("select[name=city]")
        await context.close()


@pytest.mark.parametrize(
    ("name", "user_agent"),
    [
        ("line-ios", f"{IPHONE} Safari Line/14.2.1"),
        (
            "messenger-android",
            "Mozilla/5.0 (Linux; Android 13; SM-A135F; wv) [FB_IAB/Orca-Android;FBAV/450]",
        ),
        ("safari-ios", f"{IPHONE} Version/17.4 Safari/604"),
    ],
)
async def test_phones_that_need_one_more_step(db: Pool, browser: Browser, name: str, user_agent: str) -> None:
    path = await invitation(db, language="my")
    async with staff_site(db) as site:
        context = await browser.new_context(viewport=PHONE, user_agent=user_agent, java_script_enabled=False)
        page = await context.new_page()
        await page.goto(url(site, path + "?lang=my"))
        await page.click("button[name=language][value='my']")
        await page.click("button.big")
        await look(page, f"inapp-{name}.png")
        in_app = name != "safari-ios"
        text = await page.inner_text("main")
        assert (SAY("my", "enrol.inapp") in text) is in_app
        assert (SAY("my", "push.iphone") in text) is not in_app
        await page.click("button.big")
        await page.wait_for_selector("button[name=all]")  # never a dead end
        await context.close()


async def test_paper(db: Pool, browser: Browser, tmp_path: Path) -> None:
    """Slips of a dorm, a poster, the page of walking in: on a laptop, on a phone, and as they print on A4."""
    folder = Path(os.environ.get("DAIJOBU_SHOTS") or tmp_path)
    org = await make_org(db, name="株式会社あおぞら食品", language="ja")
    group = await make_org(db, OrgKind.COMMUNITY, name="Kumamoto Myanmar Circle", language="ja")
    dorm = await make_site(db, org.id, name="ひばり寮")
    for n, lang in enumerate(("vi", "my", "ne", "fil", "id", "zh-Hans")):
        await make_resident(db, org.id, dorm=dorm, room=f"{n + 1}01", enrolled=n > 3, language=lang)
    async with transaction(db) as conn:
        made = await make_poster(conn, VAULT, org_id=group.id, label="教会", staff_id=group.staff_id, now=NOW)
    async with staff_site(db) as site:
        for who, pages in ((org, ("/slips", f"/sites/{dorm[0]}")), (group, (f"/posters/{made}", "/posters"))):
            visitor = await site.signed_in(who)
            cookies = [
                {"name": c.key, "value": c.value, "url": url(site, "/")} for c in visitor.client.session.cookie_jar
            ]
            for size, view in (("phone", PHONE), ("laptop", LAPTOP)):
                context = await browser.new_context(viewport=view)
                await context.add_cookies(cookies)  # type: ignore[arg-type]
                page = await context.new_page()
                for path in pages:
                    await page.goto(url(site, path))
                    name = path.strip("/").split("/")[0]
                    name += "-one" if path.count("/") > 1 else ""
                    await look(page, f"paper-{name}-{size}.png")
                    if size == "laptop" and name in ("slips", "posters-one"):
                        await page.pdf(path=folder / f"paper-{name}.pdf", format="A4", prefer_css_page_size=True)
                await context.close()
        context = await browser.new_context(viewport=PHONE, java_script_enabled=False)
        page = await context.new_page()
        await page.goto(url(site, f"/w/{poster_token(VAULT, made)}?lang=my"))
        await look(page, "walk-in-my.png")
        await page.fill("input[name=name]", "Aung Min")
        await page.click("button.big")
        await page.wait_for_selector("button[name=language]")
        await look(page, "walk-in-my-language.png")
        await context.close()
    assert await db.fetchval("SELECT count(*) FROM resident WHERE name = 'Aung Min'") == 1
