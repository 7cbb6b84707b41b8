"""One row of a list, read into a person. Pure: a cell that cannot be read becomes a problem, never an exception.

Only a missing name refuses a row. A wrong phone number or date is left out and said: a person with a typing mistake
must still be found by an alert.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date
from enum import IntEnum
from typing import Any, Final, NamedTuple

from core.text import clean_line
from registry.cells import EMAIL_PATTERN, read_date, read_degrees, read_postal_code
from registry.columns import Columns, name_of
from registry.languages import read_language
from registry.phones import Line, Phone, PhoneProblem, read_phone
from registry.records import EMAIL, LANDLINE, PHONE, GivenContact
from registry.sheet import CELL_ERRORS, NOT_CALCULATED, Row

__all__ = [
    "EMAIL_PATTERN", "AddressInput", "PersonRow", "Problem", "Weight", "read_date", "read_handle", "read_postal_code",
    "read_rows",
]  # fmt: skip


class Weight(IntEnum):
    """What a problem does to its row."""

    NOTE = 0  # worth saying, nothing to do
    DOUBT = 1  # imported, but somebody should look
    REFUSE = 2  # this row is not imported


class Problem(NamedTuple):
    """Something about a row, said to the clerk as staff.import.reason.<code> with `values`."""

    code: str
    weight: Weight
    values: tuple[tuple[str, Any], ...] = ()

    @property
    def key(self) -> str:
        return f"staff.import.reason.{self.code}"


@dataclass(frozen=True, slots=True)
class AddressInput:
    """What a row says about a place: enough to compare two uploads and to look the place up."""

    postal_code: str = ""
    address: str = ""
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One row as a person. Empty text and None mean that the row says nothing about it."""

    number: int
    name: str = ""
    language: str = ""
    second_language: str = ""
    contacts: tuple[GivenContact, ...] = field(default=(), compare=False)
    employee_id: str = ""
    employer: str = ""
    site: str = ""
    dorm: str = ""
    room: str = ""
    shift: str = ""
    start_date: date | None = None
    end_date: date | None = None
    home: AddressInput | None = None
    work: AddressInput | None = None
    #: Whether the workplace is somebody's home.
    household: bool | None = None
    problems: tuple[Problem, ...] = ()

    def with_problem(self, code: str, weight: Weight, **values: Any) -> PersonRow:
        """The same row with one more problem."""
        return replace(self, problems=(*self.problems, Problem(code, weight, tuple(values.items()))))


def read_rows(columns: Columns, supported: Collection[str]) -> list[PersonRow]:
    """Every data row as a person. `supported`: language tags that the service has words for."""
    return [_Reader(columns, row, supported).read() for row in columns.rows]


#: Nearly all cells: ASCII words with single spaces between them. They are tidy as they are.
_PLAIN_CELL = re.compile(r"(?:[!-~]+(?: [!-~]+)*)?")

#: The other cells of a list are few and many times the same: its companies, dorms, shifts.
_tidy = functools.lru_cache(8192)(clean_line)

_YES: Final = frozenset({"はい", "yes", "y", "1", "true", "有", "あり", "該当", "○", "〇", "◯", "✓", "x"})
_NO: Final = frozenset({"いいえ", "no", "n", "0", "false", "無", "なし", "非該当", "×", "-", "ー"})
_SERVICES: Final = {
    "line": "line",
    "ライン": "line",
    "messenger": "messenger",
    "facebook": "messenger",
    "fb": "messenger",
    "メッセンジャー": "messenger",
    "zalo": "zalo",
    "ザロ": "zalo",
    "whatsapp": "whatsapp",
    "viber": "viber",
    "wechat": "wechat",
    "微信": "wechat",
    "telegram": "telegram",
}
_HOSTS: Final = {"m.me": "messenger", "facebook.com": "messenger", "zalo.me": "zalo", "wa.me": "whatsapp",
                 "line.me": "line", "t.me": "telegram", "viber.me": "viber"}  # fmt: skip


