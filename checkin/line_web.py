"""POST /t/line: what people do in their chat with our LINE account: a code, a button, words, blocking us.

LINE may call twice and in any order (developers.line.biz, "Webhook redelivery"); each event is done once, in the
transaction that notes it. The answer in the chat comes after that, and may fail: what the person said is stored.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from aiohttp import web

from alerts.channel import Channels
from alerts.channels.line import Line, LineEvent, read_events, read_postback
from checkin.help_store import check_in_token
from checkin.link_store import open_link
from checkin.replies import read_answer, read_millis
from checkin.store import record_check_in
from checkin.written_store import keep_words, open_incident_of
from core.audit import Actor, audit
from core.db import Connection, transaction
from core.model import AnsweredBy
from core.tokens import looks_like_token, token_hash
from core.web import MACHINE, Route, Site, clean_text, site
from registry.line_store import (
    Linked,
    is_new_event,
    link_account,
    linked_people,
    note_follow,
    note_unfollow,
    read_code,
)

log = logging.getLogger(__name__)

#: LINE bundles some dozens of events at most.
MAX_BODY: Final = 1_000_000
MAX_WORDS: Final = 500


class Answered(NamedTuple):
    """What is said in the chat: a key, in which language (two for somebody we do not know), and a link under it."""

    key: str
    languages: tuple[str, ...]
    link: str = ""


async def webhook(request: web.Request) -> web.Response:
    """200 for every call that LINE has signed, 403 for any other."""
    wires = site(request)
    channels: Channels | None = wires.extras.get("channels")
    channel: Any = None if channels is None else channels.by_name.get("line")
    if not isinstance(channel, Line):
        raise web.HTTPNotFound()
    body = await request.content.read(MAX_BODY)
    if not channel.is_signed(body, request.headers.get("X-Line-Signature", "")):
        raise web.HTTPForbidden(text="The signature does not fit.")
    try:
        events = read_events(body)
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    for event in events:
        answered = await _take(wires, event)
        if answered is not None and event.reply_token:
            text = "\n\n".join(wires.catalogs.sayer(lang).plain(answered.key) for lang in answered.languages)
            if not await channel.reply(event.reply_token, f"{text}\n{answered.link}".strip()):
                log.warning("an answer in a chat on LINE did not leave")
    return web.Response(status=200)


async def _take(wires: Site, event: LineEvent) -> Answered | None:
    """Do what one event asks for, once."""
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        if not await is_new_event(conn, event.event_id, now):
            return None
        people = await linked_people(conn, wires.vault, event.user)
        match event.kind:
            case "unfollow":
                await note_unfollow(conn, [one.contact_id for one in people])
            case "follow":
                await note_follow(conn, [one.contact_id for one in people])
            case "postback":
                return await _pressed(wires, conn, event, people, now)
            case "text":
                return await _written(wires, conn, event, people, now)
    return None


async def _pressed(
    wires: Site, conn: Connection, event: LineEvent, people: Sequence[Linked], now: datetime
) -> Answered | None:
    """A button under an alert: the answer of the person whose link it carries, if this is their account."""
    found = read_postback(event.text)
    if found is None or not looks_like_token(found[1]):
        return None
    answer, token = read_answer(found[0]), found[1]
    if answer is None:
        return None
    tapped = read_millis(event.at_ms)
    hashed = token_hash(token)
    view = await open_link(conn, hashed, now, None if answer.is_help else tapped)
    page = f"{wires.settings.site_url}/c/{token}"
    if view is None or view.resident_id not in {one.resident_id for one in people}:
        return None
    lang = _language(wires, view.language)
    if answer not in view.incident.offered and not answer.is_help:
        return Answered("line.note", (lang,), page)  # something else is asked by now
    await record_check_in(
        conn,
        wires.vault,
        incident_id=view.incident.id,
        resident_id=view.resident_id,
        answer=answer,
        answered_by=AnsweredBy.SELF,
        via="line",
        tapped_at=tapped,
        now=now,
        link_id=view.link_id,
        client_id=event.event_id or None,
    )
    return Answered("help.title" if answer.is_help else "page.thanks.title", (lang,), page)


async def _written(
    wires: Site, conn: Connection, event: LineEvent, people: Sequence[Linked], now: datetime
) -> Answered | None:
    """A code links the account; anything else is kept for staff, and never read as "I'm OK"."""
    code = read_code(event.text)
    person = None if code is None else await link_account(conn, wires.vault, code, event.user, now)
    if person is not None:
        await audit(
            conn,
            Actor("personal link"),
            "line on",
            at=now,
            subjects=[person],
            fields=["contact.address"],
        )
        mine = [one for one in await linked_people(conn, wires.vault, event.user) if one.resident_id == person]
        return Answered("line.on", (_language(wires, mine[0].language),))
    if not people:
        return Answered("line.bad_code", ("ja-simple", "en"))
    one = people[0]
    words = clean_text(event.text, MAX_WORDS)
    if not words:
        return None
    incident_id = await open_incident_of(conn, one.resident_id)
    if incident_id is None:  # nobody would read it: say so, as an SMS is answered
        return Answered("landing.emergency", (_language(wires, one.language),))
    await keep_words(conn, wires.vault, incident_id, one.resident_id, words, via="line", now=now)
    token = await check_in_token(conn, wires.vault, incident_id, one.resident_id, now)
    return Answered("line.note", (_language(wires, one.language),), f"{wires.settings.site_url}/c/{token}")


def _language(wires: Site, tag: str) -> str:
    return wires.catalogs.normalise(tag) or "en"


ROUTES = [Route("POST", "/t/line", webhook, MACHINE)]
