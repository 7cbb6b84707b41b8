"""The pages about e-mail and LINE on a small phone: nothing scrolls sideways, one button does it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Page

from alerts.mail_links import confirm, way_out
from alerts.mail_web import ROUTES
from core.db import Pool, transaction
from core.settings import load_settings
from registry.records import EMAIL, NewContact
from registry.store import personal_token
from tests.chromium import needs_chromium, picture
from tests.people import VAULT, make_resident
from tests.staff_site import staff_site

pytestmark = needs_chromium
PHONE: Any = {"width": 360, "height": 640}
SETTINGS = load_settings(
    {
        "DAIJOBU_PUBLIC_URL": "http://127.0.0.1",
        "DAIJOBU_SMTP_HOST": "mail.example",
        "DAIJOBU_SMTP_FROM": "alerts@daijobu.example",
        "DAIJOBU_LINE_CHANNEL_TOKEN": "t",
        "DAIJOBU_LINE_CHANNEL_SECRET": "s",
        "DAIJOBU_LINE_BASIC_ID": "@daijobu",
    }
)


async def look(page: Page, name: str) -> None:
    await picture(page, f"{name}.png")
    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name


@pytest.mark.parametrize("lang", ["en", "my", "ur", "ja-simple"])
async def test_mail_and_line(db: Pool, browser: Browser, lang: str) -> None:
    mail = NewContact(EMAIL, "mai.nguyen.thi.thu@students.mail.example")
    person = await make_resident(db, language=lang, contacts=[mail])
    async with transaction(db) as conn:
        own = f"/p/{await personal_token(conn, VAULT, person.id)}"
    async with staff_site(db, settings=SETTINGS, more_routes=ROUTES) as site:

        def url(path: str) -> str:
            return str(site.server.make_url(path))

        context = await browser.new_context(viewport=PHONE)
        page = await context.new_page()
        await page.goto(url(own))
        await look(page, f"{lang}-own")
        await page.click("a[href*='/line']")
        await look(page, f"{lang}-line-before")
        await page.click("form button.ok")
        assert len(await page.inner_text(".code")) == 8
        await look(page, f"{lang}-line-code")
        for name, path in (("confirm", confirm(VAULT, mail.id)), ("stop", way_out(VAULT, mail.id))):
            await page.goto(url(path))
            await look(page, f"{lang}-{name}")
            await page.click("form button")
            await page.wait_for_selector(".card.good")
            assert await page.locator(".card.good").count() == 1
            await look(page, f"{lang}-{name}-done")
        await context.close()
