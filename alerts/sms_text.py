"""How long an SMS is, in which alphabet, and where Japanese networks break it.

GSM-7 (3GPP TS 23.038 §6.2.1) carries 160 septets in one part, 153 in each part of several; characters of its
extension table cost two and are never cut apart. Everything else goes as UCS-2: 70 UTF-16 code units, or 67 in each
part of several; a surrogate pair is never cut apart. Twilio counts in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_GSM7_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_EXTENDED: Final = frozenset("^{}\\[~]|€\f")
_GSM7_ALL: Final = _GSM7_BASIC | _GSM7_EXTENDED

GSM7: Final = "GSM-7"
UCS2: Final = "UCS-2"
_LIMITS: Final = {GSM7: (160, 153), UCS2: (70, 67)}

#: au (KDDI) carries UCS-2 texts up to this many units as Shift_JIS, longer ones as Unicode
#: (Accrete Inc., support page "SMSの仕様について").
AU_SHIFT_JIS_MAX_UNITS: Final = 70


@dataclass(frozen=True, slots=True)
class Segments:
    """What an SMS costs: its alphabet, its length in units of that alphabet, and the number of parts billed."""

    encoding: str
    units: int
    parts: int


def is_gsm7(text: str) -> bool:
    """Whether every character is in the GSM-7 alphabet or its extension."""
    return _GSM7_ALL.issuperset(text)


def segments(text: str) -> Segments:
    """Encoding, units and parts of a text; an empty text is one empty part."""
    if is_gsm7(text):
        encoding, of_two = GSM7, _GSM7_EXTENDED.intersection(text)
    else:
        encoding, of_two = UCS2, frozenset(c for c in set(text) if ord(c) > 0xFFFF)
    single, multi = _LIMITS[encoding]
    if not of_two:  # nearly every text: nothing can fall on the edge of a part
        return Segments(encoding, len(text), 1 if len(text) <= single else -(-len(text) // multi))
    costs = [2 if c in of_two else 1 for c in text]
    units = sum(costs)
    if units <= single:
        return Segments(encoding, units, 1)
    parts, room = 1, multi
    for cost in costs:
        if cost > room:  # a character of two units does not start at the last unit of a part
            parts, room = parts + 1, multi
        room -= cost
    return Segments(encoding, units, parts)


def breaks_on_au(text: str) -> bool:
    """Whether au would garble this text: short enough for Shift_JIS, but with characters Shift_JIS lacks.

    The wave dash and its look-alikes are encodable and still arrive garbled, so they count as breaking.
    """
    counted = segments(text)
    if counted.encoding == GSM7 or counted.units > AU_SHIFT_JIS_MAX_UNITS:
        return False
    if any(c in "\u301c\uff5e" for c in text):
        return True
    try:
        text.encode("cp932")
    except UnicodeEncodeError:
        return True
    return False


def pad_for_au(text: str, filler: str) -> str:
    """Lengthen a text that au would garble past 70 units, so that it travels as Unicode.

    `filler` is a harmless sentence of ours (the sender line); it is repeated before the last line, where the link
    stands alone. Other texts come back unchanged. Raises ValueError for an empty filler.
    """
    if not filler.strip():
        raise ValueError("pad_for_au needs a filler sentence")
    while breaks_on_au(text):
        head, newline, last = text.rpartition("\n")
        text = f"{head}\n{filler}{newline}{last}" if newline else f"{text}\n{filler}"
    return text
