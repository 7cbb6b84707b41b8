"""Which alerts of open incidents still hold, for people who come after an alert has been to everybody. Pure.

In a thread of reports the newest says everything, so only what it told holds: not what it lowered, lifted or withdrew,
nothing that is held for people to look at or was stopped by them. A quake is history when the life of its text is over;
a warning holds until its source ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from alerts.decide import SAME_REPORT
from alerts.decision import MANUAL, RELAY, Order, Tell
from core.model import Purpose, Severity

#: How long people wait for their place to be compared with the hazard zones, before one that is only for zones.
ZONES_WAIT: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Said:
    """An alert of an open incident, as far as it matters here, reminders left out."""

    id: UUID
    incident_id: UUID
    purpose: Purpose
    hazard: str
    source: str
    thread: str
    #: Of the report that made it: `Event.order`.
    order: Order
    tell: Tell
    #: As in the column: only what is "done" has been to everybody and may still be said.
    state: str
    severity: Severity
    expires_at: datetime
    #: When the source itself ends what it says; None: when it says so.
    valid_until: datetime | None = None
    #: A flash report whose quake has its detailed report.
    detailed: bool = False

    @property
    def ends_at(self) -> datetime | None:
        """When it ends by itself. Nobody lifts a quake or what people sent by hand without an end: the text's life
        says how long these are news."""
        if self.hazard == "earthquake" or (self.source == MANUAL and self.valid_until is None):
            return self.expires_at
        return self.valid_until


def holding(said: Sequence[Said], now: datetime) -> list[Said]:
    """The alerts that hold at `now`: live ones first, then the worst, then the newest, so that a person whom several
    of them concern is told the worst, and of the others only what is news beside it."""
    newest: dict[tuple[UUID, str, str], Order] = {}
    original: dict[tuple[UUID, str], datetime] = {}
    for one in said:
        newest[_matter(one)] = max(newest.get(_matter(one), one.order), one.order)
        if one.source == "jma":
            kin = (one.incident_id, one.hazard)
            original[kin] = max(original.get(kin, one.order[0]), one.order[0])
    return _worst_first(
        one
        for one in said
        if one.tell is Tell.MATCHED
        and one.state == "done"
        and one.purpose is not Purpose.CANARY
        and one.order == newest[_matter(one)]
        and (one.ends_at is None or one.ends_at > now)
        and not one.detailed
        and not _relayed_only(one, original.get((one.incident_id, one.hazard)))
    )


def _matter(one: Said) -> tuple[UUID, str, str]:
    """What a newer report replaces: its thread; JMA's tsunami report is a snapshot of the whole country."""
    return one.incident_id, one.hazard, "" if one.hazard == "tsunami" else one.thread


def _relayed_only(one: Said, original: datetime | None) -> bool:
    """Whether a relay said it, and JMA itself has spoken since."""
    return one.source == RELAY and original is not None and original >= one.order[0] - SAME_REPORT


def _worst_first(said: Iterable[Said]) -> list[Said]:
    newest_first = sorted(said, key=lambda one: one.order, reverse=True)
    return sorted(newest_first, key=lambda one: (one.purpose is not Purpose.LIVE, -one.severity.rank))


def text_ends_at(one: Said, life: timedelta, now: datetime) -> datetime:
    """Until when a text that is said now may leave: never after what it says has ended. `life`: of a new text."""
    ends = now + life
    return ends if one.ends_at is None else min(ends, one.ends_at)
