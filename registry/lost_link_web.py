"""A lost card or page: /lost sends the link to a proved number, staff let a new one be sent, or print a card.

A typed number takes nothing back and answers nothing: a stranger could type it too. Staff see no link, but for the card
of somebody whom nothing reaches and who let themselves be helped by them.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from aiohttp import web

from core.audit import Actor, audit
from core.db import transaction
from core.misses import Misses
from core.qr import qr_svg
from core.web import (
    PUBLIC,
    TOKEN,
    Route,
    client_address,
    language_of,
    link_gone,
    link_not_found,
    public_form,
    render,
    see_other,
    site,
    staff,
    staff_form,
)
from registry.access import KEEPS_PEOPLE
from registry.lost_link_store import AskedBy, ask_by_number, ask_for_link, may_print_card, replace_link
from registry.owner_web import owner_of
from registry.people_store import find_person, own_orgs
from registry.personal_store import rotate_link
from registry.phones import Line, PhoneProblem, read_phone
from registry.sessions import staff_of
from registry.step_up_web import require_step_up


async def lost_page(request: web.Request) -> web.Response:
    """GET /lost: a field for the number; ?asked=1 after it."""
    asked = request.query.get("asked") == "1"
    return render(request, "lost_link.html", lang=language_of(request), asked=asked, problem="")


async def lost(request: web.Request) -> web.Response:
    """POST /lost: the link goes to this number if its owner enrolled with it; every number is answered alike."""
    wires = site(request)
    now = wires.clock.now()
    brake = wires.extras.setdefault("lost_links", Misses(burst=6, per_minute=1.0))
    assert isinstance(brake, Misses)
    form = await public_form(request)
    try:
        phone = read_phone(form.get("phone", ""))
    except PhoneProblem:
        phone = None
    if phone is None or phone.line is not Line.MOBILE:
        told = language_of(request)
        return render(request, "lost_link.html", lang=told, status=400, asked=False, problem="me.phone_wrong")
    if not brake.allow(client_address(request), now):
        return link_gone(request, status=429, too_many=True)
    await ask_by_number(wires.pool, wires.vault, phone.e164, now)
    lang = wires.catalogs.normalise(request.query.get("lang", ""))
    return see_other("/lost?asked=1" + (f"&lang={lang}" if lang else ""))


async def new_own_card(request: web.Request) -> web.Response:
    """POST /p/<token>/card: the card was lost or seen by somebody: a new link at once, the old one ends."""
    wires = site(request)
    now = wires.clock.now()
    await public_form(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        if owner.state == "invited":  # theirs is not the only copy; it ends as they enrol
            return see_other(f"/p/{request.match_info['token']}")
        token = await rotate_link(conn, wires.vault, owner, now)
        await audit(conn, Actor("personal link"), "person.new_link", at=now, subjects=[owner.resident_id])
    lang = wires.catalogs.normalise(request.query.get("lang", ""))
    return see_other(f"/p/{token}/card" + (f"?lang={lang}" if lang else ""))


async def new_link(request: web.Request) -> web.Response:
    """POST /people/<id>/new-link: sent to the person; where nothing reaches them and they agreed, a card to print."""
    await require_step_up(request)
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    await staff_form(request)
    token = None
    async with transaction(wires.pool) as conn:
        try:
            found = await find_person(conn, UUID(request.match_info["id"]), await own_orgs(conn, me))
        except ValueError:
            found = None
        if found is None:
            raise web.HTTPNotFound(text="There is no such person on your list.")
        if found.state not in ("enrolled", "paused"):
            return see_other(f"/people/{found.id}")
        sent = await ask_for_link(conn, found.id, AskedBy.STAFF, now)
        if not sent and await may_print_card(conn, found.id, found.org_id):
            token = await replace_link(conn, wires.vault, found.id, now)
        if sent or token:
            await audit(
                conn,
                me.actor,
                "person.new_link",
                at=now,
                subjects=[found.id],
                fields=["link"] if token else [],
                detail={"how": "printed" if token else "sent"},
            )
    if token is None:
        return see_other(f"/people/{found.id}?link={'sent' if sent else 'no_way'}#lost")
    url = f"{wires.settings.site_url}/p/{token}"
    return render(
        request,
        "registry_new_card.html",
        lang=me.language,
        person=found,
        qr=qr_svg(url, found.name),
        url=url,
        spoken=wires.catalogs.normalise(found.language) or "en",
        catalogs=wires.catalogs,
    )


ROUTES: Final = [
    Route("GET", "/lost", lost_page, PUBLIC),
    Route("POST", "/lost", lost, PUBLIC),
    Route("POST", "/p/{token}/card", new_own_card, TOKEN),
    Route("POST", "/people/{id}/new-link", new_link, staff(*KEEPS_PEOPLE)),
]
