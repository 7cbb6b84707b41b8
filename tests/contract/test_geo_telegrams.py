"""The area table and what telegrams say agree: every code, its name, and what it stands in.

Our own telegrams and scenarios always; the recorded ones of every source where ../shared is.
"""

from __future__ import annotations

import base64
import gzip
import json
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from core.model import AreaCode, UnreadableReport
from core.settings import Settings
from feeds.inspect import parse_any
from geo.areas import Areas
from geo.shapes import Shapes
from geo.tables import read_table
from geo.unions import missing_unions, read_unions
from tests.area_codes import Named, codes, same_name

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "tests" / "samples" / "feeds"
SHARED = ROOT.parent / "shared"
RECORDED, GEO = SHARED / "feed-samples", SHARED / "geo-samples"
needs_telegrams = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="../shared/feed-samples is not here: recorded telegrams are not in the repository"
)
needs_tables = pytest.mark.skipif(
    not GEO.is_dir(), reason="../shared/geo-samples is not here: JMA's tables are not in the repository"
)
AREAS = Areas.committed()

#: Invented places of JMA's format examples.
INVENTED = {
    ("jma.city", "0000000"), ("jma.office", "990000"), ("jma.gauge", "12345678901234567"), ("jma.river", "0000000000"),
    ("jma.river", "1234567890"), ("jma.river", "9876543210"), ("jma.river_section", "123456789012"),
}  # fmt: skip
#: Rivers with water levels only (水位周知河川, VXSU) have codes of their own that JMA's tables do not name; nor do they
#: name the sections of storm-surge warnings (高潮予報区間).
IN_NO_TABLE = {
    ("jma.river", "82018131"), ("jma.river_section", "8201813100"), ("jma.gauge", "820181310000081"),
    ("jma.surge_section", "2635999"),
}  # fmt: skip
#: What was called otherwise when the telegram was written, is written with another character, or mistyped in a drill.
CALLED_OTHERWISE = {
    "2520300": "余呉町",  # joined 長浜市 in 2010
    "2722900": "四条畷市",
    "2822100": "篠山市",  # 丹波篠山市 since 2019
    "3940500": "梼原町",
    "4220201": "佐世保市",
    "4220202": "佐世保市宇久島",
    "311": "栃木現南部",
    "772": "奄美諸島・トカラ列島",
}


def own_telegrams() -> list[Path]:
    return sorted(OWN.rglob("*.*"))


def recorded() -> list[Path]:
    """Recorded reports of every source; what no feed of ours can read is no report (schemas, lists, notes)."""
    return sorted(path for path in RECORDED.glob("*/*") if path.suffix in (".xml", ".json", ".cap", ".geojson"))


@cache
def named_by_events(*paths: Path) -> frozenset[tuple[str, str, str, str]]:
    """(scheme, code, name, file) of every area of every event, as our feeds read the files."""
    found, settings = set(), Settings()
    for path in paths:
        try:
            parsed = parse_any(path.read_bytes(), settings)
        except UnreadableReport:
            continue
        found |= {(a.scheme, a.code, a.name, path.name) for event in parsed.events for a in event.areas}
    return frozenset(found)


@cache
def named_in_xml() -> tuple[tuple[Named, str], ...]:
    """Every area of the recorded telegrams of JMA, as written."""
    return tuple((named, path.name) for path in sorted(RECORDED.glob("jma-*/*.xml")) for named in codes(path, AREAS))


def unknown(seen: Iterator[tuple[str, str, str]]) -> dict[tuple[str, str], str]:
    return {(s, c): where for s, c, where in seen if AreaCode(s, c) not in AREAS and (s, c) not in INVENTED}


def misnamed(seen: Iterator[tuple[str, str, str, str]]) -> list[str]:
    return sorted(
        f"{where}: {scheme}:{code} {name}, in the table {AREAS.name(scheme, code)}"
        for scheme, code, name, where in seen
        if AreaCode(scheme, code) in AREAS
        and not same_name(name, AREAS.name(scheme, code))
        and CALLED_OTHERWISE.get(code) != name
    )


# ---------------------------------------------------------------- what stands in the repository


def test_our_own_telegrams_name_only_areas_of_the_table() -> None:
    seen = named_by_events(*own_telegrams())
    assert len(seen) > 40
    lost = unknown((s, c, where) for s, c, _, where in seen)
    # Our telegrams make up rivers, gauges and a volcano, to be free of any real flood.
    made_up = ("jma.gauge", "jma.river", "jma.river_section", "jma.surge_section")
    assert {key for key in lost if key[0] not in made_up} == {("jma.volcano", "599")}
    towns = ("jma.city", "jma.quake_area", "jma.quake_pref", "jma.tsunami_area")
    assert misnamed(named for named in seen if named[0] in towns) == []


