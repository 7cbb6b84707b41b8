"""One feature of a USGS summary (GeoJSON): a quake as one revision of its catalogue has it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core.model import Event, Hypocenter, MessageType, Status, UnreadableReport
from feeds.near import near_japan
from feeds.untrusted import number, point, words

TYPE = "USGS"


def why_not(feature: Mapping[str, Any]) -> str | None:
    """Why a feature makes no event; None if it does."""
    kind = words(_properties(feature).get("type"), 60)
    if kind != "earthquake":
        return f"{kind or 'of no type'}: not an earthquake"
    lat, lon, _ = _coordinates(feature)
    # Farther quakes reach us through JMA, if at all.
    return None if near_japan(lat, lon) else "not near Japan"


def ids_of(feature: Mapping[str, Any]) -> tuple[str, ...]:
    """Every id the quake has, sorted. The preferred one can change. Raises UnreadableReport if there is none."""
    own = words(feature.get("id"), 100)
    others = words(_properties(feature).get("ids"), 2000).split(",")
    found = sorted({each.strip() for each in (own, *others)} - {""})
    if not found:
        raise UnreadableReport("USGS: id is missing")
    return tuple(found)


def key_of(feature: Mapping[str, Any]) -> str:
    """What one revision of a quake is remembered by. Raises UnreadableReport."""
    return f"usgs:{ids_of(feature)[0]}@{updated_at(feature).timestamp() * 1000:.0f}"


def updated_at(feature: Mapping[str, Any]) -> datetime:
    """When this revision was made. Raises UnreadableReport."""
    return millis(_properties(feature).get("updated"), "updated")


def parse_feature(feature: Mapping[str, Any]) -> Event:
    """The event of one feature. A deleted one withdraws its facts. Raises UnreadableReport naming what is wrong."""
    properties = _properties(feature)
    ids = ids_of(feature)
    lat, lon, depth = _coordinates(feature)
    updated = updated_at(feature)
    deleted = properties.get("status") == "deleted"
    place = words(properties.get("place"), 200)
    return Event(
        source="usgs",
        type=TYPE,
        hazard="earthquake",
        status=Status.ACTUAL,
        message_type=MessageType.CANCEL if deleted else MessageType.ISSUE,
        thread=f"usgs:{ids[0]}",
        event_ids=ids,
        issued_at=updated,
        sent_at=updated,
        title="USGS earthquake",
        headline=words(properties.get("title"), 300),
        office="USGS",
        occurred_at=millis(properties.get("time"), "time"),
        hypocenter=Hypocenter(name=place, lat=lat, lon=lon, depth_km=depth, magnitude=number(properties.get("mag"))),
        text=_text(properties),
    )


def millis(value: Any, name: str) -> datetime:
    """Milliseconds since 1970 as a time. Raises UnreadableReport."""
    amount = number(value)
    # 1900 to 2200: what lies outside is not a time, and overflows further away.
    if amount is None or not -2_208_988_800_000 <= amount <= 7_258_118_400_000:
        raise UnreadableReport(f"USGS: {name} is missing or not milliseconds since 1970")
    return datetime.fromtimestamp(amount / 1000, UTC)


def _properties(feature: Mapping[str, Any]) -> Mapping[str, Any]:
    found = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(found, dict):
        raise UnreadableReport("USGS: a feature has no properties")
    return found


def _coordinates(feature: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
    geometry = feature.get("geometry")
    numbers = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if not isinstance(numbers, list) or len(numbers) < 2:
        raise UnreadableReport("USGS: a feature has no coordinates")
    lat, lon = point(number(numbers[1]), number(numbers[0]))
    return lat, lon, number(numbers[2]) if len(numbers) > 2 else None


def _text(properties: Mapping[str, Any]) -> str:
    """For operators. Intensities of USGS are on another scale than JMA's and left out; `tsunami` is no forecast."""
    lines = []
    if status := words(properties.get("status"), 40):
        lines.append(f"USGS: {status}.")
    if kind := words(properties.get("magType"), 20):
        lines.append(f"Magnitude type: {kind}.")
    if alert := words(properties.get("alert"), 20):
        lines.append(f"PAGER alert: {alert}.")
    if url := words(properties.get("url"), 200):
        lines.append(url)
    return "\n".join(lines)
