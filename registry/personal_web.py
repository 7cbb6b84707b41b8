"""A person's own page in their language: languages, phone, home, consents, notifications, stopping. Needs no script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from aiohttp import web

from core.audit import Actor, audit
from core.db import Connection, transaction
from core.tokens import looks_like_token
from core.web import TOKEN, Route, language_of, public_form, render, see_other, site
from geo.areas import Areas
from geo.store import insert_places
from registry.consent import ASKED, Choice, changes, own_choice, standing
from registry.consent_store import consent_lines, record
from registry.import_read_store import seal_place
from registry.import_run import locate_offline
from registry.imports import PlaceUnknown
from registry.personal_store import (
    Owner,
    drop_contacts,
    municipalities_of,
    open_checkin,
    orgs_of,
    own_contacts,
    owner_of_link,
    replace_phone,
    rotate_link,
    save_person,
    stop,
)
from registry.phones import Line, PhoneProblem, masked, read_phone
from registry.records import HANDLE_CHANNELS, LANDLINE, NewContact
from registry.rows import AddressInput, read_postal_code
from registry.store import insert_contacts, set_places

#: What the person may type a handle for.
SERVICES = tuple(channel for channel in HANDLE_CHANNELS if channel not in (LANDLINE, "other"))


def _language(request: web.Request, owner: Owner) -> str:
    """?lang=, else the person's own choice, else (invited only, language never chosen) what the browser prefers."""
    catalogs = site(request).catalogs
    if request.query.get("lang"):
        return language_of(request)
    return catalogs.normalise(owner.language) or language_of(request)


async def _owner(request: web.Request, conn: Connection) -> Owner | None:
    token = request.match_info["token"]
    return await owner_of_link(conn, token) if looks_like_token(token) else None


def _gone(request: web.Request) -> web.Response:
    return render(request, "link_gone.html", lang=language_of(request), status=404, too_many=False)


async def page(request: web.Request) -> web.Response:
    """GET /p/<token>: everything that is stored about the person, and how to change it."""
    wires = site(request)
    async with transaction(wires.pool) as conn:
        owner = await _owner(request, conn)
        if owner is None:
            return _gone(request)
        await audit(
            conn,
            Actor("personal link"),
            "person.own",
            at=wires.clock.now(),
            subjects=[owner.resident_id],
            fields=("name", "languages", "contacts", "places", "organisations", "consents"),
        )
        return await _show(request, conn, owner)


async def _show(
    request: web.Request, conn: Connection, owner: Owner, problem: str | None = None, status: int = 200
) -> web.Response:
    wires = site(request)
    lang = _language(request, owner)
    contacts = await own_contacts(conn, wires.vault, owner.resident_id)
    areas = Areas.load()
    reader = "ja" if lang.partition("-")[0] == "ja" else "en"
    places = {
        kind: ", ".join(dict.fromkeys(areas.name("jis", code, reader) for code in codes))
        for kind, codes in (await municipalities_of(conn, owner.resident_id)).items()
    }
    lines = await consent_lines(conn, owner.resident_id)
    # An invited person has said nothing yet: the boxes are empty until they tick them.
    given = own_choice(lines)
    return render(
        request,
        "registry_personal.html",
        lang=lang,
        status=status,
        owner=owner,
        token=request.match_info["token"],
        phones=[masked(c.address) for c in contacts if c.channel == "phone"],
        handles=[c for c in contacts if c.kind == "handle"],
        pushes=sum(c.channel == "push" and c.state in ("unproven", "proven") for c in contacts),
        services=SERVICES,
        places=places,
        orgs=await orgs_of(conn, owner.resident_id),
        given=given,
        asked=ASKED,
        checkin=await open_checkin(conn, wires.vault, owner.resident_id),
        problem=problem,
        saved=request.query.get("saved", ""),
    )


