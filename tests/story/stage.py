"""The stage of the stories: the whole service in one process, with fake providers and a clock in hand."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from aiohttp import ClientSession, CookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from alerts.channels_setup import make_channels
from alerts.deps import Deps
from alerts.fanout import decide_once
from alerts.newcomer_tell import tell_newcomers
from alerts.rule_book import RuleBook
from core.clock import FixedClock
from core.db import Pool, transaction
from core.i18n import Catalogs
from core.model import Purpose
from core.settings import Settings
from core.wakeups import Wakeups
from feeds.inspect import parse_any
from feeds.store import StoredReport, ingest
from geo.areas import Areas
from ops.site_web import build_app, make_site
from ops.tend import tend_once
from registry.signin_store import open_session
from registry.store import create_site
from tests.alerts_kit import NOON, send_all
from tests.pages import forms_of
from tests.people import VAULT, Org, Person, make_place, make_resident
from tests.push_server import FakePush, fake_push
from tests.staff_site import Visitor
from tests.twilio_server import FakeTwilio, fake_twilio

AREAS = Areas.load()


async def _no_feeds(conn: object) -> list[dict[str, object]]:
    return []


@dataclass(slots=True)
class Stage:
    """Everything a story touches."""

    pool: Pool
    deps: Deps
    clock: FixedClock
    twilio: FakeTwilio
    push: FakePush
    server: TestServer
    browser: ClientSession
    clients: list[TestClient[web.Request, web.Application]] = field(default_factory=list)

    async def hears(self, telegram: bytes, *, purpose: Purpose = Purpose.LIVE) -> StoredReport:
        """A telegram comes in, its times shifted so that it was sent now; people are told."""
        (event,) = parse_any(telegram).events
        now = self.clock.now()
        stored = await ingest(self.pool, telegram, received_at=now, purpose=purpose, shift=now - event.sent_at)
        while await decide_once(self.deps):
            pass
        await send_all(self.deps)
        return stored

    async def later(self, **passed: float) -> None:
        """Time passes; what has become due is done."""
        self.clock.advance(timedelta(**passed))
        await tend_once(self.deps, "story")
        while await decide_once(self.deps) or await tell_newcomers(self.deps):
            pass
        await send_all(self.deps)

    async def resident(self, org: Org, jis: str, language: str, *, work: str = "", **more: Any) -> Person:
        """A person who lives (and maybe works) in a municipality, placed by the real area tables."""
        home = await self.place(jis)
        workplace = await self.site(org, work, "workplace") if work else None
        return await make_resident(
            self.pool, org.id, language=language, home_place_id=home, workplace=workplace, **more
        )

    async def site(self, org: Org, jis: str, kind: str = "dorm") -> tuple[UUID, UUID]:
        """A dorm or workplace of an organisation in a municipality: (site id, place id)."""
        place_id = await self.place(jis)
        async with transaction(self.pool) as conn:
            site_id = await create_site(
                conn, VAULT, org_id=org.id, kind=kind, name=f"{kind} {place_id}", now=NOON, place_id=place_id
            )
        return site_id, place_id

    async def place(self, jis: str) -> UUID:
        """A place in a municipality, with every code it lies in."""
        codes = tuple((code.scheme, code.code) for code in AREAS.codes_for_jis(jis))
        return await make_place(self.pool, codes, label=AREAS.name("jis", jis))

    def sms_to(self, person: Person) -> list[str]:
        """The texts a person's phone got."""
        return [form["Body"] for form in self.twilio.taken if form["To"] == person.phone]

    async def tap(self, url: str, answer: str) -> str:
        """Open a link as an old phone does and press one of its buttons; the page that follows."""
        async with self.browser.get(url) as page:
            assert page.status == 200, await page.text()
            form = next(f for f in forms_of(await page.text()) if answer in f.offers.get("answer", []))
        async with self.browser.post(
            f"{origin(url)}{form.action}" if form.action else url, data={**form.values, "answer": answer}
        ) as reply:
            assert reply.status == 200, await reply.text()
            return await reply.text()

    def visitor(self) -> Visitor:
        """Another browser, in which nobody has signed in."""
        client: TestClient[web.Request, web.Application] = TestClient(self.server, cookie_jar=CookieJar(unsafe=True))
        self.clients.append(client)
        return Visitor(client)

    async def signed_in(self, org: Org) -> Visitor:
        """A browser in which the staff of an organisation has signed in, second factor included."""
        now = self.clock.now()
        async with transaction(self.pool) as conn:
            session_id = await open_session(conn, org.staff_id, now, "test", second_factor_at=now)
        visitor = self.visitor()
        visitor.client.session.cookie_jar.update_cookies({"daijobu": session_id}, self.server.make_url("/"))
        return visitor


def origin(url: str) -> str:
    """Scheme and host of a URL."""
    return "/".join(url.split("/")[:3])


def link_in(text: str) -> str:
    """The link of an SMS: alone on its last line."""
    return text.splitlines()[-1]


@asynccontextmanager
async def stage(pool: Pool, dsn: str, data_dir: Path) -> AsyncIterator[Stage]:
    """Website, loops, fake Twilio and a fake push service that decrypts, over a test database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    clock = FixedClock(NOON)
    async with fake_twilio() as twilio, fake_push() as push, Wakeups(dsn) as wakeups, ClientSession() as browser:
        settings = Settings(
            port=port,
            data_dir=data_dir,
            twilio_account_sid=twilio.account,
            twilio_auth_token=SecretStr(twilio.token),
            twilio_from="+12025550100",
            twilio_base_url=twilio.url,
            push_hosts="127.0.0.1",
            push_allow_http=True,
            contact="https://daijobu.example",
        )
        channels = make_channels(settings)
        deps = Deps(
            pool=pool,
            settings=settings,
            vault=VAULT,
            catalogs=Catalogs.load(),
            rules=RuleBook.load(),
            areas=AREAS,
            clock=clock,
            channels=channels,
            wakeups=wakeups,
        )
        site = await make_site(deps, feed_states=_no_feeds)
        server = TestServer(build_app(site), host="127.0.0.1", port=port)
        await server.start_server()
        try:
            played = Stage(pool, deps, clock, twilio, push, server, browser)
            yield played
            for client in played.clients:
                await client.close()
        finally:
            await server.close()
            for channel in channels.values():
                await channel.close()
