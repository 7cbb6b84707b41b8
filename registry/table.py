"""A spreadsheet file as rows of text: CSV in the encodings Japanese offices use, or XLSX. Pure.

The file's name is looked at only for its ending; nothing is written to disk.
"""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

import python_calamine

MAX_BYTES: Final = 20_000_000
MAX_ROWS: Final = 200_000
MAX_COLUMNS: Final = 200
MAX_CELL: Final = 2_000
#: An XLSX is a zip: this much may come out of it, and this many parts.
MAX_UNPACKED_BYTES: Final = 300_000_000
MAX_PARTS: Final = 500


class UnreadableTable(ValueError):
    """The file cannot be read as a list of people. `key` and `values` say why, to be said by staff.import.file.*."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(f"{code} {values}" if values else code)
        self.key = f"staff.import.file.{code}"
        self.values = values


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the sheet: its number as the spreadsheet shows it (1 is the top) and its cells as text."""

    number: int
    cells: tuple[str, ...]


def read_table(body: bytes, file_name: str) -> list[Row]:
    """The non-empty rows of a CSV (UTF-8, marked UTF-16, CP932; comma, tab, semicolon) or of an XLSX's first sheet.

    Raises UnreadableTable: too large, empty, not a table, or an encoding nobody can guess.
    """
    if len(body) > MAX_BYTES:
        raise UnreadableTable("too_large", limit_mb=MAX_BYTES // 1_000_000)
    if not body.strip():
        raise UnreadableTable("empty")
    if body[:4] == b"PK\x03\x04":
        rows = _read_xlsx(body)
    elif body[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise UnreadableTable("old_or_locked", name=_short(file_name))  # .xls, or an XLSX with a password
    else:
        rows = _read_csv(body)
    if not rows:
        raise UnreadableTable("empty")
    return rows


def _short(file_name: str) -> str:
    return "".join(c for c in file_name if c.isprintable())[-60:]


def _read_csv(body: bytes) -> list[Row]:
    text = _decode(body)
    if "\x00" in text:
        raise UnreadableTable("not_a_table")
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",\t;", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False)
    rows: list[Row] = []
    number = 0
    try:
        for cells in reader:
            number += 1
            if len(cells) > MAX_COLUMNS:
                raise UnreadableTable("too_many_columns", row=number, limit=MAX_COLUMNS)
            if any(c.strip() for c in cells):
                rows.append(Row(number, tuple(c.strip()[:MAX_CELL] for c in cells)))
            if len(rows) > MAX_ROWS + 1:
                raise UnreadableTable("too_many_rows", limit=MAX_ROWS)
    except csv.Error as error:
        raise UnreadableTable("broken_row", row=number + 1) from error
    return rows


def _decode(body: bytes) -> str:
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "cp932")
    for encoding in encodings:
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableTable("encoding")


def _read_xlsx(body: bytes) -> list[Row]:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as parts:
            infos = parts.infolist()
            if len(infos) > MAX_PARTS or sum(i.file_size for i in infos) > MAX_UNPACKED_BYTES:
                raise UnreadableTable("too_large", limit_mb=MAX_BYTES // 1_000_000)
        workbook = python_calamine.load_workbook(io.BytesIO(body))
        sheet = workbook.get_sheet_by_index(0)
        if sheet.total_height > MAX_ROWS * 2:
            raise UnreadableTable("too_many_rows", limit=MAX_ROWS)
        if sheet.total_width > MAX_COLUMNS:
            raise UnreadableTable("too_many_columns", row=1, limit=MAX_COLUMNS)
        raw = sheet.to_python(skip_empty_area=False)
    except (zipfile.BadZipFile, python_calamine.CalamineError, IndexError) as error:
        raise UnreadableTable("broken_xlsx") from error
    rows = [
        Row(number, cells)
        for number, values in enumerate(raw, start=1)
        if any(cells := tuple(_cell(value) for value in values))
    ]
    if len(rows) > MAX_ROWS + 1:
        raise UnreadableTable("too_many_rows", limit=MAX_ROWS)
    return rows


def _cell(value: int | float | str | bool | time | date | datetime | timedelta) -> str:
    """A cell as the person sees it: numbers without ".0", dates as YYYY-MM-DD."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()[:MAX_CELL]
