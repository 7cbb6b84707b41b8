"""The cells in which zones are stored: the second mesh (2次メッシュ, JIS X 0410), 5' x 7.5', about 10 km. Pure."""

from __future__ import annotations

import math
from typing import Final

from geo.shapes import METRES_PER_DEGREE

#: Height and width of a cell in degrees.
HEIGHT: Final = 1 / 12
WIDTH: Final = 1 / 8


def cell_at(lat: float, lon: float) -> str:
    """The 6-digit code of the cell that holds a point (degrees, WGS84/JGD2011).

    >>> cell_at(32.21, 130.76)  # Hitoyoshi
    '483026'
    """
    return _code(math.floor(lat / HEIGHT), math.floor((lon - 100) / WIDTH))


def _code(row: int, column: int) -> str:
    return f"{row // 8:02d}{column // 8:02d}{row % 8}{column % 8}"


def cells_touched(west: float, south: float, east: float, north: float) -> list[str]:
    """Every cell that a box (degrees) reaches into, from south-west to north-east."""
    rows = range(math.floor(south / HEIGHT), math.floor(north / HEIGHT) + 1)
    columns = range(math.floor((west - 100) / WIDTH), math.floor((east - 100) / WIDTH) + 1)
    return [_code(row, column) for row in rows for column in columns]


def cells_near(lat: float, lon: float, metres: float) -> list[str]:
    """Every cell with a point within `metres` of a place."""
    dy = metres / METRES_PER_DEGREE
    dx = dy / max(0.1, math.cos(math.radians(lat)))
    return cells_touched(lon - dx, lat - dy, lon + dx, lat + dy)


def box_of(cell: str) -> tuple[float, float, float, float]:
    """(west, south, east, north) of a cell in degrees."""
    row = int(cell[:2]) * 8 + int(cell[4])
    column = int(cell[2:4]) * 8 + int(cell[5])
    return 100 + column * WIDTH, row * HEIGHT, 100 + (column + 1) * WIDTH, (row + 1) * HEIGHT
