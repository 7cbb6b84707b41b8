"""Which rivers of JMA's bulletins (AreaRiver) a river of the flood areas (A31a) is. Pure.

Both number rivers by system: six digits of the system (水系域), four of the river in it; 8909110001 is the Kuma.
Prefectures do not all keep to it, so a code counts only where the name agrees, and a name alone only where one river of
the prefecture has it. A tributary without a bulletin of its own counts for the bulletin of its system (菊池川水系).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from geo.areas import Areas

#: First two digits of a river that the state looks after: the regional bureau, and the prefectures in its district.
BUREAUS: Final[Mapping[str, frozenset[str]]] = {
    "81": frozenset({"01"}),
    "82": frozenset({"02", "03", "04", "05", "06", "07"}),
    "83": frozenset({"08", "09", "10", "11", "12", "13", "14", "19", "20"}),
    "84": frozenset({"15", "16", "17", "18", "20", "06", "07", "21"}),
    "85": frozenset({"20", "21", "22", "23", "24"}),
    "86": frozenset({"18", "24", "25", "26", "27", "28", "29", "30"}),
    "87": frozenset({"31", "32", "33", "34", "35"}),
    "88": frozenset({"36", "37", "38", "39"}),
    "89": frozenset({"35", "40", "41", "42", "43", "44", "45", "46"}),
    "90": frozenset({"47"}),
}
#: Our own scheme: places in the flood area of a river that JMA's bulletins name, per prefecture.
SCHEME: Final = "zone.river"
_SYSTEM: Final = "水系"
_BRACKETS: Final = re.compile(r"[（(〔\[].*$")


def plain_name(name: str) -> str:
    """A river's name as two lists can be compared by it.

    >>> plain_name("一級河川 球磨川（上流）")
    '球磨川'
    """
    text = _BRACKETS.sub("", unicodedata.normalize("NFKC", name)).replace(" ", "")
    text = re.sub(r"^(一級河川|二級河川|準用河川)", "", text)
    return text.replace("ヶ", "ケ").replace("ヵ", "カ")


def bulletin_rivers(code: str, name: str, prefecture: str, areas: Areas) -> tuple[str, ...]:
    """The codes (scheme jma.river) of the rivers whose bulletins are about this one; none where that cannot be told.

    `code`, `name`: A31a_x01 and A31a_x02. `prefecture`: two digits. A name may list several rivers: 球磨川・万江川.
    """
    rows = areas.rows("jma.river")
    found: set[str] = set()
    for one in re.split(r"[・､、，,及]", plain_name(name)):
        if not one:
            continue
        named = [row.code for row in rows if plain_name(row.name) == one]
        here = [river for river in named if _flows_in(river, prefecture)]
        if code in named:
            found.add(code)
        elif len(here) == 1:
            found.add(here[0])
    systems = {river[:6] for river in found} or ({code[:6]} if len(code) == 10 else set())
    found |= {main for system in systems if (main := _system_river(system, areas)) is not None}
    return tuple(sorted(found))


def river_code(river: str, prefecture: str) -> str:
    """The code (scheme SCHEME) of a place in a river's flood area in one prefecture.

    A long river has bulletins for its upper and its lower course under one code: only the prefectures that a bulletin
    speaks of are meant.
    """
    return f"{river}-{prefecture}"


def river_of(code: str) -> str:
    """The jma.river code in a code of the scheme SCHEME."""
    return code.partition("-")[0]


def _flows_in(river: str, prefecture: str) -> bool:
    authority = river[:2]
    return authority == prefecture or prefecture in BUREAUS.get(authority, ())


def _system_river(system: str, areas: Areas) -> str | None:
    """The river under which JMA speaks of a whole system, None where it does not."""
    sections = [row for row in areas.rows("jma.river_section") if row.code.startswith(system)]
    if not any(row.name.endswith(_SYSTEM) for row in sections):
        return None
    return next((row.code for row in areas.rows("jma.river") if row.code == f"{system}0001"), None)


def named(areas: Areas, scheme: str, code: str, lang: str = "ja") -> str:
    """The name of an area of any scheme, our own of rivers included. Raises UnknownArea."""
    return areas.name("jma.river", river_of(code), lang) if scheme == SCHEME else areas.name(scheme, code, lang)
