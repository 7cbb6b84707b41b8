"""/a/<token>: what staff see at 21:33 without a second factor: their own people's names and states, and the dorms.

One incident, the one device that opened the link, 24 hours. No telephone numbers, no lists to take away, nothing is
sent from here: for that one signs in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import quote
from uuid import UUID

from aiohttp import web

from alerts.staff_call_store import FOLLOWING, LINK_LASTS
from checkin.dashboard import Person, State, groups, sections, totals, unopened_first
from checkin.dashboard_store import mark_opened, people_of, standings, supervised_rows
from checkin.staff_alert_store import StaffAlert, bind, board_counts, dorms_of, find_alert
from checkin.visit_store import say_visit, visits_of, withdraw_visit
from checkin.visits import arrival, suggested
from core.audit import audit
from core.clock import date_in_japan
from core.db import Scope, transaction
from core.model import Role
from core.tokens import looks_like_token, random_token, token_hash
from core.web import SCOPE, STAFF_TOKEN, Route, link_not_found, public_form, render, see_other, site
from registry.access import scope_of
from registry.guard_web import staff_language

COOKIE: Final = "alert"
#: Rows (a person to act for) and names of one page on a telephone at night; the rest after signing in.
ROWS, NAMES = 250, 300
#: What is read about a person here, as the audit log names it.
FIELDS: Final = ("name", "status", "dorm")


async def page(request: web.Request) -> web.Response:
    """GET /a/<token>: the button that opens it on this device, and on that device the page. Looking changes nothing."""
    alert = await _found(request)
    if alert is None:
        return link_not_found(request)
    if alert.device_sha256 is None:
        return _answer(request, alert, "staff_alert_open.html")
    if not _is_device(request, alert):
        return _answer(request, alert, "staff_alert_elsewhere.html", status=403)
    if alert.role in FOLLOWING:
        return await _numbers(request, alert)
    return await _people(request, alert)


async def open_here(request: web.Request) -> web.Response:
    """POST /a/<token>: from now on the link works on this device alone."""
    await public_form(request)
    alert = await _found(request)
    if alert is None:
        return link_not_found(request)
    if _is_device(request, alert):
        return see_other(request.path)
    wires = site(request)
    now = wires.clock.now()
    secret = random_token()
    async with transaction(wires.pool) as conn:
        if not await bind(conn, alert.id, token_hash(secret), now):
            return _answer(request, alert, "staff_alert_elsewhere.html", status=403)
        await audit(conn, alert.actor, "staff_link.open", at=now, incident_id=alert.incident.id)
    return give_device(request, see_other(request.path), request.match_info["token"], secret)


async def going(request: web.Request) -> web.Response:
    """POST /a/<token>/going: "I am going to this dorm, arriving about hh:mm"; with `stop`: not after all."""
    form = await public_form(request)
    alert = await _found(request)
    if alert is None:
        return link_not_found(request)
    if not _is_device(request, alert):
        return _answer(request, alert, "staff_alert_elsewhere.html", status=403)
    wires = site(request)
    now = wires.clock.now()
    back = f"/a/{request.match_info['token']}"
    try:
        dorm = UUID(form.get("dorm", ""))
    except ValueError:
        return link_not_found(request)
    if alert.role in FOLLOWING or alert.incident.closed_at is not None:
        return see_other(back)
    when = None if "stop" in form else arrival(form.get("at", ""), now)
    if when is None and "stop" not in form:
        return see_other(f"{back}?wrong_time=1#dorm-{dorm}")
    request[SCOPE] = _own_scope(alert)
    async with transaction(site(request).pool) as conn:
        if when is None:
            done = await withdraw_visit(conn, alert.incident.id, dorm, alert.staff_id, now)
        else:
            done = await say_visit(
                conn,
                incident_id=alert.incident.id,
                site_id=dorm,
                org_id=alert.org_id,
                staff_id=alert.staff_id,
                arrives_at=when,
                now=now,
            )
        if done:
            action = "staff_link.going" if when else "staff_link.not_going"
            await audit(conn, alert.actor, action, at=now, incident_id=alert.incident.id, detail={"dorm": str(dorm)})
    return see_other(f"{back}#dorm-{dorm}")


# ---------------------------------------------------------------- inside


async def _found(request: web.Request) -> StaffAlert | None:
    token = request.match_info["token"]
    if not looks_like_token(token):
        return None
    wires = site(request)
    async with transaction(wires.pool) as conn:
        return await find_alert(conn, token_hash(token), wires.clock.now())


def _is_device(request: web.Request, alert: StaffAlert) -> bool:
    secret = request.cookies.get(COOKIE, "")
    return bool(secret) and alert.device_sha256 == token_hash(secret)


def give_device(request: web.Request, response: web.Response, token: str, secret: str) -> web.Response:
    """The secret by which the device is known, for this link's pages alone."""
    response.set_cookie(
        COOKIE,
        secret,
        path=f"/a/{token}",
        max_age=int(LINK_LASTS.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=site(request).settings.is_https,
    )
    return response


def _own_scope(alert: StaffAlert) -> Scope:
    """The rows of the own organisation, as after signing in; of a supervising one its employers' too."""
    return scope_of(alert.role, alert.org_id, alert.below)


def _answer(
    request: web.Request, alert: StaffAlert, template: str, *, status: int = 200, **context: object
) -> web.Response:
    follows = alert.role in FOLLOWING
    home = (
        "/board" if follows else "/supervising" if alert.role is Role.SUPERVISING else f"/dashboard/{alert.incident.id}"
    )
    return render(
        request,
        template,
        lang=staff_language(request, alert.language),
        status=status,
        alert=alert,
        incident=alert.incident,
        follows=follows,
        home=home,
        new_link=f"/sign-in?next={quote('/account/alert-links')}",
        **context,
    )


async def _numbers(request: web.Request, alert: StaffAlert) -> web.Response:
    """For coordinators: the board in numbers. Names need the second factor."""
    request[SCOPE] = _own_scope(alert)
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        board = await board_counts(conn, alert.incident.purpose, now)
        told = totals(await standings(conn, alert.incident.id))
        await audit(conn, alert.actor, "staff_link.numbers", at=now, incident_id=alert.incident.id)
    return _answer(request, alert, "staff_alert_board.html", board=board, told=told.people)


async def _people(request: web.Request, alert: StaffAlert) -> web.Response:
    """For whoever keeps a list of people: own people by dorm, who needs somebody first."""
    request[SCOPE] = _own_scope(alert)
    wires = site(request)
    now = wires.clock.now()
    day = date_in_japan(now)
    incident = alert.incident
    async with transaction(wires.pool) as conn:
        people = await people_of(conn, incident.id, alert.org_id, day)
        dorms = await dorms_of(conn, incident.id, alert.org_id, day)
        visits = await visits_of(conn, incident.id, alert.org_id, now)
        employers = []
        if alert.role is Role.SUPERVISING:
            employers = unopened_first(await supervised_rows(conn, alert.org_id, incident.id, day))
        await mark_opened(conn, alert.org_id, incident.id, now)
        await audit(
            conn,
            alert.actor,
            "staff_link.read",
            at=now,
            subjects=[person.id for person in people],
            fields=FIELDS,
            incident_id=incident.id,
        )
    return _answer(
        request,
        alert,
        "staff_alert_page.html",
        totals=totals((person.standing, 1) for person in people),
        sections=sections(groups(_by_dorm(people)), rows=ROWS, names=NAMES),
        employers=employers,
        dorms={dorm.name: dorm for dorm in dorms},
        visits=visits,
        mine={visit.site_id for visit in visits if visit.staff_id == alert.staff_id},
        suggested=suggested(now),
        wrong_time="wrong_time" in request.query,
        State=State,
    )


def _by_dorm(people: list[Person]) -> list[Person]:
    """Whoever lives in a dorm is found there, wherever they work: one goes to a dorm once."""
    return [replace(person, site="") if person.dorm else person for person in people]


ROUTES = [
    Route("GET", "/a/{token}", page, STAFF_TOKEN),
    Route("POST", "/a/{token}", open_here, STAFF_TOKEN),
    Route("POST", "/a/{token}/going", going, STAFF_TOKEN),
]
