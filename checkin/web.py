"""The check-in page: what happened, what to do, "are you OK?", and what happens after the answer.

Works without JavaScript, in one round trip, under 10 kB. GET and HEAD change nothing: link previews, mail scanners and
carrier filters open links too. An answer is a POST, and the browser is then sent back to the same address.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial, wraps
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from aiohttp import web

from checkin.alert_view import alert_view
from checkin.drills import HELP_HAZARD, asks_if_real
from checkin.help_store import check_in_token, standing_call
from checkin.link_store import HelpView, LinkView, help_view, open_link
from checkin.replies import answer_with_detail, read_answer, read_detail, read_millis
from checkin.shelter_store import shelters_for
from checkin.shelter_view import FEW, PlaceShelters, distance_words
from checkin.store import Recorded, record_check_in
from core.db import CONNECTION_ERRORS, Connection
from core.model import Answer, AnsweredBy, Purpose, Severity
from core.web import (
    TOKEN,
    Handler,
    Route,
    clean_text,
    language_of,
    link_hash,
    link_not_found,
    public_form,
    render,
    see_other,
    site,
    small,
)
from geo.areas import Areas
from geo.rivers import named
from registry.location_store import OwnLocation, own_location

log = logging.getLogger(__name__)

#: A tap's own id, made by the phone: long enough for a UUID.
MAX_CLIENT_ID: Final = 64
MAX_NOTE: Final = 500
#: The page comes over one bar of signal, in every language.
MAX_BYTES: Final = 10_000


async def check_in_page(request: web.Request) -> web.Response:
    """GET /c/{token}: the question, or the thanks; the same 404 page for unknown and ended links."""
    wires = site(request)
    view = await _opened(request)
    if view is None:
        return link_not_found(request)
    help_: HelpView | None = None
    called: str | None = None
    if asks_if_real(view.incident.purpose, view.status):
        called = await standing_call(wires.pool, wires.vault, view.resident_id)
    elif view.status.help_stands:
        purpose, now = view.incident.purpose, wires.clock.now()
        help_ = await help_view(wires.pool, wires.vault, view.resident_id, purpose, now)
    shelters = [] if help_ or called else await shelters_for(wires.pool, view, wires.clock.now(), FEW)
    where = None
    live = view.incident.purpose is Purpose.LIVE and view.incident.closed_at is None
    if live and view.status.newest_own is not None:
        where = await own_location(wires.pool, view.resident_id, view.incident.id)
    return _page(request, view, help_, called, shelters, where)


def offers_retry(handler: Callable[[web.Request], Awaitable[web.Response]]) -> Handler:
    """When the database cannot be reached: say that nothing was saved, and offer to send the same fields again.

    The repeated form carries a tap id and the time of this tap, so that it counts once and as of now.
    """

    @wraps(handler)
    async def wrapped(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except CONNECTION_ERRORS:
            log.exception("an answer could not be stored, the person is asked to send it again")
            if wants_json(request):
                return web.Response(status=503, headers={"Retry-After": "5"})
            sent = await public_form(request)
            fields = {"client_id": uuid4().hex, "tapped_at": site(request).clock.now().isoformat()} | sent
            response = render(
                request,
                "checkin_retry.html",
                lang=language_of(request),
                status=503,
                fields=fields,
                action=here(request),
            )
            response.headers["Retry-After"] = "5"
            return response

    return wrapped


@offers_retry
async def check_in(request: web.Request) -> web.Response:
    """POST /c/{token}: one answer. 303 back to the page; 204 for a caller that asks for JSON (the service worker).

    An answer that the present incident does not ask for ("I'm OK" to "are you in a safe place?") is not stored: the
    page shows the present question, the service worker gets 409 and opens the page.
    """
    wires = site(request)
    form = await public_form(request)
    answer = read_answer(form.get("answer", ""))
    if answer is None:
        return _refuse(request, 400)
    tapped_at = _time(form.get("tapped_at", ""))
    now = wires.clock.now()
    hashed = link_hash(request)
    async with wires.pool.acquire() as conn:
        # A call for help always belongs to what is happening now, however old the tap.
        view = None if hashed is None else await open_link(conn, hashed, now, None if answer.is_help else tapped_at)
        if view is None:
            return link_not_found(request)
        if answer not in view.incident.offered and not answer.is_help:
            return _refuse(request, 409)
        recorded = await record_check_in(
            conn,
            wires.vault,
            incident_id=view.incident.id,
            resident_id=view.resident_id,
            answer=answer,
            answered_by=AnsweredBy.SELF,
            via="push" if wants_json(request) else "page",
            tapped_at=tapped_at,
            now=now,
            link_id=view.link_id,
            client_id=clean_text(form.get("client_id", ""), MAX_CLIENT_ID) or None,
        )
        return await _to_page_of(request, conn, view, recorded)


@offers_retry
async def check_in_detail(request: web.Request) -> web.Response:
    """POST /c/{token}/detail: hurt, trapped, with how many, a note. Kept as a further answer; nothing is replaced."""
    wires = site(request)
    form = await public_form(request)
    detail = read_detail(form)
    note = clean_text(form.get("note", ""), MAX_NOTE)
    now = wires.clock.now()
    hashed = link_hash(request)
    async with wires.pool.acquire() as conn:
        view = None if hashed is None else await open_link(conn, hashed, now)
        if view is None:
            return link_not_found(request)
        own = view.status.newest_own
        answer = answer_with_detail(own.answer if own else None, view.incident.offered, detail)
        if answer is not None and (detail.as_json() or note):
            recorded = await record_check_in(
                conn,
                wires.vault,
                incident_id=view.incident.id,
                resident_id=view.resident_id,
                answer=answer,
                answered_by=AnsweredBy.SELF,
                via="page",
                tapped_at=None,
                now=now,
                link_id=view.link_id,
                client_id=clean_text(form.get("client_id", ""), MAX_CLIENT_ID) or None,
                detail=detail.as_json(),
                note=note or None,
            )
            return await _to_page_of(request, conn, view, recorded)
    return done(request)


# ---------------------------------------------------------------- shared with the leader's page


def page_language(request: web.Request, own: str) -> str:
    """?lang= if it names one of our languages, else the person's own."""
    catalogs = site(request).catalogs
    return catalogs.normalise(request.query.get("lang", "")) or catalogs.normalise(own) or "en"


