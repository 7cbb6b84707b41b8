"""The employer's dashboard, the operator's totals and the supervising view."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from alerts.undelivered_store import count_of
from checkin.cases import green_answer, help_answer
from checkin.dashboard import Person, State, groups, needs_help_first, sections, totals, unopened_first
from checkin.dashboard_store import (
    Incident,
    incidents,
    incidents_of,
    is_own_person,
    mark_opened,
    org_name,
    people_of,
    standings,
    supervised_ids,
    supervised_rows,
)
from checkin.pages_web import CHANNEL_WORDS, message_page, page_language, respond, wants_fragment
from checkin.store import record_check_in
from checkin.umbrella import hidden_totals
from checkin.visit_store import visits_of
from checkin.visits import Visit
from core.audit import audit
from core.clock import JST, date_in_japan
from core.db import Connection, transaction
from core.i18n import Sayer
from core.model import AnsweredBy, MessageState, Role
from core.spreadsheet import csv_bytes
from core.web import Route, path_id, see_other, site, staff, staff_form
from registry.access import HOUSEHOLD
from registry.listening_web import silent_feeds
from registry.sessions import Staff, staff_of
from registry.step_up_web import require_step_up

#: Rows (a person to act for) and names (everybody else) of one page: about 250 kB.
ROWS, NAMES = 250, 300
#: Calls for help on top of the page; more of them stand in their groups, which come first.
HELPS_ON_TOP = 50
#: What is read about a person here, as the audit log names it.
FIELDS = ("name", "status", "delivery", "site", "dorm", "room")


async def dashboard(request: web.Request) -> web.Response:
    """GET /dashboard: the incident that matters now, or a calm page when nothing is open."""
    me = staff_of(request)
    async with transaction(site(request).pool) as conn:
        found = await _incidents(request, conn, me)
        if found and found[0].closed_at is None:
            return see_other(f"/dashboard/{found[0].id}")
        return respond(
            request, "dashboard_none", incidents=found, incident=None, stale=await silent_feeds(request, conn)
        )


async def _incidents(request: web.Request, conn: Connection, me: Staff) -> list[Incident]:
    if me.role is Role.OPERATOR:
        return await incidents(conn)
    return await incidents_of(conn, [me.org_id], date_in_japan(site(request).clock.now()))


def _pick(found: list[Incident], incident_id: UUID) -> Incident:
    """The incident, if it is one of those the caller may see: another one does not exist for them."""
    for incident in found:
        if incident.id == incident_id:
            return incident
    raise web.HTTPNotFound(text="There is no such incident among yours.")


async def dashboard_incident(request: web.Request) -> web.Response:
    """GET /dashboard/<incident>: own people by site and dorm, who needs help first; for the operator totals only."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    incident_id = path_id(request, "incident_id")
    async with transaction(wires.pool) as conn:
        found = await _incidents(request, conn, me)
        incident = _pick(found, incident_id)
        stale = await silent_feeds(request, conn)
        if me.role is Role.OPERATOR:
            states, number, not_enrolled = hidden_totals(totals(await standings(conn, incident.id)))
            return respond(
                request,
                "dashboard_totals",
                incident=incident,
                incidents=found,
                states=states,
                people=number,
                not_enrolled=not_enrolled,
                stale=stale,
                undelivered=await count_of(conn, incident.id),
            )
        people = await people_of(conn, incident.id, me.org_id, date_in_japan(now))
        visits = await visits_of(conn, incident.id, me.org_id, now)
        await mark_opened(conn, me.org_id, incident.id, now)
        await _audit_people(request, conn, "dashboard.read", incident, people)
    base = f"/dashboard/{incident.id}?"
    return _people_page(request, incident, found, people, stale, visits, org=me.org_name, readonly=False, base=base)


