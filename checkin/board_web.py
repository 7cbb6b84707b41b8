"""The coordinator board: whom to follow up first, who works on it, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from aiohttp import web

from checkin.board_store import (
    callees,
    dorm_counts,
    history,
    home_address,
    house,
    needs,
    open_cases,
    open_purposes,
    orgs_of,
    reach,
    work_address,
)
from checkin.cases import Found, choices, with_the_rest
from checkin.cases_store import add_note, claim, extend, release
from checkin.elsewhere_store import said_address, said_places
from checkin.location_store import whereabouts
from checkin.outcomes import OutcomeRefused, close_dorm
from checkin.outcomes_store import own_help_of, questions_of
from checkin.pages_web import message_page, municipality_name, respond
from checkin.triage import (
    Filter,
    Unit,
    by_municipality,
    calls_for_help,
    chosen,
    page_of,
    people_by_place,
    units,
)
from checkin.visit_store import visits_to
from core.audit import audit
from core.db import Connection, transaction
from core.model import CaseReason, Purpose, Role
from core.web import Route, clean_text, path_id, see_other, site, staff, staff_form
from registry.elsewhere import last_minute
from registry.listening_web import silent_feeds
from registry.needs_store import needs_for_helpers
from registry.operator_store import held_count
from registry.sessions import staff_of

#: Why somebody may look at a number: the choices of the form, as the audit log keeps them.
REVEAL_REASONS = ("call", "visit", "handover")
#: A phone on a bad line loads this many in a second; filters lead to the rest.
UNITS_A_PAGE = 100
#: `?place=` for people whose municipality nobody knows.
NO_PLACE = "unknown"
#: What is read about a person on a unit's page.
UNIT_FIELDS = ("name", "languages", "room", "need", "note")


async def board(request: web.Request) -> web.Response:
    """GET /board: calls for help first, then units by municipality, the most urgent first.

    `?reason=`, `?whose=mine|free`, `?place=<jis code>|unknown`, `?page=`, `?purpose=drill`.
    """
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        purposes = await open_purposes(conn)
        stale = await silent_feeds(request, conn)
        held = await held_count(conn)
        if not purposes:
            return respond(request, "board_none", stale=stale, held=held)
        purpose = _purpose(request, purposes)
        wanted = _filter(request)
        all_units = await _units(conn, request, purpose)
        anywhere = chosen(all_units, replace(wanted, place=None), me.id, now)
        page = page_of(chosen(anywhere, wanted, me.id, now), _number(request, "page"), UNITS_A_PAGE)
        visits = await visits_to(conn, {unit.id for unit in page.units if unit.kind == "dorm"}, purpose, now)
        await audit(
            conn,
            me.actor,
            "board.read",
            at=now,
            subjects=[case.resident_id for unit in page.units for case in unit.cases if case.name is not None],
            fields=("name", "languages"),
        )
    helps, rest = calls_for_help(page.units)
    waiting = people_by_place(anywhere)
    return respond(
        request,
        "board_list",
        helps=helps,
        towns=[(code, members) for code, members in by_municipality(rest)],
        waiting=waiting,
        town_names={code: municipality_name(request, code) for code in waiting},
        purpose=purpose,
        purposes=sorted(purposes),
        wanted=wanted,
        counts=_chip_counts(chosen(all_units, Filter(place=wanted.place), me.id, now), me.id, request),
        part=page,
        visits=visits,
        saved={name: _number(request, name) for name in ("closed", "missing")} if "closed" in request.query else None,
        stale=stale,
        held=held,
        my_id=me.id,
    )


def _number(request: web.Request, name: str) -> int:
    """A number of the query; 0 for anything that is none."""
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


def _purpose(request: web.Request, purposes: set[Purpose]) -> Purpose:
    asked = request.query.get("purpose", "")
    if asked in {p.value for p in purposes}:
        return Purpose(asked)
    return Purpose.LIVE if Purpose.LIVE in purposes else Purpose.DRILL


def _filter(request: web.Request) -> Filter:
    reason, whose = request.query.get("reason", ""), request.query.get("whose", "")
    place = request.query.get("place") or None
    return Filter(
        CaseReason(reason) if reason in {r.value for r in CaseReason} else None,
        whose if whose in ("mine", "free") else "",
        "" if place == NO_PLACE else place,
    )


def _chip_counts(all_units: list[Unit], me: UUID, request: web.Request) -> dict[str, int]:
    """How many people each filter would show."""
    now = site(request).clock.now()
    counts = {"": sum(len(unit.cases) for unit in all_units)}
    for reason in CaseReason:
        counts[reason.value] = sum(case.reason is reason for unit in all_units for case in unit.cases)
    for whose in ("mine", "free"):
        counts[whose] = sum(len(unit.cases) for unit in chosen(all_units, Filter(whose=whose), me, now))
    return counts


async def _units(
    conn: Connection,
    request: web.Request,
    purpose: Purpose,
    *,
    dorm_id: UUID | None = None,
    case_id: UUID | None = None,
) -> list[Unit]:
    cases = await open_cases(conn, purpose, dorm_id=dorm_id, case_id=case_id)
    dorms = await dorm_counts(conn, purpose, list({case.dorm_id for case in cases if case.dorm_id}))
    return units(cases, dorms, site(request).clock.now())


async def _unit(conn: Connection, request: web.Request) -> Unit | None:
    """The unit of the path, as it is now; None if nothing of it is open (any more)."""
    try:
        purpose = Purpose(request.match_info["purpose"])
    except ValueError:
        raise web.HTTPNotFound(text="There is no such page.") from None
    kind, id_ = request.match_info["kind"], path_id(request, "id")
    ids = {"dorm": {"dorm_id": id_}, "person": {"case_id": id_}}.get(kind)
    if ids is None:
        return None
    for unit in await _units(conn, request, purpose, **ids):
        if (unit.kind, unit.id) == (kind, id_):
            return unit
    return None


async def unit_page(request: web.Request) -> web.Response:
    """GET /board/<purpose>/<dorm|person>/<id>: whom to call first, the people, and the form for the outcome."""
    async with transaction(site(request).pool) as conn:
        unit = await _unit(conn, request)
        if unit is None:
            return message_page(request, "staff.board.gone", status=404, back="/board")
        return await _show(request, conn, unit)


async def _show(
    request: web.Request, conn: Connection, unit: Unit, revealed: Mapping[str, Any] | None = None
) -> web.Response:
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    dorm_id = unit.cases[0].dorm_id
    residents = [case.resident_id for case in unit.cases]
    own_help = await own_help_of(conn, [case.id for case in unit.cases])
    where = await whereabouts(conn, wires.vault, me.role, unit, me.id, now)
    context: dict[str, Any] = {
        "unit": unit,
        "house": await house(conn, wires.vault, dorm_id) if dorm_id else None,
        "callees": await callees(conn, dorm_id, await orgs_of(conn, residents)),
        "visits": await visits_to(conn, [dorm_id] if dorm_id else [], unit.purpose, now),
        "said": {
            who: (municipality_name(request, one.municipality), last_minute(one.until))
            for who, one in (await said_places(conn, residents)).items()
        },
        "needs": await needs(conn, wires.vault, unit.purpose, residents),
        "own_needs": await needs_for_helpers(conn, wires.vault, residents) if me.role is Role.COORDINATOR else {},
        "history": await history(conn, wires.vault, [case.id for case in unit.cases]),
        "choices": {case.id: choices(case.reason, case.id in own_help) for case in unit.cases},
        "where": {
            who: (one, municipality_name(request, one.municipality) if one.municipality else "")
            for who, one in where.items()
        },
    }
    # Whom to call first may be a resident too, who is no case: their name is read as well.
    called = [callee.id for callee in context["callees"] if callee.kind == "resident"]
    await audit(
        conn,
        me.actor,
        "board.unit",
        at=now,
        subjects=list(dict.fromkeys([*residents, *called])),
        fields=UNIT_FIELDS,
        incident_id=unit.cases[0].incident_id,
    )
    if where:
        await audit(
            conn,
            me.actor,
            "board.location",
            at=now,
            subjects=list(where),
            fields=["location"],
            incident_id=unit.cases[0].incident_id,
        )
    return respond(
        request,
        "board_unit",
        municipality=municipality_name(request, unit.cases[0].municipality),
        claim=unit.claim(now),
        my_id=me.id,
        reasons=REVEAL_REASONS,
        revealed=revealed,
        stale=await silent_feeds(request, conn),
        **context,
    )


async def claim_unit(request: web.Request) -> web.Response:
    """POST .../claim: take the unit. Of two who try, one gets it and the other is told who has it."""
    me = staff_of(request)
    wires = site(request)
    await staff_form(request)
    async with transaction(wires.pool) as conn:
        unit = await _unit(conn, request)
        if unit is None:
            return message_page(request, "staff.board.gone", status=404, back="/board")
        taken = await claim(conn, [case.id for case in unit.cases], me.id, wires.clock.now())
    back = f"/board/{unit.path}"
    if taken.taken:
        return see_other(back)
    if not taken.by_name:
        return message_page(request, "staff.board.gone", status=404, back="/board")
    return message_page(request, "staff.board.refused.claimed", status=409, back=back, name=taken.by_name)


async def release_unit(request: web.Request) -> web.Response:
    """POST .../release: give one's own claim back."""
    me = staff_of(request)
    wires = site(request)
    await staff_form(request)
    async with transaction(wires.pool) as conn:
        unit = await _unit(conn, request)
        if unit is None:
            return message_page(request, "staff.board.gone", status=404, back="/board")
        await release(conn, [case.id for case in unit.cases], me.id, wires.clock.now())
    return see_other(f"/board/{unit.path}")


