"""The staff pages of dashboards and board for tests: real routes behind the real guard, and signed-in visitors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from checkin.board_web import ROUTES as BOARD
from checkin.dashboard_web import ROUTES as DASHBOARD
from checkin.live_web import ROUTES as LIVE
from checkin.status_web import ROUTES as STATUS
from core.clock import FixedClock
from core.db import Pool
from core.wakeups import Wakeup, Wakeups
from core.web import SITE, STATIC, Route
from tests.pages import forms_of, make_app
from tests.people import NOW, VAULT, whole_session

ROUTES = [*BOARD, *DASHBOARD, *LIVE, *STATUS]


@dataclass(frozen=True)
class Visitor:
    """One signed-in member of staff with a browser that follows no redirects."""

    client: TestClient[web.Request, web.Application]
    session_id: str

    async def get(self, path: str, **headers: str) -> ClientResponse:
        sent = {"Cookie": f"daijobu={self.session_id}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return await self.client.get(path, headers=sent, allow_redirects=False)

    async def html(self, path: str) -> str:
        answer = await self.get(path)
        text = await answer.text()
        assert answer.status == 200, f"{path}: {answer.status}: {text[:400]}"
        return text

    async def post(self, path: str, token: bool = True, **fields: str) -> ClientResponse:
        data = dict(fields) | ({"form_token": VAULT.form_token(self.session_id)} if token else {})
        headers = {"Cookie": f"daijobu={self.session_id}"}
        return await self.client.post(path, data=data, headers=headers, allow_redirects=False)

    async def submit(self, page: str, action_ends: str, **fields: str) -> ClientResponse:
        """Fill in the form of a page whose action ends so, and send it as a browser without JavaScript would."""
        form = next(f for f in forms_of(await self.html(page)) if f.action.endswith(action_ends))
        assert set(fields) <= set(form.offers) | _selects(form.action, fields), (fields, form.offers)
        return await self.post(form.action, token=False, **(form.values | fields))


def _selects(action: str, fields: dict[str, str]) -> set[str]:
    """Fields of <select>, which the form reader leaves out."""
    return {name for name in fields if name.startswith("case-")}


@dataclass(frozen=True)
class BoardSite:
    """A running website."""

    pool: Pool
    client: TestClient[web.Request, web.Application]
    clock: FixedClock
    app: web.Application

    def bells(self, channel: str) -> list[Wakeup]:
        """The listeners of a channel: one per open stream."""
        return self.app[SITE].wakeups._bells.get(channel, [])

    async def visitor(self, staff_id: UUID) -> Visitor:
        """Sign a member of staff in, second factor included."""
        async with self.pool.acquire() as conn:
            return Visitor(self.client, await whole_session(conn, staff_id, self.clock.now()))


@asynccontextmanager
async def board_site(
    pool: Pool,
    *,
    dsn: str = "",
    simulated: bool = False,
    extras: dict[str, Any] | None = None,
    more: Sequence[Route] = (),
) -> AsyncIterator[BoardSite]:
    """Serve the dashboards, the board, the stream, the status page and `more`. `dsn`: where the stream listens."""
    clock = FixedClock(NOW)
    app = make_app(pool, [*ROUTES, *more], clock, simulated=simulated)
    app.router.add_static("/static", STATIC)
    app[SITE].extras.update(extras or {})
    async with TestClient(TestServer(app)) as client:
        if not dsn:
            yield BoardSite(pool, client, clock, app)
            return
        async with Wakeups(dsn) as wakeups:
            app[SITE].wakeups = wakeups
            yield BoardSite(pool, client, clock, app)
