"""One person in two organisations: asked on their own page, joined by the loop, taken apart again, told to nobody."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

from core.clock import FixedClock
from core.db import Pool, transaction
from core.i18n import Catalogs
from ops.same_person import tend_same_person
from registry import store
from registry.consent import Choice
from registry.consent_store import record
from registry.records import NewContact
from tests.alerts_kit import wires
from tests.fakes import FakeChannel, fake_channels
from tests.incidents import make_incident, tell
from tests.people import NOW, VAULT, Org, Person, make_org, make_place, make_resident, make_site
from tests.staff_site import staff_site

NUMBER = "+819077778888"


async def two_of_one(db: Pool) -> tuple[tuple[Org, Person], tuple[Org, Person]]:
    """The same person: enrolled with an employer, and newly entered by a community group with the same number."""
    first, second = await make_org(db, name="Aozora Foods"), await make_org(db, name="Circle")
    old = await make_resident(db, first.id, phone=NUMBER, name="Thu", now=NOW - timedelta(days=5))
    new = await make_resident(
        db, second.id, phone=NUMBER, name="Nguyen Thi Thu", enrolled=False, home_place_id=await make_place(db)
    )
    return (first, old), (second, new)


async def page_of(db: Pool, person: UUID, end: str = "/same") -> str:
    async with transaction(db) as conn:
        return f"/p/{await store.personal_token(conn, VAULT, person)}{end}"


async def members(db: Pool) -> set[tuple[UUID, UUID]]:
    rows = await db.fetch("SELECT resident_id, org_id FROM membership WHERE ended_at IS NULL")
    return {(r["resident_id"], r["org_id"]) for r in rows}


async def state(db: Pool) -> str:
    return str(await db.fetchval("SELECT state FROM same_person"))


async def test_asked_by_message_joined_by_the_persons_word_and_undone(db: Pool, db_dsn: str) -> None:
    (first, old), (second, new) = await two_of_one(db)
    async with transaction(db) as conn:
        await store.insert_contacts(conn, VAULT, [(new.id, NewContact("zalo", "thu.zalo", "handle"))], NOW)
    before = await members(db)
    sms = FakeChannel("sms")
    async with wires(db, db_dsn, channels=fake_channels(sms)) as deps, staff_site(db) as site:
        await tend_same_person(deps)
        await tend_same_person(deps)
        path = await page_of(db, old.id)
        assert len(sms.taken) == 1 and sms.taken[0].address == NUMBER and sms.taken[0].url.endswith(path)
        for name in ("Aozora", "Circle", "Thu"):
            assert name not in sms.taken[0].body
        visitor = site.visitor()
        _, html = await visitor.get(path)
        assert Catalogs.load().say("vi", "same.ask") in html and "Circle" not in html
        question = str(await db.fetchval("SELECT id FROM same_person"))
        await visitor.post(path, {"id": question, "said": "yes"})
        assert await members(db) == before, "a page joins nothing: it sees only its own person"
        await tend_same_person(deps)
        assert await state(db) == "joined"
        assert await members(db) == {(old.id, first.id), (old.id, second.id)}
        row = await db.fetchrow("SELECT state, orgs FROM resident WHERE id = $1", new.id)
        assert tuple(row) == ("left", [])
        assert set(await db.fetchval("SELECT orgs FROM resident WHERE id = $1", old.id)) == {first.id, second.id}
        ways = await db.fetch("SELECT channel FROM contact WHERE resident_id = $1 ORDER BY channel", old.id)
        assert [w["channel"] for w in ways] == ["phone", "zalo"]
        # Both organisations see their own person, neither sees the other.
        for org, other in ((first, "Circle"), (second, "Aozora")):
            clerk = await site.signed_in(org)
            status, html = await clerk.get(f"/people/{old.id}")
            assert status == 200 and other not in html
        await visitor.post(path, {"id": question, "said": "undo"})
        await tend_same_person(deps)
        assert await state(db) == "undone" and await members(db) == before
        assert await db.fetchval("SELECT state FROM resident WHERE id = $1", new.id) == "invited"
        await tend_same_person(deps)
        assert await members(db) == before, "what was taken apart is not asked about again"


async def test_a_no_is_final_and_changes_nothing(db: Pool, db_dsn: str) -> None:
    (_, old), _ = await two_of_one(db)
    before = await members(db)
    sms = FakeChannel("sms")
    async with wires(db, db_dsn, channels=fake_channels(sms)) as deps, staff_site(db) as site:
        await tend_same_person(deps)
        path = await page_of(db, old.id)
        await site.visitor().post(path, {"id": str(await db.fetchval("SELECT id FROM same_person")), "said": "no"})
        for _ in range(3):
            await tend_same_person(deps)
    assert await state(db) == "refused" and await members(db) == before and len(sms.taken) == 1


async def test_another_card_is_proof_without_a_shared_number(db: Pool, db_dsn: str) -> None:
    first, second = await make_org(db), await make_org(db)
    one = await make_resident(db, first.id)
    two = await make_resident(db, second.id)
    card = await page_of(db, two.id, "")
    async with wires(db, db_dsn) as deps, staff_site(db) as site:
        visitor = site.visitor()
        path = await page_of(db, one.id)
        right, wrong = f"https://daijobu.example.jp{card}", "https://daijobu.example.jp/p/AAAAAAAAAAAA"
        pages = [await visitor.post(path, {"other": text}) for text in (wrong, right)]
        pages = [(status, re.sub(r'nonce="[^"]+"', "", html)) for status, html in pages]
        assert pages[0] == pages[1], "the page says the same whether the card is known or not"
        await tend_same_person(deps)
        assert await members(db) == {(one.id, first.id), (one.id, second.id)}
        rows = await db.fetch("SELECT state FROM same_person ORDER BY state")
        assert [r["state"] for r in rows] == ["joined", "unknown"]
        # Both saved pages open the one registration now.
        _, html = await visitor.get(card)
        assert one.name in html and two.name not in html
        assert await page_of(db, one.id) == path


async def test_consents_stay_with_the_organisation_they_were_given_for(db: Pool, db_dsn: str) -> None:
    (first, old), (second, new) = await two_of_one(db)
    catalogs = Catalogs.load()
    async with transaction(db) as conn:
        await record(conn, catalogs, old.id, [Choice("C2", True, first.id)], language="vi", now=NOW)
        await record(conn, catalogs, new.id, [Choice("C2", False, second.id)], language="vi", now=NOW)
    async with wires(db, db_dsn) as deps:
        await tend_same_person(deps)
        await db.execute("UPDATE same_person SET state = 'wanted', decided_at = $1", NOW)
        await tend_same_person(deps)
    shared = [await db.fetchval("SELECT answer_shared($1, $2)", old.id, org.id) for org in (first, second)]
    assert shared == [True, False]


async def test_nobody_is_joined_while_somebody_may_be_looking_for_them(db: Pool, db_dsn: str) -> None:
    (_, old), (_, new) = await two_of_one(db)
    incident = await make_incident(db)
    await tell(db, incident, new.id)
    before = await members(db)
    async with wires(db, db_dsn) as deps:
        await tend_same_person(deps)
        await db.execute("UPDATE same_person SET state = 'wanted', decided_at = $1", NOW)
        await tend_same_person(deps)
        assert await members(db) == before
        await db.execute("UPDATE incident SET closed_at = $1", NOW)
        await tend_same_person(deps)
        assert await members(db) != before


async def test_a_shared_number_of_two_who_are_only_invited_asks_nobody_yet(db: Pool, db_dsn: str) -> None:
    first, second = await make_org(db), await make_org(db)
    one = await make_resident(db, first.id, phone=NUMBER, enrolled=False)
    await make_resident(db, second.id, phone=NUMBER, enrolled=False)
    clock = FixedClock(NOW + timedelta(seconds=30))
    async with wires(db, db_dsn, clock=clock) as deps:
        await tend_same_person(deps)
        assert await db.fetchval("SELECT count(*) FROM same_person") == 0
        clock.advance(timedelta(days=3))
        await db.execute("UPDATE resident SET state = 'enrolled', enrolled_at = $2 WHERE id = $1", one.id, clock.now())
        await tend_same_person(deps)
        assert await db.fetchval("SELECT resident_id FROM same_person") == one.id


async def test_at_night_the_question_waits(db: Pool, db_dsn: str) -> None:
    (_, old), _ = await two_of_one(db)
    sms = FakeChannel("sms")
    clock = FixedClock(NOW + timedelta(hours=12))  # midnight in Japan
    async with wires(db, db_dsn, channels=fake_channels(sms), clock=clock) as deps:
        await tend_same_person(deps)
        assert sms.taken == [] and await state(db) == "found"
        clock.advance(timedelta(hours=10))
        await tend_same_person(deps)
        assert len(sms.taken) == 1 and await state(db) == "asked"


async def test_the_answers_of_pages_do_not_depend_on_what_is_known_elsewhere(db: Pool) -> None:
    """Enrolling with a number that another organisation knows, and with one that nobody knows: the same to the byte."""
    known_org, org = await make_org(db), await make_org(db)
    await make_resident(db, known_org.id, phone=NUMBER)
    dorm = await make_site(db, org.id)
    seen: list[list[tuple[int, str, str]]] = []
    async with staff_site(db) as site:
        for number in ("090-7777-8888", "090-7777-9999"):
            person = await make_resident(db, org.id, phone="", enrolled=False, dorm=dorm, name="Thu")
            path = await page_of(db, person.id, "")
            path = path.replace("/p/", "/e/")
            answers = []
            steps = ({"step": "language", "language": "vi"}, {"step": "places"}, {"step": "reach", "phone": number})
            for form in (*steps, {"step": "consent", "all": "1"}):
                async with site.visitor().client.post(path, data=form, allow_redirects=False) as answer:
                    where = answer.headers["Location"].replace(path, "/e/…")
                    answers.append(
                        (answer.status, where[:3] if where.startswith("/p/") else where, await answer.text())
                    )
            seen.append(answers)
    assert seen[0] == seen[1]
    assert await db.fetchval("SELECT count(*) FROM same_person") == 0
