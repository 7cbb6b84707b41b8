"""Asks people who have left a company whether they stay and where they live now. Part of the tend loop.

Not an alert: it belongs to no incident, goes past the outbox of alerts, by day only, and never while an incident holds
the person. A claim is written before a message leaves and its outcome after it: killed in between, the person is asked
once more at most, with the same permanent link. No database connection is held while a provider is slow.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from alerts import stay_store as store
from alerts.compose import LINK, TITLED, fill_link
from alerts.deps import Deps
from alerts.mail_links import way_out
from alerts.single import single, why_not
from alerts.sms_text import is_gsm7, segments
from alerts.stay_store import ToAsk
from alerts.wording import Voice
from core.audit import Actor, audit
from core.db import transaction
from core.i18n import Catalogs, without_furigana
from registry.stay import (
    Next,
    Way,
    after_failure,
    after_sending,
    is_daytime,
    ways_in_order,
    without_a_way,
)
from registry.store import personal_token

log = logging.getLogger(__name__)

SELF: Final = Actor("stay question")
#: The wording that must be approved for a language to be chosen before the person's other one.
WORDS: Final = ("stay.",)
#: People asked in one turn, side by side: a company that closes has hundreds, and the loop has other work.
A_TURN: Final = 20
#: A provider that hangs must not hold up what else is due in the tend loop.
TIMEOUT_S: Final = 5.0
#: A provider must not deliver it later than this: by then it may be night.
VALID_S: Final = 3600
#: Which channel carries a message to which kind of contact.
CARRIED_BY: Final = {"push": "push", "phone": "sms", "line": "line", "email": "email"}


def stay_language(catalogs: Catalogs, languages: Sequence[str]) -> str:
    """The person's first language in which people have approved the question, else the first that we have."""
    ours = [tag for wish in languages if wish and (tag := catalogs.normalise(wish))]
    return next((tag for tag in ours if catalogs.approved(tag, WORDS)), ours[0] if ours else "en")


def stay_text(catalogs: Catalogs, lang: str, channel: str, sender: str) -> str:
    """The question; an SMS ends with a line for the link. Wording that nobody has approved says so by its mark."""
    say = Voice(catalogs, lang)
    question = say("stay.sms", link="").strip().rstrip(":：").rstrip()
    parts = [question, say("alert.unreviewed.short")] if say.unreviewed else [question]
    text = without_furigana(say.join(parts))
    if channel in TITLED:
        return text
    name = "Daijobu" if is_gsm7(text) and not is_gsm7(sender) else sender
    return f"{say('frame.sender', sender=name, text=text)}\n{LINK}"


class _Tried(NamedTuple):
    """What came of one person's turn. `carried`: the way that took the message; `dead`: ways that never will again."""

    carried: Way | None
    unsure: bool
    any_way: bool
    dead: list[tuple[UUID, str, str]]
    segments: int


async def ask_to_stay(deps: Deps) -> int:
    """Ask everybody whose turn it is, as many as one turn takes; how many messages left."""
    now = deps.clock.now()
    if not is_daytime(now):
        return 0
    await store.settle_lost(deps.pool, now, after_sending(now))
    async with transaction(deps.pool) as conn:
        claimed = await store.claim_to_ask(conn, now, A_TURN)
    return sum(await asyncio.gather(*(_ask(deps, person) for person in claimed)))


async def _ask(deps: Deps, person: ToAsk) -> bool:
    """One person's turn; whether a message left."""
    async with transaction(deps.pool) as conn:
        token = await personal_token(conn, deps.vault, person.id)
        addresses = await store.ways_of(conn, person.id)
    usable = {contact for contact, name in CARRIED_BY.items() if deps.channels.resolve(name) is not None}
    ways = ways_in_order(list(addresses), person.used, usable) if token else []
    tried = await _try(deps, person, ways, addresses, f"{deps.settings.site_url}/p/{token}")
    now = deps.clock.now()
    async with transaction(deps.pool) as conn:
        await store.drop_ways(conn, tried.dead)
        if tried.carried is not None:
            await store.note_sent(conn, person.id, after_sending(now), tried.carried.channel, now)
            detail = {"number": person.asks + 1, "channel": tried.carried.channel, "segments": tried.segments}
            await audit(conn, SELF, "person.ask_stay", at=now, subjects=[person.id], detail=detail)
        else:
            then = _not_sent(person, tried, now)
            await store.note_not_sent(conn, person.id, then)
            log.warning("somebody who left a company could not be asked whether they stay: %s", then.outcome)
    return tried.carried is not None


def _not_sent(person: ToAsk, tried: _Tried, now: datetime) -> Next:
    if not tried.any_way:
        return without_a_way(now)
    return after_failure(person.tries, unsure=tried.unsure, claimed=person.claimed, now=now)


async def _try(deps: Deps, person: ToAsk, ways: Sequence[Way], addresses: dict[Way, bytes], url: str) -> _Tried:
    """One way after the other until one takes the message, or nobody knows whether it did."""
    lang = stay_language(deps.catalogs, person.languages)
    dead: list[tuple[UUID, str, str]] = []
    for way in ways:
        wanted = CARRIED_BY[way.channel]
        kind = deps.channels.resolve(wanted)
        assert kind is not None  # ways_in_order has left out what nothing carries
        text = stay_text(deps.catalogs, lang, wanted, deps.settings.sender_name)
        body = text if wanted in TITLED else fill_link(text, url, deps.settings.sender_name)
        message = single(
            deps.catalogs,
            deps.vault.decrypt(addresses[way], way.id, "contact.address_enc"),
            lang,
            deps.settings.sender_name,
            body,
            valid_s=VALID_S,
            url=url,
            way_out=_way_out(deps, lang, way),
        )
        error = await why_not(deps.channels.by_name[kind.name], message, min(deps.settings.send_timeout_s, TIMEOUT_S))
        if error is None:
            return _Tried(way, False, True, dead, 0 if wanted in TITLED else segments(body).parts)
        if error.ambiguous:
            return _Tried(None, True, True, dead, 0)
        if error.drop_address:
            dead.append((way.id, error.drop_address, error.code))
    return _Tried(None, False, len(ways) > len(dead), dead, 0)


def _way_out(deps: Deps, lang: str, way: Way) -> tuple[str, str]:
    if way.channel != "email":
        return "", ""
    return deps.catalogs.sayer(lang).plain("mail.stop"), deps.settings.site_url + way_out(deps.vault, way.id)
