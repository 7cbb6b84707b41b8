"""POST /t/r: an SMS that somebody has sent us. Its answer is TwiML: nothing, or one text in the person's language.

Known numbers only, and only where the sender can receive (DAIJOBU_TWILIO_TWO_WAY); a number that nobody has gets an
empty answer, so that nobody can make us send.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final
from uuid import UUID
from xml.sax.saxutils import escape

from aiohttp import web

from alerts.channel import Outgoing, SendError
from alerts.channels.sms_twilio import TwilioSms
from alerts.sms_web import MAX_SID, signed_fields, sms_channel
from checkin.help_store import check_in_token
from checkin.replies import all_well_answer
from checkin.sms_reply_store import Replier, is_new, keep_answer, repliers, stop_or_start
from checkin.sms_words import Meaning, is_bare, read_meaning, read_words
from checkin.written_store import keep_words
from core.db import Connection, transaction
from core.i18n import without_furigana
from core.model import Answer, Purpose, Severity
from core.web import MACHINE, Route, Site, clean_text, site

log = logging.getLogger(__name__)

EMPTY: Final = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
#: As long as Twilio's longest text.
MAX_TEXT: Final = 1_600
_NO_INCIDENT: Final = UUID(int=0)


async def sms_reply(request: web.Request) -> web.Response:
    """POST /t/r. 200 with TwiML; 403 unsigned. A reply that comes twice counts once."""
    wires = site(request)
    channel = sms_channel(request)
    fields = await signed_fields(request, channel)
    reply = channel.read_reply(fields)
    if reply is None or not reply.provider_id:
        return _twiml("")
    words = wires.extras.get("reply_words")
    if words is None:
        words = wires.extras["reply_words"] = read_words(wires.catalogs)
    text = clean_text(reply.text, MAX_TEXT)
    meaning = read_meaning(text, words, str(fields.get("OptOutType", "")))
    now = wires.clock.now()
    said = ""
    async with transaction(wires.pool) as conn:
        if not await is_new(conn, reply.provider_id[:MAX_SID], meaning, now):
            return _twiml("")
        if meaning in (Meaning.STOP, Meaning.START):
            await stop_or_start(conn, wires.vault, reply.address, stop=meaning is Meaning.STOP)
            return _twiml("")  # Twilio answers these itself
        found = await repliers(conn, wires.vault, reply.address)
        for who in found:
            # Who of several people with one telephone is safe, only they can say; that one of them calls is enough.
            sure = len(found) == 1
            said = await _take(conn, wires, who, meaning, text, now, sure=sure, bare=is_bare(text, words))
    return _twiml(said if await _may_answer(channel, wires, reply.address, said) else "")


async def _take(
    conn: Connection,
    wires: Site,
    who: Replier,
    meaning: Meaning,
    text: str,
    now: datetime,
    *,
    sure: bool,
    bare: bool,
) -> str:
    """Keep what one person has said; what to answer them."""
    answer = answer_of(who, meaning, sure=sure)
    say = wires.catalogs.sayer(wires.catalogs.normalise(who.language) or "en").plain
    if answer is None and who.incident is None:
        return without_furigana(say("landing.emergency"))
    if answer is None:
        assert who.incident is not None
        await keep_words(conn, wires.vault, who.incident.id, who.resident_id, text, via="sms", now=now)
        return f"{without_furigana(say('reply.unread'))}\n{await _page(conn, wires, who, who.incident.id, now)}"
    incident_id = await keep_answer(conn, wires.vault, who, answer, "" if bare else text, now)
    if not answer.is_help:
        return without_furigana(say("page.thanks.title"))
    drill = who.incident is not None and who.incident.purpose is not Purpose.LIVE
    keys = ("help.is_this_real",) if drill else ("help.title", "help.not_119")
    sentences = " ".join(without_furigana(say(key)) for key in keys)
    return f"{sentences}\n{await _page(conn, wires, who, incident_id, now)}"


def answer_of(who: Replier, meaning: Meaning, *, sure: bool) -> Answer | None:
    """The answer that a reply stands for in what the person is asked now; None: words for people to read. Pure.

    `sure`: the number is one person's. "OK" answers only a question that offers it; "1" the first safe answer there is.
    """
    offered = who.incident.offered if who.incident is not None else ()
    if meaning is Meaning.HELP or (meaning is Meaning.SECOND and offered):
        return next((answer for answer in offered if answer.is_help), Answer.HELP)
    if not sure or not offered:
        return None
    if meaning is Meaning.FIRST:
        return all_well_answer(offered)
    return Answer.OK if meaning is Meaning.OK and Answer.OK in offered else None


async def _page(conn: Connection, wires: Site, who: Replier, incident_id: UUID, now: datetime) -> str:
    token = await check_in_token(conn, wires.vault, incident_id, who.resident_id, now)
    return f"{wires.settings.site_url}/c/{token}"


async def _may_answer(channel: TwilioSms, wires: Site, address: str, text: str) -> bool:
    """Whether to answer at all: within the limits that hold for every SMS, or two machines write to each other."""
    if not text or not wires.settings.twilio_two_way:
        return False
    answer = Outgoing(0, address, "", text, "", Severity.INFO, Purpose.CANARY, _NO_INCIDENT, "", 0)
    try:
        await channel.guard.admit(answer, channel.buckets)
    except SendError as error:
        log.info("a reply by SMS is not answered: %s", error.code)
        return False
    return True


def _twiml(text: str) -> web.Response:
    body = EMPTY
    if text:
        body = EMPTY.replace("<Response/>", f"<Response><Message>{escape(text)}</Message></Response>")
    return web.Response(text=body, content_type="text/xml", charset="utf-8")


ROUTES = [Route("POST", "/t/r", sms_reply, MACHINE)]
