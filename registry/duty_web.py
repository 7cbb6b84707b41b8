"""Deputies of the team page, and the duty list: who is told first, tonight."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aiohttp import web

from core.audit import audit
from core.clock import date_in_japan
from core.db import transaction
from core.model import Role
from core.web import Route, path_id, render, see_other, site, staff, staff_form
from registry.access import HAS_TEAM
from registry.duty import DutyProblem, read_days, read_times
from registry.duty_store import add_duty, duties_of, name_deputy, on_duty, remove_duty, revoke_deputy
from registry.relations_store import member_groups
from registry.sessions import staff_of
from registry.signin_store import team_of
from registry.step_up_web import require_step_up
from registry.team_web import team_page


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise web.HTTPNotFound(text="There is no such entry.") from None


# ---------------------------------------------------------------- deputies


async def new_deputy(request: web.Request) -> web.Response:
    """POST /team/deputies: somebody acts for a colleague from one day through another."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    now = wires.clock.now()
    if me.acting:  # a power that somebody lent cannot be lent on
        raise web.HTTPForbidden(text="A deputy cannot name deputies.")
    try:
        days = read_days(str(form.get("from", "")), str(form.get("until", "")), date_in_japan(now))
    except DutyProblem as problem:
        return await team_page(request, 400, problem=problem.key)
    absent, deputy = _id(str(form.get("absent", ""))), _id(str(form.get("deputy", "")))
    if absent == deputy:
        return await team_page(request, 400, problem="staff.deputy.same")
    await require_step_up(request)
    async with transaction(wires.pool) as conn:
        if not await name_deputy(
            conn, org_id=me.org_id, staff_id=absent, deputy_id=deputy, days=days, by=me.id, now=now
        ):
            raise web.HTTPNotFound(text="There is no such colleague.")
        detail = {"from": days[0].isoformat(), "until": days[1].isoformat()}
        await audit(conn, me.actor, "name_deputy", at=now, subjects=[absent, deputy], detail=detail)
    return see_other("/team#deputies")


async def end_deputy(request: web.Request) -> web.Response:
    """POST /team/deputies/<id>/end: from now on nobody acts for them by this entry."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    await staff_form(request)
    entry = path_id(request)
    async with transaction(wires.pool) as conn:
        if not await revoke_deputy(conn, entry, me.org_id, now):
            raise web.HTTPNotFound(text="There is no such entry.")
        await audit(conn, me.actor, "revoke_deputy", at=now, detail={"entry": str(entry)})
    return see_other("/team#deputies")


# ---------------------------------------------------------------- the duty list


async def duty_page(request: web.Request) -> web.Response:
    """GET /duty: who is on duty now, and the list; coordinators change it."""
    return await _duty(request)


async def _duty(request: web.Request, status: int = 200, problem: str | None = None, **values: Any) -> web.Response:
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        groups = {me.org_id: me.org_name}
        if me.role is Role.COORDINATOR:
            groups |= await member_groups(conn, me.org_id)
        teams = {org: await team_of(conn, org) for org in groups}
        entries = await duties_of(conn, groups, now)
        told = {org: await on_duty(conn, org, now) for org in groups}
    names = {member["id"]: member["name"] for team in teams.values() for member in team}
    listed = {entry.staff_id for entry in entries if entry.running(now)}
    return render(
        request,
        "registry_duty.html",
        lang=me.language,
        status=status,
        problem=problem,
        groups=groups,
        told={org: [(names[one], one in listed) for one in people if one in names] for org, people in told.items()},
        entries=entries,
        team=teams[me.org_id],
        values=values,
    )


async def new_duty(request: web.Request) -> web.Response:
    """POST /duty: one more entry, for somebody of one's own organisation."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    now = wires.clock.now()
    first, last = str(form.get("starts", "")), str(form.get("ends", ""))
    try:
        begin, end = read_times(first, last, now)
    except DutyProblem as problem:
        return await _duty(request, 400, problem.key, starts=first, ends=last)
    person = _id(str(form.get("person", "")))
    async with transaction(wires.pool) as conn:
        if not await add_duty(conn, org_id=me.org_id, staff_id=person, starts_at=begin, ends_at=end, by=me.id, now=now):
            raise web.HTTPNotFound(text="There is no such colleague.")
        await audit(conn, me.actor, "duty.new", at=now, subjects=[person])
    return see_other("/duty")


async def end_duty(request: web.Request) -> web.Response:
    """POST /duty/<id>/end: take an entry off the list."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    await staff_form(request)
    entry = path_id(request)
    async with transaction(wires.pool) as conn:
        if not await remove_duty(conn, entry, me.org_id, now):
            raise web.HTTPNotFound(text="There is no such entry.")
        await audit(conn, me.actor, "duty.end", at=now, detail={"entry": str(entry)})
    return see_other("/duty")


_TEAMS = staff(*HAS_TEAM)
_COORDINATORS = staff(Role.COORDINATOR)
ROUTES = [
    Route("POST", "/team/deputies", new_deputy, _TEAMS),
    Route("POST", "/team/deputies/{id}/end", end_deputy, _TEAMS),
    Route("GET", "/duty", duty_page, staff(Role.COORDINATOR, Role.VOLUNTEER)),
    Route("POST", "/duty", new_duty, _COORDINATORS),
    Route("POST", "/duty/{id}/end", end_duty, _COORDINATORS),
]
