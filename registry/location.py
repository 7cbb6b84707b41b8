"""A phone's position as a form brings it, as it is kept, and as it is said to whoever goes there. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from geo.distance import bearing_deg, distance_km
from geo.shelters import COMPASS, Shelter

#: Less exact than this, a position says no more than the town: 20 km.
WORST_M: Final = 20_000
#: No phone is better than this outdoors, whatever it says.
BEST_M: Final = 5


class Position(NamedTuple):
    """Degrees (WGS84) and the radius in metres within which the phone is with 68 % (W3C Geolocation, accuracy)."""

    lat: float
    lon: float
    accuracy_m: int


def read_position(form: Mapping[str, str]) -> Position | None:
    """The position of a form (lat, lon, accuracy); None if it is none, or too rough to look for anybody."""
    try:
        lat, lon, accuracy = (float(form.get(name, "")[:24]) for name in ("lat", "lon", "accuracy"))
    except ValueError:
        return None
    # NaN and infinity are no comparison's friends: each of these is False for them.
    if not (-90 <= lat <= 90 and -180 <= lon <= 180 and 0 <= accuracy <= WORST_M):
        return None
    return Position(round(lat, 5), round(lon, 5), max(BEST_M, math.ceil(accuracy)))


def text_of(position: Position) -> str:
    """As it is encrypted.

    >>> position_of(text_of(Position(32.79123, 130.82123, 12)))
    Position(lat=32.79123, lon=130.82123, accuracy_m=12)
    """
    return f"{position.lat:.5f},{position.lon:.5f},{position.accuracy_m}"


def position_of(text: str) -> Position:
    """What `text_of` wrote."""
    lat, lon, accuracy = text.split(",")
    return Position(float(lat), float(lon), int(accuracy))


def geo_link(position: Position) -> str:
    """A geo: URI (RFC 5870) that a phone opens in its own map; `u` is the uncertainty in metres.

    >>> geo_link(Position(32.79123, 130.82123, 12))
    'geo:32.79123,130.82123;u=12'
    """
    return f"geo:{position.lat:.5f},{position.lon:.5f};u={position.accuracy_m}"


class Near(NamedTuple):
    """A position as seen from a landmark: metres (rounded) and one of COMPASS; "": within that many metres of it."""

    metres: int
    direction: str
    landmark: str


def nearest_landmark(position: Position, landmarks: Iterable[Shelter]) -> Near | None:
    """The position as seen from the nearest landmark: "350 m north-east of the primary school"; None without any.

    Nearer than one and a half times the accuracy no direction is said, and the distance is an upper limit.
    """
    found = min(
        ((distance_km(one.lat, one.lon, position.lat, position.lon) * 1000, one.id, one) for one in landmarks),
        default=None,
    )
    if found is None:
        return None
    metres, _, one = found
    if metres < 1.5 * position.accuracy_m:
        return Near(_tens(metres + position.accuracy_m), "", one.name)
    bearing = bearing_deg(one.lat, one.lon, position.lat, position.lon)
    return Near(_tens(metres), COMPASS[round(bearing / 45) % 8], one.name)


def _tens(metres: float) -> int:
    return max(10, round(metres / 10) * 10)
