"""Distances and directions on the globe, taken as a sphere: good to half a percent anywhere. Pure."""

from __future__ import annotations

import math
from typing import Final

#: Mean radius of the earth (IUGG).
EARTH_RADIUS_KM: Final = 6371.0


def distance_km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Great-circle distance in km between two points in degrees (haversine).

    >>> round(distance_km(32.7, 130.8, 33.6, 130.4))
    107
    """
    phi, other_phi = math.radians(lat), math.radians(other_lat)
    half_phi, half_lambda = (other_phi - phi) / 2, math.radians(other_lon - lon) / 2
    chord = math.sin(half_phi) ** 2 + math.cos(phi) * math.cos(other_phi) * math.sin(half_lambda) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, chord)))


def destination(lat: float, lon: float, km: float, bearing: float) -> tuple[float, float]:
    """(latitude, longitude) of the point `km` away on the great circle that leaves at `bearing` degrees.

    The longitude may run beyond 180 degrees.

    >>> [round(x, 3) for x in destination(32.0, 130.0, 111.195, 0.0)]
    [33.0, 130.0]
    """
    angle, phi, theta = km / EARTH_RADIUS_KM, math.radians(lat), math.radians(bearing)
    there = math.asin(math.sin(phi) * math.cos(angle) + math.cos(phi) * math.sin(angle) * math.cos(theta))
    east = math.sin(theta) * math.sin(angle) * math.cos(phi)
    return math.degrees(there), lon + math.degrees(math.atan2(east, math.cos(angle) - math.sin(phi) * math.sin(there)))


def bearing_deg(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Direction in which the great circle to the other point leaves, in degrees clockwise from north, 0 <= b < 360.

    >>> round(bearing_deg(32.0, 130.0, 32.0, 130.1))
    90
    """
    phi, other_phi, east = math.radians(lat), math.radians(other_lat), math.radians(other_lon - lon)
    x = math.cos(phi) * math.sin(other_phi) - math.sin(phi) * math.cos(other_phi) * math.cos(east)
    return math.degrees(math.atan2(math.sin(east) * math.cos(other_phi), x)) % 360.0
