"""Our municipality of a point against the full boundaries of 国土数値情報 (N03): known points, and 10,000 random ones.

What needs ../shared/geo-samples is skipped without it; the known points stand in the repository.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import pytest

from geo.areas import Areas
from geo.shapes import OutsideJapan, Shapes
from geo.tables import read_polygons
from tests.n03_samples import FULL, MUNICIPALITIES, THINNED, full_boundary, random_points, thinned_wkb

needs_samples = pytest.mark.skipif(
    not (FULL.is_dir() and THINNED.is_file()),
    reason="../shared/geo-samples (N03) is not here: boundaries to compare with",
)
#: Offices and stations, read off public maps to a few hundred metres: JIS code, latitude, longitude.
KNOWN = (
    ("43101", 32.8031, 130.7079),  # Kumamoto, Chuo-ku: city hall
    ("43102", 32.7897, 130.7640),  # Higashi-ku
    ("43103", 32.7897, 130.6600),  # Nishi-ku
    ("43104", 32.7200, 130.7000),  # Minami-ku
    ("43105", 32.9000, 130.6900),  # Kita-ku
    ("43443", 32.7914, 130.8164),  # Mashiki
    ("43433", 32.8300, 131.0300),  # Minamiaso
    ("43203", 32.2100, 130.7626),  # Hitoyoshi
    ("43513", 32.2510, 130.6500),  # Kuma
    ("12220", 35.8563, 139.9027),  # Nagareyama
)
POINTS = 10_000


@cache
def with_n03() -> Shapes:
    """As after `geo update`, with the thinned boundaries of two prefectures installed."""
    return Shapes(read_polygons(), thinned_wkb("12", "43"), Areas.committed())


@cache
def random_places() -> tuple[tuple[str, float, float], ...]:
    """10,000 points, spread over the eleven municipalities by their area, at least 100 in each."""
    areas = {jis: full_boundary(jis).area for jis in MUNICIPALITIES}
    share = (POINTS - 100 * len(areas)) / sum(areas.values())
    spread = [
        (jis, lat, lon)
        for jis, area in areas.items()
        for lat, lon in random_points(full_boundary(jis), 100 + round(area * share))
    ]
    return tuple(spread)


class Judged(NamedTuple):
    """One random point: its municipality, and whether it was found at once, after repair, at least nearby."""

    jis: str
    at_once: bool
    right: bool
    kept: bool


@cache
def judged(shapes: Shapes, wards: bool) -> tuple[Judged, ...]:
    """Every random point, looked up once."""
    areas = Areas.committed()
    return tuple(
        _judge(shapes, jis, jis if wards else areas.city_of_ward(jis) or jis, lat, lon)
        for jis, lat, lon in random_places()
    )


def _judge(shapes: Shapes, jis: str, expected: str, lat: float, lon: float) -> Judged:
    try:
        found = shapes.at(lat, lon)
    except OutsideJapan:
        return Judged(jis, False, False, False)
    right = expected in {code[:5] for code in found.inside}
    near = expected in {code[:5] for code in found.near}
    return Judged(jis, right and not found.repaired, right, right or near)


def rates(points: Sequence[Judged]) -> tuple[float, float, float]:
    """Shares of the points: in the right municipality at once; after repair; not even near it."""
    number = len(points)
    return (
        sum(p.at_once for p in points) / number,
        sum(p.right for p in points) / number,
        sum(not p.kept for p in points) / number,
    )


@cache
def committed() -> Shapes:
    """The polygons that came with the program."""
    return Shapes.committed()


@pytest.mark.parametrize(("jis", "lat", "lon"), KNOWN)
def test_known_points_lie_where_they_lie(jis: str, lat: float, lon: float) -> None:
    areas = Areas.committed()
    expected = areas.city_of_ward(jis) or jis  # JMA draws no wards in Kumamoto
    assert committed().at(lat, lon).inside == (f"{expected}00",)


@needs_samples
@pytest.mark.parametrize(("jis", "lat", "lon"), KNOWN)
def test_known_points_lie_in_their_ward_with_n03(jis: str, lat: float, lon: float) -> None:
    assert with_n03().at(lat, lon).inside == (f"{jis}00",)


@needs_samples
def test_jma_polygons_are_as_exact_as_measured() -> None:
    points = judged(committed(), False)
    assert len(points) >= POINTS - len(MUNICIPALITIES)
    at_once, repaired, lost = rates(points)
    assert at_once >= 0.986 and repaired >= 0.988, (at_once, repaired)
    assert lost <= 0.002, f"{lost:.2%} of the people would lose the municipality they live in"


@needs_samples
def test_boundaries_of_n03_are_as_exact_as_measured() -> None:
    at_once, repaired, lost = rates(judged(with_n03(), True))
    assert at_once >= 0.989 and repaired >= 0.991, (at_once, repaired)
    assert lost <= 0.002, f"{lost:.2%} of the people would lose the ward they live in"


@needs_samples
@pytest.mark.parametrize("jis", MUNICIPALITIES)
def test_nobody_loses_the_municipality_they_live_in(jis: str) -> None:
    points = [point for point in judged(committed(), False) if point.jis == jis]
    assert len(points) >= 100
    assert rates(points)[2] <= 0.002
