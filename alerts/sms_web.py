"""The SMS provider's call-backs: what became of a message.

They come doubled, in any order, and with fields that were added yesterday; each is signed over our public URL.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from alerts.channel import Channels, ReceiptRead, SendError
from alerts.channels.sms_twilio import ON_THE_WAY, TwilioSms, read_call_back_id
from alerts.outbox_store import take_receipt
from alerts.sms_fate_store import adopt, carried
from alerts.trouble_store import faults_of, note_faults
from alerts.twilio_errors import trouble
from core.db import transaction
from core.model import MessageState
from core.web import MACHINE, Route, site

#: Of a signed call-back: what a provider calls a message.
MAX_SID: Final = 64


def sms_channel(request: web.Request) -> TwilioSms:
    """The channel whose call-backs these are. Raises 404 where none is configured."""
    channels: Channels | None = site(request).extras.get("channels")
    channel: Any = None if channels is None else channels.by_name.get("sms")
    if not isinstance(channel, TwilioSms):
        raise web.HTTPNotFound()
    return channel


async def signed_fields(request: web.Request, channel: TwilioSms) -> Any:
    """The form of a call-back that Twilio has signed. Raises 403 for any other."""
    fields = await request.post()
    # The path as it came over the wire: a proxy's host and scheme are not what was signed.
    if not channel.is_signed(request.raw_path, fields, request.headers):
        raise web.HTTPForbidden(text="The signature does not fit.")
    return fields


async def sms_status(request: web.Request) -> web.Response:
    """POST /t/s/{message}-{try}: what the SMS provider says about one message. 204, whatever it says; 403 unsigned."""
    wires = site(request)
    channel = sms_channel(request)
    fields = await signed_fields(request, channel)
    about = read_call_back_id(request.match_info["message_id"])
    if about is None:
        raise web.HTTPNotFound()
    message_id, attempt = about
    receipt = channel.read_receipt(message_id, fields)
    if receipt is not None:
        now = wires.clock.now()
        async with transaction(wires.pool) as conn:
            await take_receipt(conn, replace(receipt, attempt=attempt), now)
            if receipt.state is MessageState.SENT:
                await carried(conn, message_id, now)
            await note_faults(conn, faults_of(channel.name, errors_of(receipt)), now)
    elif fields.get("MessageStatus") in ON_THE_WAY:
        async with transaction(wires.pool) as conn:
            await adopt(conn, message_id, str(fields.get("MessageSid", ""))[:MAX_SID], wires.clock.now())
    return web.Response(status=204)


def errors_of(receipt: ReceiptRead) -> list[SendError]:
    """What the number in a failed receipt means; none for a message that arrived."""
    failed = receipt.state is MessageState.FAILED and receipt.code.isdigit()
    return [trouble(int(receipt.code), 0)] if failed else []


ROUTES = [Route("POST", "/t/s/{message_id}", sms_status, MACHINE)]
