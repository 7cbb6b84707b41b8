"""The test notification after switching notifications on: the real way, to the phone that asked, not too often."""

from __future__ import annotations

from datetime import timedelta

from alerts.channel import SendError, Trouble
from alerts.push_test_web import ROUTES, TEST_EVERY
from alerts.web import ROUTES as MACHINE_ROUTES
from core.clock import FixedClock
from core.db import Pool, transaction
from core.i18n import Catalogs
from core.model import Purpose
from registry import store
from registry.records import PUSH, NewContact
from tests.fakes import FakeChannel, fake_channels
from tests.people import NOW, VAULT, Person, make_resident
from tests.staff_site import staff_site


async def token_of(db: Pool, person: Person) -> str:
    async with transaction(db) as conn:
        token = await store.personal_token(conn, VAULT, person.id)
    assert token is not None
    return token


async def test_one_test_to_the_newest_browser(db: Pool) -> None:
    person = await make_resident(db, language="my", enrolled=False, contacts=[NewContact(PUSH, "old")])
    async with transaction(db) as conn:
        await store.insert_contacts(conn, VAULT, [(person.id, NewContact(PUSH, "new"))], NOW + timedelta(seconds=1))
    push, clock = FakeChannel("push"), FixedClock(NOW)
    token = await token_of(db, person)
    async with staff_site(db, clock=clock, more_routes=ROUTES, extras={"channels": fake_channels(push)}) as site:
        visitor = site.visitor()
        assert (await visitor.post("/push/test", {"token": token}))[0] == 202
        assert (await visitor.post("/push/test", {"token": token}))[0] == 429
        clock.advance(TEST_EVERY)
        assert (await visitor.post("/push/test", {"token": token}))[0] == 202
        clock.advance(TEST_EVERY)
        push.errors["*"] = [SendError(Trouble.DEAD_ADDRESS)]
        assert (await visitor.post("/push/test", {"token": token}))[0] == 502
    assert [m.address for m in push.taken] == ["new", "new"]
    assert push.taken[0].body == Catalogs.load().say("my", "push.test") and push.taken[0].purpose is Purpose.CANARY


async def test_no_test_without_push_or_with_somebody_elses_link(db: Pool) -> None:
    person = await make_resident(db)
    push = FakeChannel("push")
    token = await token_of(db, person)
    async with staff_site(db, more_routes=ROUTES, extras={"channels": fake_channels(push)}) as site:
        visitor = site.visitor()
        for wrong in (token, "AAAAAAAAAAAA", "", "x" * 400):
            assert (await visitor.post("/push/test", {"token": wrong}))[0] == 404
        status, _ = await visitor.post("/push/test", {"token": token}, headers={"Sec-Fetch-Site": "cross-site"})
        assert status == 403
    assert push.taken == []


async def test_the_phone_that_shows_the_test_is_proven(db: Pool) -> None:
    person = await make_resident(db, enrolled=False, contacts=[NewContact(PUSH, "mine")])
    other = await make_resident(db, enrolled=False, contacts=[NewContact(PUSH, "another")])
    push, token = FakeChannel("push"), await token_of(db, person)
    routes = [*ROUTES, *MACHINE_ROUTES]

    async def state(one: Person) -> str:
        return str(await db.fetchval("SELECT state FROM contact WHERE resident_id = $1 AND channel = 'push'", one.id))

    async with staff_site(db, more_routes=routes, extras={"channels": fake_channels(push)}) as site:
        visitor = site.visitor()
        assert (await visitor.post("/push/test", {"token": token}))[0] == 202
        (sent,) = push.taken
        good = {"contact": sent.contact, "receipt": sent.receipt_token, "shown": True}
        another = str(await db.fetchval("SELECT id FROM contact WHERE resident_id = $1 AND channel = 'push'", other.id))
        for wrong, status in (
            ({"contact": another}, 403),
            ({"receipt": "0" * 16}, 403),
            ({"receipt": "é"}, 403),
            ({"receipt": None}, 403),
            ({"contact": "7"}, 400),
            ({"contact": 7}, 400),
            ({"contact": None}, 400),
            ({"shown": "yes"}, 204),
        ):
            assert (await visitor.client.post("/push/receipt", json=good | wrong)).status == status
        assert (await state(person), await state(other)) == ("unproven", "unproven")
        assert (await visitor.client.post("/push/receipt", json=good)).status == 204
        assert (await state(person), await state(other)) == ("proven", "unproven")
        await db.execute("UPDATE contact SET state = 'dead' WHERE resident_id = $1", person.id)
        assert (await visitor.client.post("/push/receipt", json=good)).status == 204
        assert await state(person) == "dead", "switched off meanwhile"
