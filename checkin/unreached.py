"""Who could not be told if something happened tonight, and what their organisation can do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from registry.reach import ContactFacts, Reach, is_silent, reach

#: The lists one can ask for, in the order shown: by what has to be done. "silent": reachable, but no sign for a year.
SILENT: Final = "silent"
WHYS: Final = (Reach.DEAD.value, Reach.NONE.value, Reach.REFUSED.value, Reach.STALE.value, SILENT)


class Member(NamedTuple):
    """One person of an organisation, with what is needed to judge their reach; no address of theirs."""

    id: UUID
    org_id: UUID
    name: str
    state: str  # resident.state
    employee_id: str
    site: str
    dorm: str
    room: str
    reach_by: str  # "leader" or "paper" where people tell them, "" where only messages do
    created_at: datetime
    enrolled_at: datetime | None
    last_sign_at: datetime | None
    contacts: tuple[ContactFacts, ...]

    @property
    def proven_at(self) -> datetime | None:
        """When something last came back from any of their contacts."""
        return max((c.proven_at for c in self.contacts if c.proven_at), default=None)


class Line(NamedTuple):
    """A person on the list. `why`: one of WHYS."""

    member: Member
    why: str

    @property
    def advice(self) -> str:
        """The key of what to do: somebody who never enrolled is handed their invitation, whatever the reason."""
        return "invited" if self.member.state == "invited" else self.why


class Unreached(NamedTuple):
    """The list and its numbers. `people`: of how many."""

    people: int
    lines: tuple[Line, ...]

    def of(self, why: str) -> tuple[Line, ...]:
        """One reason's lines; "" for all who cannot be reached (silence alone is another matter)."""
        return tuple(line for line in self.lines if (line.why == why if why else line.why != SILENT))

    @property
    def counts(self) -> dict[str, int]:
        """How many per reason, those with none left out, in the order of WHYS."""
        return {why: number for why in WHYS if (number := len(self.of(why)))}


def unreached(members: Sequence[Member], now: datetime) -> Unreached:
    """Judge everybody. Within a reason the members' order stays."""
    return Unreached(len(members), tuple(_lines(members, now)))


def _lines(members: Iterable[Member], now: datetime) -> Iterable[Line]:
    for member in members:
        found = reach(member.contacts, now)
        if not found.reachable and not member.reach_by:
            yield Line(member, found.value)
        elif is_silent(member.last_sign_at, member.enrolled_at, member.created_at, now):
            yield Line(member, SILENT)
