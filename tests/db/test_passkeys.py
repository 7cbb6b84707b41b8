"""Passkeys through the real pages, with an authenticator of our own."""

from __future__ import annotations

import asyncio
import json

import pytest

from core.clock import FixedClock
from core.db import Pool
from core.settings import load_settings
from registry.passkeys import CHALLENGE_LIFE, relying_party
from tests.authenticator import Authenticator, options_on
from tests.pages import PASSWORDS
from tests.people import NOW, Org, make_org
from tests.staff_site import Site, Visitor, staff_site

PASSWORD = "mountain river lamp"
SECURITY = "/account/second-factor"


@pytest.fixture(scope="module")
async def password_hash() -> str:
    return await PASSWORDS.hash(PASSWORD)


@pytest.mark.parametrize(
    ("url", "host", "expected"),
    [
        ("https://daijobu.example", "daijobu.example", ("daijobu.example", "https://daijobu.example")),
        ("https://daijobu.example:8443", "x", ("daijobu.example", "https://daijobu.example:8443")),
        ("http://127.0.0.1:8080", "localhost:8080", ("localhost", "http://localhost:8080")),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", None),
        ("http://127.0.0.1:8080", "evil.example", None),
        ("https://192.0.2.7", "192.0.2.7", None),
        ("http://daijobu.example", "daijobu.example", None),
    ],
)
def test_where_passkeys_work(url: str, host: str, expected: tuple[str, str] | None) -> None:
    party = relying_party(url, host)
    assert (None if party is None else (party.id, party.origin)) == expected


def origin_of(site: Site) -> str:
    return f"http://localhost:{site.server.port}"


def at_localhost(site: Site) -> dict[str, str]:
    """Browsers give passkeys to names only."""
    return {"Host": f"localhost:{site.server.port}"}


async def half(site: Site, org: Org) -> Visitor:
    visitor = site.visitor()
    await visitor.client.post("/sign-in", data={"email": org.email, "password": PASSWORD}, allow_redirects=False)
    return visitor


async def send(site: Site, visitor: Visitor, page: str, action: str, kind: str, key: Authenticator) -> tuple[int, str]:
    """Tap the passkey button of a page; (status, Location)."""
    _, html = await visitor.get(page, headers=at_localhost(site))
    options = options_on(html, kind)
    answer = key.create(options) if kind == "create" else key.get(options)
    return await post(site, visitor, action, html, answer)


async def post(site: Site, visitor: Visitor, action: str, html: str, answer: str) -> tuple[int, str]:
    token = html.split('name="form_token" value="')[1].split('"')[0] if 'name="form_token"' in html else ""
    async with visitor.client.post(
        action,
        data={"form_token": token, "passkey": answer, "name": "My phone"},
        headers=at_localhost(site),
        allow_redirects=False,
    ) as response:
        return response.status, response.headers.get("Location", "")


async def with_passkey(db: Pool, site: Site, password_hash: str) -> tuple[Org, Authenticator]:
    org = await make_org(db, password_hash=password_hash)
    key = Authenticator(origin_of(site))
    visitor = await half(site, org)
    assert (await send(site, visitor, SECURITY, f"{SECURITY}/passkey", "create", key))[0] == 200  # printed codes
    async with visitor.client.get("/people", allow_redirects=False) as response:
        assert response.status == 200
    return org, key


async def test_a_passkey_signs_in_alone_and_the_session_is_whole(db: Pool, password_hash: str) -> None:
    async with staff_site(db) as site:
        _, key = await with_passkey(db, site, password_hash)
        assert await db.fetchval("SELECT name FROM passkey") == "My phone"
        visitor = site.visitor()
        assert (await send(site, visitor, "/sign-in", "/sign-in", "get", key))[0] == 303
        async with visitor.client.get("/people", allow_redirects=False) as response:
            assert response.status == 200
        assert await db.fetchval("SELECT sign_count FROM passkey") == 1


async def test_after_the_password_it_is_the_second_factor(db: Pool, password_hash: str) -> None:
    async with staff_site(db) as site:
        org, key = await with_passkey(db, site, password_hash)
        visitor = await half(site, org)
        page = "/second-factor?next=/people"
        assert await send(site, visitor, page, "/second-factor", "get", key) == (303, "/dashboard")
        async with visitor.client.get("/people", allow_redirects=False) as response:
            assert response.status == 200


async def test_an_answer_works_once_also_in_two_browsers_at_once(db: Pool, password_hash: str) -> None:
    async with staff_site(db) as site:
        _, key = await with_passkey(db, site, password_hash)
        _, html = await site.visitor().get("/sign-in", headers=at_localhost(site))
        answer = key.get(options_on(html, "get"))
        answers = await asyncio.gather(*(post(site, site.visitor(), "/sign-in", html, answer) for _ in range(4)))
        assert sorted(status for status, _ in answers) == [303, 401, 401, 401]


