"""Points to municipalities over the committed polygons."""

from __future__ import annotations

import pytest

from geo.areas import Areas, UnknownArea
from geo.shapes import OutsideJapan, Shapes


@pytest.fixture(scope="module")
def shapes() -> Shapes:
    return Shapes.load()


@pytest.mark.parametrize(
    ("name", "lat", "lon", "code"),
    [
        ("Kumamoto Chuo, the castle", 32.8061, 130.7058, "4310000"),
        ("Kumamoto Higashi, the prefectural office's east", 32.7800, 130.7600, "4310000"),
        ("Kumamoto Nishi, Kumamoto station's west", 32.7850, 130.6600, "4310000"),
        ("Kumamoto Minami, Tomiai", 32.6990, 130.6990, "4310000"),
        ("Kumamoto Kita, Ueki", 32.9000, 130.6850, "4310000"),
        ("Mashiki town hall", 32.7873, 130.8167, "4344300"),
        ("Minamiaso village", 32.8200, 131.0300, "4343300"),
        ("Hitoyoshi city hall", 32.2100, 130.7625, "4320300"),
        ("Kuma village", 32.2430, 130.6500, "4351300"),
        ("Nagareyama", 35.8563, 139.9027, "1222000"),
        ("Yatsushiro, the plain", 32.5070, 130.6020, "4320211"),
        ("Yatsushiro, Izumi in the mountains", 32.5600, 130.8700, "4320212"),
    ],
)
def test_known_points(shapes: Shapes, name: str, lat: float, lon: float, code: str) -> None:
    assert shapes.at(lat, lon).inside == (code,), name


def test_a_point_by_a_border_belongs_to_both_sides(shapes: Shapes) -> None:
    # Kumamoto and Mashiki meet east of the airport road; walk over the border in steps of about 90 m.
    seen = [shapes.at(32.7900, 130.7750 + step * 0.001) for step in range(40)]
    border = next(i for i in range(39) if seen[i].inside == ("4310000",) and seen[i + 1].inside == ("4344300",))
    assert "4344300" in seen[border].near
    assert "4310000" in seen[border + 1].near
    assert seen[0].near == ()  # some kilometres inside the city


def test_a_quay_outside_every_polygon_belongs_to_the_nearest(shapes: Shapes) -> None:
    at = shapes.at(32.7500, 130.5600)  # in Ariake sea, off Kumamoto Nishi
    assert at.repaired
    assert at.inside == ("4310000",)


@pytest.mark.parametrize(("lat", "lon"), [(21.03, 105.85), (30.0, 140.9), (37.57, 126.98), (float("nan"), 130.0)])
def test_points_outside_japan_are_refused(shapes: Shapes, lat: float, lon: float) -> None:
    with pytest.raises(OutsideJapan, match=r"in no municipality|not a point"):
        shapes.at(lat, lon)


def test_shapes_of_larger_areas_are_unions(shapes: Shapes) -> None:
    areas = Areas.load()
    aso, prefecture = shapes.polygon("jma.quake_area", "740", areas), shapes.polygon("jma.quake_pref", "43", areas)
    assert aso.is_valid and prefecture.is_valid
    assert prefecture.covers(aso.representative_point())
    whole = sum(shapes.polygon("jma.quake_area", c, areas).area for c in ("740", "741", "742", "743"))
    assert prefecture.area == pytest.approx(whole, rel=1e-6)
    assert shapes.polygon("jma.office", "430000", areas).area == pytest.approx(prefecture.area, rel=1e-6)


def test_a_split_city_is_the_union_of_its_parts(shapes: Shapes) -> None:
    areas = Areas.load()
    parts = sum(shapes.polygon("jma.city", code, areas).area for code in ("4320211", "4320212"))
    assert shapes.polygon("jma.city", "4320200", areas).area == pytest.approx(parts, rel=1e-6)


def test_a_ward_without_own_polygon_has_its_citys_shape(shapes: Shapes) -> None:
    areas = Areas.load()
    city = shapes.polygon("jma.city", "4310000", areas)
    assert shapes.polygon("jis", "43103", areas).equals(city)
    assert shapes.polygon("jis", "26101", areas).area < shapes.polygon("jma.city", "2610000", areas).area


def test_every_municipality_has_a_shape(shapes: Shapes) -> None:
    areas = Areas.load()
    for row in areas.rows("jis"):
        assert not shapes.polygon("jis", row.code, areas).is_empty, row


def test_a_river_has_no_shape(shapes: Shapes) -> None:
    with pytest.raises(UnknownArea, match=r"no polygon for area jma\.river:8909110001"):
        shapes.polygon("jma.river", "8909110001", Areas.load())
