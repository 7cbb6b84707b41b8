"""The service worker in a real Chromium: shows the push, proves it, answers from the button, keeps what failed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, CDPSession, Page, Worker

from core.web import STATIC
from tests.chromium import needs_chromium

pytestmark = needs_chromium

PAGE = "<!doctype html><title>t</title><script src='/static/push.js'></script>"


@dataclass(slots=True)
class Site:
    """A website with the real worker; remembers what it is sent."""

    url: str = ""
    receipts: list[dict[str, Any]] = field(default_factory=list)
    answers: list[dict[str, str]] = field(default_factory=list)
    #: HTTP status of the next answers.
    status: int = 204

    async def receipt(self, request: web.Request) -> web.Response:
        self.receipts.append(await request.json())
        return web.Response(status=204)

    async def answer(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.answers.append({**form, "token": request.match_info["token"]})
        return web.Response(status=self.status)


@dataclass(slots=True)
class Phone:
    """One browser with the page open and the worker active."""

    site: Site
    page: Page
    worker: Worker
    cdp: CDPSession
    registration: str

    async def push(self, **note: Any) -> None:
        data = {"message": 41, "receipt": "proof", "url": f"{self.site.url}/c/abc"}
        notification = {"title": "ĐỘNG ĐẤT", "body": "Bạn có an toàn không?", "lang": "vi", "tag": "t", "data": data}
        actions = [{"action": "ok", "title": "Tôi an toàn"}, {"action": "help", "title": "Cần giúp"}]
        payload = {"web_push": 8030, "notification": {**notification, "actions": actions, **note}}
        await self.cdp.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": self.site.url, "registrationId": self.registration, "data": json.dumps(payload)},
        )

    async def notifications(self) -> list[dict[str, Any]]:
        script = (
            "async () => (await (await navigator.serviceWorker.ready).getNotifications())"
            ".map(n => ({title: n.title, body: n.body, lang: n.lang, actions: n.actions.map(a => a.action)}))"
        )
        found: list[dict[str, Any]] = await self.page.evaluate(script)
        return found

    async def tap(self, action: str) -> None:
        """What the browser does when somebody taps a button of the notification."""
        await self.worker.evaluate(
            """async (action) => {
                const [notification] = await self.registration.getNotifications();
                self.dispatchEvent(new NotificationEvent('notificationclick', { notification, action }));
            }""",
            action,
        )


async def until(check: Any) -> None:
    while not check():
        await asyncio.sleep(0.02)


@pytest.fixture
async def phone(browser: Browser) -> AsyncIterator[Phone]:
    site = Site()
    app = web.Application()

    async def page_(request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def worker_(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "sw.js", headers={"Content-Type": "text/javascript"})

    app.router.add_get("/", page_)
    app.router.add_get("/sw.js", worker_)
    app.router.add_static("/static", STATIC)
    app.router.add_post("/push/receipt", site.receipt)
    app.router.add_post("/c/{token}", site.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    context = await browser.new_context()
    await context.grant_permissions(["notifications"], origin=site.url)
    page = await context.new_page()
    cdp = await context.new_cdp_session(page)
    registrations: list[str] = []

    def registered(event: dict[str, Any]) -> None:
        registrations.extend(one["registrationId"] for one in event["registrations"])

    cdp.on("ServiceWorker.workerRegistrationUpdated", registered)
    await cdp.send("ServiceWorker.enable")
    async with context.expect_event("serviceworker") as found:
        await page.goto(site.url)
    worker = await found.value
    await page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    await until(lambda: registrations)
    yield Phone(site, page, worker, cdp, registrations[0])
    await context.close()  # before the website waits for its open requests
    await runner.cleanup()


async def test_shows_at_once_and_proves_it(phone: Phone) -> None:
    await phone.push()
    await until(lambda: phone.site.receipts)
    assert phone.site.receipts == [{"message": 41, "receipt": "proof", "shown": True}]
    (note,) = await phone.notifications()
    assert note == {
        "title": "ĐỘNG ĐẤT",
        "body": "Bạn có an toàn không?",
        "lang": "vi",
        "actions": ["ok", "help"],
    }


async def test_a_test_proves_the_browser_itself(phone: Phone) -> None:
    await phone.push(data={"contact": "c-1", "receipt": "proof", "url": f"{phone.site.url}/"}, actions=[])
    await until(lambda: phone.site.receipts)
    assert phone.site.receipts == [{"contact": "c-1", "receipt": "proof", "shown": True}]


async def test_where_the_browser_has_read_the_message_itself(phone: Phone) -> None:
    """Safari hands a declarative message over as a finished Notification, and no data."""
    await phone.worker.evaluate(
        """async (url) => {
            const event = new PushEvent("push");
            const data = { message: 42, receipt: "proof", url };
            event.notification = { title: "SÓNG THẦN", body: "Chạy lên cao", lang: "vi", tag: "t", data };
            self.dispatchEvent(event);
        }""",
        f"{phone.site.url}/c/abc",
    )
    await until(lambda: phone.site.receipts)
    assert phone.site.receipts == [{"message": 42, "receipt": "proof", "shown": True}]
    (note,) = await phone.notifications()
    assert (note["title"], note["body"], note["lang"]) == ("SÓNG THẦN", "Chạy lên cao", "vi")


async def test_a_newer_text_replaces_the_older_one(phone: Phone) -> None:
    await phone.push()
    await phone.push(title="CORRECTED")
    await until(lambda: len(phone.site.receipts) == 2)
    assert [note["title"] for note in await phone.notifications()] == ["CORRECTED"]


async def test_button_answers_without_opening_a_page(phone: Phone) -> None:
    await phone.push()
    await until(lambda: phone.site.receipts)
    await phone.tap("ok")
    await until(lambda: phone.site.answers)
    (answer,) = phone.site.answers
    assert (answer["token"], answer["answer"]) == ("abc", "ok")
    assert len(answer["client_id"]) == 36 and answer["tapped_at"].endswith("Z")


async def test_an_answer_that_was_not_stored_is_kept_and_sent_again(phone: Phone) -> None:
    phone.site.status = 503
    await phone.push()
    await until(lambda: phone.site.receipts)
    await phone.tap("help")
    await until(lambda: phone.site.answers)
    phone.site.status = 204
    tries = len(phone.site.answers)
    await phone.page.reload()  # any of our pages asks the worker to try again
    await until(lambda: len(phone.site.answers) > tries)
    # The same tap, however often it is sent: the service keeps it once.
    assert len({answer["client_id"] for answer in phone.site.answers}) == 1
    assert {answer["answer"] for answer in phone.site.answers} == {"help"}


async def test_a_push_we_cannot_read_still_shows_something(phone: Phone) -> None:
    # Chromium drops a push whose worker is just being stopped; a second one shows under the same tag.
    while not await phone.notifications():
        await phone.cdp.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": phone.site.url, "registrationId": phone.registration, "data": "not json"},
        )
        await asyncio.sleep(1)
    assert {note["title"] for note in await phone.notifications()} == {"Daijobu"}
