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
        x, y, follows = self._corners(shape)
        self._kinds = self._filled(x, y, follows)
        self._kinds[self._touched(x, y, follows)] = EDGE

    def kinds_at(self, lon: Floats, lat: Floats) -> npt.NDArray[np.uint8]:
        """OUTSIDE, INSIDE or EDGE for points within the bounds of the shape; shape (n,)."""
        cell = self._number((lon - self._west) * self._per_lon, (lat - self._south) * self._per_lat)
        found: npt.NDArray[np.uint8] = self._kinds[cell]
        return found

    def _corners(self, shape: BaseGeometry) -> tuple[Floats, Floats, Numbers]:
        """The corners of every ring, in cells from the south-west corner; and which of them an edge leads on from."""
        corners, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(shape)), return_index=True)
        x = (corners[:, 0] - self._west) * self._per_lon
        y = (corners[:, 1] - self._south) * self._per_lat
        return x, y, np.flatnonzero(ring[1:] == ring[:-1])

    def _filled(self, x: Floats, y: Floats, follows: Numbers) -> npt.NDArray[np.uint8]:
        """INSIDE where the centre of a cell is inside: a scan along the middle of each row of cells."""
        side = self._side
        above = np.ceil(y - 0.5).astype(np.int64)  # the first row whose middle is at the corner or above it
        start = follows[above[follows] != above[follows + 1]]
        first = np.minimum(above[start], above[start + 1])
        edge, step = _repeated(np.abs(above[start + 1] - above[start]))
        row, at = first[edge] + step, start[edge]
        cross = x[at] + (row + 0.5 - y[at]) * (x[at + 1] - x[at]) / (y[at + 1] - y[at])
        column = np.clip(np.ceil(cross - 0.5), 0, side).astype(np.int64)
        crossings = np.bincount(row * (side + 1) + column, minlength=side * (side + 1))
        odd = np.cumsum(crossings.reshape(side, side + 1)[:, :side], axis=1) & 1
        return odd.astype(np.uint8).ravel()

    def _touched(self, x: Floats, y: Floats, follows: Numbers) -> Numbers:
        """Numbers of the cells that an edge touches, and of some neighbours: too many is safe, too few is not."""
        own = self._number(x, y)
        # An edge between two corners of one cell stays in it. The others are cut into short parts.
        start = follows[own[follows] != own[follows + 1]]
        dx, dy = x[start + 1] - x[start], y[start + 1] - y[start]
        count = np.maximum(1, np.ceil(np.maximum(np.abs(dx), np.abs(dy)) / _PART)).astype(np.int64)
        edge, step = _repeated(count)
        from_x, from_y, dx, dy = x[start][edge], y[start][edge], dx[edge], dy[edge]
        begin, end = step / count[edge], (step + 1) / count[edge]
        parts = self._around(from_x + dx * begin, from_y + dy * begin, from_x + dx * end, from_y + dy * end)
        return np.concatenate([own, parts])

    def _number(self, x: Floats, y: Floats) -> Numbers:
        """Of the cells of points, counted as for the points that are asked about: what is east of them stays so."""
        last = self._side - 1
        return np.minimum(y.astype(np.int64), last) * self._side + np.minimum(x.astype(np.int64), last)

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