async def test_an_answer_for_one_thing_is_worth_nothing_for_another(db: Pool, password_hash: str) -> None:
    async with staff_site(db) as site:
        org, key = await with_passkey(db, site, password_hash)
        _, sign_in = await site.visitor().get("/sign-in", headers=at_localhost(site))
        visitor, other = await half(site, org), await half(site, org)
        _, html = await visitor.get("/second-factor", headers=at_localhost(site))
        for_sign_in = key.get(options_on(sign_in, "get"))
        assert (await post(site, visitor, "/second-factor", html, for_sign_in))[0] == 401
        _, theirs = await other.get("/second-factor", headers=at_localhost(site))
        for_other_session = key.get(options_on(theirs, "get"))
        assert (await post(site, visitor, "/second-factor", html, for_other_session))[0] == 401
        assert (await post(site, visitor, "/second-factor", html, key.get(options_on(html, "get"))))[0] == 303


@pytest.mark.parametrize("wrong", ["origin", "unverified", "count", "other key", "challenge", "nonsense", "no json"])
async def test_what_is_refused(db: Pool, password_hash: str, wrong: str) -> None:
    async with staff_site(db) as site:
        _, key = await with_passkey(db, site, password_hash)
        visitor = site.visitor()
        await send(site, visitor, "/sign-in", "/sign-in", "get", key)
        _, html = await site.visitor().get("/sign-in", headers=at_localhost(site))
        options = options_on(html, "get")
        if wrong == "origin":
            key.origin = "https://evil.example"
        elif wrong == "unverified":
            key.verified = False
        elif wrong == "count":
            key.count = 0  # a copied key begins again where its original was
        elif wrong == "other key":
            other = Authenticator(origin_of(site))
            other.id = key.id
            key = other
        elif wrong == "challenge":
            options["challenge"] = "AAAA" + options["challenge"][4:]
        answer = {"nonsense": json.dumps({"response": {"clientDataJSON": "e30"}}), "no json": "{"}.get(
            wrong
        ) or key.get(options)
        assert (await post(site, site.visitor(), "/sign-in", html, answer))[0] == 401
        assert await db.fetchval("SELECT sign_count FROM passkey") == 1


async def test_a_page_left_open_too_long(db: Pool, password_hash: str) -> None:
    clock = FixedClock(NOW)
    async with staff_site(db, clock=clock) as site:
        _, key = await with_passkey(db, site, password_hash)
        _, html = await site.visitor().get("/sign-in", headers=at_localhost(site))
        clock.advance(CHALLENGE_LIFE)
        assert (await post(site, site.visitor(), "/sign-in", html, key.get(options_on(html, "get"))))[0] == 401


async def test_a_second_one_and_removing_one(db: Pool, password_hash: str) -> None:
    async with staff_site(db) as site:
        org, first = await with_passkey(db, site, password_hash)
        visitor = await site.signed_in(org)
        second = Authenticator(origin_of(site))
        added = await send(site, visitor, SECURITY, f"{SECURITY}/passkey", "create", second)
        assert added == (303, f"{SECURITY}?saved=1")
        assert (await send(site, visitor, SECURITY, f"{SECURITY}/passkey", "create", second))[0] == 400
        gone = await db.fetchval("SELECT id FROM passkey WHERE credential_id = $1", first.id)
        await visitor.submit(SECURITY, f"{SECURITY}/passkey/{gone}/remove")
        assert (await send(site, site.visitor(), "/sign-in", "/sign-in", "get", first))[0] == 401
        assert (await send(site, site.visitor(), "/sign-in", "/sign-in", "get", second))[0] == 303
        assert await db.fetchval("SELECT count(*) FROM passkey") == 1


async def test_nobody_removes_the_passkey_of_another(db: Pool, password_hash: str) -> None:
    async with staff_site(db) as site:
        await with_passkey(db, site, password_hash)
        theirs = await db.fetchval("SELECT id FROM passkey")
        other, _ = await with_passkey(db, site, password_hash)
        visitor = await site.signed_in(other)
        await visitor.add_app()
        _, html = await visitor.get("/account")
        token = {"form_token": html.split('name="form_token" value="')[1].split('"')[0]}
        assert (await visitor.post(f"{SECURITY}/passkey/{theirs}/remove", token))[0] == 404
        assert await db.fetchval("SELECT count(*) FROM passkey") == 2


async def test_an_ended_account_has_no_passkeys(db: Pool, password_hash: str) -> None:
    async with staff_site(db) as site:
        org, key = await with_passkey(db, site, password_hash)
        await db.execute("UPDATE staff SET disabled_at = $1 WHERE id = $2", NOW, org.staff_id)
        assert (await send(site, site.visitor(), "/sign-in", "/sign-in", "get", key))[0] == 401


async def test_at_a_bare_address_there_is_no_button_and_the_page_says_so(db: Pool, password_hash: str) -> None:
    org = await make_org(db, password_hash=password_hash)
    settings = load_settings({"DAIJOBU_PUBLIC_URL": "http://127.0.0.1"})
    async with staff_site(db, settings=settings) as site:
        _, html = await (await half(site, org)).get(SECURITY)
        assert "Passkeys do not work at this address" in html and "data-passkey" not in html
