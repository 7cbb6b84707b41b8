"""A PO file that somebody sends back: what would become of each text in it. Pure.

The file's own review states count for nothing here: whoever brings a file brings proposals, and people judge them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from alerts.wording_lint import look_at
from core import po
from core.i18n import Catalogs
from core.po import WordingError

#: Largest file that is read; the longest of ours has 200 kB.
MAX_BYTES: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One text of the file that differs from what is said today. `errors`: why it is refused; `advice`: see lint."""

    key: str
    now: str
    new: str
    errors: tuple[str, ...]
    advice: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an upload would do: texts to propose, texts refused, keys we do not have, and how many are as they were."""

    proposals: tuple[Line, ...]
    refused: tuple[Line, ...]
    unknown: tuple[str, ...]
    same: int


def export(catalogs: Catalogs, lang: str) -> str:
    """The PO file of a language as it is said now, in the format of `locales/`; equal for equal words."""
    return po.text_of(lang, catalogs.entries(lang).values())


def texts_in(name: str, body: bytes) -> dict[str, str]:
    """The texts of an uploaded file by key. Raises WordingError with a sentence that names the file and the line."""
    if len(body) > MAX_BYTES:
        raise WordingError(f"{name}: has {len(body)} bytes, at most {MAX_BYTES} are read")
    return {key: entry.text for key, entry in po.parse(name, body).items()}


def plan(catalogs: Catalogs, lang: str, texts: Mapping[str, str], keys: Iterable[str]) -> Plan:
    """Compare an upload with what is said. `keys`: those that are reviewed; others in the file are unknown."""
    own, ours = catalogs.entries(lang), set(keys)
    good: list[Line] = []
    bad: list[Line] = []
    same = 0
    for key, new in sorted(texts.items()):
        if key not in ours:
            continue
        if own[key].text == new:
            same += 1
            continue
        errors, advice = look_at(lang, key, new, catalogs)
        (bad if errors else good).append(Line(key, own[key].text, new, errors, advice))
    unknown = tuple(sorted(key for key in texts if key not in own))
    return Plan(tuple(good), tuple(bad), unknown, same)
