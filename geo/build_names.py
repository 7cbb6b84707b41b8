"""Names for the area table: Latin readings of municipalities, wards, prefectures, quake areas and rivers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from geo.build_sources import JisTown
from geo.romaji import romaji, title, to_hiragana

#: Columns of AreaInformationCity.csv (JMA, 気象・地震・火山情報／市町村等), from 0.
CODE, WORDS, WEATHER_NAME, WEATHER_KANA, CLASS15 = 0, 1, 2, 3, 4
SURGE, WAVE, SEISMIC_NAME, SEISMIC_KANA, VOLCANO_NAME, VOLCANO_KANA = 7, 8, 13, 14, 15, 16


class MunicipalityNames:
    """Latin and Japanese names of municipalities and wards from the three sources, JMA's own English first."""

    def __init__(self, towns: list[JisTown], cities: list[list[str]], english: Mapping[str, str]) -> None:
        self._english = english
        self._cities = {row[CODE]: row for row in cities}
        self.prefecture_latin = {t.jis[:2]: prefecture_latin(t.prefecture_kana) for t in towns}
        self._towns = {t.jis: t for t in towns}

    def city_latin(self, jis: str) -> str:
        """A whole municipality, "Mashiki"; with -shi where it is called like its prefecture, "Kumamoto-shi"."""
        row = self._cities[jis + "00"]
        name = row[WEATHER_NAME] or row[SEISMIC_NAME]
        kana = row[WEATHER_KANA] or row[SEISMIC_KANA]
        stem = _stripped(self._english.get(jis + "00", ""))
        if not stem:
            stem = title(romaji(re.sub(r"(し|まち|ちょう|むら|そん|く)$", "", kana)))
        if name.endswith("区"):
            return f"{stem}-ku"
        return f"{stem}-shi" if stem == self.prefecture_latin.get(jis[:2]) else stem

    def ward_latin(self, jis: str) -> str:
        """A ward of a designated city: "Kumamoto Higashi-ku"."""
        city_kana, ward_kana = self._split_ward(jis)
        city = _stripped(self._english.get(designated_city(jis, self._cities) + "00", "")) or title(romaji(city_kana))
        return f"{city} {title(romaji(ward_kana))}-ku"

    def _split_ward(self, jis: str) -> tuple[str, str]:
        city = self._cities[designated_city(jis, self._cities) + "00"]
        whole = to_hiragana(self._towns[jis].city_kana)
        if not whole.startswith(city[WEATHER_KANA]) or not whole.endswith("く"):
            raise ValueError(f"ward {jis}: reading {whole} does not begin with {city[WEATHER_KANA]}")
        return city[WEATHER_KANA].removesuffix("し"), whole[len(city[WEATHER_KANA]) : -1]

    def part_latin(self, row: list[str]) -> str:
        """A part of a municipality (八代市西部): the reading, with the municipality's own reading in front."""
        kana = row[WEATHER_KANA] or row[SEISMIC_KANA]
        whole = self._cities.get(row[CODE][:5] + "00")
        whole_kana = (whole[WEATHER_KANA] or whole[VOLCANO_KANA]) if whole else ""
        if whole and whole_kana and kana.startswith(whole_kana):
            rest = kana[len(whole_kana) :]
            return f"{self.city_latin(row[CODE][:5])} {title(romaji(rest))}".strip()
        return title(romaji(kana))


def prefecture_latin(kana: str) -> str:
    """クマモトケン -> "Kumamoto", ホッカイドウ -> "Hokkaido", トウキョウト -> "Tokyo"."""
    return title(romaji(re.sub(r"(?<!ほっかい)(けん|ふ|と)$", "", to_hiragana(kana))))


def designated_city(jis: str, cities: Mapping[str, list[str]]) -> str:
    """JIS code of the city a ward belongs to (43102 -> 43100), or "" for what is not a ward of a designated city.

    Wards have city numbers 101-199; the city's own code is the nearest one below with a city name (政令指定都市).
    """
    if not "101" <= jis[2:] <= "199":
        return ""
    for number in range(int(jis[2:]), 99, -1):
        row = cities.get(f"{jis[:2]}{number:03d}00")
        if row and row[WEATHER_NAME].endswith("市"):
            found = f"{jis[:2]}{number:03d}"
            return "" if found == jis else found
    return ""


def _stripped(english: str) -> str:
    match = re.fullmatch(r"(\S+) (?:City|Town|Village)", english)
    return match[1] if match else ""


_DIRECTIONS = {
    "ほくぶ": "Northern", "なんぶ": "Southern", "とうぶ": "Eastern", "せいぶ": "Western", "ちゅうぶ": "Central",
    "ほくとうぶ": "North-eastern", "ほくせいぶ": "North-western", "なんとうぶ": "South-eastern",
    "なんせいぶ": "South-western", "ちゅうとうぶ": "Central and Eastern", "ちゅうほくぶ": "Central and Northern",
}  # fmt: skip


#: The quake areas whose name joins two places with a middle dot, which the kana does not show.
QUAKE_AREA_ENGLISH = {
    "411": "Central and Western Yamanashi",
    "412": "Eastern Yamanashi and Fuji Five Lakes",
    "743": "Amakusa and Ashikita, Kumamoto",
}


def quake_area_latin(kana: str, prefecture_kana: str) -> str:
    """A quake area in JMA's English manner: くまもとけんあそ -> "Aso, Kumamoto".

    >>> quake_area_latin("しりべしちほうほくぶ", "ほっかいどう"), quake_area_latin("とちぎけんなんぶ", "とちぎけん")
    ('Northern Shiribeshi, Hokkaido', 'Southern Tochigi')
    """
    prefecture = prefecture_latin(prefecture_kana)
    rest = kana.removeprefix(prefecture_kana) or kana
    direction = next((d for d in sorted(_DIRECTIONS, key=len, reverse=True) if rest.endswith(d)), "")
    place = rest.removesuffix(direction).removesuffix("ちほう")
    words = [_DIRECTIONS.get(direction, ""), title(romaji(place)) + "," if place else "", prefecture]
    return " ".join(w for w in words if w)


def river_latin(kana: str) -> str:
    """The river's own reading without its system: ますだがわすいけいますだがわ -> "Masudagawa"."""
    system, _, river = kana.partition("すいけい")
    return " and ".join(title(romaji(part)) for part in (river or system).split("および"))
