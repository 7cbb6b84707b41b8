"""Rated areas as JSON: the `areas` column of an alert, from which a fan-out is resumed and a decision explained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from alerts.decision import RatedArea
from core.event_json import area_from_json, area_to_json
from core.model import Severity


def areas_to_json(areas: Iterable[RatedArea]) -> list[dict[str, Any]]:
    """All fields of each area with its severity, and a polygon with its shape; `areas_from_json` reverses it."""
    return [
        {
            **area_to_json(rated.area),
            "severity": rated.severity.value,
            "area_max": rated.area_max,
            "announced": rated.announced,
            **({} if rated.shape is None else {"shape": rated.shape}),
        }
        for rated in areas
    ]


def areas_from_json(data: Iterable[dict[str, Any]]) -> tuple[RatedArea, ...]:
    """Reverse of `areas_to_json`. Raises KeyError or ValueError if a field is missing or wrong."""
    found = []
    for item in data:
        area = dict(item)
        severity = Severity(area.pop("severity"))
        area_max, announced = area.pop("area_max"), area.pop("announced")
        shape = area.pop("shape", None)
        found.append(RatedArea(area_from_json(area), severity, area_max, announced, shape))
    return tuple(found)
