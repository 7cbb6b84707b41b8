"""Units of a dorm, read from how rooms are written: floors, wings and flats. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import UUID

#: "A棟101", "2階 5", "B-201", "3F-2": whatever stands before the last number, with the word that names it.
_WING: Final = re.compile(r"^(.*?(?:棟|階|号館|\d[Ff]))\s*[-‐−–ー/ ]?\s*\S+$")
_SPLIT: Final = re.compile(r"^(.*[^-‐−–ー/ ])[-‐−–ー/ ]+[^-‐−–ー/ ]+$")
#: "201" is on the second floor, "1203" on the twelfth.
_NUMBER: Final = re.compile(r"^(\d{1,2})\d\d[A-Za-z]?$")


def unit_of(room: str) -> str:
    """The unit a room belongs to; "" where the room names none.

    >>> [unit_of(room) for room in ("A棟101", "B-201", "201", "１２０３号室", "7", "", "2階 5")]
    ['A棟', 'B', '2F', '12F', '', '', '2階']
    """
    text = unicodedata.normalize("NFKC", room).strip().removesuffix("号室").removesuffix("号").strip()
    for pattern in (_WING, _SPLIT):
        found = pattern.match(text)
        if found:
            return found[1].strip()
    number = _NUMBER.match(text)
    return f"{number[1]}F" if number else ""


class Occupant(NamedTuple):
    """Somebody who lives or works at a site."""

    id: UUID
    name: str
    state: str
    room: str
    shift: str


class Unit(NamedTuple):
    """One unit with its people by room; `name` "" for rooms without one."""

    name: str
    people: tuple[Occupant, ...]

    @property
    def enrolled(self) -> int:
        """How many of its people have enrolled."""
        return sum(person.state == "enrolled" for person in self.people)


def _natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts 2F before 12F, and what has no name last."""
    if not text:
        return ((2, 0, ""),)
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|\D+", text))


def units(people: Iterable[Occupant]) -> list[Unit]:
    """People by unit and room, as the dorm's page lists them."""
    grouped: dict[str, list[Occupant]] = {}
    for person in people:
        grouped.setdefault(unit_of(person.room), []).append(person)
    return [
        Unit(name, tuple(sorted(grouped[name], key=lambda one: (_natural(one.room), one.name))))
        for name in sorted(grouped, key=_natural)
    ]
