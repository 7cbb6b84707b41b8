"""Phone numbers as people write them in spreadsheets, read into E.164. Pure.

Only a number that can get an SMS becomes an address we send to. Japanese fixed and IP lines are kept for a helper to
call; numbers that answer with a tariff or a machine (0120, 0570, 0990, pagers) are refused.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from core.later import Later

if TYPE_CHECKING:
    import phonenumbers
else:
    phonenumbers = Later("phonenumbers")


class Line(StrEnum):
    """What a number can do for us."""

    MOBILE = "mobile"  # SMS and voice
    FIXED = "fixed"  # voice only: a fixed line or an IP phone (050)
    FOREIGN = "foreign"  # a mobile of another country: SMS may fail, and costs more


class PhoneProblem(ValueError):
    """The text is not a number we can use. `code` names why: unreadable, invalid, service_number."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{text!r} is not a usable phone number ({code})")
        self.code = code


class Phone(NamedTuple):
    """A number in E.164 (+81...) and what it can do."""

    e164: str
    line: Line


#: Every dash, bar and long-vowel sign that clerks type between digits.
_DASHES = re.compile("[\u002d\u00ad\u02d7\u058a\u2010-\u2015\u2043\u2212\u2500\u2501\u30fc\uff0d\uff70\ufe58\ufe63]")
_BRACKETED = re.compile(r"\([^()\d]*\)|\[[^\[\]\d]*\]")  # (mobile), (携帯)
_KANJI_DIGITS = str.maketrans("〇一二三四五六七八九", "0123456789")
_SCIENTIFIC = re.compile(r"(\d)\.(\d{9})E\+0?9", re.IGNORECASE)
_FLOAT = re.compile(r"\+?\d+\.0+")
#: A Japanese mobile number with nothing unusual about it (060-090; the digit after that is never 0). Nearly all of a
#: list's numbers look so, and asking the numbering plan takes three hundred times longer.
_PLAIN_MOBILE = re.compile(r"0?([6-9]0[1-9]\d{7})")
#: The same as most people type it.
_TYPED_MOBILE = re.compile(r"0([6-9]0)-?([1-9][0-9]{3})-?([0-9]{4})")
_NOT_DIGITS = re.compile(r"\D")
_PLAIN = re.compile(r"[0-9(][0-9 ().-]*")


def read_phone(text: str, region: str = "JP") -> Phone:
    """Read one number: full-width digits, any dash, +81 (0)90, 0081, 010-81, and numbers that lost their zero.

    `region`: country of numbers written without one. Raises PhoneProblem.
    """
    if region == "JP" and (typed := _TYPED_MOBILE.fullmatch(text)):
        return Phone(f"+81{typed[1]}{typed[2]}{typed[3]}", Line.MOBILE)
    cleaned = _clean(text)
    if region == "JP" and _PLAIN.fullmatch(cleaned):
        plain = _PLAIN_MOBILE.fullmatch(_NOT_DIGITS.sub("", cleaned))
        if plain:
            return Phone(f"+81{plain[1]}", Line.MOBILE)
    try:
        number = phonenumbers.parse(cleaned, region)
    except phonenumbers.NumberParseException as error:
        raise PhoneProblem("unreadable", text) from error
    if not phonenumbers.is_valid_number(number):
        raise PhoneProblem("invalid", text)
    kind = phonenumbers.number_type(number)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    types = phonenumbers.PhoneNumberType
    gets_sms = kind in (types.MOBILE, types.FIXED_LINE_OR_MOBILE)
    if not gets_sms and kind not in (types.FIXED_LINE, types.VOIP):
        raise PhoneProblem("service_number", text)
    if number.country_code != 81:
        if not gets_sms:
            raise PhoneProblem("invalid", text)
        return Phone(e164, Line.FOREIGN)
    return Phone(e164, Line.MOBILE if gets_sms else Line.FIXED)


def _clean(text: str) -> str:
    cleaned = unicodedata.normalize("NFKC", text).translate(_KANJI_DIGITS).strip().lstrip("'\"")
    cleaned = _DASHES.sub("-", cleaned)
    cleaned = _BRACKETED.sub("", cleaned).replace("(0)", "")
    cleaned = re.sub(r"^(tel|phone|mobile|電話|携帯)\s*[:.]?\s*", "", cleaned, flags=re.IGNORECASE)
    scientific = _SCIENTIFIC.fullmatch(cleaned)
    if scientific:
        cleaned = scientific[1] + scientific[2]  # 9.012345678E+09: all ten digits are there
    if _FLOAT.fullmatch(cleaned):
        cleaned = cleaned.split(".")[0]  # a spreadsheet kept the number as 9012345678.0
    digits = re.sub(r"[^\d+]", "", cleaned)
    if digits.startswith("00") and not digits.startswith("000") and len(digits) > 10:
        return "+" + digits[2:]  # 00 instead of +, as in most countries
    if digits.startswith("+810"):
        return "+81" + digits[4:]
    return cleaned


def display(e164: str) -> str:
    """A stored number as people dial it in Japan: 090-1234-5678; foreign ones with their country code."""
    number = phonenumbers.parse(e164, None)
    form = phonenumbers.PhoneNumberFormat.NATIONAL if number.country_code == 81 else None
    return str(
        phonenumbers.format_number(number, form if form is not None else phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    )


def masked(e164: str) -> str:
    """A number that its owner recognises and nobody else can call: only the last two digits.

    >>> masked("+819012345678")
    '•••• 78'
    """
    return "•••• " + e164[-2:]
