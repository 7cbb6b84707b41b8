"""The website: every route of every part, behind the same headers and the same guard."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

from aiohttp import web

from alerts.carry_out import carry_outs
from alerts.deps import Deps
from core.audit import AuditUnwritable
from core.db import CONNECTION_ERRORS
from core.web import (
    SITE,
    STAFF,
    STATIC,
    Handler,
    Site,
    add_routes,
    language_of,
    make_jinja,
    render,
    security_headers,
)
from ops.pages_web import late_routes
from ops.trial import send_trial
from registry.api_tokens import Knocks
from registry.facts_store import get_fact
from registry.guard_web import guard, routes_without_audience
from registry.problems_web import KNOCKS, api_problems

if TYPE_CHECKING:
    from alerts.preview_web import ReadReport
    from ops.alarms_store import FeedStates

log = logging.getLogger(__name__)


async def make_site(deps: Deps, *, feed_states: FeedStates, read_report: ReadReport | None = None) -> Site:
    """The wires of the pages, from the process's wires. `read_report`: for previews of a report that is uploaded."""
    more: dict[str, Any] = {} if read_report is None else {"read_report": read_report}
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
            **more,
        },
    )


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
    from checkin.pages_web import message_page  # with the other pages, after the start

    return message_page(request, "staff.audit.unwritable", status=503)


def build_app(site: Site) -> web.Application:
    """The aiohttp application of a site."""
    app = web.Application(
        middlewares=[security_headers, database_away, api_problems, guard], client_max_size=25 * 1024 * 1024
    )
    app[KNOCKS] = Knocks()
    app[SITE] = site
    add_routes(app, late_routes())
    app.router.add_static("/static", STATIC)
    forgotten = list(routes_without_audience(app))
    if forgotten:
        raise RuntimeError(f"these routes do not say who may call them: {', '.join(forgotten)}")
    return app
