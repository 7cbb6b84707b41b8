"""An organisation's people: the list, one person, adding one, and the end of a membership."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import UUID

from aiohttp import web

from core.audit import audit
from core.clock import date_in_japan
from core.db import Connection, transaction
from core.qr import qr_svg
from core.web import Route, clean_text, render, see_other, site, staff, staff_form
from registry import store
from registry.access import FIELDS, KEEPS_PEOPLE, may_see
from registry.columns import HEADINGS
from registry.enrol_web import place_names
from registry.import_read_store import find_owner
from registry.import_run import Upload, read_upload, run_upload
from registry.imports import Fate
from registry.membership_store import end_membership, set_household
from registry.people_store import PersonLine, channels_of, count_people, find_person, leads, list_people, own_orgs
from registry.placing import inner_jis, place_ahead
from registry.presence_store import read_presences
from registry.rows import read_date
from registry.sessions import Staff, staff_of

_PAGE = 200
#: The form for one person has these of the list's columns.
_FORM_FIELDS = ("name", "language", "second_language", "phone", "contact", "employee_id", "site", "dorm", "room",
                "shift", "start_date", "home_postal_code", "home_address", "work_postal_code")  # fmt: skip


async def people(request: web.Request) -> web.Response:
    """GET /people: everybody of the own organisation, by dorm and room; ?q= looks within it."""
    me = staff_of(request)
    wires = site(request)
    search = clean_text(request.query.get("q", ""), 100)
    page = int(request.query["page"]) if request.query.get("page", "").isdecimal() else 0
    async with transaction(wires.pool) as conn:
        orgs = await own_orgs(conn, me)
        found = await list_people(conn, orgs, search=search, limit=_PAGE + 1, offset=min(page, 10_000) * _PAGE)
        counts = await count_people(conn, orgs, wires.clock.now())
        await audit(
            conn,
            me.actor,
            "people.read",
            at=wires.clock.now(),
            subjects=[p.id for p in found[:_PAGE]],
            fields=sorted(FIELDS[me.role]),
        )
    return render(
        request,
        "registry_people.html",
        lang=me.language,
        people=found[:_PAGE],
        more=len(found) > _PAGE,
        page=page,
        counts=counts,
        search=search,
        orgs=orgs,
        native=wires.catalogs,
        languages=set(wires.catalogs.languages),
        sees=lambda field: may_see(me.role, field),
    )


async def new_person_page(request: web.Request) -> web.Response:
    """GET /people/new: the form."""
    return await _new_form(request, {})


async def _new_form(
    request: web.Request, values: dict[str, str], problems: Any = (), status: int = 200
) -> web.Response:
    me = staff_of(request)
    async with site(request).pool.acquire() as conn:
        orgs = await own_orgs(conn, me)
    return render(
        request,
        "registry_person_new.html",
        lang=me.language,
        status=status,
        values={name: values.get(name, "") for name in (*_FORM_FIELDS, "org")},
        problems=problems,
        orgs=orgs,
        catalogs=site(request).catalogs,
    )


async def new_person(request: web.Request) -> web.Response:
    """POST /people/new: read like a list of one row, so that form and upload can never differ."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    values = {name: clean_text(str(form.get(name, "")), 300) for name in (*_FORM_FIELDS, "org")}
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([HEADINGS[name][0] for name in _FORM_FIELDS])
    writer.writerow([values[name].replace("\n", " ") for name in _FORM_FIELDS])
    if not values["name"]:
        return await _new_form(request, values, [("staff.import.reason.no_name", {})], 400)
    upload = Upload("form", out.getvalue().encode())
    people = read_upload(upload, wires.catalogs.languages)
    where = await place_ahead(wires.settings, people[0])  # before a connection is taken: a geocoder may be slow
    async with transaction(wires.pool) as conn:
        org_id = _chosen_org(await own_orgs(conn, me), values["org"], me)
        owner = await find_owner(conn, org_id=org_id)
        assert owner is not None
        plan, _ = await run_upload(
            conn,
            wires.vault,
            owner,
            upload,
            people=people,
            where=where,
            supported=wires.catalogs.languages,
            dry_run=False,
            now=wires.clock.now(),
            actor=me.actor,
            may_create_employers=False,
        )
    row = plan.rows[0]
    problems = [(p.key, dict(p.values)) for p in row.person.problems]
    if row.fate is Fate.REFUSED:
        return await _new_form(request, values, problems, 400)
    places = [
        (place_names(inner_jis(a.code for a in located.codes if a.scheme == "jis"), me.language), located.precision)
        for located in plan.located.values()
    ]
    return render(
        request,
        "registry_person_saved.html",
        lang=me.language,
        name=row.person.name,
        fate=row.fate,
        problems=problems,
        places=places,
    )


