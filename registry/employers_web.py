"""A supervising organisation's list of its employers: how far each is with enrolling, to read and to print."""

from __future__ import annotations

from aiohttp import web

from core.audit import audit
from core.db import transaction
from core.model import Role
from core.web import Route, render, site, staff
from registry.people_store import enrolment_of_employers
from registry.sessions import staff_of


async def employers(request: web.Request) -> web.Response:
    """GET /supervising/enrolment: one row per employer, those nobody has opened yet first."""
    me = staff_of(request)
    wires = site(request)
    async with transaction(wires.pool) as conn:
        lines = await enrolment_of_employers(conn, me.org_id)
        actor = me.actor
        await audit(conn, actor, "employers.read", at=wires.clock.now(), fields=["totals"])
    return render(
        request,
        "registry_employers.html",
        lang=me.language,
        lines=lines,
        people=sum(line.people for line in lines),
        enrolled=sum(line.enrolled for line in lines),
        unopened=sum(line.opened_at is None for line in lines),
    )


ROUTES = [Route("GET", "/supervising/enrolment", employers, staff(Role.SUPERVISING))]
