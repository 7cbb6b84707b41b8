"""/sending: what is on its way, the stop of everything or of one alert, and a cancellation that two people agree on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from alerts.audience import few
from alerts.cancel_store import Cancellation, cancellation, propose_cancel
from alerts.deps import Deps
from alerts.stop_store import MAX_WHY, StopError, resume, sending, stop_alert, stop_everything, waiting_now
from core.db import transaction
from core.i18n import Sayer
from core.model import Role
from core.web import Route, clean_text, path_id, render, see_other, site, staff, staff_form
from registry.approvals import ApprovalError
from registry.sessions import STAFF_LANGUAGES, staff_of
from registry.step_up_web import require_step_up


async def sending_page(request: web.Request) -> web.Response:
    """GET /sending: the switch, and the newest alerts with what has left and what waits."""
    return await _page(request)


async def alert_page(request: web.Request) -> web.Response:
    """GET /sending/<alert>: one alert, its stop, and what a cancellation would say to how many people."""
    return await _one(request)


async def _page(request: web.Request, *, status: int = 200, problem: str = "", why: str = "") -> web.Response:
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        rows = await sending(conn)
        live, other = await waiting_now(conn, now)
    return render(
        request,
        "sending.html",
        lang=me.language,
        status=status,
        problem=problem,
        why=why,
        rows=rows,
        live=live,
        other=other,
        done=request.query.get("done", "") if request.query.get("done") in ("stopped", "resumed") else "",
    )


async def _one(request: web.Request, *, status: int = 200, problem: str = "", why: str = "") -> web.Response:
    me = staff_of(request)
    wires = site(request)
    alert_id = path_id(request)
    async with transaction(wires.pool) as conn:
        rows = await sending(conn, alert_id)
    if not rows:
        raise web.HTTPNotFound(text="There is no such alert.")
    deps: Deps = wires.extras["deps"]
    found: Cancellation | None = None
    if rows[0].can_cancel:
        # Counted with the loops' eyes: an operator sees numbers, nobody's name.
        async with transaction(deps.pool) as conn:
            found = await cancellation(deps, conn, alert_id, wires.clock.now())
    return render(
        request,
        "sending_alert.html",
        lang=me.language,
        status=status,
        problem=problem,
        why=why,
        a=rows[0],
        found=found,
        people=few(found.people) if found else "",
        done=request.query.get("done", "") == "stopped",
        catalogs=wires.catalogs,
    )


async def _reason(request: web.Request) -> str:
    """The sentence of why; the forgery checks and the second factor are done."""
    form: Mapping[str, Any] = await staff_form(request)
    await require_step_up(request)
    return clean_text(str(form.get("why", "")), MAX_WHY).replace("\n", " ")


async def stop_all(request: web.Request) -> web.Response:
    """POST /sending/stop: nothing more is handed over, on any machine, until somebody resumes."""
    me = staff_of(request)
    wires = site(request)
    why = await _reason(request)
    if not why:
        return await _page(request, status=400, problem="staff.sending.problem.why")
    try:
        async with transaction(wires.pool) as conn:
            await stop_everything(conn, why, me.id, me.actor, wires.clock.now())
    except StopError as wrong:
        return await _page(request, status=409, problem=wrong.key, why=why)
    return see_other("/sending?done=stopped")


async def go_on(request: web.Request) -> web.Response:
    """POST /sending/resume: what is still true goes out now."""
    me = staff_of(request)
    wires = site(request)
    await staff_form(request)
    await require_step_up(request)
    try:
        async with transaction(wires.pool) as conn:
            await resume(conn, me.id, me.actor, wires.clock.now())
    except StopError as wrong:
        return await _page(request, status=409, problem=wrong.key)
    return see_other("/sending?done=resumed")


async def stop_one(request: web.Request) -> web.Response:
    """POST /sending/<alert>/stop: it ends; what waits of it is cancelled."""
    me = staff_of(request)
    wires = site(request)
    alert_id = path_id(request)
    why = await _reason(request)
    if not why:
        return await _one(request, status=400, problem="staff.sending.problem.why")
    try:
        async with transaction(wires.pool) as conn:
            if not await sending(conn, alert_id):
                raise web.HTTPNotFound(text="There is no such alert.")
            await stop_alert(conn, alert_id, why, me.id, me.actor, wires.clock.now())
    except StopError as wrong:
        return await _one(request, status=409, problem=wrong.key, why=why)
    return see_other(f"/sending/{alert_id}?done=stopped")


async def cancel_one(request: web.Request) -> web.Response:
    """POST /sending/<alert>/cancel: proposes to a second person that whoever heard of it is told that it was wrong."""
    me = staff_of(request)
    wires = site(request)
    deps: Deps = wires.extras["deps"]
    alert_id = path_id(request)
    why = await _reason(request)
    if not why:
        return await _one(request, status=400, problem="staff.sending.problem.why")
    now = wires.clock.now()
    async with transaction(deps.pool) as conn:
        found = await cancellation(deps, conn, alert_id, now)
    if found is None:
        return await _page(request, status=404, problem="staff.sending.problem.nobody")
    inside = {lang: _says(wires.catalogs.sayer(lang), lang, found, why) for lang in STAFF_LANGUAGES}
    samples = [[wires.catalogs.native_name(sample.language), sample.body] for sample in found.samples]
    says = {**inside.get(me.language, inside["en"]), "in": inside, "details": samples}
    try:
        async with transaction(wires.pool) as conn:
            await propose_cancel(conn, found, says, me.id, now)
    except ApprovalError as wrong:
        return await _one(request, status=409, problem=wrong.key, why=why)
    return see_other("/approvals?proposed=alert_cancel")


def _says(say: Sayer, lang: str, found: Cancellation, why: str) -> dict[str, Any]:
    """What the second person reads, in one language."""
    return {
        "what": found.title or say.plain(f"hazard.{found.hazard}"),
        "people": few(found.people),
        "why": why,
        "text": next((sample.body for sample in found.samples if sample.language == lang), "-"),
    }


OPERATORS = staff(Role.OPERATOR)
ROUTES = [
    Route("GET", "/sending", sending_page, OPERATORS),
    Route("POST", "/sending/stop", stop_all, OPERATORS),
    Route("POST", "/sending/resume", go_on, OPERATORS),
    Route("GET", "/sending/{id}", alert_page, OPERATORS),
    Route("POST", "/sending/{id}/stop", stop_one, OPERATORS),
    Route("POST", "/sending/{id}/cancel", cancel_one, OPERATORS),
]
