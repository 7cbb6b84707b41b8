"""Every municipality code of the recorded telegrams is in our table, current or retired; skipped without ../shared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from core.model import AreaCode
from geo.areas import Areas

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "feed-samples"

#: codeType of a telegram's Areas -> our scheme.
CODE_TYPES = {
    "気象・地震・火山情報／市町村等": "jma.city",
    "地震情報／細分区域": "jma.quake_area",
    "津波予報区": "jma.tsunami_area",
    "指定河川洪水予報（予報区域）": "jma.river_section",
    "河川": "jma.river",
}
#: Invented rivers of JMA's format examples, and a river of a telegram type with its own 8-digit codes (VXSU).
NOT_IN_TABLES = {
    ("jma.river", "1234567890"), ("jma.river", "9876543210"), ("jma.river_section", "123456789012"),
    ("jma.river", "82018131"),
}  # fmt: skip


def telegrams() -> list[Path]:
    return sorted(SAMPLES.glob("jma-*/*.xml"))


def codes(path: Path) -> Iterator[tuple[str, str, str]]:
    """(scheme, code, name) of every area a telegram names in a scheme of ours."""
    root = etree.parse(str(path), etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    for areas in root.iterfind(".//{*}Areas[@codeType]"):
        scheme = CODE_TYPES.get(areas.get("codeType", ""))
        for area in areas.iterfind("{*}Area") if scheme else ():
            yield scheme or "", area.findtext("{*}Code", ""), area.findtext("{*}Name", "")
    for tag, scheme in (("City", "jma.city"), ("Pref", "jma.quake_pref")):
        for area in root.iterfind(f".//{{*}}Observation//{{*}}{tag}"):
            yield scheme, area.findtext("{*}Code", ""), area.findtext("{*}Name", "")
    for area in root.iterfind(".//{*}Observation/{*}Pref/{*}Area"):
        yield "jma.quake_area", area.findtext("{*}Code", ""), area.findtext("{*}Name", "")


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="../shared/feed-samples is not here: recorded telegrams are not in the repository"
)
def test_every_code_of_the_recorded_telegrams_is_known() -> None:
    areas = Areas.load()
    seen = {(scheme, code): (name, path.name) for path in telegrams() for scheme, code, name in codes(path)}
    assert len(seen) > 1_000
    assert {key: where for key, where in seen.items() if AreaCode(*key) not in areas and key not in NOT_IN_TABLES} == {}


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="../shared/feed-samples is not here: recorded telegrams are not in the repository"
)
def test_cities_are_reported_under_the_quake_area_we_keep_them_in() -> None:
    areas = Areas.load()
    path = SAMPLES / "jma-live-earthquakes" / "kumamoto-foreshock-20160414_VXSE53_serial1.xml"
    root = etree.parse(str(path), etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    checked, retired = 0, []
    for area in root.iterfind(".//{*}Observation/{*}Pref/{*}Area"):
        for city in area.iterfind("{*}City/{*}Code"):
            if areas.is_retired("jma.city", city.text or ""):
                retired.append(city.text)
                continue
            checked += 1
            assert areas.quake_area_of_city(city.text or "") == area.findtext("{*}Code")
    assert checked > 100
    assert retired == ["4030500"]  # Nakagawa became a city in 2018
