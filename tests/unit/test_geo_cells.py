"""The grid over a polygon: what it says without GEOS is what GEOS says."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from geo.areas import Areas
from geo.cells import EDGE, INSIDE, OUTSIDE, Cells
from geo.match import GRID_COST, PointIndex, Probe
from geo.shapes import Shapes

SHAPES = Shapes.load()


def star(corners: int, seed: int) -> shapely.Geometry:
    """A ragged polygon around (0, 0), with a hole."""
    random = np.random.default_rng(seed)
    angle = np.sort(random.uniform(0, 2 * np.pi, corners))
    far = random.uniform(0.5, 2, corners)
    outer = np.column_stack([far * np.cos(angle), far * np.sin(angle)])
    return shapely.make_valid(shapely.Polygon(outer, [outer[::-1] * 0.3]), method="structure")


def lattice(shape: shapely.Geometry, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Points over the bounds, with the bounds themselves and, where these are lines of a grid, points exactly on it."""
    west, south, east, north = shape.bounds
    x, y = np.meshgrid(np.linspace(west, east, side), np.linspace(south, north, side))
    return x.ravel(), y.ravel()


SHAPES_TO_TRY = {
    "square": shapely.box(130, 32, 131, 33),
    "square with a square hole": shapely.box(0, 0, 8, 8).difference(shapely.box(2, 2, 6, 6)),
    "two islands": shapely.box(0, 0, 1, 1).union(shapely.box(3, 3, 4, 4)),
    "needle": shapely.Polygon([(0, 0), (10, 0.001), (10, 0.002)]),
    "triangle with long edges": shapely.Polygon([(0, 0), (1, 7), (5, 3)]),
    "ragged": star(40, 1),
    "very ragged": star(2000, 2),
    "an island city": SHAPES.polygon("jis", "43215", Areas.load()),
}


@pytest.mark.parametrize("side", [1, 2, 7, 32, 200])
@pytest.mark.parametrize("name", SHAPES_TO_TRY)
def test_a_cell_that_is_not_at_the_edge_is_all_on_one_side(name: str, side: int) -> None:
    shape = SHAPES_TO_TRY[name]
    x, y = lattice(shape, 61)
    kinds = Cells(shape, side).kinds_at(x, y)
    truth = shapely.intersects_xy(shape, x, y)
    assert truth[kinds == INSIDE].all()
    assert not truth[kinds == OUTSIDE].any()


def test_only_the_cells_along_the_edge_are_left() -> None:
    kinds = Cells(shapely.box(0, 0, 1, 1).union(shapely.box(2, 2, 3, 3)), 100).kinds_at(
        np.array([0.5, 2.5, 1.5, 2.5, 0.0, 1.0]), np.array([0.5, 2.5, 1.5, 0.5, 0.0, 0.5])
    )
    assert kinds.tolist() == [INSIDE, INSIDE, OUTSIDE, OUTSIDE, EDGE, EDGE]


@pytest.mark.parametrize("shape", [shapely.Point(1, 1), shapely.LineString([(0, 0), (1, 1)]), shapely.Polygon()])
def test_what_has_no_area_has_no_cells(shape: shapely.Geometry) -> None:
    with pytest.raises(ValueError, match=r"cells|area"):
        Cells(shape, 4)


@pytest.mark.parametrize("name", SHAPES_TO_TRY)
def test_a_probe_answers_the_same_with_and_without_its_grid(name: str) -> None:
    shape = SHAPES_TO_TRY[name]
    x, y = lattice(shape, 90)
    index = PointIndex(x, y)
    probe = Probe(shape)
    truth = np.flatnonzero(shapely.intersects_xy(shape, x, y)).tolist()
    few = PointIndex(x[:50], y[:50])
    assert few.inside(probe).tolist() == [n for n in truth if n < 50]
    assert probe._grid is None
    for _ in range(3):
        assert index.inside(probe).tolist() == truth
    assert isinstance(probe._grid, Cells)
    assert few.inside(probe).tolist() == [n for n in truth if n < 50]


def test_lines_and_points_are_asked_of_geos_alone() -> None:
    x, y = np.linspace(0, 1, 3 * GRID_COST), np.zeros(3 * GRID_COST)
    index = PointIndex(x, y)
    assert len(index.inside(shapely.LineString([(0, 0), (1, 0)]))) == 3 * GRID_COST
    assert index.inside(shapely.Point(0, 0)).tolist() == [0]
    assert index.inside(shapely.Polygon()).tolist() == []
