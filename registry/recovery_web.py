"""Helping a colleague back in after a lost phone, and ending an account: for administrators and the operator."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from core.audit import audit
from core.db import transaction
from core.web import Route, path_id, render, see_other, site, staff, staff_form
from registry.recovery import ADMINISTRATORS
from registry.recovery_store import Colleague, colleagues, find_colleague, recover
from registry.sessions import staff_of
from registry.signin_store import disable_staff
from registry.step_up_web import require_step_up


async def help_page(request: web.Request) -> web.Response:
    """GET /sign-in-help: whom I may help back in."""
    return await _page(request)


async def _page(request: web.Request, **said: Any) -> web.Response:
    me = staff_of(request)
    async with transaction(site(request).pool) as conn:
        people = await colleagues(conn, me)
    values: dict[str, Any] = {"link": None, "link_for": ""}
    return render(request, "registry_sign_in_help.html", lang=me.language, people=people, **(values | said))


async def _target(request: web.Request, conn: Any) -> Colleague:
    found = await find_colleague(conn, staff_of(request), path_id(request))
    if found is None:
        raise web.HTTPNotFound
    return found


async def help_one(request: web.Request) -> web.Response:
    """POST /sign-in-help/<id>: password and second factor are gone; a one-time link is shown once, to hand over."""
    wires = site(request)
    await staff_form(request)
    await require_step_up(request)
    async with transaction(wires.pool) as conn:
        target = await _target(request, conn)
        token = await recover(conn, staff_of(request), target, wires.clock.now())
    return await _page(request, link=f"{wires.settings.site_url}/enter/{token}", link_for=target.name or target.email)


async def end_one(request: web.Request) -> web.Response:
    """POST /sign-in-help/<id>/end: the account and all its sessions end at once."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    await staff_form(request)
    async with transaction(wires.pool) as conn:
        target = await _target(request, conn)
        if not await disable_staff(conn, target.account.staff_id, target.account.org_id, now):
            raise web.HTTPNotFound
        actor = me.actor
        await audit(conn, actor, "disable_staff", at=now, subjects=[target.account.staff_id])
    return see_other("/sign-in-help")


_HELPERS = staff(*ADMINISTRATORS)
ROUTES = [
    Route("GET", "/sign-in-help", help_page, _HELPERS),
    Route("POST", "/sign-in-help/{id}", help_one, _HELPERS),
    Route("POST", "/sign-in-help/{id}/end", end_one, _HELPERS),
]
