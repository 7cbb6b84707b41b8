"""Signing in with an organisation's own accounts, against a provider that speaks the real protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey

from core.clock import FixedClock
from core.db import Pool
from core.settings import SettingsError, load_settings
from registry.oidc import OidcError, read_provider
from tests.oidc_issuer import CLIENT_ID, CLIENT_SECRET, Issuer, issuer
from tests.pages import PASSWORDS
from tests.people import NOW, Org, make_org
from tests.staff_site import Site, Visitor, staff_site


@asynccontextmanager
async def site_with_provider(db: Pool, clock: FixedClock | None = None) -> AsyncIterator[tuple[Site, Issuer]]:
    async with issuer(NOW) as provider:
        settings = load_settings(
            {
                "DAIJOBU_PUBLIC_URL": "http://127.0.0.1",
                "DAIJOBU_OIDC_ISSUER": provider.url,
                "DAIJOBU_OIDC_CLIENT_ID": CLIENT_ID,
                "DAIJOBU_OIDC_CLIENT_SECRET": CLIENT_SECRET,
            }
        )
        async with staff_site(db, settings=settings, clock=clock) as site:
            yield site, provider


async def go(visitor: Visitor, provider: Issuer, email: str, after: str = "/people") -> dict[str, str]:
    """Out to the provider, sign in there; the parameters it sends the browser back with."""
    async with visitor.client.get(f"/sign-in/oidc?next={after}", allow_redirects=False) as answer:
        assert answer.status == 303
        location = answer.headers["Location"]
    assert location.startswith(f"{provider.url}/authorize?")
    return provider.agree(location, email)


async def finish(visitor: Visitor, back: dict[str, str]) -> tuple[int, str]:
    """Press the button on the page one comes back to."""
    async with visitor.client.post("/sign-in/oidc/done", data=back, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location", "")


async def clerk(db: Pool) -> Org:
    return await make_org(db, password_hash=await PASSWORDS.hash("mountain river lamp"))


async def test_an_account_that_exists_signs_in_and_coming_back_alone_does_not(db: Pool) -> None:
    org = await clerk(db)
    async with site_with_provider(db) as (site, provider):
        assert "/sign-in/oidc" in (await site.visitor().get("/sign-in"))[1]
        visitor = site.visitor()
        provider.claims = {"amr": ["pwd", "mfa"]}
        back = await go(visitor, provider, org.email.upper())
        status, html = await visitor.get(f"/sign-in/oidc/done?code={back['code']}&state={back['state']}")
        assert status == 200 and await db.fetchval("SELECT count(*) FROM session") == 0 and not provider.exchanged
        assert await finish(visitor, back) == (303, "/people")
        async with visitor.client.get("/people", allow_redirects=False) as answer:
            assert answer.status == 200  # the provider said that a second factor was shown


@pytest.mark.parametrize("said", [{}, {"amr": ["pwd"]}, {"amr": "mfa"}, {"acr": "0"}])
async def test_without_that_word_the_second_factor_is_ours(db: Pool, said: dict[str, Any]) -> None:
    org = await clerk(db)
    async with site_with_provider(db) as (site, provider):
        visitor = site.visitor()
        provider.claims = said
        assert await finish(visitor, await go(visitor, provider, org.email)) == (303, "/people")
        async with visitor.client.get("/people", allow_redirects=False) as answer:
            assert answer.headers["Location"].startswith("/account/second-factor")


AT = int(NOW.timestamp())


@pytest.mark.parametrize(
    "said",
    [
        {"iss": "https://evil.example"},
        {"aud": "somebody else"},
        {"aud": [CLIENT_ID, "somebody else"]},
        {"aud": [CLIENT_ID, "somebody else"], "azp": "somebody else"},
        {"exp": AT - 61},
        {"exp": None},
        {"nonce": "another"},
        {"nonce": None},
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email": None},
        {"email": "nobody@north.example"},
    ],
    ids=str,
)
async def test_what_is_refused(db: Pool, said: dict[str, Any]) -> None:
    org = await clerk(db)
    async with site_with_provider(db) as (site, provider):
        visitor = site.visitor()
        provider.claims = said
        assert (await finish(visitor, await go(visitor, provider, org.email)))[0] == 401
        assert await db.fetchval("SELECT count(*) FROM session") == 0
        assert await db.fetchval("SELECT count(*) FROM staff") == 1  # nobody is ever made


@pytest.mark.parametrize("wrong", ["another key", "shared secret"])
async def test_a_token_that_the_provider_did_not_sign(db: Pool, wrong: str) -> None:
    org = await clerk(db)
    async with site_with_provider(db) as (site, provider):
        if wrong == "another key":
            provider.key = ECKey.generate_key("P-256")
        else:  # the public key's own bytes as an HMAC key: the classic confusion of algorithms
            provider.key, provider.alg = OctKey.import_key(CLIENT_SECRET * 8), "HS256"
        visitor = site.visitor()
        assert (await finish(visitor, await go(visitor, provider, org.email)))[0] == 401
        assert await db.fetchval("SELECT count(*) FROM session") == 0


async def test_an_answer_works_once_in_the_browser_that_asked_and_for_ten_minutes(db: Pool) -> None:
    org = await clerk(db)
    clock = FixedClock(NOW)
    async with site_with_provider(db, clock) as (site, provider):
        visitor, other, late = site.visitor(), site.visitor(), site.visitor()
        back = await go(visitor, provider, org.email)
        assert (await finish(other, back))[0] == 401  # no attempt in this browser
        await go(other, provider, org.email)
        assert (await finish(other, back))[0] == 401  # an attempt, another state
        assert (await finish(visitor, back | {"state": ""}))[0] == 401
        assert not provider.exchanged
        assert (await finish(visitor, back))[0] == 303
        assert (await finish(visitor, back))[0] == 401
        back = await go(late, provider, org.email)
        clock.advance(timedelta(minutes=10))
        assert (await finish(late, back))[0] == 401


async def test_where_it_leads_stays_with_us(db: Pool) -> None:
    org = await clerk(db)
    async with site_with_provider(db) as (site, provider):
        visitor = site.visitor()
        back = await go(visitor, provider, org.email, "//evil.example/")
        assert await finish(visitor, back) == (303, "/dashboard")


async def test_a_provider_that_is_away_is_said(db: Pool) -> None:
    async with site_with_provider(db) as (site, provider):
        site.app_site.settings = site.app_site.settings.model_copy(update={"oidc_issuer": provider.url + "/nowhere"})
        status, html = await site.visitor().get("/sign-in/oidc?lang=en")
        assert status == 401 and "did not work" in html


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": "http://issuer.example/token"},
        {"jwks_uri": ""},
        {"authorization_endpoint": "http://127.0.0.1:80/x"},
    ],
)
def test_a_discovery_document_that_leads_elsewhere(change: dict[str, str]) -> None:
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    document = {"issuer": "https://issuer.example"} | {name: f"https://issuer.example/{name}" for name in names}
    assert read_provider(document, "https://issuer.example").token_endpoint == "https://issuer.example/token_endpoint"
    with pytest.raises(OidcError):
        read_provider(document | change, "https://issuer.example")


def test_an_issuer_without_tls_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="DAIJOBU_OIDC_ISSUER"):
        load_settings({"DAIJOBU_OIDC_ISSUER": "http://issuer.example"})
