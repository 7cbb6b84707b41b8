"""A person's own page in their language: languages, phone, home, consents, notifications, stopping. Needs no script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from aiohttp import web

from core.audit import Actor, audit
from core.crypto import Vault
from core.db import Connection, transaction
from core.web import TOKEN, Route, link_not_found, public_form, see_other, site
from geo.store import insert_places
from registry.cells import masked_email
from registry.consent import ASKED, Choice, standing, to_ask_again, words_of
from registry.consent_store import consent_lines, record
from registry.disclosure_store import disclosures_of
from registry.elsewhere_store import elsewhere_now
from registry.elsewhere_web import place_names
from registry.enrol_web import place_names as names_of_towns
from registry.enrolment import EnrolmentProblem, read_email
from registry.import_read_store import seal_place
from registry.import_run import locate_offline
from registry.imports import PlaceUnknown
from registry.listening_web import silent_feeds, unheard_since
from registry.own_data_store import viewers_of
from registry.own_zone_store import own_zone, set_level3
from registry.owner_web import own_page, owner_language, owner_of
from registry.personal_store import (
    Owner,
    drop_contacts,
    municipalities_of,
    open_checkin,
    own_contacts,
    replace_email,
    replace_phone,
    rotate_link,
    save_person,
    stop,
)
from registry.phones import Line, PhoneProblem, masked, read_phone
from registry.records import EMAIL, HANDLE_CHANNELS, LANDLINE, NewContact
from registry.rows import AddressInput, read_postal_code
from registry.stay_store import stay
from registry.store import insert_contacts, set_places

#: In these states the page asks for the consents of an enrolment; afterwards they have a page of their own.
ENROLS = ("invited", "left")
#: What the person may type a handle for.
SERVICES = tuple(channel for channel in HANDLE_CHANNELS if channel not in (LANDLINE, "other"))


async def page(request: web.Request) -> web.Response:
    """GET /p/<token>: everything that is stored about the person, and how to change it."""
    wires = site(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        await audit(
            conn,
            Actor("personal link"),
            "person.own",
            at=wires.clock.now(),
            subjects=[owner.resident_id],
            fields=("name", "languages", "contacts", "places", "organisations", "consents"),
        )
        problem = "me.postal_wrong" if request.query.get("problem") == "postal" else None
        return await _show(request, conn, owner, problem)


async def _show(
    request: web.Request, conn: Connection, owner: Owner, problem: str | None = None, status: int = 200
) -> web.Response:
    wires = site(request)
    lang = owner_language(request, owner)
    contacts = await own_contacts(conn, wires.vault, owner.resident_id)
    towns = await municipalities_of(conn, owner.resident_id)
    places = {kind: names_of_towns(tuple(codes), lang) for kind, codes in towns.items()}
    lines = await consent_lines(conn, owner.resident_id)
    stale = await silent_feeds(request, conn)
    viewers = await viewers_of(conn, owner.resident_id)
    return own_page(
        request,
        "registry_personal.html",
        owner,
        stale=stale,
        stale_since=unheard_since(stale),
        lang=lang,
        status=status,
        phones=[masked(c.address) for c in contacts if c.channel == "phone"],
        handles=[c for c in contacts if c.kind == "handle"],
        mails=[(c.id, masked_email(c.address), c.state) for c in contacts if c.channel == EMAIL],
        mail_goes_out=wires.settings.email_configured,
        line_offered=wires.settings.line_configured and bool(wires.settings.line_basic_id),
        pushes=sum(c.channel == "push" and c.state in ("unproven", "proven") for c in contacts),
        services=SERVICES,
        places=places,
        zone=await own_zone(conn, owner.resident_id),
        viewers=viewers,
        enrols=owner.state in ENROLS,
        asked=[(scope, words_of(scope, [viewer.kind for viewer in viewers])) for scope in ASKED],
        ask_again=to_ask_again(lines),
        disclosures=await disclosures_of(conn, owner.resident_id),
        elsewhere=await elsewhere_now(conn, owner.resident_id, wires.clock.now()),
        place_names=place_names,
        checkin=await open_checkin(conn, wires.vault, owner.resident_id),
        problem=problem,
    )


async def save(request: web.Request) -> web.Response:
    """POST /p/<token>: the person's own changes; the first time, they enrol and their page gets a new address."""
    wires = site(request)
    now = wires.clock.now()
    form = await public_form(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
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
        try:
            email = read_email(form.get("email", ""))
        except EnrolmentProblem as problem:
            return await _show(request, conn, reader, str(problem), 400)
        if form.get("postal_code") and not await move_home(conn, wires.vault, owner.resident_id, form["postal_code"]):
            return await _show(request, conn, reader, "me.postal_wrong", 400)
        if phone is not None:
            await replace_phone(conn, wires.vault, owner.resident_id, phone.e164, now)
        if email:
            await replace_email(conn, wires.vault, owner.resident_id, email, now)
        await _save_handles(conn, request, owner, form)
        if form.get("level3_shown") == "1":
            await set_level3(conn, owner.resident_id, form.get("level3") == "1")
        if owner.state in ENROLS:
            # Nothing is ticked for them: every line is theirs to give. C2 stands for the organisations of today.
            made = [Choice(scope, form.get(scope) == "1") for scope in ASKED]
            kinds = {one.org_id: one.kind for one in await viewers_of(conn, owner.resident_id)}
            await record(conn, wires.catalogs, owner.resident_id, made, language=language, now=now, viewers=kinds)
            state = "enrolled" if form.get("C1") == "1" else "paused"
            await stay(conn, owner.resident_id)  # whoever left a company before they enrolled has now said so
        else:
            state = owner.state
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


async def move_home(conn: Connection, vault: Vault, resident_id: UUID, postal_code: str) -> bool:
    """The person lives at this postal code from now on; False if nobody knows it."""
    code = read_postal_code(postal_code)
    if code is None:
        return False
    given = AddressInput(postal_code=code)
    try:
        place = seal_place(vault, given, locate_offline(given))
    except PlaceUnknown:
        return False
    await insert_places(conn, [place])
    await set_places(conn, [(resident_id, "home", place.id)])
    return True


async def _save_handles(conn: Connection, request: web.Request, owner: Owner, form: Mapping[str, str]) -> None:
    wires = site(request)
    contacts = await own_contacts(conn, wires.vault, owner.resident_id)
    known = {str(c.id): c.id for c in contacts if c.kind == "handle" or c.channel == EMAIL}
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
    async with transaction(site(request).pool) as conn:
        owner = await owner_of(request, conn)
    if owner is None:
        return link_not_found(request)
    return own_page(request, "registry_stop.html", owner, done=owner.state == "left")


async def stop_now(request: web.Request) -> web.Response:
    """POST /p/<token>/stop: no more messages, nobody sees the person; the same page lets them come back."""
    wires = site(request)
    now = wires.clock.now()
    await public_form(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
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
