"""Newer tables of JMA and boundaries of N03, as they are read: what changes, and what is refused with its name."""

from __future__ import annotations

import json
from typing import Any

import pytest
import shapely

from core.model import AreaCode
from geo.areas import Areas
from geo.differences import difference
from geo.shapes import Shapes
from geo.tables import AreaDataError, AreaTable, read_polygons, read_table
from geo.update_jma import read_area_tree, unions_by_rule, with_area_tree
from geo.update_n03 import edition_of, holds_n03, read_n03, replaced
from tests.area_tree import tree_of

Tree = dict[str, dict[str, dict[str, Any]]]


def read(tree: Tree) -> Any:
    return read_area_tree(json.dumps(tree).encode(), "area.json")


@pytest.fixture
def tree() -> Tree:
    return tree_of(read_table())


def test_the_tree_of_today_changes_nothing(tree: Tree) -> None:
    table = read_table()
    after = with_area_tree(table, read(tree), "2026-07-07")
    assert sorted(after.rows, key=lambda r: (r.scheme, r.code)) == table.rows


def test_offices_that_only_tornado_warnings_know_stay(tree: Tree) -> None:
    assert "012010" not in tree["offices"] and tree["class10s"]["012010"]["parent"] == "012000"
    tree["class10s"]["012010"]["parent"] = "011000"
    areas = Areas(*with_area_tree(read_table(), read(tree), "2026-07-07"))
    assert [p.code for p in areas.parents("jma.class10", "012010")] == ["011000", "012010"]


def test_a_split_and_a_moved_area(tree: Tree) -> None:
    tree["class20s"]["4344311"] = {"name": "益城町西部", "enName": "Mashiki West", "kana": "x", "parent": "430011"}
    tree["class20s"]["4344312"] = {"name": "益城町東部", "enName": "Mashiki East", "kana": "y", "parent": "430020"}
    tree["class15s"]["430020"] |= {"name": "新阿蘇地方", "enName": "New Aso Region"}
    del tree["class20s"]["4344300"]
    table = read_table()
    after = with_area_tree(table, read(tree), "2027-05-01")
    lines = difference(table, after)
    assert "jma.city: edition 2026-07-07 -> 2027-05-01" in lines
    assert [line for line in lines if line.startswith(("+", "-"))] == [
        "+ jma.city:4344311 益城町西部", "+ jma.city:4344312 益城町東部",
    ]  # fmt: skip
    assert any(line.startswith("~ jma.class15:430020 新阿蘇地方: name ") for line in lines)
    areas = Areas(*after)
    codes = areas.codes_for_jis("43443")
    assert {AreaCode("jma.city", c) for c in ("4344300", "4344311", "4344312")} <= set(codes)
    assert AreaCode("jma.class15", "430020") in codes
    assert areas.name("jma.city", "4344311", "en") == "Mashiki West"
    assert AreaCode("jma.city", "4344312") not in areas.codes_for_jis("43443", ["4344311"])


def test_a_warning_area_in_a_municipality_we_do_not_know_is_refused(tree: Tree) -> None:
    tree["class20s"]["4399900"] = {"name": "新市", "enName": "New", "kana": "", "parent": "430011"}
    with pytest.raises(AreaDataError, match="4399900 新市 lies in the municipality 43999.*update the program"):
        with_area_tree(read_table(), read(tree), "2027-05-01")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"<html>", "is not JMA's area.json"),
        (b"[]", "is not JMA's area.json"),
        (b'{"offices": {}, "class10s": {}, "class15s": {}}', "KeyError: 'class20s'"),
        (b'{"offices": {}, "class10s": {}, "class15s": {}, "class20s": {}}', "only 0 warning areas"),
        (
            b'{"offices": {}, "class10s": {"1": {"name": "x", "parent": "9"}}, "class15s": {}, "class20s": {}}',
            "parent 9",
        ),
        (
            b'{"offices": {"0": {}}, "class10s": {"x": {"name": "x", "parent": "0"}}, "class15s": {}, "class20s": {}}',
            "'x' has no name, or is no code",
        ),
    ],
)
def test_another_file_is_refused(content: bytes, complaint: str) -> None:
    with pytest.raises(AreaDataError, match=complaint):
        read_area_tree(content, "area.json")


def test_a_warning_area_nobody_draws_gets_what_stands_for_it() -> None:
    table = read_table()
    drawn = [code for code, _ in read_polygons()]
    rows, notes = unions_by_rule(table.rows, drawn)
    assert (rows, notes) == (table.rows, [])  # the committed unions are complete
    rows, notes = unions_by_rule(table.rows, [code for code in drawn if code not in ("2810000", "4344300")])
    assert "4344300 益城町 is not drawn: nothing stands for it" in notes
    assert "2810100 神戸市東灘区 is not drawn: nothing stands for it" in notes
    rows, notes = unions_by_rule([r._replace(polygons=()) for r in table.rows], drawn)
    assert "2810100 神戸市東灘区 is not drawn: 2810000 stands for it" in notes
    assert "4320200 八代市 is not drawn: 4320211 4320212 stands for it" in notes


