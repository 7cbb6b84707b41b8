"""A modern phone from the button to the answer: subscribe, notification, receipt, tap, a tap without connection.

The whole service and a real Chromium; only the push service between them is ours (it decrypts), because Chromium's own
is a company's server. What it decrypts is handed to the browser as that server would do it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, CDPSession, Page, Worker

from core.db import Pool
from core.model import Purpose
from registry.store import personal_token
from tests.alerts_kit import MASHIKI, city, hear, quake, region, send_all
from tests.chromium import chromium, needs_chromium
from tests.people import VAULT, Person, make_org
from tests.story.stage import Stage, stage

pytestmark = needs_chromium
#: The push service's part of subscribing; everything around it is the page's own.
SUBSCRIBE = """
PushManager.prototype.subscribe = async (options) => {
    if (!options.userVisibleOnly || options.applicationServerKey.length !== 65) throw new Error("wrong options");
    return { toJSON: () => (%s) };
};
"""


@dataclass(slots=True)
class Phone:
    """Chromium with our worker, and the person who holds it."""

    stage: Stage
    person: Person
    context: BrowserContext
    page: Page
    worker: Worker
    cdp: CDPSession
    registrations: list[str] = field(default_factory=list)

    async def gets_what_was_pushed(self) -> dict[str, Any]:
        """Send what waits and hand the newest notification to the browser."""
        await send_all(self.stage.deps)
        # The test that follows the button may come at any time; no message stands behind it.
        alerts = [one.payload for one in self.stage.push.shown if "message" in one.payload["notification"]["data"]]
        payload: dict[str, Any] = alerts[-1]
        await until(lambda: bool(self.registrations))
        await self.cdp.send(
            "ServiceWorker.deliverPushMessage",
            {
                "origin": self.stage.deps.settings.site_url,
                "registrationId": self.registrations[0],
                "data": json.dumps(payload),
            },
        )
        return payload

    async def tap(self, action: str) -> None:
        """Press a button of the newest notification."""
        await self.worker.evaluate(
            """async (action) => {
                const shown = await self.registration.getNotifications();
                const notification = shown[shown.length - 1];
                self.dispatchEvent(new NotificationEvent('notificationclick', { notification, action }));
            }""",
            action,
        )

    async def titles(self) -> list[str]:
        found: list[str] = await self.worker.evaluate(
            "async () => (await self.registration.getNotifications()).map(n => n.title)"
        )
        return found


async def until(check: Callable[[], bool]) -> None:
    while not check():
        await asyncio.sleep(0.02)


async def until_true(check: Callable[[], Awaitable[bool]]) -> None:
    while not await check():
        await asyncio.sleep(0.02)


@asynccontextmanager
async def phone_of(s: Stage, db: Pool) -> AsyncIterator[Phone]:
    """Somebody opens their personal page and presses "Turn on notifications"."""
    person = await s.resident(await make_org(db), "43443", "vi")
    async with db.acquire() as conn:
        token = await personal_token(conn, VAULT, person.id)
    async with chromium() as browser:
        context = await browser.new_context(viewport={"width": 360, "height": 640})
        await context.grant_permissions(["notifications"], origin=s.deps.settings.site_url)
        await context.add_init_script(SUBSCRIBE % s.push.subscribe().to_json())
        page = await context.new_page()
        cdp = await context.new_cdp_session(page)
        registrations: list[str] = []
        cdp.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda event: registrations.extend(one["registrationId"] for one in event["registrations"]),
        )
        await cdp.send("ServiceWorker.enable")
        async with context.expect_event("serviceworker") as started:
            await page.goto(f"{s.deps.settings.site_url}/p/{token}")
        worker = await started.value
        await page.click("button[data-push-token]")
        await page.locator("[data-push-on]").wait_for()
        yield Phone(s, person, context, page, worker, cdp, registrations)


async def test_from_the_button_to_a_tap_without_connection(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s, phone_of(s, db) as phone:
        assert await db.fetchval("SELECT state FROM contact WHERE channel = 'push'") == "unproven"
        await hear(s.deps, quake(region("6+"), city(MASHIKI, "6-")))
        payload = await phone.gets_what_was_pushed()

        # --- shown, and proved
        async def proven() -> bool:
            return str(await db.fetchval("SELECT state FROM contact WHERE channel = 'push'")) == "proven"

        await until_true(proven)
        assert await phone.titles() == [payload["notification"]["title"]]
        assert await db.fetchval("SELECT state FROM message WHERE channel = 'push'") == "delivered"

        # --- no connection: the tap waits on the phone, and says so
        await phone.worker.evaluate("() => { self.online = self.fetch; self.fetch = async () => { throw Error(); }; }")
        await phone.tap("ok")

        async def marked() -> bool:
            return any(title.startswith("…") for title in await phone.titles())

        await until_true(marked)
        assert await db.fetchval("SELECT count(*) FROM check_in") == 0

        # --- connected again: any of our pages sends it, once
        await phone.worker.evaluate("() => { self.fetch = self.online; }")
        await phone.page.goto(payload["notification"]["data"]["url"])

        async def stored() -> bool:
            return bool(await db.fetchval("SELECT count(*) FROM check_in"))

        await until_true(stored)
        rows = await db.fetch("SELECT answer, via, answered_by FROM check_in")
        assert [tuple(row) for row in rows] == [("ok", "push", "self")]

        async def ticked() -> bool:
            return [title[0] for title in await phone.titles()] == ["✓"]

        await until_true(ticked)


@pytest.mark.parametrize(("purpose", "seen"), [(Purpose.LIVE, "a[href='tel:119']"), (Purpose.DRILL, "[name=real]")])
async def test_help_from_a_notification_opens_the_page(
    db: Pool, db_dsn: str, tmp_path: Path, purpose: Purpose, seen: str
) -> None:
    async with stage(db, db_dsn, tmp_path) as s, phone_of(s, db) as phone:
        await hear(s.deps, quake(region("6+"), city(MASHIKI, "6-")), purpose=purpose)
        await phone.gets_what_was_pushed()

        async def shown() -> bool:
            return bool(await phone.titles())

        await until_true(shown)
        # A tap that a script makes gives the worker no right to open a window: what it asks for is what counts.
        await phone.worker.evaluate("() => { self.clients.openWindow = async (url) => { self.opened = url; }; }")
        await phone.tap("help")

        async def opened() -> bool:
            return bool(await phone.worker.evaluate("() => Boolean(self.opened)"))

        await until_true(opened)
        assert await db.fetchval("SELECT answer FROM check_in") == "help"
        await phone.page.goto(s.deps.settings.site_url + str(await phone.worker.evaluate("() => self.opened")))
        await phone.page.locator(seen).first.wait_for()
