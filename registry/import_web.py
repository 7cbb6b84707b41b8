"""Uploading a list: choose a file, look at its columns, see every row's fate, confirm, and take it back."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from aiohttp import web

from core.db import Connection, transaction
from core.web import Route, render, see_other, site, staff, staff_form
from registry.access import KEEPS_PEOPLE
from registry.columns import HEADINGS, template_csv
from registry.headings import NAME_PARTS
from registry.import_choices import decode_choices, read_choices, read_mapping
from registry.import_jobs import Job, Step, apply, audit_preview, check, read_columns, start, take_back
from registry.import_run_store import (
    Run,
    as_worker,
    discard,
    get_run,
    list_runs,
    new_run,
    read_result,
    set_columns_chosen,
    set_gone,
    work_of,
)
from registry.import_undo_store import name_kept, plan_undo
from registry.import_view import CHOICES
from registry.sessions import Staff, staff_of
from registry.table import short_name

#: A step that is done within this time needs no page of its own.
_WAIT_S: Final = 2.0
#: Names shown of those whom an undo leaves alone.
_SHOWN_KEPT: Final = 200


async def import_page(request: web.Request) -> web.Response:
    """GET /import: the form, the columns, the past uploads."""
    return await _form(request)


async def _form(request: web.Request, status: int = 200, problem: Any = None) -> web.Response:
    me = staff_of(request)
    wires = site(request)
    async with wires.pool.acquire() as conn:
        runs = await list_runs(conn, me.org_id)
    return render(
        request, "registry_import.html", lang=me.language, status=status, problem=problem, runs=runs, headings=HEADINGS
    )


async def upload(request: web.Request) -> web.Response:
    """POST /import: keep the file (encrypted) and find its columns; nothing else changes."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    part = form.get("file")
    if not isinstance(part, web.FileField):
        return await _form(request, 400, ("staff.import.file.empty", {}))
    body = part.file.read()
    async with transaction(wires.pool) as conn:
        run_id = await new_run(
            conn,
            wires.vault,
            me.org_id,
            me.id,
            file_name=short_name(part.filename),
            body=body,
            now=wires.clock.now(),
        )
    await _begin(request, run_id, "reading", read_columns())
    async with wires.pool.acquire() as conn:
        run = await get_run(conn, run_id, me.org_id)
    if run is not None and run.state == "failed" and run.problem:
        return await _form(request, 400, (run.problem["key"], run.problem["values"]))
    return see_other(f"/import/{run_id}")


async def _begin(request: web.Request, run_id: UUID, stage: str, step: Step) -> None:
    wires = site(request)
    me = staff_of(request)
    actor = me.actor
    job = Job(wires.pool, wires.vault, wires.catalogs, wires.clock, me.org_id, run_id, actor)
    await start(job, stage, step, wires.extras.setdefault("import_tasks", set()), wait_s=_WAIT_S)


async def _found(conn: Connection, request: web.Request) -> Run:
    """The upload of the path, if it is ours. Raises HTTPNotFound for any other, existing or not."""
    try:
        run = await get_run(conn, UUID(request.match_info["run"]), staff_of(request).org_id)
    except ValueError:
        run = None
    if run is None:
        raise web.HTTPNotFound(text="There is no such upload of your organisation.")
    return run


async def run_page(request: web.Request) -> web.Response:
    """GET /import/<run>: how far it is, its columns, its plan, or what became of it."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        run = await _found(conn, request)
        work = await work_of(conn, run.id, me.org_id, now)
        if work is not None:
            stage, done, total = work
            return render(
                request, "registry_import_progress.html", lang=me.language, run=run, stage=stage, done=done, total=total
            )
        shown = await read_result(conn, wires.vault, run.id, me.org_id)
        if shown and shown["kind"] == "plan":
            await audit_preview(conn, me.actor, list(run.subjects), now)
    if run.state == "failed" or (run.state == "new" and not run.has_body):
        problem = run.problem or {"key": "staff.import.file.forgotten", "values": {}}
        return await _form(request, 200, (problem["key"], problem["values"]))
    if run.state == "new" or shown is None:
        return await _form(request, 200, None if run.state in ("applied", "undone") else ("staff.import.stopped", {}))
    return _show(request, me, run, shown)


def _show(request: web.Request, me: Staff, run: Run, shown: dict[str, Any], status: int = 200) -> web.Response:
    common: dict[str, Any] = {"lang": me.language, "status": status, "run": run, "shown": shown}
    if shown["kind"] == "columns":
        names = {f: (HEADINGS | NAME_PARTS)[f] for f in CHOICES}
        return render(request, "registry_import_columns.html", names=names, **common)
    if shown["kind"] == "undone":
        return render(request, "registry_import_undone.html", **common)
    applied = run.state == "applied"
    undoable = run.can_undo(site(request).clock.now())
    return render(request, "registry_import_plan.html", applied=applied, undoable=undoable, **common)


async def columns(request: web.Request) -> web.Response:
    """POST /import/<run>/columns: the clerk's columns, then the dry run; another sheet; or back to the columns."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    fields = [(name, value) for name, value in form.items() if isinstance(value, str)]
    async with transaction(wires.pool) as conn:
        run = await _found(conn, request)
        shown = await read_result(conn, wires.vault, run.id, me.org_id)
        if run.state not in ("columns", "ready") or not run.has_body or shown is None:
            return see_other(f"/import/{run.id}")
        step, stage = check(decode_choices({}), {}), "checking"
        if shown["kind"] != "columns":
            step, stage = read_columns((run.mapping or {}).get("sheet"), run.mapping), "reading"
        elif (sheet := _other_sheet(str(form.get("sheet", "")), shown)) is not None:
            step, stage = read_columns(sheet), "reading"
        else:
            index, twice = read_mapping(fields, shown)
            problem = _problem_of(index, twice)
            await set_columns_chosen(conn, run.id, {"sheet": shown["sheet"], "index": index}, problem)
            if problem:
                return see_other(f"/import/{run.id}")
    await _begin(request, run.id, stage, step)
    return see_other(f"/import/{run.id}")


