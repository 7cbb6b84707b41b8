"""Proving the second factor: one form for a code of the app, a printed code or a passkey, with the growing delay."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from aiohttp import web

from core.db import WriteMismatch, transaction
from core.web import client_address, site
from registry.factors_store import (
    Factors,
    code_hash,
    find_passkey,
    use_app_code,
    use_challenge,
    use_code,
    used_passkey,
)
from registry.guard_web import SESSION_ID
from registry.passkeys import (
    PasskeyError,
    RelyingParty,
    authentication_options,
    challenge_in,
    check_answer,
    check_challenge,
    credential_in,
    make_challenge,
    relying_party,
)
from registry.passwords import passwords_of
from registry.second_factor import read_code
from registry.sessions import staff_of
from registry.signin_store import begin_try, forget_tries, prove_session

log = logging.getLogger(__name__)


class Proof(NamedTuple):
    """What came of a try: the new session id, or the key of the problem with its fields."""

    session_id: str | None
    problem: str = ""
    seconds: int = 0

    @property
    def status(self) -> int:
        return 429 if self.seconds else 401


def party_of(request: web.Request) -> RelyingParty | None:
    """The site of passkeys for this request; None where browsers offer none."""
    return relying_party(site(request).settings.site_url, request.host)


def passkey_request(request: web.Request, purpose: str, known: tuple[bytes, ...] = ()) -> str:
    """The options of a passkey button as JSON; "" where there can be none."""
    party = party_of(request)
    if party is None:
        return ""
    wires = site(request)
    challenge = make_challenge(wires.vault.form_token, purpose, wires.clock.now())
    return authentication_options(party, challenge, known)


def prove_context(request: web.Request, factors: Factors) -> dict[str, Any]:
    """What the form registry_prove.html needs."""
    options = passkey_request(request, _purpose(request), factors.credentials) if factors.passkeys else ""
    return {
        "passkey_options": options,
        "has_app": factors.app_since is not None,
        "has_codes": factors.codes_left > 0,
        "has_passkeys": bool(factors.passkeys),
    }


def _purpose(request: web.Request) -> str:
    # Bound to the session: an answer given in another browser proves nothing here.
    return f"prove:{staff_of(request).id}:{site(request).vault.form_token(request[SESSION_ID])}"


async def prove(request: web.Request, form: Mapping[str, Any]) -> Proof:
    """Check what the form brought. On success the session has a new id, which the answer must give to the browser."""
    wires = site(request)
    me = staff_of(request)
    now = wires.clock.now()
    keys = {
        "account": f"second factor:{me.id}",
        "address": "address:" + wires.vault.blind_index("address", client_address(request)).hex(),
    }
    wait = await begin_try(wires.pool, keys, now)
    if wait:
        return Proof(None, "staff.sign_in.wait", max(1, round(wait.total_seconds())))
    passkey, code = str(form.get("passkey", "")), str(form.get("code", "")).strip()
    printed = read_code(code)
    slot = None
    if not passkey and printed is not None:  # argon2 outside any transaction
        if not await passwords_of(wires).verify(await code_hash(wires.pool, me.id, printed[0]), printed[1]):
            return Proof(None, "staff.second.wrong")
        slot = printed[0]
    try:
        async with transaction(wires.pool) as conn:
            if passkey:
                owner = await answered_by(request, conn, passkey, _purpose(request), me.id)
                if owner != me.id:
                    return Proof(None, "staff.second.passkey_wrong")
                factor = "passkey"
            elif slot is not None:
                await use_code(conn, me.id, slot, now)
                factor = "printed code"
            elif await use_app_code(conn, wires.vault, me.id, code, now):
                factor = "code"
            else:
                return Proof(None, "staff.second.wrong")
            await forget_tries(conn, keys)
            return Proof(await prove_session(conn, request[SESSION_ID], now, factor))
    except PasskeyError as error:
        log.info("a passkey was refused: %s", error)
        return Proof(None, "staff.second.passkey_wrong")
    except WriteMismatch:
        return Proof(None, "staff.second.wrong")


async def answered_by(request: web.Request, conn: Any, answer: str, purpose: str, staff_id: UUID | None) -> UUID:
    """The member of staff whose passkey gave this answer, once. Raises PasskeyError.

    `staff_id`: whose passkey it must be; None: whoever's it is.
    """
    wires = site(request)
    party = party_of(request)
    if party is None:
        raise PasskeyError("this site has no name that passkeys could belong to")
    now = wires.clock.now()
    challenge = challenge_in(answer)
    ends = check_challenge(wires.vault.form_token, purpose, challenge, now)
    passkey = await find_passkey(conn, credential_in(answer))
    if passkey is None or staff_id not in (None, passkey.staff_id):
        raise PasskeyError("nobody here has this passkey")
    count = check_answer(answer, challenge, party, passkey)
    await use_challenge(conn, challenge, ends, now)
    await used_passkey(conn, passkey, count, now)
    return passkey.staff_id
