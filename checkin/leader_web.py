"""The leader's page: everybody of a dorm or shift on one page, one answer for each, or "everyone else is OK"."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from aiohttp import web

from checkin.alert_view import alert_view
from checkin.leader_store import LeaderView, open_leader_link, record_for_site
from checkin.replies import all_well_answer, proxy_answers
from checkin.web import here, page_language
from core.db import transaction
from core.model import Answer
from core.web import TOKEN, Route, link_hash, link_not_found, public_form, render, see_other, site
from geo.areas import Areas


async def leader_page(request: web.Request) -> web.Response:
    """GET /l/{token}: names and how each stands. The reading is in the audit log; nothing else changes."""
    wires = site(request)
    hashed = link_hash(request)
    view = None
    if hashed is not None:
        async with transaction(wires.pool) as conn:
            view = await open_leader_link(conn, hashed, wires.clock.now())
    return link_not_found(request) if view is None else _page(request, view)


async def leader_answers(request: web.Request) -> web.Response:
    """POST /l/{token}: one field per person (its name is the person's id, its value the answer, "" for none).

    `others` (the second button) means: whoever is left without an answer is well. It never touches anybody who has
    answered, and never turns a call for help into anything.
    """
    wires = site(request)
    form = await public_form(request)
    hashed = link_hash(request)
    now = wires.clock.now()
    view = None
    if hashed is not None:
        async with transaction(wires.pool) as conn:
            view = await open_leader_link(conn, hashed, now)
    if view is None or hashed is None:
        return link_not_found(request)
    offered = proxy_answers(view.incident.offered)
    given: dict[UUID, Answer] = {}
    for person in view.people:
        chosen = form.get(str(person.resident_id))
        answer = next((answer for answer in offered if answer == chosen), None)
        # Somebody ticked as missing ("") is not one of the others.
        if chosen is None and "others" in form and person.status is None and not person.answered_quietly:
            answer = all_well_answer(view.incident.offered)
        if answer is not None:
            given[person.resident_id] = answer
    if await record_for_site(wires.pool, wires.vault, hashed, given, now) is None:
        return link_not_found(request)
    return see_other(here(request, saved="1"))


def _page(request: web.Request, view: LeaderView) -> web.Response:
    wires = site(request)
    lang = page_language(request, view.language)
    alert = alert_view(
        wires.catalogs,
        view.incident,
        view.incident.severity,
        view.reason,
        lang,
        Areas.load().name,
        simulated=wires.simulated,
    )
    response = render(
        request,
        "leader_page.html",
        lang=lang,
        alert=alert,
        view=view,
        offered=proxy_answers(view.incident.offered),
        saved=request.query.get("saved") == "1",
        well=sum(1 for person in view.people if person.status is not None and person.status.is_green),
        action=here(request),
    )
    # A dorm of 18 is 20 kB of names and buttons, and 2 kB compressed.
    response.enable_compression()
    return response


ROUTES: Final = [
    Route("GET", "/l/{token}", leader_page, TOKEN),
    Route("HEAD", "/l/{token}", leader_page, TOKEN),
    Route("POST", "/l/{token}", leader_answers, TOKEN),
]
