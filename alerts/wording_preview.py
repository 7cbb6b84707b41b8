"""What a text looks like where it is said: sample alerts that hold it, as SMS and as notification, and pages. Pure."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from alerts.compose import ALERT_PREFIXES, LINK, NOMINAL_LINK_LENGTH, compose, fill_link, visible_length
from alerts.lint_texts import longest_names
from alerts.samples import SAMPLES, sample_names
from alerts.sms_text import Segments, breaks_on_au, segments
from alerts.wording import Names, TextContext
from core.i18n import Catalogs
from core.po import Entry
from geo.areas import Areas

#: Sample alerts shown beside a text: more would be scrolled past on a phone.
MOST: Final = 3
#: Where a text is taken apart: at its fields, and at the lines of which a short message says only the first.
_SEAM: Final = re.compile(r"\{\w+\}|\n")

#: A piece of a text, and whether it is the one that is being looked at.
Piece = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class Preview:
    """One sample alert in the language: `sms` and `body` in pieces, the SMS's price, and its price with the longest
    names of places; `title_length` in characters as the eye counts them."""

    sample: str
    sms: tuple[Piece, ...]
    counted: Segments
    longest: Segments
    au: bool
    title: tuple[Piece, ...]
    title_length: int
    body: tuple[Piece, ...]
    unreviewed: bool


class _Heard(Catalogs):
    """Catalogs that remember which keys were said in a language."""

    def __init__(self, words: Catalogs) -> None:
        self._words = words._words
        self.keys_said: set[tuple[str, str]] = set()

    def entry(self, lang: str, key: str) -> Entry:
        self.keys_said.add((lang, key))
        return super().entry(lang, key)


@functools.lru_cache(maxsize=64)
def samples_with(words: Catalogs, lang: str, key: str) -> tuple[str, ...]:
    """The sample alerts, by name, that say a text in its language."""
    if not key.startswith(ALERT_PREFIXES):
        return ()
    found = []
    for name, context in SAMPLES.items():
        heard = _Heard(words)
        for channel in ("sms", "push"):
            compose(context, lang, channel, heard, sample_names)
        if (lang, key) in heard.keys_said:
            found.append(name)
    return tuple(found)


def previews(files: Catalogs, catalogs: Catalogs, areas: Areas, lang: str, key: str, text: str) -> list[Preview]:
    """Sample alerts with `text` under `key`, at most MOST. Takes some hundredths of a second.

    `files`: what the files say: which samples hold a key does not change with its words.
    """
    entry = catalogs.entry(lang, key)._replace(text=text)
    changed = catalogs.with_entries(lang, {key: entry})
    return [_preview(name, SAMPLES[name], lang, changed, areas, text) for name in samples_with(files, lang, key)[:MOST]]


def _preview(name: str, context: TextContext, lang: str, words: Catalogs, areas: Areas, text: str) -> Preview:
    sms = compose(context, lang, "sms", words, sample_names)
    push = compose(context, lang, "push", words, sample_names)
    final = fill_link(sms.body, "x" * NOMINAL_LINK_LENGTH)
    codes = ("long", "far")
    places = tuple(replace(place, code=code) for place, code in zip(context.places, codes, strict=False))
    far = compose(replace(context, places=places), lang, "sms", words, _longest_names(areas))
    longest = fill_link(far.body, "x" * NOMINAL_LINK_LENGTH)
    return Preview(
        name,
        highlight(sms.body.replace(LINK, "https://…"), text),
        segments(final),
        segments(longest),
        breaks_on_au(final),
        highlight(push.title, text),
        visible_length(push.title),
        highlight(push.body, text),
        sms.unreviewed,
    )


@functools.lru_cache(maxsize=1)
def _longest_names(areas: Areas) -> Names:
    return longest_names(areas)


def highlight(whole: str, text: str) -> tuple[Piece, ...]:
    """A message in pieces: those that come from `text` (what stands between its fields) are marked.

    >>> highlight("Daijobu: Leave now. Mashiki", "Leave now.")
    (('Daijobu: ', False), ('Leave now.', True), (' Mashiki', False))
    """
    literals = sorted({part.strip() for part in _SEAM.split(text) if len(part.strip()) > 1}, key=len, reverse=True)
    if not literals:
        return ((whole, False),)
    parts = re.split(f"({'|'.join(map(re.escape, literals))})", whole)
    return tuple((part, part in literals) for part in parts if part)


@functools.cache
def _templates(folder: Path) -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.html"))}


def pages_with(key: str, folder: Path) -> list[str]:
    """The pages (names of templates in `folder`) that say a text by its key, or by the beginning of its key."""
    head, _, last = key.rpartition(".")
    return [
        name
        for name, template in _templates(folder).items()
        if f'"{key}"' in template or (last and (f'"{head}." ~' in template or f"'{head}.' ~" in template))
    ]
