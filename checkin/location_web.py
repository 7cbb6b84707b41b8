"""/c/<token>/where: "send where I am now to the volunteers", and taking it back (consent C5, for one incident).

Only after an answer, only in something real, and never of a person whom nobody may find. The phone gives its position
when its owner presses the button; where that does not work there is the message field of the same page.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from checkin.cases_store import INCIDENT_CHANGED
from checkin.link_store import LinkView, open_link
from checkin.web import here, offers_retry, page_address, page_language
from core.audit import Actor, audit
from core.db import Connection, notify
from core.model import Purpose
from core.web import TOKEN, Route, link_hash, link_not_found, public_form, render, see_other, site
from registry.location import read_position
from registry.location_store import own_location, share_location, withdraw_location

BY_LINK: Final = Actor("check-in link")


def takes_location(view: LinkView) -> bool:
    """Whether a position is of use to anybody: helpers look for people only in something real that is open."""
    return view.incident.purpose is Purpose.LIVE and view.incident.closed_at is None


async def page(request: web.Request) -> web.Response:
    """GET /c/{token}/where: the button with its consent, what was sent, and a field for words."""
    async with site(request).pool.acquire() as conn:
        view = await _opened(request, conn)
        if view is None:
            return link_not_found(request)
        where = await own_location(conn, view.resident_id, view.incident.id)
    if view.status.newest_own is None or not takes_location(view) or not (where.may_send or where.sent_at):
        return see_other(page_address(request))
    path = f"/c/{request.match_info['token']}"
    response = render(
        request,
        "checkin_where.html",
        lang=page_language(request, view.language),
        where=where,
        where_action=here(request),
        where_delete=here(request, f"{path}/where/delete"),
        detail_action=here(request, f"{path}/detail"),
        back=page_address(request),
    )
    response.enable_compression()
    return response


@offers_retry
async def send(request: web.Request) -> web.Response:
    """POST /c/{token}/where: lat, lon and accuracy of the phone, with the consent that pressing the button gave."""
    wires = site(request)
    now = wires.clock.now()
    position = read_position(await public_form(request))
    async with wires.pool.acquire() as conn:
        view = await _opened(request, conn)
        if view is None:
            return link_not_found(request)
        person, incident = view.resident_id, view.incident.id
        answered = view.status.newest_own is not None
        if position and answered and takes_location(view) and (await own_location(conn, person, incident)).may_send:
            await share_location(
                conn,
                wires.vault,
                wires.catalogs,
                person,
                incident,
                position,
                language=page_language(request, view.language),
                now=now,
            )
            await audit(
                conn, BY_LINK, "location.send", at=now, subjects=[person], fields=["location"], incident_id=incident
            )
            await notify(conn, INCIDENT_CHANGED, str(incident))
    return see_other(page_address(request) + "#where")


@offers_retry
async def delete(request: web.Request) -> web.Response:
    """POST /c/{token}/where/delete: the position is gone with its consent, at once."""
    wires = site(request)
    now = wires.clock.now()
    await public_form(request)
    async with wires.pool.acquire() as conn:
        view = await _opened(request, conn)
        if view is None:
            return link_not_found(request)
        person, incident = view.resident_id, view.incident.id
        language = page_language(request, view.language)
        if await withdraw_location(conn, wires.catalogs, person, incident, language=language, now=now):
            await audit(
                conn, BY_LINK, "location.delete", at=now, subjects=[person], fields=["location"], incident_id=incident
            )
            await notify(conn, INCIDENT_CHANGED, str(incident))
    return see_other(page_address(request) + "#where")


async def _opened(request: web.Request, conn: Connection) -> LinkView | None:
    hashed = link_hash(request)
    return None if hashed is None else await open_link(conn, hashed, site(request).clock.now())


ROUTES: Final = [
    Route("GET", "/c/{token}/where", page, TOKEN),
    Route("POST", "/c/{token}/where", send, TOKEN),
    Route("POST", "/c/{token}/where/delete", delete, TOKEN),
]
