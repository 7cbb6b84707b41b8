"""21:33: the clerk's telephone rings, the link opens, somebody drives to the dorm; and a call for help rings too."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import ClientResponse, CookieJar
from aiohttp.test_utils import TestClient

from alerts.sms_text import segments
from checkin.help_store import live_incident_for_help
from checkin.store import record_check_in
from core.db import Pool
from core.model import Answer, AnsweredBy, OrgKind, Purpose, Role
from registry.store import set_leader
from tests.people import VAULT, Org, make_org, make_staff
from tests.staff_site import Visitor
from tests.story.stage import Stage, link_in, stage
from tests.story.test_foreshock import MASHIKI, OSAKA, foreshock

CLERK, COORDINATOR = "090-2222-1111", "090-2222-3333"


def e164(number: str) -> str:
    return "+81" + number.replace("-", "")[1:]


async def gives_phone(s: Stage, who: Visitor, number: str) -> None:
    """A member of staff enters their number and types in the code that comes."""
    answer = await who.submit("/account/contacts", "/account/contacts", {"phone": number})
    assert answer.status == 200, await answer.text()
    html = await answer.text()
    (action,) = set(re.findall(r'action="(/account/contacts/[^"]+/confirm)"', html))
    (code,) = re.findall(r"\b\d{6}\b", texts_to(s, number)[-1])
    answer = await who.submit("/account/contacts", action, {"code": code})
    assert answer.status == 200, await answer.text()
    s.twilio.taken.clear()


def texts_to(s: Stage, number: str) -> list[str]:
    return [form["Body"] for form in s.twilio.taken if form["To"] == e164(number)]


def phone_of(s: Stage) -> Visitor:
    """A browser in which nobody has signed in."""
    client: TestClient = TestClient(s.server, cookie_jar=CookieJar(unsafe=True))  # type: ignore[type-arg]
    s.clients.append(client)
    return Visitor(client)


async def text_of(answer: ClientResponse, status: int = 200) -> str:
    html = await answer.text()
    assert answer.status == status, html
    return html


async def called(s: Stage, farm: Org, network: Org) -> tuple[Visitor, Visitor]:
    """A clerk and a coordinator who have proved their telephones, signed in."""
    clerk, coordinator = await s.signed_in(farm), await s.signed_in(network)
    await gives_phone(s, clerk, CLERK)
    await gives_phone(s, coordinator, COORDINATOR)
    return clerk, coordinator


async def test_the_clerk_goes_to_the_dorm(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        farm = await make_org(db, OrgKind.EMPLOYER, name="Hoshizora Farm", language="ja")
        plant = await make_org(db, OrgKind.EMPLOYER, name="Osaka Plant")
        network = await make_org(db, OrgKind.VOLUNTEER_NETWORK, name="Network")
        dorm = await s.site(farm, MASHIKI)
        here = [await s.resident(farm, MASHIKI, "vi", dorm=dorm) for _ in range(3)]
        await s.resident(plant, OSAKA, "vi", name="Osaka Person")
        async with db.acquire() as conn:
            await set_leader(conn, dorm[0], 1, resident_id=here[0].id)
        clerk, coordinator = await called(s, farm, network)
        await gives_phone(s, await s.signed_in(plant), "090-2222-4444")

        await s.hears(foreshock())
        await s.later(seconds=1)

        # --- one message each, to whom it concerns
        (sms,) = texts_to(s, CLERK)
        assert "震度7" in sms and "益城町" in sms and "3人" in sms and segments(sms).parts == 1, sms
        (board_sms,) = texts_to(s, COORDINATOR)
        assert "3 people" in board_sms and "Mashiki" in board_sms and segments(board_sms).parts == 1, board_sms
        assert not texts_to(s, "090-2222-4444"), "nobody of the Osaka plant was told"
        assert not any(person.name in sms + board_sms for person in here)
        await s.later(minutes=1)
        assert len(texts_to(s, CLERK)) == 1, "one message per incident"

        # --- the link: a button first, then one device
        link = urlsplit(link_in(sms)).path
        phone = phone_of(s)
        status, html = await phone.get(link)
        assert status == 200 and here[0].name not in html
        html = await text_of(await phone.submit(link, ""))
        assert all(person.name in html for person in here) and "Osaka Person" not in html
        assert here[0].phone not in html and "people.csv" not in html and "tel:" not in html
        status, html = await phone_of(s).get(link)
        assert status == 403 and here[0].name not in html and "/account/alert-links" in html

        # --- "I am going there", seen by everybody concerned
        answer = await phone.submit(link, f"{link}/going", {"at": "13:05"})
        assert "13:05" in await text_of(answer)
        for who, page in ((clerk, "/dashboard"), (coordinator, "/board")):
            if who is coordinator:  # the dorm is on the board once somebody there needs help
                await s.tap(link_in(s.sms_to(here[1])[0]), "help")
            _, html = await who.get(page)
            assert "13:05" in html, page
        leaders = next(t for t in s.sms_to(here[0]) if "/l/" in t)
        async with s.browser.get(link_in(leaders)) as leaders_page:
            assert "13:05" in await leaders_page.text()

        # --- private parts stay behind the second factor
        anonymous = phone_of(s)
        for path in ("/dashboard", "/account/alert-links"):
            status, html = await anonymous.get(path)
            assert status == 200 and "/sign-in" in html and here[0].name not in html

        # --- a new link after signing in ends the old one
        answer = await clerk.submit("/account/alert-links", "/account/alert-links")
        assert here[0].name in await text_of(answer)
        status, _ = await phone.get(link)
        assert status == 404
        await s.later(hours=25)
        status, _ = await clerk.get(str(answer.url.path))
        assert status == 404, "a link lives 24 hours"


async def test_help_rings_coordinators_and_never_the_employer(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        farm = await make_org(db, OrgKind.EMPLOYER, name="Hoshizora Farm")
        network = await make_org(db, OrgKind.VOLUNTEER_NETWORK, name="Network")
        people = [await s.resident(farm, MASHIKI, "vi") for _ in range(3)]
        await called(s, farm, network)
        await s.hears(foreshock())
        await s.later(seconds=1)
        clerk_sms = texts_to(s, CLERK)
        phone = phone_of(s)
        link = urlsplit(link_in(clerk_sms[0])).path
        await phone.submit(link, "")
        await db.execute("UPDATE resident SET hide_answer = true WHERE id = $1", people[0].id)

        await s.tap(link_in(s.sms_to(people[0])[0]), "help")
        before = texts_to(s, COORDINATOR)
        await s.later(seconds=1)
        (first,) = texts_to(s, COORDINATOR)[len(before) :]
        assert "1 person needs help in Mashiki" in first and segments(first).parts == 1, first
        assert people[0].name not in first
        _, shown = await phone.get(link)
        assert people[0].name in shown and "needs help" not in shown.split(people[0].name)[1][:120].lower()

        # --- two more within the pause: one message when it is over
        for person in people[1:]:
            await s.tap(link_in(s.sms_to(person)[0]), "help")
        await s.later(seconds=30)
        assert len(texts_to(s, COORDINATOR)) == len(before) + 1
        await s.later(minutes=2)
        assert "2 people need help in Mashiki" in texts_to(s, COORDINATOR)[-1]
        await s.later(minutes=5)
        assert len(texts_to(s, COORDINATOR)) == len(before) + 2, "nobody is told twice of one call"
        assert texts_to(s, CLERK) == clerk_sms

        # --- the link of a coordinator shows numbers, no names
        follow = phone_of(s)
        board = urlsplit(link_in(first)).path
        html = await text_of(await follow.submit(board, ""))
        assert "/board" in html and not any(person.name in html for person in people)


async def test_a_call_for_help_without_an_incident_is_no_news_for_the_employer(
    db: Pool, db_dsn: str, tmp_path: Path
) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        farm = await make_org(db, OrgKind.EMPLOYER)
        network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
        person = await s.resident(farm, MASHIKI, "en")
        await called(s, farm, network)
        await s.hears(foreshock(), purpose=Purpose.DRILL)
        await s.later(seconds=1)
        (sms,) = texts_to(s, CLERK)
        assert "DRILL" in sms and "This is only a drill." in sms
        s.twilio.taken.clear()
        await db.execute("UPDATE incident SET closed_at = $1", s.clock.now())
        assert await db.fetchval("SELECT count(*) FROM staff_alert") == 2
        # A real call after the drill's end opens a live incident of its own.
        async with db.acquire() as conn, conn.transaction():
            incident = await live_incident_for_help(conn, VAULT, person.id, "Help", s.clock.now())
            await record_check_in(
                conn, VAULT, incident_id=incident, resident_id=person.id, answer=Answer.HELP,
                answered_by=AnsweredBy.SELF, via="page", tapped_at=None, now=s.clock.now(),
            )  # fmt: skip
        await s.later(seconds=1)
        assert "1 person needs help in Mashiki" in texts_to(s, COORDINATOR)[0]
        assert not texts_to(s, CLERK)


async def test_the_deputy_is_told_and_who_has_left_is_not(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        farm = await make_org(db, OrgKind.EMPLOYER)
        await s.resident(farm, MASHIKI, "en")
        colleague = await make_staff(db, farm.id, Role.EMPLOYER)
        gone = await make_staff(db, farm.id, Role.EMPLOYER)
        await gives_phone(s, await s.signed_in(farm), CLERK)
        for staff_id, number in ((colleague, "090-2222-5555"), (gone, "090-2222-6666")):
            await gives_phone(s, await s.signed_in(Org(farm.id, "", farm.kind, staff_id, "")), number)
        now = s.clock.now()
        await db.execute("UPDATE staff SET disabled_at = $2 WHERE id = $1", gone, now)
        await s.hears(foreshock())
        await s.later(seconds=1)
        assert len(texts_to(s, CLERK)) == len(texts_to(s, "090-2222-5555")) == 1
        assert not texts_to(s, "090-2222-6666")
