"""The check-in page over HTTP, as a phone without JavaScript meets it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from checkin.web import ROUTES
from core.clock import FixedClock
from core.db import Pool, connect
from core.i18n import Catalogs
from core.web import TOKEN
from ops.pages_web import all_routes
from tests.incidents import (
    FLOOD_CONTEXT,
    QUAKE_CONTEXT,
    QUAKE_REASON,
    TestIncident,
    database_digest,
    make_incident,
    make_link,
    tell,
)
from tests.pages import Form, forms_of, website
from tests.people import NOW, VAULT, Person, make_org, make_resident, make_site
from tests.shelter_kit import make_shelters, works_at_home

Client = TestClient[web.Request, web.Application]
LANGUAGES = Catalogs.load().languages
FLOOD_REASON: dict[str, Any] = {"home": QUAKE_REASON["home"] | {"level": 4}, "work": None, "worse": "home"}
TWO_FLOODS: dict[str, Any] = FLOOD_REASON | {
    "work": QUAKE_REASON["home"] | {"code": "4321300", "name_ja": "宇城市", "level": 3}
}
MANY_PLACES: dict[str, Any] = {
    "home": QUAKE_REASON["home"] | {"level": None, "area_max": "6+", "not_received": True},
    "work": QUAKE_REASON["home"] | {"code": "4321300", "name_ja": "宇城市", "level": "5+"},
    "worse": "home",
}


async def linked(
    db: Pool, incident: TestIncident, *, language: str = "vi", reason: dict[str, Any] = QUAKE_REASON
) -> tuple[Person, str]:
    org = await make_org(db)
    person = await make_resident(db, org.id, language=language, dorm=await make_site(db, org.id, name="ひばり寮"))
    await tell(db, incident, person.id, reason=reason)
    _, token = await make_link(db, incident, resident_id=person.id)
    return person, token


async def page(client: Client, token: str, query: str = "") -> str:
    response = await client.get(f"/c/{token}{query}")
    assert response.status == 200
    return await response.text()


async def submit(client: Client, form: Form, **values: str) -> str:
    """Send a form as a browser does and follow the redirect; every field sent must be one the form has."""
    for name, value in values.items():
        assert name in form.offers, f"the form has no field {name}"
        assert value in form.offers[name] or form.offers[name] == [""]
    response = await client.post(form.action, data=form.values | values, allow_redirects=False)
    assert response.status == 303
    assert urlsplit(response.headers["Location"]).path.startswith("/c/")
    response = await client.get(response.headers["Location"])
    assert response.status == 200
    return await response.text()


async def test_tap_ok_then_help_then_tell_more(db: Pool) -> None:
    incident = await make_incident(db)
    person, token = await linked(db, incident)
    async with website(db, ROUTES) as client:
        (form,) = forms_of(await page(client, token))
        assert form.offers["answer"] == ["ok", "help"]
        thanks = await submit(client, form, answer="ok")
        assert "無事です" in thanks or "Cảm ơn" in thanks
        detail, change = forms_of(thanks)
        thanks = await submit(client, change, answer="help")
        assert 'href="tel:119"' in thanks
        detail = next(form for form in forms_of(thanks) if "hurt" in form.offers)
        await submit(client, detail, hurt="1", people="2", note="Chân tôi đau")
    rows = await db.fetch("SELECT id, answer, detail, note_enc, answered_by, via FROM check_in ORDER BY id")
    assert [row["answer"] for row in rows] == ["ok", "help", "help"]
    assert {(row["answered_by"], row["via"]) for row in rows} == {("self", "page")}
    assert rows[2]["detail"] == {"hurt": True, "people": 2}
    assert VAULT.decrypt(rows[2]["note_enc"], rows[2]["id"], "check_in.note_enc") == "Chân tôi đau"
    assert await db.fetchval("SELECT status FROM incident_resident WHERE resident_id = $1", person.id) == "help"


async def test_trapped_turns_ok_into_a_call_for_help(db: Pool) -> None:
    incident = await make_incident(db)
    _, token = await linked(db, incident)
    async with website(db, ROUTES) as client:
        thanks = await submit(client, forms_of(await page(client, token))[0], answer="ok")
        assert 'href="tel:119"' in await submit(client, forms_of(thanks)[0], trapped="1")
    assert await db.fetchval("SELECT reason FROM case_file") == "needs_help"


async def test_a_flood_asks_five_things_and_only_what_it_asks_counts(db: Pool) -> None:
    incident = await make_incident(db, context=FLOOD_CONTEXT)
    _, token = await linked(db, incident, reason=FLOOD_REASON)
    async with website(db, ROUTES) as client:
        (form,) = forms_of(await page(client, token))
        assert form.offers["answer"] == FLOOD_CONTEXT["questions"]
        # A tap on an older notification's "I'm OK" says nothing about a safe place.
        response = await client.post(f"/c/{token}", data={"answer": "ok"}, headers={"Accept": "application/json"})
        assert response.status == 409
        assert await db.fetchval("SELECT count(*) FROM check_in") == 0
        await submit(client, form, answer="leaving")
        assert await db.fetchval("SELECT status FROM incident_resident") == "leaving"


async def test_the_service_worker_may_repeat_a_tap(db: Pool) -> None:
    clock = FixedClock(NOW + timedelta(minutes=10))
    incident = await make_incident(db)
    _, token = await linked(db, incident)
    tapped = NOW + timedelta(minutes=4)
    tap = {"answer": "ok", "client_id": "3f1c", "tapped_at": tapped.isoformat()}
    async with website(db, ROUTES, clock=clock) as client:
        for _ in range(3):
            response = await client.post(f"/c/{token}", data=tap, headers={"Accept": "application/json"})
            assert response.status == 204
        for wrong in ("", "maybe"):
            response = await client.post(f"/c/{token}", data={"answer": wrong}, headers={"Accept": "application/json"})
            assert response.status == 400
        as_number = tap | {"client_id": "4", "tapped_at": str(int(tapped.timestamp() * 1000))}
        assert (await client.post(f"/c/{token}", data=as_number, allow_redirects=False)).status == 303
    rows = await db.fetch("SELECT tapped_at, via FROM check_in ORDER BY id")
    assert [(row["tapped_at"], row["via"]) for row in rows] == [(tapped, "push"), (tapped, "page")]


BOTS = (
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Facebot",
    "Twitterbot/1.0",
    "WhatsApp/2.23.20.0",
    "TelegramBot (like TwitterBot)",
    "LinkedInBot/1.0",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Discordbot/2.0",
    "SkypeUriPreview Preview/0.5",
    "Viber/13.3.0",
    "facebookexternalhit/1.1;line-poker/1.0",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0)",
    "Mozilla/5.0 (Applebot/0.1)",
    "Google-Read-Aloud",
    "GoogleMessages",
    "Barracuda Sentinel (EE)",
    "Microsoft Office/16.0 (Outlook SafeLinks)",
    "Proofpoint URL Defense",
    "Mozilla/5.0 (compatible; Yahoo! Slurp)",
)


async def test_looking_changes_nothing(db: Pool) -> None:
    incident = await make_incident(db)
    _, token = await linked(db, incident)
    before = await database_digest(db)
    async with website(db, ROUTES) as client:
        for agent in BOTS:
            for method in ("GET", "HEAD"):
                response = await client.request(method, f"/c/{token}", headers={"User-Agent": agent})
                assert response.status == 200
        assert (await client.get(f"/c/{token}?answer=ok")).status == 200
        assert (await client.get(f"/c/{token}/detail?hurt=1")).status == 405
    assert await database_digest(db) == before


async def test_the_fingerprint_would_notice_an_answer(db: Pool) -> None:
    incident = await make_incident(db)
    _, token = await linked(db, incident)
    before = await database_digest(db)
    async with website(db, ROUTES) as client:
        await client.post(f"/c/{token}", data={"answer": "ok"})
    changed = {table for table, digest in (await database_digest(db)).items() if digest != before[table]}
    assert changed == {"check_in", "incident_resident"}


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_every_language_fits_in_ten_kilobytes(db: Pool, lang: str) -> None:
    quake = await make_incident(db, simulated=True)
    flood = await make_incident(db, context=FLOOD_CONTEXT, purpose="drill")
    worst = await make_incident(db, context=FLOOD_CONTEXT, simulated=True)
    await make_shelters(db)
    async with website(db, ROUTES) as client:
        for incident, reason in ((quake, MANY_PLACES), (flood, TWO_FLOODS), (worst, TWO_FLOODS)):
            person, token = await linked(db, incident, language=lang, reason=reason)
            await works_at_home(db, person)
            asking = await page(client, token)
            assert asking.count("maps.google.com") == 4
            assert f'<html lang="{lang}" dir="{"rtl" if lang == "ur" else "ltr"}">' in asking
            await client.post(f"/c/{token}", data={"answer": "leaving" if incident is flood else "help"})
            answered = await page(client, token)
            for html in (asking, answered):
                assert len(html.encode()) < 10_000
                # No blocking asset, nothing from anybody else; what is shown is named in Japanese as well.
                assert not re.search(r"stylesheet|<script[^>]+src(?![^>]* defer>)|<img|@import|url\(", html)
                assert 'lang="ja"' in html
                assert "None" not in html and "{" not in re.sub(r"<(style|script).*?</\1>", "", html, flags=re.S)


async def test_a_person_can_choose_another_language(db: Pool) -> None:
    incident = await make_incident(db)
    _, token = await linked(db, incident)
    async with website(db, ROUTES) as client:
        html = await page(client, token, "?lang=tl")
        assert '<html lang="fil"' in html
        thanks = await submit(client, forms_of(html)[0], answer="ok")
        assert '<html lang="fil"' in thanks
        assert '<html lang="vi"' in await page(client, token, "?lang=xx")


async def test_what_happened_is_told(db: Pool) -> None:
    incident = await make_incident(db)
    _, token = await linked(db, incident, language="en", reason=MANY_PLACES)
    async with website(db, ROUTES) as client:
        html = await page(client, token)
    text = re.sub(r"<[^>]+>", "", html)
    assert "益城町" in text and "Mashiki" in text and "6 Upper" in text and "5 Upper" in text
    assert "20 Nov 11:58" in text  # announced, in Japan's time
    assert "気象庁" in text and "JMA" in text
    assert "２０日１１時５６分ころ、地震がありました。" in text
    assert "not been checked by native speakers" in text


async def test_a_drill_and_a_simulation_say_so_first_and_last(db: Pool) -> None:
    say = Catalogs.load().sayer("vi")
    for purpose, simulated, tag in (("drill", False, "tag.drill"), ("live", True, "tag.simulated")):
        incident = await make_incident(db, purpose=purpose, simulated=simulated)
        _, token = await linked(db, incident)
        async with website(db, ROUTES) as client:
            body = (await page(client, token)).split("</style>")[1]
        assert body.count(say(f"{tag}.last")) == 2
        assert body.index(str(say(f"{tag}.last"))) < body.index("<main>")
        assert body.rindex(str(say(f"{tag}.last"))) > body.index("</main>")
    incident = await make_incident(db)
    _, token = await linked(db, incident)
    async with website(db, ROUTES) as client:
        assert "strip" not in (await page(client, token)).split("</style>")[1]


async def test_only_somebody_who_called_for_help_sees_an_address(db: Pool) -> None:
    incident = await make_incident(db)
    org = await make_org(db)
    site = await make_site(db, org.id, name="ひばり寮")
    address = VAULT.encrypt("熊本県上益城郡益城町宮園123", site[1], "place.address_enc")
    await db.execute("UPDATE place SET address_enc = $2 WHERE id = $1", site[1], address)
    person = await make_resident(db, org.id, name="Tran Van Test", dorm=site, room="203")
    await tell(db, incident, person.id)
    _, token = await make_link(db, incident, resident_id=person.id)
    async with website(db, ROUTES) as client:
        for answer in (None, "ok"):
            if answer:
                await client.post(f"/c/{token}", data={"answer": answer})
            html = await page(client, token)
            assert "宮園" not in html and "ひばり寮" not in html and person.phone not in html
            assert person.name not in html
        await client.post(f"/c/{token}", data={"answer": "help"})
        html = await page(client, token)
        assert "宮園123" in html and "ひばり寮" in html and "203" in html
        assert "助けてください" in html
        # Whoever calls 119 can read what to say.
        assert "Kyukyu desu" in html and "Kaji desu" in html
        await db.execute("UPDATE case_file SET claimed_by = $1, claimed_at = $2", org.staff_id, NOW)
        html = await page(client, token)
        name = await db.fetchval("SELECT name FROM staff WHERE id = $1", org.staff_id)
        assert name in html and "English" in html


async def test_after_a_rise_the_page_asks_again(db: Pool) -> None:
    incident = await make_incident(db)
    person, token = await linked(db, incident)
    async with website(db, ROUTES) as client:
        await client.post(f"/c/{token}", data={"answer": "ok"})
        assert 'id="ask"' not in await page(client, token)
        await db.execute(
            "UPDATE incident_resident SET asked_at = $2 WHERE resident_id = $1", person.id, NOW + timedelta(minutes=5)
        )
        assert 'id="ask"' in await page(client, token)


async def test_a_withdrawn_warning_says_so(db: Pool) -> None:
    incident = await make_incident(db, context=QUAKE_CONTEXT | {"moment": "cancel"})
    _, token = await linked(db, incident, language="en")
    async with website(db, ROUTES) as client:
        html = await page(client, token)
    say = Catalogs.load().sayer("en")
    assert say("tag.cancel") in html and say("alert.cancelled", earlier=say.time(NOW)) in html


async def test_unknown_ended_and_nonsense_links_look_the_same(db: Pool) -> None:
    incident = await make_incident(db)
    _, token = await linked(db, incident)
    clock = FixedClock(NOW + timedelta(days=20))
    bodies = set()
    async with website(db, ROUTES, clock=clock) as client:
        for path in (token, "123456789ABC", "x", "0OIl00000000", "%00"):
            for method in ("GET", "POST"):
                response = await client.request(
                    method, f"/c/{path}", data={"answer": "ok"} if method == "POST" else None
                )
                assert response.status == 404
                bodies.add(re.sub(r'nonce="[^"]+"', "", await response.text()))
    assert len(bodies) == 1
    assert await db.fetchval("SELECT count(*) FROM check_in") == 0


async def test_every_kind_of_link_is_braked(db: Pool) -> None:
    """Whoever guesses at links may not go on with another kind of them."""
    kinds = sorted({r.path for r in all_routes() if r.method == "GET" and r.audience is TOKEN and "{token}" in r.path})
    assert {"/c/{token}", "/l/{token}", "/p/{token}", "/f/{token}", "/e/{token}"} <= set(kinds)
    async with website(db, all_routes(), clock=FixedClock(NOW)) as client:
        for _ in range(20):
            assert (await client.get("/c/123456789ABC")).status == 404
        for path in kinds:
            answer = await client.get(re.sub(r"{\w+}", "123456789ABC", path))
            assert (path, answer.status) == (path, 429)
            assert answer.headers["Retry-After"] == "60"


async def test_only_misses_are_braked(db: Pool) -> None:
    incident = await make_incident(db)
    _, token = await linked(db, incident)
    clock = FixedClock(NOW)
    async with website(db, ROUTES, clock=clock) as client:
        answers = [(await client.get("/c/123456789ABC")).status for _ in range(25)]
        assert answers == [404] * 20 + [429] * 5
        assert (await client.get(f"/c/{token}")).status == 200
        assert (await client.post(f"/c/{token}", data={"answer": "ok"}, allow_redirects=False)).status == 303
        clock.advance(timedelta(minutes=1))
        assert (await client.get("/c/123456789ABC")).status == 404


async def test_another_sites_form_is_refused(db: Pool) -> None:
    incident = await make_incident(db)
    _, token = await linked(db, incident)
    async with website(db, ROUTES) as client:
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert (await client.post(f"/c/{token}", data={"answer": "ok"}, headers=headers)).status == 403
        assert (await client.post(f"/c/{token}", data={"answer": "ok", "note": "x" * 20_000})).status == 413
    assert await db.fetchval("SELECT count(*) FROM check_in") == 0


async def test_nothing_is_kept_or_leaked_by_browsers(db: Pool) -> None:
    incident = await make_incident(db)
    _, token = await linked(db, incident)
    async with website(db, ROUTES) as client:
        headers = (await client.get(f"/c/{token}")).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Robots-Tag"] == "noindex"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


async def test_an_answer_that_cannot_be_stored_is_not_thanked_for(db: Pool, db_dsn: str) -> None:
    incident = await make_incident(db)
    _, token = await linked(db, incident)
    broken = await connect(db_dsn, size=2)
    async with website(broken, ROUTES) as client:
        html = await page(client, token)
        broken.terminate()
        (form,) = forms_of(html)
        response = await client.post(form.action, data={"answer": "help"}, headers={"Accept-Language": "ne"})
        assert response.status == 503
        html = await response.text()
        assert '<html lang="ne"' in html and 'href="tel:119"' in html
        response = await client.post(form.action, data={"answer": "help"}, headers={"Accept": "application/json"})
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
    (again,) = forms_of(html)
    assert again.values["answer"] == "help"
    async with website(db, ROUTES) as client:
        for _ in range(2):
            await submit(client, again)
    rows = await db.fetch("SELECT answer, client_id FROM check_in")
    assert [(row["answer"], row["client_id"]) for row in rows] == [("help", again.values["client_id"])]
