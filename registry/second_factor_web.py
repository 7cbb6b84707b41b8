"""The second factor: showing it after the password, and setting it up: authenticator app, passkeys, printed codes."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from uuid import UUID

from aiohttp import web

from core.db import WriteMismatch, transaction
from core.web import FORM_TOKEN, Route, clean_text, render, see_other, site, staff, staff_form
from registry.factors_store import (
    add_passkey,
    begin_app,
    confirm_app,
    factors_of,
    pending_secret,
    remove_app,
    remove_passkey,
    replace_codes,
    use_challenge,
)
from registry.guard_web import SESSION_ID, give_session, with_next
from registry.passkeys import (
    PasskeyError,
    challenge_in,
    check_challenge,
    make_challenge,
    read_registration,
    registration_options,
)
from registry.passwords import passwords_of
from registry.prove_web import party_of, prove, prove_context
from registry.qr import qr_svg
from registry.recovery_store import recoveries_of
from registry.second_factor import Demand, app_uri, needs_second_factor, new_codes, read_code, readable
from registry.sessions import home_of, safe_next, staff_of
from registry.signin_store import begin_try, forget_tries, prove_session
from registry.step_up_web import require_step_up

log = logging.getLogger(__name__)

HOME = "/account/second-factor"


# ---------------------------------------------------------------- showing it after the password


async def prove_page(request: web.Request) -> web.Response:
    """GET /second-factor: the code, or the passkey, that makes half a session whole."""
    me = staff_of(request)
    if me.demand is not Demand.PROVE:
        return see_other(safe_next(request.query.get("next", ""), home_of(me.role)))
    return await _prove(request, request.query.get("next", ""))


async def _prove(request: web.Request, after: str, status: int = 200, **said: Any) -> web.Response:
    me = staff_of(request)
    async with transaction(site(request).pool) as conn:
        factors = await factors_of(conn, me.id)
    context: dict[str, Any] = {"problem": None, "seconds": 0, "after": after, "held": ""}
    context |= prove_context(request, factors) | said
    return render(request, "registry_second_factor.html", lang=me.language, status=status, **context)


async def prove_it(request: web.Request) -> web.Response:
    """POST /second-factor: the session becomes whole and gets a new id."""
    me = staff_of(request)
    form = await staff_form(request)
    after = str(form.get("next", ""))
    proof = await prove(request, form)
    if proof.session_id is None:
        return await _prove(request, after, proof.status, problem=proof.problem, seconds=proof.seconds)
    target = safe_next(after, home_of(me.role))
    async with transaction(site(request).pool) as conn:
        factors = await factors_of(conn, me.id)
    # Who came in by a printed code has lost the phone: the page to set up a new one comes first.
    printed = read_code(str(form.get("code", ""))) is not None
    return give_session(request, see_other(HOME if printed or not factors.any else target), proof.session_id)


# ---------------------------------------------------------------- setting it up


async def set_up_page(request: web.Request) -> web.Response:
    """GET /account/second-factor: what there is, and the ways to add more."""
    return await _page(request)


async def _page(request: web.Request, status: int = 200, problem: str | None = None) -> web.Response:
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        factors = await factors_of(conn, me.id)
        recoveries = await recoveries_of(conn, me.id, now)
    party = party_of(request)
    options = ""
    if party is not None:
        challenge = make_challenge(wires.vault.form_token, _purpose(request), now)
        options = registration_options(
            party, challenge, user=me.id, name=me.email or me.name, known=factors.credentials
        )
    return render(
        request,
        "registry_factors.html",
        lang=me.language,
        status=status,
        problem=problem,
        factors=factors,
        recoveries=recoveries,
        passkey_options=options,
        needed=needs_second_factor(me.role) and not wires.simulated,
        may_remove=factors.count > 1 or not needs_second_factor(me.role) or wires.simulated,
        after=safe_next(request.query.get("next", ""), ""),
        done=request.query.get("saved") == "1",
    )


def _purpose(request: web.Request) -> str:
    return f"register:{staff_of(request).id}:{site(request).vault.form_token(request[SESSION_ID])}"


async def _may_change(request: web.Request) -> None:
    """The first factor needs the password alone; every later change needs a factor, shown just now."""
    if staff_of(request).has_factor:
        await require_step_up(request)


async def begin(request: web.Request) -> web.Response:
    """POST /account/second-factor/app: a new secret, then the page with its QR code."""
    wires = site(request)
    form = await staff_form(request)
    await _may_change(request)
    async with transaction(wires.pool) as conn:
        await begin_app(conn, wires.vault, staff_of(request).id)
    after = safe_next(str(form.get("next", "")), "")
    return see_other(with_next(f"{HOME}/app", after) if after else f"{HOME}/app")


async def app_page(request: web.Request) -> web.Response:
    """GET /account/second-factor/app: the QR code and the secret as text, until its first code comes."""
    return await _app(request, request.query.get("next", ""))


async def _app(request: web.Request, after: str, status: int = 200, **said: Any) -> web.Response:
    me = staff_of(request)
    wires = site(request)
    async with transaction(wires.pool) as conn:
        secret = await pending_secret(conn, wires.vault, me.id)
    if secret is None:
        return see_other(HOME)
    uri = app_uri(secret, me.email)
    title = wires.catalogs.say(me.language, "staff.second.qr_title")
    values: dict[str, Any] = {"problem": None, "seconds": 0}
    return render(
        request,
        "registry_app.html",
        lang=me.language,
        status=status,
        qr=qr_svg(uri, title),
        uri=uri,
        secret=readable(secret),
        after=safe_next(after, ""),
        **(values | said),
    )


async def confirm(request: web.Request) -> web.Response:
    """POST /account/second-factor/app/confirm: the first code of the app."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    form = await staff_form(request)
    await _may_change(request)
    after = str(form.get("next", ""))
    keys = {"account": f"second factor:{me.id}"}
    wait = await begin_try(wires.pool, keys, now)
    if wait:
        seconds = max(1, round(wait.total_seconds()))
        return await _app(request, after, 429, problem="staff.sign_in.wait", seconds=seconds)
    async with transaction(wires.pool) as conn:
        if right := await confirm_app(conn, wires.vault, me.id, str(form.get("code", "")), now):
            await forget_tries(conn, keys)
            session_id = await _now_whole(request, conn, "code")
    if not right:
        return await _app(request, after, 400, problem="staff.second.first_code_wrong")
    return await _added(request, session_id, after)


