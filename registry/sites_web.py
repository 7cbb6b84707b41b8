"""Dorms and workplaces: where they are, their telephone, and who answers for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from core.audit import Actor, audit
from core.db import Connection, UniqueViolation, expect_rows, transaction
from core.web import Route, clean_text, render, see_other, site, staff, staff_form
from geo.store import insert_places, move_place
from registry import store
from registry.access import KEEPS_PEOPLE, may_see
from registry.enrol_store import enrolled_of
from registry.enrol_web import place_names
from registry.import_read_store import seal_place, sealed_fields
from registry.imports import PlaceUnknown
from registry.people_store import (
    SiteLine,
    give_place,
    leader_choices,
    occupants,
    own_orgs,
    place_known,
    set_site,
    shift_of,
    sites_of,
)
from registry.phones import PhoneProblem, display, read_phone
from registry.placing import inner_jis, known_keys, note_keys, place_site
from registry.rows import AddressInput, read_postal_code
from registry.sessions import staff_of
from registry.site_hazards_store import site_hazards
from registry.units import units


async def sites(request: web.Request) -> web.Response:
    """GET /sites: every dorm and workplace, those without place or leader first to be seen."""
    return await _list(request)


async def _list(
    request: web.Request, status: int = 200, problem: str | None = None, values: Mapping[str, str] | None = None
) -> web.Response:
    me = staff_of(request)
    async with transaction(site(request).pool) as conn:
        orgs = await own_orgs(conn, me)
        lines = await sites_of(conn, orgs)
        names = {line.id: dict(await leader_choices(conn, line)) for line in lines}
        hazards = {one.site.id: one for one in await site_hazards(conn, list(orgs), me.language)}
        await _audit_names(conn, request, {line.leader for line in lines} | {line.deputy for line in lines})
    return render(
        request,
        "registry_sites.html",
        lang=me.language,
        status=status,
        sites=lines,
        names=names,
        orgs=orgs,
        hazards=hazards,
        endangered=sum(one.endangered for one in hazards.values()),
        problem=problem,
        values=values or {},
    )


async def _audit_names(conn: Connection, request: web.Request, choices: Iterable[str]) -> None:
    """The row for residents' names on these pages; `choices` as in the form: "r:<id>" is a resident."""
    me = staff_of(request)
    subjects = sorted({UUID(choice.removeprefix("r:")) for choice in choices if choice.startswith("r:")})
    await audit(
        conn,
        me.actor,
        "site.read",
        at=site(request).clock.now(),
        subjects=subjects,
        fields=["name", "leader", "room", "state"],
    )


async def new_site(request: web.Request) -> web.Response:
    """POST /sites: a new dorm or workplace with its place."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    values = {k: clean_text(str(form.get(k, "")), 300) for k in ("name", "kind", "org", "postal_code", "address")}
    if not values["name"] or values["kind"] not in ("dorm", "workplace"):
        return await _list(request, 400, "staff.sites.no_name", values)
    try:
        placed = await place_site(wires.settings, _given(values))
    except PlaceUnknown:
        return await _list(request, 400, "staff.sites.not_found", values)
    place = seal_place(wires.vault, placed.given, placed.located, label=values["name"])
    now = wires.clock.now()
    try:
        async with transaction(wires.pool) as conn:
            orgs = await own_orgs(conn, me)
            org_id = next((org for org in orgs if str(org) == values["org"]), me.org_id)
            await insert_places(conn, [place])
            site_id = await store.create_site(
                conn,
                wires.vault,
                org_id=org_id,
                kind=values["kind"],
                name=values["name"],
                now=now,
                place_id=place.id,
            )
            await audit(conn, Actor(me.name, me.id, org_id), "site.new", at=now, detail={"site": str(site_id)})
    except UniqueViolation:
        return await _list(request, 409, "staff.sites.name_taken", values)
    return see_other(_address(site_id, note_keys(placed.located)))


def _address(site_id: UUID, notes: list[str], *, saved: bool = False) -> str:
    asked = [*([("saved", "1")] if saved else []), *(("note", key) for key in notes)]
    return f"/sites/{site_id}" + (f"?{urlencode(asked)}" if asked else "")


def _given(values: Mapping[str, str]) -> AddressInput:
    code = read_postal_code(values["postal_code"]) if values["postal_code"] else ""
    if code is None or not (code or values["address"]):
        raise PlaceUnknown("no postal code and no address")
    return AddressInput(code, values["address"])


async def site_page(request: web.Request) -> web.Response:
    """GET /sites/<id>: leader, deputy, night contact, telephone (on a tap), shift, place, and the people by unit."""
    return await _show(request)


async def landline(request: web.Request) -> web.Response:
    """POST /sites/<id>/landline: the site's telephone number; that it was opened stands in the audit log."""
    await staff_form(request)
    return await _show(request, open_landline=True)


