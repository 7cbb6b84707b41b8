"""What an event means for us: ignore it, update what we know, or tell people. Pure: same arguments, same decision.

The decision names areas with a severity and whom to consider; who lives there is fan-out's question. A person who was
told already hears again only of something worse, or of a correction, cancellation or lift of what they were told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from alerts.rules import Rule, severity_of
from core.model import (
    Area,
    AreaCode,
    Change,
    Event,
    Level,
    MessageType,
    Moment,
    Purpose,
    Severity,
    Status,
    level_rank,
)

#: A report from the future by more than this is held: a clock or a document is wrong.
MAX_FUTURE: Final = timedelta(minutes=2)
#: A warning this old is not news to anybody; it is held for a person to look at.
MAX_WARNING_AGE: Final = timedelta(hours=48)
#: A quake area that reached this level makes its silent municipalities count with the area's maximum.
SILENT_TOWN_FROM: Final = "5-"

#: Schemes by which people are matched, narrowest first: the first one that an event carries is used, so that a wider
#: block of the same telegram never reaches people who are not warned.
MATCH_SCHEMES: Final = ("jma.city", "jma.quake_area", "jma.tsunami_area", "jma.office")

#: The scheme of an area that is a polygon of the event; its code is the polygon's position among the event's.
POLYGON: Final = "polygon"

#: Hazards that belong to a quake: one incident for the shaking and its tsunami.
_QUAKE_FAMILY: Final = ("earthquake", "tsunami")
_HAZARD_JA: Final = {
    "earthquake": "地震",
    "tsunami": "津波",
    "heavy_rain": "大雨",
    "landslide": "土砂災害",
    "storm_surge": "高潮",
    "river_flood": "洪水",
}


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


class Tell(StrEnum):
    """Whom an alert considers."""

    MATCHED = "matched"  # everybody in the areas who is not yet told of the same or worse
    TOLD = "told"  # exactly those who were told by the alerts it changes
    TOLD_INSIDE = "told_inside"  # of those, the ones in these areas and in none that is still warned
    SILENT = "silent"  # of those, the ones who have not answered since


@dataclass(frozen=True, slots=True)
class AlertPlan:
    """One alert to make."""

    moment: Moment
    severity: Severity
    areas: tuple[RatedArea, ...]
    tell: Tell
    #: The alerts whose people are meant (TOLD, TOLD_INSIDE).
    of: tuple[UUID, ...] = ()
    #: A different quake than the one people were told of: the level counts, not only the severity.
    again_if_stronger: bool = False


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


@dataclass(frozen=True, slots=True)
class ToldAlert:
    """An earlier alert of the event's thread that reached people."""

    id: UUID
    incident_id: UUID
    moment: Moment
    severity: Severity
    areas: tuple[RatedArea, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known before the decision."""

    purpose: Purpose
    incidents: tuple[OpenIncident, ...] = ()
    #: `Event.order` of the newest other decided event of the thread.
    newest: tuple[datetime, datetime, int, int] | None = None
    #: Alerts of the thread, oldest first, of incidents that are open.
    told: tuple[ToldAlert, ...] = ()


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing is sent. The reason is kept with the event and shown to operators."""

    reason: str


@dataclass(frozen=True, slots=True)
class FactsOnly:
    """An incident learns something (epicentre, magnitude); nobody is told."""

    incident_id: UUID
    reason: str = "facts updated, nobody to tell"


@dataclass(frozen=True, slots=True)
class Act:
    """People are to be told: join `incident_id`, or open an incident with `key` (None)."""

    incident_id: UUID | None
    key: str
    title: str
    alerts: tuple[AlertPlan, ...]
    #: Why the alerts must wait for a person; None: go.
    hold: str | None = None


Decision = Ignored | FactsOnly | Act


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


def decide(event: Event, rule: Rule | None, known: Known, now: datetime, geography: Geography) -> Decision:
    """The decision for one event. `rule` is its hazard's rule, None if there is none."""
    if event.status is not Status.ACTUAL:
        return Ignored(f"status {event.status}: never sent")
    if rule is None:
        return Ignored(f"no rule for the hazard {event.hazard}")
    if known.newest is not None and event.order < known.newest:
        return Ignored("superseded by a newer report of the same thread")
    if event.message_type is MessageType.CANCEL:
        return _cancel(event, known, now)
    rated = rate(event, rule, geography)
    if event.message_type is MessageType.LIFT:
        return _lift(event, rule, known, now, geography)
    incident = _find_incident(event, rule, known, rated, geography)
    if not _matching(event):
        return _facts(event, known)
    told_ids = tuple(alert.id for alert in known.told)
    plans: list[AlertPlan] = []
    if event.message_type is MessageType.CORRECT and told_ids:
        severity = max(_severities(rated, known.told), key=lambda s: s.rank)
        plans.append(AlertPlan(Moment.CORRECT, severity, rated, Tell.TOLD, told_ids))
    else:
        lifted = _lifted(event, rule) if told_ids else ()
        if lifted:
            severity = max(_severities((), known.told), key=lambda s: s.rank)
            # The areas still warned travel along: whoever is in one of them is not told that it is over.
            plans.append(AlertPlan(Moment.LIFT, severity, (*lifted, *rated), Tell.TOLD_INSIDE, told_ids))
    if rated and (incident is not None or not _too_old(event, rule, now)):
        severity = max((a.severity for a in rated), key=lambda s: s.rank)
        moment = Moment.UPDATE if incident is not None else Moment.ISSUE
        other_quake = (
            incident is not None
            and event.hazard in _QUAKE_FAMILY
            and not incident.event_ids.intersection(event.event_ids)
        )
        plans.append(AlertPlan(moment, severity, rated, Tell.MATCHED, again_if_stronger=other_quake))
    if not plans:
        if not rated:
            return Ignored("no area reaches a level that we tell people about")
        return Ignored(f"too old: {_age_minutes(event, now)} minutes when decided")
    if _stale_report(event, rule, now):
        return Ignored(f"too old: {_age_minutes(event, now)} minutes when decided")
    return Act(
        incident_id=None if incident is None else incident.id,
        key=incident.key if incident is not None else _key(event, rated, geography),
        title=_title(event, rated, geography),
        alerts=tuple(plans),
        hold=_hold(event, now) or _hold_polygons(plans, geography),
    )


def rate(event: Event, rule: Rule, geography: Geography) -> tuple[RatedArea, ...]:
    """The areas in which people are told, each with its severity, silent municipalities included; worst first."""
    rated: dict[AreaCode, RatedArea] = {}
    matching = _matching(event)
    maxima = {a.code: a.level for a in event.areas if a.scheme == "jma.quake_area"}
    for area in matching:
        if area.change is Change.LIFTED:
            continue
        area_max: Level = None
        counted = area
        if area.not_received and level_rank(maxima.get(area.parent)) > level_rank(area.level):
            area_max = maxima[area.parent]
            counted = replace(area, level=area_max)
        severity = severity_of(rule, counted, event.type)
        if severity is not None:
            _keep_worse(rated, RatedArea(area, severity, area_max, shape=_shape(event, area)))
    if matching and matching[0].scheme == "jma.city" and event.hazard == "earthquake":
        named = {area.code for area in matching}
        for code, level in maxima.items():
            if level_rank(level) < level_rank(SILENT_TOWN_FROM):
                continue
            for city in geography.cities_of(code):
                if city in named:
                    continue
                silent = Area(
                    "jma.city",
                    city,
                    name=geography.name_of("jma.city", city),
                    level=level,
                    not_received=True,
                    parent=code,
                )
                severity = severity_of(rule, silent, event.type)
                if severity is not None:
                    _keep_worse(rated, RatedArea(silent, severity, area_max=level, announced=False))
    return tuple(sorted(rated.values(), key=lambda r: (-r.severity.rank, -level_rank(r.level), r.area.code)))


def _keep_worse(rated: dict[AreaCode, RatedArea], new: RatedArea) -> None:
    code = AreaCode(new.area.scheme, new.area.code)
    old = rated.get(code)
    if old is None or (new.severity.rank, level_rank(new.level)) > (old.severity.rank, level_rank(old.level)):
        rated[code] = new


def _matching(event: Event) -> tuple[Area, ...]:
    """By what people are matched: the areas of the narrowest scheme; only without any of those the polygons."""
    for scheme in MATCH_SCHEMES:
        found = tuple(a for a in event.areas if a.scheme == scheme)
        if found:
            return found
    return tuple(
        Area(
            POLYGON,
            str(number),
            level=polygon.level,
            change=Change.LIFTED if polygon.level in (0, "none") else Change.NONE,
        )
        for number, polygon in enumerate(event.polygons)
        if polygon.level is not None
    )


def _shape(event: Event, area: Area) -> Mapping[str, Any] | None:
    return event.polygons[int(area.code)].geometry if area.scheme == POLYGON else None


def _lifted(event: Event, rule: Rule) -> tuple[RatedArea, ...]:
    """Areas where it is over for the people who were told: lifted, or lowered to a level that tells nobody."""
    return tuple(
        RatedArea(area, Severity.INFO, shape=_shape(event, area))
        for area in _matching(event)
        if area.change is Change.LIFTED
        or (area.change is Change.LOWERED and severity_of(rule, area, event.type) is None)
    )


def _severities(rated: Iterable[RatedArea], told: Iterable[ToldAlert]) -> list[Severity]:
    return [*(r.severity for r in rated), *(t.severity for t in told)]


def _cancel(event: Event, known: Known, now: datetime) -> Decision:
    return _to_those_told(event, known, now, Moment.CANCEL, (), "cancels nothing that we sent")


def _lift(event: Event, rule: Rule, known: Known, now: datetime, geography: Geography) -> Decision:
    areas = _lifted(event, rule)
    # It goes to those who were told, whatever the polygons say: a bad one must not keep "it is over" from them.
    if (shapes := _shapes(areas)) and geography.why_unusable(shapes) is not None:
        areas = ()
    return _to_those_told(event, known, now, Moment.LIFT, areas, "lifts nothing that we sent")


def _to_those_told(
    event: Event, known: Known, now: datetime, moment: Moment, areas: tuple[RatedArea, ...], otherwise: str
) -> Decision:
    told = [alert for alert in known.told if alert.moment is not moment]
    if not told:
        return Ignored(otherwise)
    severity = max((a.severity for a in told), key=lambda s: s.rank)
    plan = AlertPlan(moment, severity, areas or told[-1].areas, Tell.TOLD, tuple(a.id for a in told))
    return Act(told[-1].incident_id, "", "", (plan,), hold=_hold(event, now))


def _facts(event: Event, known: Known) -> Decision:
    for incident in known.incidents:
        if incident.event_ids.intersection(event.event_ids):
            return FactsOnly(incident.id)
    return Ignored("no areas, and no open incident it belongs to")


def _find_incident(
    event: Event, rule: Rule, known: Known, rated: Sequence[RatedArea], geography: Geography
) -> OpenIncident | None:
    """The open incident this event belongs to, newest first."""
    newest_first = sorted(known.incidents, key=lambda i: i.last_round_at, reverse=True)
    if event.hazard not in _QUAKE_FAMILY:
        key = _key(event, rated, geography)
        return next((i for i in newest_first if i.key == key), None)
    quakes = [i for i in newest_first if i.hazard in _QUAKE_FAMILY]
    for incident in quakes:
        if incident.event_ids.intersection(event.event_ids):
            return incident
    if event.hazard != "earthquake":
        return None
    # An aftershock: another quake, soon after the last round, in an area that was alerted. It goes on the same round.
    window = timedelta(hours=rule.aftershock_window_h)
    codes = codes_of(rated) | {AreaCode("jma.quake_area", r.area.parent) for r in rated if r.area.parent}
    for incident in quakes:
        if abs(event.issued_at - incident.last_round_at) <= window and incident.codes & codes:
            return incident
    return None


def codes_of(areas: Iterable[RatedArea]) -> frozenset[AreaCode]:
    """The codes an incident remembers of its alerts: the areas and, for municipalities, their quake area.

    The number of a polygon means nothing outside its report: it is left out.
    """
    found = set()
    for rated in areas:
        if rated.area.scheme == POLYGON:
            continue
        found.add(AreaCode(rated.area.scheme, rated.area.code))
        if rated.area.scheme == "jma.city" and len(rated.area.parent) == 3:
            found.add(AreaCode("jma.quake_area", rated.area.parent))
    return frozenset(found)


def _key(event: Event, rated: Sequence[RatedArea], geography: Geography) -> str:
    if event.hazard in _QUAKE_FAMILY:
        return f"quake:{min(event.event_ids)}" if event.event_ids else f"quake:{event.thread}"
    for area in rated[0:1] or [RatedArea(a, Severity.INFO) for a in _matching(event)[0:1]]:
        office = geography.office_of(area.area.scheme, area.area.code)
        if office:
            return f"weather:{office}"
    return f"weather:{event.office or event.thread}"


def _title(event: Event, rated: Sequence[RatedArea], geography: Geography) -> str:
    """A Japanese name for staff: 熊本県熊本地方の地震."""
    hazard = _HAZARD_JA.get(event.hazard, event.hazard)
    name = event.hypocenter.name if event.hypocenter is not None else ""
    if not name and rated:
        worst = rated[0].area
        name = worst.name or geography.name_of(worst.scheme, worst.code)
    return f"{name}の{hazard}" if name else hazard


def _too_old(event: Event, rule: Rule, now: datetime) -> bool:
    """Whether this may not open an incident any more: the quake itself is long past."""
    return rule.max_age is not None and now - (event.occurred_at or event.issued_at) > rule.max_age


def _stale_report(event: Event, rule: Rule, now: datetime) -> bool:
    """Whether the report, though it belongs to an open incident, is itself too old to be sent as new."""
    return rule.max_age is not None and now - event.issued_at > rule.max_age


def _age_minutes(event: Event, now: datetime) -> int:
    return int((now - (event.occurred_at or event.issued_at)).total_seconds() // 60)


def _hold(event: Event, now: datetime) -> str | None:
    if event.issued_at - now > MAX_FUTURE or event.sent_at - now > MAX_FUTURE:
        return f"impossible time: issued {event.issued_at.isoformat()}, which is in the future"
    if now - event.issued_at > MAX_WARNING_AGE:
        return f"impossible time: issued {event.issued_at.isoformat()}, more than {MAX_WARNING_AGE} ago"
    return None


def _shapes(areas: Iterable[RatedArea]) -> list[Mapping[str, Any]]:
    return [rated.shape for rated in areas if rated.shape is not None]


def _hold_polygons(plans: Iterable[AlertPlan], geography: Geography) -> str | None:
    """A polygon that is too large or broken would call the wrong people: a person looks at it first."""
    for plan in plans:
        shapes = _shapes(plan.areas)
        reason = geography.why_unusable(shapes) if shapes else None
        if reason is not None:
            return reason
    return None
