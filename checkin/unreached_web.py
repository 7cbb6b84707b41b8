"""An organisation's people who could not be told tonight: why, what to do, and the list for a spreadsheet."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from checkin.pages_web import page_language
from checkin.unreached import WHYS, Line, Unreached, unreached
from checkin.unreached_store import members
from core.audit import audit
from core.clock import JST
from core.db import transaction
from core.i18n import Sayer
from core.model import Role
from core.spreadsheet import csv_bytes
from core.web import Route, render, site, staff
from registry.access import HOUSEHOLD, KEEPS_PEOPLE, may_see
from registry.people_store import own_orgs
from registry.sessions import staff_of
from registry.step_up_web import require_step_up

#: People on one page.
PAGE = 200
#: Of what is read here, what a role may see; and what the audit log says was read.
FIELDS = ("name", "channel_state", "state", "employee_id", "site", "dorm", "room")
#: Columns of the file; no number and no address stands in it.
CSV_COLUMNS = ("name", "employee_id", "site", "dorm", "room", "state", "why", "do", "proven")


async def _read(request: web.Request, action: str, why: str, most: int, skip: int) -> tuple[Unreached, dict[UUID, str]]:
    """The list and the organisations it covers; what is shown of it is written into the audit log."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        orgs = await own_orgs(conn, me)
        found = unreached(await members(conn, orgs), now)
        shown = found.of(why)[skip : skip + most]
        await audit(
            conn,
            me.actor,
            action,
            at=now,
            subjects=[line.member.id for line in shown],
            fields=[name for name in FIELDS if may_see(me.role, name)],
        )
    return found, orgs


async def unreached_page(request: web.Request) -> web.Response:
    """GET /people/unreached: everybody who cannot be reached; ?why= one reason only."""
    me = staff_of(request)
    why = request.query.get("why", "")
    why = why if why in WHYS else ""
    page = min(int(request.query["page"]), 10_000) if request.query.get("page", "").isdecimal() else 0
    found, orgs = await _read(request, "people.unreached", why, PAGE, page * PAGE)
    lines = found.of(why)
    return render(
        request,
        "unreached.html",
        lang=page_language(request),
        found=found,
        lines=lines[page * PAGE : (page + 1) * PAGE],
        total=len(found.of("")),
        why=why,
        page=page,
        more=len(lines) > (page + 1) * PAGE,
        orgs=orgs,
        sees=lambda field: may_see(me.role, field),
    )


async def unreached_csv(request: web.Request) -> web.Response:
    """GET /people/unreached.csv: the same for a spreadsheet; needs the second factor again."""
    await require_step_up(request)
    me = staff_of(request)
    wires = site(request)
    found, _ = await _read(request, "people.unreached_export", "", 1_000_000, 0)
    say = wires.catalogs.sayer(page_language(request))
    body = csv_bytes(
        [say.plain(f"staff.unreached.csv.{name}") for name in CSV_COLUMNS],
        [_row(say, me.role, line) for line in found.of("")],
    )
    name = f"daijobu-unreached-{wires.clock.now().astimezone(JST):%Y%m%d}.csv"
    return web.Response(
        body=body,
        headers={"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": f'attachment; filename="{name}"'},
    )


def _row(say: Sayer, role: Role, line: Line) -> list[str]:
    member = line.member
    proven = member.proven_at
    return [
        member.name,
        member.employee_id if may_see(role, "employee_id") else "",
        say.plain("staff.people.household") if member.site == HOUSEHOLD else member.site,
        member.dorm,
        member.room,
        say.plain(f"staff.people.state.{member.state}"),
        say.plain(f"staff.unreached.why.{line.why}"),
        say.plain(f"staff.unreached.do.{line.advice}"),
        f"{proven.astimezone(JST):%Y-%m-%d}" if proven else "",
    ]


ROUTES = [
    Route("GET", "/people/unreached", unreached_page, staff(*KEEPS_PEOPLE)),
    Route("GET", "/people/unreached.csv", unreached_csv, staff(*KEEPS_PEOPLE)),
]
