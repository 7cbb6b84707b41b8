"""The line of a notification that names the nearest shelter: "Nearest evacuation site: ..., about 600 m, north-east".

It is worked out as a message is sent and not as it is decided: a line of its own for each block of houses would make
as many texts as there are blocks, and everybody's alert later. A line is never waited for: without it the alert goes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from alerts import shelter_lines_store as store
from alerts.deps import Deps
from alerts.outbox_store import Claimed
from alerts.shelter_lines_store import Whereabouts
from core.i18n import Catalogs
from core.later import Later
from core.model import Purpose, Severity
from geo.shelters import has_distances, rough
from geo.shelters_store import all_shelters, shelters_mark

if TYPE_CHECKING:
    from geo import shelter_index
else:
    shelter_index = Later("geo.shelter_index")

log = logging.getLogger(__name__)

#: Channels with room for it. An SMS has only the link.
CHANNELS: Final = frozenset({"push"})
#: Whether a new list was brought in is asked this often.
FRESH_S: Final = 60.0
#: Longest time a claim waits for its lines.
PATIENCE_S: Final = 2.0
_WORDS: Final = ("shelter.push", "shelter.about", "shelter.within", "direction.")


class ShelterLines:
    """Lines for claimed messages. One per sender; the shelters stay in memory."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._index: shelter_index.ShelterIndex | None = None
        self._mark: str | None = None
        self._asked_at = float("-inf")

    async def of(self, messages: Sequence[Claimed]) -> dict[int, str]:
        """The line of each message that has one. Never raises, never takes long: an alert does not wait for it."""
        wanted = [message for message in messages if _may_have_one(message)]
        if not wanted:
            return {}
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._lines(wanted)
        except Exception:
            log.exception("no shelters are named in %d messages", len(wanted))
            return {}

    async def _lines(self, messages: Sequence[Claimed]) -> dict[int, str]:
        index = await self._fresh_index()
        if index is None:
            return {}
        ids = [message.id for message in messages]
        found = {
            each.message_id: each for each in await store.whereabouts(self._deps.pool, ids, self._deps.clock.now())
        }
        lines = ((m.id, line_of(index, m, found[m.id], self._deps.catalogs)) for m in messages if m.id in found)
        return {message_id: line for message_id, line in lines if line}

    async def _fresh_index(self) -> shelter_index.ShelterIndex | None:
        """The shelters, read anew when a list was brought in; None while there are none."""
        now = asyncio.get_running_loop().time()
        if now - self._asked_at < FRESH_S:
            return self._index
        mark = await shelters_mark(self._deps.pool)
        if mark != self._mark:
            shelters = await all_shelters(self._deps.pool) if mark else []
            self._index = await asyncio.to_thread(shelter_index.ShelterIndex, shelters) if shelters else None
            self._mark = mark
        self._asked_at = now
        return self._index


def _may_have_one(message: Claimed) -> bool:
    return (
        message.channel in CHANNELS
        and message.link_kind == "checkin"
        and message.purpose != Purpose.CANARY
        and Severity(message.severity).asks
    )


def line_of(index: shelter_index.ShelterIndex, message: Claimed, place: Whereabouts, catalogs: Catalogs) -> str:
    """The line in the message's language; "" where nothing can be said. Pure.

    Words that people have not approved go out only in a text that says so itself.
    """
    lang = message.language
    if not has_distances(place.precision) or not (place.unreviewed or catalogs.approved(lang, _WORDS)):
        return ""
    near = index.nearest(place.lat, place.lon, message.hazard)
    if near is None:
        return ""
    known = rough(near, place.precision)
    runs = catalogs.direction(lang)
    if known.direction:
        direction = catalogs.say(lang, f"direction.{known.direction}")
        distance = catalogs.say(lang, "shelter.about", distance=known.text_in(runs), direction=direction)
    else:
        distance = catalogs.say(lang, "shelter.within", distance=known.text_in(runs))
    name = near.shelter.name
    if runs == "rtl":
        name = f"\u2068{name}\u2069"
    return catalogs.say(lang, "shelter.push", name=name, distance=distance)


def with_line(body: str, line: str) -> str:
    """The text with the line after its first paragraph: what to do comes before where to go."""
    first, newline, rest = body.partition("\n")
    return f"{first}\n{line}{newline}{rest}" if line else body
