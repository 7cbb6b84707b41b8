"""All designated shelters in memory: the nearest one for a hazard in some microseconds, for sending to thousands."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from geo.distance import bearing_deg
from geo.shapes import METRES_PER_DEGREE
from geo.shelters import KINDS, WALKABLE_M, Near, Shelter, kind_for

#: How many answers are kept: people of one dorm, street or block of the mesh ask the same.
_KEPT: Final = 50_000
_REACH_DEG: Final = WALKABLE_M / METRES_PER_DEGREE


class ShelterIndex:
    """Read-only and safe to share between threads."""

    def __init__(self, shelters: Sequence[Shelter]) -> None:
        open_to_all = sorted((s for s in shelters if not s.only_for), key=lambda s: (s.lat, s.id))
        self._shelters = open_to_all
        self._lat: npt.NDArray[np.float64] = np.array([s.lat for s in open_to_all], dtype=np.float64)
        self._lon: npt.NDArray[np.float64] = np.array([s.lon for s in open_to_all], dtype=np.float64)
        self._kinds: npt.NDArray[np.uint8] = np.array(
            [sum(1 << KINDS.index(kind) for kind in s.kinds) for s in open_to_all], dtype=np.uint8
        )
        self._nearest = functools.lru_cache(_KEPT)(self._look)

    def __len__(self) -> int:
        return len(self._shelters)

    def nearest(self, lat: float, lon: float, hazard: str) -> Near | None:
        """The nearest shelter that is suitable for `hazard` (geo.shelters.suitable) within WALKABLE_M; else None."""
        return self._nearest(lat, lon, kind_for(hazard))

    def _look(self, lat: float, lon: float, kind: str | None) -> Near | None:
        # On a plane: over five kilometres it differs from the sphere by less than a metre.
        low, high = np.searchsorted(self._lat, (lat - _REACH_DEG, lat + _REACH_DEG))
        if low == high:
            return None
        north = (self._lat[low:high] - lat) * METRES_PER_DEGREE
        east = (self._lon[low:high] - lon) * (METRES_PER_DEGREE * math.cos(math.radians(lat)))
        squared = north * north + east * east
        if kind is not None:
            squared = np.where(self._kinds[low:high] & (1 << KINDS.index(kind)), squared, np.inf)
        best = int(np.argmin(squared))
        metres = math.sqrt(float(squared[best]))
        if metres > WALKABLE_M:
            return None
        shelter = self._shelters[int(low) + best]
        return Near(shelter, metres, bearing_deg(lat, lon, shelter.lat, shelter.lon))
