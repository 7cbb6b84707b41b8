"""The places in memory (geo/place_index.py), filled from the database and kept as the database has them.

Loaded by binary COPY when first asked; before each answer everything that has changed since is applied
(migrations/0021). So an answer is as fresh as one of the database itself, whoever wrote the change and however late it
was committed.
"""

from __future__ import annotations

import asyncio
import functools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from core.db import Connection
from core.later import Later

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from geo import place_index
    from geo.place_index import PlaceIndex, Places
    from geo.reach import Reach
else:
    np, place_index = Later("numpy"), Later("geo.place_index")

#: Whoever has not asked for so long loads everything anew: the changes may have been deleted (rule "place_change").
FORGOTTEN_AFTER: Final = timedelta(hours=12)
#: What COPY writes before the first row and after the last (PostgreSQL manual, COPY, "Binary Format").
_HEADER: Final = 19
_TRAILER: Final = 2

# The three precisions are geo.match.POINT_PRECISIONS (a test holds that): a COPY takes no parameters.
COPY_POINTS = """
SELECT id, lon, lat FROM place
WHERE lon IS NOT NULL AND lat IS NOT NULL AND precision IN ('exact', 'street', 'town')
"""
# In order of place: the pairs of one place must stand together.
COPY_VAGUE = """
SELECT a.place_id, a.code::int FROM place_area a JOIN place p ON p.id = a.place_id
WHERE a.scheme = 'jma.city' AND a.code ~ '^[0-9]{7}$'
AND (p.lon IS NULL OR p.lat IS NULL OR p.precision NOT IN ('exact', 'street', 'town'))
ORDER BY a.place_id
"""
# Below this number every transaction has ended: what they changed is seen by the statements that follow.
SQL_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot()) AS horizon, clock_timestamp() AS at"
# One statement, so one snapshot: the changes, the places as they are, and from where to ask the next time. What this
# very transaction has written is left for later: it may yet be taken back.
SQL_CHANGES = """
SELECT s.horizon, s.at, c.seq, c.place_id, p.id IS NOT NULL AS there,
       CASE WHEN p.precision IN ('exact', 'street', 'town') THEN p.lon END AS lon,
       CASE WHEN p.precision IN ('exact', 'street', 'town') THEN p.lat END AS lat,
       (SELECT array_agg(a.code::int ORDER BY a.code) FROM place_area a
        WHERE a.place_id = p.id AND a.scheme = 'jma.city' AND a.code ~ '^[0-9]{7}$') AS cities
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS horizon, clock_timestamp() AS at) AS s
LEFT JOIN place_change AS c ON c.xid >= $1 AND c.seq <> ALL($2::bigint[])
     AND c.xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
LEFT JOIN place AS p ON p.id = c.place_id
ORDER BY c.seq
"""


class LivePlaces:
    """One process's places. Several tasks may ask at once; the first one loads or refreshes for all."""

    def __init__(self) -> None:
        self._refreshing = asyncio.Lock()
        self._index: PlaceIndex | None = None
        self._horizon = 0
        #: Changes at or above the horizon that are applied already.
        self._applied: frozenset[int] = frozenset()
        self._read_at: datetime | None = None

    async def now(self, conn: Connection) -> Places:
        """Every place as `conn` sees it, its own uncommitted changes apart. `conn` must see every row (worker role)."""
        async with self._refreshing:
            if self._index is None or not await self._refresh(conn, self._index):
                self._index = await self._load(conn)
            return self._index.now

    async def reached_by(self, conn: Connection, reaches: tuple[Reach, ...]) -> dict[UUID, tuple[int, ...]]:
        """The places that these polygons reach, each with the numbers of the polygons, rising."""
        places = await self.now(conn)
        return await asyncio.to_thread(lambda: places.reached_by(reaches).by_place())

    async def _load(self, conn: Connection) -> PlaceIndex:
        # First from where to ask for changes, then the places: a change between the two is applied twice, not never.
        row = await conn.fetchrow(SQL_HORIZON)
        points, vague = await _copy(conn, COPY_POINTS), await _copy(conn, COPY_VAGUE)
        index = await asyncio.to_thread(_indexed, points, vague)
        self._horizon, self._read_at, self._applied = row["horizon"], row["at"], frozenset()
        return index

    async def _refresh(self, conn: Connection, index: PlaceIndex) -> bool:
        """Apply what has changed; False if the changes cannot say it."""
        rows = await conn.fetch(SQL_CHANGES, self._horizon, sorted(self._applied))
        at = rows[0]["at"]
        changed = [row for row in rows if row["seq"] is not None]
        if any(row["place_id"] is None for row in changed):
            return False
        if self._read_at is None or at - self._read_at > FORGOTTEN_AFTER:
            return False
        if changed:
            now = [(row["place_id"], _row(row) if row["there"] else None) for row in changed]
            await asyncio.to_thread(index.apply, now)
        self._read_at = at
        if rows[0]["horizon"] > self._horizon:
            # Some changes above the new horizon may come a second time: applying them again changes nothing.
            self._horizon, self._applied = rows[0]["horizon"], frozenset()
        self._applied |= {row["seq"] for row in changed}
        return True


def _row(row: Any) -> place_index.Row:
    return place_index.Row(row["lon"], row["lat"], tuple(row["cities"] or ()))


async def _copy(conn: Connection, query: str) -> bytes:
    """The rows of a query as PostgreSQL's binary COPY writes them."""
    buffer = bytearray()

    async def take(data: bytes) -> None:
        buffer.extend(data)

    await conn.copy_from_query(query, output=take, format="binary")
    return bytes(buffer)


def _indexed(points: bytes, vague: bytes) -> PlaceIndex:
    exact, pairs = _table(points, (("lon", ">f8"), ("lat", ">f8"))), _table(vague, (("city", ">i4"),))
    index = place_index.PlaceIndex()
    index.load(
        place_index.Columns(
            exact["id"].copy(),
            exact["lon"].astype(np.float64),
            exact["lat"].astype(np.float64),
            pairs["id"].copy(),
            pairs["city"].astype(np.int32),
        )
    )
    return index


def _table(copied: bytes, columns: tuple[tuple[str, str], ...]) -> npt.NDArray[Any]:
    """Rows of an id and columns of fixed width, none of them NULL; before each row its number of fields, before each
    field its length.

    Raises ValueError if the bytes are not such rows.
    """
    layout = _layout(columns)
    count, rest = divmod(len(copied) - _HEADER - _TRAILER, layout.itemsize)
    if count >= 0 and not rest and copied.startswith(b"PGCOPY\n"):
        rows = np.frombuffer(copied, dtype=layout, count=count, offset=_HEADER)
        if (rows["fields"] == 1 + len(columns)).all():
            return rows
    raise ValueError("the copy of the places is not laid out as expected: this PostgreSQL writes another format")


@functools.cache
def _layout(columns: tuple[tuple[str, str], ...]) -> np.dtype[Any]:
    parts: list[tuple[str, str]] = [("fields", ">i2"), ("id_length", ">i4"), ("id", place_index.ID)]
    for name, kind in columns:
        parts += [(f"{name}_length", ">i4"), (name, kind)]
    return np.dtype(parts)
