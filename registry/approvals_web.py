"""What waits for a second person: read in words what will happen, then approve or refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from core.db import transaction
from core.web import Route, path_id, render, see_other, site, staff, staff_form
from registry.approvals import ROLES, ApprovalError, Kind, State, words_of
from registry.approvals_store import CarryOut, approve, open_approvals, refuse
from registry.sessions import staff_of
from registry.step_up_web import require_step_up


async def approvals_page(request: web.Request) -> web.Response:
    """GET /approvals: others' proposals with two buttons, and one's own, which somebody else must decide on."""
    return await _page(request)


async def _page(request: web.Request, status: int = 200, problem: str | None = None) -> web.Response:
    me = staff_of(request)
    wires = site(request)
    async with transaction(wires.pool) as conn:
        found = await open_approvals(conn, me.role, wires.clock.now())
    rows: list[dict[str, Any]] = []
    for item in found:
        key, fields = words_of(item.approval, me.language)
        details = item.approval.payload.get("details", [])
        rows.append(
            {"item": item, "key": key, "fields": fields, "mine": item.approval.made_by == me.id, "details": details}
        )
    return render(
        request,
        "registry_approvals.html",
        lang=me.language,
        status=status,
        rows=rows,
        problem=problem,
        done=next((kind for kind in Kind if kind == request.query.get("done")), None),
    )


async def decide(request: web.Request) -> web.Response:
    """POST /approvals/<id>: answer=approve or answer=refuse. What is approved is carried out at once, if it can be."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    await require_step_up(request)
    approval_id = path_id(request)
    act = approve if form.get("answer") == "approve" else refuse
    now = wires.clock.now()
    carry_outs: Mapping[Kind, CarryOut] = wires.extras.get("carry_out", {})
    done = False
    try:
        async with transaction(wires.pool) as conn:
            decided = await act(conn, approval_id, me.id, now)
            if decided.state is State.APPROVED and decided.kind in carry_outs:
                await carry_outs[decided.kind](conn, approval_id, me.actor, now)
                done = True
    except ApprovalError as error:
        return await _page(request, 409, error.key)
    return see_other(f"/approvals?done={decided.kind}" if done else "/approvals")


_DECIDERS = staff(*frozenset().union(*ROLES.values()))
ROUTES = [
    Route("GET", "/approvals", approvals_page, _DECIDERS),
    Route("POST", "/approvals/{id}", decide, _DECIDERS),
]