def here(request: web.Request, path: str | None = None, **query: str) -> str:
    """The page's address with the chosen language kept."""
    lang = site(request).catalogs.normalise(request.query.get("lang", ""))
    parameters = ({"lang": lang} if lang else {}) | query
    return (path or request.path) + (f"?{urlencode(parameters)}" if parameters else "")


def wants_json(request: web.Request) -> bool:
    """Whether the caller is a script (our service worker) and not a browser showing pages."""
    return "application/json" in request.headers.get("Accept", "")


def done(request: web.Request, token: str = "") -> web.Response:
    """The answer is stored: 204 for a script, for a person the page (another one's with `token`)."""
    return web.Response(status=204) if wants_json(request) else see_other(page_address(request, token))


def page_address(request: web.Request, token: str = "") -> str:
    """The check-in page of `token`, or of the link that was called, in the chosen language."""
    return here(request, f"/c/{token or request.match_info['token']}")


# ---------------------------------------------------------------- inside


async def _opened(request: web.Request) -> LinkView | None:
    hashed = link_hash(request)
    wires = site(request)
    return None if hashed is None else await open_link(wires.pool, hashed, wires.clock.now())


def _time(text: str) -> datetime | None:
    """A tap's time as ISO 8601 with a zone, or as milliseconds since 1970; None for anything else."""
    if text.isascii() and text.isdigit():
        return read_millis(int(text[:16]))
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return when if when.tzinfo is not None else None


def _refuse(request: web.Request, status: int) -> web.Response:
    """Nothing was stored: a script learns the status, a person sees the page with the present question."""
    return web.Response(status=status) if wants_json(request) else see_other(page_address(request))


async def _to_page_of(request: web.Request, conn: Connection, view: LinkView, recorded: Recorded) -> web.Response:
    """The page where the answer stands now: help called for after an incident's end has a page of its own."""
    if recorded.incident_id == view.incident.id:
        return done(request)
    wires = site(request)
    token = await check_in_token(conn, wires.vault, recorded.incident_id, view.resident_id, wires.clock.now())
    return done(request, token)


def _page(
    request: web.Request,
    view: LinkView,
    help_: HelpView | None,
    called: str | None,
    shelters: list[PlaceShelters],
    where: OwnLocation | None,
) -> web.Response:
    wires = site(request)
    lang = page_language(request, view.language)
    incident, status = view.incident, view.status
    own = status.newest_own
    # Asked again after a rise in level or a stronger shock: the older answer is shown as such, and asked for anew.
    is_open = own is None or (view.asked_at is not None and own.at < view.asked_at)
    # A person's own call for help is no news from JMA: there is nothing to relay about it.
    own_call = incident.hazard == HELP_HAZARD
    alert = alert_view(
        wires.catalogs,
        incident,
        Severity.INFO if own_call else view.severity,
        view.reason,
        lang,
        partial(named, Areas.load()),
        simulated=wires.simulated,
    )
    context: dict[str, Any] = {
        "alert": alert,
        "incident": incident,
        "standing": status,
        "own": own,
        "proxy": status.current if own is None else None,
        "ask": is_open,
        "offered": incident.offered,
        "evacuation": Answer.SAFE_PLACE in incident.offered,
        "help": help_,
        "ask_real": asks_if_real(incident.purpose, status),
        "call_address": here(request, f"/c/{called}") if called else "",
        "own_call": own_call,
        "real_action": here(request, f"{request.path}/real"),
        "detail_action": here(request, f"{request.path}/detail"),
        "answer_action": here(request),
        # What they sent before is theirs to take back while a new question is open, too.
        "where": where if where is not None and (where.sent_at or (where.may_send and not is_open)) else None,
        "where_action": here(request, f"{request.path}/where"),
        "card_address": here(request, f"{request.path}/card"),
        "where_delete": here(request, f"{request.path}/where/delete"),
        "shelters": [] if own_call else shelters,
        "shelters_address": here(request, f"{request.path}/shelters"),
        "distance_words": distance_words,
    }
    # One press sends where they are, on this very page; on a page of its own where the words for it would be too long.
    at_once = context["where"] is not None and help_ is not None and not context["evacuation"]
    response = small(render(request, "checkin_page.html", lang=lang, where_at_once=at_once, **context))
    if at_once and len(str(response.text).encode()) >= MAX_BYTES:
        response = small(render(request, "checkin_page.html", lang=lang, where_at_once=False, **context))
    return response


ROUTES: Final = [
    Route("GET", "/c/{token}", check_in_page, TOKEN),
    Route("HEAD", "/c/{token}", check_in_page, TOKEN),
    Route("POST", "/c/{token}", check_in, TOKEN),
    Route("POST", "/c/{token}/detail", check_in_detail, TOKEN),
]
