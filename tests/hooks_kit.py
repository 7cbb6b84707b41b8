"""A receiver of webhooks, subscriptions, and the turn of the loop that finds and delivers news."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from alerts.deps import Deps
from checkin.webhook_watch_store import watch
from core.clock import FixedClock
from core.db import Pool, transaction
from core.model import Role
from ops.webhooks import client, deliver_due
from registry.api_tokens import ApiToken, Scope
from registry.webhook_store import create_webhook
from registry.webhooks import Event
from tests.alerts_kit import wires
from tests.api_kit import give_token
from tests.people import NOW, VAULT

SECRET = "whsec_of_a_test"


@dataclass
class Receiver:
    """Somebody's server: what it was sent, and what it answers next (200 when the list is empty)."""

    bodies: list[bytes] = field(default_factory=list)
    headers: list[Any] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    location: str = ""
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.headers.append(request.headers.copy())
        status = self.answers.pop(0) if self.answers else 200
        return web.Response(
            status=status, text="x" * 100_000, headers={"Location": self.location} if self.location else {}
        )

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]

    @property
    def events(self) -> list[str]:
        return [one["event"] for one in self.told]


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver on this machine."""
    found = Receiver()
    app = web.Application()
    app.router.add_post("/hook", found.take)
    async with TestServer(app) as server:
        found.url = str(server.make_url("/hook"))
        yield found


@dataclass
class Loop:
    """The loop of the webhooks, a turn at a time."""

    deps: Deps
    session: aiohttp.ClientSession
    clock: FixedClock

    async def turn(self) -> int:
        """Look for news, then deliver what is due; how many requests were made."""
        await watch(self.deps.pool, self.clock.now())
        return await self.deliver()

    async def deliver(self) -> int:
        tried = made = await deliver_due(self.session, self.deps, lambda: 0.5)
        while tried:
            tried = await deliver_due(self.session, self.deps, lambda: 0.5)
            made += tried
        return made


@asynccontextmanager
async def hook_loop(db: Pool, dsn: str, *, allow_loopback: bool = True) -> AsyncIterator[Loop]:
    """The loop on a standing clock."""
    clock = FixedClock(NOW)
    async with (
        wires(db, dsn, clock=clock, webhook_allow_loopback=allow_loopback) as deps,
        client(allow_loopback=allow_loopback) as session,
    ):
        yield Loop(deps, session, clock)


async def subscribe(
    db: Pool,
    org_id: UUID,
    url: str,
    events: Iterable[Event] = tuple(Event),
    *,
    names: bool = False,
    now: datetime = NOW,
) -> UUID:
    """A webhook of an organisation, signed with SECRET; its id."""
    token_id, _ = await give_token(db, org_id)
    token = ApiToken(token_id, org_id, org_id, Role.EMPLOYER, "HR", frozenset(Scope))
    async with transaction(db) as conn:
        return await create_webhook(conn, VAULT, token, url=url, events=events, names=names, secret=SECRET, now=now)
