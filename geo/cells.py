"""A polygon as cells of a grid: wholly inside, wholly outside, or at its edge. Pure numpy; what `geo.match` asks first.

A point in a cell that no edge touches needs no exact test: all of the cell is on one side. Only the points of the cells
along the edge are left for GEOS, a tenth or less where the shape holds many points.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

OUTSIDE: Final = 0
INSIDE: Final = 1
EDGE: Final = 2
#: A part of an edge this near to the next cell (in cells) marks that one too: rounding must never hide an edge.
_MARGIN: Final = 1e-6
#: Edges are cut into parts of at most this many cells, so that each part touches four cells at the most.
_PART: Final = 0.5


class Cells:
    """A grid of `side` x `side` cells over the bounds of a polygon (degrees), each of one kind.

    The polygon must be valid: a point is inside where a ray to the west crosses the edges an odd number of times.
    """

    def __init__(self, shape: BaseGeometry, side: int) -> None:
        """Raises ValueError for a shape that is no polygon, or without area, or a grid without cells."""
        if shape.geom_type not in ("Polygon", "MultiPolygon") or side < 1:
            raise ValueError(f"a {shape.geom_type} cannot be laid over a grid of {side} cells")
        west, south, east, north = shape.bounds
        if not (east > west and north > south):
            raise ValueError("a shape without area has no cells")
        self._side = side
        self._west, self._south = west, south
        self._per_lon, self._per_lat = side / (east - west), side / (north - south)
        x0, y0, x1, y1 = self._edges(shape)
        kinds = self._filled(x0, y0, x1, y1)
        kinds[self._touched(x0, y0, x1, y1)] = EDGE
        self._kinds = kinds

    def kinds_at(self, lon: Floats, lat: Floats) -> npt.NDArray[np.uint8]:
        """OUTSIDE, INSIDE or EDGE for points within the bounds of the shape; shape (n,)."""
        last = self._side - 1
        column = np.minimum(((lon - self._west) * self._per_lon).astype(np.int32), last)
        row = np.minimum(((lat - self._south) * self._per_lat).astype(np.int32), last)
        found: npt.NDArray[np.uint8] = self._kinds[row * self._side + column]
        return found

    def _edges(self, shape: BaseGeometry) -> tuple[Floats, Floats, Floats, Floats]:
        """Both ends of every edge of every ring, in cells from the south-west corner."""
        rings = shapely.get_rings(shapely.get_parts(shape))
        corners, ring = shapely.get_coordinates(rings, return_index=True)
        x = (corners[:, 0] - self._west) * self._per_lon
        y = (corners[:, 1] - self._south) * self._per_lat
        same = ring[1:] == ring[:-1]
        return x[:-1][same], y[:-1][same], x[1:][same], y[1:][same]

    def _filled(self, x0: Floats, y0: Floats, x1: Floats, y1: Floats) -> npt.NDArray[np.uint8]:
        """INSIDE where the centre of a cell is inside: a scan along the middle of each row of cells."""
        side = self._side
        first = np.ceil(np.minimum(y0, y1) - 0.5).astype(np.int64)
        count = np.ceil(np.maximum(y0, y1) - 0.5).astype(np.int64) - first
        edge, step = _repeated(count)
        row = first[edge] + step
        from_x, from_y = x0[edge], y0[edge]
        cross = from_x + (row + 0.5 - from_y) * (x1[edge] - from_x) / (y1[edge] - from_y)
        column = np.clip(np.ceil(cross - 0.5), 0, side).astype(np.int64)
        crossings = np.bincount(row * (side + 1) + column, minlength=side * (side + 1))
        odd = np.cumsum(crossings.reshape(side, side + 1)[:, :side], axis=1) & 1
        return odd.astype(np.uint8).ravel()

    def _touched(self, x0: Floats, y0: Floats, x1: Floats, y1: Floats) -> Numbers:
        """Numbers of the cells that an edge touches, and of some neighbours: too many is safe, too few is not."""
        dx, dy = x1 - x0, y1 - y0
        count = np.ceil(np.maximum(np.abs(dx), np.abs(dy)) / _PART).astype(np.int64)
        long = np.flatnonzero(count > 1)
        found = self._around(x0, y0, x1, y1)  # of a long edge these are only its two ends: its parts follow
        if len(long):
            edge, step = _repeated(count[long])
            parts, edge = count[long][edge], long[edge]
            x, y, dx, dy = x0[edge], y0[edge], dx[edge], dy[edge]
            begin, end = step / parts, (step + 1) / parts
            found = np.concatenate([found, self._around(x + dx * begin, y + dy * begin, x + dx * end, y + dy * end)])
        return found

    def _around(self, x0: Floats, y0: Floats, x1: Floats, y1: Floats) -> Numbers:
        """The corners of each box from (x0, y0) to (x1, y1), a margin wider, as numbers of cells."""
        last = self._side - 1
        columns = [
            np.clip(x, 0, last).astype(np.int64) for x in (np.minimum(x0, x1) - _MARGIN, np.maximum(x0, x1) + _MARGIN)
        ]
        rows = [
            np.clip(y, 0, last).astype(np.int64) for y in (np.minimum(y0, y1) - _MARGIN, np.maximum(y0, y1) + _MARGIN)
        ]
        return np.concatenate([row * self._side + column for row in rows for column in columns])


def _repeated(count: Numbers) -> tuple[Numbers, Numbers]:
    """Each position as often as `count` says, and beside it 0, 1, 2 ... of its repetitions."""
    position = np.repeat(np.arange(len(count)), count)
    starts = np.cumsum(count) - count
    return position, np.arange(len(position)) - starts[position]
