"""Uploading a list: choose a file, see every row's fate, confirm."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aiohttp import web

from core.audit import Actor, audit
from core.db import transaction
from core.web import Route, render, see_other, site, staff, staff_form
from registry.access import KEEPS_PEOPLE
from registry.columns import HEADINGS, template_csv
from registry.import_read_store import find_owner
from registry.import_run import Upload, may_create, run_upload
from registry.import_run_store import take_upload
from registry.imports import Fate, Plan
from registry.people_store import last_upload
from registry.sessions import Staff, staff_of
from registry.table import UnreadableTable

#: Rows shown per fate on the page; the counts are always complete.
_SHOWN = 500
_ORDER = (Fate.REFUSED, Fate.DOUBTFUL, Fate.CHANGED, Fate.NEW, Fate.UNCHANGED)


async def import_page(request: web.Request) -> web.Response:
    """GET /import: the form, the columns, the last upload."""
    me = staff_of(request)
    async with site(request).pool.acquire() as conn:
        last = await last_upload(conn, me.org_id)
    return _form(request, me, last=last)


def _form(request: web.Request, me: Staff, status: int = 200, problem: Any = None, last: Any = None) -> web.Response:
    return render(
        request, "registry_import.html", lang=me.language, status=status, problem=problem, last=last, headings=HEADINGS
    )


async def upload(request: web.Request) -> web.Response:
    """POST /import: plan the file, change nothing, and keep it (encrypted) until the clerk confirms."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    part = form.get("file")
    if not isinstance(part, web.FileField):
        return _form(request, me, 400, ("staff.import.file.empty", {}))
    sent = Upload(part.filename, part.file.read())
    actor = Actor(me.name, me.id, me.org_id)
    now = wires.clock.now()
    try:
        async with transaction(wires.pool) as conn:
            owner = await find_owner(conn, org_id=me.org_id)
            assert owner is not None  # a session of a closed organisation does not live
            plan, run_id = await run_upload(
                conn,
                wires.vault,
                owner,
                sent,
                supported=wires.catalogs.languages,
                dry_run=True,
                now=now,
                actor=actor,
                may_create_employers=may_create(owner),
                keep_body=True,
            )
            read = [row.match for row in plan.rows if row.match] + [p.id for p in plan.absent]
            await audit(conn, actor, "import.preview", at=now, subjects=read, fields=["registration"])
    except UnreadableTable as error:
        return _form(request, me, 400, (error.key, error.values))
    return _show(request, me, plan, run_id, sent.file_name, applied=False)


def _show(request: web.Request, me: Staff, plan: Plan, run_id: UUID, file_name: str, *, applied: bool) -> web.Response:
    groups = [(fate, [row for row in plan.rows if row.fate is fate]) for fate in _ORDER]
    return render(
        request,
        "registry_import_plan.html",
        lang=me.language,
        plan=plan,
        counts=plan.counts,
        groups=[(fate, rows[:_SHOWN], len(rows)) for fate, rows in groups if rows],
        run_id=run_id,
        file_name=file_name,
        applied=applied,
        writes=any(row.action != "none" for row in plan.rows) or bool(plan.site_addresses),
    )


async def apply(request: web.Request) -> web.Response:
    """POST /import/<run>: write what was shown, planned again against the list as it is now."""
    me = staff_of(request)
    wires = site(request)
    await staff_form(request)
    try:
        run_id = UUID(request.match_info["run"])
    except ValueError:
        raise web.HTTPNotFound from None
    async with transaction(wires.pool) as conn:
        kept = await take_upload(conn, wires.vault, run_id, me.org_id)
        if kept is None:
            return see_other("/import")
        owner = await find_owner(conn, org_id=me.org_id)
        assert owner is not None
        plan, done = await run_upload(
            conn,
            wires.vault,
            owner,
            Upload(*kept),
            supported=wires.catalogs.languages,
            dry_run=False,
            now=wires.clock.now(),
            actor=Actor(me.name, me.id, me.org_id),
            may_create_employers=may_create(owner),
        )
    return _show(request, me, plan, done, kept[0], applied=True)


async def template(request: web.Request) -> web.Response:
    """GET /import/template.csv: an empty list with the Japanese headings."""
    return web.Response(
        body=template_csv(),
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": 'attachment; filename="daijobu-template.csv"',
        },
    )


ROUTES = [
    Route("GET", "/import", import_page, staff(*KEEPS_PEOPLE)),
    Route("POST", "/import", upload, staff(*KEEPS_PEOPLE)),
    Route("GET", "/import/template.csv", template, staff(*KEEPS_PEOPLE)),
    Route("POST", "/import/{run}", apply, staff(*KEEPS_PEOPLE)),
]
