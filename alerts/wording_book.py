"""What we say now: the files of `locales/`, and above them the texts that people have checked since. No database here.

Every process has one book and gives it to all who ask for words. What people do to texts is read into it
(wording_store.refresh); the texts are then replaced as a whole, at once, so that nobody who is composing an alert sees
half of a change. A text that a rule for words forbids is never said, wherever it comes from: the file's holds instead.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from alerts.review import text_mark
from core import po
from core.i18n import Catalogs
from core.later import Later
from core.po import Entry, ReviewState

if TYPE_CHECKING:
    from alerts import wording_lint
else:  # where nobody has changed a text it is not needed
    wording_lint = Later("alerts.wording_lint")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Said:
    """What is said in a language under a key since a row of the log. `of`: fingerprint of the text with its source;
    `file_of`: the mark of the file's own text at that time (review.text_mark)."""

    id: int
    language: str
    key: str
    text: str
    of: str
    file_of: str
    state: ReviewState
    by: str
    on: date


class WordingBook(Catalogs):
    """The catalogs that follow what people do to texts. Who holds it always hears what is said now."""

    def __init__(self, files: Catalogs) -> None:
        self._own = files
        self._words = files._words  # shared: nothing is read or counted anew at start
        self._said: dict[tuple[str, str], Said] = {}
        #: The newest row that has been taken in.
        self.newest = 0
        #: (language, key) -> why the text that people chose cannot be said by this version of the program.
        self.refused: dict[tuple[str, str], str] = {}

    @property
    def edition(self) -> int:
        """The newest row that has been taken in."""
        return self.newest

    @property
    def files(self) -> Catalogs:
        """What the files alone say."""
        return self._own

    def take_in(self, rows: Sequence[Said]) -> None:
        """Let what people chose be said, oldest row first."""
        if not rows:
            return
        for row in rows:
            self.newest = max(self.newest, row.id)
            held = self._said.get((row.language, row.key))
            if held is None or held.id < row.id:  # two tasks may read at once, and the later one be done first
                self._said[row.language, row.key] = row
        merged, self.refused = merge(self._own, self._said)
        self._words = merged._words
        for (lang, key), why in self.refused.items():
            log.error("the text %s in %s that people chose is not said, the file's is: it %s", key, lang, why)


def merge(files: Catalogs, said: Mapping[tuple[str, str], Said]) -> tuple[Catalogs, dict[tuple[str, str], str]]:
    """The files' texts with what people chose, English first: it is the source of the others. Also what was refused."""
    by_language: dict[str, dict[str, Said]] = defaultdict(dict)
    for (lang, key), row in said.items():
        if lang in files.languages and key in files.entries(lang):
            by_language[lang][key] = row
    refused: dict[tuple[str, str], str] = {}
    before = files.entries("en")
    english = _language("en", before, by_language.pop("en", {}), before, {}, refused)
    sources = {key: entry.text for key, entry in english.items() if entry.text != before[key].text}
    everything: dict[str, Mapping[str, Entry]] = {"en": english}
    for lang in files.languages:
        own = files.entries(lang)
        if lang != "en":
            everything[lang] = _language(lang, own, by_language.get(lang, {}), english, sources, refused)
    return Catalogs(everything), refused


def _language(
    lang: str,
    own: Mapping[str, Entry],
    said: Mapping[str, Said],
    english: Mapping[str, Entry],
    sources: Mapping[str, str],
    refused: dict[tuple[str, str], str],
) -> Mapping[str, Entry]:
    """One language's texts. `english`: what its texts were translated from, the files' own for English itself;
    `sources`: those of them that people have changed."""
    if not said and not sources:
        return own
    found = {**own, **{key: own[key]._replace(source=source) for key, source in sources.items() if key in own}}
    chosen = {key: choose(lang, found[key], own[key], row) for key, row in said.items()}
    others = {key: entry for key, entry in chosen.items() if entry.text != own[key].text}
    for key, why in wording_lint.forbidden_in(lang, others, {**found, **chosen}, english).items():
        refused[lang, key] = why
        del chosen[key]
    return {**found, **chosen}


def choose(lang: str, now: Entry, file: Entry, said: Said) -> Entry:
    """The file's text or the one that people chose, with its state.

    The chosen one, unless the file's was approved later (people's work that came back with a new version), or the
    chosen one has lost its state because its English source changed, and the file's has been rewritten since. `now`:
    the file's entry with today's English source.
    """
    source = said.text if lang == "en" else now.source
    entry = po.stamped(Entry(said.key, source, said.text), said.state, by=said.by, on=said.on)
    if said.of != entry.fingerprint:
        entry = Entry(said.key, source, said.text)  # a draft again
        if text_mark(said.key, file.text) != said.file_of and file.text != said.text:
            return now
    if now.state is not ReviewState.DRAFT and now.stamp.get("on", "") > said.on.isoformat():
        return now
    return entry
