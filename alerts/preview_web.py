"""/preview: what a report would do before it does it: how many people, which languages and ways, for how much.

Numbers and texts, nobody's name. Sends nothing, and writes nothing but the audit log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from alerts.audience import Outlook, few, outlook
from alerts.deps import Deps
from alerts.manual_web import SENDERS
from alerts.preview_store import choices, stored_event
from core.audit import audit
from core.db import transaction
from core.model import Event, Status, UnreadableReport
from core.web import Route, render, site, staff_form
from registry.sessions import staff_of

#: Reads the bytes of a report; main wires it in, because feeds and alerts meet only there. Raises UnreadableReport.
ReadReport = Callable[[bytes], Sequence[Event]]
MAX_BYTES: Final = 3_000_000
#: Events of one report that are counted; a report of more is looked at event by event.
MAX_EVENTS: Final = 6


@dataclass(frozen=True, slots=True)
class Shown:
    """One event and what it would do."""

    event: Event
    found: Outlook
    at: datetime


async def preview_page(request: web.Request) -> web.Response:
    """GET /preview: choose a stored report, or upload one."""
    return await _page(request)


async def _page(request: web.Request, *, status: int = 200, **said: Any) -> web.Response:
    me = staff_of(request)
    wires = site(request)
    deps: Deps = wires.extras["deps"]
    async with transaction(deps.pool) as conn:  # reports belong to nobody; every role that may come here reads them
        offered = await choices(conn)
    values: dict[str, Any] = {"problem": "", "why": "", "shown": (), "chosen": 0, "fresh": True}
    return render(
        request,
        "preview.html",
        lang=me.language,
        status=status,
        offered=offered,
        can_upload="read_report" in wires.extras,
        catalogs=wires.catalogs,
        few=few,
        **(values | said),
    )


async def look(request: web.Request) -> web.Response:
    """POST /preview with `event` (a stored one) or `file`, and `fresh`: as if nothing had been heard or sent before."""
    form = await staff_form(request)
    fresh = form.get("fresh") == "1"
    part = form.get("file")
    chosen = str(form.get("event", ""))
    events: Sequence[Event] = ()
    if isinstance(part, web.FileField) and (body := part.file.read(MAX_BYTES + 1)):
        if len(body) > MAX_BYTES:
            return await _page(request, status=400, problem="staff.preview.problem.large", fresh=fresh)
        read: ReadReport | None = site(request).extras.get("read_report")
        try:
            events = () if read is None else await asyncio.to_thread(read, body)
        except UnreadableReport as wrong:
            return await _page(
                request, status=400, problem="staff.preview.problem.unreadable", why=str(wrong), fresh=fresh
            )
        if not events:
            return await _page(request, status=400, problem="staff.preview.problem.nothing", fresh=fresh)
    elif chosen.isascii() and chosen.isdigit() and len(chosen) < 19:
        async with transaction(site(request).extras["deps"].pool) as conn:
            stored = await stored_event(conn, int(chosen))
        if stored is None:
            return await _page(request, status=404, problem="staff.preview.problem.gone", fresh=fresh)
        events = (stored,)
    else:
        return await _page(request, status=400, problem="staff.preview.problem.choose", fresh=fresh)
    shown = [await _look_at(request, event, fresh) for event in events[:MAX_EVENTS]]
    return await _page(request, shown=shown, chosen=int(chosen) if chosen.isdigit() else 0, fresh=fresh)


async def _look_at(request: web.Request, event: Event, fresh: bool) -> Shown:
    """Decided as of the report's own time, or an archived one would only ever be too old."""
    me = staff_of(request)
    deps: Deps = site(request).extras["deps"]
    now = deps.clock.now()
    at = min(now, max(event.sent_at, event.issued_at))
    if fresh and event.status in (Status.EXERCISE, Status.TEST):
        event = replace(event, status=Status.ACTUAL)  # what the real one would do is what people want to know
    # Counted with the loops' eyes: whoever looks here sees numbers and nobody's name.
    async with transaction(deps.pool) as conn:
        found = await outlook(deps, conn, event, at, fresh=fresh)
        detail = {"type": event.type, "thread": event.thread, "people": few(found.audience.people)}
        await audit(conn, me.actor, "preview.count", at=now, detail=detail)
    return Shown(event, found, at)


ROUTES = [
    Route("GET", "/preview", preview_page, SENDERS),
    Route("POST", "/preview", look, SENDERS),
]