class _Reader:
    """Reads one row; collects its problems."""

    def __init__(self, columns: Columns, row: Row, supported: Collection[str]) -> None:
        self.index = columns.index
        self.row = row
        self.supported = supported
        self.problems: list[Problem] = []

    def say(self, code: str, weight: Weight, **values: Any) -> None:
        self.problems.append(Problem(code, weight, tuple(values.items())))

    def cell(self, name: str) -> str:
        column = self.index.get(name)
        if column is None or column >= len(self.row.cells):
            return ""
        raw = self.row.cells[column]
        if not raw:
            return ""
        if raw[:1] in ("#", "=") and self.is_formula(name, raw):
            return ""
        if _PLAIN_CELL.fullmatch(raw):
            return raw
        return _tidy(raw)

    def is_formula(self, name: str, raw: str) -> bool:
        """Whether a cell shows an error or holds a formula's text: said once, and read as blank."""
        error = raw in CELL_ERRORS
        if not error and not (raw[0] == "=" and len(raw) > 1):
            return False
        code = "not_calculated" if raw == NOT_CALCULATED else "cell_error" if error else "formula_text"
        problem = Problem(code, Weight.DOUBT, (("field", name_of(name)), ("text", raw[:60])))
        if problem not in self.problems:
            self.problems.append(problem)
        return True

    def name(self) -> str:
        """The name, also where it stands in two columns (姓, 名)."""
        parts = (self.cell("family_name"), self.cell("given_name"))
        return (self.cell("name") or " ".join(p for p in parts if p))[:200]

    def read(self) -> PersonRow:
        name = self.name()
        if not name:
            self.say("no_name", Weight.REFUSE)
        language, second = self.languages()
        contacts = (*self.phone(), *self.email(), *self.handles())
        start, end = self.day("start_date"), self.day("end_date")
        if start and end and end < start:
            self.say("dates_reversed", Weight.DOUBT)
        return PersonRow(
            number=self.row.number,
            name=name,
            language=language,
            second_language=second,
            contacts=contacts,
            employee_id=unicodedata.normalize("NFKC", self.cell("employee_id"))[:100],
            employer=self.cell("employer")[:200],
            site=self.cell("site")[:200],
            dorm=self.cell("dorm")[:200],
            room=self.cell("room")[:50],
            shift=self.cell("shift")[:100],
            start_date=start,
            end_date=end,
            home=self.place("home"),
            work=self.place("work"),
            household=self.household(),
            problems=tuple(self.problems),
        )

    def household(self) -> bool | None:
        text = unicodedata.normalize("NFKC", self.cell("household")).casefold()
        if not text:
            return None
        if text in _YES or text in _NO:
            return text in _YES
        self.say("household_unreadable", Weight.DOUBT, text=text)
        return None

    def languages(self) -> tuple[str, str]:
        found = []
        for name in ("language", "second_language"):
            text = self.cell(name)
            tag = read_language(text) if text else None
            if text and tag is None:
                self.say("unknown_language", Weight.DOUBT, text=text)
            elif tag and tag not in self.supported:
                self.say("language_without_words", Weight.DOUBT if name == "language" else Weight.NOTE, text=text)
            found.append(tag or "")
        if not self.cell("language"):
            self.say("no_language", Weight.DOUBT)
        first, second = found
        return first, second if second != first else ""

    def phone(self) -> tuple[GivenContact, ...]:
        text = self.cell("phone")
        if not text:
            return ()
        contacts: list[GivenContact] = []
        for part, phone in _numbers_of(text):
            if isinstance(phone, PhoneProblem):
                self.say(f"phone_{phone.code}", Weight.DOUBT, text=part)
                continue
            if phone.line is Line.FIXED:
                self.say("phone_fixed", Weight.DOUBT, text=part)
                contacts.append(GivenContact(LANDLINE, phone.e164, "handle"))
                continue
            if phone.line is Line.FOREIGN:
                self.say("phone_foreign", Weight.DOUBT, text=part)
            contacts.append(GivenContact(PHONE, phone.e164))
        return tuple(contacts)

    def email(self) -> tuple[GivenContact, ...]:
        text = unicodedata.normalize("NFKC", self.cell("email"))
        if not text:
            return ()
        if not EMAIL_PATTERN.fullmatch(text):
            self.say("email_unreadable", Weight.DOUBT, text=text)
            return ()
        return (GivenContact(EMAIL, text.lower()),)

    def handles(self) -> tuple[GivenContact, ...]:
        text = self.cell("contact")
        contacts = []
        for part in re.split(r"[;；、，,\n]", text) if text else ():
            if part.strip():
                channel, handle = read_handle(part)
                if channel == "other":
                    self.say("contact_unknown", Weight.NOTE, text=handle)
                contacts.append(GivenContact(channel, handle, "handle"))
        return tuple(contacts)

    def day(self, name: str) -> date | None:
        text = self.cell(name)
        if not text:
            return None
        day = read_date(text)
        if day is None:
            self.say("date_unreadable", Weight.DOUBT, text=text)
        return day

    def place(self, which: str) -> AddressInput | None:
        postal = self.cell(f"{which}_postal_code")
        code = read_postal_code(postal) if postal else ""
        if code is None:
            self.say("postal_code_unreadable", Weight.DOUBT, text=postal)
            code = ""
        lat_text, lon_text = self.cell(f"{which}_lat"), self.cell(f"{which}_lon")
        lat = read_degrees(lat_text) if lat_text else None
        lon = read_degrees(lon_text) if lon_text else None
        if (lat_text or lon_text) and (lat is None or lon is None):
            self.say("point_unreadable", Weight.DOUBT, text=f"{lat_text}, {lon_text}")
            lat = lon = None
        if lat is not None and lon is not None and 122 <= lat <= 154 and 20 <= lon <= 46:
            lat, lon = lon, lat
            self.say("point_swapped", Weight.NOTE)
        address = self.cell(f"{which}_address")[:500]
        if not code and not address and lat is None:
            return None
        return AddressInput(code, address, lat, lon)


