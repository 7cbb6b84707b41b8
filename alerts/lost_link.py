"""Sends people the link of their own page again, over a way that they have proved to be theirs. Part of the tend loop.

The new link's id is fixed with the wish, and its token is made from it: a message that may have left twice carries the
same link. The old link ends only when the new one has left, or may have; until then the old card works.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Final

from alerts.carry import carry, first_language, usable_ways
from alerts.deps import Deps
from alerts.lost_link_store import MOST_TRIES, Wish, claim_wishes, settle
from alerts.stay_store import drop_ways, ways_of
from core.audit import Actor, audit
from core.db import transaction
from core.tokens import link_token
from registry.lost_link_store import replace_link
from registry.stay import ways_in_order
from registry.store import personal_token

log = logging.getLogger(__name__)

SELF: Final = Actor("lost link")
KEY: Final = "lost.sms"
#: Wishes in one turn, side by side.
A_TURN: Final = 20
#: A try that failed is repeated after this time.
PAUSE: Final = timedelta(minutes=5)


async def send_lost_links(deps: Deps) -> int:
    """Fulfil the wishes that are due; how many messages left."""
    async with transaction(deps.pool) as conn:
        wishes = await claim_wishes(conn, deps.clock.now(), A_TURN)
    return sum(await asyncio.gather(*(_send(deps, wish) for wish in wishes)))


async def _send(deps: Deps, wish: Wish) -> bool:
    """One wish; whether a message left."""
    async with transaction(deps.pool) as conn:
        if wish.new_link is not None:
            token: str | None = link_token(deps.vault.link_key, wish.new_link)
        else:
            token = await personal_token(conn, deps.vault, wish.resident_id)
        addresses = {way: sealed for way, sealed in (await ways_of(conn, wish.resident_id)).items() if way.proven}
    ways = ways_in_order(list(addresses), (), usable_ways(deps)) if token else []
    lang = first_language(deps.catalogs, wish.languages, (KEY,))
    tried = await carry(deps, lang, KEY, ways, addresses, f"{deps.settings.site_url}/p/{token}")
    now = deps.clock.now()
    left = tried.way is not None
    async with transaction(deps.pool) as conn:
        await drop_ways(conn, tried.dead)
        # Where nobody knows whether it left, the link that may have arrived must open something.
        if (
            wish.new_link is not None
            and (left or tried.unsure)
            and await personal_token(conn, deps.vault, wish.resident_id) != token
        ):
            await replace_link(conn, deps.vault, wish.resident_id, now, wish.new_link)
        if left or not tried.any_way or wish.tries >= MOST_TRIES:
            outcome = "sent" if left else "unsure" if tried.unsure else "no_way"
            await settle(conn, wish.resident_id, outcome, None)
        else:
            await settle(conn, wish.resident_id, "unsure" if tried.unsure else "", now + PAUSE)
        if left and tried.way is not None:
            detail = {"channel": tried.way.channel, "replaced": wish.new_link is not None}
            await audit(conn, SELF, "person.link_sent", at=now, subjects=[wish.resident_id], detail=detail)
    if not left:
        log.warning("the link of somebody who lost it could not be sent (try %d of %d)", wish.tries, MOST_TRIES)
    return left
