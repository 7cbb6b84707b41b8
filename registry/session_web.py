"""Where am I signed in? One's own sessions, with the device in plain words, and ending them."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from core.db import WriteMismatch, transaction
from core.web import Route, render, see_other, site, staff, staff_form
from registry.guard_web import SESSION_ID
from registry.session_store import end_session, open_sessions
from registry.sessions import staff_of
from registry.signin_store import close_other_sessions


async def sessions_page(request: web.Request) -> web.Response:
    """GET /account/sessions."""
    me = staff_of(request)
    wires = site(request)
    async with transaction(wires.pool) as conn:
        found = await open_sessions(conn, me.id, request[SESSION_ID], wires.clock.now())
    return render(request, "registry_sessions.html", lang=me.language, sessions=found)


async def end_one(request: web.Request) -> web.Response:
    """POST /account/sessions/<id>/end: that device must sign in again; one's own, too."""
    wires = site(request)
    await staff_form(request)
    try:
        async with transaction(wires.pool) as conn:
            await end_session(conn, staff_of(request).id, UUID(request.match_info["id"]), wires.clock.now())
    except (ValueError, WriteMismatch):
        raise web.HTTPNotFound from None
    return see_other("/account/sessions")


async def end_others(request: web.Request) -> web.Response:
    """POST /account/sessions/end-others: every other device must sign in again."""
    wires = site(request)
    await staff_form(request)
    async with transaction(wires.pool) as conn:
        await close_other_sessions(conn, staff_of(request).id, request[SESSION_ID], wires.clock.now())
    return see_other("/account/sessions")


ROUTES = [
    Route("GET", "/account/sessions", sessions_page, staff()),
    Route("POST", "/account/sessions/end-others", end_others, staff()),
    Route("POST", "/account/sessions/{id}/end", end_one, staff()),
]
