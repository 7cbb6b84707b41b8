"""The status page: feeds heard, loops alive, messages on their way, providers. Facts and times, no reassurance."""

from __future__ import annotations

from datetime import datetime

from aiohttp import web

from checkin.pages_web import respond
from checkin.reveals_store import reveal_alarms
from checkin.status_store import attention, loops, outbox
from checkin.umbrella import hidden_reach
from checkin.upkeep_store import last_purge, reach_totals
from core.db import Connection, transaction
from core.model import MessageState, Role
from core.web import Route, site, staff
from registry.sessions import staff_of


async def status(request: web.Request) -> web.Response:
    """GET /status, for any member of staff: nothing about residents stands on it."""
    wires = site(request)
    me = staff_of(request)
    ask = wires.extras.get("feed_states")
    async with transaction(wires.pool) as conn:
        return respond(
            request,
            "status",
            feeds=await ask(conn) if ask is not None else [],
            loops=await loops(conn),
            outbox=await outbox(conn, wires.clock.now()),
            attention=await attention(conn, wires.clock.now()),
            alarms=await reveal_alarms(conn, me.role, me.org_id, wires.clock.now()),
            purge=await last_purge(conn, wires.clock.now()),
            reach=await _reach(conn, wires.clock.now()) if me.role is Role.OPERATOR else None,
            states=[state.value for state in MessageState],
            channels=sorted(wires.extras.get("channels") or ()),
        )


async def _reach(conn: Connection, now: datetime) -> dict[str, int | str]:
    """The numbers of the sentence about reach, small ones as a dash."""
    totals = await reach_totals(conn, now)
    shown = hidden_reach(totals.people, totals.unreachable, totals.no_sign)
    return {name: "–" if n is None else n for name, n in zip(("people", "unreachable", "silent"), shown, strict=True)}


ROUTES = [Route("GET", "/status", status, staff())]
