"""Places that a member of staff has just typed: understood offline, made more exact online where the operator wants it.

Only a single typed address ever goes to an online geocoder: of a dorm or workplace, and of a person's home only where
`geocoder_personal` is on. Lists and the API stay offline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from core.model import Located, Precision
from core.settings import Settings
from geo.areas import Areas
from geo.geocode import Geocoder
from geo.notes import NOTE_KEYS, PlaceNote
from geo.online import Online, online_of
from registry.import_plan import Locate, PlaceUnknown
from registry.import_run import locate_offline
from registry.rows import AddressInput, PersonRow


class Placed(NamedTuple):
    """What was typed (with its point, if one was pasted into the address), and what we understood."""

    given: AddressInput
    located: Located


async def place_site(settings: Settings, given: AddressInput) -> Placed:
    """The place of a dorm or workplace. Raises PlaceUnknown; an online geocoder that fails never stops it."""
    return await _place(given, settings, online_of(settings))


async def place_ahead(settings: Settings, people: Iterable[PersonRow]) -> Locate | None:
    """How to place the people of one form, with their addresses asked online already; None: offline, like a list."""
    online = online_of(settings) if settings.geocoder_personal else None
    if online is None:
        return None
    known: dict[AddressInput, Located] = {}
    for address in {address for person in people for address in (person.home, person.work) if address is not None}:
        try:
            known[address] = (await _place(address, settings, online)).located
        except PlaceUnknown:
            continue  # said when the row is planned
    return lambda given: known.get(given) or locate_offline(given, settings.prefectures)


async def _place(given: AddressInput, settings: Settings, online: Online | None) -> Placed:
    located = await asyncio.to_thread(locate_offline, given, settings.prefectures)
    if online is not None:
        located = await online.improve(Geocoder.load(), located, given.address)
    if given.lat is None and located.precision is Precision.EXACT:
        given = replace(given, lat=located.lat, lon=located.lon)
    return Placed(given, located)


def note_keys(located: Located) -> list[str]:
    """The notes of a place for a page address: keys only, never what was typed."""
    return list(dict.fromkeys(note.key for note in located.notes if isinstance(note, PlaceNote)))


def known_keys(asked: Iterable[str]) -> list[str]:
    """The keys of a page address that are notes."""
    return [key for key in dict.fromkeys(asked) if key in NOTE_KEYS]


def inner_jis(codes: Iterable[str]) -> tuple[str, ...]:
    """The municipalities of a place to be named: a ward instead of its city, a city instead of all its wards."""
    areas, every = Areas.load(), tuple(codes)
    inner = [code for code in every if not areas.wards(code)]
    if len(inner) == 1:
        return tuple(inner)
    cities = [code for code in every if areas.wards(code)]
    whole = [city for city in cities if {*areas.wards(city)} <= {*inner}]
    kept = [code for code in inner if areas.city_of_ward(code) not in whole]
    return tuple(sorted((*whole, *kept)))
