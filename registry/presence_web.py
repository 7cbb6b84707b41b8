"""/p/<token>/away: a person says that they are away, back, moved out, or here for a short time only."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from aiohttp import web

from core.audit import Actor, audit
from core.clock import date_in_japan
from core.db import Connection, transaction
from core.web import (
    TOKEN,
    Route,
    clean_text,
    link_not_found,
    public_form,
    render,
    see_other,
    site,
    staff,
    staff_form,
)
from geo.store import insert_places
from registry.access import KEEPS_PEOPLE
from registry.import_read_store import seal_place
from registry.import_run import locate_offline
from registry.imports import PlaceUnknown
from registry.owner_web import owner_language, owner_of
from registry.people_store import find_person, own_orgs
from registry.personal_store import Owner
from registry.presence import AbsenceProblem, Kind, read_absence, read_stay
from registry.presence_store import Presence, clear, move_out, propose, read_presences, set_own, set_stay, withdraw
from registry.rows import AddressInput, read_postal_code
from registry.sessions import staff_of
from registry.store import set_places


def _today(request: web.Request) -> date:
    return date_in_japan(site(request).clock.now())


async def page(request: web.Request) -> web.Response:
    """GET /p/<token>/away: where we believe the person is, and the ways to change it."""
    async with transaction(site(request).pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        presences = await read_presences(conn, [owner.resident_id], _today(request))
    return _show(request, owner, presences[owner.resident_id])


def _show(request: web.Request, owner: Owner, presence: Presence, problem: str = "") -> web.Response:
    return render(
        request,
        "person_away.html",
        lang=owner_language(request, owner),
        status=400 if problem else 200,
        token=request.match_info["token"],
        presence=presence,
        kinds=(Kind.AWAY, Kind.HOME_LEAVE),
        today=_today(request),
        problem=problem,
        saved=request.query.get("saved") == "1",
    )


async def save(request: web.Request) -> web.Response:
    """POST /p/<token>/away: `do` is away, back, moved_out or stay."""
    wires = site(request)
    now, today = wires.clock.now(), _today(request)
    form = await public_form(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        person = owner.resident_id
        try:
            match form.get("do"):
                case "away":
                    await set_own(conn, person, read_absence(form, today), now)
                case "back":
                    await clear(conn, person)
                case "moved_out":
                    await _move(request, conn, person, form.get("postal_code", ""))
                case "stay":
                    await set_stay(conn, person, read_stay(form.get("until", ""), today))
                case _:
                    raise AbsenceProblem("away.problem.kind")
        except AbsenceProblem as problem:
            presences = await read_presences(conn, [person], today)
            return _show(request, owner, presences[person], problem.key)
        await audit(conn, Actor("personal link"), f"presence.{form['do']}", at=now, subjects=[person])
    if form["do"] == "moved_out" and form.get("postal_code"):
        return see_other(f"/p/{request.match_info['token']}?saved=1")  # which shows the home as we understood it
    return see_other(f"/p/{request.match_info['token']}/away?saved=1")


async def _move(request: web.Request, conn: Connection, person: UUID, postal_code: str) -> None:
    """Out of the old home, and into the new one if its postal code is given."""
    place = None
    if postal_code:
        code = read_postal_code(postal_code)
        given = AddressInput(postal_code=code or "")
        try:
            place = seal_place(site(request).vault, given, locate_offline(given))
        except PlaceUnknown:
            raise AbsenceProblem("me.postal_wrong") from None
    await move_out(conn, person)
    if place is not None:
        await insert_places(conn, [place])
        await set_places(conn, [(person, "home", place.id)])


async def propose_away(request: web.Request) -> web.Response:
    """POST /people/<id>/away: an organisation says that one of its people is away; the person confirms it."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    form = await staff_form(request)
    values = {name: clean_text(str(form.get(name, "")), 40) for name in ("do", "kind", "until")}
    async with transaction(wires.pool) as conn:
        try:
            found = await find_person(conn, UUID(request.match_info["id"]), await own_orgs(conn, me))
        except ValueError:
            found = None
        if found is None:
            raise web.HTTPNotFound(text="There is no such person on your list.")
        try:
            if values["do"] == "withdraw":
                await withdraw(conn, found.id)
            else:
                await propose(conn, found.id, found.org_id, read_absence(values, _today(request), own=False), now)
        except AbsenceProblem:
            return see_other(f"/people/{found.id}?away=wrong")
        await audit(conn, me.actor, "presence.propose", at=now, subjects=[found.id])
    return see_other(f"/people/{found.id}")


ROUTES = [
    Route("GET", "/p/{token}/away", page, TOKEN),
    Route("POST", "/p/{token}/away", save, TOKEN),
    Route("POST", "/people/{id}/away", propose_away, staff(*KEEPS_PEOPLE)),
]
