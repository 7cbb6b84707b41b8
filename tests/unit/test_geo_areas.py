"""The area table: the facts about Kumamoto our users stand on, and rules that hold for all of Japan."""

from __future__ import annotations

import pytest

from core.model import AreaCode
from geo.areas import Areas, UnknownArea, by_scheme


@pytest.fixture(scope="module")
def areas() -> Areas:
    return Areas.load()


def codes(areas: Areas, jis: str, *parts: str) -> dict[str, list[str]]:
    return dict(by_scheme(areas.codes_for_jis(jis, parts)))


def test_a_ward_carries_the_codes_of_every_scheme(areas: Areas) -> None:
    assert codes(areas, "43103") == {
        "jis": ["43100", "43103"],
        "jma.city": ["4310000", "4310300"],  # weather names the city, earthquakes the ward
        "jma.class10": ["430010"],
        "jma.class15": ["430011"],
        "jma.office": ["430000"],
        "jma.quake_area": ["741"],
        "jma.quake_pref": ["43"],
        "jma.tsunami_area": ["712"],
    }


def test_a_city_without_ward_counts_as_all_its_wards(areas: Areas) -> None:
    found = codes(areas, "43100")
    assert found["jis"] == ["43100", "43101", "43102", "43103", "43104", "43105"]
    assert found["jma.city"] == ["4310000", "4310100", "4310200", "4310300", "4310400", "4310500"]


def test_inland_towns_have_no_tsunami_area(areas: Areas) -> None:
    for jis in ("43443", "43442", "43203", "43513"):  # Mashiki, Kashima, Hitoyoshi, Kuma
        assert "jma.tsunami_area" not in codes(areas, jis)
    assert codes(areas, "43443")["jma.class15"] == ["430014"]


def test_amakusa_faces_two_seas(areas: Areas) -> None:
    assert codes(areas, "43215")["jma.tsunami_area"] == ["712", "740"]


def test_a_split_municipality_counts_whole_until_the_part_is_known(areas: Areas) -> None:
    assert areas.parts_of("43202") == ["4320211", "4320212"]
    assert codes(areas, "43202")["jma.city"] == ["4320200", "4320211", "4320212"]
    assert codes(areas, "43202", "4320212")["jma.city"] == ["4320200", "4320212"]
    # A part of another municipality says nothing about this one.
    assert codes(areas, "43202", "4321511")["jma.city"] == ["4320200", "4320211", "4320212"]


def test_parts_made_of_wards_hold_only_those(areas: Areas) -> None:
    assert codes(areas, "14101")["jma.city"] == ["1410000", "1410011", "1410100"]  # Tsurumi: Yokohama north
    assert "1410012" in codes(areas, "14103")["jma.city"]  # Nishi: Yokohama south


def test_parts_of_one_city_may_lie_under_different_class15(areas: Areas) -> None:
    assert codes(areas, "22138")["jma.class15"] == ["220041", "220042"]


def test_740_is_two_places(areas: Areas) -> None:
    assert areas.name("jma.quake_area", "740") == "熊本県阿蘇"
    assert areas.name("jma.tsunami_area", "740") == "熊本県天草灘沿岸"


@pytest.mark.parametrize(
    ("scheme", "code", "lang", "name"),
    [
        ("jis", "43443", "ja", "益城町"),
        ("jis", "43443", "ja-simple", "益城町"),
        ("jis", "43443", "zh-Hans", "益城町"),
        ("jis", "43443", "vi", "Mashiki"),
        ("jma.city", "4310200", "en", "Kumamoto Higashi-ku"),
        ("jma.city", "4310000", "en", "Kumamoto-shi"),
        ("jma.city", "4320211", "ne", "Yatsushiro Seibu"),
        ("jma.city", "2213100", "en", "浜松中区"),  # retired: no reading kept
        ("jma.quake_area", "741", "en", "Kumamoto, Kumamoto"),
        ("jma.quake_area", "105", "en", "Northern Oshima, Hokkaido"),
        ("jma.quake_pref", "13", "en", "Tokyo"),
        ("jma.quake_pref", "01", "en", "Hokkaido"),
        ("jma.tsunami_area", "712", "en", "Ariake and Yatsushiro Seas"),
        ("jma.river_section", "890911000100", "ja", "球磨川"),
        ("jma.river_section", "890911000100", "en", "Kumagawa"),
        ("jis", "13112", "en", "Setagaya-ku"),
    ],
)
def test_names(areas: Areas, scheme: str, code: str, lang: str, name: str) -> None:
    assert areas.name(scheme, code, lang) == name


