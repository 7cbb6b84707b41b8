"""GET /import/<run>/rows.csv: the rows that were refused or are doubtful, with the reasons, to mend the list by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from core.db import transaction
from core.spreadsheet import csv_bytes
from core.web import Route, see_other, site, staff
from registry.access import KEEPS_PEOPLE
from registry.import_jobs import audit_preview
from registry.import_plan import Fate
from registry.import_run_store import get_run, read_result
from registry.sessions import staff_of
from registry.step_up_web import require_step_up

#: What has something to mend, the worst first.
MENDED: Final = (Fate.REFUSED, Fate.DOUBTFUL)

Say = Callable[..., str]


def rows_to_mend(shown: Mapping[str, Any], say: Say) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the file, from the view of a plan (import_view.plan_view). Pure."""
    headings = [
        say(f"staff.import.{key}") for key in ("row", "field.name", "company", "field.dorm", "rows.fate", "why")
    ]
    groups = {group["fate"]: group["rows"] for group in shown["groups"]}
    return headings, [
        [
            str(row["number"]),
            row["name"],
            row["employer"],
            row["dorm"],
            say(f"staff.import.fate.{fate.value}"),
            " / ".join(say(key, **values) for key, values in row["problems"]),
        ]
        for fate in MENDED
        for row in groups.get(fate.value, ())
    ]


async def rows_file(request: web.Request) -> web.Response:
    """The file. 404 for an upload that is not ours; one without a plan (any more) leads to its page."""
    await require_step_up(request)
    me = staff_of(request)
    wires = site(request)
    async with transaction(wires.pool) as conn:
        try:
            run = await get_run(conn, UUID(request.match_info["run"]), me.org_id)
        except ValueError:
            run = None
        if run is None:
            raise web.HTTPNotFound(text="There is no such upload of your organisation.")
        shown = await read_result(conn, wires.vault, run.id, me.org_id)
        if shown is None or shown["kind"] != "plan":  # its page says how far it is
            return see_other(f"/import/{run.id}")
        await audit_preview(conn, me.actor, list(run.subjects), wires.clock.now())
    return web.Response(
        body=csv_bytes(*rows_to_mend(shown, wires.catalogs.sayer(me.language).plain)),
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": 'attachment; filename="daijobu-rows.csv"',
        },
    )


ROUTES: Final = [Route("GET", "/import/{run}/rows.csv", rows_file, staff(*KEEPS_PEOPLE))]
