"""Shapes of CAP areas: "lat,lon lat,lon ..." and "lat,lon radius" as GeoJSON polygons (WGS84, lon then lat)."""

from __future__ import annotations

import math
import re
from typing import Any

from geo.distance import EARTH_RADIUS_KM, destination

#: A circle around half the world is a mistake.
MAX_RADIUS_KM = 5000.0
_CORNERS = 64
MAX_POINTS = 20_000
_NUMBER = r"([+-]?[0-9]{1,3}(?:\.[0-9]{1,20})?)"
_PAIR = re.compile(rf"{_NUMBER},{_NUMBER}")
_CIRCLE = re.compile(rf"{_NUMBER},{_NUMBER} +([+]?[0-9]{{1,5}}(?:\.[0-9]{{1,20}})?)")


class BadShape(ValueError):
    """A shape that is none. The message is one sentence."""


def polygon(text: str) -> dict[str, Any]:
    """The polygon of a CAP `polygon`. Raises BadShape unless it is four or more points and closed.

    >>> polygon("32,130 33,130 33,131 32,130")["coordinates"][0][1]
    [130.0, 33.0]
    """
    pairs = text.split()
    if not 4 <= len(pairs) <= MAX_POINTS:
        raise BadShape(f"a polygon of {len(pairs)} points: at least 4 are needed, and at most {MAX_POINTS} are read")
    points = [_point(pair) for pair in pairs]
    if points[0] != points[-1]:
        raise BadShape("a polygon is not closed: its last point is not its first")
    if len(set(points)) < 3:
        raise BadShape("a polygon has no surface: fewer than three different points")
    return _geojson(points)


def circle(text: str) -> dict[str, Any] | None:
    """A polygon of 64 corners around a CAP `circle`; None for a radius of 0, which is a point. Raises BadShape."""
    found = _CIRCLE.fullmatch(" ".join(text.split()))
    if found is None:
        raise BadShape(f"a circle is not lat,lon radius: {text[:60]!r}")
    lat, lon = _on_globe(float(found[1]), float(found[2]), text)
    radius = float(found[3])
    if radius > MAX_RADIUS_KM:
        raise BadShape(f"a circle of {radius:.0f} km: larger than {MAX_RADIUS_KM:.0f} km")
    if radius == 0:
        return None
    if abs(lat) + math.degrees(radius / EARTH_RADIUS_KM) >= 90:
        raise BadShape("a circle reaches over a pole")
    exact = (destination(lat, lon, radius, 360 * step / _CORNERS) for step in range(_CORNERS))
    corners = [(round(there_lat, 6), round(there_lon, 6)) for there_lat, there_lon in exact]
    return _geojson([*corners, corners[0]])


def _point(pair: str) -> tuple[float, float]:
    found = _PAIR.fullmatch(pair)
    if found is None:
        raise BadShape(f"a point is not lat,lon: {pair[:40]!r}")
    return _on_globe(float(found[1]), float(found[2]), pair)


def _on_globe(lat: float, lon: float, text: str) -> tuple[float, float]:
    if abs(lat) > 90 or abs(lon) > 180:
        raise BadShape(f"a point is not on the globe (latitude comes first): {text[:40]!r}")
    return lat, lon


def _geojson(points: list[tuple[float, float]]) -> dict[str, Any]:
    """A ring that crosses the date line is written on beyond 180 degrees: else it would go around by the other side."""
    lons = [points[0][1]]
    for _, lon in points[1:]:
        lons.append(lon + 360 * round((lons[-1] - lon) / 360))
    if abs(lons[-1] - lons[0]) > 180:
        raise BadShape("a polygon goes around a pole")
    shift = -360 * round((min(lons) + max(lons)) / 720)
    ring = [[lon + shift, lat] for (lat, _), lon in zip(points, lons, strict=True)]
    return {"type": "Polygon", "coordinates": [ring]}
