"""/alarms: what operators must look at, who takes care of it, what is over, and how operators are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from core.audit import audit
from core.db import Connection, transaction
from core.model import Role
from core.settings import Settings
from core.web import Route, path_id, render, see_other, site, staff, staff_form
from ops.alarm_texts import PAGE, sentence, staff_sayer
from ops.alarms import NEWS, RANK
from ops.alarms_store import acknowledge, failing_channels, open_alarms, past_alarms, ways_of_operators
from registry.sessions import staff_of


@dataclass(frozen=True, slots=True)
class Way:
    """One way of telling operators: whether it is set up, and since when and why it does not work."""

    name: str
    set_up: bool
    failing: tuple[datetime, str] | None


async def alarms_page(request: web.Request) -> web.Response:
    """GET /alarms."""
    return await _page(request)


async def _page(request: web.Request, status: int = 200, problem: str = "") -> web.Response:
    me = staff_of(request)
    wires = site(request)
    async with transaction(wires.pool) as conn:
        open_now = sorted(await open_alarms(conn), key=lambda alarm: (-RANK[alarm.level], alarm.opened_at))
        past = await past_alarms(conn)
        found = await ways(conn, wires.settings)
    say = staff_sayer(wires.catalogs, me.language)
    return render(
        request,
        "alarms.html",
        lang=me.language,
        status=status,
        open_now=open_now,
        past=past,
        sentence=lambda alarm: sentence(say, alarm),
        news=NEWS,
        ways=found,
        nobody=not any(way.set_up for way in found if way.name != "deadman"),
        problem=problem,
    )


async def ways(conn: Connection, settings: Settings) -> list[Way]:
    """How operators of this installation are told, and whether that works."""
    failing = await failing_channels(conn)
    proven = await ways_of_operators(conn)
    set_up = {
        "url": settings.alarm_url is not None,
        "phone": "phone" in proven,
        "push": "push" in proven,
        "apprise": bool(settings.apprise_urls),
        "deadman": settings.deadman_url is not None,
    }
    return [Way(name, there, failing.get(name) if there else None) for name, there in set_up.items()]


async def take(request: web.Request) -> web.Response:
    """POST /alarms/<id>: I take care of it."""
    me = staff_of(request)
    wires = site(request)
    await staff_form(request)
    alarm_id = path_id(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        key = await acknowledge(conn, alarm_id, me.id, now)
        if key is not None:
            await audit(conn, me.actor, "alarm.take", at=now, detail={"alarm": key})
    if key is None:
        return await _page(request, 409, "staff.alarm.too_late")
    return see_other(PAGE)


OPERATOR: Final = staff(Role.OPERATOR)

ROUTES = [Route("GET", PAGE, alarms_page, OPERATOR), Route("POST", f"{PAGE}/{{id}}", take, OPERATOR)]
