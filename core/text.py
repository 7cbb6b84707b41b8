"""Text from outside, made safe to show beside other text. Pure."""

from __future__ import annotations

import unicodedata

#: Needed inside words of Persian, Urdu, Burmese, Nepali and Sinhala, and harmless: zero-width non-joiner and joiner.
_JOINERS = "\u200c\u200d"


def clean_line(text: str) -> str:
    """One line as a person means it: a name, a room, an employee number.

    Composed (NFC, not NFKC: a name is kept as its owner writes it), white space of every kind to single blanks, and
    nothing that is invisible: control characters, bidi overrides and isolates (which could reorder what stands next to
    a name), byte order marks, soft hyphens, tags, unassigned and private characters.

    >>> clean_line(" Nguyễn\\u202e\\tVăn\\u0000 ")
    'Nguyễn Văn'
    """
    composed = unicodedata.normalize("NFC", text)
    if not composed.isprintable():
        composed = "".join(_kept(c) for c in composed)
    return " ".join(composed.split()).strip(_JOINERS + " ")


def _kept(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    return " " if character.isspace() else ""
