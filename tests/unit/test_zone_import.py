"""Files of flood and landslide areas: what goes in, and what is reported with its place."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import shapely

from geo.areas import Areas
from geo.importers import archive
from geo.importers.archive import ArchiveError
from geo.importers.features import FeatureFileError, FeatureReader
from geo.importers.rows import Fault
from geo.shapes import Shapes
from geo.zone_cells import box_of, cell_at, cells_near, cells_touched
from geo.zone_import import NotZones, ZoneImport
from geo.zones import ZoneKind
from ops.geo_zones import edition_of, report_lines
from tests.zone_files import HILL, RIVERSIDE, collection, flood, landslide, square, write, zipped


def read(*paths: Path, prefecture: str = "43") -> ZoneImport:
    wanted = ZoneImport(prefecture, Shapes.load(), Areas.load())
    wanted.read(paths)
    return wanted


LON, LAT = RIVERSIDE[1], RIVERSIDE[0]
CORNERS = [[0, 0], [0.01, 0.01], [0.01, 0], [0, 0.01], [0, 0]]
BOW_TIE = {"type": "Polygon", "coordinates": [[[LON + x, LAT + y] for x, y in CORNERS]]}
SWAPPED = {"type": "Polygon", "coordinates": [[[y, x] for x, y in square(*RIVERSIDE)["coordinates"][0]]]}
TOKYO = {"type": "name", "properties": {"name": "EPSG:4301"}}
TOKYO_OF_2008 = {"type": "EPSG", "properties": {"code": 4301}}
METRES = {"type": "name", "properties": {"name": "EPSG:2444"}}
OF_TODAY = (
    "EPSG:4326",
    "urn:ogc:def:crs:EPSG::6668",
    "urn:ogc:def:crs:EPSG::4612",
    "urn:ogc:def:crs:OGC:1.3:CRS84",
    None,
)
ELSEWHERE = ("../up.geojson", "/etc/up.geojson", "C:/up.geojson", "a/../../up.geojson", "x\x1b.geojson")


def numbered(value: Any) -> dict[str, Any]:
    shape = square(*RIVERSIDE)
    shape["coordinates"][0][1] = [value, LAT]
    return shape


@pytest.mark.parametrize(
    ("row", "fault", "sentence"),
    [
        (flood(numbered("130.7x")), Fault.NUMBER, "not two numbers"),
        (flood(numbered(float("nan"))), Fault.NUMBER, "not a number"),
        (flood(numbered(None)), Fault.NUMBER, "not two numbers"),
        (flood(numbered([1])), Fault.NUMBER, "not two numbers"),
        (flood(SWAPPED), Fault.SWAPPED, "latitude and longitude are swapped"),
        (flood(square(35.68, 139.76)), Fault.OUTSIDE, "outside the prefecture"),
        (flood(square(48.85, 2.35)), Fault.OUTSIDE, "not in Japan"),
        (flood(rank=9), Fault.RANK, "depth rank 9; the code list has 1 to 6"),
        (flood(rank=None), Fault.RANK, "says None"),
        (flood(rank=True), Fault.RANK, "says True"),
        (flood(code="", name=""), Fault.FIELD, "names no river"),
        (flood({"type": "LineString", "coordinates": [[LON, LAT], [LON, LAT]]}), Fault.SHAPE, "a LineString"),
        (flood({"type": "Polygon", "coordinates": []}), Fault.SHAPE, "no corners"),
        (flood({"type": "Polygon", "coordinates": [[[LON, LAT]] * 3]}), Fault.SHAPE, "3 corners"),
        (flood({"type": "Polygon", "coordinates": [[[LON, LAT]] * 5]}), Fault.SHAPE, "covers nothing"),
        (flood() | {"geometry": None}, Fault.SHAPE, "missing"),
        (flood() | {"crs": TOKYO}, Fault.DATUM, "old Tokyo datum, about 400 m off"),
        ("not an object", Fault.SHAPE, "not a feature"),
    ],
    ids=lambda value: value.value if isinstance(value, Fault) else "",
)
def test_a_bad_row_is_reported_with_its_place_and_the_rest_goes_in(
    tmp_path: Path, row: Any, fault: Fault, sentence: str
) -> None:
    builder = read(write(tmp_path, "rows.geojson", flood(), row, flood(rank=1))).found()[ZoneKind.FLOOD]
    (problem,) = builder.problems
    assert (problem.file, problem.feature, problem.fault) == ("rows.geojson", 2, fault)
    assert sentence in str(problem)
    if isinstance(row, dict) and row["geometry"] and row["geometry"]["coordinates"]:
        assert problem.at and problem.at in str(problem)
    assert (builder.taken, builder.left_out) == (2, 1)
    assert {piece.row.rank for piece in builder.pieces()} == {1, 3}


def test_a_polygon_that_crosses_itself_is_repaired_and_reported(tmp_path: Path) -> None:
    builder = read(write(tmp_path, "bow.geojson", flood(BOW_TIE))).found()[ZoneKind.FLOOD]
    assert [problem.fault for problem in builder.problems] == [Fault.REPAIRED]
    assert (builder.taken, builder.left_out) == (1, 0)
    (piece,) = builder.pieces()
    shape = shapely.from_wkb(piece.wkb)
    assert shape.is_valid and shape.area == pytest.approx(0.5 * 0.01 * 0.01, rel=0.05)


@pytest.mark.parametrize("crs_last", [False, True])
@pytest.mark.parametrize("crs", [TOKYO, TOKYO_OF_2008, METRES])
def test_a_file_in_another_datum_stays_out_and_the_other_files_go_in(tmp_path: Path, crs: Any, crs_last: bool) -> None:
    good = write(tmp_path, "good.geojson", flood())
    wanted = read(good, write(tmp_path, "old.geojson", flood(rank=6), crs=crs, crs_last=crs_last))
    builder = wanted.found()[ZoneKind.FLOOD]
    assert [piece.row.rank for piece in builder.pieces()] == [3]
    (problem,) = builder.problems
    assert problem.file == "old.geojson" and problem.fault is Fault.DATUM
    assert wanted.incomplete == {ZoneKind.FLOOD}
    assert any("not known" in line for line in report_lines(wanted, "43"))


@pytest.mark.parametrize("name", OF_TODAY)
def test_what_is_in_degrees_of_today_is_taken(tmp_path: Path, name: str | None) -> None:
    crs = None if name is None else {"type": "name", "properties": {"name": name}}
    assert read(write(tmp_path, "a.geojson", flood(), crs=crs)).found()[ZoneKind.FLOOD].taken == 1


def test_rows_are_dissolved_by_river_and_rank_and_cut_at_the_cells(tmp_path: Path) -> None:
    edge = 130.875  # between the cells 483026 and 483027
    rows = [flood(square(32.21, edge + shift)) for shift in (-0.002, 0.0, 0.002)]
    rows += [flood(rank=1), flood(rank=2, planned=True), flood(code="x", name="万江川", rank=1)]
    pieces = list(read(write(tmp_path, "a.geojson", *rows)).found()[ZoneKind.FLOOD].pieces())
    assert [(p.cell, p.row.name, p.row.scale, p.row.rank) for p in pieces] == [
        ("483026", "球磨川", "largest", 1),
        ("483026", "球磨川", "largest", 3),
        ("483027", "球磨川", "largest", 3),
        ("483026", "球磨川", "planned", 2),
        ("483026", "万江川", "largest", 1),
    ]
    west, east = (shapely.from_wkb(pieces[i].wkb) for i in (1, 2))
    assert west.bounds[2] == east.bounds[0] == edge and west.geom_type == "Polygon"


def test_one_river_written_in_two_ways_is_one(tmp_path: Path) -> None:
    builder = read(write(tmp_path, "a.geojson", flood(), flood(name="球磨川水系球磨川"))).found()[ZoneKind.FLOOD]
    assert [piece.row.name for piece in builder.pieces()] == ["球磨川"]


@pytest.mark.parametrize(("zone", "rank"), [(1, 1), ("2", 2), (3, 1), (4, 2)])
def test_landslide_zones_are_yellow_or_red(tmp_path: Path, zone: Any, rank: int) -> None:
    builder = read(write(tmp_path, "s.geojson", landslide(square(*HILL), zone=zone))).found()[ZoneKind.LANDSLIDE]
    assert [(p.row.name, p.row.rank) for p in builder.pieces()] == [("土石流", rank)]


@pytest.mark.parametrize(("phenomenon", "zone"), [(4, 1), (2, 5), (2, ""), (None, 1)])
def test_codes_that_the_lists_do_not_have_are_reported(tmp_path: Path, phenomenon: Any, zone: Any) -> None:
    rows = (landslide(square(*HILL)), landslide(square(*HILL), phenomenon, zone))
    builder = read(write(tmp_path, "s.geojson", *rows)).found()[ZoneKind.LANDSLIDE]
    assert [problem.fault for problem in builder.problems] == [Fault.RANK] and builder.taken == 1


def test_a_zip_as_published_is_read_and_what_holds_no_depth_is_passed_over(tmp_path: Path) -> None:
    duration = flood()
    duration["properties"] = {"A31a_301": "x", "A31a_305": 2}
    members = {
        "A31a-24_43/20_想定最大規模/A31a-20-24_43.geojson": collection(flood()),
        "A31a-24_43/30_浸水継続時間/A31a-30-24_43.geojson": collection(duration),
        "A31a-24_43/readme.txt": "x",
    }
    wanted = read(zipped(tmp_path, "A31a-24_43_10_GEOJSON.zip", members))
    assert wanted.found()[ZoneKind.FLOOD].taken == 1
    assert wanted.passed_over == ["A31a-24_43_10_GEOJSON.zip: A31a-24_43/30_浸水継続時間/A31a-30-24_43.geojson"]


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_member_that_points_elsewhere_refuses_the_archive(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArchiveError, match="points outside"):
        read(zipped(tmp_path, "evil.zip", {name: collection(flood())}))


def test_an_archive_that_unpacks_to_too_much_is_refused_unread(tmp_path: Path) -> None:
    bomb = zipped(tmp_path, "bomb.zip", {"a.geojson": " " * (archive._RATIO_FROM + 1_000_000)})
    with pytest.raises(ArchiveError, match="200 times its size"):
        read(bomb)


def test_a_damaged_archive_and_one_without_polygons_say_so(tmp_path: Path) -> None:
    broken = tmp_path / "cut.zip"
    whole = zipped(tmp_path, "whole.zip", {"a.geojson": collection(*[flood()] * 50)}).read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArchiveError, match="damaged zip"):
        read(broken)
    with pytest.raises(ArchiveError, match="holds no file ending in"):
        read(zipped(tmp_path, "shape.zip", {"a.shp": "x"}))
    spoilt = bytearray(whole)
    spoilt[60:90] = bytes(30)
    broken.write_bytes(bytes(spoilt))
    with pytest.raises(ArchiveError, match="damaged"):
        read(broken)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "ends too early"),
        ("[]", "at its beginning"),
        ('{"type": "FeatureCollection"}', "no list of features"),
        ('{"features": [', "ends too early"),
        ('{"features": [{"a": 1}, {"a": ', "after feature 2"),
        ('{"features": [{"a": 1} {"a": 2}]}', "where a comma"),
        ('{"features": [' + "[" * 100_000, "not readable"),
        ('{"a" 1}', "where ':' was due"),
    ],
)
def test_a_file_that_breaks_off_is_refused_whole(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(text)
    with pytest.raises(FeatureFileError, match=sentence) as refused:
        read(path)
    assert "a.geojson" in str(refused.value)


def test_a_file_without_zones_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotZones, match="A31a_205"):
        read(write(tmp_path, "x.geojson", {"type": "Feature", "properties": {}, "geometry": square(*HILL)}))
    with pytest.raises(FeatureFileError, match="not UTF-8"):
        (tmp_path / "sjis.geojson").write_bytes(collection(flood()).encode("cp932"))
        read(tmp_path / "sjis.geojson")
    with pytest.raises(ValueError, match="there is no prefecture 48"):
        ZoneImport("48", Shapes.load(), Areas.load())


class Trickle(io.BytesIO):
    """Gives a few bytes at a time, in the middle of signs and numbers too."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(7)