def _other_sheet(asked: str, shown: dict[str, Any]) -> int | None:
    sheet = int(asked) if asked.isdigit() and len(asked) < 4 else shown["sheet"]
    return sheet if sheet != shown["sheet"] and sheet < len(shown["sheets"]) else None


def _problem_of(index: dict[str, int], twice: str) -> dict[str, Any] | None:
    if twice:
        return {"key": "staff.import.column.twice", "values": {"field": (HEADINGS | NAME_PARTS)[twice][0]}}
    if not {"name", *NAME_PARTS} & set(index):
        return {"key": "staff.import.column.no_name", "values": {}}
    return None


async def answer(request: web.Request) -> web.Response:
    """POST /import/<run>: write what was shown; new answers are shown first."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    fields = [(name, value) for name, value in form.items() if isinstance(value, str)]
    async with transaction(wires.pool) as conn:
        run = await _found(conn, request)
        shown = await read_result(conn, wires.vault, run.id, me.org_id)
        if run.state != "ready" or not run.has_body or shown is None:
            return see_other(f"/import/{run.id}")
        chosen = read_choices(fields, shown, run.choices)
        again = "check" in form or decode_choices(chosen).asks_again != decode_choices(run.choices).asks_again
        if not again:
            await set_gone(conn, run.id, chosen)
    if again:
        await _begin(request, run.id, "checking", check(decode_choices(chosen), chosen))
    else:
        await _begin(request, run.id, "applying", apply)
    return see_other(f"/import/{run.id}")


async def undo_page(request: web.Request) -> web.Response:
    """GET /import/<run>/undo: what taking the import back would do, and who would stay and why."""
    me = staff_of(request)
    wires = site(request)
    async with transaction(wires.pool) as conn:
        run = await _found(conn, request)
    if not run.can_undo(wires.clock.now()):
        return see_other(f"/import/{run.id}")
    async with as_worker(wires.pool) as conn:
        decided = await plan_undo(conn, wires.vault, run)
        stays = decided.kept[:_SHOWN_KEPT]
        kept = await name_kept(conn, stays, run.org_id)
        actor = me.actor
        await audit_preview(conn, actor, [k.resident_id for k in stays], wires.clock.now())
    total = len(decided.kept)
    return render(
        request, "registry_import_undo.html", lang=me.language, run=run, decided=decided, kept=kept, total=total
    )


async def undo(request: web.Request) -> web.Response:
    """POST /import/<run>/undo: take the import back."""
    wires = site(request)
    await staff_form(request)
    async with transaction(wires.pool) as conn:
        run = await _found(conn, request)
    if run.can_undo(wires.clock.now()):
        await _begin(request, run.id, "undoing", take_back)
    return see_other(f"/import/{run.id}")


async def throw_away(request: web.Request) -> web.Response:
    """POST /import/<run>/discard: forget an upload that was not applied, its file first of all."""
    wires = site(request)
    await staff_form(request)
    async with transaction(wires.pool) as conn:
        run = await _found(conn, request)
        await discard(conn, run.id, run.org_id)
    return see_other("/import")


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
    Route("GET", "/import/{run}", run_page, staff(*KEEPS_PEOPLE)),
    Route("POST", "/import/{run}", answer, staff(*KEEPS_PEOPLE)),
    Route("POST", "/import/{run}/columns", columns, staff(*KEEPS_PEOPLE)),
    Route("GET", "/import/{run}/undo", undo_page, staff(*KEEPS_PEOPLE)),
    Route("POST", "/import/{run}/undo", undo, staff(*KEEPS_PEOPLE)),
    Route("POST", "/import/{run}/discard", throw_away, staff(*KEEPS_PEOPLE)),
]