def _people_page(
    request: web.Request,
    incident: Incident,
    found: list[Incident],
    people: list[Person],
    stale: list[dict[str, object]],
    visits: list[Visit],
    *,
    org: str,
    readonly: bool,
    base: str,
) -> web.Response:
    """The people, or of them `?show=<state>`, or `?site=&dorm=`. `base`: this page's address, up to its filters."""
    shown = next((state for state in State if state.value == request.query.get("show", "")), None)
    place = None
    if "site" in request.query or "dorm" in request.query:
        place = request.query.get("site", ""), request.query.get("dorm", "")
    helps = needs_help_first(people) if shown is None and place is None else []
    return respond(
        request,
        "dashboard_incident",
        incident=incident,
        incidents=found,
        totals=totals((p.standing, 1) for p in people),
        undelivered=_undelivered(people),
        helps=helps[:HELPS_ON_TOP],
        helps_in_all=len(helps),
        sections=sections(groups(people), state=shown, place=place, rows=ROWS, names=NAMES),
        show=shown,
        place=place,
        base=base,
        State=State,
        stale=stale,
        visits=visits,
        org=org,
        readonly=readonly or incident.closed_at is not None,
    )


def _undelivered(people: list[Person]) -> int:
    """How many have not answered, and their newest message did not arrive."""
    lost = (MessageState.FAILED, MessageState.EXPIRED)
    return sum(p.standing.status is None and p.delivery is not None and p.delivery.state in lost for p in people)


async def _audit_people(
    request: web.Request, conn: Connection, action: str, incident: Incident, people: list[Person]
) -> None:
    await audit(
        conn,
        staff_of(request).actor,
        action,
        at=site(request).clock.now(),
        subjects=[p.id for p in people],
        fields=FIELDS,
        incident_id=incident.id,
        detail={"refresh": True} if wants_fragment(request) else {},
    )


