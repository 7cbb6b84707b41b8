"""/wording-people: operators say who works on which language, and invite people who do nothing else here."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from aiohttp import web

from alerts.review import PSEUDONYM, May, Reviewer
from alerts.wording_store import accounts, grant, reviewers, revoke
from core.db import UniqueViolation, transaction
from core.model import Role
from core.web import Route, clean_text, render, see_other, site, staff, staff_form
from registry.rows import EMAIL_PATTERN
from registry.sessions import staff_of
from registry.signin_store import make_invitation
from registry.step_up_web import require_step_up

_FORM: Final = ("staff", "language", "pseudonym")


async def people_page(request: web.Request) -> web.Response:
    """GET /wording-people: who may do what with which language."""
    return await _page(request)


async def _page(request: web.Request, status: int = 200, **said: Any) -> web.Response:
    me = staff_of(request)
    wires = site(request)
    async with transaction(wires.pool) as conn:
        everybody = await reviewers(conn)
        choices = await accounts(conn)
    values: dict[str, Any] = {"problem": None, "link": None, "link_for": ""}
    values["typed"] = dict.fromkeys(_FORM, "")
    return render(
        request,
        "wording_people.html",
        lang=me.language,
        status=status,
        reviewers=everybody,
        accounts=choices,
        rights=list(May),
        languages=wires.catalogs.languages,
        catalogs=wires.catalogs,
        **(values | said),
    )


async def invite(request: web.Request) -> web.Response:
    """POST /wording-people/invite: a link for somebody who will see texts and nothing else; shown once."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    email = clean_text(str(form.get("email", "")), 200)
    if email and not EMAIL_PATTERN.fullmatch(email):
        return await _page(request, 400, problem="staff.account.no_email")
    await require_step_up(request)
    async with transaction(wires.pool) as conn:
        token = await make_invitation(
            conn, org_id=me.org_id, role=Role.TRANSLATOR, now=wires.clock.now(), email=email, created_by=me.id
        )
    return await _page(request, link=f"{wires.settings.site_url}/join/{token}", link_for=email)


async def change(request: web.Request) -> web.Response:
    """POST /wording-people: step=grant (an account, a language, a pseudonym, what it may do) or revoke."""
    me = staff_of(request)
    wires = site(request)
    form = await request.post()
    await staff_form(request)
    typed = {name: clean_text(str(form.get(name, "")), 100) for name in _FORM}
    may = frozenset(May(right) for right in form.getall("may", []) if right in list(May))
    try:
        staff_id = UUID(typed["staff"])
    except ValueError:
        return await _page(request, 400, problem="staff.wording.problem.account", typed=typed)
    if typed["language"] not in wires.catalogs.languages:
        raise web.HTTPNotFound(text="There is no such language.")
    await require_step_up(request)
    now = wires.clock.now()
    if form.get("step") == "revoke":
        async with transaction(wires.pool) as conn:
            if not await revoke(conn, staff_id, typed["language"], me.actor, now):
                raise web.HTTPNotFound(text="There is nothing to take away.")
        return see_other("/wording-people")
    if not PSEUDONYM.fullmatch(typed["pseudonym"]):
        return await _page(request, 400, problem="staff.wording.problem.pseudonym", typed=typed)
    if not may:
        return await _page(request, 400, problem="staff.wording.problem.no_right", typed=typed)
    who = Reviewer(staff_id, typed["language"], typed["pseudonym"], may)
    try:
        async with transaction(wires.pool) as conn:
            if not await grant(conn, who, me.actor, me.id, now):
                raise web.HTTPNotFound(text="There is no such account.")
    except UniqueViolation:
        return await _page(request, 409, problem="staff.wording.problem.taken", typed=typed)
    return see_other("/wording-people")


OPERATOR = staff(Role.OPERATOR)
ROUTES = [
    Route("GET", "/wording-people", people_page, OPERATOR),
    Route("POST", "/wording-people", change, OPERATOR),
    Route("POST", "/wording-people/invite", invite, OPERATOR),
]