def _numbers_of(text: str) -> list[tuple[str, Phone | PhoneProblem]]:
    """The numbers of one cell, as written and as read: the whole text if it is one (090/1234/5678), else its parts."""
    whole = _number(text)
    if isinstance(whole, Phone):
        return [(text.strip(), whole)]
    return [(part.strip(), _number(part)) for part in re.split(r"[;；/／、,\n]", text) if part.strip()]


def _number(text: str) -> Phone | PhoneProblem:
    try:
        return read_phone(text)
    except PhoneProblem as problem:
        return problem


def read_handle(text: str) -> tuple[str, str]:
    """A way that a helper can open by hand: (channel, handle); channel "other" where the service is not known.

    >>> read_handle("Messenger: m.me/hoshi"), read_handle("https://zalo.me/8190"), read_handle("LINE ID：abc")
    (('messenger', 'm.me/hoshi'), ('zalo', 'https://zalo.me/8190'), ('line', 'abc'))
    """
    text = unicodedata.normalize("NFKC", text).strip()[:200]
    host = re.match(r"(?:https?://)?(?:www\.)?([a-z0-9.]+)/", text, re.IGNORECASE)
    if host and host[1].lower() in _HOSTS:
        return _HOSTS[host[1].lower()], text
    match = re.match(r"([A-Za-z]+|[ァ-ヶー]+|微信)\s*(?:id)?\s*[:=\s]\s*(.+)", text, re.IGNORECASE)
    if match and match[1].lower() in _SERVICES:
        return _SERVICES[match[1].lower()], match[2].strip()
    return "other", text