def feature(code: str | None, west: float, south: float = 32.7, size: float = 0.05) -> dict[str, Any]:
    ring = [[west, south], [west + size, south], [west + size, south + size], [west, south + size], [west, south]]
    return {"type": "Feature", "properties": {"N03_007": code}, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def geojson(*features: dict[str, Any]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def test_boundaries_come_whole() -> None:
    found = read_n03(
        geojson(feature("43103", 130.7), feature("43103", 130.9), feature("43104", 130.75), feature(None, 131.0)),
        "N03-20260101_43.geojson",
        "43",
    )
    assert [code for code, _ in found.polygons] == ["4310300", "4310400"]
    assert len(found.notes) == 1 and "feature 4: land that belongs to no municipality" in found.notes[0]
    east = shapely.from_wkb(found.polygons[0][1])
    assert len(east.geoms) == 2 and east.area == pytest.approx(2 * 0.05**2, rel=0.01)


def test_only_the_prefecture_asked_for() -> None:
    found = read_n03(geojson(feature("43103", 130.7), feature("12220", 139.9, 35.8)), "x", "12")
    assert [code for code, _ in found.polygons] == ["1222000"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"PK", "is not N03 as GeoJSON"),
        (b"{}", "is not N03 as GeoJSON"),
        (geojson(feature("4310", 130.7)), "feature 1: N03_007 is '4310'"),
        (geojson(feature("12220", 130.7)), "no municipality of prefecture 43"),
        (geojson(feature("43103", 32.7, 130.7)), "latitude and longitude are swapped"),
        (geojson(feature("43103", -25_000.0, 32_000.0, 500.0)), "not degrees of JGD2011"),
        (
            geojson({"properties": {"N03_007": "43103"}, "geometry": {"type": "Point", "coordinates": [130, 32]}}),
            "43103",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named(content: bytes, complaint: str) -> None:
    with pytest.raises((AreaDataError, ValueError), match=complaint):
        read_n03(content, "file.geojson", "43")


def test_a_prefecture_replaces_only_itself() -> None:
    before = [("1222000", b"old"), ("4310300", b"old"), ("4310400", b"old")]
    assert replaced(before, {"43": [("4310300", b"new")]}) == [("1222000", b"old"), ("4310300", b"new")]


def test_editions_and_kinds_of_file() -> None:
    assert edition_of("https://x/N03-2026/N03-20260101_43_GML.zip") == "2026-01-01"
    assert edition_of("43.geojson") == ""
    assert holds_n03(geojson(feature("43103", 130.7))) and not holds_n03(b'{"features": []}')


def test_with_boundaries_a_point_tells_the_ward_and_the_part() -> None:
    areas = Areas.committed()
    east, north, yatsushiro = ("4310300", 130.77, 32.79), ("4310500", 130.70, 32.84), ("4320200", 130.65, 32.50)
    n03 = [
        (code, bytes(shapely.to_wkb(shapely.box(lon - 0.02, lat - 0.02, lon + 0.02, lat + 0.02))))
        for code, lon, lat in (east, north, yatsushiro)
    ]
    plain, finer = Shapes.committed(), Shapes(read_polygons(), n03, areas)
    assert plain.at(32.79, 130.77).inside == ("4310000",)
    assert "4310300" in finer.at(32.79, 130.77).inside
    assert (
        "4310000" in finer.at(32.79, 130.77).inside
    )  # only two of five wards are there: JMA's city counts beside them
    found = finer.at(32.50, 130.65)
    assert found.inside == ("4320200", "4320211")
    assert finer.polygon("jis", "43103", areas).area == pytest.approx(0.04**2)
    assert finer.polygon("jma.city", "4310300", areas).area == pytest.approx(0.04**2)
    assert finer.polygon("jma.city", "4310000", areas).equals(plain.polygon("jma.city", "4310000", areas))
    assert finer.touched_by(shapely.Point(130.77, 32.79)) == ("4310000",)
    wards = [
        (f"4310{n}00", bytes(shapely.to_wkb(shapely.box(130.5 + n / 20, 32.7, 130.55 + n / 20, 32.9))))
        for n in range(1, 6)
    ]
    whole = Shapes(read_polygons(), wards, areas)
    assert whole.at(32.79, 130.675).inside == ("4310300",)
    assert whole.at(32.79, 130.6501).near == ("4310200",)


def test_fetched_rows_are_as_good_as_built_ones(tree: Tree) -> None:
    after = with_area_tree(read_table(), read(tree), "2027-05-01")
    assert after.vintages["jma.city"].edition == "2027-05-01" and after.vintages["jis"] == read_table().vintages["jis"]
    assert isinstance(after, AreaTable) and Areas(*after).vintage("jma.class15").source.endswith("area.json")
