"""Names -> codes: P2PQuake gives JMA's names without their codes. A name that fits two areas fits none."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from geo.areas import Areas

#: Characters that JMA and the municipality tables write differently.
_VARIANTS = str.maketrans("ヶ梼", "ケ檮")


def plain(name: str) -> str:
    """A name for look-up: compatibility forms folded, blanks and the mark of other people's stations (＊) left out.

    >>> plain(" 熊本西区 春日＊"), plain("鎌ヶ谷市")
    ('熊本西区春日', '鎌ケ谷市')
    """
    return "".join(unicodedata.normalize("NFKC", name).translate(_VARIANTS).replace("*", "").split())


@dataclass(frozen=True, slots=True)
class Names:
    """The look-ups; made once per process from the area table."""

    quake_areas: dict[str, str]
    tsunami_areas: dict[str, str]
    #: Prefecture name -> {name of a municipality as JMA's intensity reports write it: code}.
    cities: dict[str, dict[str, str]]
    #: Code of a municipality -> code of its quake area.
    area_of_city: dict[str, str]
    #: (scheme, code) -> name.
    own: dict[tuple[str, str], str]

    @staticmethod
    @functools.cache
    def load() -> Names:
        """The names of the committed area table. Raises geo.tables.AreaDataError."""
        table = Areas.load()
        # Others are codes of the weather reports: no station is named after them.
        rows = [row for row in table.rows("jma.city") if not row.retired and table.quake_area_of_city(row.code)]
        parts = Counter(row.code[:5] for row in rows)
        area_of_city: dict[str, str] = {}
        cities: dict[str, list[tuple[str, str]]] = {}
        for row in rows:
            area = area_of_city[row.code] = table.quake_area_of_city(row.code)
            if parts[row.code[:5]] > 1:
                continue  # 薩摩川内市 and its islands: the name of a station does not tell in which part it is
            for prefecture in table.parents("jma.quake_area", area):
                name = table.row(prefecture.scheme, prefecture.code).name
                quake_area = table.row("jma.quake_area", area).name
                spellings = {(plain(spelt), row.code) for spelt in _spellings(row.name, name, quake_area)}
                cities.setdefault(plain(name), []).extend(sorted(spellings))
        return Names(
            quake_areas=_unambiguous(_current(table, "jma.quake_area")),
            tsunami_areas=_unambiguous(_current(table, "jma.tsunami_area")),
            cities={prefecture: _unambiguous(pairs) for prefecture, pairs in cities.items()},
            area_of_city=area_of_city,
            own={
                (row.scheme, row.code): row.name
                for scheme in ("jma.quake_area", "jma.city")
                for row in table.rows(scheme)
            },
        )

    def name_of(self, scheme: str, code: str) -> str:
        """Our table's name of an area, "" if it has none."""
        return self.own.get((scheme, code), "")

    def quake_area(self, name: str) -> str | None:
        """Code of a quake area (細分区域), e.g. 熊本県熊本 -> 741."""
        return self.quake_areas.get(plain(name))

    def tsunami_area(self, name: str) -> str | None:
        """Code of a tsunami forecast area (津波予報区)."""
        return self.tsunami_areas.get(plain(name))

    def city_of_station(self, prefecture: str, station: str) -> str | None:
        """Code of the municipality of an intensity station (根室市落石東): its name begins with it.

        The longest municipality of the prefecture that fits is it: 市川三郷町岩間 is not in a 市川.
        """
        names = self.cities.get(plain(prefecture), {})
        word = plain(station)
        for length in range(len(word), 1, -1):
            code = names.get(word[:length])
            if code is not None:
                return code
        return None


def _spellings(city: str, prefecture: str, quake_area: str) -> list[str]:
    """How names of stations begin in a municipality: 広野町, or with the prefecture (in Hokkaido the region) before it
    where two share the name; wards with or without 市.

    >>> _spellings("広野町", "福島県", "福島県浜通り"), _spellings("広島市中区", "広島県", "広島県南西部")[2:]
    (['広野町', '福島広野町'], ['広島中区'])
    >>> _spellings("森町", "北海道", "渡島地方北部")[1:]
    ['渡島森町', '渡島地方森町']
    """
    region = re.fullmatch(r"(.+?)(地方).*", quake_area)
    if prefecture == "北海道" and region:
        found = [city, region[1] + city, region[1] + region[2] + city]
    else:
        found = [city, prefecture.rstrip("都府県") + city]
    ward = re.fullmatch(r"(.+?)市(.+区)", city)
    if ward:
        found.append(ward[1] + ward[2])
    if quake_area == "伊豆大島":
        found.append(f"伊豆{city}")
    return found


def _current(table: Areas, scheme: str) -> list[tuple[str, str]]:
    return [(row.name, row.code) for row in table.rows(scheme) if not row.retired]


def _unambiguous(pairs: list[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    twice: set[str] = set()
    for name, code in pairs:
        key = plain(name)
        if key in found:
            twice.add(key)
        found[key] = code
    return {key: code for key, code in found.items() if key not in twice}
