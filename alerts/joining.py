"""One hazard, one incident: which open incident an event belongs to, and which reports are of the same quake. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from alerts.decision import MANUAL, RELAY, Geography, Known, OpenIncident, Quake, RatedArea
from alerts.rating import codes_of, matching
from alerts.rules import Rule
from core.clock import JST
from core.model import AreaCode, Event, Severity
from geo.same_quake import SAME_QUAKE_TIME, near_enough

#: A relayed tsunami warning belongs to a quake of this long before.
TSUNAMI_AFTER: Final = timedelta(hours=1)
#: How many quakes an incident remembers: in a swarm the oldest will not be reported on again.
MAX_QUAKES: Final = 50

#: Hazards that belong to a quake: one incident for the shaking and its tsunami.
QUAKE_FAMILY: Final = ("earthquake", "tsunami")
#: JMA's event id of a quake: the time of its detection in Japan, YYYYMMDDhhmmss.
_JMA_ID: Final = re.compile(r"[12][0-9]{13}")
#: The relay's own: no more than the minute of origin, which two quakes may share.
_MINUTE_ID: Final = re.compile(rf"{RELAY}:[0-9]+")
_HAZARD_JA: Final = {
    "earthquake": "地震",
    "tsunami": "津波",
    "heavy_rain": "大雨",
    "landslide": "土砂災害",
    "storm_surge": "高潮",
    "river_flood": "洪水",
    "volcano": "火山活動",
    "storm_wind": "暴風",
    "high_waves": "波浪",
    "heavy_snow": "大雪",
    "tornado": "竜巻",
}


def quake_of(event: Event) -> Quake:
    """What an event tells about which quake it is. Without an origin time, JMA's id gives the time of detection."""
    place = event.hypocenter
    at = event.occurred_at or min(filter(None, map(_detected_at, event.event_ids)), default=None)
    return Quake(
        ids=frozenset(event.event_ids),
        at=at,
        lat=None if place is None else place.lat,
        lon=None if place is None else place.lon,
        codes=_quake_codes(event),
    )


def _quake_codes(event: Event) -> frozenset[AreaCode]:
    """The quake areas that an event names or whose municipalities it names; else the municipalities."""
    areas = {a.code for a in event.areas if a.scheme == "jma.quake_area"}
    areas |= {a.parent for a in event.areas if a.scheme == "jma.city" and len(a.parent) == 3}
    if areas:
        return frozenset(AreaCode("jma.quake_area", code) for code in areas)
    return frozenset(AreaCode(a.scheme, a.code) for a in event.areas if a.scheme == "jma.city")


def _detected_at(event_id: str) -> datetime | None:
    if not _JMA_ID.fullmatch(event_id):
        return None
    try:
        return datetime.strptime(event_id, "%Y%m%d%H%M%S").replace(tzinfo=JST)
    except ValueError:
        return None


def same_quake(one: Quake, other: Quake) -> bool:
    """Whether two reports are of one earthquake.

    An id they share says so; two different ids of JMA say that they are not. Across sources: within 120 s of each
    other, and either epicentres within 100 km or, where one has none, an area that both name.
    """
    if _telling(one.ids & other.ids):
        return True
    if _has_jma_id(one) and _has_jma_id(other):
        return False
    if one.at is None or other.at is None or abs(one.at - other.at) > SAME_QUAKE_TIME:
        return False
    near = near_enough(one, other)
    return bool(one.codes & other.codes) if near is None else near


def _telling(ids: Iterable[str]) -> bool:
    """Whether any of these ids is of one quake only."""
    return any(not _MINUTE_ID.fullmatch(event_id) for event_id in ids)


def _has_jma_id(quake: Quake) -> bool:
    return any(_JMA_ID.fullmatch(event_id) for event_id in quake.ids)


def remember(quakes: Sequence[Quake], new: Quake) -> tuple[Quake, ...]:
    """The quakes of an incident with one report more: merged into the quake it is of, or as a further one.

    Of one quake JMA's time and place win over those of others, else the later report's.
    """
    kept = list(quakes)
    for number, old in enumerate(kept):
        if same_quake(old, new):
            facts = old if _has_jma_id(old) and not _has_jma_id(new) else new
            rest = new if facts is old else old
            placed = facts if facts.lat is not None else rest
            at = facts.at if facts.at is not None else rest.at
            kept[number] = Quake(old.ids | new.ids, at, placed.lat, placed.lon, old.codes | new.codes)
            return tuple(kept)
    return (*kept[:1], *kept[1:][-(MAX_QUAKES - 2) :], new)