async def save(request: web.Request) -> web.Response:
    """POST /p/<token>: the person's own changes; the first time, they enrol and their page gets a new address."""
    wires = site(request)
    now = wires.clock.now()
    form = await public_form(request)
    async with transaction(wires.pool) as conn:
        owner = await _owner(request, conn)
        if owner is None:
            return _gone(request)
        language = wires.catalogs.normalise(form.get("language", "")) or owner.language
        second = wires.catalogs.normalise(form.get("second_language", "")) if form.get("second_language") else None
        # What is wrong is said in the language just chosen.
        reader = replace(owner, language=language)
        phone = None
        if form.get("phone"):
            try:
                phone = read_phone(form["phone"])
            except PhoneProblem:
                return await _show(request, conn, reader, "me.phone_wrong", 400)
            if phone.line is not Line.MOBILE:
                return await _show(request, conn, reader, "me.phone_wrong", 400)
        if form.get("postal_code") and not await _save_home(conn, wires.vault, owner, form["postal_code"]):
            return await _show(request, conn, reader, "me.postal_wrong", 400)
        if phone is not None:
            await replace_phone(conn, wires.vault, owner.resident_id, phone.e164, now)
        await _save_handles(conn, request, owner, form)
        wanted = frozenset(scope for scope in ASKED if form.get(scope) == "1")
        before = own_choice(await consent_lines(conn, owner.resident_id))
        lines = changes(before, wanted) if owner.state != "invited" else tuple((s, s in wanted) for s in ASKED)
        made = [Choice(scope, yes) for scope, yes in lines]
        await record(conn, wires.catalogs, owner.resident_id, made, language=language, now=now)
        state = "enrolled" if "C1" in wanted else "paused"
        await save_person(
            conn,
            owner.resident_id,
            language=language,
            second_language=second if second != language else None,
            state=state,
            now=now,
        )
        await audit(
            conn, Actor("personal link"), "person.save", at=now, subjects=[owner.resident_id], fields=sorted(form)
        )
        token = request.match_info["token"]
        if owner.state == "invited":
            token = await rotate_link(conn, wires.vault, owner, now)
    return see_other(f"/p/{token}?saved={'new' if owner.state == 'invited' else '1'}")


async def _save_home(conn: Connection, vault: Any, owner: Owner, postal_code: str) -> bool:
    code = read_postal_code(postal_code)
    if code is None:
        return False
    given = AddressInput(postal_code=code)
    try:
        place = seal_place(vault, given, locate_offline(given))
    except PlaceUnknown:
        return False
    await insert_places(conn, [place])
    await set_places(conn, [(owner.resident_id, "home", place.id)])
    return True


async def _save_handles(conn: Connection, request: web.Request, owner: Owner, form: Mapping[str, str]) -> None:
    wires = site(request)
    known = {str(c.id): c.id for c in await own_contacts(conn, wires.vault, owner.resident_id) if c.kind == "handle"}
    gone: list[UUID] = [known[key] for key in (name.removeprefix("drop-") for name in form) if key in known]
    if gone:
        await drop_contacts(conn, owner.resident_id, gone)
    service, handle = form.get("service", ""), form.get("handle", "")[:200]
    if handle and service in SERVICES:
        await insert_contacts(
            conn,
            wires.vault,
            [(owner.resident_id, NewContact(service, handle, "handle"))],
            wires.clock.now(),
        )


async def stop_page(request: web.Request) -> web.Response:
    """GET /p/<token>/stop: what stopping means, and a button."""
    async with site(request).pool.acquire() as conn:
        owner = await _owner(request, conn)
        if owner is None:
            return _gone(request)
    return render(
        request,
        "registry_stop.html",
        lang=_language(request, owner),
        token=request.match_info["token"],
        done=owner.state == "left",
    )


async def stop_now(request: web.Request) -> web.Response:
    """POST /p/<token>/stop: no more messages, nobody sees the person; the same page lets them come back."""
    wires = site(request)
    now = wires.clock.now()
    await public_form(request)
    async with transaction(wires.pool) as conn:
        owner = await _owner(request, conn)
        if owner is None:
            return _gone(request)
        await stop(conn, owner.resident_id, now)
        withdrawn = [
            Choice(line.scope, False, line.viewer_org, line.incident_id)
            for line in standing(await consent_lines(conn, owner.resident_id))
        ]
        await record(conn, wires.catalogs, owner.resident_id, withdrawn, language=owner.language, now=now)
        await audit(conn, Actor("personal link"), "person.stop", at=now, subjects=[owner.resident_id])
    return see_other(f"/p/{request.match_info['token']}/stop")


ROUTES = [
    Route("GET", "/p/{token}", page, TOKEN),
    Route("POST", "/p/{token}", save, TOKEN),
    Route("GET", "/p/{token}/stop", stop_page, TOKEN),
    Route("POST", "/p/{token}/stop", stop_now, TOKEN),
]