def test_features_are_read_whatever_the_pieces_they_come_in() -> None:
    rows = [{"n": 12345.678, "s": "球磨川", "l": [[1, 2], []]}, 5, {"x": None}]
    text = "\ufeff" + json.dumps({"a": {"b": [1]}, "features": rows, "z": 70}, ensure_ascii=False)
    reader = FeatureReader(Trickle(text.encode()), "t")
    assert list(reader) == [(1, rows[0]), (2, 5), (3, rows[2])]
    assert reader.members == {"a": {"b": [1]}, "z": 70}
    assert list(FeatureReader(Trickle(b'{"features": []}'), "t")) == []


@pytest.mark.parametrize(
    ("names", "edition"),
    [
        (["A31a-24_43_10_GEOJSON.zip", "x/A31a-24_89_10_GEOJSON.zip"], "2024"),
        (["A33-23_43_GEOJSON.zip"], "2023"),
        (["A31a-20-22_43.geojson", "A31a-10-21_43.geojson"], "2021, 2022"),
        (["flood.geojson"], "not stated"),
    ],
)
def test_the_edition_is_what_the_names_say(names: list[str], edition: str) -> None:
    assert edition_of(names) == edition


def test_a_place_at_the_edge_of_a_cell_looks_into_the_next_one() -> None:
    assert cells_near(32.21, 130.8745, 300.0) == ["483026", "483027"]
    assert cells_near(32.21, 130.81, 300.0) == ["483026"]
    assert len(cells_near(32.25, 130.875, 300.0)) == 4
    assert box_of(cell_at(32.21, 130.76)) == (130.75, pytest.approx(32.1666667), 130.875, 32.25)
    assert cell_at(35.6812, 139.7671) == "533946"  # Tokyo station
    for code in cells_touched(129.0, 31.0, 132.0, 34.0):
        west, south, east, north = box_of(code)
        assert cell_at((south + north) / 2, (west + east) / 2) == code