async def record_answer(request: web.Request) -> web.Response:
    """POST /dashboard/<incident>/answer: "I spoke to them": OK, or needs help. Never beats the person's own answer."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    form = await staff_form(request)
    incident_id = path_id(request, "incident_id")
    back = f"/dashboard/{incident_id}"
    try:
        resident_id = UUID(str(form.get("resident", "")))
    except ValueError:
        raise web.HTTPNotFound(text="There is no such person among yours.") from None
    said = str(form.get("said", ""))
    if said not in ("ok", "help"):
        return message_page(request, "staff.dash.refused.choose", status=400, back=back)
    async with transaction(wires.pool) as conn:
        incident = _pick(await _incidents(request, conn, me), incident_id)
        if incident.closed_at is not None:
            return message_page(request, "staff.dash.refused.closed", status=409, back=back)
        if not await is_own_person(conn, incident.id, resident_id, me.org_id, date_in_japan(now)):
            raise web.HTTPNotFound(text="There is no such person among yours.")
        answer = green_answer(incident.questions) if said == "ok" else help_answer(incident.questions)
        await record_check_in(
            conn,
            wires.vault,
            incident_id=incident.id,
            resident_id=resident_id,
            answer=answer,
            answered_by=AnsweredBy.EMPLOYER,
            via="dashboard",
            tapped_at=now,
            now=now,
            by_staff=me.id,
        )
        await audit(
            conn,
            me.actor,
            "dashboard.answer",
            at=now,
            subjects=[resident_id],
            fields=["status"],
            incident_id=incident.id,
            detail={"answer": answer.value},
        )
    return see_other(f"{back}#p-{resident_id}")


async def people_csv(request: web.Request) -> web.Response:
    """GET /dashboard/<incident>/people.csv: what the page shows, for a spreadsheet; after the second factor, again."""
    await require_step_up(request)
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    incident_id = path_id(request, "incident_id")
    async with transaction(wires.pool) as conn:
        incident = _pick(await _incidents(request, conn, me), incident_id)
        people = await people_of(conn, incident.id, me.org_id, date_in_japan(now))
        await _audit_people(request, conn, "dashboard.export", incident, people)
    say = wires.catalogs.sayer(page_language(request))
    body = csv_bytes(
        [say.plain(f"staff.dash.csv.{name}") for name in CSV_COLUMNS],
        [_csv_row(say, incident, person) for group in groups(people) for person in group.people],
    )
    kind = "simulated" if incident.simulated else incident.purpose.value
    name = f"daijobu-{kind}-{incident.opened_at.astimezone(JST):%Y%m%d-%H%M}.csv"
    return web.Response(
        body=body,
        headers={"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": f'attachment; filename="{name}"'},
    )


CSV_COLUMNS = (
    "name",
    "state",
    "answer",
    "answered_at",
    "answered_by",
    "site",
    "dorm",
    "room",
    "enrolled",
    "asked_at",
    "delivery",
    "simulated",
)


def _csv_row(say: Sayer, incident: Incident, person: Person) -> list[str]:
    delivery = ""
    if person.delivery is not None:
        delivery = say.plain(
            f"staff.delivery.{person.delivery.state}",
            channel=CHANNEL_WORDS.get(person.delivery.channel, person.delivery.channel),
            time=say.time(person.delivery.at),
        )
    real = incident.purpose.value == "live" and not incident.simulated
    return [
        person.name,
        say.plain(f"staff.state.{person.state.value}"),
        say.plain(f"answer.{person.answer.value}") if person.answer else "",
        say.time(person.status_at) if person.status_at else "",
        say.plain(f"staff.by.{person.status_by}") if person.status_by else "",
        say.plain("staff.people.household") if person.site == HOUSEHOLD else person.site,
        person.dorm,
        person.room,
        say.plain("staff.yes") if person.standing.enrolled else say.plain("staff.no"),
        say.time(person.asked_at) if person.asked_at else "",
        delivery,
        say.plain("staff.no") if real else say.plain("staff.yes"),
    ]


# ---------------------------------------------------------------- the supervising view


async def supervising(request: web.Request) -> web.Response:
    """GET /supervising: one row per supervised employer, those who have not looked yet first."""
    me = staff_of(request)
    wires = site(request)
    asked = request.query.get("incident", "")
    async with transaction(wires.pool) as conn:
        day = date_in_japan(wires.clock.now())
        employers = await supervised_ids(conn, me.org_id)
        found = await incidents_of(conn, employers, day)
        incident = next((i for i in found if str(i.id) == asked), found[0] if found else None)
        stale = await silent_feeds(request, conn)
        rows = await supervised_rows(conn, me.org_id, incident.id, day) if incident else []
    return respond(
        request,
        "supervising_list",
        incident=incident,
        incidents=found,
        rows=unopened_first(rows),
        State=State,
        stale=stale,
        employers=len(employers),
    )


async def supervising_employer(request: web.Request) -> web.Response:
    """GET /supervising/<org>: an employer's page, to read only. It does not count as opened by the employer."""
    me = staff_of(request)
    wires = site(request)
    org_id = path_id(request, "org_id")
    asked = request.query.get("incident", "")
    async with transaction(wires.pool) as conn:
        day = date_in_japan(wires.clock.now())
        if org_id not in await supervised_ids(conn, me.org_id):
            raise web.HTTPNotFound(text="There is no such employer among yours.")
        found = await incidents_of(conn, [org_id], day)
        incident = next((i for i in found if str(i.id) == asked), found[0] if found else None)
        stale = await silent_feeds(request, conn)
        if incident is None:
            return respond(request, "dashboard_none", incidents=[], incident=None, stale=stale)
        people = await people_of(conn, incident.id, org_id, day)
        visits = await visits_of(conn, incident.id, org_id, wires.clock.now())
        await _audit_people(request, conn, "supervising.read", incident, people)
        name = await org_name(conn, org_id)
    base = f"/supervising/{org_id}?incident={incident.id}&"
    return _people_page(request, incident, found, people, stale, visits, org=name, readonly=True, base=base)


OWN = staff(Role.EMPLOYER, Role.COMMUNITY)
LOOKING = staff(Role.EMPLOYER, Role.COMMUNITY, Role.OPERATOR)

ROUTES = [
    Route("GET", "/dashboard", dashboard, LOOKING),
    Route("GET", "/dashboard/{incident_id}", dashboard_incident, LOOKING),
    Route("POST", "/dashboard/{incident_id}/answer", record_answer, OWN),
    Route("GET", "/dashboard/{incident_id}/people.csv", people_csv, OWN),
    Route("GET", "/supervising", supervising, staff(Role.SUPERVISING)),
    Route("GET", "/supervising/{org_id}", supervising_employer, staff(Role.SUPERVISING)),
]
