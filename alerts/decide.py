"""What an event means for us: ignore it, update what we know, or tell people. Pure: same arguments, same decision.

The decision names areas with a severity and whom to consider; who lives there is fan-out's question. A person who was
told already hears again only of something worse, or of a correction, cancellation or lift of what they were told.
In a thread the newest report says everything: whatever order its reports arrive in, people end where it puts them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from alerts.decision import (
    FACT_TYPES,
    POLYGON,
    RELAY,
    Act,
    AlertPlan,
    Decision,
    FactsOnly,
    Geography,
    Ignored,
    InForce,
    Known,
    OpenIncident,
    RatedArea,
    Tell,
    ToldAlert,
)
from alerts.guard import shapes_of, why_held, why_impossible
from alerts.joining import (
    QUAKE_FAMILY,
    find_incident,
    in_force_before,
    is_of,
    key_of,
    quake_of,
    same_quake,
    title_of,
    worst_of,
)
from alerts.operators import notes_of, of_background, tells_operators, to_operators
from alerts.rating import ends_at, is_lower, matching, over_areas, rate
from alerts.rules import Rule
from core.model import Event, MessageType, Moment, Severity, Status

_FLASH: Final = "VXSE51"
#: A relay's item and the report it relays carry the same time of issue, to the minute.
SAME_REPORT: Final = timedelta(minutes=2)


def decide(event: Event, rule: Rule | None, known: Known, now: datetime, geography: Geography) -> Decision:
    """The decision for one event. `rule` is its hazard's rule, None if there is none."""
    if event.status is not Status.ACTUAL:
        return Ignored(f"status {event.status}: never sent")
    decision = _decide(event, rule, known, now, geography)
    notes = notes_of(event)
    return replace(decision, operator=decision.operator or notes) if notes else decision


def _decide(event: Event, rule: Rule | None, known: Known, now: datetime, geography: Geography) -> Decision:
    if tells_operators(event):
        return to_operators(event, known, geography)
    if event.source == "usgs":
        return of_background(event, known)
    if rule is None:
        return Ignored(f"no rule for the hazard {event.hazard}")
    if (reason := _why_not_relayed(event, known)) is not None:
        return Ignored(reason)
    if known.newest is not None and event.order < known.newest:
        withdraws = event.message_type in (MessageType.CANCEL, MessageType.LIFT)
        return Ignored(
            "superseded by a newer report of the same thread",
            missed=not withdraws and bool(rate(event, rule, geography)),
        )
    again = known.newest is not None and event.order == known.newest
    if again and event.message_type in (MessageType.CANCEL, MessageType.LIFT, MessageType.CORRECT):
        return Ignored("the same report again")
    if event.message_type is MessageType.CANCEL:
        return _cancel(event, known, now, geography)
    if event.type == _FLASH and known.detailed is not None and event.order[:2] < known.detailed[:2]:
        return Ignored("superseded: the detailed report of this quake is here")
    rated = rate(event, rule, geography)
    incident = find_incident(event, rule, known, rated, geography)
    if event.type in FACT_TYPES or (not matching(event) and not _says_nothing_is_left(event, incident)):
        return _facts(event, known)
    if incident is not None and event.source.startswith("cap.") and event.hazard == "earthquake":
        if is_of(incident, quake_of(event)) and incident.key != key_of(event, geography):
            return FactsOnly(incident.id, "the same quake is known from its own agency")
    if event.message_type is MessageType.LIFT:
        return _lift(event, rule, known, incident, now, geography)
    return _tell(event, rule, known, incident, rated, now, geography, again=again)


def _tell(
    event: Event,
    rule: Rule,
    known: Known,
    incident: OpenIncident | None,
    rated: tuple[RatedArea, ...],
    now: datetime,
    geography: Geography,
    *,
    again: bool,
) -> Decision:
    plans: list[AlertPlan] = []
    # A relay only adds, and so does a second report of the very same moment.
    if not again and event.source != RELAY:
        plans += _to_those_told_before(event, rule, known, incident, rated, geography)
    too_late = _too_late(event, rule, incident, now)
    if rated and too_late is None:
        other_quake = event.hazard == "earthquake" and incident is not None and _told_of_another(event, incident)
        moment = Moment.UPDATE if incident is not None else Moment.ISSUE
        severity = worst_of(r.severity for r in rated)
        plans.append(AlertPlan(moment, severity, rated, Tell.MATCHED, again_if_stronger=other_quake))
    if not plans:
        if not rated:
            return Ignored("no area reaches a level that we tell people about")
        return Ignored(too_late or "nothing to tell", missed=True)
    return _act(event, incident, rated, plans, now, geography)


