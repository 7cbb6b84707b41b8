"""Municipality out of an address text, Japanese or romaji. Pure: works on the names of the area table.

We need the municipality only: house numbers are never interpreted. A name that is in two prefectures is refused, not
guessed: a wrong municipality is a person not told.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import NamedTuple

from geo.areas import Areas
from geo.postal import PlaceNotFound
from geo.romaji import to_hiragana

_POSTAL_IN_TEXT = re.compile(r"〒?\s*(\d{3})\s*[-‐‑‒–—―−ー－]?\s*(\d{4})(?!\d)")
_KINDS = {"city": ["shi"], "ward": ["ku"], "town": ["machi", "cho"], "village": ["mura", "son"], "shi": ["shi"],
          "ku": ["ku"], "machi": ["machi", "cho"], "cho": ["machi", "cho"], "mura": ["mura", "son"],
          "son": ["mura", "son"]}  # fmt: skip
_PREFECTURE_WORDS = ("ken", "prefecture", "pref", "fu", "to")


class AddressMatch(NamedTuple):
    """The municipalities an address text names: one, or the designated city when no ward is named."""

    jis: tuple[str, ...]


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
        self._prefectures = {row.name: row.code for row in areas.rows("jma.quake_pref")}
        self._prefecture_kana = {row.kana: row.code for row in areas.rows("jma.quake_pref")}
        self._prefecture_latin = {_fold(row.latin): row.code for row in areas.rows("jma.quake_pref")}
        self._names: dict[str, list[str]] = {}
        self._kana: dict[str, list[str]] = {}
        self._latin: dict[tuple[str, ...], list[str]] = {}
        for row in areas.rows("jis"):
            long_name = row.address.removeprefix(areas.prefecture_name(row.code))
            keys = {_unify(long_name), _unify(row.name)}
            latin = _latin_key(row.latin, row.kana, row.name)
            if areas.city_of_ward(row.code):
                # A bare 中央区 may be in Tokyo or in ten other cities: indexed as such, so that it is refused.
                keys.add(_unify(row.name).split("市")[-1])
                self._latin.setdefault(latin[-1:], []).append(row.code)
            for key in keys:
                self._names.setdefault(key, []).append(row.code)
            self._kana.setdefault(row.kana, []).append(row.code)
            self._latin.setdefault(latin, []).append(row.code)
        self._longest = max(len(name) for name in self._names)

    def find(self, text: str, prefectures: Collection[str] = ()) -> AddressMatch:
        """The municipality an address names. `prefectures` ("43") decides between equal names, nothing else.

        Raises PlaceNotFound if no municipality is named, or one that exists in several prefectures.
        """
        plain = unicodedata.normalize("NFKC", text)
        if postal_code_in(text):
            plain = _POSTAL_IN_TEXT.sub(" ", plain, count=1)
        found = self._find_japanese(plain)
        if not found and re.search(r"[A-Za-z]{3}", _strip_accents(plain)):
            found = self._find_latin(plain)
        return AddressMatch(self._choose(found, prefectures, text))

    def _find_japanese(self, plain: str) -> list[str]:
        text = _unify(plain).removeprefix("日本国").removeprefix("日本")
        at, name, code = min(
            ((text.find(n), n, c) for n, c in self._prefectures.items() if n in text), default=(-1, "", "")
        )
        if at >= 0:
            found = self._longest_prefix(text[at + len(name) :], code)
            if found:
                return found
        spoken = to_hiragana(text)
        for kana, code in self._prefecture_kana.items():
            if spoken.startswith(kana):
                keys = [k for k in self._kana if spoken.startswith(k, len(kana))]
                for key in sorted(keys, key=len, reverse=True):
                    found = [j for j in self._kana[key] if j.startswith(code)]
                    if found:
                        return found
        return self._longest_prefix(text, "")

    def _longest_prefix(self, text: str, prefecture: str) -> list[str]:
        for length in range(min(self._longest, len(text)), 1, -1):
            found = [j for j in self._names.get(text[:length], []) if j.startswith(prefecture)]
            if found:
                return found
        return []

    def _find_latin(self, plain: str) -> list[str]:
        words = re.findall(r"[a-z']+", re.sub(r"-", " ", _strip_accents(plain).lower()))
        pairs: set[tuple[str, str]] = set()  # (stem, kind): ("mashiki", "machi")
        prefecture = ""
        for i, word in enumerate(words):
            stem = _fold(words[i - 1]) if i else ""
            for kind in _KINDS.get(word, []):
                pairs.add((stem, kind))
            if word in _PREFECTURE_WORDS and stem in self._prefecture_latin:
                prefecture = self._prefecture_latin[stem]
        if not prefecture:
            bare = [
                _fold(w) for i, w in enumerate(words) if _KINDS.get(words[i + 1] if i + 1 < len(words) else "") is None
            ]
            prefecture = next((self._prefecture_latin[w] for w in reversed(bare) if w in self._prefecture_latin), "")
        best: list[str] = []
        size = 0
        for key, codes in self._latin.items():
            parts = {(part.rsplit(" ", 1)[0], part.rsplit(" ", 1)[1]) for part in key}
            if parts <= pairs and len(parts) >= size:
                best, size = ([] if len(parts) > size else best) + codes, len(parts)
        inside = [j for j in best if j.startswith(prefecture)]
        return inside if prefecture else best

    def _choose(self, found: list[str], prefectures: Collection[str], text: str) -> tuple[str, ...]:
        if not found:
            raise PlaceNotFound(
                f"address {text!r} names no municipality of Japan: begin with prefecture and city, like 熊本県益城町"
            )
        if len({j[:2] for j in found}) > 1:
            inside = [j for j in found if j[:2] in prefectures]
            if len({j[:2] for j in inside}) != 1:
                where = ", ".join(dict.fromkeys(self._areas.prefecture_name(j) for j in found))
                raise PlaceNotFound(f"address {text!r} fits places in {where}: write the prefecture in front")
            found = inside
        return tuple(dict.fromkeys(found))


def _unify(text: str) -> str:
    """One spelling for what varies in addresses: no spaces, ヶ and ケ alike."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).replace("ヶ", "ケ")


def _strip_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def _fold(latin: str) -> str:
    """Romaji without the differences between its systems: long vowels, n before b and p, tsu and tu."""
    text = _strip_accents(latin).lower().replace("'", "").replace("-", " ")
    text = re.sub(r"o[uoh](?![aeiou])", "o", text).replace("uu", "u")
    return re.sub(r"m(?=[bpm])", "n", text)


def _latin_key(latin: str, kana: str, name: str) -> tuple[str, ...]:
    """The words an address must hold: ("kumamoto shi", "higashi ku"), ("mashiki machi",)."""
    if name.endswith("区") and " " in latin:
        city, ward = latin.split(" ", 1)
        return (f"{_fold(city.removesuffix('-shi'))} shi", f"{_fold(ward.removesuffix('-ku'))} ku")
    endings = {"し": "shi", "く": "ku", "まち": "machi", "ちょう": "cho", "むら": "mura", "そん": "son"}
    kind = next((latin_kind for ending, latin_kind in endings.items() if kana.endswith(ending)), "shi")
    stem = latin.removesuffix("-shi").removesuffix("-ku")
    return (f"{_fold(stem)} {kind}",)
