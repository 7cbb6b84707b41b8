"""A website for tests of staff pages: the real guard, real sessions, and people who sign in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pyotp
from aiohttp import ClientResponse, CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from core.clock import FixedClock
from core.db import Pool, transaction
from core.settings import Settings, load_settings
from core.web import SITE, Route
from core.web import Site as Wires
from ops.pages_web import routes_under
from registry.signin_store import open_session
from tests.pages import Form, forms_of, make_app
from tests.people import NOW, Org


class Visitor:
    """A browser: keeps cookies, follows redirects, fills forms in as a person would."""

    def __init__(self, client: TestClient[web.Request, web.Application]) -> None:
        self.client = client

    async def get(self, path: str, **more: Any) -> tuple[int, str]:
        async with self.client.get(path, **more) as response:
            return response.status, await response.text()

    async def post(self, path: str, values: dict[str, str], **more: Any) -> tuple[int, str]:
        async with self.client.post(path, data=values, **more) as response:
            return response.status, await response.text()

    async def submit(self, page: str, action: str, values: dict[str, str] | None = None, **more: Any) -> ClientResponse:
        """Open `page`, fill its form that posts to `action` ("" for the page itself), send it, return the answer."""
        _, html = await self.get(page)
        form = form_to(html, action)
        for name in values or {}:
            assert name in form.offers or name in select_names(html), f"{page} has no field {name}"
        sent = {k: v for k, v in form.values.items() if k != "csv" or v} | (values or {})
        return await self.client.post(action or page, data=sent, **more)

    async def add_app(self) -> str:
        """Set an authenticator app up through its pages; its secret. The session is whole afterwards."""
        html = await (await self.submit("/account/second-factor", "/account/second-factor/app")).text()
        secret = html.split("<code>")[1].split("</code>")[0].replace(" ", "")
        values = {"code": pyotp.TOTP(secret).at(NOW)}
        response = await self.submit("/account/second-factor/app", "/account/second-factor/app/confirm", values)
        assert response.status == 200, await response.text()
        return secret

    async def enter(self, token: str) -> None:
        """Use a one-time sign-in link."""
        response = await self.submit(f"/enter/{token}", "", allow_redirects=False)
        assert response.status == 303, await response.text()


def form_to(html: str, action: str) -> Form:
    """The form of a page that posts to `action`."""
    found = [f for f in forms_of(html) if f.action == action]
    assert found, f"no form posts to {action!r}; the page has {[f.action for f in forms_of(html)]}"
    return found[0]


def select_names(html: str) -> set[str]:
    """The names of a page's select fields, which the reader of forms leaves out."""
    return {part.split('"')[0] for part in html.split('name="')[1:]}


@asynccontextmanager
async def staff_site(
    pool: Pool,
    *,
    clock: FixedClock | None = None,
    settings: Settings | None = None,
    extras: dict[str, Any] | None = None,
    more_routes: Iterable[Route] = (),
) -> AsyncIterator[Site]:
    """A running website with the registry's routes behind the guard."""
    app = make_app(pool, [*routes_under("registry"), *more_routes], clock or FixedClock(NOW))
    app[SITE].settings = settings or load_settings({"DAIJOBU_PUBLIC_URL": "http://127.0.0.1"})
    app[SITE].extras.update(extras or {})
    async with TestServer(app) as server:
        site = Site(server, pool, clock or FixedClock(NOW), app[SITE])
        try:
            yield site
        finally:
            for client in site.clients:
                await client.close()


class Site:
    """A running website; `visitor()` opens a new browser."""

    def __init__(self, server: TestServer, pool: Pool, clock: FixedClock, wires: Wires) -> None:
        self.server = server
        self.app_site = wires
        self.pool = pool
        self.clock = clock
        self.clients: list[TestClient[web.Request, web.Application]] = []

    def visitor(self) -> Visitor:
        client = TestClient(self.server, cookie_jar=CookieJar(unsafe=True))
        self.clients.append(client)
        return Visitor(client)

    async def signed_in(self, org: Org) -> Visitor:
        """A browser in which the clerk of an organisation has signed in, second factor included."""
        return await self.signed_in_as(org.staff_id)

    async def signed_in_as(self, staff_id: UUID, *, whole: bool = True) -> Visitor:
        """A browser with a session of this member of staff; `whole`: the second factor has just been proved."""
        now = self.clock.now()
        async with transaction(self.pool) as conn:
            session_id = await open_session(conn, staff_id, now, "test", second_factor_at=now if whole else None)
        visitor = self.visitor()
        visitor.client.session.cookie_jar.update_cookies({"daijobu": session_id}, self.server.make_url("/"))
        return visitor
