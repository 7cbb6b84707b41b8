"""What tests of alarms share: a receiver of alarms and of the dead-man's calls, feeds in a few words, living loops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from aiohttp import web

from alerts.staff_contacts_store import add_contact, confirm
from core.db import Pool, heartbeat, transaction
from core.model import OrgKind
from ops.alarms import LOOPS
from tests.people import VAULT, Org, make_org


@dataclass
class AlarmReceiver:
    """A chat program and a dead-man's watch on loopback. `answers`: statuses of the next answers, then 200."""

    url: str = ""
    told: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0
    answers: list[int] = field(default_factory=list)

    @property
    def alarm_url(self) -> str:
        return f"{self.url}/alarm"

    @property
    def deadman_url(self) -> str:
        return f"{self.url}/well"

    @property
    def texts(self) -> list[str]:
        return [told["text"] for told in self.told]

    async def alarm(self, request: web.Request) -> web.Response:
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.told.append(await request.json())
        return web.Response(status=status)

    async def well(self, request: web.Request) -> web.Response:
        self.calls += 1
        return web.Response(text="ok")


@asynccontextmanager
async def alarm_receiver() -> AsyncIterator[AlarmReceiver]:
    """A running receiver on a free port."""
    fake = AlarmReceiver()
    app = web.Application()
    app.router.add_post("/alarm", fake.alarm)
    app.router.add_get("/well", fake.well)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()


def feed_row(name: str = "jma.eqvol", state: str = "ok", why: str | None = None, **more: Any) -> dict[str, object]:
    """One stream as feeds/health_store.py describes it."""
    return {
        "feed": name,
        "primary": name.startswith("jma."),
        "state": state,
        "why": why,
        "since": None,
        "detail": "",
        "clock_off_s": None,
        "last_heard_at": None,
        "newest_report_at": None,
        "error": None,
    } | more


@dataclass
class Feeds:
    """What the feeds say about themselves; tests change `rows`."""

    rows: list[dict[str, object]] = field(default_factory=lambda: [feed_row()])

    async def __call__(self, conn: object, now: datetime | None = None) -> list[dict[str, object]]:
        return self.rows


async def all_alive(pool: Pool) -> None:
    """Every loop has just spoken."""
    for name in LOOPS:
        await heartbeat(pool, name)


async def make_operator(pool: Pool, now: datetime, *, phone: str = "") -> Org:
    """Whoever runs the machine, with a proven telephone if `phone` is given."""
    org = await make_org(pool, OrgKind.OPERATOR)
    if phone:
        async with transaction(pool) as conn:
            contact: UUID = await add_contact(conn, VAULT, org.staff_id, "phone", phone, now)
            await confirm(conn, contact, org.staff_id, now)
    return org
