"""Telling open pages that something has changed: one stream of server-sent events per browser.

An event carries only the incident's id; the page then asks again for what it may see, under its own rights.
"""

from __future__ import annotations

import asyncio
from uuid import UUID

from aiohttp import web

from checkin.cases_store import INCIDENT_CHANGED
from checkin.live_store import EVERYWHERE, fingerprints, may_see
from core.clock import date_in_japan
from core.web import Route, site, staff
from registry.sessions import Staff, staff_of

#: A stream that says nothing is cut by proxies and phones; also how soon a page knows that its stream is dead.
HEARTBEAT_S = 15.0
#: Bursts (300 answers in a minute) become one event a second: pages ask again for everything anyway.
PAUSE_S = 1.0
#: A stream ends after this long and the browser opens a new one, so that a session that has ended is noticed.
STREAM_LASTS_S = 15 * 60.0
#: Data of an event that stands for any incident: wake-ups may have been missed.
ANYTHING = "*"


async def stream(request: web.Request) -> web.StreamResponse:
    """GET /events/stream: `changed` events with the id of an incident the caller may see, and a heartbeat.

    `?incident=<id>` narrows it to one.
    """
    me = staff_of(request)
    wires = site(request)
    only = request.query.get("incident", "")
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
    )
    # Before listening begins: a change in between is then told with the next one, and not taken for known.
    known = await _shown(request, me)
    bell = await wires.wakeups.on(INCIDENT_CHANGED)
    seen: set[str] = set()
    loop = asyncio.get_running_loop()
    ends = loop.time() + STREAM_LASTS_S
    try:
        await response.prepare(request)
        await response.write(b"retry: 3000\nevent: alive\ndata: \n\n")
        while loop.time() < ends:
            if not await bell.wait(HEARTBEAT_S):
                await response.write(b"event: alive\ndata: \n\n")
                continue
            heard = sorted(bell.heard)
            shown = await _shown(request, me)
            for incident in heard:
                if only and incident not in ("", only):
                    continue
                if incident and incident not in seen and not await _visible(request, me, incident):
                    continue
                seen.add(incident)
                # A closed incident has no fingerprint any more: that it closed is a change as well.
                if incident and me.role not in EVERYWHERE and known.get(incident) == shown.get(incident):
                    continue
                await response.write(f"event: changed\ndata: {incident or ANYTHING}\n\n".encode())
            known = shown
            await asyncio.sleep(PAUSE_S)
    except ConnectionResetError:
        pass  # the page was closed
    finally:
        wires.wakeups.off(INCIDENT_CHANGED, bell)
    return response


async def _shown(request: web.Request, me: Staff) -> dict[str, bytes]:
    wires = site(request)
    async with wires.pool.acquire() as conn:
        return await fingerprints(conn, me.org_id, me.role, date_in_japan(wires.clock.now()))


async def _visible(request: web.Request, me: Staff, incident: str) -> bool:
    try:
        incident_id = UUID(incident)
    except ValueError:
        return False
    async with site(request).pool.acquire() as conn:
        return await may_see(conn, incident_id, me.org_id, me.role)


ROUTES = [Route("GET", "/events/stream", stream, staff())]
