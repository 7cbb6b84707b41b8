"""Volunteers in two minutes: the group leader's QR code, and the page it opens on the volunteer's phone."""

from __future__ import annotations

import logging
from uuid import UUID

from aiohttp import web

from core.audit import audit
from core.db import UniqueViolation, WriteMismatch, transaction
from core.ids import uuid7
from core.model import Role
from core.web import STAFF_TOKEN, Route, clean_text, path_id, public_form, render, see_other, site, staff, staff_form
from registry.factors_store import add_passkey, use_challenge
from registry.guard_web import give_session, session_cookie, staff_language
from registry.passkeys import (
    PasskeyError,
    challenge_in,
    check_challenge,
    make_challenge,
    read_registration,
    registration_options,
)
from registry.passwords import passwords_of
from registry.prove_web import party_of
from registry.qr import qr_svg
from registry.sessions import home_of, password_problem, staff_of
from registry.signin_store import disable_staff, open_session
from registry.step_up_web import require_step_up
from registry.volunteer_store import (
    Pass,
    end_passes,
    find_pass,
    join_by_pass,
    joined,
    leader_pass,
    make_pass,
)
from registry.volunteers import DEFAULT_USES, PASS_USES, sign_in_name_problem

log = logging.getLogger(__name__)


# ---------------------------------------------------------------- the group leader's page


async def leader_page(request: web.Request) -> web.Response:
    """GET /team/qr: the QR code that works now, and who joined."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        live = await leader_pass(conn, wires.vault, me.id, now)
        people = await joined(conn, me.org_id, now)
    link = f"{wires.settings.site_url}/volunteer/{live.token}" if live else ""
    title = wires.catalogs.say(me.language, "staff.volunteer.qr_title")
    response = render(
        request,
        "registry_volunteer_qr.html",
        lang=me.language,
        live=live,
        link=link,
        qr=qr_svg(link, title) if link else "",
        people=people,
        uses=PASS_USES,
        default_uses=DEFAULT_USES,
    )
    if live:
        response.headers["Refresh"] = "15"  # who joined appears by itself; nothing is typed on this page
    return response


async def new_pass(request: web.Request) -> web.Response:
    """POST /team/qr: a new QR code; the older one ends."""
    wires = site(request)
    form = await staff_form(request)
    await require_step_up(request)
    asked = str(form.get("uses", ""))
    uses = int(asked) if asked.isdigit() and int(asked) in PASS_USES else DEFAULT_USES
    async with transaction(wires.pool) as conn:
        await make_pass(conn, wires.vault, staff_of(request).actor, uses, wires.clock.now())
    return see_other("/team/qr")


async def end_pass(request: web.Request) -> web.Response:
    """POST /team/qr/end: nobody else joins by it."""
    wires = site(request)
    await staff_form(request)
    async with transaction(wires.pool) as conn:
        await end_passes(conn, staff_of(request).actor, wires.clock.now())
    return see_other("/team/qr")


async def remove(request: web.Request) -> web.Response:
    """POST /team/qr/remove/<id>: a volunteer who joined by mistake is out at once."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    await staff_form(request)
    staff_id = path_id(request)
    async with transaction(wires.pool) as conn:
        people = {person.staff_id for person in await joined(conn, me.org_id, now)}
        if staff_id not in people or not await disable_staff(conn, staff_id, me.org_id, now):
            raise web.HTTPNotFound
        await audit(conn, staff_of(request).actor, "disable_staff", at=now, subjects=[staff_id])
    return see_other("/team/qr")


# ---------------------------------------------------------------- the volunteer's phone


async def join_page(request: web.Request) -> web.Response:
    """GET /volunteer/<token>: name, sign-in name; then a passkey in one tap, or a password."""
    found = await find_pass(site(request).pool, request.match_info["token"], site(request).clock.now())
    return _gone(request) if found is None else _page(request, found, {"name": "", "email": ""})


def _gone(request: web.Request) -> web.Response:
    return render(request, "registry_gone.html", lang=staff_language(request), status=404)


