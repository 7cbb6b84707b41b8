"""The ladder of messages to staff: which of their proven ways go, in which order and after how long. Data; pure.

The table stands beside this file (staff_ladder.toml), because staff are told alike of every hazard.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

TABLE: Final = Path(__file__).with_name("staff_ladder.toml")


class StaffLadderError(ValueError):
    """The table cannot be used; the message names file and step."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A kind of contact (contact.channel), and the seconds that it waits for the one before it."""

    contact: str
    after_s: int


@dataclass(frozen=True, slots=True)
class Contact:
    """A proven contact of a member of staff."""

    id: UUID
    kind: str


@dataclass(frozen=True, slots=True)
class Way:
    """One message of a telling: over which contact, and how long after the first."""

    contact: Contact
    after: timedelta


def read_ladder(text: str, name: str = TABLE.name) -> tuple[Rung, ...]:
    """The steps of a table in their order. Raises StaffLadderError."""
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StaffLadderError(f"{name}: not readable as TOML ({error})") from error
    rungs: list[Rung] = []
    for number, row in enumerate(table.pop("step", []), 1):
        contact, after_s = (row.get("contact"), row.get("after_s")) if isinstance(row, dict) else (None, None)
        if not isinstance(contact, str) or type(after_s) is not int or after_s < 1 or len(row) != 2:
            raise StaffLadderError(f"{name}: step[{number}] must be a contact and after_s, whole seconds from 1")
        if contact in {rung.contact for rung in rungs}:
            raise StaffLadderError(f"{name}: step[{number}] names {contact} a second time")
        rungs.append(Rung(contact, after_s))
    if table or not rungs:
        raise StaffLadderError(f"{name}: needs a list step, and nothing else")
    return tuple(rungs)


@cache
def ladder() -> tuple[Rung, ...]:
    """The table of this installation, read when it is first asked."""
    return read_ladder(TABLE.read_text(encoding="utf-8"))


def ways(contacts: Sequence[Contact], rungs: Sequence[Rung], first: UUID | None = None) -> list[Way]:
    """In which order these contacts are used and when. `contacts`: of one kind the preferred one first; `first`: the
    contact that goes first whatever its kind (an earlier message went there)."""
    place = {rung.contact: number for number, rung in enumerate(rungs)}
    known = [contact for contact in contacts if contact.kind in place]
    known.sort(key=lambda contact: (contact.id != first, place[contact.kind]))
    found: list[Way] = []
    after = timedelta(0)
    for contact in known:
        if found:
            after += timedelta(seconds=rungs[place[contact.kind]].after_s)
        found.append(Way(contact, after))
    return found