async def _show(
    request: web.Request, status: int = 200, problem: str | None = None, *, open_landline: bool = False
) -> web.Response:
    me = staff_of(request)
    wires = site(request)
    async with transaction(wires.pool) as conn:
        line = await _site(conn, request)
        choices = await leader_choices(conn, line)
        shift = await shift_of(conn, line.id)
        enrolled = (await enrolled_of(conn, [line.id])).get(line.id)
        people = await occupants(conn, line.id)
        place = await place_known(conn, line.place_id) if line.place_id else None
        (hazard,) = await site_hazards(conn, [line.org_id], me.language, line.id)
        await _audit_names(conn, request, [*(value for value, _ in choices), *(f"r:{one.id}" for one in people)])
        number = ""
        if open_landline and line.landline_enc:
            number = display(wires.vault.decrypt(line.landline_enc, line.id, "site.landline_enc"))
            actor = me.actor
            detail = {"site": str(line.id)}
            await audit(conn, actor, "site.reveal", at=wires.clock.now(), fields=["landline"], detail=detail)
    return render(
        request,
        "registry_site.html",
        lang=me.language,
        status=status,
        line=line,
        choices=choices,
        shift=shift,
        enrolled=enrolled,
        landline=number,
        units=units(people),
        hazard=hazard,
        sees=lambda field: may_see(me.role, field),
        problem=problem,
        saved=request.query.get("saved") == "1",
        place=place,
        place_name=place_names(inner_jis(place.jis), me.language) if place else "",
        notes=known_keys(request.query.getall("note", [])),
    )


async def _site(conn: Any, request: web.Request) -> SiteLine:
    orgs = await own_orgs(conn, staff_of(request))
    try:
        found = await sites_of(conn, orgs, UUID(request.match_info["id"]))
    except ValueError:
        found = []
    if not found:
        raise web.HTTPNotFound(text="There is no such site on your list.")
    return found[0]


async def change_site(request: web.Request) -> web.Response:
    """POST /sites/<id>: change who answers for it, its telephone, its shift and (if given) its place."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    values = {k: clean_text(str(form.get(k, "")), 300) for k in ("landline", "shift", "postal_code", "address")}
    try:
        number = read_phone(values["landline"]).e164 if values["landline"] else ""
    except PhoneProblem:
        return await _show(request, 400, "staff.sites.landline_wrong")
    moved = None
    if values["postal_code"] or values["address"]:
        try:
            moved = await place_site(wires.settings, _given(values))
        except PlaceUnknown:
            return await _show(request, 400, "staff.sites.not_found")
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        line = await _site(conn, request)
        offered = {value for value, _ in await leader_choices(conn, line)}
        sealed = None if form.get("no_landline") == "1" else line.landline_enc  # an empty field keeps the number
        if number:
            sealed = wires.vault.encrypt(number, line.id, "site.landline_enc")
        expect_rows(await set_site(conn, line.id, shift=values["shift"], landline_enc=sealed), 1, "the site")
        leader = str(form.get("leader", ""))
        chosen_of = {1: leader, 2: str(form.get("deputy", "")), 3: str(form.get("night_contact", ""))}
        for rank, chosen in chosen_of.items():
            if chosen not in offered or (rank > 1 and chosen == leader):
                chosen = ""
            kind, _, person = chosen.partition(":")
            await store.set_leader(
                conn,
                line.id,
                rank,
                resident_id=UUID(person) if kind == "r" else None,
                staff_id=UUID(person) if kind == "s" else None,
            )
        if moved is not None and line.place_id is not None:
            point, address = sealed_fields(wires.vault, moved.given, line.place_id)
            await move_place(conn, line.place_id, moved.located, point_enc=point, address_enc=address)
        elif moved is not None:
            place = seal_place(wires.vault, moved.given, moved.located, label=line.name)
            await insert_places(conn, [place])
            expect_rows(await give_place(conn, line.id, place.id), 1, "the site's place")
            await store.fill_places(conn, [line.id])
        await audit(conn, Actor(me.name, me.id, line.org_id), "site.change", at=now, detail={"site": str(line.id)})
    return see_other(_address(line.id, note_keys(moved.located) if moved else [], saved=True))


ROUTES = [
    Route("GET", "/sites", sites, staff(*KEEPS_PEOPLE)),
    Route("POST", "/sites", new_site, staff(*KEEPS_PEOPLE)),
    Route("GET", "/sites/{id}", site_page, staff(*KEEPS_PEOPLE)),
    Route("POST", "/sites/{id}", change_site, staff(*KEEPS_PEOPLE)),
    Route("POST", "/sites/{id}/landline", landline, staff(*KEEPS_PEOPLE)),
]
