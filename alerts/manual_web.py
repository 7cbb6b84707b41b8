"""/manual: when no telegram comes. Fill in, look at whom it reaches, propose; a second person decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from alerts.audience import Outlook, few, outlook
from alerts.deps import Deps
from alerts.manual import SOURCES, Act, Draft, ManualProblem, read_draft
from alerts.manual_places import Pick, pick_of, search
from alerts.manual_store import Done, acts_of, event_of, newest_acts, propose_send
from core.clock import JST
from core.db import transaction
from core.i18n import Sayer
from core.ids import uuid7
from core.model import CAP_SEVERITIES, Role
from core.web import Route, clean_text, path_id, render, see_other, site, staff, staff_form
from registry.approvals import ApprovalError
from registry.sessions import STAFF_LANGUAGES, staff_of
from registry.step_up_web import require_step_up

#: Places that can be chosen at once; more is a prefecture.
MAX_PICKS: Final = 60


@dataclass(frozen=True, slots=True)
class _Filled:
    """What stands in the form when the page is drawn."""

    values: dict[str, str]
    picks: tuple[str, ...] = ()


async def manual_page(request: web.Request) -> web.Response:
    """GET /manual: what is open, and the form for a new incident."""
    return await _page(request, _Filled(_first_values(request)))


def _first_values(request: web.Request) -> dict[str, str]:
    return {"said_at": f"{site(request).clock.now().astimezone(JST):%H:%M}"}


async def incident_page(request: web.Request) -> web.Response:
    """GET /manual/<id>: what was done so far, and the form for what comes next."""
    done = await _done(request, path_id(request))
    values = _first_values(request) | {"severity": done[-1].draft.severity}
    return await _page(request, _Filled(values, done[-1].draft.picks), done)


async def _done(request: web.Request, incident: UUID) -> list[Done]:
    async with transaction(site(request).pool) as conn:
        done = await acts_of(conn, incident)
    if not done:
        raise web.HTTPNotFound(text="There is no such incident.")
    return done


async def open_one(request: web.Request) -> web.Response:
    """POST /manual: step=search, look or propose."""
    return await _act(request, [])


async def follow_up(request: web.Request) -> web.Response:
    """POST /manual/<id>: the same for an incident that is open; act=update, lift or cancel."""
    await staff_form(request)
    return await _act(request, await _done(request, path_id(request)))


async def _act(request: web.Request, done: list[Done]) -> web.Response:
    wires = site(request)
    form = await staff_form(request)
    given = {name: clean_text(value, 300) for name, value in form.items() if isinstance(value, str)}
    picks = [str(key)[:40] for key in (await request.post()).getall("pick", [])][:MAX_PICKS]
    filled = _Filled(given, tuple(picks))
    step = given.get("step", "")
    if step == "propose":
        await require_step_up(request)
    if step not in ("look", "propose"):
        return await _page(request, filled, done, searched=True)
    deps: Deps = wires.extras["deps"]
    before = done[-1].draft if done else None
    now = wires.clock.now()
    incident = before.incident if before is not None else uuid7()
    try:
        draft = read_draft(given, picks, incident=incident, before=before, hazards=deps.rules, now=now)
    except ManualProblem as wrong:
        return await _page(request, filled, done, status=400, problem=wrong.key)
    # Whom it reaches is counted with the loops' eyes: the one who decides may see nobody, and gets numbers alone.
    async with transaction(deps.pool) as conn:
        found = await outlook(deps, conn, event_of(deps.areas, draft, before, now), now)
    if step == "propose" and given.get("seen") == draft.fingerprint and not found.ignored:
        return await _propose(request, filled, done, draft, found)
    return await _page(request, filled, done, draft=draft, found=found, changed=step == "propose")


async def _propose(
    request: web.Request, filled: _Filled, done: list[Done], draft: Draft, found: Outlook
) -> web.Response:
    me = staff_of(request)
    wires = site(request)
    deps: Deps = wires.extras["deps"]
    # The second person may read the other of the staff's two languages.
    inside = {lang: _says(deps, wires.catalogs.sayer(lang), lang, draft, found) for lang in STAFF_LANGUAGES}
    samples = [[wires.catalogs.native_name(one.language), one.body] for one in found.audience.samples]
    says = {**inside.get(me.language, inside["en"]), "in": inside, "details": samples}
    try:
        async with transaction(wires.pool) as conn:
            await propose_send(conn, draft, says, me.id, wires.clock.now())
    except ApprovalError as wrong:
        return await _page(request, filled, done, status=409, problem=wrong.key)
    return see_other("/approvals?proposed=manual_send")


def _says(deps: Deps, say: Sayer, lang: str, draft: Draft, found: Outlook) -> dict[str, Any]:
    """What the second person reads, in one language."""
    places = [pick.name for key in draft.picks if (pick := pick_of(deps.areas, key, lang)) is not None]
    what = say.plain(
        "staff.manual.what",
        act=say.plain(f"staff.manual.act.{draft.act}"),
        hazard=say.plain(f"hazard.{draft.hazard}"),
        severity=say.plain(f"staff.manual.severity.{draft.severity}"),
        places=", ".join(places),
    )
    people = say.plain("staff.manual.people", n=found.audience.shown_people, percent=found.audience.percent)
    source = say.plain(
        "staff.manual.said",
        source=say.plain(f"staff.manual.source.{draft.source_kind}"),
        words=draft.source_words,
        at=say.time(draft.said_at),
    )
    return {
        "what": what,
        "people": people + (f" {say.plain('staff.manual.will_be_held')}" if found.held else ""),
        "source": source,
        "text": next((sample.body for sample in found.audience.samples if sample.language == lang), "-"),
    }


async def _page(
    request: web.Request,
    filled: _Filled,
    done: list[Done] | None = None,
    *,
    status: int = 200,
    problem: str = "",
    searched: bool = False,
    draft: Draft | None = None,
    found: Outlook | None = None,
    changed: bool = False,
) -> web.Response:
    me = staff_of(request)
    wires = site(request)
    deps: Deps = wires.extras["deps"]
    say = wires.catalogs.sayer(me.language)
    query = filled.values.get("q", "")
    matches = search(deps.areas, query, me.language, wires.settings.prefectures) if searched else []
    async with transaction(wires.pool) as conn:
        others = [] if done else await newest_acts(conn, wires.clock.now())
    return render(
        request,
        "manual.html",
        lang=me.language,
        status=status,
        problem=problem,
        values=filled.values,
        chosen=_picks(deps, filled.picks, me.language),
        matches=[pick for pick in matches if pick.key not in filled.picks],
        nothing_found=searched and bool(query) and not matches,
        hazards=sorted(deps.rules, key=lambda hazard: say.plain(f"hazard.{hazard}")),
        severities=tuple(reversed(CAP_SEVERITIES)),
        sources=SOURCES,
        acts=[act for act in Act if act is not Act.OPEN] if done else [],
        done=[(one, _picks(deps, one.draft.picks, me.language)) for one in done or []],
        ended=bool(done) and done is not None and done[-1].draft.act in (Act.LIFT, Act.CANCEL),
        others=[(one, _picks(deps, one.draft.picks, me.language)) for one in others],
        draft=draft,
        found=found,
        changed=changed,
        catalogs=wires.catalogs,
        few=few,
    )


def _picks(deps: Deps, keys: tuple[str, ...], lang: str) -> list[Pick]:
    return [pick for key in keys if (pick := pick_of(deps.areas, key, lang)) is not None]


SENDERS = staff(Role.OPERATOR, Role.COORDINATOR)
ROUTES = [
    Route("GET", "/manual", manual_page, SENDERS),
    Route("POST", "/manual", open_one, SENDERS),
    Route("GET", "/manual/{id}", incident_page, SENDERS),
    Route("POST", "/manual/{id}", follow_up, SENDERS),
]