async def new_passkey(request: web.Request) -> web.Response:
    """POST /account/second-factor/passkey: keep the passkey the browser has just made."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    form = await staff_form(request)
    await _may_change(request)
    party = party_of(request)
    answer = str(form.get("passkey", ""))
    name = clean_text(str(form.get("name", "")), 60)
    try:
        if party is None:
            raise PasskeyError("this site has no name that passkeys could belong to")
        challenge = challenge_in(answer)
        ends = check_challenge(wires.vault.form_token, _purpose(request), challenge, now)
        made = read_registration(answer, challenge, party)
        async with transaction(wires.pool) as conn:
            await use_challenge(conn, challenge, ends, now)
            await add_passkey(conn, me.id, made, name or wires.catalogs.say(me.language, "staff.second.a_passkey"), now)
            session_id = await _now_whole(request, conn, "passkey")
    except PasskeyError as error:
        log.info("a new passkey was refused: %s", error)
        return await _page(request, 400, "staff.second.passkey_not_added")
    return await _added(request, session_id, str(form.get("next", "")))


async def _now_whole(request: web.Request, conn: Any, factor: str) -> str | None:
    """The factor that was set up just now has been shown by that: the session's new id, None if it was whole before."""
    if staff_of(request).second_factor_at is not None:
        return None
    return await prove_session(conn, request[SESSION_ID], site(request).clock.now(), factor)


async def _added(request: web.Request, session_id: str | None, after: str) -> web.Response:
    """After the first factor: ten printed codes, at once; after a further one: back to the list."""
    me = staff_of(request)
    async with transaction(site(request).pool) as conn:
        factors = await factors_of(conn, me.id)
    if session_id is not None:
        request[FORM_TOKEN] = site(request).vault.form_token(session_id)
    if factors.codes_left:
        response = see_other(f"{HOME}?saved=1")
    else:
        response = await _codes(request, after)
    return response if session_id is None else give_session(request, response, session_id)


async def codes(request: web.Request) -> web.Response:
    """POST /account/second-factor/codes: ten new printed codes; the old ones end."""
    await staff_form(request)
    if not staff_of(request).has_factor:
        return await _page(request, 400, "staff.second.codes_need_factor")
    await require_step_up(request)
    return await _codes(request, "")


async def _codes(request: web.Request, after: str) -> web.Response:
    me = staff_of(request)
    wires = site(request)
    made = new_codes()
    hashes = await asyncio.gather(*(passwords_of(wires).hash(code.replace("-", "")) for code in made))
    async with transaction(wires.pool) as conn:
        await replace_codes(conn, me.id, hashes, wires.clock.now())
    return render(
        request,
        "registry_codes.html",
        lang=me.language,
        codes=made,
        after=safe_next(after, home_of(me.role)),
        made_at=wires.clock.now(),
    )


async def remove(request: web.Request) -> web.Response:
    """POST .../app/remove and .../passkey/<id>/remove: never the last one of somebody who needs one."""
    me = staff_of(request)
    wires = site(request)
    await staff_form(request)
    await require_step_up(request)
    now = wires.clock.now()
    try:
        async with transaction(wires.pool) as conn:
            factors = await factors_of(conn, me.id)
            if factors.count <= 1 and needs_second_factor(me.role) and not wires.simulated:
                return await _page(request, 400, "staff.second.last_one")
            passkey = request.match_info.get("id")
            if passkey is None:
                await remove_app(conn, me.id, now)
            else:
                await remove_passkey(conn, me.id, UUID(passkey), now)
    except (WriteMismatch, ValueError):
        raise web.HTTPNotFound from None
    return see_other(f"{HOME}?saved=1")


_SET_UP = staff(half=[Demand.SET_UP])
ROUTES = [
    Route("GET", "/second-factor", prove_page, staff(half=[Demand.PROVE])),
    Route("POST", "/second-factor", prove_it, staff(half=[Demand.PROVE])),
    Route("GET", HOME, set_up_page, _SET_UP),
    Route("POST", f"{HOME}/app", begin, _SET_UP),
    Route("GET", f"{HOME}/app", app_page, _SET_UP),
    Route("POST", f"{HOME}/app/confirm", confirm, _SET_UP),
    Route("POST", f"{HOME}/app/remove", remove, staff()),
    Route("POST", f"{HOME}/passkey", new_passkey, _SET_UP),
    Route("POST", f"{HOME}/passkey/{{id}}/remove", remove, staff()),
    Route("POST", f"{HOME}/codes", codes, staff()),
]
