"""The voice provider's call-backs: the key somebody pressed in a call, and what became of the call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import web

from alerts.channel import Channels, ReceiptRead
from alerts.channels.sms_twilio import read_call_back_id
from alerts.channels.voice_twilio import TwilioVoice
from alerts.outbox_store import take_receipt
from alerts.twilio_calls import saying
from alerts.voice_prompt import DIGITS
from alerts.words import answer_labels
from checkin.store import record_check_in
from checkin.voice_store import caller
from core.audit import Actor, audit
from core.db import transaction
from core.model import Answer, AnsweredBy, MessageState
from core.web import MACHINE, Route, site


async def _signed(request: web.Request) -> tuple[TwilioVoice, Any, int, int | None]:
    """The channel, the signed form, message and try. Raises 404 and 403."""
    channels: Channels | None = site(request).extras.get("channels")
    channel: Any = None if channels is None else channels.by_name.get("voice")
    about = read_call_back_id(request.match_info["message_id"])
    if not isinstance(channel, TwilioVoice) or about is None:
        raise web.HTTPNotFound()
    fields = await request.post()
    if not channel.is_signed(request.raw_path, fields, request.headers):
        raise web.HTTPForbidden(text="The signature does not fit.")
    return channel, fields, *about


async def key_pressed(request: web.Request) -> web.Response:
    """POST /t/v/{message}-{try}: 1 means that all is well, 2 that help is needed; any other key says nothing."""
    channel, fields, message_id, attempt = await _signed(request)
    wires = site(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        who = await caller(conn, message_id, now)
        labels = () if who is None else answer_labels(wires.catalogs, who.language, who.questions)
        answer = dict(zip(DIGITS, (Answer(one) for one, _ in labels), strict=False)).get(str(fields.get("Digits", "")))
        if who is None or answer is None:
            return _twiml(saying(()))
        sid = str(fields.get("CallSid", ""))[:64]
        await record_check_in(
            conn,
            wires.vault,
            incident_id=who.incident_id,
            resident_id=who.resident_id,
            answer=answer,
            answered_by=AnsweredBy.SELF,
            via="voice",
            tapped_at=None,
            now=now,
            link_id=who.link_id,
            client_id=f"voice {message_id}-{attempt} {answer}",
        )
        await take_receipt(conn, ReceiptRead(message_id, MessageState.DELIVERED, provider_id=sid), now)
        await audit(
            conn,
            Actor("voice call"),
            "checkin.voice",
            at=now,
            subjects=[who.resident_id],
            fields=("status",),
            incident_id=who.incident_id,
        )
    return _twiml(saying(channel.closing(who.language, is_help=answer.is_help)))


async def call_status(request: web.Request) -> web.Response:
    """POST /t/v/{message}-{try}/status: nobody took it, or it is over. 204, whatever it says; 403 unsigned."""
    channel, fields, message_id, attempt = await _signed(request)
    receipt = channel.read_receipt(message_id, fields)
    if receipt is not None:
        wires = site(request)
        async with transaction(wires.pool) as conn:
            await take_receipt(conn, replace(receipt, attempt=attempt), wires.clock.now())
    return web.Response(status=204)


def _twiml(document: str) -> web.Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>{document}'
    return web.Response(text=text, content_type="text/xml", charset="utf-8")


ROUTES = [
    Route("POST", "/t/v/{message_id}", key_pressed, MACHINE),
    Route("POST", "/t/v/{message_id}/status", call_status, MACHINE),
]
