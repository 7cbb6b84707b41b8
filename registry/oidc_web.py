"""Signing in with an organisation's own accounts: out to the provider, and back to a button."""

from __future__ import annotations

import logging
from typing import Final
from uuid import UUID

from aiohttp import web

from core.crypto import CryptoError
from core.db import transaction
from core.web import PUBLIC, Route, public_form, render, see_other, site
from registry.guard_web import give_session, session_cookie, staff_language
from registry.oidc import (
    LIFE,
    Attempt,
    OidcError,
    authorization_url,
    check_id_token,
    check_state,
    new_attempt,
    read_attempt,
)
from registry.oidc_client import OidcClient
from registry.sessions import home_of, safe_next
from registry.signin_store import find_credentials, open_session

log = logging.getLogger(__name__)

_COOKIE: Final = "daijobu-oidc"
_PATH: Final = "/sign-in/oidc"
#: The attempt is sealed for this purpose; it belongs to no row.
_SEAL: Final = (UUID(int=0), "oidc.attempt")


def _client(request: web.Request) -> OidcClient:
    """The provider of this installation. Raises HTTPNotFound where there is none, or staff may not sign in."""
    settings = site(request).settings
    if not settings.oidc_configured or session_cookie(request) is None:
        raise web.HTTPNotFound
    extras = site(request).extras
    if "oidc" not in extras:
        secret = settings.oidc_client_secret
        plain = secret.get_secret_value() if secret else ""
        extras["oidc"] = OidcClient(settings.oidc_issuer, settings.oidc_client_id, plain)
    client = extras["oidc"]
    assert isinstance(client, OidcClient)
    return client


def _redirect_uri(request: web.Request) -> str:
    return f"{site(request).settings.site_url}{_PATH}/done"


async def go(request: web.Request) -> web.Response:
    """GET /sign-in/oidc: off to the provider. Nothing is written: the attempt travels, sealed, in this browser."""
    wires = site(request)
    client = _client(request)
    attempt = new_attempt(wires.clock.now(), request.query.get("next", ""))
    try:
        provider = await client.provider()
    except OidcError as error:
        return _failed(request, error)
    response = see_other(authorization_url(provider, client.client_id, _redirect_uri(request), attempt))
    response.set_cookie(
        _COOKIE,
        wires.vault.encrypt(attempt.dump(), *_SEAL).hex(),
        path=_PATH,
        max_age=int(LIFE.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=wires.settings.is_https,
    )
    return response


def _attempt(request: web.Request) -> Attempt:
    wires = site(request)
    try:
        text = wires.vault.decrypt(bytes.fromhex(request.cookies.get(_COOKIE, "")), *_SEAL)
    except (CryptoError, ValueError) as error:
        raise OidcError("the browser brought no attempt of ours") from error
    return read_attempt(text, wires.clock.now())


def _failed(request: web.Request, error: OidcError) -> web.Response:
    log.warning("signing in with the provider failed: %s", error)
    return render(request, "registry_oidc.html", lang=staff_language(request), status=401, code="", state="")


async def back(request: web.Request) -> web.Response:
    """GET /sign-in/oidc/done: a button. Opening the address alone signs nobody in."""
    _client(request)
    code, state = request.query.get("code", ""), request.query.get("state", "")
    try:
        check_state(_attempt(request), state)
        if not code:
            raise OidcError(f"the provider said {request.query.get('error', 'nothing')[:40]!r}")
    except OidcError as error:
        return _failed(request, error)
    return render(request, "registry_oidc.html", lang=staff_language(request), code=code, state=state)


async def done(request: web.Request) -> web.Response:
    """POST /sign-in/oidc/done: exchange the code, check the id_token, open the session of an account that exists."""
    wires = site(request)
    now = wires.clock.now()
    client = _client(request)
    form = await public_form(request)
    code = str((await request.post()).get("code", ""))  # may be longer than a text field
    try:
        attempt = _attempt(request)
        check_state(attempt, form.get("state", ""))
        provider = await client.provider()
        token = await client.id_token(provider, code, _redirect_uri(request), attempt)
        keys = await client.keys(provider)
        who = check_id_token(token, keys, provider, client.client_id, attempt.nonce, now)
        account = await find_credentials(wires.pool, who.email)
        if account is None:
            raise OidcError("nobody here has this e-mail address")
    except OidcError as error:
        return _failed(request, error)
    async with transaction(wires.pool) as conn:
        session_id = await open_session(
            conn,
            account.staff_id,
            now,
            "oidc",
            second_factor_at=now if who.second_factor else None,
            user_agent=request.headers.get("User-Agent", ""),
        )
    response = give_session(request, see_other(safe_next(attempt.after, home_of(account.role))), session_id)
    response.del_cookie(_COOKIE, path=_PATH)
    return response


ROUTES = [
    Route("GET", _PATH, go, PUBLIC),
    Route("GET", f"{_PATH}/done", back, PUBLIC),
    Route("POST", f"{_PATH}/done", done, PUBLIC),
]
