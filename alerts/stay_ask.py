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
from typing import Final

from alerts import stay_store as store
from alerts.carry import Carried, carry, first_language, link_text, usable_ways
from alerts.deps import Deps
from alerts.stay_store import ToAsk
from core.audit import Actor, audit
from core.db import transaction
from core.i18n import Catalogs
from registry.stay import Next, after_failure, after_sending, is_daytime, ways_in_order, without_a_way
from registry.store import personal_token

log = logging.getLogger(__name__)

SELF: Final = Actor("stay question")
#: The wording that must be approved for a language to be chosen before the person's other one.
WORDS: Final = ("stay.",)
QUESTION: Final = "stay.sms"
#: People asked in one turn, side by side: a company that closes has hundreds, and the loop has other work.
A_TURN: Final = 20


def stay_language(catalogs: Catalogs, languages: Sequence[str]) -> str:
    """The person's first language in which people have approved the question, else the first that we have."""
    return first_language(catalogs, languages, WORDS)


def stay_text(catalogs: Catalogs, lang: str, channel: str, sender: str) -> str:
    """The question; an SMS ends with a line for the link. Wording that nobody has approved says so by its mark."""
    return link_text(catalogs, lang, QUESTION, channel, sender)


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
    ways = ways_in_order(list(addresses), person.used, usable_ways(deps)) if token else []
    lang = stay_language(deps.catalogs, person.languages)
    tried = await carry(deps, lang, QUESTION, ways, addresses, f"{deps.settings.site_url}/p/{token}")
    now = deps.clock.now()
    async with transaction(deps.pool) as conn:
        await store.drop_ways(conn, tried.dead)
        if tried.way is not None:
            await store.note_sent(conn, person.id, after_sending(now), tried.way.channel, now)
            detail = {"number": person.asks + 1, "channel": tried.way.channel, "segments": tried.segments}
            await audit(conn, SELF, "person.ask_stay", at=now, subjects=[person.id], detail=detail)
        else:
            then = _not_sent(person, tried, now)
            await store.note_not_sent(conn, person.id, then)
            log.warning("somebody who left a company could not be asked whether they stay: %s", then.outcome)
    return tried.way is not None


def _not_sent(person: ToAsk, tried: Carried, now: datetime) -> Next:
    if not tried.any_way:
        return without_a_way(now)
    return after_failure(person.tries, unsure=tried.unsure, claimed=person.claimed, now=now)
