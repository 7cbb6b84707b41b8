"""Single cells that mean a day, a postal code, an angle, an e-mail address. Pure."""

from __future__ import annotations

import functools
import re
import unicodedata
from datetime import date, timedelta
from typing import Final

EMAIL_PATTERN: Final = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]+")


def masked_email(address: str) -> str:
    """An address as its owner knows it again, and a stranger beside them does not read it.

    >>> masked_email("mai.nguyen@mail.example")
    'm•••@mail.example'
    """
    local, at, domain = address.partition("@")
    return f"{local[:1]}•••{at}{domain}"


_ERAS: Final = {"令和": 2018, "r": 2018, "平成": 1988, "h": 1988, "昭和": 1925, "s": 1925}


@functools.lru_cache(4096)
def read_date(text: str) -> date | None:
    """A day as 2026-04-01, 2026/4/1, 20260401, 2026年4月1日, 令和8年4月1日, R8.4.1 or a spreadsheet's day number."""
    text = unicodedata.normalize("NFKC", text).strip().replace("元年", "1年").split(" ")[0]
    era = re.match(r"(令和|平成|昭和|[RrHhSs])\s*\.?\s*(\d{1,2})\s*[年./-]\s*(\d{1,2})\s*[月./-]\s*(\d{1,2})日?$", text)
    plain = re.match(r"(\d{4})\s*[年./-]\s*(\d{1,2})\s*[月./-]\s*(\d{1,2})日?$", text)
    packed = re.match(r"(\d{4})(\d{2})(\d{2})$", text)
    try:
        if era:
            return date(_ERAS[era[1].lower()] + int(era[2]), int(era[3]), int(era[4]))
        if plain or packed:
            found = plain or packed
            assert found is not None
            return date(int(found[1]), int(found[2]), int(found[3]))
        if re.fullmatch(r"[2-6]\d{4}", text):
            return date(1899, 12, 30) + timedelta(
                days=int(text)
            )  # Excel's day 1 is 1900-01-01, with its leap-year error
    except ValueError:
        return None
    return None


@functools.lru_cache(16_384)
def read_postal_code(text: str) -> str | None:
    """Seven digits; a code that a spreadsheet stripped of its leading zeros gets them back. None if it is none.

    >>> read_postal_code("〒８６２－０９５０"), read_postal_code("600000"), read_postal_code("12")
    ('8620950', '0600000', None)
    """
    digits = re.sub(r"[^0-9]", "", unicodedata.normalize("NFKC", text))
    if re.search(r"[A-Za-z]", unicodedata.normalize("NFKC", text)) or not 5 <= len(digits) <= 7:
        return None
    return digits.zfill(7)


def read_degrees(text: str) -> float | None:
    """Degrees as 130.7, １３０．７ or 130.7°; None if it is no angle."""
    try:
        value = float(unicodedata.normalize("NFKC", text).strip().rstrip("°度"))
    except ValueError:
        return None
    return value if -180 <= value <= 180 else None
