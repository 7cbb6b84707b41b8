"""/undelivered: messages that did not arrive, by reason, and sending those of one reason again."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from aiohttp import web

from alerts import undelivered_store as store
from alerts.undelivered import Undelivered
from core.audit import audit
from core.db import transaction
from core.model import Role
from core.web import Route, render, see_other, site, staff, staff_form
from registry.sessions import staff_of
from registry.step_up_web import require_step_up

PAGE: Final = "/undelivered"


async def undelivered_page(request: web.Request) -> web.Response:
    """GET /undelivered: counts by incident, channel and reason. With incident, channel and code: "really again?"."""
    me = staff_of(request)
    wires = site(request)
    async with transaction(wires.pool) as conn:
        found = await store.groups(conn, wires.clock.now())
    wanted = (request.query.get("incident"), request.query.get("channel"), request.query.get("code"))
    chosen = next((one for one in found if (str(one.incident_id), one.channel, one.code) == wanted and one.again), None)
    sent = request.query.get("sent", "")
    return render(
        request,
        "undelivered.html",
        lang=me.language,
        incidents=_by_incident(found),
        chosen=chosen,
        sent=int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 9 else None,
    )


def _by_incident(found: list[Undelivered]) -> list[list[Undelivered]]:
    grouped: dict[UUID, list[Undelivered]] = {}
    for one in found:
        grouped.setdefault(one.incident_id, []).append(one)
    return list(grouped.values())


async def send_again(request: web.Request) -> web.Response:
    """POST /undelivered: incident, channel, code; those of this reason that are still true go out once more."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    await require_step_up(request)
    try:
        incident_id = UUID(str(form.get("incident", "")))
    except ValueError:
        raise web.HTTPNotFound(text="There is no such incident.") from None
    channel, code = str(form.get("channel", ""))[:40], str(form.get("code", ""))[:100]
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        number = await store.requeue(conn, incident_id, channel, code, now)
        await audit(
            conn,
            me.actor,
            "message.requeue",
            at=now,
            incident_id=incident_id,
            detail={"channel": channel, "code": code, "messages": number},
        )
    return see_other(f"{PAGE}?sent={number}")


OPERATOR: Final = staff(Role.OPERATOR)
ROUTES = [Route("GET", PAGE, undelivered_page, OPERATOR), Route("POST", PAGE, send_again, OPERATOR)]
