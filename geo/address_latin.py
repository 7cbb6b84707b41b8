"""Municipality out of an address in Latin letters: Hepburn, Kunrei, English words, any order, any hyphen. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from geo.spelling import fold, fold_kana, strip_accents

#: Words for what a municipality is. Town is machi or cho, village mura or son: few people know which.
_KINDS: Final = {
    **dict.fromkeys(("shi", "si", "city", "cities"), "city"),
    **dict.fromkeys(("ku", "ward"), "ward"),
    **dict.fromkeys(("machi", "mati", "cho", "chou", "choh", "tyo", "tyou", "town", "twn"), "town"),
    **dict.fromkeys(("mura", "son", "village", "vill"), "village"),
}
_JOINED: Final = ("shi", "si", "ku", "machi", "mati", "chou", "cho", "tyo", "mura", "son")  # Kumamotoshi Chuoku
_PREFECTURE: Final = ("ken", "prefecture", "pref", "fu", "to", "metropolis")
_KANA_KINDS: Final = {
    "し": "city",
    "く": "ward",
    "まち": "town",
    "ちょう": "town",
    "むら": "village",
    "そん": "village",
}
_STOP: Final = ","

Pair = tuple[str, str]  # folded stem and kind: ("masiki", "town")


class LatinName(NamedTuple):
    """What a municipality must be called by, e.g. ("kumamoto", "city") and ("higasi", "ward"), and its codes."""

    pairs: frozenset[Pair]
    codes: tuple[str, ...]
    label: str = ""  # the caller's own


def kana_pair(kana: str) -> Pair | None:
    """Stem and kind of a reading: ましきまち -> ("masiki", "town"); None for a reading without a kind.

    >>> kana_pair("くまもとし"), kana_pair("あそむら")
    (('kumamoto', 'city'), ('aso', 'village'))
    """
    for ending, kind in _KANA_KINDS.items():
        if kana.endswith(ending) and len(kana) > len(ending):
            return fold_kana(kana.removesuffix(ending)), kind
    return None


class LatinIndex:
    """Names of municipalities by what people write; `prefectures` maps a folded name ("kumamoto") to its code."""

    def __init__(self, names: Iterable[LatinName], prefectures: Mapping[str, str]) -> None:
        self._prefectures = dict(prefectures)
        self._by_pair: dict[Pair, list[LatinName]] = {}
        for name in names:
            for pair in name.pairs:
                self._by_pair.setdefault(pair, []).append(name)
        self._stems = {pair[0] for pair in self._by_pair}

    def find(self, plain: str, region: Collection[str]) -> list[LatinName]:
        """What an address names, with the codes that lie in its prefecture; [] for nothing.

        Without a word like city or ward a name counts only beside its prefecture ("Amakusa, Kumamoto"), or alone
        where `region` has it: "Mashiki" may otherwise be a street, a person or a station.
        """
        words = _words(plain)
        prefecture, at = self._prefecture(words)
        pairs = self._pairs(words)
        inside = (prefecture,) if prefecture else ()
        found = self._most_exact(pairs, inside)
        if found or pairs:
            return found
        return self._bare(words, at, prefecture, region)

    def _prefecture(self, words: list[str]) -> tuple[str, int]:
        """Code and position of the prefecture, ("", -1) for none; 'Kumamoto-ken' before a bare 'Kumamoto'."""
        for i, word in enumerate(words):
            if i and word in _PREFECTURE and fold(words[i - 1]) in self._prefectures:
                return self._prefectures[fold(words[i - 1])], i - 1
        for i in range(len(words) - 1, -1, -1):
            following = words[i + 1] if i + 1 < len(words) else _STOP
            if fold(words[i]) in self._prefectures and following not in _KINDS:
                return self._prefectures[fold(words[i])], i
        return "", -1

    def _pairs(self, words: list[str]) -> set[Pair]:
        pairs: set[Pair] = set()
        for i, word in enumerate(words):
            kind = _KINDS.get(word)
            if kind is None:
                pairs |= self._joined(word)
                continue
            for count in (3, 2, 1):  # Minami Aso Mura is not Aso
                part = words[max(0, i - count) : i]
                pair = (fold("".join(part)), kind)
                if len(part) == count and _STOP not in part and pair in self._by_pair:
                    pairs.add(pair)
                    break
            else:
                pairs.add(("", kind))  # somewhere a city is named that we do not know: nothing bare may count then
        known = {pair for pair in pairs if pair[0]}
        return known or pairs

    def _joined(self, word: str) -> set[Pair]:
        for ending in _JOINED:
            pair = (fold(word.removesuffix(ending)), _KINDS[ending])
            if word.endswith(ending) and pair in self._by_pair:
                return {pair}
        return set()

    def _most_exact(self, pairs: Collection[Pair], prefectures: Collection[str]) -> list[LatinName]:
        best: list[LatinName] = []
        size = 1
        for name in {id(n): n for pair in pairs for n in self._by_pair.get(pair, [])}.values():
            codes = tuple(c for c in name.codes if not prefectures or c[:2] in prefectures)
            if codes and name.pairs <= set(pairs) and len(name.pairs) >= size:
                best = [*(best if len(name.pairs) == size else []), name._replace(codes=codes)]
                size = len(name.pairs)
        return best

    def _bare(self, words: list[str], at: int, prefecture: str, region: Collection[str]) -> list[LatinName]:
        segments: list[list[str]] = [[]]
        for i, word in enumerate(words):
            if word == _STOP or i == at:
                segments.append([])
            elif word not in (*_PREFECTURE, "japan", "nihon", "nippon"):
                segments[-1].append(word)
        segments = [segment for segment in segments if segment]
        if not prefecture and len(segments) != 1:
            return []
        for segment in reversed(segments):  # the larger area is written last
            stem = fold("".join(segment))
            pairs = {(stem, kind) for kind in ("city", "town", "village")} & self._by_pair.keys()
            found = self._most_exact(pairs, (prefecture,) if prefecture else region) if prefecture or region else []
            if found and (prefecture or stem not in self._prefectures):
                return found
        return []


def _words(plain: str) -> list[str]:
    """Lower-case words, and "," where a part of the address ends."""
    text = re.sub(r"[-‐‑‒–—―−_./]", " ", strip_accents(plain).lower())
    return [word if word[0].isalpha() else _STOP for word in re.findall(r"[a-z][a-z'’`]*|[,、;\n()]", text)]
