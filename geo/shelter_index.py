"""All designated shelters in memory: the nearest one for a hazard in some microseconds, for sending to thousands."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from geo.distance import bearing_deg
from geo.shapes import METRES_PER_DEGREE
from geo.shelters import KINDS, WALKABLE_M, Near, Shelter, kind_for

#: How many answers are kept: people of one dorm, street or block of the mesh ask the same.
_KEPT: Final = 50_000
_REACH_DEG: Final = WALKABLE_M / METRES_PER_DEGREE


class Sites(NamedTuple):
    """What must be known of each shelter that is for everybody, as columns of equal length, by latitude."""

    ids: list[str]
    names: list[str]
    lat: npt.NDArray[np.float64]
    lon: npt.NDArray[np.float64]
    #: Bit n: designated for KINDS[n].
    kinds: npt.NDArray[np.uint8]


def sites(rows: Sequence[tuple[str, str, float, float, int]]) -> Sites:
    """Columns from rows of (共通ID, name, latitude, longitude, bits of KINDS) in any order."""
    rows = sorted(rows, key=lambda row: (row[2], row[0]))
    return Sites(
        [row[0] for row in rows],
        [row[1] for row in rows],
        np.array([row[2] for row in rows], dtype=np.float64),
        np.array([row[3] for row in rows], dtype=np.float64),
        np.array([row[4] for row in rows], dtype=np.uint8),
    )


def kind_bits(kinds: Collection[str]) -> int:
    """Kinds of designation as bits: bit n for KINDS[n]."""
    return sum(1 << KINDS.index(kind) for kind in kinds)


class ShelterIndex:
    """Read-only and safe to share between threads."""

    def __init__(self, known: Sites) -> None:
        self._ids, self._names, self._lat, self._lon, self._kinds = known
        self._nearest = functools.lru_cache(_KEPT)(self._look)

    def __len__(self) -> int:
        return len(self._ids)

    def nearest(self, lat: float, lon: float, hazard: str) -> Near | None:
        """The nearest shelter that is suitable for `hazard` (geo.shelters.suitable) within WALKABLE_M; else None.

        Of the shelter itself only what an index needs is known: id, name, position, kinds.
        """
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
            squared = np.where(self._kinds[low:high] & kind_bits((kind,)), squared, np.inf)
        best = int(np.argmin(squared))
        metres = math.sqrt(float(squared[best]))
        if metres > WALKABLE_M:
            return None
        at = int(low) + best
        there = float(self._lat[at]), float(self._lon[at])
        kinds = frozenset(name for bit, name in enumerate(KINDS) if int(self._kinds[at]) >> bit & 1)
        shelter = Shelter(self._ids[at], self._names[at], "", *there, "", kinds, is_shelter=not kinds)
        return Near(shelter, metres, bearing_deg(lat, lon, *there))
