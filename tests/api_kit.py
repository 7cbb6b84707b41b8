"""A website with the API, and programs that call it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from checkin.api import ROUTES
from core.clock import FixedClock
from core.db import Pool
from core.model import Role
from core.settings import Settings, load_settings
from core.web import SITE
from registry.api_store import create_token
from registry.api_tokens import Knocks, Scope
from registry.problems_web import KNOCKS, api_problems
from tests.pages import make_app
from tests.people import NOW


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]  # any case of letters
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Program:
    """A caller with a token ("" for none)."""

    client: TestClient[web.Request, web.Application]
    token: str
    headers: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One call; `path` below /api/v1. `body`: sent as JSON; bytes are sent as they are."""
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        url = path if path.startswith("/api") else f"/api/v1{path}"
        async with self.client.request(method, url, data=data, headers=sent, skip_auto_headers=["Content-Type"]) as got:
            return Reply(got.status, got.headers.copy(), await got.text())


@dataclass
class ApiSite:
    """A running website with the API."""

    client: TestClient[web.Request, web.Application]
    db: Pool
    clock: FixedClock

    def anybody(self) -> Program:
        return Program(self.client, "")

    async def program(
        self, org_id: UUID, scopes: Iterable[Scope] = tuple(Scope), *, role: Role = Role.EMPLOYER, **more: Any
    ) -> Program:
        """A caller with a token for an organisation's people."""
        return Program(self.client, (await give_token(self.db, org_id, scopes, role=role, **more))[1])


async def give_token(
    db: Pool,
    org_id: UUID,
    scopes: Iterable[Scope] = tuple(Scope),
    *,
    role: Role = Role.EMPLOYER,
    owner_id: UUID | None = None,
    name: str = "HR",
    days: int = 90,
) -> tuple[UUID, str]:
    """A token: (its id, the token)."""
    async with db.acquire() as conn:
        return await create_token(
            conn,
            owner_id=owner_id or org_id,
            org_id=org_id,
            role=role,
            name=name,
            scopes=scopes,
            created_by=None,
            now=NOW,
            expires_at=NOW + timedelta(days=days),
        )


@asynccontextmanager
async def api_site(db: Pool, *, settings: Settings | None = None) -> AsyncIterator[ApiSite]:
    """A running website with the API's routes only."""
    clock = FixedClock(NOW)
    app = make_app(db, ROUTES, clock)
    app.middlewares.insert(1, api_problems)  # outside the guard, as in ops.site_web
    app[KNOCKS] = Knocks()
    app[SITE].settings = settings or load_settings({})
    async with TestClient(TestServer(app)) as client:
        yield ApiSite(client, db, clock)