def test_members_of_the_quake_areas_of_kumamoto(areas: Areas) -> None:
    def members(code: str) -> list[str]:
        return [city[:5] for city in areas.cities_of_quake_area(code)]

    assert members("740") == ["43214", "43423", "43424", "43425", "43428", "43433"]
    assert members("741") == [
        "43101", "43102", "43103", "43104", "43105", "43202", "43204", "43206", "43208", "43210", "43211", "43213",
        "43216", "43348", "43364", "43367", "43368", "43369", "43403", "43404", "43432", "43441", "43442", "43443",
        "43444", "43447", "43468",
    ]  # fmt: skip
    assert members("742") == ["43203", "43501", "43505", "43506", "43507", "43510", "43511", "43512", "43513", "43514"]
    assert members("743") == ["43205", "43212", "43215", "43482", "43484", "43531"]
    assert areas.quake_area_of_city("4344300") == "741"
    assert areas.quake_area_of_city("4310000") == ""  # the weather code of the city never comes in a quake telegram


def test_sizes_of_the_schemes(areas: Areas) -> None:
    sizes = {s: len(areas.rows(s)) for s in ("jma.quake_pref", "jma.quake_area", "jma.class10", "jma.class15",
                                             "jma.river", "jma.river_section", "jma.tsunami_area")}  # fmt: skip
    assert sizes == {"jma.quake_pref": 47, "jma.quake_area": 188, "jma.class10": 142, "jma.class15": 375,
                     "jma.river": 412, "jma.river_section": 338, "jma.tsunami_area": 98}  # fmt: skip


def test_every_municipality_of_japan_lies_in_every_scheme_it_must(areas: Areas) -> None:
    two_quake_areas = []
    for row in areas.rows("jis"):
        found = codes(areas, row.code)
        assert {"jma.city", "jma.class15", "jma.class10", "jma.office", "jma.quake_area", "jma.quake_pref"} <= set(
            found
        )
        assert found["jma.quake_pref"] == [row.code[:2]]
        assert row.latin, row
        if len(found["jma.quake_area"]) > 1:
            two_quake_areas.append(row.code)
    assert two_quake_areas == ["42202", "46215"]  # Sasebo and Satsumasendai: islands apart


def test_codes_of_the_japanese_coast(areas: Areas) -> None:
    coastal = {row.code for row in areas.rows("jis") if "jma.tsunami_area" in codes(areas, row.code)}
    assert {"13421", "47207", "01235", "43202", "15224"} <= coastal
    inland = {"09", "10", "11", "19", "20", "21", "25", "29"}
    assert not {code for code in coastal if code[:2] in inland}
    reached = {p.code for jis in coastal for p in areas.codes_for_jis(jis) if p.scheme == "jma.tsunami_area"}
    # The other 32 codes are JMA's words for several areas together; no forecast is issued for them.
    together = {str(code) for first, last in ((191, 192), (281, 281), (291, 292), (481, 486), (491, 494), (681, 683),
                (691, 693), (781, 787), (791, 793), (891, 891)) for code in range(first, last + 1)}  # fmt: skip
    assert {row.code for row in areas.rows("jma.tsunami_area")} - reached == together


def test_retired_codes_lead_to_their_successors(areas: Areas) -> None:
    assert areas.is_retired("jma.city", "2213500")
    assert areas.jis_of_city("2213500") == ["22138", "22139"]
    assert areas.successors(AreaCode("jma.city", "2213500")) == (
        AreaCode("jma.city", "2213800"),
        AreaCode("jma.city", "2213900"),
    )
    assert AreaCode("jma.city", "4310300") in areas.successors(AreaCode("jma.city", "4320100"))
    assert areas.successors(AreaCode("jma.city", "4344300")) == (AreaCode("jma.city", "4344300"),)
    assert "2213500" not in codes(areas, "22138")["jma.city"]  # nobody lives in a retired code


def test_municipalities_of_a_prefecture_are_wards_and_towns(areas: Areas) -> None:
    kumamoto = areas.municipalities("43")
    assert len(kumamoto) == 49
    assert "43100" not in kumamoto and "43101" in kumamoto


def test_unknown_codes_are_named(areas: Areas) -> None:
    with pytest.raises(UnknownArea, match="no area jma.city:9999999"):
        areas.name("jma.city", "9999999")
    with pytest.raises(UnknownArea, match="jis:43199"):
        areas.codes_for_jis("43199")
    assert AreaCode("jma.city", "9999999") not in areas