def test_scenarios_name_areas_as_the_table_does() -> None:
    checked = 0
    for path in sorted((ROOT / "scenarios").glob("*.toml")):
        scenario: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        for group in scenario["quake_areas"]:
            (pref, pref_name), (area, area_name) = group["pref"], group["area"]
            assert same_name(pref_name, AREAS.name("jma.quake_pref", pref))
            assert same_name(area_name, AREAS.name("jma.quake_area", area))
            assert AREAS.parents("jma.quake_area", area) == (AreaCode("jma.quake_pref", pref),)
            for line in (line for lines in group.get("cities", {}).values() for line in lines):
                code, name = line.split(" ")
                checked += 1
                ours = AREAS.name("jma.city", code)
                assert same_name(name, ours) or CALLED_OTHERWISE.get(code) == name, (path.name, line, ours)
                if not AREAS.is_retired("jma.city", code):
                    assert AREAS.quake_area_of_city(code) == area, (path.name, line)
    assert checked > 200


def test_every_warning_area_is_drawn_or_has_a_stated_union() -> None:
    shapes = Shapes.committed()
    warning_areas = [row for row in AREAS.rows("jma.city") if any(p.scheme == "jma.class15" for p in row.parents)]
    assert len(warning_areas) >= 1_805
    assert missing_unions(warning_areas, shapes.codes()) == []
    for row in AREAS.rows("jma.city"):
        assert row.retired or not shapes.polygon("jma.city", row.code, AREAS).is_empty, row


def test_stated_unions_are_of_polygons_that_exist() -> None:
    drawn = set(Shapes.committed().codes())
    for code, union in read_unions().items():
        row = AREAS.row("jma.city", code)
        assert code not in drawn, f"{code} {union.name} is drawn itself"
        assert set(union.polygons) <= drawn and row.polygons == union.polygons, (code, union)
        assert len(union.reason) > 20


def test_places_of_2026_are_in_their_parts() -> None:
    """八代市, 神戸 by ward, 奈良, 横浜: areas that JMA split in May 2026 (八代市 and 横浜 by polygon)."""
    shapes = Shapes.committed()
    for lat, lon, parts in (
        (32.5075, 130.6018, ("4320211",)),  # Yatsushiro, the city hall
        (32.4650, 130.6765, ("4320212",)),  # Yatsushiro, the hills of Sakamoto
        (35.5330, 139.5850, ("1410011",)),  # Yokohama, Tsuzuki
        (35.4000, 139.5960, ("1410012",)),  # Yokohama, Konan
    ):
        assert shapes.at(lat, lon).inside == parts
        jis = parts[0][:5]
        inside = {c.code for c in AREAS.codes_for_jis(jis, parts) if c.scheme == "jma.city"}
        assert parts[0] in inside and not {p for p in AREAS.parts_of(jis) if p != parts[0]} & inside
    assert AREAS.codes_for_jis("28101") and AreaCode("jma.city", "2810100") in AREAS.codes_for_jis("28101")
    assert AreaCode("jma.city", "2810200") not in AREAS.codes_for_jis("28101")
    nara = {c.code for c in AREAS.codes_for_jis("29201") if c.scheme == "jma.city"}
    assert {"2920101", "2920102"} <= nara  # nobody draws them: whoever lives in Nara lies in both


def test_a_warning_area_of_several_drawn_parts_counts_for_each_of_them() -> None:
    for part in ("3620711", "3620712", "3620713"):  # 脇, 美馬, 穴吹: one warning area
        codes_of = AREAS.codes_for_jis("36207", [part])
        assert AreaCode("jma.city", "3620701") in codes_of
        assert AreaCode("jma.city", "3620702") not in codes_of
    assert AreaCode("jma.city", "3620701") not in AREAS.codes_for_jis("36207", ["3620702"])


def test_names_and_readings_are_there() -> None:
    for row in read_table().rows:
        assert row.name, row
        assert row.latin or row.retired or row.scheme == "jma.gauge", row  # JMA gives no readings of gauges
    assert AREAS.name("jma.volcano", "503", "en") == "Asosan"
    assert AREAS.parents("jma.gauge", AREAS.rows("jma.gauge")[0].code)[0].scheme == "jma.river"


@pytest.mark.parametrize(
    ("told", "ours", "same"),
    [
        ("渡島松前町", "松前町", True), ("京都上京区", "京都市上京区", True), ("三種町", "潟上市・三種町", True),
        ("鎌ヶ谷市", "鎌ケ谷市", True), ("石狩支庁北部", "石狩地方北部", True), ("有明・八代海", "有明・八代海", True),
        ("益城町", "御船町", False), ("熊本県", "熊本県熊本", False), ("", "益城町", False),
    ],
)  # fmt: skip
def test_when_two_names_agree(told: str, ours: str, same: bool) -> None:
    assert same_name(told, ours) is same


# ---------------------------------------------------------------- what was recorded


@needs_telegrams
def test_every_code_of_the_recorded_telegrams_is_known() -> None:
    seen = [(named.scheme, named.code, where) for named, where in named_in_xml()]
    assert len({key[:2] for key in seen}) > 2_200
    assert {key: where for key, where in unknown(iter(seen)).items() if key not in IN_NO_TABLE} == {}


