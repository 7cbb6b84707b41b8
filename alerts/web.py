"""The machines' side of the website: push subscriptions and receipts, the worker. The SMS provider's: sms_web.py.

No page is served here. Each POST proves who speaks: a signature, a link's token, or the receipt's own token.
"""

from __future__ import annotations

import json
import logging
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from alerts import push_store
from alerts.channel import Channels
from alerts.outbox_store import take_receipt
from alerts.push_address import BadSubscription, read_subscription
from alerts.receipts import is_receipt_token, is_test_token
from alerts.vapid import load_or_make_vapid, public_key
from core.audit import Actor, audit
from core.db import transaction
from core.tokens import looks_like_token
from core.web import MACHINE, PUBLIC, STATIC, Route, same_origin, site

log = logging.getLogger(__name__)

#: Larger than any receipt or subscription we know.
MAX_JSON_BYTES: Final = 8_192


async def push_receipt(request: web.Request) -> web.Response:
    """POST /push/receipt {"message", "receipt", "shown"}: a phone has shown a notification. 204; 403 without proof.

    A test notification has {"contact"} in the place of {"message"}.
    """
    wires = site(request)
    fields = await _json(request)
    if "contact" in fields and not fields.get("message"):
        return await _test_receipt(request, fields)
    message_id, token = fields.get("message"), fields.get("receipt")
    if not isinstance(message_id, int) or not isinstance(token, str) or not 0 < message_id < 1 << 62:
        raise web.HTTPBadRequest(text="A receipt names its message and carries its proof.")
    if not token.isascii() or not is_receipt_token(wires.vault, message_id, token):
        raise web.HTTPForbidden(text="The proof does not fit the message.")
    channels: Channels | None = wires.extras.get("channels")
    channel = None if channels is None else channels.by_name.get("push")
    receipt = None if channel is None else channel.read_receipt(message_id, fields)
    if receipt is not None:
        async with transaction(wires.pool) as conn:
            await take_receipt(conn, receipt, wires.clock.now())
    return web.Response(status=204)


async def _test_receipt(request: web.Request, fields: dict[str, Any]) -> web.Response:
    wires = site(request)
    contact, token = fields["contact"], fields.get("receipt")
    try:
        contact_id = UUID(contact)
    except (ValueError, AttributeError, TypeError):
        raise web.HTTPBadRequest(text="A receipt names its test and carries its proof.") from None
    if not isinstance(token, str) or not token.isascii() or not is_test_token(wires.vault, contact_id, token):
        raise web.HTTPForbidden(text="The proof does not fit the test.")
    if fields.get("shown") is True:
        async with transaction(wires.pool) as conn:
            await push_store.prove(conn, contact_id, wires.clock.now())
    return web.Response(status=204)


async def push_subscribe(request: web.Request) -> web.Response:
    """POST /push/subscribe {"token", "subscription"}: keep a browser's subscription for the person of the link. 201."""
    return await _change_subscription(request, wanted=True)


async def push_unsubscribe(request: web.Request) -> web.Response:
    """POST /push/unsubscribe {"token", "subscription"}: stop sending to this browser. 204, also if it was unknown."""
    return await _change_subscription(request, wanted=False)


async def _change_subscription(request: web.Request, *, wanted: bool) -> web.Response:
    wires = site(request)
    if not same_origin(request):
        raise web.HTTPForbidden(text="Please open the link again and switch notifications on there.")
    fields = await _json(request)
    token = fields.get("token")
    if not isinstance(token, str) or not looks_like_token(token):
        raise web.HTTPNotFound()
    try:
        found = read_subscription(json.dumps(fields.get("subscription")), wires.settings)
    except BadSubscription as error:
        raise web.HTTPBadRequest(text=str(error)) from error
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        holder = await push_store.holder_of(conn, token, now)
        if holder is None:
            raise web.HTTPNotFound()
        if wanted:
            await push_store.subscribe(conn, wires.vault, holder.resident_id, found.to_json(), now)
        else:
            await push_store.unsubscribe(conn, wires.vault, holder.resident_id, found.to_json())
        await audit(
            conn,
            Actor("personal link"),
            "push on" if wanted else "push off",
            at=now,
            subjects=[holder.resident_id],
            fields=["contact.address"],
        )
    return web.Response(status=201 if wanted else 204)


async def push_key(request: web.Request) -> web.Response:
    """GET /push/key: our VAPID public key, as text, for `applicationServerKey`."""
    wires = site(request)
    key = wires.extras.get("vapid_public_key")
    if key is None:
        key = wires.extras["vapid_public_key"] = public_key(load_or_make_vapid(wires.settings))
    return web.Response(text=key, content_type="text/plain")


async def service_worker(request: web.Request) -> web.StreamResponse:
    """GET /sw.js: the service worker, from the root so that it may serve every page."""
    response = web.FileResponse(STATIC / "sw.js")
    response.headers["Content-Type"] = "text/javascript; charset=utf-8"
    response.headers["Service-Worker-Allowed"] = "/"
    response.headers["Cache-Control"] = "no-cache"
    return response


async def _json(request: web.Request) -> dict[str, Any]:
    if request.content_length is None or request.content_length > MAX_JSON_BYTES:
        raise web.HTTPRequestEntityTooLarge(MAX_JSON_BYTES, request.content_length or 0)
    try:
        fields = json.loads(await request.text())
    except ValueError:
        raise web.HTTPBadRequest(text="The body must be JSON.") from None
    if not isinstance(fields, dict):
        raise web.HTTPBadRequest(text="The body must be a JSON object.")
    return fields


ROUTES = [
    Route("POST", "/push/subscribe", push_subscribe, MACHINE),
    Route("POST", "/push/unsubscribe", push_unsubscribe, MACHINE),
    Route("POST", "/push/receipt", push_receipt, MACHINE),
    Route("GET", "/push/key", push_key, PUBLIC),
    Route("GET", "/sw.js", service_worker, PUBLIC),
]
