"""The words of a decision: what is known before one, and what it says. No decisions here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias
from uuid import UUID

from core.model import Area, AreaCode, Change, Level, Moment, Purpose, Severity

#: The scheme of an area that is a polygon of the event; its code is the polygon's position among the event's.
POLYGON: Final = "polygon"
#: The source that relays JMA's reports without their envelope: it never cancels, lifts or corrects (DESIGN §4).
RELAY: Final = "p2pquake"
MANUAL: Final = "manual"

#: `Event.order`: report time, sending time, issue < correct < cancel, serial.
Order: TypeAlias = tuple[datetime, datetime, int, int]

#: Types that say more about a quake or a tsunami, and warn nobody.
FACT_TYPES: Final = ("VXSE52", "VXSE61", "VTSE51", "VTSE52")


@dataclass(frozen=True, slots=True)
class RatedArea:
    """An area of the event with the severity it gives to the people in it.

    `area_max` is set where the place itself has no figure: the announced maximum of its quake area, which then counts.
    `announced` is False for a municipality that the telegram does not name at all.
    An area of the scheme POLYGON carries its `shape` (GeoJSON, WGS84). For the people it reaches, fan-out puts the
    municipality of their place in its stead, which then says in `polygon` by which one it was reached.
    """

    area: Area
    severity: Severity
    area_max: Level = None
    announced: bool = True
    shape: Mapping[str, Any] | None = field(default=None, compare=False)
    polygon: str = ""

    @property
    def source(self) -> AreaCode:
        """What the telegram itself named: the area, or the polygon."""
        return AreaCode(POLYGON, self.polygon) if self.polygon else AreaCode(self.area.scheme, self.area.code)

    @property
    def level(self) -> Level:
        """The level that counts for this place."""
        return self.area_max if self.area_max is not None else self.area.level

    @property
    def over(self) -> bool:
        """Whether it is over here: nobody is warned by this area any more."""
        return self.area.change is Change.LIFTED


class Tell(StrEnum):
    """Whom an alert considers."""

    MATCHED = "matched"  # everybody in the areas who is not yet told of the same or worse
    TOLD = "told"  # exactly those who were told by the alerts it changes
    TOLD_INSIDE = "told_inside"  # of those, the ones in the areas that are over and in none that is still warned
    LOWERED = "lowered"  # of those, the ones for whom less holds now: what they stand at is noted, they get no message
    SILENT = "silent"  # of those, the ones who have not answered since


@dataclass(frozen=True, slots=True)
class AlertPlan:
    """One alert to make."""

    moment: Moment
    severity: Severity
    areas: tuple[RatedArea, ...]
    tell: Tell
    #: The alerts whose people are meant (TOLD, TOLD_INSIDE, LOWERED).
    of: tuple[UUID, ...] = ()
    #: A different quake than the one people were told of: the level counts, not only the severity.
    again_if_stronger: bool = False


@dataclass(frozen=True, slots=True)
class Quake:
    """What tells one earthquake from another: the ids its sources gave it, when, where (degrees WGS84), which areas."""

    ids: frozenset[str]
    at: datetime | None = None
    lat: float | None = None
    lon: float | None = None
    codes: frozenset[AreaCode] = frozenset()


@dataclass(frozen=True, slots=True)
class InForce:
    """What one thread of an incident says now: warned areas, each with its severity. Empty: it is over."""

    hazard: str
    areas: tuple[RatedArea, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An incident that is open now, as far as a decision needs it."""

    id: UUID
    key: str
    hazard: str
    event_ids: frozenset[str]
    last_round_at: datetime
    #: Areas for which people were alerted so far.
    codes: frozenset[AreaCode] = frozenset()
    #: The earthquakes that belong to it.
    quakes: tuple[Quake, ...] = ()
    #: Thread -> what it says now; for hazards that somebody lifts (not for earthquakes).
    in_force: Mapping[str, InForce] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToldAlert:
    """An earlier alert that reached people. `areas` only for those of the event's own thread."""

    id: UUID
    incident_id: UUID
    moment: Moment
    severity: Severity
    areas: tuple[RatedArea, ...] = ()
    thread: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known before the decision."""

    purpose: Purpose
    incidents: tuple[OpenIncident, ...] = ()
    #: The newest other decided event of the thread.
    newest: Order | None = None
    #: Alerts of the thread, of the relay, and of the hazard in open incidents; oldest first.
    told: tuple[ToldAlert, ...] = ()
    #: The newest decided VXSE53 of the same quake: a flash report (VXSE51) from before it says less.
    detailed: Order | None = None
    #: The quakes of JMA's own reports about that time, decided or not; asked for events of other sources.
    originals: tuple[Quake, ...] = ()
    #: When JMA issued its newest tsunami report; asked for tsunami events of other sources.
    original_tsunami: datetime | None = None
    #: An operator was told of this thread already.
    operator_told: bool = False


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing is sent. The reason is kept with the event and shown to operators."""

    reason: str
    #: What an operator must read; "": nothing.
    operator: str = ""
    #: People would have been told, had we heard and decided in time.
    missed: bool = False


@dataclass(frozen=True, slots=True)
class FactsOnly:
    """An incident learns something (epicentre, magnitude); nobody is told."""

    incident_id: UUID
    reason: str = "facts updated, nobody to tell"
    operator: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """People are to be told: join `incident_id`, or open an incident with `key` (None)."""

    incident_id: UUID | None
    key: str
    title: str
    alerts: tuple[AlertPlan, ...]
    #: Why the alerts must wait for a person; None: go.
    hold: str | None = None
    operator: str = ""
    #: What the thread says from now on; None: nothing to remember (earthquakes).
    in_force: InForce | None = None


Decision: TypeAlias = Ignored | FactsOnly | Act


@dataclass(frozen=True, slots=True)
class Geography:
    """The area tables a decision needs, as look-ups."""

    #: Quake area code -> codes of its municipalities (scheme jma.city).
    cities_of: Callable[[str], Sequence[str]]
    #: (scheme, code) -> forecast office code, None if unknown.
    office_of: Callable[[str, str], str | None]
    #: (scheme, code) -> Japanese name, "" if unknown.
    name_of: Callable[[str, str], str] = lambda scheme, code: ""
    #: Why nobody may be told by these polygons before a person has looked at them; None: they may be used.
    why_unusable: Callable[[Sequence[Mapping[str, Any]]], str | None] = lambda shapes: "polygons cannot be checked"