def _chosen_org(orgs: dict[UUID, str], chosen: str, me: Staff) -> UUID:
    return next((org for org in orgs if str(org) == chosen), me.org_id)


async def _person(conn: Connection, request: web.Request) -> tuple[PersonLine, dict[UUID, str]]:
    """The person of the path, if they are ours. Raises HTTPNotFound for anybody else, existing or not."""
    orgs = await own_orgs(conn, staff_of(request))
    try:
        found = await find_person(conn, UUID(request.match_info["id"]), orgs)
    except ValueError:
        found = None
    if found is None:
        raise web.HTTPNotFound(text="There is no such person on your list.")
    return found, orgs


async def person(request: web.Request) -> web.Response:
    """GET /people/<id>: what the organisation may see of one person."""
    return await _show(request)


async def _show(request: web.Request, link: str | None = None) -> web.Response:
    me = staff_of(request)
    wires = site(request)
    async with transaction(wires.pool) as conn:
        found, orgs = await _person(conn, request)
        channels = await channels_of(conn, found.id)
        leading = await leads(conn, found.id, orgs)
        today = date_in_japan(wires.clock.now())
        presence = (await read_presences(conn, [found.id], today))[found.id]
        await audit(
            conn,
            me.actor,
            "person.read",
            at=wires.clock.now(),
            subjects=[found.id],
            fields=sorted(FIELDS[me.role]),
        )
    return render(
        request,
        "registry_person.html",
        lang=me.language,
        person=found,
        org_name=orgs[found.org_id],
        channels=channels,
        leads=leading,
        link=link,
        sees=lambda field: may_see(me.role, field),
        catalogs=wires.catalogs,
        qr=qr_svg(link, found.name) if link else "",
        presence=presence,
        asked_link=request.query.get("link", ""),
        away_wrong=request.query.get("away") == "wrong",
        today=today,
    )


async def invitation(request: web.Request) -> web.Response:
    """POST /people/<id>/invitation: show the person's link to hand over on paper; it ends when they enrol."""
    me = staff_of(request)
    wires = site(request)
    await staff_form(request)
    async with transaction(wires.pool) as conn:
        found, _ = await _person(conn, request)
        if found.state != "invited":
            return see_other(f"/people/{found.id}")
        token = await store.personal_token(conn, wires.vault, found.id)
        await audit(conn, me.actor, "invitation.show", at=wires.clock.now(), subjects=[found.id], fields=["link"])
    return await _show(request, f"{wires.settings.site_url}/e/{token}" if token else None)


async def end(request: web.Request) -> web.Response:
    """POST /people/<id>/end: the person leaves the organisation on a day, today or earlier ends the view at once."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    now = wires.clock.now()
    today = date_in_japan(now)
    day = read_date(str(form.get("end_date", ""))) or today
    async with transaction(wires.pool) as conn:
        found, _ = await _person(conn, request)
        if day <= today:
            await end_membership(conn, found.id, found.org_id, day, now)
        else:
            await store.set_end_date(conn, found.id, found.org_id, day)
        await audit(conn, me.actor, "membership.end", at=now, subjects=[found.id], fields=["end_date"])
    return see_other("/people" if day <= today else f"/people/{found.id}")


async def household(request: web.Request) -> web.Response:
    """POST /people/<id>/household: whether the workplace is somebody's home, and shown as no more than that."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    async with transaction(wires.pool) as conn:
        found, _ = await _person(conn, request)
        await set_household(conn, found.id, found.org_id, household=form.get("household") == "1")
        now = wires.clock.now()
        await audit(conn, me.actor, "membership.household", at=now, subjects=[found.id], fields=["site"])
    return see_other(f"/people/{found.id}")


ROUTES = [
    Route("GET", "/people", people, staff(*KEEPS_PEOPLE)),
    Route("GET", "/people/new", new_person_page, staff(*KEEPS_PEOPLE)),
    Route("POST", "/people/new", new_person, staff(*KEEPS_PEOPLE)),
    Route("GET", "/people/{id}", person, staff(*KEEPS_PEOPLE)),
    Route("POST", "/people/{id}/invitation", invitation, staff(*KEEPS_PEOPLE)),
    Route("POST", "/people/{id}/end", end, staff(*KEEPS_PEOPLE)),
    Route("POST", "/people/{id}/household", household, staff(*KEEPS_PEOPLE)),
]
