"""Call-backs, push subscriptions and receipts over HTTP; the whole way through Twilio and a push service."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, unused_port

from alerts import sms_web
from alerts import web as alerts_web
from alerts.channel import Channels
from alerts.channels.sms_twilio import TwilioSms
from alerts.channels.web_push import WebPush
from alerts.channels_setup import channel_kinds
from alerts.deps import Deps
from alerts.receipts import receipt_token
from core.clock import FixedClock
from core.db import Pool
from core.settings import load_settings
from core.web import SITE, Site, add_routes, security_headers
from registry.guard_web import guard
from registry.store import personal_token
from tests import people
from tests.alerts_kit import MASHIKI, NOON, city, hear, quake, region, send_all, wires
from tests.outbox_kit import states
from tests.pages import JINJA
from tests.people import VAULT, Person
from tests.push_server import FakePush, fake_push
from tests.twilio_server import FakeTwilio, fake_twilio


@dataclass(slots=True)
class World:
    """A website, a Twilio and a push service, all on loopback."""

    deps: Deps
    client: TestClient[web.Request, web.Application]
    twilio: FakeTwilio
    push: FakePush
    clock: FixedClock

    async def post(self, path: str, body: Any, **headers: str) -> int:
        answer = await self.client.post(path, json=body, headers=headers)
        return answer.status

    async def token_of(self, person: Person) -> str:
        async with self.deps.pool.acquire() as conn:
            token = await personal_token(conn, VAULT, person.id)
        assert token is not None
        return token

    async def subscribe(self, person: Person) -> dict[str, Any]:
        """A browser of this person, subscribed over HTTP."""
        subscription: dict[str, Any] = json.loads(self.push.subscribe().to_json())
        body = {"token": await self.token_of(person), "subscription": subscription}
        assert await self.post("/push/subscribe", body) == 201
        return subscription


@pytest.fixture
async def world(db: Pool, db_dsn: str, tmp_path: Path) -> AsyncIterator[World]:
    port = unused_port()
    clock = FixedClock(NOON)
    async with fake_twilio() as twilio, fake_push() as push:
        settings = load_settings(
            {
                "DAIJOBU_TWILIO_ACCOUNT_SID": twilio.account,
                "DAIJOBU_TWILIO_AUTH_TOKEN": twilio.token,
                "DAIJOBU_TWILIO_BASE_URL": twilio.url,
                "DAIJOBU_PUBLIC_URL": f"http://127.0.0.1:{port}",
                "DAIJOBU_DATA_DIR": str(tmp_path),
                "DAIJOBU_PUSH_ALLOW_HTTP": "true",
            }
        )
        channels = Channels({"sms": TwilioSms(settings), "push": WebPush(settings)}, channel_kinds())
        async with wires(db, db_dsn, channels=channels, clock=clock) as bare:
            deps = replace(bare, settings=settings)
            app = web.Application(middlewares=[security_headers, guard])
            app[SITE] = Site(
                settings=settings,
                pool=db,
                vault=VAULT,
                catalogs=deps.catalogs,
                clock=clock,
                wakeups=deps.wakeups,
                jinja=JINJA,
                extras={"channels": channels},
            )
            add_routes(app, [*alerts_web.ROUTES, *sms_web.ROUTES])
            async with TestClient(TestServer(app, host="127.0.0.1", port=port)) as client:
                yield World(deps, client, twilio, push, clock)
        for channel in channels.values():
            await channel.close()


async def test_status_call_backs_out_of_order_and_doubled(world: World) -> None:
    db = world.deps.pool
    await people.make_resident(db, home_place_id=await people.make_place(db))
    await hear(world.deps, quake(region("7"), city(MASHIKI, "7")))
    await send_all(world.deps)
    for status in ("delivered", "sent", "queued", "delivered", "a status of next year"):
        assert await world.twilio.call_back(0, status) == 204
    assert await states(db) == {"delivered": 1}
    assert await db.fetchval("SELECT count(*) FROM receipt WHERE state = 'delivered'") == 1
    assert await db.fetchval("SELECT state FROM contact") == "proven"


async def test_call_back_overtakes_the_acknowledgement_of_a_lost_answer(world: World) -> None:
    db = world.deps.pool
    await people.make_resident(db, home_place_id=await people.make_place(db))
    world.twilio.mode = "lost"
    await hear(world.deps, quake(region("7"), city(MASHIKI, "7")))
    message_id = await db.fetchval("UPDATE message SET state = 'leased', lease_until = now() + '1 min' RETURNING id")
    world.twilio.taken.append(
        {"StatusCallback": f"{world.deps.settings.site_url}/t/s/{message_id}", "To": "+819000000000"}
    )
    assert await world.twilio.call_back(0, "delivered") == 204
    assert await states(db) == {"delivered": 1}


async def test_unsigned_call_backs_are_refused(world: World) -> None:
    db = world.deps.pool
    await people.make_resident(db, home_place_id=await people.make_place(db))
    await hear(world.deps, quake(region("7"), city(MASHIKI, "7")))
    await send_all(world.deps)
    assert await world.twilio.call_back(0, "delivered", token="another secret") == 403
    answer = await world.client.post("/t/s/1", data={"MessageStatus": "delivered"})
    assert answer.status == 403
    # Signed for another message: the path is part of what is signed.
    elsewhere = f"{world.deps.settings.site_url}/t/s/999"
    assert await world.twilio.call_back(0, "delivered", path=elsewhere) == 204
    assert await states(db) == {"sent": 1}


async def test_failed_sms_drops_a_dead_number(world: World) -> None:
    db = world.deps.pool
    await people.make_resident(db, home_place_id=await people.make_place(db))
    await hear(world.deps, quake(region("7"), city(MASHIKI, "7")))
    await send_all(world.deps)
    assert await world.twilio.call_back(0, "undelivered", code=30006) == 204
    row = await db.fetchrow("SELECT state, error_code FROM message")
    assert row is not None and tuple(row) == ("failed", "30006")
    assert await db.fetchval("SELECT state FROM contact") == "dead"


async def test_subscribe_push_receipt_and_no_sms(world: World) -> None:
    """From the button to the receipt: the first push is unproven, so SMS goes beside it; then push goes alone."""
    db = world.deps.pool
    person = await people.make_resident(db, home_place_id=await people.make_place(db))
    await world.subscribe(person)
    await hear(world.deps, quake(region("4"), city(MASHIKI, "5+")))
    await send_all(world.deps)
    assert (len(world.push.shown), len(world.twilio.taken)) == (1, 1)
    data = world.push.shown[0].payload["notification"]["data"]
    receipt = {"message": data["message"], "receipt": data["receipt"], "shown": True}
    assert await world.post("/push/receipt", receipt) == 204
    assert await world.post("/push/receipt", receipt) == 204
    assert await db.fetchval("SELECT state FROM contact WHERE channel = 'push'") == "proven"
    world.clock.advance(timedelta(hours=7))
    await hear(world.deps, quake(region("4"), city(MASHIKI, "5+"), at=world.clock.now(), id="20261120220000"))
    await send_all(world.deps)
    assert (len(world.push.shown), len(world.twilio.taken)) == (2, 1)


async def test_forged_receipts_are_refused(world: World) -> None:
    token = receipt_token(VAULT, 7)
    assert await world.post("/push/receipt", {"message": 8, "receipt": token, "shown": True}) == 403
    assert await world.post("/push/receipt", {"message": "8", "receipt": token}) == 400
    assert await world.post("/push/receipt", {"message": 7, "receipt": "ü" * 16, "shown": True}) == 403
    assert await world.post("/push/receipt", []) == 400
    assert await world.post("/push/receipt", {"message": 7, "receipt": "x" * 9_000}) == 413


async def test_gone_browser_is_dropped_and_sms_goes_at_once(world: World) -> None:
    db = world.deps.pool
    person = await people.make_resident(db, home_place_id=await people.make_place(db))
    await world.subscribe(person)
    await db.execute("UPDATE contact SET state = 'proven' WHERE channel = 'push'")
    world.push.modes[0] = 410
    await hear(world.deps, quake(region("4"), city(MASHIKI, "5+")))
    await send_all(world.deps)
    assert len(world.twilio.taken) == 1
    assert await db.fetchval("SELECT state FROM contact WHERE channel = 'push'") == "dead"


async def test_subscribing_needs_a_link_and_a_known_push_service(world: World) -> None:
    db = world.deps.pool
    person = await people.make_resident(db)
    subscription = json.loads(world.push.subscribe().to_json())
    token = await world.token_of(person)
    assert await world.post("/push/subscribe", {"token": "2" * 12, "subscription": subscription}) == 404
    assert await world.post("/push/subscribe", {"token": None, "subscription": subscription}) == 404
    stranger = {**subscription, "endpoint": "https://169.254.169.254/latest"}
    assert await world.post("/push/subscribe", {"token": token, "subscription": stranger}) == 400
    body = {"token": token, "subscription": subscription}
    assert await world.post("/push/subscribe", body, **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert await db.fetchval("SELECT count(*) FROM contact WHERE channel = 'push'") == 0


async def test_a_browser_belongs_to_one_person(world: World) -> None:
    db = world.deps.pool
    first, second = await people.make_resident(db), await people.make_resident(db)
    subscription = await world.subscribe(first)
    body = {"token": await world.token_of(second), "subscription": subscription}
    assert await world.post("/push/subscribe", body) == 201
    rows = await db.fetch("SELECT resident_id, state FROM contact WHERE channel = 'push'")
    assert {r["resident_id"]: r["state"] for r in rows} == {first.id: "dead", second.id: "unproven"}
    assert await world.post("/push/unsubscribe", body) == 204
    assert await db.fetchval("SELECT count(*) FROM contact WHERE channel = 'push' AND state <> 'dead'") == 0


async def test_service_worker_and_key(world: World) -> None:
    worker = await world.client.get("/sw.js")
    assert worker.status == 200 and worker.headers["Service-Worker-Allowed"] == "/"
    assert worker.headers["Content-Type"].startswith("text/javascript")
    key = await world.client.get("/push/key")
    assert len(await key.text()) == 87