def find_incident(
    event: Event, rule: Rule | None, known: Known, rated: Sequence[RatedArea], geography: Geography
) -> OpenIncident | None:
    """The open incident this event belongs to; of several the one with the newest round."""
    newest_first = sorted(known.incidents, key=lambda i: (i.last_round_at, i.key), reverse=True)
    if event.source == MANUAL or event.hazard not in QUAKE_FAMILY:
        key = key_of(event, geography)
        mine = [i for i in newest_first if event.thread in i.in_force]
        return next(iter(mine), None) or next((i for i in newest_first if i.key == key), None)
    quakes = [i for i in newest_first if i.hazard in QUAKE_FAMILY]
    this, key = quake_of(event), key_of(event, geography)
    for incident in quakes:
        if is_of(incident, this) or event.thread in incident.in_force or incident.key == key:
            return incident
    if event.hazard == "tsunami":
        return next((i for i in quakes if _same_tsunami(i, event, rated)), None)
    if rule is None or event.source.startswith("cap."):
        return None
    # An aftershock: another quake, soon after the last round, in an area that was alerted. It goes on the same round.
    window = timedelta(hours=rule.aftershock_window_h)
    codes = codes_of(rated) | {AreaCode("jma.quake_area", r.area.parent) for r in rated if r.area.parent}
    for incident in quakes:
        if abs(event.issued_at - incident.last_round_at) <= window and incident.codes & codes:
            return incident
    return None


def _same_tsunami(incident: OpenIncident, event: Event, rated: Sequence[RatedArea]) -> bool:
    """A relay's tsunami has no id of a quake: it belongs to JMA's of the same coasts, or to the quake just before."""
    codes = {r.source for r in rated}
    for now in incident.in_force.values():
        relayed = event.source == RELAY or now.source == RELAY
        if relayed and now.hazard == "tsunami" and codes & {r.source for r in now.areas}:
            return True
    after = [event.issued_at - quake.at for quake in incident.quakes if quake.at is not None]
    return event.source == RELAY and any(timedelta(0) <= since <= TSUNAMI_AFTER for since in after)


def is_of(incident: OpenIncident, quake: Quake) -> bool:
    """Whether an incident is about this quake."""
    return _telling(incident.event_ids & quake.ids) or any(same_quake(one, quake) for one in incident.quakes)


def office_of(event: Event, geography: Geography) -> str | None:
    """The forecast office (code) of an event's areas: the first of them in order of code, so that a report that moves
    the worst area stays with its incident. None: the areas have none."""
    areas = matching(event) or tuple(a for a in event.areas if a.scheme == "jma.office")
    return min(filter(None, (geography.office_of(a.scheme, a.code) for a in areas)), default=None)


def key_of(event: Event, geography: Geography) -> str:
    """The key of the incident that an event opens: one at a time for a quake, a volcano, a thread of CAP alerts or
    of a manual incident, and a forecast office's weather and rivers."""
    if event.source == MANUAL:
        return event.thread
    if event.source.startswith("cap."):
        return f"cap:{event.thread}"
    if event.hazard in QUAKE_FAMILY:
        return f"quake:{min(event.event_ids)}" if event.event_ids else f"quake:{event.thread}"
    if event.hazard == "volcano":
        named = next((a.code for a in event.areas if a.scheme == "jma.volcano"), "")
        return f"volcano:{named or next(iter(event.event_ids), event.thread).partition('_')[0]}"
    return f"weather:{office_of(event, geography) or event.office or event.thread}"


def title_of(event: Event, rated: Sequence[RatedArea], geography: Geography) -> str:
    """A Japanese name for staff: 熊本県熊本地方の地震."""
    if event.source == MANUAL and event.title:
        return event.title
    hazard = _HAZARD_JA.get(event.hazard, event.title or event.hazard)
    name = event.hypocenter.name if event.hypocenter is not None else ""
    if not name and rated:
        worst = rated[0].area
        name = worst.name or geography.name_of(worst.scheme, worst.code)
    return f"{name}の{hazard}" if name else hazard


def in_force_before(incident: OpenIncident | None, event: Event) -> tuple[tuple[RatedArea, ...], tuple[RatedArea, ...]]:
    """(what the event replaces, what other threads of its hazard still warn of: another river of the same town).

    JMA's tsunami report is a snapshot of the whole country: it replaces those of every quake of the incident.
    """
    mine: list[RatedArea] = []
    others: list[RatedArea] = []
    for thread, now in incident.in_force.items() if incident is not None else ():
        if now.hazard == event.hazard:
            (mine if thread == event.thread or event.hazard == "tsunami" else others).extend(now.areas)
    return tuple(mine), tuple(others)


def worst_of(severities: Iterable[Severity]) -> Severity:
    """The highest of these; INFO of none."""
    return max(severities, key=lambda s: s.rank, default=Severity.INFO)
