"""CAP geocodes -> our area codes, for the schemes we know; any other stays as it was written, and is never guessed."""

from __future__ import annotations

import functools
import unicodedata

from core.model import AreaCode
from geo.areas import Areas

#: `valueName` (blanks and case left out) -> scheme. JMA's names of its code tables, and ours.
_SCHEMES = {
    "jma.city": "jma.city",
    "areainformationcity": "jma.city",
    "気象・地震・火山情報/市町村等": "jma.city",
    "jma.quake_area": "jma.quake_area",
    "areaforecastlocale": "jma.quake_area",
    "地震情報/細分区域": "jma.quake_area",
    "jma.tsunami_area": "jma.tsunami_area",
    "areatsunami": "jma.tsunami_area",
    "津波予報区": "jma.tsunami_area",
    "jma.office": "jma.office",
    "気象情報/府県予報区・細分区域等": "jma.office",
    "jis": "jis",
    "jisx0402": "jis",
    "全国地方公共団体コード": "jis",
}


def codes_of(value_name: str, value: str) -> tuple[AreaCode, ...]:
    """The areas a geocode names, by schemes that people are matched with; () if we do not know scheme or code.

    A municipality by its JIS code (with or without its check digit) becomes the JMA codes of all its parts.
    """
    scheme = _SCHEMES.get("".join(unicodedata.normalize("NFKC", value_name).split()).lower())
    if scheme is None:
        return ()
    code = value.strip()
    if scheme == "jis":
        return _of_jis(code[:5]) if len(code) in (5, 6) and code.isascii() and code.isdigit() else ()
    area = AreaCode(scheme, code)
    table = Areas.load()
    return table.successors(area) if area in table else ()


@functools.lru_cache(maxsize=4096)
def _of_jis(jis: str) -> tuple[AreaCode, ...]:
    table = Areas.load()
    if AreaCode("jis", jis) not in table:
        return ()
    return tuple(area for area in table.codes_for_jis(jis) if area.scheme == "jma.city")


def name_of(area: AreaCode) -> str:
    """The Japanese name of one of our areas."""
    return Areas.load().name(area.scheme, area.code)
