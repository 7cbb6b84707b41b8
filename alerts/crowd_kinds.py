"""Who of many people is alike in all that a decision looks at. Pure; ids are bytes here, as COPY takes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from alerts.people import Contact, Person, on_shift


@dataclass(slots=True)
class Alike:
    """People of one kind. `like`: one of them; the ids of its contacts stand for each one's, in the same order.

    Columns of equal length, all bytes: ids, organisations as array_send writes them, and all contact ids one after the
    other (16 bytes each).
    """

    like: Person
    ids: list[bytes] = field(default_factory=list)
    orgs: list[bytes] = field(default_factory=list)
    contacts: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database says of some people, table by table. Ids that stand together are 16 bytes each, end to end."""

    #: Organisations, language, second language, state, and the people of whom all this is true.
    residents: Iterable[Any]
    #: Kind of place, place, and whose it is.
    housed: Iterable[Any]
    #: Person and contact in turn, and for each pair the channel behind "+" (proven) or "-"; in the order in which
    #: contacts count.
    contacts: tuple[bytes, Sequence[str]]
    shifts: Mapping[bytes, str]
    away: Container[bytes]
    asked_elsewhere: Mapping[bytes, int]
    #: Who is left out, whatever else is said of them.
    without: Container[bytes]


def _each(ids: bytes) -> list[bytes]:
    return [ids[begin : begin + 16] for begin in range(0, len(ids), 16)]


def by_kind(facts: Facts, areas_of: Mapping[UUID | None, tuple[int, ...]], now: datetime) -> list[Alike]:
    """These people by kind. `areas_of`: the areas of the alert that hold a place."""
    places: dict[str, dict[bytes, tuple[int, ...]]] = {"home": {}, "work": {}, "today": {}}
    for kind, place, whose in facts.housed:
        areas = areas_of.get(place)
        if areas is not None:
            places[kind].update(dict.fromkeys(_each(whose), areas))
    home, work, today = places["home"], places["work"], places["today"]
    contacts: dict[bytes, bytes] = defaultdict(bytes)
    channels: dict[bytes, str] = defaultdict(str)
    pairs = iter(_each(facts.contacts[0]))
    for person, contact, channel in zip(pairs, pairs, facts.contacts[1], strict=True):
        contacts[person] += contact
        channels[person] += f" {channel}"
    groups: dict[tuple[Any, ...], Alike] = {}
    nowhere: tuple[int, ...] = ()
    for orgs, language, second, state, people in facts.residents:
        for person in _each(people):
            if person in facts.without:
                continue
            key = (
                home.get(person, nowhere),
                work.get(person, nowhere),
                today.get(person, nowhere),
                language,
                second,
                state,
                channels.get(person, ""),
                facts.shifts.get(person, ""),
                person in facts.away,
                facts.asked_elsewhere.get(person, 0),
            )
            mine = contacts.get(person, b"")
            group = groups.get(key)
            if group is None:
                group = groups[key] = Alike(_person(person, mine, key, now))
            group.ids.append(person)
            group.orgs.append(orgs)
            group.contacts.append(mine)
    return list(groups.values())


def _person(person: bytes, contacts: bytes, kind: tuple[Any, ...], now: datetime) -> Person:
    home, work, today, language, second, state, channels, shifts, away, asked = kind
    ids = [UUID(bytes=contacts[begin : begin + 16]) for begin in range(0, len(contacts), 16)]
    return Person(
        id=UUID(bytes=person),
        languages=(language, second or ""),
        enrolled=state == "enrolled",
        home=home,
        work=work,
        contacts=tuple(
            Contact(contact, channel[1:], channel[0] == "+")
            for contact, channel in zip(ids, channels.split(), strict=True)
        ),
        on_shift=bool(shifts) and on_shift(shifts, now),
        away=away,
        today=today,
        asked_elsewhere=asked,
    )
