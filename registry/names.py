"""When two names are the same, or near enough to ask: people and companies as lists write them. Pure."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")

#: Legal forms of companies in Japan, as written out, in brackets and in English.
_LEGAL_FORMS: Final = re.compile(
    r"株式会社|有限会社|合同会社|合資会社|合名会社|協同組合|事業協同組合|農業組合法人|農事組合法人|社会福祉法人|医療法人|一般社団法人"
    r"|\((?:株|有|合|同|資|名|協|農|福|医|一社)\)|[㈱㈲㈿]|co\.?,?ltd\.?|inc\.?|k\.k\.|corp(?:oration|\.)?|company|limited"
)


@functools.lru_cache(200_000)
def name_key(text: str) -> str:
    """Names of people and companies as they compare: without width, case and spaces, ㈱ written out."""
    if text.isascii():
        return "".join(text.casefold().split())
    return "".join(unicodedata.normalize("NFKC", text).casefold().split()).replace("(株)", "株式会社")


@functools.lru_cache(50_000)
def company_key(text: str) -> str:
    """A company's own name, without its legal form, wherever that stands.

    >>> company_key("株式会社あおい食品"), company_key("あおい食品（株）"), company_key("Hikari Foods Co., Ltd.")
    ('あおい食品', 'あおい食品', 'hikarifoods')
    """
    flat = "".join(unicodedata.normalize("NFKC", text).casefold().split())
    return re.sub(r"[・･.,、。\-‐ー'’()]", "", _LEGAL_FORMS.sub("", flat)) or name_key(text)


@functools.lru_cache(200_000)
def tokens(name: str) -> tuple[str, ...]:
    """The words of a person's name without case, accents and marks, sorted: THU NGUYEN is Nguyễn Thu."""
    flat = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", name)).casefold().replace("đ", "d")
    # Combining marks of Latin letters go; those of kana and of South Asian scripts carry meaning.
    flat = re.sub("[\u0300-\u036f]", "", flat)
    return tuple(sorted(t for t in re.split(r"[\s・,.、，\-‐()/]+", unicodedata.normalize("NFC", flat)) if t))


def near(one: str, other: str) -> bool:
    """Whether two names may well be one person's: word order, accents, one letter, or a middle name more or less.

    >>> near("NGUYEN VAN MINH", "Nguyễn Minh"), near("Thu", "Thủ"), near("Aung", "Minh")
    (True, True, False)
    """
    a, b = tokens(one), tokens(other)
    if a == b:
        return bool(a)
    short, long = sorted((a, b), key=len)
    if len(short) >= 2 and set(short) <= set(long):
        return True
    x, y = "".join(a), "".join(b)
    return x == y or (min(len(x), len(y)) >= 5 and _one_edit(x, y))


def _one_edit(one: str, other: str) -> bool:
    """Whether one letter more, less or different turns one text into the other."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    a, b = one[start:], other[start:]
    return a[1:] == b or a == b[1:] or a[1:] == b[1:]


class NameIndex(Generic[_T]):
    """Finds the names that are `near` a name without comparing it with all of them."""

    def __init__(self, people: Iterable[tuple[str, _T]]) -> None:
        """`people`: (name, whatever stands for the person)."""
        self._by_hint: dict[object, list[tuple[str, _T]]] = defaultdict(list)
        for name, person in people:
            for hint in _hints(name):
                self._by_hint[hint].append((name, person))

    def near(self, name: str) -> list[_T]:
        """The people whose name is near this one."""
        found: dict[int, _T] = {}
        for hint in _hints(name):
            # A hint that hundreds share (Nguyen Van) says nothing.
            for other, person in self._by_hint.get(hint, ())[:50]:
                if id(person) not in found and near(name, other):
                    found[id(person)] = person
        return list(found.values())


def _hints(name: str) -> set[object]:
    """What two near names have in common: a pair of words, or the whole with one letter left out."""
    words = tokens(name)
    whole = "".join(words)
    hints: set[object] = set(combinations(words[:6], 2))
    hints.add(whole)
    if 4 <= len(whole) <= 60:
        hints |= {whole[:n] + whole[n + 1 :] for n in range(len(whole))}
    return hints


def near_companies(name: str, known: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The companies (key, name) whose own name is the same, contained, or one letter away; the same first."""
    own = company_key(name)
    found = []
    for key, other in known:
        theirs = company_key(other)
        same = own == theirs
        close = len(min(own, theirs, key=len)) >= 3 and (own in theirs or theirs in own or _one_edit(own, theirs))
        if same or close:
            found.append((not same, key, other))
    return [(key, other) for _, key, other in sorted(found)]