def _page(
    request: web.Request, found: Pass, values: dict[str, str], status: int = 200, problem: str | None = None
) -> web.Response:
    wires = site(request)
    party = party_of(request)
    staff_id, options = uuid7(), ""
    if party is not None:
        challenge = make_challenge(wires.vault.form_token, _purpose(found, staff_id), wires.clock.now())
        options = registration_options(party, challenge, user=staff_id, name="")
    return render(
        request,
        "registry_volunteer_join.html",
        lang=staff_language(request),
        status=status,
        org_name=found.org_name,
        values=values,
        problem=problem,
        refused=session_cookie(request) is None,
        passkey_options=options,
        new_id=staff_id,
    )


def _purpose(found: Pass, staff_id: UUID) -> str:
    # The new account's id is part of what is signed: nobody can choose one.
    return f"volunteer:{found.id}:{staff_id}"


async def join(request: web.Request) -> web.Response:
    """POST /volunteer/<token>: the account and a session; with a passkey it is whole, and the board is open."""
    wires = site(request)
    now = wires.clock.now()
    form = await public_form(request)
    found = await find_pass(wires.pool, request.match_info["token"], now)
    if found is None or session_cookie(request) is None:
        return _gone(request)
    values = {"name": clean_text(form.get("name", ""), 100), "email": clean_text(form.get("email", ""), 200)}
    problem = "staff.account.no_name" if not values["name"] else sign_in_name_problem(values["email"])
    answer, password = (await request.post()).get("passkey", ""), form.get("password", "")
    if problem is None and not answer:
        problem = password_problem(password, form.get("password_again", ""), email=values["email"], name=values["name"])
    if problem:
        return _page(request, found, values, 400, problem)
    hashed = None if answer else await passwords_of(wires).hash(password)
    try:
        session_id = await _join(request, found, values, str(answer), hashed, str(form.get("new_id", "")))
    except WriteMismatch:
        return _gone(request)
    except UniqueViolation:
        return _page(request, found, values, 409, "staff.volunteer.name_taken")
    except PasskeyError as error:
        log.info("a new passkey was refused: %s", error)
        return _page(request, found, values, 400, "staff.second.passkey_not_added")
    return give_session(request, see_other(home_of(Role.VOLUNTEER)), session_id)


async def _join(
    request: web.Request, found: Pass, values: dict[str, str], answer: str, password_hash: str | None, new_id: str
) -> str:
    """All of it in one transaction; the id of the new session."""
    wires = site(request)
    now = wires.clock.now()
    staff_id = uuid7()
    made = None
    if answer:
        try:
            staff_id = UUID(new_id)
        except ValueError as error:
            raise PasskeyError("the form names no account") from error
        party = party_of(request)
        if party is None:
            raise PasskeyError("this site has no name that passkeys could belong to")
        challenge = challenge_in(answer)
        ends = check_challenge(wires.vault.form_token, _purpose(found, staff_id), challenge, now)
        made = read_registration(answer, challenge, party)
    async with transaction(wires.pool) as conn:
        if made is not None:
            await use_challenge(conn, challenge, ends, now)
        await join_by_pass(
            conn,
            found,
            staff_id,
            name=values["name"],
            sign_in_name=values["email"],
            language=staff_language(request),
            password_hash=password_hash,
            now=now,
        )
        if made is not None:
            label = wires.catalogs.say(staff_language(request), "staff.second.a_passkey")
            await add_passkey(conn, staff_id, made, label, now)
        return await open_session(
            conn,
            staff_id,
            now,
            "volunteer pass",
            second_factor_at=None if made is None else now,
            user_agent=request.headers.get("User-Agent", ""),
        )


_LEADERS = staff(Role.COORDINATOR)
ROUTES = [
    Route("GET", "/team/qr", leader_page, _LEADERS),
    Route("POST", "/team/qr", new_pass, _LEADERS),
    Route("POST", "/team/qr/end", end_pass, _LEADERS),
    Route("POST", "/team/qr/remove/{id}", remove, _LEADERS),
    Route("GET", "/volunteer/{token}", join_page, STAFF_TOKEN),
    Route("POST", "/volunteer/{token}", join, STAFF_TOKEN),
]
