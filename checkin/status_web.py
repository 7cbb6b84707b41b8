"""The status page: feeds heard, loops alive, messages on their way, providers. Facts and times, no reassurance."""

from __future__ import annotations

from aiohttp import web

from checkin.pages_web import respond
from checkin.status_store import attention, loops, outbox
from core.db import transaction
from core.model import MessageState
from core.web import Route, site, staff


async def status(request: web.Request) -> web.Response:
    """GET /status, for any member of staff: no personal data stands on it."""
    wires = site(request)
    ask = wires.extras.get("feed_states")
    async with transaction(wires.pool) as conn:
        return respond(
            request,
            "status",
            feeds=await ask(conn) if ask is not None else [],
            loops=await loops(conn),
            outbox=await outbox(conn, wires.clock.now()),
            attention=await attention(conn, wires.clock.now()),
            states=[state.value for state in MessageState],
            channels=sorted(wires.extras.get("channels") or ()),
        )


ROUTES = [Route("GET", "/status", status, staff())]
