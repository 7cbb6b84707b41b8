"""A lost card or page: the new link reaches its owner and nobody else, and the old one ends when it has left."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from alerts.channel import SendError, Trouble
from alerts.lost_link import send_lost_links
from core.clock import FixedClock
from core.db import Pool, transaction
from ops.pages_web import routes_under
from registry import store
from registry.consent import Choice
from registry.consent_store import record, set_shields
from registry.lost_link_store import AskedBy, ask_for_link
from registry.personal_store import owner_of_link
from tests.alerts_kit import CATALOGS, wires
from tests.fakes import FakeChannel, fake_channels
from tests.incidents import make_incident, make_link, tell
from tests.people import NOW, VAULT, Org, Person, make_org, make_resident
from tests.staff_site import staff_site

NUMBER = "+819012345678"


async def somebody(db: Pool, org: Org | None = None, *, proven: bool = True, phone: str = NUMBER) -> Person:
    org = org or await make_org(db)
    person = await make_resident(db, org.id, language="vi", phone=phone)
    if proven:
        await db.execute("UPDATE contact SET state = 'proven', proven_at = $1 WHERE resident_id = $2", NOW, person.id)
    return person


async def link_of(db: Pool, person: Person) -> str:
    async with transaction(db) as conn:
        token = await store.personal_token(conn, VAULT, person.id)
    assert token is not None
    return token


async def opens(db: Pool, token: str) -> bool:
    return await owner_of_link(db, token) is not None


async def state(db: Pool) -> tuple[str, str, bool]:
    row = await db.fetchrow("SELECT asked_by, outcome, due_at IS NOT NULL AS due FROM link_request")
    assert row is not None
    return row["asked_by"], row["outcome"], row["due"]


async def test_a_proved_number_gets_its_link_and_takes_nothing_back(db: Pool, db_dsn: str) -> None:
    person = await somebody(db)
    card = await link_of(db, person)
    sms = FakeChannel("sms")
    async with wires(db, db_dsn, channels=fake_channels(sms)) as deps, staff_site(db) as site:
        answer = await site.visitor().submit("/lost?lang=en", "/lost?lang=en", {"phone": "090-1234-5678"})
        assert str(CATALOGS.sayer("en")("lost.asked")) in await answer.text()
        assert await send_lost_links(deps) == 1
        assert [one.address for one in sms.taken] == [NUMBER] and f"/p/{card}" in sms.taken[0].body
        assert await opens(db, card), "a stranger could have typed the number: the card goes on working"
        # Once a day.
        await site.visitor().submit("/lost?lang=en", "/lost?lang=en", {"phone": "090-1234-5678"})
        assert await send_lost_links(deps) == 0 and await state(db) == ("number", "sent", False)


@pytest.mark.parametrize("case", ["unknown", "unproven", "invited", "left"])
async def test_every_other_number_gets_nothing_and_the_same_words(db: Pool, db_dsn: str, case: str) -> None:
    if case != "unknown":
        person = await somebody(db, proven=case != "unproven")
        await db.execute("UPDATE resident SET state = $1", {"unproven": "enrolled"}.get(case, case))
        assert person.id
    sms = FakeChannel("sms")
    async with wires(db, db_dsn, channels=fake_channels(sms)) as deps, staff_site(db) as site:
        answer = await site.visitor().submit("/lost?lang=en", "/lost?lang=en", {"phone": "09012345678"})
        assert str(CATALOGS.sayer("en")("lost.asked")) in await answer.text()
        assert await send_lost_links(deps) == 0 and sms.taken == []


async def test_numbers_that_are_none_and_too_many_tries(db: Pool) -> None:
    async with staff_site(db) as site:
        visitor = site.visitor()
        for typed in ("", "hello", "096-312-0000", "+1 212 555 0100"):
            status, _ = await visitor.post("/lost", {"phone": typed})
            assert status == 400, typed
        statuses = [(await visitor.post("/lost", {"phone": f"0901234567{n}"}))[0] for n in range(8)]
        assert statuses == [200] * 6 + [429] * 2
    assert await db.fetchval("SELECT count(*) FROM link_request") == 0


async def test_a_check_in_link_sends_the_new_one_to_its_owner(db: Pool, db_dsn: str) -> None:
    person = await somebody(db)
    card = await link_of(db, person)
    incident = await make_incident(db)
    await tell(db, incident, person.id)
    _, token = await make_link(db, incident, resident_id=person.id)
    sms = FakeChannel("sms")
    async with (
        wires(db, db_dsn, channels=fake_channels(sms)) as deps,
        staff_site(db, more_routes=routes_under("checkin")) as site,
    ):
        answer = await site.visitor().submit(f"/c/{token}/card", f"/c/{token}/card")
        assert card not in (text := await answer.text()) and "/p/" not in text
        assert await opens(db, card), "until the new one has left"
        assert await send_lost_links(deps) == 1
        new = await link_of(db, person)
        assert f"/p/{new}" in sms.taken[0].body and new != card
        assert not await opens(db, card) and await opens(db, new)
        # A second wish within the hour is the same one.
        await site.visitor().submit(f"/c/{token}/card", f"/c/{token}/card")
        assert await send_lost_links(deps) == 0 and await link_of(db, person) == new
    assert await db.fetchval("SELECT detail->>'replaced' FROM audit WHERE action = 'person.link_sent'") == "true"


async def test_what_may_have_left_twice_carries_the_same_link(db: Pool, db_dsn: str) -> None:
    person = await somebody(db)
    card = await link_of(db, person)
    async with transaction(db) as conn:
        assert await ask_for_link(conn, person.id, AskedBy.STAFF, NOW)
    sms, clock = FakeChannel("sms"), FixedClock(NOW)
    async with wires(db, db_dsn, channels=fake_channels(sms), clock=clock) as deps:
        sms.errors["*"] = [SendError(Trouble.NOT_SENT, "503")]
        assert await send_lost_links(deps) == 0 and await opens(db, card)
        assert await state(db) == ("staff", "", True)
        clock.advance(timedelta(minutes=6))
        sms.errors["*"] = [SendError(Trouble.AMBIGUOUS, "timeout")]
        assert await send_lost_links(deps) == 0
        new = await link_of(db, person)
        assert new != card and not await opens(db, card), "what may have arrived opens something"
        clock.advance(timedelta(minutes=6))
        sms.errors = {}
        assert await send_lost_links(deps) == 1
        assert await link_of(db, person) == new and f"/p/{new}" in sms.taken[-1].body
    assert await state(db) == ("staff", "sent", False)


async def test_a_number_that_died_ends_the_wish_and_not_the_card(db: Pool, db_dsn: str) -> None:
    person = await somebody(db)
    card = await link_of(db, person)
    async with transaction(db) as conn:
        assert await ask_for_link(conn, person.id, AskedBy.LINK, NOW)
    sms = FakeChannel("sms")
    sms.errors["*"] = [SendError(Trouble.DEAD_ADDRESS, "21211")]
    async with wires(db, db_dsn, channels=fake_channels(sms)) as deps:
        assert await send_lost_links(deps) == 0
    assert await state(db) == ("link", "no_way", False) and await opens(db, card)


async def test_staff_send_and_see_nothing(db: Pool, db_dsn: str) -> None:
    org = await make_org(db)
    person = await somebody(db, org)
    card = await link_of(db, person)
    async with staff_site(db) as site:
        clerk = await site.signed_in(org)
        answer = await clerk.submit(f"/people/{person.id}", f"/people/{person.id}/new-link")
        text = await answer.text()
        assert CATALOGS.say("en", "staff.lost.sent") in text or CATALOGS.say("ja", "staff.lost.sent") in text
        async with wires(db, db_dsn, channels=fake_channels(FakeChannel("sms"))) as deps:
            assert await send_lost_links(deps) == 1
        new = await link_of(db, person)
        assert card not in text and new not in text
        html = (await site.visitor().get(f"/p/{new}/seen?lang=en"))[1]
        assert str(CATALOGS.sayer("en")("looked.link")) in html, "the person sees who did it"
    # Not without the second factor of the last minutes.
    async with staff_site(db, clock=FixedClock(NOW + timedelta(minutes=30))) as site:
        later = await site.signed_in_as(org.staff_id, whole=True)
        site.clock.advance(timedelta(minutes=20))
        answer = await later.submit(f"/people/{person.id}", f"/people/{person.id}/new-link", allow_redirects=False)
        assert answer.status == 303 and "/people" not in answer.headers["Location"]
    assert await link_of(db, person) == new and await db.fetchval("SELECT asked_at FROM link_request") == NOW


async def on_paper(db: Pool, org: Org, reach_by: str = "paper") -> Person:
    person = await make_resident(db, org.id, language="my", phone="")
    await db.execute("UPDATE resident SET reach_by = $2 WHERE id = $1", person.id, reach_by)
    await agree(db, person.id, org, given=True)
    return person


async def agree(db: Pool, person: UUID, org: Org, *, given: bool) -> None:
    async with transaction(db) as conn:
        await record(conn, CATALOGS, person, [Choice("C2", given, org.id)], language="my", now=NOW)


async def test_a_card_is_printed_for_who_chose_paper_and_lets_them(db: Pool) -> None:
    org = await make_org(db)
    person = await on_paper(db, org)
    card = await link_of(db, person)
    async with staff_site(db) as site:
        clerk = await site.signed_in(org)
        answer = await clerk.submit(f"/people/{person.id}", f"/people/{person.id}/new-link")
        new = await link_of(db, person)
        assert new != card and f"/p/{new}" in await answer.text() and not await opens(db, card)
        assert new not in (await clerk.get(f"/people/{person.id}"))[1], "once"
    row = await db.fetchrow("SELECT subjects, fields, staff_id FROM audit WHERE action = 'person.new_link'")
    assert row is not None and tuple(row) == ([person.id], ["link"], org.staff_id)


@pytest.mark.parametrize("why", ["no consent", "hidden", "protected", "has a phone", "chose nothing"])
async def test_else_no_card_and_one_answer_for_all(db: Pool, why: str) -> None:
    org = await make_org(db)
    person = await on_paper(db, org, reach_by="" if why == "chose nothing" else "leader")
    if why == "has a phone":
        other = await somebody(db, proven=False)
        await db.execute("UPDATE contact SET resident_id = $1 WHERE resident_id = $2", person.id, other.id)
    if why == "no consent":
        await agree(db, person.id, org, given=False)
    async with transaction(db) as conn:
        await set_shields(conn, person.id, hide_answer=why == "hidden", protected=why == "protected")
    card = await link_of(db, person)
    async with staff_site(db) as site:
        clerk = await site.signed_in(org)
        answer = await clerk.submit(f"/people/{person.id}", f"/people/{person.id}/new-link", allow_redirects=False)
        assert answer.headers["Location"] == f"/people/{person.id}?link=no_way#lost"
    assert await link_of(db, person) == card
    assert await db.fetchval("SELECT count(*) FROM audit WHERE action = 'person.new_link'") == 0


async def test_the_owner_makes_a_new_card_at_once(db: Pool) -> None:
    person = await somebody(db)
    card = await link_of(db, person)
    async with staff_site(db) as site:
        page = f"/p/{card}/card?lang=en"
        answer = await site.visitor().submit(page, f"/p/{card}/card?lang=en", allow_redirects=False)
        new = await link_of(db, person)
        assert answer.headers["Location"] == f"/p/{new}/card?lang=en" and new != card
        assert (await site.visitor().get(f"/p/{card}"))[0] == 404
