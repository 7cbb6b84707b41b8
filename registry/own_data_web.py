"""/p/<token>/seen, /data.json, /pause, /stay, /delete: who sees a person, all that is stored, a pause, and the end."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Final

from aiohttp import web

from core.audit import Actor, audit
from core.clock import date_in_japan
from core.db import transaction
from core.web import TOKEN, Route, link_not_found, public_form, render, see_other, site
from registry.consent import given, shares_answer
from registry.consent_store import consent_lines
from registry.disclosure_store import mark_read
from registry.erase_store import erase_resident
from registry.location_store import sent_locations, withdraw_location
from registry.own_data_store import everything_about, looks_at, viewers_of
from registry.owner_web import own_page, owner_language, owner_of
from registry.personal_web import move_home
from registry.seen import lines, sees
from registry.stay_store import pause, resume, stay

#: How far back "who looked" reaches on the page, and in the download (the audit log's own life).
SHOWN: Final = timedelta(days=90)
KEPT: Final = timedelta(days=3 * 366)
#: The longest pause: who is away longer says so on the page for absences, or stops.
LONGEST_PAUSE: Final = timedelta(days=92)
SELF: Final = Actor("personal link")


async def seen(request: web.Request) -> web.Response:
    """GET /p/<token>/seen: which organisations see what, in words, and who looked."""
    wires = site(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        consents = await consent_lines(conn, owner.resident_id)
        viewers = [
            (viewer, sees(viewer.kind, shares_answer=shares_answer(
                consents,
                viewer.org_id,
                member_since=viewer.member_since,
                enrolled=owner.state != "invited",
                hidden=owner.hide_answer,
            )))
            for viewer in await viewers_of(conn, owner.resident_id)
        ]  # fmt: skip
        looked = lines(await looks_at(conn, owner.resident_id, wires.clock.now() - SHOWN))
        sent = await sent_locations(conn, wires.vault, owner.resident_id)
        if sent:
            now = wires.clock.now()
            await audit(conn, SELF, "person.own", at=now, subjects=[owner.resident_id], fields=["location"])
    by_volunteers = "C3" in given(consents)
    return own_page(
        request, "personal_seen.html", owner, viewers=viewers, looked=looked, volunteers=by_volunteers, sent=sent
    )


async def forget_positions(request: web.Request) -> web.Response:
    """POST /p/<token>/where: every position that the person sent is gone at once, with its consent."""
    wires = site(request)
    now = wires.clock.now()
    await public_form(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        person, language = owner.resident_id, owner_language(request, owner)
        for one in await sent_locations(conn, wires.vault, person):
            await withdraw_location(conn, wires.catalogs, person, one.incident_id, language=language, now=now)
        await audit(conn, SELF, "location.delete", at=now, subjects=[person], fields=["location"])
    return see_other(f"/p/{request.match_info['token']}/seen?saved=1")


async def download(request: web.Request) -> web.Response:
    """GET /p/<token>/data.json: everything that is stored about the person, as a file."""
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        data = await everything_about(conn, wires.vault, owner.resident_id, now - KEPT)
        await audit(conn, SELF, "person.download", at=now, subjects=[owner.resident_id], fields=["name", *sorted(data)])
    body = json.dumps({"made_at": now.isoformat()} | data, ensure_ascii=False, indent=1)
    return web.Response(
        text=body,
        content_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="daijobu-my-data.json"'},
    )


async def pause_page(request: web.Request) -> web.Response:
    """GET /p/<token>/pause: until when."""
    async with transaction(site(request).pool) as conn:
        owner = await owner_of(request, conn)
    if owner is None:
        return link_not_found(request)
    today = _today(request)
    return own_page(request, "personal_pause.html", owner, first=today + timedelta(days=1), last=today + LONGEST_PAUSE)


def _today(request: web.Request) -> date:
    return date_in_japan(site(request).clock.now())


async def pause_now(request: web.Request) -> web.Response:
    """POST /p/<token>/pause: `until` a day, at most three months ahead; without one, messages start again."""
    wires = site(request)
    form = await public_form(request)
    try:
        until = date.fromisoformat(form.get("until", "")) if form.get("until") else None
    except ValueError:
        return see_other(f"/p/{request.match_info['token']}/pause")
    today = _today(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        if until is None:
            await resume(conn, owner.resident_id)
        elif owner.state in ("enrolled", "paused"):
            await pause(conn, owner.resident_id, min(max(until, today), today + LONGEST_PAUSE))
        await audit(conn, SELF, "person.pause", at=wires.clock.now(), subjects=[owner.resident_id])
    return see_other(f"/p/{request.match_info['token']}?saved=1")


async def stay_now(request: web.Request) -> web.Response:
    """POST /p/<token>/stay: "keep warnings", with the postal code of where they live now (or nothing: as before)."""
    wires = site(request)
    form = await public_form(request)
    back = f"/p/{request.match_info['token']}"
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        postal = form.get("postal_code", "")
        if postal and not await move_home(conn, wires.vault, owner.resident_id, postal):
            return see_other(f"{back}?problem=postal")
        await stay(conn, owner.resident_id)
        await audit(conn, SELF, "person.stay", at=wires.clock.now(), subjects=[owner.resident_id])
    return see_other(f"{back}?saved=1")


async def read_disclosures(request: web.Request) -> web.Response:
    """POST /p/<token>/read: "I have read what was disclosed"."""
    wires = site(request)
    await public_form(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        await mark_read(conn, owner.resident_id, wires.clock.now())
    return see_other(f"/p/{request.match_info['token']}")


async def delete_page(request: web.Request) -> web.Response:
    """GET /p/<token>/delete: what deleting means, and a button."""
    async with transaction(site(request).pool) as conn:
        owner = await owner_of(request, conn)
    return link_not_found(request) if owner is None else own_page(request, "personal_delete.html", owner)


async def delete_now(request: web.Request) -> web.Response:
    """POST /p/<token>/delete: everything goes now; in an open incident when it is over, and the page says so."""
    wires = site(request)
    await public_form(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        erased = await erase_resident(conn, owner.resident_id, wires.clock.now())
    if erased.done:
        return render(request, "personal_deleted.html", lang=owner_language(request, owner))
    return see_other(f"/p/{request.match_info['token']}/delete")


ROUTES = [
    Route("GET", "/p/{token}/seen", seen, TOKEN),
    Route("GET", "/p/{token}/data.json", download, TOKEN),
    Route("POST", "/p/{token}/where", forget_positions, TOKEN),
    Route("GET", "/p/{token}/pause", pause_page, TOKEN),
    Route("POST", "/p/{token}/pause", pause_now, TOKEN),
    Route("POST", "/p/{token}/stay", stay_now, TOKEN),
    Route("POST", "/p/{token}/read", read_disclosures, TOKEN),
    Route("GET", "/p/{token}/delete", delete_page, TOKEN),
    Route("POST", "/p/{token}/delete", delete_now, TOKEN),
]
