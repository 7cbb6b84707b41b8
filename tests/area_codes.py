"""Every area code a telegram names, in every scheme of ours, as written in the XML; and whether two names agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lxml import etree

from core.model import AreaCode
from geo.areas import Areas

#: codeType of a telegram's Areas or Area -> our schemes, the first that has the code.
CODE_TYPES = {
    "気象・地震・火山情報／市町村等": ("jma.city",),
    "気象情報／府県予報区・細分区域等": ("jma.office", "jma.class10", "jma.class15"),
    "地震情報／細分区域": ("jma.quake_area",),
    "津波予報区": ("jma.tsunami_area",),
    "火山名": ("jma.volcano",),
    "指定河川洪水予報（予報区域）": ("jma.river_section",),
    "河川": ("jma.river",),
    "水位観測所": ("jma.gauge",),
}


class Named(NamedTuple):
    """An area as a telegram names it. `parent`: the area it stands in there, None where it stands alone."""

    scheme: str
    code: str
    name: str
    parent: AreaCode | None = None


def read(path: Path) -> etree._Element:
    """A telegram's root."""
    return etree.parse(str(path), etree.XMLParser(resolve_entities=False, no_network=True)).getroot()


def codes(path: Path, areas: Areas) -> Iterator[Named]:
    """Every area of a telegram, with its code and name."""
    root = read(path)
    for group in root.iterfind(".//{*}Areas[@codeType]"):
        for area in group.iterfind("{*}Area"):
            yield from _coded(area, group.get("codeType", ""), areas)
    for area in root.iterfind(".//{*}Area[@codeType]"):
        yield from _coded(area, area.get("codeType", ""), areas)
    for station in root.iterfind(".//{*}Station"):
        code = station.find("{*}Code")
        if code is not None and code.get("type") == "水位観測所":
            yield Named("jma.gauge", code.text or "", station.findtext("{*}Name", ""))
    for pref in root.iterfind(".//{*}Observation/{*}Pref"):
        yield Named("jma.quake_pref", _code(pref), pref.findtext("{*}Name", ""))
        for area in pref.iterfind("{*}Area"):
            inside = AreaCode("jma.quake_pref", _code(pref))
            yield Named("jma.quake_area", _code(area), area.findtext("{*}Name", ""), inside)
            for city in area.iterfind("{*}City"):
                inside = AreaCode("jma.quake_area", _code(area))
                yield Named("jma.city", _code(city), city.findtext("{*}Name", ""), inside)


def _coded(area: etree._Element, code_type: str, areas: Areas) -> Iterator[Named]:
    schemes = CODE_TYPES.get(code_type)
    code = _code(area)
    if schemes and code:
        scheme = next((s for s in schemes if AreaCode(s, code) in areas), schemes[0])
        yield Named(scheme, code, area.findtext("{*}Name", ""))


def _code(element: etree._Element) -> str:
    return str(element.findtext("{*}Code", ""))


def same_name(told: str, ours: str) -> bool:
    """Whether a telegram means the area we call `ours`.

    JMA writes two names of many a municipality: for weather 松前町, 京都市上京区, for earthquakes 渡島松前町,
    京都上京区. Codes that stood for one town after another carry both names (潟上市・三種町). Before 2010 the areas
    of Hokkaido were called 支庁, and ヶ and ケ change places.
    """
    plain = _plain(told)
    return any(plain.endswith((_plain(name), _plain(name).replace("市", "", 1))) for name in (ours, *ours.split("・")))


def _plain(name: str) -> str:
    return name.replace("\u3000", "").replace(" ", "").replace("ヶ", "ケ").replace("支庁", "地方")
