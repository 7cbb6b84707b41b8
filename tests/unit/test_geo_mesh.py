"""The 250 m mesh: codes of JIS X 0410 and centres that hide the door but keep the area."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.mesh import CELL_LAT, CELL_LON, mesh_centre, mesh_code

japan = st.tuples(
    st.floats(20, 45.99, allow_nan=False, allow_infinity=False),
    st.floats(122, 153.99, allow_nan=False, allow_infinity=False),
)


@pytest.mark.parametrize(
    ("lat", "lon", "third_mesh"),
    [
        (35.6812, 139.7671, "53394611"),  # Tokyo station
        (34.7025, 135.4959, "52350349"),  # Osaka station
        (36.0, 140.0, "54400000"),  # exactly on the corner of a first mesh
    ],
)
def test_code_begins_with_the_known_third_mesh(lat: float, lon: float, third_mesh: str) -> None:
    assert mesh_code(lat, lon).startswith(third_mesh)


def test_quarters_are_numbered_from_south_west() -> None:
    quarters = [
        mesh_code(36.0 + dy * CELL_LAT + 1e-6, 140.0 + dx * CELL_LON + 1e-6)[-2:] for dy in range(4) for dx in range(4)
    ]
    assert quarters == ["11", "12", "21", "22", "13", "14", "23", "24", "31", "32", "41", "42", "33", "34", "43", "44"]


@given(japan)
def test_centre_lies_in_the_same_cell_and_near(point: tuple[float, float]) -> None:
    lat, lon = point
    centre = mesh_centre(lat, lon)
    assert abs(centre[0] - lat) <= CELL_LAT / 2 + 2e-6
    assert abs(centre[1] - lon) <= CELL_LON / 2 + 2e-6
    assert mesh_centre(*centre) == centre
    metres = math.hypot((centre[0] - lat) * 111_195, (centre[1] - lon) * 111_195 * math.cos(math.radians(lat)))
    assert metres < 230


def test_two_doors_of_one_cell_become_one_point() -> None:
    assert mesh_centre(32.78981, 130.74171) == mesh_centre(32.78990, 130.74180)


@pytest.mark.parametrize(("lat", "lon"), [(21.0, 105.8), (0.0, 0.0), (float("nan"), 130.0), (51.5, 135.0)])
def test_points_far_from_japan_are_refused(lat: float, lon: float) -> None:
    with pytest.raises(ValueError, match="outside the mesh of Japan"):
        mesh_centre(lat, lon)