async def write_outcome(request: web.Request) -> web.Response:
    """POST .../outcome: what a call or visit found about each person, and a note; all or nothing."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    form = await staff_form(request)
    found: dict[UUID, Found] = {}
    for name, value in form.items():
        if name.startswith("case-") and isinstance(value, str):
            try:
                found[UUID(name.removeprefix("case-"))] = Found(value)
            except ValueError:
                return message_page(request, "staff.board.refused.choose", status=400, back=request.path)
    note = clean_text(str(form.get("note", "")))
    async with transaction(wires.pool) as conn:
        unit = await _unit(conn, request)
        if unit is None:
            return message_page(request, "staff.board.gone", status=404, back="/board")
        back = f"/board/{unit.path}"
        of_unit = {case.id for case in unit.cases}
        if not found or not set(found) <= of_unit:
            return message_page(request, "staff.board.refused.closed", status=409, back=back)
        questions = await questions_of(conn, [case.incident_id for case in unit.cases])
        rest_is_ok = form.get("rest") == Found.OK.value
        found = with_the_rest(found, {case.id: case.reason for case in unit.cases}, rest_is_ok=rest_is_ok)
        try:
            result = await close_dorm(conn, wires.vault, found, staff_id=me.id, note=note, questions=questions, now=now)
        except OutcomeRefused as refused:
            return message_page(request, refused.key, status=409, back=back, **refused.fields)
        await audit(
            conn,
            me.actor,
            "board.outcome",
            at=now,
            subjects=[case.resident_id for case in unit.cases if case.id in found],
            fields=["status"],
            incident_id=unit.cases[0].incident_id,
            detail={"closed": result.closed, "missing": result.missing},
        )
    if result.still_open > result.missing:
        return see_other(back)
    finished = result.closed - result.missing
    return see_other(f"/board?purpose={unit.purpose.value}&closed={finished}&missing={result.missing}")


async def write_note(request: web.Request) -> web.Response:
    """POST .../note: what was learnt or is being done ("going to the dorm, 02:30")."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    text = clean_text(str(form.get("note", "")))
    async with transaction(wires.pool) as conn:
        unit = await _unit(conn, request)
        if unit is None:
            return message_page(request, "staff.board.gone", status=404, back="/board")
        if text:
            await add_note(conn, wires.vault, [case.id for case in unit.cases], me.id, text, wires.clock.now())
    return see_other(f"/board/{unit.path}")


