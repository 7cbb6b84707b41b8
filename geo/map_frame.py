"""What a map shows: the areas it draws, each a municipality's polygon or, of the whole country, a warning area."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Final, NamedTuple

from core.model import AreaCode
from geo.areas import Areas, UnknownArea
from geo.data_folder import when_changed
from geo.shapes import Shapes

CITY: Final = "jma.city"
REGION: Final = "jma.class10"


class Frame(NamedTuple):
    """The areas a map draws: codes of one scheme (`CITY`: 7-digit polygon codes; `REGION`), sorted. Hashable."""

    scheme: str
    codes: tuple[str, ...]

    @property
    def by_region(self) -> bool:
        return self.scheme == REGION


def frame_of(wanted: Iterable[AreaCode]) -> Frame:
    """The municipalities of these areas, of any scheme with shapes (jis, jma.city, class10, quake area, prefecture).

    Raises UnknownArea naming an area without a shape, ValueError if nothing is wanted.
    """
    codes: set[str] = set()
    for area in wanted:
        codes.update(polygon_codes(area))
    if not codes:
        raise ValueError("a map needs at least one area")
    return Frame(CITY, tuple(sorted(codes)))


@functools.cache
def japan() -> Frame:
    """The whole country by warning area (一次細分区域, class10): municipalities would be dots on a telephone."""
    return Frame(REGION, tuple(sorted(regions())))


@functools.cache
def regions() -> dict[str, tuple[str, ...]]:
    """Class10 code -> the polygon codes inside; only those that have any."""
    found: dict[str, list[str]] = {}
    for code in Shapes.load().codes():
        if region := region_of(code):
            found.setdefault(region, []).append(code)
    return {region: tuple(codes) for region, codes in found.items()}


@functools.cache
def region_of(code: str) -> str:
    """The class10 area of a polygon; "" for codes that the table no longer knows and for municipalities in several."""
    areas, jis = Areas.load(), code[:5]
    if AreaCode("jis", jis) not in areas:
        return ""
    found = {a.code for a in areas.codes_for_jis(jis, [code]) if a.scheme == REGION}
    return found.pop() if len(found) == 1 else ""


@functools.lru_cache(maxsize=4096)
def polygon_codes(area: AreaCode) -> tuple[str, ...]:
    """The polygons of an area. A ward that JMA does not draw has its city's. Raises UnknownArea."""
    areas, shapes = Areas.load(), Shapes.load()
    if area.scheme == "jma.quake_pref":
        found = shapes.codes(area.code) if area in areas else []
    elif area.scheme == REGION:
        found = list(regions().get(area.code, ()))
    elif area.scheme == "jma.city" and area.code in shapes.codes(area.code[:5]):
        found = [area.code]
    elif area.scheme in ("jma.city", "jis"):
        found = _of_municipality(area.code[:5], areas, shapes)
    else:
        inside = {jis for code in _below(area, areas) for jis in _jis(code, areas)}
        found = [code for jis in sorted(inside) for code in _of_municipality(jis, areas, shapes)]
    if not found:
        raise UnknownArea(f"no polygon for area {area.scheme}:{area.code}")
    return tuple(found)


def _of_municipality(jis: str, areas: Areas, shapes: Shapes) -> list[str]:
    if own := shapes.codes(jis):
        return own
    if AreaCode("jis", jis) not in areas:
        return []
    if wards := [code for ward in areas.wards(jis) for code in shapes.codes(ward)]:
        return wards
    city = areas.city_of_ward(jis)
    return shapes.codes(city) if city else []


def _below(area: AreaCode, areas: Areas) -> list[AreaCode]:
    """The city codes below a wider area."""
    found, queue = [], [area]
    steps = {"jma.office": "jma.class10", "jma.class10": "jma.class15", "jma.class15": "jma.city",
             "jma.quake_area": "jma.city"}  # fmt: skip
    while queue:
        one = queue.pop()
        if one.scheme == "jma.city":
            found.append(one)
        elif below := steps.get(one.scheme):
            queue += areas.children(one.scheme, one.code, below)
    return found


def _jis(code: AreaCode, areas: Areas) -> list[str]:
    return areas.jis_of_city(code.code) or [code.code[:5]]


def name_of(scheme: str, code: str, areas: Areas, lang: str) -> tuple[str, str]:
    """(name in the reader's script, Japanese name) of a drawn area; the bare code for one the table does not know."""
    known = AreaCode(scheme, code) in areas
    if not known and scheme == CITY and AreaCode("jis", code[:5]) in areas:
        scheme, code, known = "jis", code[:5], True
    if not known:
        return code, code
    return areas.name(scheme, code, lang), areas.name(scheme, code)


def full_name_of(scheme: str, code: str, areas: Areas, lang: str) -> tuple[str, str]:
    """`name_of`, a warning area with its prefecture: 東部 alone may be anywhere."""
    name, japanese = name_of(scheme, code, areas, lang)
    if scheme != REGION or AreaCode(scheme, code) not in areas:
        return name, japanese
    pref, pref_japanese = areas.prefecture_name(code, lang), areas.prefecture_name(code)
    if japanese.startswith(pref_japanese):
        return name, japanese
    joined = f"{pref_japanese}{japanese}"
    return (joined if name == japanese else f"{pref}: {name}"), joined


for _kept in (japan, regions, region_of, polygon_codes):
    when_changed(_kept.cache_clear)
