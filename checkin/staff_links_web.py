"""/account/alert-links: one's own links of messages; ending them, and a new one on the device at hand."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from alerts.staff_call_store import EMPLOYING, FOLLOWING
from checkin.dashboard_store import Incident, incidents, incidents_of
from checkin.staff_alert_store import new_link, own_links, revoke
from checkin.staff_alert_web import give_device
from core.audit import audit
from core.clock import date_in_japan
from core.db import Connection, WriteMismatch, transaction
from core.tokens import random_token, token_hash
from core.web import Route, render, see_other, site, staff, staff_form
from registry.sessions import Staff, staff_of


async def links_page(request: web.Request) -> web.Response:
    """GET /account/alert-links: which links of mine work, and for which open incidents I can have one here."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        links = await own_links(conn, me.id, now)
        found = await _open_incidents(request, conn, me)
    return render(request, "staff_alert_links.html", lang=me.language, links=links, incidents=found)


async def _open_incidents(request: web.Request, conn: Connection, me: Staff) -> list[Incident]:
    if me.role in FOLLOWING:
        found = await incidents(conn)
    else:
        found = await incidents_of(conn, [me.org_id, *me.below], date_in_japan(site(request).clock.now()))
    return [incident for incident in found if incident.closed_at is None]


async def make_link(request: web.Request) -> web.Response:
    """POST /account/alert-links: a new link, opened on this device; the older ones for the incident end."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    form = await staff_form(request)
    secret = random_token()
    async with transaction(wires.pool) as conn:
        chosen = next((i for i in await _open_incidents(request, conn, me) if str(i.id) == form.get("incident")), None)
        if chosen is None:
            raise web.HTTPNotFound(text="There is no such open incident among yours.")
        token = await new_link(
            conn,
            org_id=me.org_id,
            staff_id=me.id,
            incident_id=chosen.id,
            device_sha256=token_hash(secret),
            now=now,
        )
        await audit(conn, me.actor, "staff_link.new", at=now, incident_id=chosen.id)
    return give_device(request, see_other(f"/a/{token}"), token, secret)


async def end_link(request: web.Request) -> web.Response:
    """POST /account/alert-links/<id>/end: it opens nothing any more."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    await staff_form(request)
    try:
        async with transaction(wires.pool) as conn:
            await revoke(conn, UUID(request.match_info["id"]), me.id, now)
            await audit(conn, me.actor, "staff_link.end", at=now)
    except (ValueError, WriteMismatch):
        raise web.HTTPNotFound(text="There is no such link among yours.") from None
    return see_other("/account/alert-links")


CALLED = staff(*EMPLOYING, *FOLLOWING)

ROUTES = [
    Route("GET", "/account/alert-links", links_page, CALLED),
    Route("POST", "/account/alert-links", make_link, CALLED),
    Route("POST", "/account/alert-links/{id}/end", end_link, CALLED),
]
