"""The second factor once more, before what cannot be taken back; then on with what was asked, nothing lost."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from aiohttp import web

from core.db import transaction
from core.web import FORM_TOKEN, Route, render, see_other, site, staff, staff_form
from registry.factors_store import factors_of
from registry.guard_web import give_session, with_next
from registry.held_store import HeldForm, hold_form, take_form
from registry.prove_web import prove, prove_context
from registry.sessions import home_of, safe_next, staff_of
from registry.step_up import needs_proof

#: A held form is text; longer ones (an uploaded list) are not behind this door.
MAX_HELD = 200_000


async def require_step_up(request: web.Request) -> None:
    """Let the handler go on if this session has shown its second factor in the last ten minutes.

    Else raises web.HTTPSeeOther to the page that asks for it and then comes back; a POST's fields wait, encrypted, and
    are sent again with one tap. Call it first in the handler of an export, a send, a change of keys or powers.
    """
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    if not needs_proof(me.second_factor_at, now, has_factor=me.has_factor, fictional=wires.simulated):
        return
    if not me.has_factor:  # a role that works without one: this act does not
        raise web.HTTPSeeOther("/account/second-factor")
    if request.method in ("GET", "HEAD"):
        raise web.HTTPSeeOther(with_next("/step-up", request.path_qs))
    form = await staff_form(request)
    fields = tuple((name, value) for name, value in form.items() if isinstance(value, str) and name != "form_token")
    if sum(len(name) + len(value) for name, value in fields) > MAX_HELD:
        raise web.HTTPSeeOther(with_next("/step-up", home_of(me.role)))
    async with transaction(wires.pool) as conn:
        held = await hold_form(conn, wires.vault, me.id, HeldForm(request.path_qs, fields), now)
    raise web.HTTPSeeOther(f"/step-up?held={held}")


async def step_up_page(request: web.Request) -> web.Response:
    """GET /step-up: why, and the form."""
    return await _page(request, request.query.get("next", ""), request.query.get("held", ""))


async def _page(request: web.Request, after: str, held: str, status: int = 200, **said: Any) -> web.Response:
    me = staff_of(request)
    async with transaction(site(request).pool) as conn:
        factors = await factors_of(conn, me.id)
    if not factors.any:
        return see_other("/account/second-factor")
    values: dict[str, Any] = {"problem": None, "seconds": 0}
    return render(
        request,
        "registry_step_up.html",
        lang=me.language,
        status=status,
        after=after,
        held=held,
        **prove_context(request, factors),
        **(values | said),
    )


async def step_up(request: web.Request) -> web.Response:
    """POST /step-up: prove it; then back to the page, or one button that sends the held form."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    after, held = str(form.get("next", "")), str(form.get("held", ""))
    held_id = _uuid(held) if held else None
    proof = await prove(request, form)
    if proof.session_id is None:
        return await _page(request, after, held, proof.status, problem=proof.problem, seconds=proof.seconds)
    target = safe_next(after, home_of(me.role))
    waiting = None
    if held_id is not None:
        async with transaction(wires.pool) as conn:
            waiting = await take_form(conn, wires.vault, held_id, me.id, wires.clock.now())
    if waiting is None and not urlsplit(target).path.endswith(".csv"):
        return give_session(request, see_other(target), proof.session_id)
    # The forms of this page belong to the new session already.
    request[FORM_TOKEN] = wires.vault.form_token(proof.session_id)
    page = render(request, "registry_confirmed.html", lang=me.language, target=target, form=waiting)
    return give_session(request, page, proof.session_id)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise web.HTTPNotFound from None


ROUTES = [
    Route("GET", "/step-up", step_up_page, staff()),
    Route("POST", "/step-up", step_up, staff()),
]
