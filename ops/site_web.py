"""The website: every route of every part, behind the same headers and the same guard."""

from __future__ import annotations

import functools
import logging

from aiohttp import web

from alerts.carry_out import carry_outs
from alerts.deps import Deps
from alerts.held_web import ROUTES as HELD_ROUTES
from alerts.manual_web import ROUTES as MANUAL_ROUTES
from alerts.push_test_web import ROUTES as PUSH_TEST_ROUTES
from alerts.rules_web import ROUTES as RULES_ROUTES
from alerts.staff_contacts_web import ROUTES as STAFF_CONTACT_ROUTES
from alerts.web import ROUTES as ALERT_ROUTES
from checkin.api import ROUTES as API_ROUTES
from checkin.board_web import ROUTES as BOARD_ROUTES
from checkin.dashboard_web import ROUTES as DASHBOARD_ROUTES
from checkin.drill_web import ROUTES as DRILL_ROUTES
from checkin.family_web import ROUTES as FAMILY_ROUTES
from checkin.leader_web import ROUTES as LEADER_ROUTES
from checkin.live_web import ROUTES as LIVE_ROUTES
from checkin.pages_web import message_page
from checkin.partner_web import ROUTES as PARTNER_ROUTES
from checkin.staff_alert_web import ROUTES as STAFF_ALERT_ROUTES
from checkin.staff_links_web import ROUTES as STAFF_LINK_ROUTES
from checkin.status_web import ROUTES as STATUS_ROUTES
from checkin.umbrella_web import ROUTES as UMBRELLA_ROUTES
from checkin.unreached_web import ROUTES as UNREACHED_ROUTES
from checkin.web import ROUTES as CHECKIN_ROUTES
from core.audit import AuditUnwritable
from core.db import CONNECTION_ERRORS
from core.web import (
    PUBLIC,
    SITE,
    STAFF,
    STATIC,
    Handler,
    Route,
    Site,
    add_routes,
    language_of,
    make_jinja,
    render,
    security_headers,
)
from ops.alarms_store import FeedStates
from ops.alarms_web import ROUTES as ALARM_ROUTES
from ops.audit_web import ROUTES as AUDIT_ROUTES
from ops.metrics_web import ROUTES as METRICS_ROUTES
from ops.trial import send_trial
from registry.api import KNOCKS, api_problems
from registry.api_tokens import Knocks
from registry.facts_store import get_fact
from registry.guard_web import guard, routes_without_audience
from registry.web import ROUTES as REGISTRY_ROUTES

log = logging.getLogger(__name__)


async def make_site(deps: Deps, *, feed_states: FeedStates) -> Site:
    """The wires of the pages, from the process's wires."""
    return Site(
        settings=deps.settings,
        pool=deps.pool,
        vault=deps.vault,
        catalogs=deps.catalogs,
        clock=deps.clock,
        wakeups=deps.wakeups,
        jinja=make_jinja(),
        simulated=bool(await get_fact(deps.pool, "fictional")),
        extras={
            "feed_states": feed_states,
            "deps": deps,
            "channels": deps.channels,
            "test_send": functools.partial(send_trial, deps),
            "carry_out": carry_outs(deps),
        },
    )


async def healthz(request: web.Request) -> web.Response:
    """200 as soon as the website is up."""
    return web.Response(text="ok\n")


async def landing(request: web.Request) -> web.Response:
    """The front page: what this is, in the visitor's language, and the staff's way in."""
    return render(request, "landing.html", lang=language_of(request))


ROUTES = [Route("GET", "/healthz", healthz, PUBLIC), Route("GET", "/", landing, PUBLIC)]

ALL_ROUTES: list[Route] = [
    *ROUTES,
    *REGISTRY_ROUTES,
    *CHECKIN_ROUTES,
    *DRILL_ROUTES,
    *DASHBOARD_ROUTES,
    *BOARD_ROUTES,
    *LEADER_ROUTES,
    *FAMILY_ROUTES,
    *LIVE_ROUTES,
    *STATUS_ROUTES,
    *UNREACHED_ROUTES,
    *UMBRELLA_ROUTES,
    *PARTNER_ROUTES,
    *ALERT_ROUTES,
    *AUDIT_ROUTES,
    *ALARM_ROUTES,
    *METRICS_ROUTES,
    *PUSH_TEST_ROUTES,
    *STAFF_CONTACT_ROUTES,
    *STAFF_ALERT_ROUTES,
    *STAFF_LINK_ROUTES,
    *API_ROUTES,
    *MANUAL_ROUTES,
    *HELD_ROUTES,
    *RULES_ROUTES,
]


@web.middleware
async def database_away(request: web.Request, handler: Handler) -> web.StreamResponse:
    """An answer that cannot be stored is never thanked for: the page says to wait and try again."""
    try:
        return await handler(request)
    except ConnectionResetError:  # the visitor left, not the database
        raise
    except AuditUnwritable as error:
        log.error("%s: nothing about people is shown: %s", request.method, error)
        return _nothing_shown(request)
    except CONNECTION_ERRORS as error:
        log.error("%s: the database is away: %s", request.method, type(error).__name__)
        response = render(request, "unavailable.html", lang=language_of(request), status=503)
        response.headers["Retry-After"] = "5"
        if request.method == "GET":  # a page that was only looked at comes back by itself
            response.headers["Refresh"] = "10"
        return response
    except web.HTTPException:
        raise
    except Exception:  # our own mistake: still a page with the way to 119, and with the headers of every answer
        log.exception("%s %s failed", request.method, getattr(request.match_info.route.resource, "canonical", "?"))
        return render(request, "unavailable.html", lang=language_of(request), status=500)


def _nothing_shown(request: web.Request) -> web.Response:
    """What cannot be written down is not shown: staff read why, residents that they should try again."""
    if request.get(STAFF) is None:
        return render(request, "unavailable.html", lang=language_of(request), status=503)
    return message_page(request, "staff.audit.unwritable", status=503)


def build_app(site: Site) -> web.Application:
    """The aiohttp application of a site."""
    app = web.Application(
        middlewares=[security_headers, database_away, api_problems, guard], client_max_size=25 * 1024 * 1024
    )
    app[KNOCKS] = Knocks()
    app[SITE] = site
    add_routes(app, ALL_ROUTES)
    app.router.add_static("/static", STATIC)
    forgotten = list(routes_without_audience(app))
    if forgotten:
        raise RuntimeError(f"these routes do not say who may call them: {', '.join(forgotten)}")
    return app
