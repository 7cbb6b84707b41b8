"""Who has left a company is asked once and reminded once, by day, over what works; nothing is lost or sent thrice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from alerts.channel import SendError, Trouble
from alerts.deps import Deps
from alerts.stay_ask import ask_to_stay
from alerts.stay_store import claim_to_ask
from core.clock import FixedClock
from core.db import Pool, transaction
from core.i18n import Catalogs
from core.model import OrgKind
from registry import store
from registry.membership_store import end_membership
from registry.records import NewContact
from registry.stay_store import stay
from registry.store import insert_contacts
from tests.alerts_kit import wires
from tests.fakes import FakeChannel, fake_channels
from tests.incidents import make_incident, tell
from tests.people import FUKUOKA_CHUO, NOW, VAULT, Org, Person, make_org, make_resident, make_site
from tests.staff_site import staff_site

HOUR = timedelta(hours=1)


@asynccontextmanager
async def asking(db: Pool, dsn: str, *channels: FakeChannel) -> AsyncIterator[tuple[Deps, FixedClock]]:
    """The wires, an hour after everybody of a test has left: 13:00 in Japan."""
    clock = FixedClock(NOW + HOUR)
    async with wires(db, dsn, channels=fake_channels(*channels), clock=clock) as deps:
        yield deps, clock


async def leaver(db: Pool, org: Org | None = None, *, push: str = "", **more: Any) -> Person:
    """Somebody whose employer has marked them as gone. `push`: the state of a notification they once allowed."""
    org = org or await make_org(db)
    dorm = await make_site(db, org.id)
    person = await make_resident(db, org.id, dorm=dorm, **more)
    async with transaction(db) as conn:
        if push:
            await insert_contacts(conn, VAULT, [(person.id, NewContact("push", '{"endpoint":"x"}'))], NOW)
            await conn.execute("UPDATE contact SET state = $1 WHERE channel = 'push'", push)
        await end_membership(conn, person.id, org.id, NOW.date(), NOW)
    return person


async def row(db: Pool) -> tuple[int, int, str, datetime | None]:
    found = await db.fetchrow("SELECT stay_asks, stay_tries, stay_outcome, stay_due_at FROM resident")
    return found[0], found[1], found[2], found[3]


async def link_of(db: Pool, person: Person, deps: Deps) -> str:
    async with transaction(db) as conn:
        return f"{deps.settings.site_url}/p/{await store.personal_token(conn, VAULT, person.id)}"


async def test_one_message_and_one_reminder(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    person = await leaver(db, language="vi")
    async with asking(db, db_dsn, sms) as (deps, clock):
        assert await ask_to_stay(deps) == 1
        (first,) = sms.taken
        assert first.address == person.phone and first.language == "vi"
        assert first.body.splitlines()[-1] == await link_of(db, person, deps)
        assert await ask_to_stay(deps) == 0
        clock.advance(timedelta(days=6, hours=23))
        assert await ask_to_stay(deps) == 0
        clock.advance(2 * HOUR)
        assert await ask_to_stay(deps) == 1
        assert sms.taken[1].body == first.body  # the same link
        clock.advance(timedelta(days=10))
        assert await ask_to_stay(deps) == 0
    assert await db.fetchval("SELECT state FROM resident") == "enrolled"  # silence changes nothing
    told = await db.fetch("SELECT detail FROM audit WHERE action = 'person.ask_stay' ORDER BY id")
    assert [(one["detail"]["number"], one["detail"]["channel"]) for one in told] == [(1, "phone"), (2, "phone")]
    assert all(one["detail"]["segments"] >= 1 for one in told)


async def test_a_seen_notification_first_and_the_reminder_by_telephone(db: Pool, db_dsn: str) -> None:
    sms, push = FakeChannel("sms"), FakeChannel("push")
    person = await leaver(db, push="proven")
    async with asking(db, db_dsn, sms, push) as (deps, clock):
        await ask_to_stay(deps)
        assert len(push.taken) == 1 and not sms.taken
        assert push.taken[0].url == await link_of(db, person, deps) and "http" not in push.taken[0].body
        clock.advance(timedelta(days=7, hours=1))
        await ask_to_stay(deps)
        assert len(push.taken) == 1 and len(sms.taken) == 1


@pytest.mark.parametrize("hours", [9, 10, 18])  # 21:00, 22:00 and 06:00 in Japan
async def test_never_at_night(db: Pool, db_dsn: str, hours: int) -> None:
    sms = FakeChannel("sms")
    await leaver(db)
    async with asking(db, db_dsn, sms) as (deps, clock):
        clock.advance(timedelta(hours=hours) - HOUR)
        assert await ask_to_stay(deps) == 0
        clock.advance(timedelta(hours=20) - timedelta(hours=hours))  # 08:00 the next morning
        assert await ask_to_stay(deps) == 1


async def test_a_wrong_tick_can_be_taken_back_first(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    await leaver(db)
    async with asking(db, db_dsn, sms) as (deps, clock):
        clock.advance(timedelta(minutes=-1))
        assert await ask_to_stay(deps) == 0
        await db.execute("UPDATE membership SET ended_at = NULL")
        clock.advance(HOUR)
        assert await ask_to_stay(deps) == 0
    assert not sms.taken


async def test_who_stayed_left_or_wants_to_be_deleted_is_not_asked(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    people = [await leaver(db) for _ in range(3)]
    async with transaction(db) as conn:
        await stay(conn, people[0].id)
    await db.execute("UPDATE resident SET state = 'left', left_at = $2 WHERE id = $1", people[1].id, NOW)
    await db.execute("UPDATE resident SET erase_requested_at = $2 WHERE id = $1", people[2].id, NOW)
    async with asking(db, db_dsn, sms) as (deps, _):
        assert await ask_to_stay(deps) == 0


@pytest.mark.parametrize("purpose", ["live", "drill"])
async def test_not_in_an_incident_nor_on_the_day_after(db: Pool, db_dsn: str, purpose: str) -> None:
    sms = FakeChannel("sms")
    person = await leaver(db)
    incident = await make_incident(db)
    await db.execute("UPDATE incident SET purpose = $1", purpose)
    await tell(db, incident, person.id)
    async with asking(db, db_dsn, sms) as (deps, clock):
        assert await ask_to_stay(deps) == 0
        await db.execute("UPDATE incident SET closed_at = $1", clock.now())
        assert await ask_to_stay(deps) == (0 if purpose == "live" else 1)
        clock.advance(timedelta(hours=24, minutes=1))
        assert await ask_to_stay(deps) == (1 if purpose == "live" else 0)
    assert len(sms.taken) == 1


async def test_nor_where_a_live_incident_warns_of_the_place_of_somebody_who_paused(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    here, elsewhere = await leaver(db), await leaver(db)
    await db.execute("UPDATE resident SET state = 'paused'")
    place = await make_site(db, (await make_org(db)).id, codes=FUKUOKA_CHUO)
    await db.execute("UPDATE resident_place SET place_id = $2 WHERE resident_id = $1", elsewhere.id, place[1])
    incident = await make_incident(db)
    await tell(db, incident, (await make_resident(db)).id)
    await db.execute("UPDATE alert SET areas = $1", [{"scheme": "jma.city", "code": "4344300"}])
    async with asking(db, db_dsn, sms) as (deps, _):
        assert await ask_to_stay(deps) == 1
    assert [m.address for m in sms.taken] == [elsewhere.phone] != [here.phone]


async def test_a_provider_that_fails_is_tried_again_later(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    await leaver(db)
    sms.errors["*"] = [SendError(Trouble.NOT_SENT), SendError(Trouble.REFUSED, "20003")]
    async with asking(db, db_dsn, sms) as (deps, clock):
        assert await ask_to_stay(deps) == 0
        assert await row(db) == (0, 1, "retry", clock.now() + timedelta(minutes=10))
        clock.advance(timedelta(minutes=11))
        assert await ask_to_stay(deps) == 0
        assert await row(db) == (0, 2, "retry", clock.now() + HOUR)
        clock.advance(timedelta(minutes=61))
        assert await ask_to_stay(deps) == 1
        assert (await row(db))[:3] == (1, 0, "sent")


async def test_a_dead_way_is_dropped_and_the_next_one_taken(db: Pool, db_dsn: str) -> None:
    sms, push = FakeChannel("sms"), FakeChannel("push")
    await leaver(db, push="proven")
    push.errors["*"] = [SendError(Trouble.DEAD_ADDRESS, "410")]
    async with asking(db, db_dsn, sms, push) as (deps, _):
        assert await ask_to_stay(deps) == 1
    assert len(sms.taken) == 1
    assert await db.fetchval("SELECT state FROM contact WHERE channel = 'push'") == "dead"


async def test_killed_while_sending_it_goes_once_more_and_never_a_third_time(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    await leaver(db)
    async with asking(db, db_dsn, sms) as (deps, clock):
        await claim_to_ask(db, clock.now(), 10)  # killed: it may have left
        assert await ask_to_stay(deps) == 0  # the claim stands
        clock.advance(timedelta(minutes=11))
        (claimed,) = await claim_to_ask(db, clock.now(), 10)  # killed again
        assert claimed.claimed == "again"
        clock.advance(timedelta(minutes=11))
        assert await ask_to_stay(deps) == 0 and not sms.taken
        assert (await row(db))[:3] == (1, 0, "sent")
        clock.advance(timedelta(days=7, hours=1))
        assert await ask_to_stay(deps) == 1  # the reminder


async def test_two_processes_never_ask_the_same_person(db: Pool) -> None:
    await leaver(db)
    async with transaction(db) as one:
        assert len(await claim_to_ask(one, NOW + HOUR, 10)) == 1
        async with transaction(db) as two:
            assert await claim_to_ask(two, NOW + HOUR, 10) == []


async def test_an_answer_without_a_word_counts_as_sent_after_two(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    await leaver(db)
    sms.errors["*"] = [SendError(Trouble.AMBIGUOUS)] * 5
    async with asking(db, db_dsn, sms) as (deps, clock):
        for _ in range(2):
            assert await ask_to_stay(deps) == 0
            clock.advance(HOUR + timedelta(minutes=1))
        assert await ask_to_stay(deps) == 0
    assert (await row(db))[:3] == (1, 0, "sent") and len(sms.errors["*"]) == 3


async def test_without_any_way_the_operator_sees_a_number_and_a_new_phone_helps(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    org = await make_org(db)
    people = [await leaver(db, org, phone="") for _ in range(4)]
    operator = await make_org(db, OrgKind.OPERATOR)
    async with asking(db, db_dsn, sms) as (deps, clock):
        assert await ask_to_stay(deps) == 0
        async with staff_site(db) as site:
            _, html = await (await site.signed_in(operator)).get("/operator")
        assert Catalogs.load().say("en", "staff.operator.unasked", count=4) in html
        assert people[0].name not in html
        async with transaction(db) as conn:
            await insert_contacts(conn, VAULT, [(people[0].id, NewContact("phone", "+819099998888"))], clock.now())
        clock.advance(timedelta(hours=24, minutes=1))
        assert await ask_to_stay(deps) == 1


async def test_a_new_company_that_is_left_asks_anew(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    person = await leaver(db)
    async with asking(db, db_dsn, sms) as (deps, clock):
        await ask_to_stay(deps)
        async with transaction(db) as conn:
            await stay(conn, person.id)
        await db.execute("UPDATE resident SET ask_stay_at = $1", clock.now())
        clock.advance(2 * HOUR)
        assert await ask_to_stay(deps) == 1
    assert len(sms.taken) == 2


async def test_an_invited_person_enrols_by_the_link_and_the_question_is_answered(db: Pool, db_dsn: str) -> None:
    person = await leaver(db, enrolled=False)
    async with asking(db, db_dsn, FakeChannel("sms")) as (deps, _):
        path = (await link_of(db, person, deps)).removeprefix(deps.settings.site_url)
    async with staff_site(db) as site:
        visitor = site.visitor()
        _, html = await visitor.get(path + "?lang=en")
        assert "Your company says you have left." in html and "/stay" not in html
        response = await visitor.submit(path, path, {"postal_code": "862-0950", "C1": "1"})
        assert response.status == 200
    assert tuple(await db.fetchrow("SELECT state, ask_stay_at FROM resident")) == ("enrolled", None)


@pytest.mark.parametrize("channel", ["email", "line"])
async def test_who_has_only_an_email_or_line_is_asked_there(db: Pool, db_dsn: str, channel: str) -> None:
    way = FakeChannel(channel)
    person = await leaver(db, phone="", contacts=[NewContact(channel, "mai@mail.example")])
    async with asking(db, db_dsn, FakeChannel("sms"), way) as (deps, _):
        assert await ask_to_stay(deps) == 1
        (message,) = way.taken
        assert message.url == await link_of(db, person, deps) and "{link}" not in message.body
        assert ("/m/stop/" in message.way_out[1]) is (channel == "email")
