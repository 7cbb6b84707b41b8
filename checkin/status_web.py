"""The status page: feeds heard, loops alive, messages on their way, providers. Facts and times, no reassurance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aiohttp import web

from alerts.lane_store import lanes
from checkin.pages_web import respond, wants_fragment
from checkin.reveals_store import reveal_alarms
from checkin.status_store import attention, loops, open_alarms, outbox, unreadable_by_type
from checkin.umbrella import hidden_reach
from checkin.upkeep_store import last_purge, reach_totals
from core.db import Connection, transaction
from core.model import MessageState, Role
from core.web import PUBLIC, Route, language_of, render, site
from registry.guard_web import visitor
from registry.listening_web import feeds_heard, silent_among, unheard_since

#: What each stream of JMA carries, in the hazards a resident knows it by.
CARRIES: Final[Mapping[str, tuple[str, ...]]] = {
    "jma.eqvol": ("earthquake", "tsunami", "volcano"),
    "jma.extra": ("heavy_rain", "river_flood", "landslide", "storm_surge"),
}


async def status(request: web.Request) -> web.Response:
    """GET /status: for anybody whether the official sources are heard; for staff how the service is doing as well.

    Nothing about residents stands on it.
    """
    me = await visitor(request)
    if me is None:
        return await _for_anybody(request)
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        feeds = await feeds_heard(request, conn)
        return respond(
            request,
            "status",
            feeds=feeds,
            stale=silent_among(feeds),
            byte_budget=wires.settings.feed_daily_byte_budget,
            unreadable=await unreadable_by_type(conn, now),
            open_alarms=await open_alarms(conn) if me.role is Role.OPERATOR else None,
            loops=await loops(conn),
            outbox=await outbox(conn, now),
            attention=await attention(conn, now),
            alarms=await reveal_alarms(conn, me.role, me.org_id, now),
            purge=await last_purge(conn, now),
            reach=await _reach(conn, now) if me.role is Role.OPERATOR else None,
            states=[state.value for state in MessageState],
            channels=sorted(wires.extras.get("channels") or ()),
            lanes=await lanes(conn),
        )


async def _for_anybody(request: web.Request) -> web.Response:
    if wants_fragment(request):  # a staff page whose session has ended: its live part must not become this one
        raise web.HTTPUnauthorized(text="Please sign in again.")
    async with transaction(site(request).pool) as conn:
        feeds = await feeds_heard(request, conn)
    stale = silent_among(feeds)
    return render(
        request,
        "status_public.html",
        lang=language_of(request),
        feeds=feeds,
        stale=stale,
        since=unheard_since(stale),
        carries=CARRIES,
    )


async def _reach(conn: Connection, now: datetime) -> dict[str, int | str]:
    """The numbers of the sentence about reach, small ones as a dash."""
    totals = await reach_totals(conn, now)
    shown = hidden_reach(totals.people, totals.unreachable, totals.no_sign)
    return {name: "–" if n is None else n for name, n in zip(("people", "unreachable", "silent"), shown, strict=True)}


ROUTES = [Route("GET", "/status", status, PUBLIC)]
