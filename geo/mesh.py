"""The 250 m mesh (JIS X 0410, 地域メッシュ, 1/4 subdivision of the third mesh): codes and cell centres. Pure.

We store the centre of the cell instead of the exact home point: enough to match an area, too coarse to point at a door.
"""

from __future__ import annotations

#: Height and width of a cell in degrees: a third mesh (30" x 45") cut in four each way.
CELL_LAT = 1 / 120 / 4
CELL_LON = 1 / 80 / 4


def _indices(lat: float, lon: float) -> tuple[int, int]:
    if not (20.0 <= lat < 46.0 and 122.0 <= lon < 154.0):
        raise ValueError(f"({lat}, {lon}) is outside the mesh of Japan: latitude 20-46, longitude 122-154")
    # The tiny term keeps a point on a cell's south or west edge in that cell in spite of binary fractions.
    return int(lat / CELL_LAT + 1e-7), int((lon - 100) / CELL_LON + 1e-7)


def mesh_code(lat: float, lon: float) -> str:
    """The 10-digit code of the 250 m cell that holds a point (degrees, WGS84/JGD2011).

    Raises ValueError for points far from Japan.

    >>> mesh_code(35.6812, 139.7671)  # Tokyo station
    '5339461132'
    """
    row, col = _indices(lat, lon)
    first_row, first_col = row // 320, col // 320
    second_row, second_col = row // 40 % 8, col // 40 % 8
    third_row, third_col = row // 4 % 10, col // 4 % 10
    half = row // 2 % 2 * 2 + col // 2 % 2 + 1
    quarter = row % 2 * 2 + col % 2 + 1
    return f"{first_row:02d}{first_col:02d}{second_row}{second_col}{third_row}{third_col}{half}{quarter}"


def mesh_centre(lat: float, lon: float) -> tuple[float, float]:
    """(lat, lon) of the centre of the 250 m cell that holds a point; at most about 185 m away from it.

    Raises ValueError for points far from Japan.
    """
    row, col = _indices(lat, lon)
    return round((row + 0.5) * CELL_LAT, 6), round(100 + (col + 0.5) * CELL_LON, 6)
