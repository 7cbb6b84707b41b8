"""/board/break-glass: proposing a disclosure in an emergency, opening it once a second person agreed, reading it."""

from __future__ import annotations

from aiohttp import web

from core.audit import audit
from core.db import Connection, transaction
from core.model import Role
from core.web import Route, clean_text, path_id, render, see_other, site, staff, staff_form
from geo.areas import Areas
from registry.approvals import ApprovalError, Kind
from registry.approvals_store import propose
from registry.break_glass import FIELDS, LASTS, BreakGlassProblem, payload, read_request
from registry.break_glass_store import (
    Glass,
    disclose,
    end_glass,
    glasses,
    open_glass,
    people_shown,
    protect_by_case,
    ready,
    scopes_now,
)
from registry.sessions import staff_of
from registry.step_up_web import require_step_up


def _town(code: str, language: str) -> str:
    return Areas.load().name("jis", code, language) or code if code else ""


async def page(request: web.Request) -> web.Response:
    """GET /board/break-glass: what is open, what waits, and the form."""
    return await _page(request)


async def _page(request: web.Request, *, status: int = 200, problem: str = "") -> web.Response:
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        scopes = await scopes_now(conn)
        named = [person for person, name, _, _ in scopes.people if name]
        await audit(conn, me.actor, "break_glass.form", at=now, subjects=named, fields=["name"] if named else [])
        found = await glasses(conn, me.org_id)
        waiting = await ready(conn, me.id, now)
        counts = {glass.id: await people_shown(conn, glass.id) for glass in found}
    return render(
        request,
        "break_glass.html",
        lang=me.language,
        status=status,
        problem=problem,
        towns=[(code, _town(code, me.language), people) for code, people in scopes.towns.items()],
        people=[
            (person, name or person.hex[-6:], _town(town, me.language), reason)
            for person, name, town, reason in scopes.people
        ],
        glasses=[(glass, _scope_words(glass, me.language), glass.is_open(now), counts[glass.id]) for glass in found],
        ready=waiting,
        fields=FIELDS,
        hours=int(LASTS.total_seconds() // 3600),
    )


def _scope_words(glass: Glass, language: str) -> str:
    return _town(glass.request.municipality, language) if glass.request.municipality else ""


async def propose_one(request: web.Request) -> web.Response:
    """POST /board/break-glass: a proposal for a second coordinator; nothing is shown yet."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    await require_step_up(request)
    given = {name: clean_text(value, 400) for name, value in form.items() if isinstance(value, str)}
    try:
        async with transaction(wires.pool) as conn:
            scopes = await scopes_now(conn)
            wanted = read_request(given, scopes.towns, [person for person, _, _, _ in scopes.people])
            say = wires.catalogs.sayer(me.language)
            words = (
                _town(wanted.municipality, me.language)
                if wanted.municipality
                else say.plain("staff.glass.one_person", code=wanted.person.hex[-6:] if wanted.person else "")
            )
            proposal = payload(wanted, words)
            await propose(conn, Kind.BREAK_GLASS, proposal, me.id, wires.clock.now())
    except BreakGlassProblem as wrong:
        return await _page(request, status=400, problem=wrong.key)
    except ApprovalError as wrong:
        return await _page(request, status=409, problem=wrong.key)
    return see_other("/board/break-glass?proposed=1")


async def open_one(request: web.Request) -> web.Response:
    """POST /board/break-glass/<approval>/open: carry an approved proposal out; its 72 hours begin."""
    me = staff_of(request)
    wires = site(request)
    await staff_form(request)
    try:
        async with transaction(wires.pool) as conn:
            glass_id = await open_glass(conn, path_id(request), me.actor, wires.clock.now())
    except ApprovalError as wrong:
        return await _page(request, status=409, problem=wrong.key)
    return see_other(f"/board/break-glass/{glass_id}")


async def _own(conn: Connection, request: web.Request) -> Glass:
    found = await glasses(conn, staff_of(request).org_id, path_id(request))
    if not found:
        raise web.HTTPNotFound(text="There is no such disclosure.")
    return found[0]


async def view(request: web.Request) -> web.Response:
    """GET /board/break-glass/<id>: the named fields of the people it is about. Every look is written down."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        glass = await _own(conn, request)
        people = await disclose(conn, wires.vault, glass, me.actor, now)
    return render(
        request,
        "break_glass_view.html",
        lang=me.language,
        glass=glass,
        scope=_scope_words(glass, me.language),
        people=people,
        is_open=glass.is_open(now),
        catalogs=wires.catalogs,
    )


async def end(request: web.Request) -> web.Response:
    """POST /board/break-glass/<id>/end: over before its time."""
    me = staff_of(request)
    await staff_form(request)
    async with transaction(site(request).pool) as conn:
        glass = await _own(conn, request)
        await end_glass(conn, glass.id, me.actor, site(request).clock.now())
    return see_other("/board/break-glass")


async def protect(request: web.Request) -> web.Response:
    """POST /board/protect/<case>: from now on nobody is shown where this person is. Only the person can end it."""
    me = staff_of(request)
    await staff_form(request)
    async with transaction(site(request).pool) as conn:
        if not await protect_by_case(conn, path_id(request), me.actor, site(request).clock.now()):
            raise web.HTTPNotFound(text="There is no such case.")
    return see_other("/board")


COORDINATORS = staff(Role.COORDINATOR)
ROUTES = [
    Route("GET", "/board/break-glass", page, COORDINATORS),
    Route("POST", "/board/break-glass", propose_one, COORDINATORS),
    Route("GET", "/board/break-glass/{id}", view, COORDINATORS),
    Route("POST", "/board/break-glass/{id}/open", open_one, COORDINATORS),
    Route("POST", "/board/break-glass/{id}/end", end, COORDINATORS),
    Route("POST", "/board/protect/{id}", protect, COORDINATORS),
]