@needs_telegrams
def test_every_code_of_every_source_is_known() -> None:
    seen = named_by_events(*recorded())
    assert len({where for *_, where in seen}) > 150 and len({key[:2] for key in seen}) > 2_000
    assert {scheme for scheme, *_ in seen} >= {"jma.city", "jma.quake_area", "jma.tsunami_area", "jma.river"}
    lost = unknown((s, c, where) for s, c, _, where in seen)
    assert {key: where for key, where in lost.items() if key not in IN_NO_TABLE} == {}
    assert misnamed(iter(seen)) == []


@needs_telegrams
def test_telegrams_call_areas_as_we_do() -> None:
    assert misnamed((n.scheme, n.code, n.name, where) for n, where in named_in_xml()) == []


@needs_telegrams
def test_areas_stand_in_telegrams_where_they_stand_in_the_table() -> None:
    checked, retired = 0, set()
    wrong = []
    for named, where in named_in_xml():
        area = AreaCode(named.scheme, named.code)
        if named.parent is None or area not in AREAS:
            continue
        if AREAS.is_retired(*area):
            retired.add(named.code)
            continue
        checked += 1
        if named.parent not in AREAS.parents(*area):
            wrong.append(f"{where}: {area} stands in {named.parent}, in the table in {AREAS.parents(*area)}")
    assert checked > 3_000 and len(retired) > 50
    assert wrong == []


@needs_telegrams
def test_reports_of_a_relay_name_the_same_areas() -> None:
    """Project DM-D.S.S relays JMA's telegrams as JSON: another hand's reading of the same codes."""
    checked = 0
    for path in sorted((RECORDED / "dmdata-json").glob("*vxse53*.json")):
        packed = json.loads(path.read_text(encoding="utf-8"))["body"]
        for scheme, item in _relayed(json.loads(gzip.decompress(base64.b64decode(packed)))):
            checked += 1
            assert AreaCode(scheme, item["code"]) in AREAS, (path.name, item)
            assert same_name(item["name"], AREAS.name(scheme, item["code"])), (path.name, item)
    assert checked > 10


def _relayed(value: Any) -> Iterator[tuple[str, dict[str, str]]]:
    schemes = {"prefectures": "jma.quake_pref", "regions": "jma.quake_area", "cities": "jma.city"}
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in schemes and isinstance(inner, list):
                yield from ((schemes[key], item) for item in inner)
            else:
                yield from _relayed(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _relayed(inner)


# ---------------------------------------------------------------- other tables of JMA


@needs_tables
def test_no_parent_differs_from_jmas_own_tree() -> None:
    tree = json.loads((GEO / "jma-bosai-const" / "area.json").read_text(encoding="utf-8"))
    schemes = (("class10s", "jma.class10", "jma.office"), ("class15s", "jma.class15", "jma.class10"),
               ("class20s", "jma.city", "jma.class15"))  # fmt: skip
    checked = 0
    for level, scheme, above in schemes:
        for code, item in tree[level].items():
            area = AreaCode(scheme, code)
            parents = [p.code for p in AREAS.parents(*area) if p.scheme == above] if area in AREAS else []
            if parents:
                checked += 1
                assert item["parent"] in parents, (scheme, code, item["name"])
    assert checked > 2_200


@needs_tables
def test_stations_lie_in_the_quake_areas_we_know() -> None:
    """A second reading of JMA's table, by another hand: city -> quake area."""
    tables = json.loads((GEO / "stations" / "PointSeismicIntensity.json").read_text(encoding="utf-8"))
    assert len(tables["cityToSaibun"]) > 1_800
    for city, row in tables["cityToSaibun"].items():
        if AreaCode("jma.city", city) in AREAS and not AREAS.is_retired("jma.city", city):
            assert AREAS.quake_area_of_city(city) == row["seisSaibunCode"], row
            assert same_name(row["cityName"], AREAS.name("jma.city", city)) or city in CALLED_OTHERWISE, row
        assert same_name(row["seisSaibunName"], AREAS.name("jma.quake_area", row["seisSaibunCode"])), row


@needs_tables
def test_stations_stand_in_the_municipality_they_report_for() -> None:
    """4,373 points all over Japan, given to about a kilometre."""
    tables = json.loads((GEO / "stations" / "PointSeismicIntensity.json").read_text(encoding="utf-8"))
    shapes, wrong = Shapes.committed(), []
    for row in tables["pointToCity"].values():
        jis, (lon, lat) = row["cityCode"][:5], row["lnglat"]
        if AreaCode("jis", jis) not in AREAS:
            continue
        found = shapes.at(lat, lon, border_m=1_000.0)
        around = {code[:5] for code in (*found.inside, *found.near)}
        if jis not in around and AREAS.city_of_ward(jis) not in around:
            wrong.append(row["name"])
    assert len(wrong) <= len(tables["pointToCity"]) * 0.006, wrong
