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
from geo.shelters_store import all_sites, shelters_mark

if TYPE_CHECKING:
    from geo import shelter_index
else:
    shelter_index = Later("geo.shelter_index")

log = logging.getLogger(__name__)

#: Channels with room for it. An SMS has only the link.
CHANNELS: Final = frozenset({"push"})
#: Whether a new list was brought in is asked this often.
FRESH_S: Final = 60.0
#: Longest time a claim waits for the whereabouts of its people.
PATIENCE_S: Final = 1.0
_WORDS: Final = ("shelter.push", "shelter.about", "shelter.within", "direction.")


class ShelterLines:
    """Lines for claimed messages. One per sender; `keep_forever` holds the shelters in memory."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._index: shelter_index.ShelterIndex | None = None
        self._mark = ""

    @property
    def known(self) -> int:
        """How many shelters are in memory."""
        return 0 if self._index is None else len(self._index)

    async def keep_forever(self) -> None:
        """Read the shelters at the start, and again when a list was brought in. Cancel it to end it."""
        while True:
            try:
                await self.refresh()
            except Exception:
                log.exception("the lists of shelters cannot be read; notifications name those known before")
            await asyncio.sleep(FRESH_S)

    async def refresh(self) -> None:
        """Read the shelters if other lists are there than before."""
        mark = await shelters_mark(self._deps.pool)
        if mark == self._mark:
            return
        rows = await all_sites(self._deps.pool)
        self._index = await asyncio.to_thread(_index_of, rows) if rows else None
        self._mark = mark

    async def of(self, messages: Sequence[Claimed]) -> dict[int, str]:
        """The line of each message that has one. Never raises, never takes long: an alert does not wait for it."""
        index = self._index
        wanted = [message for message in messages if _may_have_one(message)] if index is not None else []
        if index is None or not wanted:
            return {}
        try:
            async with asyncio.timeout(PATIENCE_S):
                ids = [message.id for message in wanted]
                places = await store.whereabouts(self._deps.pool, ids, self._deps.clock.now())
        except Exception:
            log.exception("no shelters are named in %d messages", len(wanted))
            return {}
        found = {each.message_id: each for each in places}
        lines = ((m.id, line_of(index, m, found[m.id], self._deps.catalogs)) for m in wanted if m.id in found)
        return {message_id: line for message_id, line in lines if line}


def _index_of(rows: list[tuple[str, str, float, float, int]]) -> shelter_index.ShelterIndex:
    return shelter_index.ShelterIndex(shelter_index.sites(rows))


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
