"""/held: alerts that wait for people, with why, since when and whom they would reach; two people decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from alerts.audience import Audience, audience_of
from alerts.deps import Deps
from alerts.held_store import Held, list_held
from alerts.manual_web import SENDERS
from alerts.rule_book import rule_at
from alerts.rule_store import refresh
from core.db import transaction
from core.i18n import Catalogs, Sayer
from core.web import Route, path_id, render, see_other, site, staff_form
from geo.rivers import named
from registry.approvals import ApprovalError, Kind
from registry.approvals_store import propose
from registry.sessions import STAFF_LANGUAGES, staff_of
from registry.step_up_web import require_step_up

#: Names of places that are written out; then their number.
MAX_NAMES: Final = 8
ANSWERS: Final = ("release", "drop")
#: How a reason begins or goes on (alerts/guard.py, geo/reach.py) -> the sentence that says it in the staff's words.
REASONS: Final = (
    ("would reach", "share"),
    ("impossible time", "time"),
    ("outside the telegram", "outside"),
    ("polygons without area codes", "polygon"),
    ("error:", "error"),
    ("", "other"),
)


@dataclass(frozen=True, slots=True)
class _Row:
    held: Held
    places: str
    more: int
    audience: Audience

    @property
    def kind(self) -> str:
        """Which of the sentences of `REASONS` says why it is held."""
        return next(kind for part, kind in REASONS if part in self.held.reason)


async def held_page(request: web.Request) -> web.Response:
    """GET /held: every alert that waits, the oldest first."""
    return await _page(request)


async def _page(request: web.Request, *, status: int = 200, problem: str = "") -> web.Response:
    me = staff_of(request)
    wires = site(request)
    async with transaction(wires.pool) as conn:
        waiting = await list_held(conn)
    return render(
        request,
        "held.html",
        lang=me.language,
        status=status,
        problem=problem,
        rows=await _rows(wires.extras["deps"], waiting, me.language),
        catalogs=wires.catalogs,
    )


async def _rows(deps: Deps, waiting: Sequence[Held], lang: str) -> list[_Row]:
    """With the numbers of people, counted with the loops' eyes: the one who decides may see nobody."""
    rows = []
    async with transaction(deps.pool) as conn:
        await refresh(conn, deps.rules)
        for held in waiting:
            rule = rule_at(deps.rules, held.hazard, held.alert.context.get("rule", ""))
            audience = await audience_of(deps, conn, held.alert, rule, deps.clock.now())
            names = _names(deps, held, lang)
            rows.append(_Row(held, ", ".join(names[:MAX_NAMES]), max(0, len(names) - MAX_NAMES), audience))
    return rows


def _names(deps: Deps, held: Held, lang: str) -> list[str]:
    names: dict[str, None] = {}
    for rated in held.alert.areas:
        try:
            names[named(deps.areas, rated.area.scheme, rated.area.code, lang)] = None
        except KeyError:
            names[rated.area.name or f"{rated.area.scheme} {rated.area.code}"] = None
    return list(names)


async def decide_one(request: web.Request) -> web.Response:
    """POST /held/<alert>: answer=release or drop proposes it to a second person. Nothing happens before they agree."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    await require_step_up(request)
    answer = str(form.get("answer", ""))
    if answer not in ANSWERS:
        return await _page(request, status=400, problem="staff.held.problem.answer")
    async with transaction(wires.pool) as conn:
        waiting = await list_held(conn, path_id(request))
    if not waiting:
        return await _page(request, status=404, problem="staff.held.problem.gone")
    if waiting[0].superseded and answer == "release":
        return await _page(request, status=409, problem="staff.approvals.superseded")
    row = (await _rows(wires.extras["deps"], waiting, me.language))[0]
    try:
        async with transaction(wires.pool) as conn:
            payload = _payload(wires.catalogs, me.language, row, answer)
            await propose(conn, Kind.HELD_RELEASE, payload, me.id, wires.clock.now())
    except ApprovalError as wrong:
        return await _page(request, status=409, problem=wrong.key)
    return see_other("/approvals?proposed=held_release")


def _payload(catalogs: Catalogs, lang: str, row: _Row, answer: str) -> dict[str, Any]:
    """What the second person reads, in either language of staff, and what is then done."""
    inside = {one: _says(catalogs.sayer(one), row, answer) for one in STAFF_LANGUAGES}
    return {
        **inside.get(lang, inside["en"]),
        "in": inside,
        "details": [[catalogs.native_name(sample.language), sample.body] for sample in row.audience.samples],
        "alert": str(row.held.alert.id),
        "do": answer,
    }


def _says(say: Sayer, row: _Row, answer: str) -> dict[str, Any]:
    more = say.plain("staff.held.more", n=row.more) if row.more else ""
    return {
        "act": say.plain(f"staff.held.act.{answer}"),
        "what": f"{row.held.title} – {row.places}{more}",
        "why": f"{say.plain(f'staff.held.reason.{row.kind}')} ({row.held.reason or '-'})",
        "people": say.plain("staff.manual.people", n=row.audience.shown_people, percent=row.audience.percent),
    }


ROUTES = [
    Route("GET", "/held", held_page, SENDERS),
    Route("POST", "/held/{id}", decide_one, SENDERS),
]