def _told_of_another(event: Event, incident: OpenIncident) -> bool:
    """Whether people of the incident may have been told of another quake than this one.

    Also where this one belongs to it already: the flash report of a stronger aftershock is capped, and tells nobody
    who was called at a higher severity; the detailed report after it must.
    """
    this = quake_of(event)
    return not is_of(incident, this) or any(not same_quake(one, this) for one in incident.quakes)


def _act(
    event: Event,
    incident: OpenIncident | None,
    rated: tuple[RatedArea, ...],
    plans: list[AlertPlan],
    now: datetime,
    geography: Geography,
) -> Act:
    return Act(
        incident_id=None if incident is None else incident.id,
        key=key_of(event, geography) if incident is None else incident.key,
        title=title_of(event, rated, geography),
        alerts=tuple(plans),
        hold=why_held(event, plans, now, geography),
        in_force=None if event.hazard == "earthquake" else InForce(event.hazard, rated, event.source),
    )


def _to_those_told_before(
    event: Event,
    rule: Rule,
    known: Known,
    incident: OpenIncident | None,
    rated: tuple[RatedArea, ...],
    geography: Geography,
) -> list[AlertPlan]:
    """What a newer report of a thread means for people whom its earlier reports told."""
    told = [alert for alert in known.told if alert.thread == event.thread]
    kin = [alert for alert in known.told if _is_kin(alert, event, incident)]
    _, others = in_force_before(incident, event)
    if event.message_type is MessageType.CORRECT and (corrected := [*told, *_relayed(event, known, incident)]):
        worst = worst_of([*(alert.severity for alert in corrected), *(r.severity for r in rated)])
        return [AlertPlan(Moment.CORRECT, worst, (*rated, *others), Tell.TOLD, _ids(corrected))]
    if not kin:
        return []
    worst = worst_of(alert.severity for alert in kin)
    plans: list[AlertPlan] = []
    before = _before(event, told, incident)
    over = over_areas(event, rule, before, rated)
    if (is_lower(before, rated) or over) and (rated or others):
        plans.append(_lowered((*rated, *others), kin))
    if over and _usable(over, geography):
        # Nobody lifts an earthquake: a town whose figure turns out to be low was told wrongly. The areas still warned
        # travel along: whoever is in one of them is not told that it is over.
        moment = Moment.CORRECT if event.hazard == "earthquake" else Moment.LIFT
        of = _ids(told if event.hazard == "earthquake" else kin)
        if of:
            plans.append(AlertPlan(moment, worst, (*over, *rated, *others), Tell.TOLD_INSIDE, of))
    return plans


def _lowered(areas: tuple[RatedArea, ...], told: list[ToldAlert]) -> AlertPlan:
    """For whom less holds now. Not a message: it calls neither leaders nor staff, whatever still holds."""
    return AlertPlan(Moment.UPDATE, Severity.INFO, areas, Tell.LOWERED, _ids(told))


def _before(event: Event, told: list[ToldAlert], incident: OpenIncident | None) -> tuple[RatedArea, ...]:
    """What the thread said to people before this report."""
    mine, _ = in_force_before(incident, event)
    ended = incident is not None and event.thread in incident.in_force and not mine
    if ended:
        return ()
    if mine and not any(rated.area.scheme == POLYGON for rated in mine):
        return mine
    # A quake's areas and polygons' shapes stand with the alerts themselves.
    newest = next((alert for alert in reversed(told) if alert.moment is not Moment.REMINDER), None)
    return () if newest is None else tuple(r for r in newest.areas if not r.over)


def _is_kin(alert: ToldAlert, event: Event, incident: OpenIncident | None) -> bool:
    """An alert of the same hazard in the same incident, whatever thread made it: a lift of one river says nothing to
    people whom another still warns, and the last lift says it to all."""
    return alert.thread == event.thread or (
        event.hazard != "earthquake" and incident is not None and alert.incident_id == incident.id
    )


def _relayed(event: Event, known: Known, incident: OpenIncident | None) -> list[ToldAlert]:
    """What a relay told of this quake or tsunami: JMA's own correction or cancellation goes to those people as well."""
    if event.source != "jma" or incident is None or event.hazard not in QUAKE_FAMILY:
        return []
    return [alert for alert in known.told if alert.source == RELAY and alert.incident_id == incident.id]


