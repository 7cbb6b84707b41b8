"""Passkeys in a real browser with a virtual authenticator: a volunteer joins by QR code, signs in again, is removed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pyotp
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, BrowserContext, Page, expect

from core.clock import FixedClock
from core.db import Pool
from core.model import OrgKind
from core.web import SITE
from ops.site_web import build_app
from tests.chromium import needs_chromium
from tests.pages import PASSWORDS, make_app
from tests.people import NOW, Org, make_org, whole_session

pytestmark = needs_chromium
PASSWORD = "mountain river lamp"
PHONE = {"width": 360, "height": 640}


@asynccontextmanager
async def whole_site(db: Pool) -> AsyncIterator[str]:
    """Every page of the website at http://localhost, where browsers allow passkeys without TLS."""
    app: web.Application = build_app(make_app(db, [], FixedClock(NOW))[SITE])
    async with TestServer(app) as server:
        yield f"http://localhost:{server.port}"


@asynccontextmanager
async def phone(browser: Browser, url: str, session_id: str = "") -> AsyncIterator[BrowserContext]:
    """A browser of its own at the size of a small phone, in English."""
    context = await browser.new_context(viewport=PHONE, locale="en", base_url=url)  # type: ignore[arg-type]
    if session_id:
        await context.add_cookies([{"name": "daijobu", "value": session_id, "url": url}])
    await context.add_cookies([{"name": "lang", "value": "en", "url": url}])
    try:
        yield context
    finally:
        await context.close()


async def with_authenticator(page: Page, *, verifies: bool = True) -> Page:
    """A phone with a fingerprint reader; `verifies`: it knows the finger."""
    cdp = await page.context.new_cdp_session(page)
    await cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": verifies,
        "automaticPresenceSimulation": True,
    }
    await cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return page


async def join_link(db: Pool) -> str:
    """What the newest QR code says, without its host."""
    row = await db.fetchrow("SELECT id, token_enc FROM volunteer_pass ORDER BY id DESC LIMIT 1")
    app = make_app(db, [], FixedClock(NOW))
    return "/volunteer/" + app[SITE].vault.decrypt(row["token_enc"], row["id"], "volunteer_pass.token_enc")


async def test_from_the_qr_code_to_the_board_and_out_again(db: Pool, browser: Browser) -> None:
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    session_id = await whole_session(db, network.staff_id)
    async with (
        whole_site(db) as url,
        phone(browser, url, session_id) as leaders,
        phone(browser, url) as volunteers,
    ):
        leader = await leaders.new_page()
        await leader.goto("/team/qr")
        await leader.get_by_role("button", name="Make the QR code").click()
        await expect(leader.get_by_role("img", name="QR code to join as a volunteer")).to_be_visible()
        page = await with_authenticator(await volunteers.new_page())
        await page.goto(await join_link(db))
        await page.get_by_role("button", name="Join with fingerprint").click()
        await expect(page).not_to_have_url("/board")  # the name is missing: the browser says so
        await page.get_by_label("Your name").fill("Mika")
        await page.get_by_label("E-mail address or a nickname").fill("mika")
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], "no sideways scrolling"
        await page.get_by_role("button", name="Join with fingerprint").click()
        await page.wait_for_url("**/board")
        await expect(page.get_by_role("button", name="Sign out")).to_be_visible()

        # Signing in again needs one tap and no name.
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url("**/sign-in")
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await page.wait_for_url("**/board")

        await leader.reload()
        await expect(leader.get_by_text("Mika")).to_be_visible()
        await leader.get_by_role("button", name="Remove").click()
        await expect(leader.get_by_text("removed")).to_be_visible()
        await page.goto("/board")
        await page.wait_for_url("**/sign-in?next=/board")


async def clerk(db: Pool) -> Org:
    return await make_org(db, password_hash=await PASSWORDS.hash(PASSWORD))


async def sign_in(page: Page, org: Org) -> None:
    await page.goto("/sign-in?next=/people")
    await page.get_by_label("E-mail address (or nickname)").fill(org.email)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()


async def test_a_clerk_adds_a_passkey_and_shows_it_after_the_password(db: Pool, browser: Browser) -> None:
    org = await clerk(db)
    async with whole_site(db) as url, phone(browser, url) as context:
        page = await with_authenticator(await context.new_page())
        await sign_in(page, org)
        await page.get_by_label("Name of this device").fill("Office PC")
        await page.get_by_role("button", name="Add a passkey").click()
        await expect(page.get_by_role("heading", name="Printed codes")).to_be_visible()
        await expect(page.locator("ol.codes li")).to_have_count(10)
        await page.get_by_role("link", name="I have kept them").click()
        await page.wait_for_url("**/people")
        await page.get_by_role("button", name="Sign out").click()
        await sign_in(page, org)
        await page.get_by_role("button", name="Confirm with a passkey").click()
        await page.wait_for_url("**/people")


async def test_a_finger_that_is_not_known_says_so_and_leaves_the_other_ways(db: Pool, browser: Browser) -> None:
    org = await clerk(db)
    async with whole_site(db) as url, phone(browser, url) as context:
        page = await with_authenticator(await context.new_page(), verifies=False)
        await sign_in(page, org)
        await page.get_by_role("button", name="Add a passkey").click()
        await expect(page.get_by_text("That did not work.")).to_be_visible()
        await expect(page.get_by_role("button", name="Add a passkey")).to_be_enabled()
        await expect(page.get_by_role("button", name="Set up an authenticator app")).to_be_visible()
        assert await db.fetchval("SELECT count(*) FROM passkey") == 0


async def test_without_javascript_the_app_does_it(db: Pool, browser: Browser) -> None:
    org = await clerk(db)
    async with whole_site(db) as url:
        context = await browser.new_context(
            viewport=PHONE,  # type: ignore[arg-type]
            java_script_enabled=False,
            base_url=url,
        )
        await context.add_cookies([{"name": "lang", "value": "en", "url": url}])
        page = await context.new_page()
        await sign_in(page, org)
        await expect(page.get_by_role("button", name="Set up an authenticator app")).to_be_visible()
        assert await page.get_by_role("button", name="Add a passkey").count() == 0
        await page.get_by_role("button", name="Set up an authenticator app").click()
        secret = (await page.locator("code").inner_text()).replace(" ", "")
        await page.get_by_label("6-digit code").fill(pyotp.TOTP(secret).at(NOW))
        await page.get_by_role("button", name="Turn on").click()
        await page.get_by_role("link", name="I have kept them").click()
        await page.wait_for_url("**/people")
        await context.close()
