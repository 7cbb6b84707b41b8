"""When reports of different sources are of one earthquake: how far apart they may be in time and place. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Protocol

from geo.distance import distance_km

#: Origin times and epicentres of one earthquake differ between sources by no more than this.
SAME_QUAKE_TIME: Final = timedelta(seconds=120)
SAME_QUAKE_KM: Final = 100.0


class Placed(Protocol):
    """Something that may have an epicentre, in degrees WGS84."""

    @property
    def lat(self) -> float | None: ...
    @property
    def lon(self) -> float | None: ...


def near_enough(one: Placed, other: Placed) -> bool | None:
    """Whether two epicentres can be of one earthquake; None where one of them is not known."""
    if one.lat is None or one.lon is None or other.lat is None or other.lon is None:
        return None
    return distance_km(one.lat, one.lon, other.lat, other.lon) <= SAME_QUAKE_KM