def _ids(alerts: tuple[ToldAlert, ...] | list[ToldAlert]) -> tuple[UUID, ...]:
    return tuple(alert.id for alert in alerts)


def _usable(areas: tuple[RatedArea, ...], geography: Geography) -> bool:
    shapes = shapes_of(areas)
    return not shapes or geography.why_unusable(shapes) is None


def _cancel(event: Event, known: Known, now: datetime, geography: Geography) -> Decision:
    """To exactly those who were told; a cancellation carries no areas. It retracts its own thread only."""
    incident = next((i for i in known.incidents if is_of(i, quake_of(event))), None)
    told = [alert for alert in known.told if alert.thread == event.thread] + _relayed(event, known, incident)
    if not told:
        return Ignored("cancels nothing that we sent")
    return _withdraw(event, told, told[-1].areas, now)


def _lift(
    event: Event, rule: Rule, known: Known, incident: OpenIncident | None, now: datetime, geography: Geography
) -> Decision:
    kin = [alert for alert in known.told if _is_kin(alert, event, incident)]
    if not kin:
        return Ignored("lifts nothing that we sent")
    told = [alert for alert in kin if alert.thread == event.thread]
    areas = over_areas(event, rule, _before(event, told, incident), ())
    # It goes to those who were told, whatever the polygons say: a bad one must not keep "it is over" from them.
    if not _usable(areas, geography):
        areas = ()
    _, others = in_force_before(incident, event)
    if areas and others:
        over = AlertPlan(Moment.LIFT, worst_of(a.severity for a in kin), (*areas, *others), Tell.TOLD_INSIDE, _ids(kin))
        nothing = InForce(event.hazard, (), event.source)
        plans = (_lowered(others, kin), over)
        return Act(kin[-1].incident_id, "", "", plans, why_impossible(event, now), in_force=nothing)
    return _withdraw(event, kin, areas or kin[-1].areas, now)


def _withdraw(event: Event, told: list[ToldAlert], areas: tuple[RatedArea, ...], now: datetime) -> Act:
    """To all who were told: it was wrong, or it is over."""
    moment = Moment.CANCEL if event.message_type is MessageType.CANCEL else Moment.LIFT
    plan = AlertPlan(moment, worst_of(a.severity for a in told), areas, Tell.TOLD, _ids(told))
    in_force = None if event.hazard == "earthquake" else InForce(event.hazard, (), event.source)
    return Act(told[-1].incident_id, "", "", (plan,), why_impossible(event, now), in_force=in_force)


def _says_nothing_is_left(event: Event, incident: OpenIncident | None) -> bool:
    """A snapshot without areas of a thread that warned somebody: nothing of it is in force any more."""
    return incident is not None and event.source == "jma" and bool(_mine(event, incident))


def _mine(event: Event, incident: OpenIncident) -> tuple[RatedArea, ...]:
    now = incident.in_force.get(event.thread)
    return () if now is None or event.hazard == "tsunami" else now.areas


def _facts(event: Event, known: Known) -> Decision:
    this = quake_of(event)
    for incident in known.incidents:
        if is_of(incident, this):
            return FactsOnly(incident.id)
    return Ignored("no areas, and no open incident it belongs to")


def _why_not_relayed(event: Event, known: Known) -> str | None:
    """Why a relay's item is left alone: JMA's own report is here, or it withdraws something, which only JMA can."""
    if event.source != RELAY:
        return None
    if event.message_type in (MessageType.CANCEL, MessageType.LIFT):
        return "a relay never cancels or lifts anything: JMA's own report does"
    if event.hazard == "tsunami":
        here = known.original_tsunami is not None and known.original_tsunami >= event.issued_at - SAME_REPORT
    else:
        here = any(same_quake(quake_of(event), one) for one in known.originals)
    return "JMA's own telegram is here" if here else None


def _too_late(event: Event, rule: Rule, incident: OpenIncident | None, now: datetime) -> str | None:
    """Why nobody is newly told: it is not valid any more, or the quake is long past; a known quake's new figure may
    come as long as the report itself is fresh."""
    ends = ends_at(event)
    if ends is not None and ends <= now:
        return f"no longer valid: it ended at {ends.isoformat()}"
    began = event.occurred_at or event.issued_at
    since = began if incident is None else event.issued_at
    if rule.max_age is not None and now - since > rule.max_age:
        return f"too old: {int((now - began).total_seconds() // 60)} minutes when decided"
    return None
