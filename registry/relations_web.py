"""The operator's page of relations: which organisation stands above which."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aiohttp import web

from core.audit import Actor, audit
from core.db import transaction
from core.model import OrgKind, Role
from core.web import Route, render, see_other, site, staff, staff_form
from registry import store
from registry.relations import ABOVE, BELOW, Relation, RelationProblem, relation
from registry.relations_store import named_organisations, relations, unrelate
from registry.sessions import staff_of
from registry.step_up_web import require_step_up


async def relations_page(request: web.Request) -> web.Response:
    """GET /operator/relations: what stands above what, and a form for one more."""
    return await _page(request)


async def _page(request: web.Request, status: int = 200, **said: Any) -> web.Response:
    me = staff_of(request)
    async with transaction(site(request).pool) as conn:
        orgs = await named_organisations(conn)
        found = await relations(conn)
    values: dict[str, Any] = {"problem": None, "chosen": ("", "")}
    return render(
        request,
        "registry_relations.html",
        lang=me.language,
        status=status,
        orgs=orgs,
        relations=found,
        above=[org for org in orgs.values() if org["kind"] in ABOVE],
        below=[org for org in orgs.values() if org["kind"] in BELOW],
        **(values | said),
    )


def _pair(form: Any) -> tuple[UUID, UUID]:
    try:
        return UUID(str(form.get("above", ""))), UUID(str(form.get("below", "")))
    except ValueError:
        raise web.HTTPNotFound(text="There is no such organisation.") from None


async def relate(request: web.Request) -> web.Response:
    """POST /operator/relations: `below` stands under `above` from now on; who is above sees it at once."""
    wires = site(request)
    form = await staff_form(request)
    first, second = _pair(form)
    await require_step_up(request)
    try:
        async with transaction(wires.pool) as conn:
            orgs = await named_organisations(conn)
            if first not in orgs or second not in orgs:
                raise web.HTTPNotFound(text="There is no such organisation.")
            made = relation(
                (first, OrgKind(orgs[first]["kind"])),
                (second, OrgKind(orgs[second]["kind"])),
                await relations(conn),
            )
            await store.relate(conn, made.org_id, made.other_id, made.kind)
            await _audit(conn, request, "relate", made)
    except (RelationProblem, store.AlreadySupervised) as problem:
        return await _page(request, 409, problem=problem.key, chosen=(str(first), str(second)))
    return see_other("/operator/relations")


async def end(request: web.Request) -> web.Response:
    """POST /operator/relations/end: the one above sees nothing of the other any more."""
    wires = site(request)
    form = await staff_form(request)
    first, second = _pair(form)
    await require_step_up(request)
    async with transaction(wires.pool) as conn:
        found = [r for r in await relations(conn) if (r.org_id, r.other_id) == (first, second)]
        if not found:
            raise web.HTTPNotFound(text="There is no such relation.")
        await unrelate(conn, found[0])
        await _audit(conn, request, "unrelate", found[0])
    return see_other("/operator/relations")


async def _audit(conn: Any, request: web.Request, action: str, made: Relation) -> None:
    me = staff_of(request)
    detail = {"above": str(made.org_id), "below": str(made.other_id), "kind": made.kind}
    actor = Actor(me.name or "operator", me.id, me.org_id)
    await audit(conn, actor, action, at=site(request).clock.now(), detail=detail)


_OPERATOR = staff(Role.OPERATOR)
ROUTES = [
    Route("GET", "/operator/relations", relations_page, _OPERATOR),
    Route("POST", "/operator/relations", relate, _OPERATOR),
    Route("POST", "/operator/relations/end", end, _OPERATOR),
]