async def reveal(request: web.Request) -> web.Response:
    """POST .../reveal: the numbers and handles of one person of the unit, for a stated reason. Leaves an audit row.

    People who have not agreed to be named to coordinators are reached through their leader or organisation only.
    """
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    form = await staff_form(request)
    why = str(form.get("why", ""))
    async with transaction(wires.pool) as conn:
        unit = await _unit(conn, request)
        if unit is None:
            return message_page(request, "staff.board.gone", status=404, back="/board")
        back = f"/board/{unit.path}"
        if why not in REVEAL_REASONS:
            return message_page(request, "staff.board.refused.why", status=400, back=back)
        kind, _, id_ = str(form.get("who", "")).partition(":")
        try:
            who = UUID(id_)
        except ValueError:
            raise web.HTTPNotFound(text="There is no such person in this unit.") from None
        residents = {case.resident_id for case in unit.cases if case.name is not None}
        first = {(c.kind, c.id) for c in await callees(conn, unit.cases[0].dorm_id, await orgs_of(conn, _people(unit)))}
        own = kind == "resident" and who in residents
        if not own and (kind, who) not in first:
            raise web.HTTPNotFound(text="There is no such person in this unit.")
        ways = await reach(
            conn,
            wires.vault,
            resident_id=who if kind == "resident" else None,
            staff_id=who if kind == "staff" else None,
        )
        address = work = today = ""
        if own and why != "call":
            address = await home_address(conn, wires.vault, who)
            help_asked = any(c.resident_id == who and c.reason is CaseReason.NEEDS_HELP for c in unit.cases)
            work = await work_address(conn, wires.vault, me.role, who, help_asked=help_asked)
            today = await said_address(conn, wires.vault, who)
        seen = [
            "phone",
            "handles",
            *(["home"] if address else []),
            *(["work"] if work else []),
            *(["elsewhere"] if today else []),
        ]
        await audit(
            conn,
            me.actor,
            "board.reveal",
            at=now,
            subjects=[who],
            fields=seen,
            incident_id=unit.cases[0].incident_id,
            detail={"why": why, "kind": kind},
        )
        await extend(conn, [case.id for case in unit.cases], me.id, now)
        shown = {"who": who, "ways": ways, "address": address, "work": work, "today": today}
        return await _show(request, conn, unit, revealed=shown)


def _people(unit: Unit) -> list[UUID]:
    return [case.resident_id for case in unit.cases]


FOLLOWING = staff(Role.COORDINATOR, Role.VOLUNTEER)
UNIT = "/board/{purpose}/{kind}/{id}"

ROUTES = [
    Route("GET", "/board", board, FOLLOWING),
    Route("GET", UNIT, unit_page, FOLLOWING),
    Route("POST", UNIT + "/claim", claim_unit, FOLLOWING),
    Route("POST", UNIT + "/release", release_unit, FOLLOWING),
    Route("POST", UNIT + "/outcome", write_outcome, FOLLOWING),
    Route("POST", UNIT + "/note", write_note, FOLLOWING),
    Route("POST", UNIT + "/reveal", reveal, FOLLOWING),
]
