"""PO files: reading, writing, and the review state that stands beside each string.

`msgctxt` is the key ("answer.ok"), `msgid` the English source text, `msgstr` the text in the file's language. The
translator comment carries the state: ``state: approved; by: r1; on: 2026-11-01; of: 0123456789ab``. `of` is the first
12 hex digits of SHA-256 over msgctxt, msgid and msgstr joined by U+0004 (gettext's own separator), so that a state
falls back to draft by itself when somebody changes the text or its source.
"""

from __future__ import annotations

import functools
import hashlib
import io
import string
from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from core.later import Later

if TYPE_CHECKING:
    from babel.messages import catalog, pofile
else:  # at most starts the wording comes from the cache
    catalog, pofile = Later("babel.messages.catalog"), Later("babel.messages.pofile")


_SEPARATOR: Final = "\x04"
_STATE: Final = "state:"


class WordingError(ValueError):
    """A wording file cannot be used. The message names the file and the key."""


class ReviewState(StrEnum):
    """How far people have checked a text. Software only ever writes DRAFT."""

    DRAFT = "draft"  # written by its makers or a machine
    REVIEWED = "reviewed"  # read by one native speaker
    APPROVED = "approved"  # and by a second one, with a back-translation
    FIELD_TESTED = "field-tested"  # and understood by five people of the community

    @property
    def may_go_alone(self) -> bool:
        """Whether a live alert may carry this text without Japanese and English beside it."""
        return self in (ReviewState.APPROVED, ReviewState.FIELD_TESTED)


#: The comment of a text that nobody has checked: of nearly all, so that they need not be looked at one by one.
NEW: Final = f"{_STATE} {ReviewState.DRAFT}"


class Entry(NamedTuple):
    """One text of one language. `comment` is the translator comment as written; `state` what it is worth now."""

    key: str
    source: str
    text: str
    comment: str = NEW
    fuzzy: bool = False

    @property
    def state(self) -> ReviewState:
        """The review state; DRAFT unless the comment's hash belongs to exactly this text and the entry is not fuzzy."""
        if self.comment == NEW:  # nearly all of them, at every start
            return ReviewState.DRAFT
        fields = self.stamp
        try:
            claimed = ReviewState(fields.get("state", ""))
        except ValueError:
            return ReviewState.DRAFT
        return claimed if not self.fuzzy and fields.get("of") == self.fingerprint else ReviewState.DRAFT

    @property
    def stamp(self) -> Mapping[str, str]:
        """The parts of the comment by name: state, by, on, of."""
        parts = (part.partition(":") for part in self.comment.split(";"))
        return {name.strip(): value.strip() for name, _, value in parts}

    @property
    def fingerprint(self) -> str:
        """12 hex digits that name this key, source and text."""
        joined = _SEPARATOR.join((self.key, self.source, self.text))
        return hashlib.sha256(joined.encode()).hexdigest()[:12]

    @property
    def placeholders(self) -> frozenset[str]:
        """The names in braces in `text`."""
        return placeholders(self.text)


@functools.cache
def placeholders(text: str) -> frozenset[str]:
    """The names in braces in a text. Raises ValueError if one is not a plain name such as {place}."""
    names = set()
    for _, name, spec, conversion in string.Formatter().parse(text):
        if name is None:
            continue
        if not name.isidentifier() or spec or conversion:
            raise ValueError(f"{{{name}}} is not a plain placeholder")
        names.add(name)
    return frozenset(names)


def stamped(entry: Entry, state: ReviewState, *, by: str, on: date) -> Entry:
    """The entry with the word of a reviewer (a pseudonym) that it is now in this state."""
    comment = NEW if state is ReviewState.DRAFT else f"{_STATE} {state}; by: {by}; on: {on}; of: {entry.fingerprint}"
    return entry._replace(comment=comment, fuzzy=False)


def read(path: Path) -> dict[str, Entry]:
    """The entries of a PO file by key. Raises WordingError naming the file and the place."""
    return parse(path.name, path.read_bytes())


def parse(name: str, body: bytes) -> dict[str, Entry]:
    """The entries of the PO file `name` by key. Raises WordingError naming the file and the place."""
    try:
        found = pofile.read_po(io.BytesIO(body), abort_invalid=True)
    except (pofile.PoFileError, UnicodeDecodeError, ValueError) as error:
        raise WordingError(f"{name}: not a readable PO file ({error})") from error
    entries: dict[str, Entry] = {}
    for message in found:
        if not message.id:
            continue
        where = f"{name}, line {message.lineno}"
        if not message.context or not isinstance(message.id, str) or not isinstance(message.string, str):
            raise WordingError(f"{where}: an entry needs a msgctxt (its key) and no plural forms")
        if message.context in entries:
            raise WordingError(f"{where}: the key {message.context} appears twice")
        if not message.string.strip():
            raise WordingError(f"{where}: {message.context} has no text")
        comment = next((c for c in message.user_comments if c.startswith(_STATE)), "")
        entry = Entry(message.context, message.id, message.string, comment, message.fuzzy)
        try:
            placeholders(entry.text)
        except ValueError as error:
            raise WordingError(f"{where}: {message.context}: {error}") from error
        entries[entry.key] = entry
    return entries


def write(path: Path, language: str, entries: Iterable[Entry]) -> None:
    """Write a PO file as `text_of` makes it."""
    path.write_text(text_of(language, entries), encoding="utf-8")


def text_of(language: str, entries: Iterable[Entry]) -> str:
    """A PO file: sorted by key, one line per text, no dates, so that two branches merge line by line."""
    made = catalog.Catalog(fuzzy=False)
    for entry in sorted(entries, key=lambda e: e.key):
        flags = ["fuzzy"] if entry.fuzzy else []
        made.add(entry.source, entry.text, context=entry.key, user_comments=[entry.comment], flags=flags)
    out = io.BytesIO()
    pofile.write_po(out, made, width=0, omit_header=True)
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {language}\\n"\n'
        '"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n\n'
    )
    return header + out.getvalue().decode().strip("\n") + "\n"
