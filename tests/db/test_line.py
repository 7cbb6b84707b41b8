"""LINE from a person's page to an answer in the chat: the code, the button, words, blocking; nothing counts twice."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from alerts.channels.line import Line
from checkin.line_web import ROUTES
from core.clock import FixedClock
from core.db import Pool, transaction
from core.i18n import Catalogs
from core.settings import Settings, load_settings
from registry.line_store import CODE_LIFE, make_code, read_code, shown_code
from registry.records import NewContact
from registry.store import personal_token
from tests.fakes import fake_channels
from tests.incidents import make_incident, make_link, tell
from tests.line_server import LineServer, line_server
from tests.people import NOW, VAULT, Person, make_resident
from tests.staff_site import Site, Visitor, staff_site

USER, OTHER = "U" + "1" * 32, "U" + "2" * 32
WORDS = Catalogs.load()


@asynccontextmanager
async def chat(db: Pool) -> AsyncIterator[tuple[Site, LineServer, FixedClock]]:
    """The website with LINE configured, and LINE."""
    clock = FixedClock(NOW)
    async with line_server() as line:
        settings = load_settings(
            {
                "DAIJOBU_PUBLIC_URL": "http://127.0.0.1",
                "DAIJOBU_LINE_CHANNEL_TOKEN": line.token,
                "DAIJOBU_LINE_CHANNEL_SECRET": line.secret,
                "DAIJOBU_LINE_BASE_URL": line.url,
                "DAIJOBU_LINE_BASIC_ID": "@daijobu",
            }
        )
        channel, channels = Line(settings), fake_channels()
        channels.by_name["line"] = channel  # type: ignore[assignment]
        try:
            async with staff_site(
                db, clock=clock, settings=settings, more_routes=ROUTES, extras={"channels": channels}
            ) as site:
                yield site, line, clock
        finally:
            await channel.close()


async def call(site: Site, line: LineServer, kind: str, user: str = USER, event_id: str = "e1", **more: object) -> int:
    """One signed call of the webhook with one event."""
    source = {"type": "user", "userId": user}
    event = {"type": kind, "source": source, "webhookEventId": event_id, "replyToken": "r", "timestamp": 0, **more}
    body = json.dumps({"destination": "x", "events": [event]}).encode()
    client = site.visitor().client
    async with client.post("/t/line", data=body, headers={"X-Line-Signature": line.sign(body)}) as answer:
        return answer.status


def said(text: str) -> dict[str, object]:
    return {"message": {"type": "text", "text": text}}


async def page_of(db: Pool, person: Person) -> str:
    async with transaction(db) as conn:
        return f"/p/{await personal_token(conn, VAULT, person.id)}/line"


async def code_of(visitor: Visitor, page: str) -> str:
    """What the page shows after its button was pressed."""
    html = await (await visitor.submit(page, f"{page}?lang=my")).text()
    found = re.search(r'class="card code" dir="ltr">(\w{8})<', html)
    assert found is not None, html
    return found[1]


async def linked(db: Pool, site: Site, line: LineServer, user: str = USER) -> Person:
    person = await make_resident(db, language="my")
    code = await code_of(site.visitor(), await page_of(db, person))
    assert await call(site, line, "message", user, f"link {user}", **said(code.lower())) == 200
    line.replied.clear()
    return person


SQL_LINES = "SELECT state, resident_id FROM contact WHERE channel = 'line' AND kind = 'address' ORDER BY created_at"


async def test_a_code_from_the_page_links_the_account_once(db: Pool) -> None:
    person = await make_resident(db, language="my", contacts=[NewContact("line", "mai-line", "handle")])
    async with chat(db) as (site, line, clock):
        visitor, page = site.visitor(), await page_of(db, person)
        _, html = await visitor.get(page)
        assert 'class="card code"' not in html and await db.fetchval("SELECT count(*) FROM line_code") == 0
        first = await code_of(visitor, page)
        clock.advance(CODE_LIFE)
        code = await code_of(visitor, page)
        assert code != first and code in (await visitor.get(page))[1]
        assert await db.fetchval("SELECT count(*) FROM line_code") == 1
        assert await call(site, line, "message", OTHER, "e0", **said(first)) == 200
        assert "This code does not work" in line.replied[-1]["messages"][0]["text"]
        assert await call(site, line, "message", USER, "e1", **said(f" {code[:4]}-{code[4:].lower()} ")) == 200
        assert line.replied[-1]["messages"][0]["text"] == WORDS.say("my", "line.on")
        assert WORDS.say("my", "line.on") in (await visitor.get(page))[1]
        assert await call(site, line, "message", OTHER, "e2", **said(code)) == 200, "a code works once"
    assert [tuple(row) for row in await db.fetch(SQL_LINES)] == [("proven", person.id)]
    sealed = await db.fetchrow("SELECT id, address_enc FROM contact WHERE channel = 'line' AND kind = 'address'")
    assert VAULT.decrypt(sealed["address_enc"], sealed["id"], "contact.address_enc") == USER


async def test_a_code_lives_for_half_an_hour(db: Pool) -> None:
    person = await make_resident(db, language="my")
    async with chat(db) as (site, line, clock):
        page = await page_of(db, person)
        code = await code_of(site.visitor(), page)
        clock.advance(CODE_LIFE)
        assert code not in (await site.visitor().get(page))[1]
        assert await call(site, line, "message", **said(code)) == 200
    assert await db.fetch(SQL_LINES) == []


async def test_another_telephone_takes_the_place_of_the_old_one(db: Pool) -> None:
    async with chat(db) as (site, line, clock):
        person = await linked(db, site, line)
        clock.advance(timedelta(minutes=1))
        async with transaction(db) as conn:
            await make_code(conn, VAULT, person.id, clock.now())
            found = await shown_code(conn, VAULT, person.id, clock.now())
        assert found is not None
        code = found[0]
        assert await call(site, line, "message", OTHER, "e9", **said(code)) == 200
    assert [row["state"] for row in await db.fetch(SQL_LINES)] == ["proven"]


async def test_blocking_us_ends_it_and_unblocking_begins_it_again(db: Pool) -> None:
    async with chat(db) as (site, line, _):
        await linked(db, site, line)
        assert await call(site, line, "unfollow", event_id="e2") == 200
        assert (await db.fetch(SQL_LINES))[0]["state"] == "opted_out"
        assert await call(site, line, "unfollow", OTHER, "e3") == 200
        assert await call(site, line, "follow", event_id="e4") == 200
        assert (await db.fetch(SQL_LINES))[0]["state"] == "proven"


async def asked(db: Pool, person: Person) -> str:
    """A quake asks this person; the token of their link."""
    incident = await make_incident(db)
    await tell(db, incident, person.id)
    return (await make_link(db, incident, resident_id=person.id))[1]


def button(answer: str, token: str) -> dict[str, object]:
    return {"postback": {"data": urlencode({"answer": answer, "token": token})}}


SQL_ANSWERS = "SELECT answer, via, answered_by FROM check_in ORDER BY received_at, id"


async def test_a_button_is_an_answer_once(db: Pool) -> None:
    async with chat(db) as (site, line, _):
        person = await linked(db, site, line)
        token = await asked(db, person)
        for _try in range(2):  # LINE repeats a call whose answer it missed
            assert await call(site, line, "postback", event_id="e5", **button("ok", token)) == 200
        assert len(line.replied) == 1
        assert line.replied[0]["messages"][0]["text"].startswith(WORDS.sayer("my").plain("page.thanks.title"))
        assert await call(site, line, "postback", event_id="e6", **button("help", token)) == 200
        assert WORDS.sayer("my").plain("help.title") in line.replied[1]["messages"][0]["text"]
    found = [tuple(row) for row in await db.fetch(SQL_ANSWERS)]
    assert found == [("ok", "line", "self"), ("help", "line", "self")]


async def test_a_button_answers_only_for_the_account_it_was_sent_to(db: Pool) -> None:
    async with chat(db) as (site, line, _):
        person = await linked(db, site, line)
        await linked(db, site, line, OTHER)
        token = await asked(db, person)
        assert await call(site, line, "postback", OTHER, "e5", **button("ok", token)) == 200
        for n, wrong in enumerate((button("fine", token), button("ok", "x"), button("safe_place", token), said("x"))):
            assert await call(site, line, "postback", USER, f"w{n}", **wrong) == 200
    assert await db.fetch(SQL_ANSWERS) == []


async def test_words_are_kept_for_staff_and_are_never_an_ok(db: Pool) -> None:
    async with chat(db) as (site, line, _):
        person = await linked(db, site, line)
        assert await call(site, line, "message", event_id="e5", **said("thank you")) == 200
        (reply,) = line.replied
        emergency = WORDS.sayer("my").plain("landing.emergency")
        assert reply["messages"][0]["text"].startswith(emergency), "nothing is open: nobody would read it"
        line.replied.clear()
        token = await asked(db, person)
        for _try in range(2):
            assert await call(site, line, "message", event_id="e6", **said("OK OK I am safe")) == 200
        (reply,) = line.replied
        assert reply["messages"][0]["text"].endswith(f"/c/{token}")
        assert await db.fetch(SQL_ANSWERS) == [], "a person says it by a button or on the page"
        note = await db.fetchrow("SELECT case_id, note_enc FROM case_note WHERE action = 'note'")
        assert VAULT.decrypt(note["note_enc"], note["case_id"], "case_note.note_enc") == "LINE: OK OK I am safe"
        assert await db.fetchval("SELECT reason FROM case_file") == "silent"
        # After an answer, words stand beside it.
        assert await call(site, line, "postback", event_id="e7", **button("ok", token)) == 200
        assert await call(site, line, "message", event_id="e8", **said("the road is blocked")) == 200
    rows = await db.fetch("SELECT id, answer, note_enc FROM check_in ORDER BY received_at, id")
    assert [row["answer"] for row in rows] == ["ok", "ok"]
    assert VAULT.decrypt(rows[1]["note_enc"], rows[1]["id"], "check_in.note_enc") == "the road is blocked"


async def test_words_of_somebody_who_was_only_told_are_kept_too(db: Pool) -> None:
    async with chat(db) as (site, line, _):
        person = await linked(db, site, line)
        await tell(db, await make_incident(db), person.id, asked=False)
        assert await call(site, line, "message", event_id="e5", **said("water is coming in")) == 200
        assert len(line.replied) == 1
    note = await db.fetchrow("SELECT case_id, note_enc FROM case_note WHERE action = 'note'")
    assert VAULT.decrypt(note["note_enc"], note["case_id"], "case_note.note_enc") == "LINE: water is coming in"


async def test_a_lost_answer_in_the_chat_loses_nothing(db: Pool) -> None:
    async with chat(db) as (site, line, _):
        person = await linked(db, site, line)
        token = await asked(db, person)
        line.mode = "500"
        assert await call(site, line, "postback", event_id="e5", **button("ok", token)) == 200
    assert len(await db.fetch(SQL_ANSWERS)) == 1


async def test_nobody_else_may_call(db: Pool) -> None:
    async with chat(db) as (site, line, _):
        client = site.visitor().client
        body = b'{"events": []}'
        for signature, sent, status in (("", body, 403), (line.sign(body), b'{"events": [] }', 403)):
            headers = {"X-Line-Signature": signature}
            async with client.post("/t/line", data=sent, headers=headers) as answer:
                assert answer.status == status
        async with client.post("/t/line", data=b"x", headers={"X-Line-Signature": line.sign(b"x")}) as answer:
            assert answer.status == 400
    async with staff_site(db, more_routes=ROUTES) as bare:
        assert (await bare.visitor().post("/t/line", {}))[0] == 404
        assert (await bare.visitor().get(await page_of(db, await make_resident(db))))[0] == 404


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ABCD2345", "ABCD2345"),
        (" abcd-2345\n", "ABCD2345"),
        ("ＡＢＣＤ２３４５", "ABCD2345"),
        ("ABCD234", None),
        ("ABCD2341", None),
        ("I am OK!!", None),
        ("", None),
    ],
)
def test_codes_as_people_type_them(text: str, code: str | None) -> None:
    assert read_code(text) == code


def test_settings_take_the_account_with_or_without_its_sign() -> None:
    known: list[Settings] = [load_settings({"DAIJOBU_LINE_BASIC_ID": name}) for name in ("@daijobu", "daijobu")]
    assert {one.line_basic_id for one in known} == {"@daijobu"}
