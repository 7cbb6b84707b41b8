"""E-mail addresses: confirmed by a link, stopped by a link or by the mail program itself; GET changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.channel import SendError, Trouble
from alerts.mail_confirm import confirm_addresses
from alerts.mail_links import confirm, read_link, way_out
from alerts.mail_store import MAX_TRIES
from alerts.mail_web import ROUTES
from core.clock import FixedClock
from core.db import Pool, transaction
from core.i18n import Catalogs
from registry.records import EMAIL, NewContact
from registry.store import personal_token
from tests.alerts_kit import wires
from tests.fakes import FakeChannel, fake_channels
from tests.people import NOW, VAULT, Person, make_resident
from tests.staff_site import staff_site

SQL_STATE = "SELECT state, proven_at IS NOT NULL FROM contact WHERE channel = 'email'"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


async def with_mail(db: Pool, **more: object) -> tuple[Person, NewContact]:
    contact = NewContact(EMAIL, "mai@mail.example")
    return await make_resident(db, language="my", contacts=[contact], **more), contact  # type: ignore[arg-type]


async def state(db: Pool) -> tuple[str, bool]:
    row = await db.fetchrow(SQL_STATE)
    return row[0], row[1]


async def test_an_address_is_confirmed_by_a_button(db: Pool) -> None:
    _, contact = await with_mail(db)
    url = confirm(VAULT, contact.id)
    async with staff_site(db, more_routes=ROUTES) as site:
        visitor = site.visitor()
        status, html = await visitor.get(url)
        assert status == 200 and Catalogs.load().say("my", "mail.confirm") in html and 'lang="my"' in html
        assert await state(db) == ("unproven", False), "mail scanners open links"
        assert (await visitor.post(url, {}))[0] == 200
        assert await state(db) == ("proven", True)
        _, html = await visitor.get(url + "?lang=en")
        assert "This address works" in html and "<form" not in html
    assert await db.fetchval("SELECT count(*) FROM audit WHERE action = 'mail confirm'") == 1


async def test_a_mail_program_stops_mails_with_one_click(db: Pool) -> None:
    """RFC 8058: a POST from somebody's servers, without cookies, which is not redirected."""
    person, contact = await with_mail(db)
    url = way_out(VAULT, contact.id)
    async with staff_site(db, more_routes=ROUTES) as site:
        visitor = site.visitor()
        status, html = await visitor.get(url)
        assert status == 200 and "<form" in html and (await state(db))[0] == "unproven"
        assert (await visitor.post(url, ONE_CLICK, allow_redirects=False))[0] == 200
        assert (await state(db))[0] == "opted_out"
        assert (await visitor.post(url, ONE_CLICK, allow_redirects=False))[0] == 200
        assert "<form" not in (await visitor.get(url))[1]
        # On their own page the person sees it, and may begin again.
        page = f"/p/{await token_of(db, person)}"
        assert Catalogs.load().say("my", "mail.stopped") in (await visitor.get(page))[1]
        assert (await visitor.submit(page, page, {"email": "Mai@mail.example"})).status == 200
    assert await state(db) == ("unproven", False)


async def test_a_link_serves_its_purpose_and_its_address_alone(db: Pool) -> None:
    _, contact = await with_mail(db)
    stop, works = way_out(VAULT, contact.id), confirm(VAULT, contact.id)
    swapped = stop.replace("/stop/", "/confirm/")
    other = works.replace(str(contact.id), str(NewContact(EMAIL, "x").id))
    async with staff_site(db, more_routes=ROUTES) as site:
        visitor = site.visitor()
        for wrong in (swapped, other, "/m/stop/1/abc", stop[:-1], stop + "é"):
            assert (await visitor.get(wrong))[0] == 404 and (await visitor.post(wrong, {}))[0] == 404, wrong
        await db.execute("DELETE FROM contact WHERE id = $1", contact.id)
        assert (await visitor.get(works))[0] == 404
    assert read_link(VAULT, "stop", "no id", "x") is None


async def token_of(db: Pool, person: Person) -> str:
    async with transaction(db) as conn:
        token = await personal_token(conn, VAULT, person.id)
    assert token is not None
    return token


async def test_a_new_address_gets_one_mail(db: Pool, db_dsn: str) -> None:
    _, contact = await with_mail(db)
    await make_resident(db, enrolled=False, contacts=[NewContact(EMAIL, "invited@mail.example")])
    mails = FakeChannel("email")
    async with wires(db, db_dsn, channels=fake_channels(mails), clock=FixedClock(NOW)) as deps:
        assert await confirm_addresses(deps) == 1
        assert await confirm_addresses(deps) == 0
        (mail,) = mails.taken
        assert (mail.address, mail.language) == ("mai@mail.example", "my")
        assert mail.url.endswith(confirm(VAULT, contact.id)) and mail.way_out[1].endswith(way_out(VAULT, contact.id))
    assert (await state(db))[0] == "unproven", "a mail that left proves nothing"


@pytest.mark.parametrize(
    ("kind", "state_after", "again"),
    [
        (Trouble.THROTTLED, "unproven", 1),
        (Trouble.NOT_SENT, "unproven", 1),
        (Trouble.REFUSED, "unproven", 0),
        (Trouble.DEAD_ADDRESS, "dead", 0),
    ],
)
async def test_a_mail_that_did_not_leave(db: Pool, db_dsn: str, kind: Trouble, state_after: str, again: int) -> None:
    await with_mail(db)
    mails = FakeChannel("email")
    mails.errors["*"] = [SendError(kind)]
    async with wires(db, db_dsn, channels=fake_channels(mails), clock=FixedClock(NOW)) as deps:
        assert await confirm_addresses(deps) == 0
        assert (await state(db))[0] == state_after
        assert await confirm_addresses(deps) == again


async def test_it_is_given_up_in_the_end(db: Pool, db_dsn: str) -> None:
    await with_mail(db)
    mails = FakeChannel("email")
    mails.errors["*"] = [SendError(Trouble.THROTTLED)] * (MAX_TRIES + 3)
    clock = FixedClock(NOW)
    async with wires(db, db_dsn, channels=fake_channels(mails), clock=clock) as deps:
        for _ in range(MAX_TRIES + 2):
            await confirm_addresses(deps)
        assert len(mails.errors["*"]) == 3
        await db.execute("UPDATE contact SET proof_tries = 0")
        clock.advance(timedelta(days=8))
        await confirm_addresses(deps)
        assert len(mails.errors["*"]) == 3, "nobody is asked about an address of last week"
    async with wires(db, db_dsn) as deps:
        assert await confirm_addresses(deps) == 0, "no mail server"
