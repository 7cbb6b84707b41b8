"""Events as JSON: the payload column of the event table, and what `inspect` prints."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.model import Area, Change, Event, Hypocenter, MessageType, Observation, Polygon, Status, Tier


def area_to_json(area: Area) -> dict[str, Any]:
    """One area, all fields; enums by value."""
    return {
        "scheme": area.scheme,
        "code": area.code,
        "name": area.name,
        "kind": area.kind,
        "kind_code": area.kind_code,
        "level": area.level,
        "tier": area.tier.value,
        "change": area.change.value,
        "not_received": area.not_received,
        "parent": area.parent,
        "last_level": area.last_level,
    }


def event_to_json(event: Event) -> dict[str, Any]:
    """The whole event as JSON values; times in ISO 8601 with their zone. `event_from_json` reverses it."""
    place = event.hypocenter
    return {
        "source": event.source,
        "type": event.type,
        "hazard": event.hazard,
        "status": event.status.value,
        "message_type": event.message_type.value,
        "thread": event.thread,
        "event_ids": list(event.event_ids),
        "issued_at": event.issued_at.isoformat(),
        "sent_at": event.sent_at.isoformat(),
        "occurred_at": _text(event.occurred_at),
        "valid_until": _text(event.valid_until),
        "title": event.title,
        "headline": event.headline,
        "office": event.office,
        "serial": event.serial,
        "hypocenter": None
        if place is None
        else {
            "name": place.name,
            "lat": place.lat,
            "lon": place.lon,
            "depth_km": place.depth_km,
            "magnitude": place.magnitude,
            "magnitude_text": place.magnitude_text,
        },
        "areas": [area_to_json(area) for area in event.areas],
        "polygons": [{"geometry": polygon.geometry, "level": polygon.level} for polygon in event.polygons],
        "comment_codes": list(event.comment_codes),
        "text": event.text,
        "observations": [_observation_to_json(observation) for observation in event.observations],
        "notes": list(event.notes),
    }


def _observation_to_json(observation: Observation) -> dict[str, Any]:
    return {
        "basis": observation.basis,
        "scheme": observation.scheme,
        "code": observation.code,
        "name": observation.name,
        "area": observation.area,
        "first_at": _text(observation.first_at),
        "first": observation.first,
        "height": observation.height,
        "height_at": _text(observation.height_at),
    }


def _observation_from_json(data: dict[str, Any]) -> Observation:
    return Observation(**{**data, "first_at": _time(data["first_at"]), "height_at": _time(data["height_at"])})


def area_from_json(data: dict[str, Any]) -> Area:
    """Reverse of `area_to_json`."""
    return Area(**{**data, "tier": Tier(data["tier"]), "change": Change(data["change"])})


def event_from_json(data: dict[str, Any]) -> Event:
    """Reverse of `event_to_json`. Raises KeyError, TypeError or ValueError if a field is missing or wrong."""
    place = data["hypocenter"]
    return Event(
        source=data["source"],
        type=data["type"],
        hazard=data["hazard"],
        status=Status(data["status"]),
        message_type=MessageType(data["message_type"]),
        thread=data["thread"],
        event_ids=tuple(data["event_ids"]),
        issued_at=datetime.fromisoformat(data["issued_at"]),
        sent_at=datetime.fromisoformat(data["sent_at"]),
        occurred_at=_time(data["occurred_at"]),
        valid_until=_time(data["valid_until"]),
        title=data["title"],
        headline=data["headline"],
        office=data["office"],
        serial=data["serial"],
        hypocenter=None if place is None else Hypocenter(**place),
        areas=tuple(area_from_json(area) for area in data["areas"]),
        polygons=tuple(Polygon(geometry=p["geometry"], level=p["level"]) for p in data["polygons"]),
        comment_codes=tuple(data["comment_codes"]),
        text=data["text"],
        # Events stored before these fields existed have neither.
        observations=tuple(_observation_from_json(o) for o in data.get("observations", ())),
        notes=tuple(data.get("notes", ())),
    )


def _text(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
