"""Signing in and out, one-time links, invitations, and one's own account."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from aiohttp import web

from core.db import UniqueViolation, WriteMismatch, transaction
from core.model import Role
from core.web import (
    PUBLIC,
    STAFF_TOKEN,
    Route,
    clean_text,
    client_address,
    public_form,
    render,
    see_other,
    site,
    staff,
    staff_form,
)
from registry import store
from registry.access import KEEPS_PEOPLE
from registry.approvals import kinds_of
from registry.guard_web import SESSION_ID, give_session, session_cookie, staff_language
from registry.passkeys import PasskeyError
from registry.passwords import passwords_of
from registry.prove_web import answered_by, passkey_request
from registry.recovery import ADMINISTRATORS
from registry.rows import EMAIL_PATTERN
from registry.second_factor import Demand
from registry.sessions import STAFF_LANGUAGES, Staff, home_of, password_problem, safe_next, staff_of
from registry.signin_store import (
    begin_try,
    close_other_sessions,
    close_session,
    find_credentials,
    find_staff_link,
    forget_tries,
    open_session,
    role_of,
    set_account,
    use_staff_link,
)
from registry.step_up import needs_proof
from registry.volunteers import sign_in_name_problem

log = logging.getLogger(__name__)


async def sign_in_page(request: web.Request) -> web.Response:
    """GET /sign-in: the form, or why nobody can sign in over this address."""
    return _sign_in(request)


def _sign_in(request: web.Request, *, status: int = 200, **context: Any) -> web.Response:
    lang = staff_language(request)
    values: dict[str, Any] = {"problem": None, "fields": {}, "email": "", "next": request.query.get("next", "")}
    return render(
        request,
        "registry_sign_in.html",
        lang=lang,
        status=status,
        refused=session_cookie(request) is None,
        passkey_options=passkey_request(request, _PASSKEY_SIGN_IN),
        oidc=site(request).settings.oidc_configured,
        **(values | context),
    )


async def sign_in(request: web.Request) -> web.Response:
    """POST /sign-in. An unknown address and a wrong password get the same answer after the same work."""
    wires = site(request)
    now = wires.clock.now()
    form = await public_form(request)
    if session_cookie(request) is None:
        return _sign_in(request, status=403)
    email, password = form.get("email", "").strip(), form.get("password", "")
    answer = str((await request.post()).get("passkey", ""))  # longer than the text of a field may be
    keys = {} if answer else {"account": "account:" + hashlib.sha256(email.casefold().encode()).hexdigest()}
    keys["address"] = "address:" + wires.vault.blind_index("address", client_address(request)).hex()
    again = {"email": email, "next": form.get("next", "")}
    wait = await begin_try(wires.pool, keys, now)
    if wait:
        seconds = max(1, round(wait.total_seconds()))
        return _sign_in(request, status=429, problem="staff.sign_in.wait", fields={"seconds": seconds}, **again)
    if answer:
        return await _sign_in_by_passkey(request, answer, keys, again)
    account = await find_credentials(wires.pool, email)
    right = await passwords_of(wires).verify(account.password_hash if account else None, password)
    if account is None or not right:
        return _sign_in(request, status=401, problem="staff.sign_in.wrong", **again)
    async with transaction(wires.pool) as conn:
        await forget_tries(conn, keys)
        session_id = await open_session(conn, account.staff_id, now, "password", user_agent=_device(request))
    target = safe_next(form.get("next", ""), home_of(account.role))
    return give_session(request, see_other(target), session_id)


_PASSKEY_SIGN_IN = "sign-in"


async def _sign_in_by_passkey(
    request: web.Request, answer: str, keys: dict[str, str], again: dict[str, str]
) -> web.Response:
    """A passkey has verified its user: it stands for password and second factor, and the session is whole."""
    wires = site(request)
    now = wires.clock.now()
    try:
        async with transaction(wires.pool) as conn:
            staff_id = await answered_by(request, conn, answer, _PASSKEY_SIGN_IN, None)
            await forget_tries(conn, keys)
            agent = _device(request)
            session_id = await open_session(conn, staff_id, now, "passkey", second_factor_at=now, user_agent=agent)
            role = await role_of(conn, staff_id)
    except PasskeyError as error:
        log.info("a passkey was refused at sign-in: %s", error)
        return _sign_in(request, status=401, problem="staff.second.passkey_wrong", **again)
    return give_session(request, see_other(safe_next(again["next"], home_of(role))), session_id)


def _device(request: web.Request) -> str:
    return request.headers.get("User-Agent", "")


async def sign_out(request: web.Request) -> web.Response:
    """POST /sign-out: end the session on the server, then forget the cookie."""
    await staff_form(request)
    wires = site(request)
    async with transaction(wires.pool) as conn:
        await close_session(conn, request[SESSION_ID], wires.clock.now())
    response = see_other("/sign-in")
    rule = session_cookie(request)
    if rule is not None:
        response.del_cookie(rule.name, path="/", secure=rule.secure, httponly=True, samesite="Lax")
    return response


# ---------------------------------------------------------------- one-time sign-in


async def enter_page(request: web.Request) -> web.Response:
    """GET /enter/<token>: a button. Link previews and scanners open it without using it up."""
    wires = site(request)
    link = await find_staff_link(wires.pool, request.match_info["token"], "sign_in", wires.clock.now())
    if link is None:
        return _gone(request)
    return render(
        request,
        "registry_enter.html",
        lang=staff_language(request),
        refused=session_cookie(request) is None,
        org_name=link.org_name,
    )


async def enter(request: web.Request) -> web.Response:
    """POST /enter/<token>: use the link up and sign in; who has no account yet goes on to make it."""
    wires = site(request)
    now = wires.clock.now()
    await public_form(request)
    token = request.match_info["token"]
    if session_cookie(request) is None:
        return _sign_in(request, status=403)
    try:
        async with transaction(wires.pool) as conn:
            link = await find_staff_link(conn, token, "sign_in", now)
            if link is None or link.staff_id is None:
                return _gone(request)
            await use_staff_link(conn, token, now)
            session_id = await open_session(conn, link.staff_id, now, "one-time link", user_agent=_device(request))
            fresh = await store.is_unnamed(conn, link.staff_id)
    except WriteMismatch:
        return _gone(request)
    # Without a password or a second factor the guard leads on from there to the pages that set them.
    return give_session(request, see_other("/account" if fresh else home_of(link.role)), session_id)


def _gone(request: web.Request) -> web.Response:
    return render(request, "registry_gone.html", lang=staff_language(request), status=404)


# ---------------------------------------------------------------- invitations


async def join_page(request: web.Request) -> web.Response:
    """GET /join/<token>: name, e-mail address, password twice."""
    wires = site(request)
    link = await find_staff_link(wires.pool, request.match_info["token"], "invitation", wires.clock.now())
    if link is None:
        return _gone(request)
    return _join(request, link.org_name, {"name": link.name, "email": link.email})


def _join(
    request: web.Request, org_name: str, values: dict[str, str], problem: str | None = None, status: int = 200
) -> web.Response:
    return render(
        request,
        "registry_join.html",
        lang=staff_language(request),
        status=status,
        org_name=org_name,
        values=values,
        problem=problem,
        refused=session_cookie(request) is None,
        nickname_allowed=False,
    )


async def join(request: web.Request) -> web.Response:
    """POST /join/<token>: make the account and sign in."""
    wires = site(request)
    now = wires.clock.now()
    form = await public_form(request)
    token = request.match_info["token"]
    link = await find_staff_link(wires.pool, token, "invitation", now)
    if link is None or session_cookie(request) is None:
        return _gone(request)
    values = _account_values(form)
    problem = _account_problem(values, form, password_needed=True)
    if problem:
        return _join(request, link.org_name, values, problem, 400)
    hashed = await passwords_of(wires).hash(form["password"])
    try:
        async with transaction(wires.pool) as conn:
            await use_staff_link(conn, token, now)
            staff_id = await store.create_staff(
                conn,
                org_id=link.org_id,
                role=link.role,
                name=values["name"],
                email=values["email"],
                now=now,
                language=staff_language(request),
                password_hash=hashed,
            )
            session_id = await open_session(conn, staff_id, now, "invitation", user_agent=_device(request))
    except WriteMismatch:
        return _gone(request)
    except UniqueViolation:
        return _join(request, link.org_name, values, "staff.account.email_taken", 409)
    return give_session(request, see_other(home_of(link.role)), session_id)


def _account_values(form: Any) -> dict[str, str]:
    return {"name": clean_text(str(form.get("name", "")), 100), "email": clean_text(str(form.get("email", "")), 200)}


def _account_problem(
    values: dict[str, str], form: Any, *, password_needed: bool, nickname_allowed: bool = False
) -> str | None:
    if not values["name"]:
        return "staff.account.no_name"
    if nickname_allowed and (problem := sign_in_name_problem(values["email"])):
        return problem
    if not nickname_allowed and not EMAIL_PATTERN.fullmatch(values["email"]):
        return "staff.account.no_email"
    password = str(form.get("password", ""))
    if not password and not password_needed:
        return None
    return password_problem(password, str(form.get("password_again", "")), email=values["email"], name=values["name"])


# ---------------------------------------------------------------- the own account


async def account_page(request: web.Request) -> web.Response:
    """GET /account: name, address, language, password."""
    me = staff_of(request)
    return _account(request, {"name": me.name, "email": me.email})


def _account(
    request: web.Request, values: dict[str, str], problem: str | None = None, status: int = 200, saved: bool = False
) -> web.Response:
    me = staff_of(request)
    return render(
        request,
        "registry_account.html",
        lang=me.language,
        status=status,
        values=values,
        problem=problem,
        saved=saved or request.query.get("saved") == "1",
        first=not me.email,
        password_first=_password_needed(me),
        nickname_allowed=me.role is Role.VOLUNTEER,
        helps=me.role in ADMINISTRATORS,
        decides=bool(kinds_of(me.role)),
        called=me.role in KEEPS_PEOPLE or me.role in (Role.COORDINATOR, Role.VOLUNTEER),
    )


def _password_needed(me: Staff) -> bool:
    """Whether this account cannot be left as it is: nobody could sign in to it again."""
    return not me.email or me.demand is Demand.PASSWORD


async def account(request: web.Request) -> web.Response:
    """POST /account. A new password needs the old one, unless there is none yet, and ends all other sessions."""
    wires = site(request)
    me = staff_of(request)
    now = wires.clock.now()
    form = await staff_form(request)
    values = _account_values(form)
    known = await find_credentials(wires.pool, me.email) if me.email else None
    has_password = known is not None and known.password_hash is not None
    problem = _account_problem(
        values, form, password_needed=_password_needed(me), nickname_allowed=me.role is Role.VOLUNTEER
    )
    password = str(form.get("password", ""))
    changes_identity = bool(password) or values["email"].casefold() != me.email.casefold()
    if changes_identity and me.has_factor and not has_password:
        fresh = not needs_proof(me.second_factor_at, now, has_factor=True, fictional=wires.simulated)
        if not fresh:  # the form is not held for later: a password is kept nowhere
            return see_other("/step-up?next=/account")
    if problem is None and has_password and changes_identity:
        old_hash = known.password_hash if known else None
        if not await passwords_of(wires).verify(old_hash, str(form.get("old_password", ""))):
            problem = "staff.account.old_password"
    if problem:
        return _account(request, values, problem, 400)
    language = str(form.get("language", me.language))
    hashed = await passwords_of(wires).hash(password) if password else None
    try:
        async with transaction(wires.pool) as conn:
            await set_account(
                conn,
                me.id,
                name=values["name"],
                email=values["email"],
                language=language if language in STAFF_LANGUAGES else me.language,
                password_hash=hashed,
                now=now,
            )
            if hashed:
                await close_other_sessions(conn, me.id, request[SESSION_ID], now)
    except UniqueViolation:
        return _account(request, values, "staff.account.email_taken", 409)
    return see_other(home_of(me.role) if _password_needed(me) else "/account?saved=1")


_OWN = staff(half=[Demand.PASSWORD, Demand.SET_UP])
ROUTES = [
    Route("GET", "/sign-in", sign_in_page, PUBLIC),
    Route("POST", "/sign-in", sign_in, PUBLIC),
    Route("POST", "/sign-out", sign_out, staff(half=Demand)),
    Route("GET", "/enter/{token}", enter_page, STAFF_TOKEN),
    Route("POST", "/enter/{token}", enter, STAFF_TOKEN),
    Route("GET", "/join/{token}", join_page, STAFF_TOKEN),
    Route("POST", "/join/{token}", join, STAFF_TOKEN),
    Route("GET", "/account", account_page, _OWN),
    Route("POST", "/account", account, _OWN),
]
