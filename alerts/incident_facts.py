"""What an incident knows (`incident.facts`, JSON): its quakes, its epicentre, what is in force, its bulletins. Pure.

Reports arrive in any order: of a quake's time and place the newest word of the best source stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from alerts.decision import RELAY, InForce, Quake, RatedArea
from alerts.joining import QUAKE_FAMILY, quake_of, remember
from core.model import Area, AreaCode, Event, Severity

#: Whose word about a quake wins: JMA, who measured it here; then who relays JMA; then the world's catalogue.
_AUTHORITY: Final = {"jma": 2, RELAY: 1}
#: How many bulletins are kept beside an incident.
MAX_BULLETINS: Final = 10


def facts_with(
    facts: Mapping[str, Any], event: Event, *, codes: Iterable[AreaCode] = (), in_force: InForce | None = None
) -> dict[str, Any]:
    """The facts of an incident after one event more. `codes`: areas that were alerted; `in_force`: what its thread
    says now, None if nothing is to be remembered."""
    new = dict(facts)
    if _is_better(event, facts):
        new |= _hypocentre(event)
    if event.hazard == "earthquake" or (event.hazard == "tsunami" and len(event.event_ids) == 1):
        quakes = remember(quakes_from(facts), quake_of(event))
        new["quakes"] = [_quake_to_json(quake) for quake in quakes]
    alerted = {*facts.get("codes", ()), *(f"{code.scheme}:{code.code}" for code in codes)}
    if alerted:
        new["codes"] = sorted(alerted)
    if in_force is not None:
        new["in_force"] = _in_force_with(facts.get("in_force", {}), event, in_force)
    if event.hazard == "weather_bulletin":
        said = {"type": event.type, "issued_at": event.issued_at.isoformat(), "headline": event.headline}
        kept = [one for one in facts.get("bulletins", ()) if one != said]
        new["bulletins"] = sorted([*kept, said], key=lambda one: str(one["issued_at"]))[-MAX_BULLETINS:]
    return new


def epicentre_of(event: Event) -> dict[str, Any] | None:
    """Where the quake of an event was, as texts and pages read it; None if it does not say."""
    place = event.hypocenter
    if place is None:
        return None
    return {
        "name_ja": place.name,
        "lat": place.lat,
        "lon": place.lon,
        "depth_km": place.depth_km,
        "magnitude": place.magnitude,
        "magnitude_text": place.magnitude_text,
    }


def _hypocentre(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if event.hypocenter is not None:
        found["epicentre"] = epicentre_of(event)
        found["epicentre_by"] = [event.source, event.issued_at.isoformat()]
    if event.occurred_at is not None:
        found["occurred_at"] = event.occurred_at.isoformat()
    return found


def _is_better(event: Event, facts: Mapping[str, Any]) -> bool:
    if event.hazard not in QUAKE_FAMILY:
        return False
    by = facts.get("epicentre_by")
    if by is None or event.hypocenter is None:
        return by is None
    rank, old_rank = _AUTHORITY.get(event.source, 0), _AUTHORITY.get(by[0], 0)
    return (rank, event.issued_at) >= (old_rank, datetime.fromisoformat(by[1]))


def quakes_from(facts: Mapping[str, Any], event_ids: Iterable[str] = ()) -> tuple[Quake, ...]:
    """The quakes of an incident. Of one that remembers none, what its facts say, under the incident's `event_ids`."""
    if "quakes" in facts:
        return tuple(_quake_from_json(one) for one in facts["quakes"])
    ids = frozenset(event_ids)
    if not ids:
        return ()
    at, place = facts.get("occurred_at"), facts.get("epicentre") or {}
    return (Quake(ids, None if at is None else datetime.fromisoformat(at), place.get("lat"), place.get("lon")),)


def _quake_to_json(quake: Quake) -> dict[str, Any]:
    return {
        "ids": sorted(quake.ids),
        "at": None if quake.at is None else quake.at.isoformat(),
        "lat": quake.lat,
        "lon": quake.lon,
        "codes": sorted(f"{code.scheme}:{code.code}" for code in quake.codes),
    }


def _quake_from_json(data: Mapping[str, Any]) -> Quake:
    at = data["at"]
    return Quake(
        frozenset(data["ids"]),
        None if at is None else datetime.fromisoformat(at),
        data["lat"],
        data["lon"],
        codes_from(data["codes"]),
    )


def codes_from(codes: Iterable[str]) -> frozenset[AreaCode]:
    """Codes as the facts write them, "scheme:code"."""
    return frozenset(AreaCode(*code.split(":", 1)) for code in codes)


def _in_force_with(old: Mapping[str, Any], event: Event, now: InForce) -> dict[str, Any]:
    kept = dict(old)
    if event.hazard == "tsunami":
        # A snapshot of the whole country: what other quakes' reports said is in it, or over.
        kept = {thread: {**said, "areas": []} if said["hazard"] == "tsunami" else said for thread, said in kept.items()}
    kept[event.thread] = {
        "hazard": now.hazard,
        "source": now.source,
        "areas": [[r.source.scheme, r.source.code, r.level, r.severity.value] for r in now.areas],
    }
    return kept


def in_force_from(facts: Mapping[str, Any]) -> dict[str, InForce]:
    """Thread -> what it says now."""
    return {
        thread: InForce(
            said["hazard"],
            tuple(
                RatedArea(Area(scheme, code, level=level), Severity(severity))
                for scheme, code, level, severity in said["areas"]
            ),
            said["source"],
        )
        for thread, said in facts.get("in_force", {}).items()
    }
