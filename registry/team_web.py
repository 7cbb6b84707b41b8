"""Colleagues: who else signs in, inviting one, ending an account; and the employers of a supervising organisation."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from core.audit import audit
from core.clock import date_in_japan
from core.db import transaction
from core.ids import uuid7
from core.model import OrgKind, Role
from core.web import Route, clean_text, path_id, render, see_other, site, staff, staff_form
from registry import store
from registry.access import HAS_TEAM
from registry.duty_store import deputies_of
from registry.people_store import own_orgs
from registry.relations_store import member_groups
from registry.rows import EMAIL_PATTERN
from registry.sessions import staff_of
from registry.signin_store import disable_staff, make_invitation, open_invitations, team_of
from registry.step_up_web import require_step_up


async def team(request: web.Request) -> web.Response:
    """GET /team: colleagues, who acts for whom, open invitations, and the teams of member groups."""
    return await team_page(request)


async def team_page(request: web.Request, status: int = 200, **said: Any) -> web.Response:
    """The page, with what a form has to say: `problem`, `link` and `link_for`."""
    me = staff_of(request)
    wires = site(request)
    async with wires.pool.acquire() as conn:
        orgs = await own_orgs(conn, me) if me.role is Role.SUPERVISING else {me.org_id: me.org_name}
        members = await team_of(conn, me.org_id)
        waiting = await open_invitations(conn, me.org_id, wires.clock.now())
        today = date_in_japan(wires.clock.now())
        deputies = await deputies_of(conn, me.org_id, today)
        groups = await member_groups(conn, me.org_id) if me.role is Role.COORDINATOR else {}
        teams = [(name, await team_of(conn, group)) for group, name in groups.items()]
    values: dict[str, Any] = {"problem": None, "link": None, "link_for": ""}
    return render(
        request,
        "registry_team.html",
        lang=me.language,
        status=status,
        members=members,
        waiting=waiting,
        employers={org: name for org, name in orgs.items() if org != me.org_id},
        supervising=me.role is Role.SUPERVISING,
        coordinator=me.role is Role.COORDINATOR,
        deputies=deputies,
        teams=teams,
        today=today,
        **(values | said),
    )


async def invite(request: web.Request) -> web.Response:
    """POST /team/invite: a link for a colleague, or for the administrator of a supervised employer; shown once."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    email = clean_text(str(form.get("email", "")), 200)
    if email and not EMAIL_PATTERN.fullmatch(email):
        return await team_page(request, 400, problem="staff.account.no_email")
    org_id, role, name = me.org_id, me.role, me.org_name
    if me.role is Role.COORDINATOR and (me.acting or form.get("role") == Role.VOLUNTEER):
        role = Role.VOLUNTEER
    else:  # somebody who will have this power, too
        await require_step_up(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        if me.role is Role.SUPERVISING:
            employers = await own_orgs(conn, me)
            chosen = next((org for org in employers if str(org) == form.get("org")), me.org_id)
            if chosen != me.org_id:
                org_id, role, name = chosen, Role.EMPLOYER, employers[chosen]
        token = await make_invitation(conn, org_id=org_id, role=role, now=now, email=email, created_by=me.id)
    return await team_page(request, link=f"{wires.settings.site_url}/join/{token}", link_for=name)


async def new_employer(request: web.Request) -> web.Response:
    """POST /team/employer: a supervising organisation adds an employer and gets its administrator's invitation."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    name = clean_text(str(form.get("name", "")), 200)
    if not name:
        return await team_page(request, 400, problem="staff.operator.no_name")
    await require_step_up(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        if name in (await own_orgs(conn, me)).values():
            return await team_page(request, 409, problem="staff.sites.name_taken")
        slug = f"employer-{uuid7().hex[-12:]}"
        org_id = await store.create_organisation(conn, slug=slug, name=name, kind=OrgKind.EMPLOYER, now=now)
        await store.relate(conn, me.org_id, org_id)
        await audit(conn, me.actor, "new_organisation", at=now, detail={"slug": slug})
        token = await make_invitation(conn, org_id=org_id, role=Role.EMPLOYER, now=now, created_by=me.id)
    return await team_page(request, link=f"{wires.settings.site_url}/join/{token}", link_for=name)


async def disable(request: web.Request) -> web.Response:
    """POST /team/<id>/disable: end a colleague's account and sessions; not one's own, so that somebody stays."""
    me = staff_of(request)
    wires = site(request)
    await staff_form(request)
    staff_id = path_id(request)
    if staff_id == me.id:
        return await team_page(request, 400, problem="staff.team.not_yourself")
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        if not await disable_staff(conn, staff_id, me.org_id, now):
            raise web.HTTPNotFound
        actor = me.actor
        await audit(conn, actor, "disable_staff", at=now, subjects=[staff_id])
    return see_other("/team")


ROUTES = [
    Route("GET", "/team", team, staff(*HAS_TEAM)),
    Route("POST", "/team/invite", invite, staff(*HAS_TEAM)),
    Route("POST", "/team/employer", new_employer, staff(Role.SUPERVISING)),
    Route("POST", "/team/{id}/disable", disable, staff(*HAS_TEAM)),
]
