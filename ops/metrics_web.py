"""GET /metrics, for a Prometheus of one's own: on this machine, or with the token of the settings."""

from __future__ import annotations

import hmac
from ipaddress import ip_address
from typing import Final

from aiohttp import hdrs, web

from alerts.lane_store import lanes
from alerts.undelivered_store import counted
from checkin.status_store import outbox
from core.db import transaction
from core.web import MACHINE, Route, site
from ops.alarms_store import gather, open_alarms
from ops.metrics import text

#: A proxy in front of us says so: then the caller is not this machine, whatever its address.
_FORWARDED: Final = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
#: Only what is under way; what became of messages is another question.
_WAITING: Final = ("pending", "leased")


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: 403 for anybody else."""
    if not _allowed(request):
        return web.Response(
            status=403, text="Metrics are for this machine, or with the bearer token DAIJOBU_METRICS_TOKEN.\n"
        )
    wires = site(request)
    now = wires.clock.now()
    ask = wires.extras.get("feed_states")
    async with transaction(wires.pool) as conn:
        feeds = await ask(conn) if ask is not None else []
        queue = await outbox(conn, now)
        alarms = await open_alarms(conn)
        providers = await lanes(conn)
        undelivered = await counted(conn)
    facts = await gather(wires.pool, feeds, now, now)
    body = text(
        facts,
        feeds,
        alarms,
        {state: queue.counts.get(state, 0) for state in _WAITING},
        queue.overdue_s,
        wires.settings.feed_daily_byte_budget,
        providers,
        undelivered,
    )
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: _CONTENT_TYPE})


def _allowed(request: web.Request) -> bool:
    token = site(request).settings.metrics_token
    if token is not None:
        sent = request.headers.get("Authorization", "")
        return hmac.compare_digest(sent.encode(), f"Bearer {token.get_secret_value()}".encode())
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


ROUTES = [Route("GET", "/metrics", metrics, MACHINE)]
