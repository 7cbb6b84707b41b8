"""Signing in and out through the real pages."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest

from core.clock import FixedClock
from core.db import Pool, transaction
from core.model import OrgKind, Role
from core.settings import load_settings
from core.tokens import token_hash
from registry.passwords import OWASP
from registry.setup import ensure_first_operator
from registry.signin_store import make_invitation, make_signin_link
from tests.pages import PASSWORDS
from tests.people import NOW, Org, make_org
from tests.staff_site import Visitor, staff_site

PASSWORD = "mountain river lamp"


@pytest.fixture(scope="module")
async def password_hash() -> str:
    return await PASSWORDS.hash(PASSWORD)


async def clerk(db: Pool, password_hash: str, kind: OrgKind = OrgKind.EMPLOYER) -> Org:
    return await make_org(db, kind, password_hash=password_hash)


async def sign_in(visitor: Visitor, email: str, password: str = PASSWORD, **more: str) -> tuple[int, str, str]:
    """(status, Location, body) of the sign-in form, redirects not followed."""
    values = {"email": email, "password": password} | more
    async with visitor.client.post("/sign-in", data=values, allow_redirects=False) as response:
        return response.status, response.headers.get("Location", ""), await response.text()


async def test_in_and_out(db: Pool, password_hash: str) -> None:
    org = await clerk(db, password_hash)
    async with staff_site(db) as site:
        visitor = site.visitor()
        status, html = await visitor.get("/account")
        assert "/sign-in" in html and 'value="/account"' in html  # sent to the form, which remembers the way
        assert (await sign_in(visitor, org.email.upper(), next="/account"))[:2] == (303, "/account")
        status, html = await visitor.get("/account")
        assert status == 200 and org.email in html
        cookie = next(iter(visitor.client.session.cookie_jar))
        assert (cookie.key, cookie["httponly"], cookie["samesite"], cookie["secure"]) == ("daijobu", True, "Lax", "")
        stored = await db.fetch("SELECT id_sha256 FROM session")
        assert [r["id_sha256"] for r in stored] == [token_hash(cookie.value)]
        copied = {"daijobu": cookie.value}
        response = await visitor.submit("/account", "/sign-out")
        assert response.status == 200
        thief = site.visitor()
        async with thief.client.get("/account", cookies=copied, allow_redirects=False) as answer:
            assert answer.status == 303


async def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(db: Pool, password_hash: str) -> None:
    org = await clerk(db, password_hash)
    async with staff_site(db) as site:
        wrong = await sign_in(site.visitor(), org.email, "mountain river lamb")
        unknown = await sign_in(site.visitor(), "x" + org.email[1:], "mountain river lamb")
        assert wrong[0] == unknown[0] == 401
        assert wrong[2].replace(org.email, "?") == unknown[2].replace("x" + org.email[1:], "?")


async def test_an_account_without_password_cannot_sign_in_with_one(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        assert (await sign_in(site.visitor(), org.email, ""))[0] == 401


async def test_failures_make_the_next_try_wait_even_with_the_right_password(db: Pool, password_hash: str) -> None:
    org = await clerk(db, password_hash)
    clock = FixedClock(NOW)
    async with staff_site(db, clock=clock) as site:
        visitor = site.visitor()
        answers = await asyncio.gather(*(sign_in(visitor, org.email, f"wrong password {n}") for n in range(12)))
        assert sorted(a[0] for a in answers) == [401] * 5 + [429] * 7
        assert (await sign_in(visitor, org.email))[0] == 429
        clock.advance(timedelta(seconds=6))
        assert (await sign_in(visitor, org.email))[0] == 303
        assert await db.fetchval("SELECT count(*) FROM signin_failure") == 0


async def test_a_session_idles_out(db: Pool, password_hash: str) -> None:
    org = await clerk(db, password_hash)
    clock = FixedClock(NOW)
    async with staff_site(db, clock=clock) as site:
        visitor = site.visitor()
        await sign_in(visitor, org.email)
        for _ in range(4):  # used every 25 minutes it stays
            clock.advance(timedelta(minutes=25))
            async with visitor.client.get("/account", allow_redirects=False) as response:
                assert response.status == 200
        clock.advance(timedelta(minutes=31))
        async with visitor.client.get("/account", allow_redirects=False) as response:
            assert response.status == 303


async def test_the_cookie_of_before_signing_in_is_never_used(db: Pool, password_hash: str) -> None:
    org = await clerk(db, password_hash)
    async with staff_site(db) as site:
        visitor = site.visitor()
        visitor.client.session.cookie_jar.update_cookies({"daijobu": "planted"}, site.server.make_url("/"))
        await sign_in(visitor, org.email)
        assert [c.value for c in visitor.client.session.cookie_jar if c.key == "daijobu"] != ["planted"]
        async with site.visitor().client.get(
            "/account", cookies={"daijobu": "planted"}, allow_redirects=False
        ) as response:
            assert response.status == 303


async def test_a_disabled_account_is_out_at_once(db: Pool, password_hash: str) -> None:
    org = await clerk(db, password_hash)
    async with staff_site(db) as site:
        visitor = await site.signed_in(org)
        await db.execute("UPDATE staff SET disabled_at = $1", NOW)
        async with visitor.client.get("/account", allow_redirects=False) as response:
            assert response.status == 303
        assert (await sign_in(visitor, org.email))[0] == 401


async def test_https_gets_the_host_cookie(db: Pool, password_hash: str) -> None:
    org = await clerk(db, password_hash)
    settings = load_settings({"DAIJOBU_PUBLIC_URL": "https://daijobu.example"})
    async with staff_site(db, settings=settings) as site:
        values = {"email": org.email, "password": PASSWORD}
        async with site.visitor().client.post("/sign-in", data=values, allow_redirects=False) as response:
            header = response.headers["Set-Cookie"]
    assert header.startswith("__Host-daijobu=")
    assert "Secure" in header and "HttpOnly" in header and "Path=/" in header and "Domain" not in header


async def test_over_plain_http_on_a_network_nobody_signs_in_and_the_page_says_why(db: Pool, password_hash: str) -> None:
    org = await clerk(db, password_hash)
    settings = load_settings({"DAIJOBU_PUBLIC_URL": "http://daijobu.example"})
    async with staff_site(db, settings=settings) as site:
        visitor = site.visitor()
        _, html = await visitor.get("/sign-in?lang=en")
        assert "not encrypted" in html and "password" not in html
        assert (await sign_in(visitor, org.email))[0] == 403
        async with transaction(db) as conn:
            token = await make_signin_link(conn, org.staff_id, NOW)
        assert (await visitor.post(f"/enter/{token}", {}))[0] == 403
        assert await db.fetchval("SELECT count(*) FROM session") == 0


@pytest.mark.parametrize(
    ("headers", "values", "status"),
    [
        ({}, {}, 403),
        ({}, {"form_token": "0" * 32}, 403),
        ({"Origin": "https://evil.example"}, {"form_token": "right"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, {"form_token": "right"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, {"form_token": "right"}, 303),
    ],
)
async def test_a_forged_form_is_refused(db: Pool, headers: dict[str, str], values: dict[str, str], status: int) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        visitor = await site.signed_in(org)
        _, html = await visitor.get("/account")
        right = html.split('name="form_token" value="')[1].split('"')[0]
        sent = {k: right if v == "right" else v for k, v in values.items()}
        async with visitor.client.post("/sign-out", data=sent, headers=headers, allow_redirects=False) as response:
            assert response.status == status


async def test_a_sign_in_link_opens_a_button_and_works_once(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        async with transaction(db) as conn:
            token = await make_signin_link(conn, org.staff_id, NOW)
        scanner, person, late = site.visitor(), site.visitor(), site.visitor()
        for _ in range(3):
            assert (await scanner.get(f"/enter/{token}"))[0] == 200
            async with scanner.client.head(f"/enter/{token}") as response:
                assert response.status in (200, 405)
        assert await db.fetchval("SELECT count(*) FROM session") == 0
        async with person.client.post(f"/enter/{token}", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/dashboard")
        assert (await late.get(f"/enter/{token}"))[0] == 404
        assert (await late.post(f"/enter/{token}", {}))[0] == 404
        assert await db.fetchval("SELECT count(*) FROM session") == 1


async def test_of_two_taps_at_once_one_signs_in(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        async with transaction(db) as conn:
            token = await make_signin_link(conn, org.staff_id, NOW)

        async def tap() -> int:
            async with site.visitor().client.post(f"/enter/{token}", allow_redirects=False) as response:
                return response.status

        assert sorted(await asyncio.gather(*(tap() for _ in range(5)))) == [303, 404, 404, 404, 404]


async def test_an_expired_link_and_an_unknown_one_look_alike(db: Pool) -> None:
    org = await make_org(db)
    clock = FixedClock(NOW)
    async with staff_site(db, clock=clock) as site:
        async with transaction(db) as conn:
            token = await make_signin_link(conn, org.staff_id, NOW)
        clock.advance(timedelta(hours=25))
        expired = await site.visitor().get(f"/enter/{token}")
        unknown = await site.visitor().get("/enter/" + "A" * len(token))
        assert expired[0] == unknown[0] == 404
        assert re.sub(r'nonce="[^"]*"', "", expired[1]) == re.sub(r'nonce="[^"]*"', "", unknown[1])


async def invitation(db: Pool, org: Org, role: Role = Role.EMPLOYER) -> str:
    async with transaction(db) as conn:
        return await make_invitation(conn, org_id=org.id, role=role, now=NOW, email="new@north.example", name="Hanako")


JOINING = {"name": "Hanako", "email": "new@north.example", "password": PASSWORD, "password_again": PASSWORD}


async def test_an_invitation_makes_an_account_of_that_role(db: Pool) -> None:
    org = await make_org(db)
    token = await invitation(db, org)
    async with staff_site(db, extras={"passwords": OWASP}) as site:
        visitor = site.visitor()
        _, html = await visitor.get(f"/join/{token}")
        assert 'value="new@north.example"' in html
        async with visitor.client.post(f"/join/{token}", data=JOINING, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/dashboard")
        row = await db.fetchrow("SELECT org_id, role, password_hash FROM staff WHERE email = 'new@north.example'")
        assert (row["org_id"], row["role"]) == (org.id, "employer")
        assert row["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert (await site.visitor().get(f"/join/{token}"))[0] == 404
        assert (await sign_in(site.visitor(), "new@north.example"))[0] == 303


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": " "}, 400),
        ({"email": "nobody"}, 400),
        ({"password": "short", "password_again": "short"}, 400),
        ({"password_again": "something else"}, 400),
        ({"role": "operator"}, 303),
    ],
)
async def test_what_a_joining_person_types(db: Pool, change: dict[str, str], status: int) -> None:
    org = await make_org(db)
    token = await invitation(db, org)
    async with staff_site(db) as site:
        async with site.visitor().client.post(
            f"/join/{token}", data=JOINING | change, allow_redirects=False
        ) as response:
            assert response.status == status
        roles = await db.fetch("SELECT role FROM staff WHERE email = 'new@north.example'")
        assert [r["role"] for r in roles] == (["employer"] if status == 303 else [])


async def test_an_address_that_is_taken_is_said_and_the_invitation_stays(db: Pool) -> None:
    org = await make_org(db)
    token = await invitation(db, org)
    async with staff_site(db) as site:
        visitor = site.visitor()
        status, _ = await visitor.post(f"/join/{token}", JOINING | {"email": org.email})
        assert status == 409
        assert (await visitor.get(f"/join/{token}"))[0] == 200


async def test_a_new_password_needs_the_old_one_and_ends_other_sessions(db: Pool, password_hash: str) -> None:
    org = await clerk(db, password_hash)
    async with staff_site(db) as site:
        here, elsewhere = await site.signed_in(org), await site.signed_in(org)
        new = {"password": "lamp river mountain", "password_again": "lamp river mountain"}
        response = await here.submit("/account", "/account", new)
        assert response.status == 400
        response = await here.submit("/account", "/account", new | {"old_password": PASSWORD})
        assert response.status == 200
        async with here.client.get("/account", allow_redirects=False) as answer:
            assert answer.status == 200
        async with elsewhere.client.get("/account", allow_redirects=False) as answer:
            assert answer.status == 303
        assert (await sign_in(site.visitor(), org.email, "lamp river mountain"))[0] == 303


async def test_the_first_operator(db: Pool) -> None:
    first = await ensure_first_operator(db, NOW)
    second = await ensure_first_operator(db, NOW)
    assert first and second and first != second
    async with staff_site(db) as site:
        visitor = site.visitor()
        assert (await visitor.get(f"/enter/{first}"))[0] == 404  # a newer link ends the older one
        async with visitor.client.post(f"/enter/{second}", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/account")
        account = {"name": "Kei", "email": "kei@kumamoto.example", "password": PASSWORD, "password_again": PASSWORD}
        response = await visitor.submit("/account", "/account", account, allow_redirects=False)
        assert (response.status, response.headers["Location"]) == (303, "/operator")
    assert await ensure_first_operator(db, NOW) is None
    assert await db.fetchval("SELECT count(*) FROM staff") == 1


async def test_two_processes_starting_at_once_make_one_operator(db: Pool) -> None:
    await asyncio.gather(*(ensure_first_operator(db, NOW) for _ in range(4)))
    assert await db.fetchval("SELECT count(*) FROM staff") == 1
    assert await db.fetchval("SELECT count(*) FROM staff_link WHERE used_at IS NULL") == 1


async def test_every_sign_in_is_in_the_audit_log(db: Pool, password_hash: str) -> None:
    org = await clerk(db, password_hash)
    async with staff_site(db) as site:
        async with transaction(db) as conn:
            token = await make_signin_link(conn, org.staff_id, NOW)
        await site.visitor().client.post(f"/enter/{token}")
        await sign_in(site.visitor(), org.email)
    rows = await db.fetch(
        "SELECT detail->>'how' AS how FROM audit WHERE action = 'sign_in' AND staff_id = $1", org.staff_id
    )
    assert {r["how"] for r in rows} == {"one-time link", "password"}
