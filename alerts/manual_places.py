"""Places for a manual incident: found by name, and turned into the municipalities by which people are matched. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from geo.areas import Areas
from registry.prefectures import PREFECTURES

#: Rows that a search shows at most.
MOST: Final = 20
#: Schemes in which a place can be chosen, the widest first.
_SCHEMES: Final = ("jma.class10", "jis")


@dataclass(frozen=True, slots=True)
class Pick:
    """One place to choose: its key ("jis:43203"), and its name for a reader, with the prefecture."""

    key: str
    kind: str
    name: str


def pick_of(areas: Areas, key: str, lang: str) -> Pick | None:
    """The place of a key; None if there is none."""
    scheme, _, code = key.partition(":")
    if scheme == "pref":
        names = PREFECTURES.get(code)
        return None if names is None else Pick(key, "pref", names[0] if lang.startswith("ja") else names[1])
    if scheme not in _SCHEMES or not cities_of(areas, [key]):
        return None
    pref = PREFECTURES[code[:2]][0 if lang.startswith("ja") else 1]
    name = areas.name(scheme, code, lang)
    kind = "town" if scheme == "jis" else "region"
    return Pick(key, kind, f"{pref} {name}" if lang.startswith("ja") else f"{name}, {pref}")


def search(areas: Areas, query: str, lang: str, home: Collection[str] = ()) -> list[Pick]:
    """Prefectures, regions (一次細分区域) and municipalities with this in their name, the best first, at most 20.

    `home`: codes of the prefectures that we serve; their places come first among equals. Kanji, kana and Latin letters
    are all looked through; wards are found by their own name and by their city's.
    """
    wanted = _plain(query)
    if not wanted:
        return []
    found: list[tuple[int, bool, int, str]] = []
    for order, (key, names) in enumerate(_all(areas)):
        rank = min((_rank(wanted, _plain(name)) for name in names if name), default=3)
        if rank < 3:
            found.append((rank, key.partition(":")[2][:2] not in home, order, key))
    picks = (pick_of(areas, row[-1], lang) for row in sorted(found)[: 2 * MOST])
    return [pick for pick in picks if pick is not None][:MOST]


def _all(areas: Areas) -> Iterator[tuple[str, tuple[str, ...]]]:
    for code, names in PREFECTURES.items():
        yield f"pref:{code}", names
    for scheme in _SCHEMES:
        for row in areas.rows(scheme):
            if not row.retired:
                yield f"{scheme}:{row.code}", (row.name, row.kana, row.latin)


def _rank(wanted: str, name: str) -> int:
    if name == wanted:
        return 0
    if name.startswith(wanted):
        return 1
    return 2 if wanted in name else 3


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Katakana to hiragana, so that either finds the reading; blanks and hyphens mean nothing in names.
    return "".join(chr(ord(c) - 0x60) if "ァ" <= c <= "ヶ" else c for c in folded if c not in " -　'")


def cities_of(areas: Areas, keys: Iterable[str]) -> dict[str, str]:
    """7-digit municipality codes (scheme jma.city) of the places, with their Japanese names, in order of code.

    A ward stands for itself alone, not for its city. Keys that name nothing give nothing.
    """
    found: set[str] = set()
    for key in keys:
        scheme, _, code = key.partition(":")
        if scheme == "pref":
            found |= {row.code for row in areas.rows("jma.city") if row.code[:2] == code and not row.retired}
        elif scheme == "jma.class10":
            found |= set(_of_region(areas, code))
        elif scheme == "jis":
            found |= set(_of_town(areas, code))
    return {code: areas.name("jma.city", code) for code in sorted(found)}


def _of_region(areas: Areas, code: str) -> Iterator[str]:
    for part in areas.children("jma.class10", code, "jma.class15"):
        yield from (city.code for city in areas.children("jma.class15", part.code, "jma.city"))


def _of_town(areas: Areas, jis: str) -> list[str]:
    try:
        codes = [area.code for area in areas.codes_for_jis(jis) if area.scheme == "jma.city"]
        ward = areas.city_of_ward(jis)
    except KeyError:
        return []
    own = [code for code in codes if code[:5] == jis]
    return own if ward and own else codes
