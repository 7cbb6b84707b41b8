"""Our municipality of a point against the full-resolution boundaries of 国土数値情報; skipped without ../shared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
import shapely.geometry

from geo.areas import Areas
from geo.shapes import OutsideJapan, Shapes

N03 = Path(__file__).resolve().parents[2].parent / "shared" / "geo-samples" / "n03-full"


def boundary(jis: str) -> shapely.Geometry:
    features = json.loads((N03 / f"{jis}.json").read_text(encoding="utf-8"))["features"]
    return shapely.union_all([shapely.make_valid(shapely.geometry.shape(f["geometry"])) for f in features])


def points_in(shape: shapely.Geometry, wanted: int) -> list[tuple[float, float]]:
    random = np.random.default_rng(20160414)
    west, south, east, north = shape.bounds
    x, y = random.uniform(west, east, 20 * wanted), random.uniform(south, north, 20 * wanted)
    shapely.prepare(shape)
    inside = shapely.contains_xy(shape, x, y)
    return [(float(b), float(a)) for a, b in zip(x[inside][:wanted], y[inside][:wanted], strict=True)]


@pytest.mark.skipif(not N03.is_dir(), reason="../shared/geo-samples/n03-full is not here: boundaries to compare with")
@pytest.mark.parametrize(
    "jis", ["43101", "43102", "43103", "43104", "43105", "43202", "43203", "43433", "43443", "43513", "12220"]
)
def test_nobody_loses_the_municipality_they_live_in(jis: str) -> None:
    areas, shapes = Areas.load(), Shapes.load()
    expected = areas.city_of_ward(jis) or jis  # JMA draws no wards in Kumamoto
    points = points_in(boundary(jis), 300)
    assert len(points) >= 200
    lost = 0
    for lat, lon in points:
        try:
            at = shapes.at(lat, lon)
        except OutsideJapan:
            lost += 1
            continue
        lost += expected not in {code[:5] for code in (*at.inside, *at.near)}
    assert lost <= len(points) * 0.002, f"{lost} of {len(points)} points"
