"""POST /push/test: one test notification to the phone that has just switched notifications on, over the real way.

What the phone says when it has shown it (POST /push/receipt) is the first proof that its notifications work.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from aiohttp import web

from alerts import push_store
from alerts.channel import Channels, SendError
from alerts.receipts import test_token
from alerts.single import single
from core.db import transaction
from core.tokens import looks_like_token
from core.web import MACHINE, Route, public_form, same_origin, site

_VALID_S = 600
#: One test per person in this time: enough to see it come, too few to annoy anybody.
TEST_EVERY = timedelta(seconds=20)
_REMEMBERED = 10_000


async def push_test(request: web.Request) -> web.Response:
    """Form field `token`: a personal link. 202 when handed to the push service, 404 without push, 429 too soon."""
    wires = site(request)
    now = wires.clock.now()
    if not same_origin(request):
        raise web.HTTPForbidden(text="Please open the link again and send the test from there.")
    token = (await public_form(request)).get("token", "")
    if not looks_like_token(token):
        raise web.HTTPNotFound()
    async with transaction(wires.pool) as conn:
        holder = await push_store.holder_of(conn, token, now)
        newest = await push_store.newest_push(conn, wires.vault, holder.resident_id) if holder else None
    channels = wires.extras.get("channels")
    if holder is None or newest is None or not isinstance(channels, Channels):
        raise web.HTTPNotFound()
    kind = channels.resolve("push")
    if kind is None:
        raise web.HTTPNotFound()
    if not _may_test(wires.extras.setdefault("push_tests", {}), holder.resident_id, now):
        raise web.HTTPTooManyRequests(text="Wait a moment before the next test.")
    lang = wires.catalogs.normalise(holder.language) or "en"
    message = single(
        wires.catalogs,
        newest[1],
        lang,
        wires.settings.sender_name,
        wires.catalogs.sayer(lang).plain("push.test"),
        valid_s=_VALID_S,
        url=f"{wires.settings.site_url}/",
        receipt_token=test_token(wires.vault, newest[0]),
        contact=str(newest[0]),
    )
    try:
        await channels.by_name[kind.name].send(message)
    except SendError as error:
        raise web.HTTPBadGateway(text=f"The push service did not take the test: {error}") from error
    return web.Response(status=202)


def _may_test(tests: dict[UUID, datetime], person: UUID, now: datetime) -> bool:
    last = tests.pop(person, None)
    allowed = last is None or now - last >= TEST_EVERY
    tests[person] = now if allowed or last is None else last
    while len(tests) > _REMEMBERED:
        tests.pop(next(iter(tests)))
    return allowed


ROUTES = [Route("POST", "/push/test", push_test, MACHINE)]
