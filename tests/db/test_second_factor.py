"""Half a session and a whole one, through the real pages: codes of an app, printed codes, step-up, sessions."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pyotp
import pytest

from core.clock import FixedClock
from core.db import Pool, transaction
from core.model import OrgKind, Role
from core.tokens import token_hash
from registry.signin_store import make_signin_link
from tests.pages import PASSWORDS, forms_of
from tests.people import NOW, Org, make_org, make_staff
from tests.staff_site import Site, Visitor, staff_site

PASSWORD = "mountain river lamp"
CODE = re.compile(r"<code>(\d[0-9A-Z-]{13})</code>")


@pytest.fixture(scope="module")
async def password_hash() -> str:
    return await PASSWORDS.hash(PASSWORD)


async def half(site: Site, org: Org) -> Visitor:
    """A browser after the password, before the second factor."""
    visitor = site.visitor()
    async with visitor.client.post(
        "/sign-in", data={"email": org.email, "password": PASSWORD}, allow_redirects=False
    ) as answer:
        assert answer.status == 303, await answer.text()
    return visitor


async def way(visitor: Visitor, path: str, method: str = "GET") -> tuple[int, str]:
    async with visitor.client.request(method, path, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location", "")


def cookie_of(visitor: Visitor) -> str:
    return next(c.value for c in visitor.client.session.cookie_jar if c.key == "daijobu")


async def send_code(visitor: Visitor, code: str, page: str = "/second-factor") -> tuple[int, str]:
    response = await visitor.submit(page, page.split("?")[0], {"code": code}, allow_redirects=False)
    return response.status, response.headers.get("Location", "")


async def clerk_with_app(db: Pool, site: Site, password_hash: str, kind: OrgKind = OrgKind.EMPLOYER) -> tuple[Org, str]:
    """A clerk who has set up an authenticator app half an hour ago, and its secret."""
    org = await make_org(db, kind, password_hash=password_hash)
    secret = await (await half(site, org)).add_app()
    await db.execute("UPDATE totp SET last_step = 0")
    return org, secret


async def test_a_password_alone_opens_the_set_up_and_nothing_else(db: Pool, password_hash: str) -> None:
    org = await make_org(db, password_hash=password_hash)
    async with staff_site(db) as site:
        visitor = await half(site, org)
        for path in ("/people", "/sites", "/team", "/import", "/account/sessions", "/step-up", "/sign-in-help"):
            assert await way(visitor, path) == (303, f"/account/second-factor?next={path}")
        assert (await way(visitor, "/people/new", "POST"))[0] == 303
        for path in ("/account", "/account/second-factor"):
            assert (await way(visitor, path))[0] == 200
        _, html = await visitor.get("/account/second-factor")
        assert 'href="/people"' not in html and "/sign-out" in html


async def test_the_app_makes_it_whole_with_a_new_session_id_and_ten_codes(db: Pool, password_hash: str) -> None:
    org = await make_org(db, password_hash=password_hash)
    async with staff_site(db) as site:
        visitor = await half(site, org)
        before = cookie_of(visitor)
        html = await (await visitor.submit("/account/second-factor", "/account/second-factor/app")).text()
        assert "<svg" in html and "otpauth://totp/Daijobu:" in html
        secret = html.split("<code>")[1].split("</code>")[0].replace(" ", "")
        path, confirm = "/account/second-factor/app", "/account/second-factor/app/confirm"
        wrong = await visitor.submit(path, confirm, {"code": "000000"})
        assert wrong.status == 400 and await db.fetchval("SELECT secret_enc IS NULL FROM totp")
        response = await visitor.submit(path, confirm, {"code": pyotp.TOTP(secret).at(NOW)})
        assert len(CODE.findall(await response.text())) == 10
        assert cookie_of(visitor) != before
        assert (await way(visitor, "/people"))[0] == 200
        thief = site.visitor()
        thief.client.session.cookie_jar.update_cookies({"daijobu": before}, site.server.make_url("/"))
        assert await way(thief, "/account") == (303, "/sign-in?next=/account")
        stored = await db.fetchval("SELECT secret_enc FROM totp")
        assert secret.encode() not in stored


async def test_after_the_password_only_the_code_leads_on(db: Pool, password_hash: str) -> None:
    async with staff_site(db) as site:
        org, secret = await clerk_with_app(db, site, password_hash)
        visitor = await half(site, org)
        before = cookie_of(visitor)
        # Whoever has only the password can neither add a factor of their own nor change the account.
        for path in ("/people", "/account", "/account/second-factor", "/account/second-factor/app"):
            assert await way(visitor, path) == (303, f"/second-factor?next={path}")
        for path in ("/account", "/account/second-factor/app", "/account/second-factor/codes", "/step-up"):
            assert await way(visitor, path, "POST") == (303, "/second-factor")
        assert (await send_code(visitor, "000000"))[0] == 401
        code = pyotp.TOTP(secret).at(NOW)
        assert await send_code(visitor, code, "/second-factor?next=/people") == (303, "/people")
        assert cookie_of(visitor) != before
        assert (await way(visitor, "/people"))[0] == 200
        assert await db.fetchval("SELECT revoked_at FROM session WHERE id_sha256 = $1", token_hash(before)) == NOW


async def test_a_code_somebody_looked_at_is_worth_nothing(db: Pool, password_hash: str) -> None:
    async with staff_site(db) as site:
        org, secret = await clerk_with_app(db, site, password_hash)
        code = pyotp.TOTP(secret).at(NOW)
        assert (await send_code(await half(site, org), code))[0] == 303
        assert (await send_code(await half(site, org), code))[0] == 401


async def test_of_one_code_in_two_browsers_at_once_one_gets_in(db: Pool, password_hash: str) -> None:
    async with staff_site(db) as site:
        org, secret = await clerk_with_app(db, site, password_hash)
        browsers = [await half(site, org) for _ in range(4)]
        code = pyotp.TOTP(secret).at(NOW)
        answers = await asyncio.gather(*(send_code(browser, code) for browser in browsers))
        assert sorted(status for status, _ in answers) == [303, 401, 401, 401]


async def test_wrong_codes_make_the_next_one_wait(db: Pool, password_hash: str) -> None:
    clock = FixedClock(NOW)
    async with staff_site(db, clock=clock) as site:
        org, secret = await clerk_with_app(db, site, password_hash)
        visitor = await half(site, org)
        answers = [(await send_code(visitor, code))[0] for code in ["000000"] * 3 + ["3K7M-2QXR-9VHT"] * 4]
        assert answers == [401] * 5 + [429] * 2
        assert (await send_code(visitor, pyotp.TOTP(secret).at(NOW)))[0] == 429
        assert (await send_code(await half(site, org), pyotp.TOTP(secret).at(NOW)))[0] == 429  # per account
        clock.advance(timedelta(seconds=6))
        assert (await send_code(visitor, pyotp.TOTP(secret).at(clock.now())))[0] == 303


async def test_a_printed_code_lets_in_once_and_leads_to_the_set_up(db: Pool, password_hash: str) -> None:
    async with staff_site(db) as site:
        org, _ = await clerk_with_app(db, site, password_hash)
        here = await site.signed_in(org)
        response = await here.submit("/account/second-factor", "/account/second-factor/codes")
        codes = CODE.findall(await response.text())
        assert len(codes) == 10
        hashes = [r["code_hash"] for r in await db.fetch("SELECT code_hash FROM recovery_code")]
        assert len(hashes) == 10 and all(h.startswith("$argon2id$") for h in hashes)
        browsers = [await half(site, org) for _ in range(3)]
        answers = await asyncio.gather(*(send_code(browser, codes[4].lower()) for browser in browsers))
        assert sorted(answers) == [(303, "/account/second-factor"), (401, ""), (401, "")]
        await db.execute("DELETE FROM signin_failure")
        assert (await send_code(await half(site, org), codes[4]))[0] == 401
        await here.submit("/account/second-factor", "/account/second-factor/codes")
        assert (await send_code(await half(site, org), codes[5]))[0] == 401  # a new sheet ends the old one


async def test_a_one_time_link_leads_to_password_then_second_factor(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        async with transaction(db) as conn:
            token = await make_signin_link(conn, org.staff_id, NOW)
        visitor = site.visitor()
        await visitor.enter(token)
        assert await way(visitor, "/people") == (303, "/account?next=/people")
        assert await way(visitor, "/account/second-factor") == (303, "/account?next=/account/second-factor")
        new = {"password": PASSWORD, "password_again": PASSWORD}
        assert (await visitor.submit("/account", "/account", {"password": "", "password_again": ""})).status == 400
        await visitor.submit("/account", "/account", new)
        assert await way(visitor, "/people") == (303, "/account/second-factor?next=/people")
        await visitor.add_app()
        assert (await way(visitor, "/people"))[0] == 200


async def test_invented_people_need_no_second_factor_but_who_has_one_is_asked(db: Pool, password_hash: str) -> None:
    org = await make_org(db, password_hash=password_hash)
    async with staff_site(db) as site:
        site.app_site.simulated = True
        visitor = await half(site, org)
        assert (await way(visitor, "/people"))[0] == 200
        assert "you do not need a second step" in (await visitor.get("/account/second-factor"))[1]
        await visitor.add_app()
        assert await way(await half(site, org), "/people") == (303, "/second-factor?next=/people")


async def test_an_auditor_sees_nobody_and_needs_none(db: Pool) -> None:
    org = await make_org(db, OrgKind.AUDITOR, password_hash=await PASSWORDS.hash(PASSWORD))
    async with staff_site(db) as site:
        assert (await way(await half(site, org), "/account/sessions"))[0] == 200


async def test_the_last_factor_stays_and_changes_need_it(db: Pool, password_hash: str) -> None:
    clock = FixedClock(NOW)
    async with staff_site(db, clock=clock) as site:
        org, _ = await clerk_with_app(db, site, password_hash)
        visitor = await site.signed_in(org)
        _, html = await visitor.get("/account/second-factor")
        token = next(f for f in forms_of(html) if f.action.endswith("/codes")).values
        status, html = await visitor.post("/account/second-factor/app/remove", token)
        assert status == 400 and "only second step" in html
        clock.advance(timedelta(minutes=11))
        for action in ("app", "app/remove", "codes"):
            async with visitor.client.post(
                f"/account/second-factor/{action}", data=token, allow_redirects=False
            ) as answer:
                assert answer.headers["Location"].startswith("/step-up?held=")
        assert await db.fetchval("SELECT count(*) FROM totp WHERE secret_enc IS NOT NULL") == 1


# ---------------------------------------------------------------- step-up


async def test_a_form_waits_for_the_second_factor_and_nothing_is_lost(db: Pool, password_hash: str) -> None:
    clock = FixedClock(NOW)
    async with staff_site(db, clock=clock) as site:
        org, secret = await clerk_with_app(db, site, password_hash)
        visitor = await site.signed_in(org)
        clock.advance(timedelta(minutes=10))
        before = cookie_of(visitor)
        response = await visitor.submit("/team", "/team/invite", {"email": "jun@north.example"})
        html = await response.text()
        assert "What you typed is kept" in html and "jun@north.example" not in html
        assert await db.fetchval("SELECT count(*) FROM staff_link") == 0
        stored = await db.fetchval("SELECT fields_enc FROM held_form")
        assert b"jun@north" not in stored
        form = next(f for f in forms_of(html) if f.action == "/step-up")
        status, html = await visitor.post("/step-up", form.values | {"code": "000000"})
        assert status == 401
        form = next(f for f in forms_of(html) if f.action == "/step-up")
        status, html = await visitor.post("/step-up", form.values | {"code": pyotp.TOTP(secret).at(clock.now())})
        assert status == 200 and cookie_of(visitor) != before
        again = next(f for f in forms_of(html) if f.action == "/team/invite")
        assert again.values["email"] == "jun@north.example"
        status, html = await visitor.post("/team/invite", again.values)
        assert status == 200 and "/join/" in html
        assert await db.fetchval("SELECT email FROM staff_link") == "jun@north.example"
        assert await db.fetchval("SELECT count(*) FROM held_form") == 0


async def test_a_held_form_belongs_to_its_sender(db: Pool, password_hash: str) -> None:
    clock = FixedClock(NOW)
    async with staff_site(db, clock=clock) as site:
        org, _ = await clerk_with_app(db, site, password_hash)
        other, secret = await clerk_with_app(db, site, password_hash)
        visitor, stranger = await site.signed_in(org), await site.signed_in(other)
        clock.advance(timedelta(minutes=11))
        response = await visitor.submit("/team", "/team/invite", {"email": "jun@north.example"}, allow_redirects=False)
        held = response.headers["Location"].split("held=")[1]
        code = pyotp.TOTP(secret).at(clock.now())
        response = await stranger.submit(f"/step-up?held={held}", "/step-up", {"code": code}, allow_redirects=False)
        assert response.status == 303 and "jun@north.example" not in await response.text()
        assert await db.fetchval("SELECT count(*) FROM held_form") == 1


# ---------------------------------------------------------------- sessions


async def test_my_sessions_are_told_in_plain_words_and_ended(db: Pool, password_hash: str) -> None:
    async with staff_site(db) as site:
        org, secret = await clerk_with_app(db, site, password_hash)
        phone = site.visitor()
        agent = {"User-Agent": "Mozilla/5.0 (Linux; Android 10; K) Chrome/131.0 Mobile Safari/537.36"}
        await phone.client.post("/sign-in", data={"email": org.email, "password": PASSWORD}, headers=agent)
        await send_code(phone, pyotp.TOTP(secret).at(NOW))
        desk, third = await site.signed_in(org), await site.signed_in(org)
        stranger = await make_org(db)
        await site.signed_in(stranger)
        await db.execute("DELETE FROM session WHERE second_factor_at IS NULL")
        await db.execute("DELETE FROM session WHERE browser = '' AND how <> 'test'")
        _, html = await desk.get("/account/sessions")
        assert "Chrome on Android" in html and html.count('/end"') == 2
        chrome = await db.fetchval("SELECT id FROM session WHERE browser = 'Chrome' AND revoked_at IS NULL")
        await desk.submit("/account/sessions", f"/account/sessions/{chrome}/end")
        assert (await way(phone, "/account"))[0] == 303 and (await way(third, "/account"))[0] == 200
        await desk.submit("/account/sessions", "/account/sessions/end-others")
        assert (await way(third, "/account"))[0] == 303 and (await way(desk, "/account"))[0] == 200
        theirs = await db.fetchval("SELECT id FROM session WHERE staff_id = $1", stranger.staff_id)
        form = forms_of((await desk.get("/account/sessions"))[1])[0]
        status, _ = await desk.post(f"/account/sessions/{theirs}/end", form.values)
        assert status == 404
        assert await db.fetchval("SELECT revoked_at FROM session WHERE id = $1", theirs) is None


# ---------------------------------------------------------------- recovery


async def test_a_colleague_helps_and_the_person_is_told(db: Pool, password_hash: str) -> None:
    async with staff_site(db) as site:
        org, _ = await clerk_with_app(db, site, password_hash)
        owner = await site.signed_in(org)
        helper = await site.signed_in_as(await make_staff(db, org.id, Role.EMPLOYER, name="Helper"))
        response = await helper.submit("/sign-in-help", f"/sign-in-help/{org.staff_id}")
        token = (await response.text()).split("/enter/")[1].split('"')[0]
        assert (await way(owner, "/account"))[0] == 303  # every session has ended
        assert await db.fetchval("SELECT count(*) FROM totp WHERE staff_id = $1", org.staff_id) == 0
        assert await db.fetchval("SELECT count(*) FROM recovery_code WHERE staff_id = $1", org.staff_id) == 0
        async with site.visitor().client.post(
            "/sign-in", data={"email": org.email, "password": PASSWORD}, allow_redirects=False
        ) as answer:
            assert answer.status == 401
        visitor = site.visitor()
        await visitor.enter(token)
        new = "lamp river mountain"
        await visitor.submit("/account", "/account", {"password": new, "password_again": new})
        _, html = await visitor.get("/account/second-factor")
        assert "Helper" in html and "reset your sign-in" in html
        audited = await db.fetchrow("SELECT staff_id, subjects FROM audit WHERE action = 'recover_staff'")
        assert audited["subjects"] == [org.staff_id]


@pytest.mark.parametrize("action", ["", "/end"])
async def test_nobody_helps_a_stranger(db: Pool, password_hash: str, action: str) -> None:
    org, other = await make_org(db, password_hash=password_hash), await make_org(db)
    async with staff_site(db) as site:
        visitor = await site.signed_in(org)
        _, html = await visitor.get("/account")
        token = {"form_token": forms_of(html)[0].values["form_token"]}
        for target in (other.staff_id, org.staff_id, "no-id"):
            assert (await visitor.post(f"/sign-in-help/{target}{action}", token))[0] == 404
        assert await db.fetchval("SELECT count(*) FROM staff WHERE disabled_at IS NOT NULL") == 0
        assert await db.fetchval("SELECT password_hash IS NOT NULL FROM staff WHERE id = $1", org.staff_id)


async def test_an_account_that_is_ended_is_out_at_once(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        operator = await site.signed_in(await make_org(db, OrgKind.OPERATOR))
        visitor = await site.signed_in(org)
        await operator.submit("/sign-in-help", f"/sign-in-help/{org.staff_id}/end")
        assert (await way(visitor, "/account"))[0] == 303
