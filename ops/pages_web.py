"""Every page and who may call it. The modules of the pages are read when they are first called.

Reading all of them takes a third of the start, and a start may be a restart in the middle of a night: the website
answers first and reads them at once afterwards (`read_all`). Until then it must know its routes without the modules, so
they stand in pages.tsv beside this file. `make docs` writes it anew; a test says when that was forgotten.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from functools import cache
from pathlib import Path
from typing import Final

from aiohttp import web

from core.model import Role
from core.web import Audience, Handler, Route

TABLE: Final = Path(__file__).with_name("pages.tsv")
HEADER: Final = "method\tpath\tmodule\taudience\troles\thalf\tdatabase role\n"

#: The front page and /healthz: small, and asked for first.
FRONT: Final = "ops.front_web"
#: Modules with ROUTES, in the order in which their pages are looked for.
MODULES: Final = (
    FRONT,
    "registry.signin_web",
    "registry.oidc_web",
    "registry.import_web",
    "registry.import_rows_web",
    "registry.people_web",
    "registry.employers_web",
    "registry.sites_web",
    "registry.hazards_web",
    "registry.operator_web",
    "registry.relations_web",
    "registry.break_glass_web",
    "registry.personal_web",
    "registry.lost_link_web",
    "registry.own_consent_web",
    "registry.own_data_web",
    "registry.partners_web",
    "registry.enrol_web",
    "registry.card_web",
    "registry.line_web",
    "registry.elsewhere_web",
    "registry.presence_web",
    "registry.same_web",
    "registry.walkin_web",
    "registry.poster_web",
    "registry.team_web",
    "registry.duty_web",
    "registry.volunteer_web",
    "registry.step_up_web",
    "registry.session_web",
    "registry.second_factor_web",
    "registry.recovery_web",
    "registry.approvals_web",
    "registry.api_tokens_web",
    "checkin.web",
    "checkin.sms_reply_web",
    "checkin.shelters_web",
    "checkin.location_web",
    "checkin.lost_link_web",
    "checkin.drill_web",
    "checkin.dashboard_web",
    "checkin.board_web",
    "checkin.map_web",
    "checkin.leader_web",
    "checkin.family_web",
    "checkin.own_shelters_web",
    "checkin.live_web",
    "checkin.status_web",
    "checkin.voice_web",
    "alerts.recordings_web",
    "checkin.unreached_web",
    "checkin.umbrella_web",
    "checkin.partner_web",
    "alerts.web",
    "alerts.sms_web",
    "ops.audit_web",
    "ops.alarms_web",
    "ops.metrics_web",
    "alerts.undelivered_web",
    "alerts.push_test_web",
    "alerts.mail_web",
    "checkin.line_web",
    "alerts.staff_contacts_web",
    "checkin.staff_alert_web",
    "checkin.staff_links_web",
    "checkin.api",
    "alerts.manual_web",
    "alerts.held_web",
    "alerts.stop_web",
    "alerts.preview_web",
    "alerts.rules_web",
    "alerts.wording_web",
    "alerts.wording_file_web",
    "alerts.wording_people_web",
)


@cache
def routes_in(module: str) -> dict[tuple[str, str], Route]:
    """The routes of one module, by method and path; reads the module."""
    return {(route.method, route.path): route for route in importlib.import_module(module).ROUTES}


def read_all() -> None:
    """Read every module of pages. Raises whatever is wrong with one of them: a page must not be missing in silence."""
    for module in MODULES:
        routes_in(module)


def all_routes() -> list[Route]:
    """Every route, from its module."""
    return routes_under("")


def routes_under(part: str) -> list[Route]:
    """The routes of one part, e.g. "registry"."""
    return [route for module in MODULES if module.startswith(part) for route in routes_in(module).values()]


def late_routes(path: Path = TABLE) -> list[Route]:
    """Every route, from the table. Raises RuntimeError naming the line that cannot be read."""
    text = path.read_text(encoding="utf-8")
    if not text.startswith(HEADER):
        raise RuntimeError(f"{path} does not begin with the expected columns: write it anew with make docs")
    return [_route(line, f"{path} line {number}") for number, line in enumerate(text.splitlines()[1:], 2)]


def _route(line: str, where: str) -> Route:
    try:
        method, path, module, kind, roles, half, role = line.split("\t")
        audience = Audience(kind, frozenset(map(Role, roles.split())), frozenset(half.split()), role)
    except ValueError as error:
        raise RuntimeError(f"{where}: {error}; write it anew with make docs") from None
    if module == FRONT:
        return routes_in(module)[method, path]
    return Route(method, path, _late(module, method, path), audience)


def _late(module: str, method: str, path: str) -> Handler:
    """A handler that reads its module at its first call, in a thread: other requests go on meanwhile."""
    handler: Handler | None = None

    async def page(request: web.Request) -> web.StreamResponse:
        nonlocal handler
        if handler is None:
            handler = (await asyncio.to_thread(routes_in, module))[method, path].handler
        return await handler(request)

    return page


def render() -> str:
    """The table as it must stand in pages.tsv."""
    lines = [HEADER]
    for module in MODULES:
        for route in routes_in(module).values():
            who = route.audience
            roles = sorted(who.roles) if who.roles else []
            cells = (route.method, route.path, module, who.kind, " ".join(roles), " ".join(sorted(who.half)), who.role)
            lines.append("\t".join(cells) + "\n")
    return "".join(lines)


if __name__ == "__main__":
    sys.stdout.write(render())
