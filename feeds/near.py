"""Which places in the world matter to people in Japan, for sources that report all of it. Pure."""

from __future__ import annotations

from typing import Any, Final

#: South, west, north, east: Japan, its trenches and its neighbours' coasts.
NEAR_JAPAN: Final = (15.0, 110.0, 55.0, 165.0)


def near_japan(lat: float | None, lon: float | None) -> bool:
    """Whether a point is in that box; an unknown one is not."""
    south, west, north, east = NEAR_JAPAN
    return lat is not None and lon is not None and south <= lat <= north and west <= lon <= east


def reaches_japan(polygon: dict[str, Any]) -> bool:
    """Whether the box around a GeoJSON polygon meets it (longitudes may run beyond 180)."""
    points = polygon["coordinates"][0]
    lons, lats = [point[0] for point in points], [point[1] for point in points]
    south, west, north, east = NEAR_JAPAN
    if max(lats) < south or min(lats) > north:
        return False
    return any(max(lons) + turn >= west and min(lons) + turn <= east for turn in (-360, 0, 360))
