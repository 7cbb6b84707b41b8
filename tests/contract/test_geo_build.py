"""The committed tables are what `python -m geo.build` makes: its pure parts always, the whole where its sources are."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from core.model import AreaCode
from geo.areas import Areas
from geo.build import build_rows, main
from geo.build_named import volcano_latin
from geo.build_names import designated_city, prefecture_latin, quake_area_latin, river_latin
from geo.build_tsunami import tsunami_areas
from geo.differences import difference
from geo.tables import AreaRow, AreaTable, Vintage, read_areas

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "geo-samples"
needs_sources = pytest.mark.skipif(
    not SAMPLES.is_dir() or importlib.util.find_spec("reversejp") is None,
    reason="JMA's code tables (../shared/geo-samples) or reversejp, needed only to rebuild geo/data, are not here",
)


@needs_sources
def test_a_rebuild_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--codes", str(SAMPLES / "jma-code-dictionary"), "--bosai", str(SAMPLES / "jma-bosai-const")]
    assert main([*arguments, "--dry-run"]) == 0
    assert "no difference" in capsys.readouterr().out


@needs_sources
def test_english_names_are_optional() -> None:
    rows = build_rows(SAMPLES / "jma-code-dictionary")
    assert {(r.scheme, r.code) for r in rows} == {(r.scheme, r.code) for r in read_areas()}
    assert next(r.latin for r in rows if (r.scheme, r.code) == ("jis", "43443")) == "Mashiki"


def test_missing_sources_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--codes", str(tmp_path), "--dry-run"]) == 1
    assert "AreaInformationCity.csv is missing: --codes must name the folder" in capsys.readouterr().err
    assert main(["--codes", str(tmp_path), "--bosai", str(tmp_path), "--dry-run"]) == 1
    assert "area.json is missing: --bosai" in capsys.readouterr().err


def test_the_difference_names_what_changed() -> None:
    old = AreaTable(
        [AreaRow("jis", "43443", "益城町"), AreaRow("jis", "43442", "嘉島町"), AreaRow("jis", "43441", "御船町")],
        {"jis": Vintage("2026-10", "")},
    )
    new = AreaTable(
        [
            AreaRow("jis", "43443", "益城市", parents=(AreaCode("jma.quake_area", "741"),)),
            AreaRow("jis", "43442", "嘉島町"),
            AreaRow("jma.city", "4344300", "益城市"),
        ],
        {"jis": Vintage("2026-11", ""), "jma.city": Vintage("2026-07-07", "")},
    )
    assert difference(old, new) == [
        "jis: edition 2026-10 -> 2026-11",
        "jma.city: edition none -> 2026-07-07",
        "+ jma.city:4344300 益城市",
        "- jis:43441 御船町",
        "~ jis:43443 益城市: name 益城町 -> 益城市, parents none -> jma.quake_area:741",
    ]
    assert difference(old, old) == ["no difference"]
    assert difference(AreaTable([], {}), new) == ["no earlier area table to compare with"]
    many = AreaTable([AreaRow("jis", f"{n:05d}", "") for n in range(100)], old.vintages)
    assert len(difference(old, many)) == 41


@pytest.mark.parametrize(
    ("jis", "class10s", "expected"),
    [
        ("43202", {"430010"}, ("712",)),
        ("43215", {"430030"}, ("712", "740")),
        ("04101", {"040010"}, ("220",)),
        ("28205", {"280010"}, ("521", "522")),
        ("13421", {"130040"}, ("321",)),
        ("11203", {"110010"}, ()),  # a surge flag on a river in Saitama is not a coast
        ("42202", {"420020", "420040"}, ("730",)),
    ],
)
def test_tsunami_areas_of_a_coast(jis: str, class10s: set[str], expected: tuple[str, ...]) -> None:
    assert tsunami_areas(jis, frozenset(class10s)) == expected


def test_a_coast_without_rule_stops_the_build() -> None:
    with pytest.raises(ValueError, match="municipality 43999: no tsunami area is known"):
        tsunami_areas("43999", frozenset({"439990"}))
    with pytest.raises(ValueError, match="43999"):
        tsunami_areas("43999", frozenset())


def test_wards_belong_to_the_city_below_them() -> None:
    row = ["", "", "某市"]
    cities = {"1410000": row, "1413000": row, "1415000": row}
    assert designated_city("14101", cities) == "14100"
    assert designated_city("14131", cities) == "14130"
    assert designated_city("14153", cities) == "14150"
    assert designated_city("14130", cities) == ""
    assert designated_city("13101", cities) == ""  # Tokyo's wards are municipalities
    assert designated_city("43443", cities) == ""


def test_readings_of_larger_areas() -> None:
    assert [prefecture_latin(k) for k in ("クマモトケン", "ホッカイドウ", "トウキョウト", "キョウトフ")] == [
        "Kumamoto", "Hokkaido", "Tokyo", "Kyoto",
    ]  # fmt: skip
    assert quake_area_latin("とちぎけんなんぶ", "とちぎけん") == "Southern Tochigi"
    assert river_latin("ますだがわすいけいますだがわ") == "Masudagawa"
    assert river_latin("くもずがわおよびくもずふるがわ") == "Kumozugawa and Kumozufurugawa"
    assert volcano_latin("鶴見岳・伽藍岳", "つるみだけ・がらんだけ") == "Tsurumidake and Garandake"
    assert volcano_latin("草津白根山（白根山（湯釜付近））", "くさつしらねさん（しらねさん（ゆがまふきん））") == (
        "Kusatsushiranesan (Shiranesan, Yugamafukin)"
    )
    assert volcano_latin("霧島山（新燃岳）", "きりしまやま（しんもえだけ）") == "Kirishimayama (Shinmoedake)"
    assert volcano_latin("蔵王山", "ざおうざん（ざおうさん）") == "Zaozan"


def test_every_parent_exists_and_is_current() -> None:
    areas = Areas.load()
    for row in read_areas():
        for parent in row.parents:
            assert parent in areas, row
            assert not areas.is_retired(parent.scheme, parent.code), row
    assert AreaCode("jis", "43100") in areas
