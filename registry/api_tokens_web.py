"""The page of an organisation's programs: tokens made and ended, webhooks that do not get through."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aiohttp import web

from core.audit import audit
from core.clock import JST
from core.db import Connection, transaction
from core.model import Role
from core.web import Route, clean_text, path_id, render, see_other, site, staff, staff_form
from registry.api_store import count_live_tokens, create_token, revoke_token, tokens_of
from registry.api_tokens import LIFETIMES, MOST_TOKENS, SCOPES_OF, expires_at, scopes_for
from registry.people_store import own_orgs
from registry.sessions import Staff, staff_of
from registry.step_up_web import require_step_up
from registry.webhook_store import dead_of, delete_webhook, send_again, webhooks_of


async def api_tokens(request: web.Request) -> web.Response:
    """GET /api-tokens: the tokens this organisation made, and its webhooks."""
    return await _page(request)


async def _page(request: web.Request, status: int = 200, **said: Any) -> web.Response:
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        orgs = await _orgs(conn, me)
        tokens = await tokens_of(conn, me.org_id, now)
        webhooks = await webhooks_of(conn, org_id=me.org_id, owner_id=me.org_id)
        dead = {hook.id: await dead_of(conn, hook.id, 5) for hook in webhooks if hook.dead}
    values: dict[str, Any] = {"problem": None, "token": None, "token_name": ""}
    return render(
        request,
        "registry_api_tokens.html",
        lang=me.language,
        status=status,
        tokens=tokens,
        now=now,
        day=lambda at: at.astimezone(JST).date().isoformat(),
        orgs=orgs,
        scopes=SCOPES_OF[me.role],
        lifetimes=LIFETIMES,
        webhooks=webhooks,
        dead=dead,
        address=f"{wires.settings.site_url}/api/v1/openapi.json",
        **(values | said),
    )


async def _orgs(conn: Connection, me: Staff) -> dict[UUID, str]:
    """The organisations whose people a token of this member of staff may be for; the own one first."""
    return await own_orgs(conn, me) if me.role is Role.SUPERVISING else {me.org_id: me.org_name}


async def new_token(request: web.Request) -> web.Response:
    """POST /api-tokens: make a token, after the second factor; shown once, in this answer."""
    await require_step_up(request)
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    name = clean_text(str(form.get("name", "")), 100)
    days = str(form.get("days", ""))
    scopes = scopes_for(me.role, frozenset(key.removeprefix("scope ") for key in form))
    if not name:
        return await _page(request, 400, problem="staff.api.no_name")
    if not scopes:
        return await _page(request, 400, problem="staff.api.no_scope")
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        orgs = await _orgs(conn, me)
        org_id = next((org for org in orgs if str(org) == form.get("org")), me.org_id)
        full = await count_live_tokens(conn, me.org_id, now) >= MOST_TOKENS
        if not full:
            token_id, token = await create_token(
                conn,
                owner_id=me.org_id,
                org_id=org_id,
                role=me.role,
                name=name,
                scopes=scopes,
                created_by=me.id,
                now=now,
                expires_at=expires_at(int(days) if days.isascii() and days.isdigit() else 0, now),
            )
            detail = {"token": str(token_id), "scopes": sorted(scopes), "org": str(org_id)}
            await audit(conn, me.actor, "api_token.new", at=now, detail=detail)
    if full:
        return await _page(request, 409, problem="staff.api.too_many")
    return await _page(request, token=token, token_name=name)


async def revoke(request: web.Request) -> web.Response:
    """POST /api-tokens/<id>/revoke: the token opens nothing from now on, and its webhooks end."""
    me = staff_of(request)
    await staff_form(request)
    now = site(request).clock.now()
    token_id = path_id(request)
    async with transaction(site(request).pool) as conn:
        if await revoke_token(conn, token_id, me.org_id, me.id, now) is None:
            raise web.HTTPNotFound
        actor = me.actor
        await audit(conn, actor, "api_token.revoke", at=now, detail={"token": str(token_id)})
    return see_other("/api-tokens")


async def again(request: web.Request) -> web.Response:
    """POST /api-tokens/webhooks/<id>/again: switch a webhook on and send what could not be delivered once more."""
    return await _on_webhook(request, "webhook.again")


async def end(request: web.Request) -> web.Response:
    """POST /api-tokens/webhooks/<id>/end: nothing is sent there any more."""
    return await _on_webhook(request, "webhook.end")


async def _on_webhook(request: web.Request, action: str) -> web.Response:
    me = staff_of(request)
    await staff_form(request)
    now = site(request).clock.now()
    webhook_id = path_id(request)
    async with transaction(site(request).pool) as conn:
        if not await webhooks_of(conn, org_id=me.org_id, owner_id=me.org_id, webhook_id=webhook_id):
            raise web.HTTPNotFound
        if action == "webhook.again":
            await send_again(conn, webhook_id, now)
        else:
            await delete_webhook(conn, webhook_id, now)
        await audit(conn, me.actor, action, at=now, detail={"webhook": str(webhook_id)})
    return see_other("/api-tokens#webhooks")


_MAKERS = staff(*SCOPES_OF)

ROUTES = [
    Route("GET", "/api-tokens", api_tokens, _MAKERS),
    Route("POST", "/api-tokens", new_token, _MAKERS),
    Route("POST", "/api-tokens/{id}/revoke", revoke, _MAKERS),
    Route("POST", "/api-tokens/webhooks/{id}/again", again, _MAKERS),
    Route("POST", "/api-tokens/webhooks/{id}/end", end, _MAKERS),
]
