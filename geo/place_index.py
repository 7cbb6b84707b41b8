"""Every stored place in memory: which of them the polygons of a report reach. Pure; filled by geo/place_index_store.py.

A place with a usable point is inside if its point touches the polygon (already widened, see `geo.reach`). A place known
only to its municipality is inside if the polygon touches that municipality: its point may be 25 km from the door.

Loaded in bulk and sorted once; changes are kept beside, scanned one by one, and worked in when there are many of them.
What a reader holds is a `Places`, which never changes: an update makes a new one and puts it in the other's place.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt

from geo.match import PointIndex, Probe
from geo.reach import Reach

#: From so many changes on, the index is sorted anew with the changes in it.
REBUILD_AT: Final = 10_000
#: 16 bytes of a UUID. NumPy drops zeros at the end when one is taken out: `uuids` puts them back.
ID: Final = "S16"

Ids = npt.NDArray[np.bytes_]
Floats = npt.NDArray[np.float64]
Cities = npt.NDArray[np.int32]


class Row(NamedTuple):
    """One place as it is now. With a usable point it has `lon` and `lat` (degrees), else its municipalities.

    `cities`: 7-digit codes of the scheme jma.city as numbers.
    """

    lon: float | None = None
    lat: float | None = None
    cities: tuple[int, ...] = ()


class Columns(NamedTuple):
    """Many places: `ids` (n,) with `lon` and `lat` (n,) in degrees; and (m,) pairs of place and municipality.

    A place is either in the first three or, once for each of its municipalities, in the last two; the pairs of one
    place stand together.
    """

    ids: Ids
    lon: Floats
    lat: Floats
    vague_ids: Ids
    cities: Cities


class Found(NamedTuple):
    """Pairs of a place and the number of a polygon that reaches it; both of shape (k,). No pair comes twice."""

    ids: Ids
    reaches: npt.NDArray[np.intp]

    def by_place(self) -> dict[UUID, tuple[int, ...]]:
        """The numbers of the polygons that reach a place, rising, for every place that one reaches."""
        found: dict[UUID, list[int]] = {}
        order = np.argsort(self.reaches, kind="stable")
        for place, reach in zip(uuids(self.ids[order]), self.reaches[order].tolist(), strict=True):
            found.setdefault(place, []).append(reach)
        return {place: tuple(numbers) for place, numbers in found.items()}


def uuids(ids: Ids) -> list[UUID]:
    """The ids as UUIDs.

    >>> uuids(np.array([bytes(16)], dtype="S16"))
    [UUID('00000000-0000-0000-0000-000000000000')]
    """
    raw = np.ascontiguousarray(ids).tobytes()
    return [UUID(bytes=raw[at : at + 16]) for at in range(0, len(raw), 16)]


def columns(rows: Mapping[bytes, Row]) -> Columns:
    """Rows by the 16 bytes of their id as columns."""
    exact = [(key, row.lon, row.lat) for key, row in rows.items() if row.lon is not None and row.lat is not None]
    vague = [(key, city) for key, row in rows.items() if row.lon is None or row.lat is None for city in row.cities]
    return Columns(
        np.array([key for key, _, _ in exact], dtype=ID),
        np.array([lon for _, lon, _ in exact], dtype=np.float64),
        np.array([lat for _, _, lat in exact], dtype=np.float64),
        np.array([key for key, _ in vague], dtype=ID),
        np.array([city for _, city in vague], dtype=np.int32),
    )


class _Sorted:
    """Places that stay as they are: points by longitude, the others by municipality."""

    def __init__(self, places: Columns) -> None:
        self.ids = places.ids
        self.points = PointIndex(places.lon, places.lat)
        order = np.argsort(places.cities, kind="stable").astype(np.int32)
        another = np.ones(len(order), dtype=np.bool_)
        another[1:] = places.vague_ids[1:] != places.vague_ids[:-1]
        #: By municipality; `number`: equal where the place is the same.
        self.vague_ids, self.cities = places.vague_ids[order], places.cities[order]
        self.number = np.cumsum(another, dtype=np.int32)[order]
        self._order = order

    def reached(self, probe: Probe, cities: Cities) -> Ids:
        """Each place once; cities: sorted."""
        low, high = (np.searchsorted(self.cities, cities, side=side).tolist() for side in ("left", "right"))
        rows = [np.arange(a, b) for a, b in zip(low, high, strict=True) if b > a]
        vague = np.concatenate([np.empty(0, dtype=np.intp), *rows])
        if len(rows) > 1:  # a place that lies in two municipalities is found in both
            vague = vague[np.unique(self.number[vague], return_index=True)[1]]
        return np.concatenate([self.ids[self.points.inside(probe)], self.vague_ids[vague]])

    def without(self, changed: Ids) -> Columns:
        """All of them but the places in `changed` (sorted)."""
        back = np.argsort(self._order)  # as they came: the pairs of one place together
        vague_ids, cities = self.vague_ids[back], self.cities[back]
        kept, vague = ~_is_in(self.ids, changed), ~_is_in(vague_ids, changed)
        lon, lat = self.points.points()
        return Columns(self.ids[kept], lon[kept], lat[kept], vague_ids[vague], cities[vague])

    @property
    def nbytes(self) -> int:
        vague = self.vague_ids.nbytes + self.cities.nbytes + self.number.nbytes + self._order.nbytes
        return int(self.ids.nbytes + self.points.nbytes + vague)


class Places:
    """All places at one moment. Never changes, so any number of threads may ask it."""

    def __init__(self, base: _Sorted, changes: Mapping[bytes, Row | None]) -> None:
        self._base = base
        self.changes = changes
        self._changed: Ids = np.array(sorted(changes), dtype=ID)
        self._fresh = _Sorted(columns({key: row for key, row in changes.items() if row is not None}))

    def reached_by(self, reaches: Sequence[Reach]) -> Found:
        """The places in each polygon, by point or by municipality. Milliseconds for a million; call it in a thread."""
        ids, numbers = [np.empty(0, dtype=ID)], [np.empty(0, dtype=np.intp)]
        for number, reach in enumerate(reaches):
            probe = Probe(reach.shape)
            cities = np.array(sorted(int(code) for code in reach.municipalities), dtype=np.int32)
            old = self._base.reached(probe, cities)
            here = np.concatenate([old[~_is_in(old, self._changed)], self._fresh.reached(probe, cities)])
            ids.append(here)
            numbers.append(np.full(len(here), number, dtype=np.intp))
        return Found(np.concatenate(ids), np.concatenate(numbers))

    def columns(self) -> Columns:
        """Everything, with the changes worked in."""
        old, new = self._base.without(self._changed), self._fresh.without(np.empty(0, dtype=ID))
        return Columns(
            np.concatenate([old.ids, new.ids]),
            np.concatenate([old.lon, new.lon]),
            np.concatenate([old.lat, new.lat]),
            np.concatenate([old.vague_ids, new.vague_ids]),
            np.concatenate([old.cities, new.cities]),
        )

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, in bytes."""
        return self._base.nbytes + self._fresh.nbytes + self._changed.nbytes


class PlaceIndex:
    """The places as they are now: `now` is read without a lock, and each update replaces it at once."""

    def __init__(self, rebuild_at: int = REBUILD_AT) -> None:
        self._rebuild_at = rebuild_at
        self._writing = threading.Lock()
        self.now = Places(_Sorted(columns({})), {})

    def load(self, places: Columns) -> None:
        """Forget everything and hold `places` instead."""
        with self._writing:
            self.now = Places(_Sorted(places), {})

    def apply(self, rows: Iterable[tuple[UUID, Row | None]]) -> None:
        """What has become of these places: their row, or None for one that is gone. The last of an id counts."""
        with self._writing:
            changes = {**self.now.changes, **{place.bytes: row for place, row in rows}}
            changed = Places(self.now._base, changes)
            self.now = changed if len(changes) < self._rebuild_at else Places(_Sorted(changed.columns()), {})


def _is_in(ids: Ids, some: Ids) -> npt.NDArray[np.bool_]:
    """Which of `ids` are among `some` (sorted)."""
    if not len(some) or not len(ids):
        return np.zeros(len(ids), dtype=np.bool_)
    at = np.minimum(np.searchsorted(some, ids), len(some) - 1)
    same: npt.NDArray[np.bool_] = some[at] == ids
    return same
