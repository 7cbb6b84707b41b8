"""Municipality out of an address text: kanji, kana, romaji, names of before a merger. Pure: works on the area table.

House numbers are never interpreted. A name that is in two prefectures is refused, not guessed: a wrong municipality is
a person not told.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import NamedTuple

from geo.address_latin import LatinIndex, LatinName, kana_pair
from geo.areas import Areas
from geo.old_names import OldName, old_names
from geo.postal import PlaceNotFound
from geo.spelling import fold, fold_kana, strip_accents, unify

_POSTAL_IN_TEXT = re.compile(r"〒?\s*(\d{3})\s*[-‐‑‒–—―−ー－]?\s*(\d{4})(?!\d)")
_COUNTY = re.compile(r"^[^市区町村郡]{1,5}郡")
_KANA_COUNTY = re.compile(r"^[ぁ-ゖー]{1,9}?ぐん")
_KINDS = "市区町村"
_LONG_READING = 7  # kana: くまもとしひがしく is nothing but a place


class AddressMatch(NamedTuple):
    """The municipalities an address text names: one, or the designated city when no ward is named."""

    jis: tuple[str, ...]
    #: What follows the municipality in a Japanese address, as `geo.spelling.unify` writes it: town and house number.
    rest: str = ""
    #: The old name that was read, and what it is today: ("松橋町", "宇城市"); () for a name of today.
    old: tuple[str, str] | tuple[()] = ()


class _Found(NamedTuple):
    """Codes a text may mean, before it is decided between prefectures. `old`: it is a name of before a merger."""

    codes: tuple[str, ...] = ()
    rest: str = ""
    old: tuple[OldName, ...] = ()


def postal_code_in(text: str) -> str:
    """A postal code written inside an address ("〒861-2233 熊本県..."), as 7 digits; "" if there is none.

    Without the sign 〒 it must stand at the very beginning or have its dash: a phone number is not mistaken for one.
    """
    plain = unicodedata.normalize("NFKC", text)
    for match in _POSTAL_IN_TEXT.finditer(plain):
        signed = match[0].startswith("〒") or re.search(r"\D", match[0].strip())
        before = plain[: match.start()]
        if (signed or not before.strip()) and not re.search(r"[\d\-‐‑‒–—―−ー－]$", before):
            return match[1] + match[2]
    return ""


class AddressIndex:
    """Names of all municipalities, ready for look-up."""

    def __init__(self, areas: Areas) -> None:
        self._areas = areas
        prefectures = areas.rows("jma.quake_pref")
        self._prefectures = {unify(row.name): row.code for row in prefectures}
        #: くまもとけん, and 熊本 alone: only at the beginning.
        self._prefecture_starts = [(row.kana, row.code) for row in prefectures]
        self._prefecture_starts += [(unify(row.name)[:-1], row.code) for row in prefectures if row.name != "北海道"]
        self._names: dict[str, list[str]] = {}  # unified kanji, or kana with the kind in kanji
        self._spoken: dict[str, list[str]] = {}  # folded reading: ましきまち -> masikimati
        self._old: dict[str, list[OldName]] = {}
        latin: list[LatinName] = []
        for row in areas.rows("jis"):
            latin += self._add(row.code)
        old_latin = [name for old in old_names() for name in self._add_old(old)]
        self._longest = max(map(len, (*self._names, *self._old)))
        folded = {fold(row.latin): row.code for row in prefectures}
        self._latin, self._old_latin = LatinIndex(latin, folded), LatinIndex(old_latin, folded)

    def _add(self, jis: str) -> Iterator[LatinName]:
        areas, row = self._areas, self._areas.row("jis", jis)
        long_name = unify(row.address.removeprefix(areas.prefecture_name(jis)))
        city = areas.city_of_ward(jis)
        keys = {long_name, _COUNTY.sub("", long_name), unify(row.name)}
        county = long_name.removesuffix(unify(row.name)).endswith("郡")
        kana = re.sub(r"^.+?ぐん", "", row.kana, count=1) if county else row.kana
        self._spoken.setdefault(fold_kana(kana), []).append(jis)
        pairs = {kana_pair(kana)}
        if city:
            # A bare 中央区 may be in Tokyo or in ten other cities: indexed as such, so that it is refused.
            city_kana = areas.row("jis", city).kana
            kana = row.kana.removeprefix(city_kana)
            keys.add(long_name.split("市", 1)[-1])
            keys.add(unify(f"{city_kana[:-1]}市{kana[:-1]}区"))
            keys.add(long_name.replace("市", "", 1))  # 熊本東区, as JMA writes it
            ward = kana_pair(kana)
            pairs = {kana_pair(city_kana), ward}
            self._spoken.setdefault(fold_kana(kana), []).append(jis)
            if ward:
                yield LatinName(frozenset({ward}), (jis,))
        elif row.name[-1] in _KINDS:
            for ending in ("ちょう", "まち", "むら", "そん", "し", "く"):
                if kana.endswith(ending):
                    keys.add(kana.removesuffix(ending) + row.name[-1])
                    break
        island = re.match(r".+?島(?=..)", long_name)
        if island and jis.startswith("13"):
            keys.add(long_name.removeprefix(island[0]))  # 八丈島八丈町 is mostly written without its island
        for key in keys:
            self._names.setdefault(key, []).append(jis)
        names = {frozenset(pair for pair in pairs if pair)}
        if len(pairs) == 1 and (pair := kana_pair(kana)):
            names.add(frozenset({(fold(row.latin.removesuffix("-shi").removesuffix("-ku")), pair[1])}))  # Minami-Alps
        yield from (LatinName(name, (jis,)) for name in names)

    def _add_old(self, old: OldName) -> Iterator[LatinName]:
        self._old.setdefault(unify(old.name), []).append(old)
        if old.kana:
            self._old.setdefault(fold_kana(old.kana), []).append(old)
            pair = kana_pair(old.kana)
            if pair:
                yield LatinName(frozenset({pair}), old.jis, old.name)

    @staticmethod
    @functools.lru_cache(maxsize=1)
    def of(areas: Areas) -> AddressIndex:
        """The index over a table, kept: making it takes 0.2 s."""
        return AddressIndex(areas)

    def find(self, text: str, prefectures: Collection[str] = ()) -> AddressMatch:
        """The municipality an address names. `prefectures` ("43") decides between equal names, nothing else.

        Raises PlaceNotFound if no municipality is named, or one that exists in several prefectures.
        """
        plain = unicodedata.normalize("NFKC", text)
        if postal_code_in(text):
            plain = _POSTAL_IN_TEXT.sub(" ", plain, count=1)
        found = self._find_japanese(plain, prefectures)
        if not found.codes and re.search(r"[A-Za-z]{3}", strip_accents(plain)):
            found = self._find_latin(plain, prefectures)
        return self._choose(found, prefectures, text)

    # --- Japanese

    def _find_japanese(self, plain: str, region: Collection[str]) -> _Found:
        text = unify(plain).removeprefix("日本国").removeprefix("日本")
        # Where the writer put a space, counted from the end: うきし is a city, うきしまハイツ a house.
        ends = {0}
        for word in reversed(plain.split()):
            ends.add(max(ends) + len(unify(word)))
        at, name, code = min(
            ((text.find(n), n, c) for n, c in self._prefectures.items() if n in text), default=(-1, "", "")
        )
        if at >= 0:
            found = self._read(text[at + len(name) :], code, region, ends)
            if found.codes:
                return found
        for start, code in self._prefecture_starts:
            if text.startswith(start):
                found = self._read(text[len(start) :], code, region, ends)
                if found.codes:
                    return found
        return self._read(text, "", region, ends)

    def _read(self, text: str, prefecture: str, region: Collection[str], ends: Collection[int]) -> _Found:
        """The longest name a text begins with, the county (郡) written or left out.

        A short reading in kana counts only with its prefecture, or where a word ends (`ends`, from the end).
        """
        for start in dict.fromkeys((text, _COUNTY.sub("", text), _KANA_COUNTY.sub("", text))):
            for length in range(min(self._longest, len(start)), 1, -1):
                found = self._named(self._names, start[:length], start[length:], prefecture, region)
                if found.codes:
                    return found
            spoken = re.match(r"[ぁ-ゖー]{3,}", start)
            run = len(spoken[0]) if spoken else 0
            for length in range(run, 2, -1):
                if not (prefecture or length >= _LONG_READING or len(start) - length in ends or length == run):
                    continue
                found = self._named(self._spoken, fold_kana(start[:length]), "", prefecture, region)
                if found.codes:
                    return found
        return _Found()

    def _named(
        self, names: dict[str, list[str]], key: str, rest: str, prefecture: str, region: Collection[str]
    ) -> _Found:
        today = tuple(j for j in names.get(key, []) if j.startswith(prefecture))
        old = tuple(o for o in self._old.get(key, []) if o.prefecture.startswith(prefecture))
        if today and not self._needs_old(today, [o.prefecture for o in old], region):
            return _Found(today, rest)
        return _Found((*today, *(code for o in old for code in o.jis)), rest, old)

    # --- Latin letters

    def _find_latin(self, plain: str, region: Collection[str]) -> _Found:
        today = tuple(code for name in self._latin.find(plain, region) for code in name.codes)
        before = self._old_latin.find(plain, region)
        if today and not self._needs_old(today, [code[:2] for name in before for code in name.codes], region):
            return _Found(today)  # Ueki-machi, Kita-ku, Kumamoto-shi
        named = {(name.label, name.codes) for name in before}
        old = tuple(o for o in old_names() if (o.name, o.jis) in named)
        return _Found((*today, *(code for o in old for code in o.jis)), "", old)

    @staticmethod
    def _needs_old(today: Collection[str], old: Collection[str], region: Collection[str]) -> bool:
        """Whether an old name may be meant although one of today fits: in another prefecture (`old`) than that one."""
        return bool(set(old) - {j[:2] for j in today}) and not (
            {j[:2] for j in today} & set(region) and not set(old) & set(region)
        )

    # --- the decision

    def _choose(self, found: _Found, prefectures: Collection[str], text: str) -> AddressMatch:
        codes = found.codes
        if not codes:
            raise PlaceNotFound(
                f"address {text!r} names no municipality of Japan: begin with prefecture and city, like 熊本県益城町"
            )
        if len({j[:2] for j in codes}) > 1:
            codes = tuple(j for j in codes if j[:2] in prefectures)
            if len({j[:2] for j in codes}) != 1:
                raise PlaceNotFound(f"address {text!r} fits {self._candidates(found)}: write the prefecture in front")
        old = [o for o in found.old if set(o.jis) & set(codes)]
        if not old:
            return AddressMatch(tuple(dict.fromkeys(codes)), found.rest)
        if len({o.today for o in old}) > 1:
            raise PlaceNotFound(
                f"address {text!r} fits {self._candidates(found)}: write the name of today, with the prefecture"
            )
        return AddressMatch(tuple(dict.fromkeys(codes)), found.rest, (old[0].name, old[0].today))

    def _candidates(self, found: _Found) -> str:
        old = {jis: o for o in found.old for jis in o.jis}
        names = []
        for jis in found.codes:
            prefecture = self._areas.prefecture_name(jis)
            names.append(f"{prefecture}{old[jis].today} (once {old[jis].name})" if jis in old else prefecture)
        return "places in " + ", ".join(dict.fromkeys(names))
