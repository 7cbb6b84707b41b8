"""An XLSX workbook as sheets of text rows. Pure.

Values come from python-calamine: a formula's stored result, never the formula. What it leaves blank (errors, formulas
that were never calculated) is looked up in the sheet's XML, so that the clerk is told instead of guessing.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final

import python_calamine

from registry.sheet import CELL_ERRORS, MAX_CELL, MAX_COLUMNS, MAX_ROWS, NOT_CALCULATED, Row, Sheet
from registry.sheet import UnreadableTable as Unreadable

#: An XLSX is a zip: this much may come out of it, so many times its size, in so many parts and sheets.
MAX_UNPACKED_BYTES: Final = 300_000_000
MAX_RATIO: Final = 200
#: Below this a high ratio harms nobody: an empty column compresses a thousandfold.
RATIO_FROM_BYTES: Final = 20_000_000
MAX_PARTS: Final = 500
MAX_SHEETS: Final = 50

#: Which other document a zip is, by one of its parts.
_OTHER_ZIPS: Final = (
    (re.compile(r"Index(/|\.zip$)|.*\.iwa$"), "numbers"),
    (re.compile(r"xl/workbook\.bin$|content\.xml$"), "other_spreadsheet"),
    (re.compile(r"word/|ppt/"), "word"),
)


def read_xlsx(body: bytes) -> list[Sheet]:
    """The sheets of a workbook, in its order. Raises UnreadableTable."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as parts:
            _check_parts(parts, len(body))
            workbook = python_calamine.load_workbook(io.BytesIO(body))
            metadata = workbook.sheets_metadata[:MAX_SHEETS]
            sheets = []
            for index, about in enumerate(metadata):
                if about.typ is not python_calamine.SheetTypeEnum.WorkSheet:
                    continue
                sheet = workbook.get_sheet_by_index(index)
                lost = dict(_lost_cells(_sheet_xml(parts, index, len(metadata))))
                hidden = about.visible is not python_calamine.SheetVisibleEnum.Visible
                sheets.append(Sheet(about.name, tuple(_rows(sheet, lost)), hidden))
            return sheets
    except python_calamine.PasswordError as error:
        raise Unreadable("locked", name="") from error
    except (zipfile.BadZipFile, python_calamine.CalamineError, IndexError, EOFError, NotImplementedError) as error:
        raise Unreadable("broken_xlsx") from error


def _check_parts(parts: zipfile.ZipFile, packed: int) -> None:
    infos = parts.infolist()
    unpacked = sum(i.file_size for i in infos)
    bomb = unpacked > MAX_UNPACKED_BYTES or (unpacked > RATIO_FROM_BYTES and unpacked > packed * MAX_RATIO)
    if len(infos) > MAX_PARTS or bomb:
        raise Unreadable("unpacks_too_large", limit_mb=MAX_UNPACKED_BYTES // 1_000_000)
    names = [i.filename for i in infos]
    if "xl/workbook.xml" not in names:
        for pattern, code in _OTHER_ZIPS:
            if any(pattern.match(name) for name in names):
                raise Unreadable(code, name="")
        raise Unreadable("packed", name="")


def _rows(sheet: python_calamine.CalamineSheet, lost: dict[tuple[int, int], str]) -> Iterator[Row]:
    """The non-empty rows; `lost`: what stands in cells the reader left blank, by (row, column) from 0."""
    if sheet.start is None:
        return
    if sheet.total_height > MAX_ROWS * 2 or sheet.height > MAX_ROWS * 2:
        raise Unreadable("too_many_rows", limit=MAX_ROWS)
    if sheet.width > MAX_COLUMNS:
        raise Unreadable("too_many_columns", row=1, limit=MAX_COLUMNS)
    top, left = sheet.start
    lost_rows = {row for row, _ in lost}
    kept = 0
    for offset, values in enumerate(sheet.to_python(skip_empty_area=True)):
        # Nearly all cells are text; a call for each of a million is worth leaving out.
        cells = tuple([v.strip()[:MAX_CELL] if type(v) is str else _cell(v) for v in values])
        row = top + offset
        if row in lost_rows:
            cells = tuple(lost.get((row, left + n), text) if not text else text for n, text in enumerate(cells))
        if not any(cells):
            continue
        kept += 1
        if kept > MAX_ROWS + 1:
            raise Unreadable("too_many_rows", limit=MAX_ROWS)
        yield Row(row + 1, ("",) * left + cells)


def _cell(value: int | float | str | bool | time | date | datetime | timedelta) -> str:
    """A cell as the person sees it: numbers without ".0", dates as YYYY-MM-DD."""
    if isinstance(value, str):
        return value.strip()[:MAX_CELL]
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()[:MAX_CELL]


_CELL: Final = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"([^>]*?)(?:/>|>(.*?)</c>)', re.DOTALL)
_VALUE: Final = re.compile(rb"<v>([^<]+)</v>|<is>")


def _lost_cells(xml: bytes) -> Iterator[tuple[tuple[int, int], str]]:
    """Cells that show an error, or hold a formula without a stored result: ((row, column) from 0, what to say)."""
    if b't="e"' not in xml and b"<f" not in xml:
        return
    for column, row, attributes, content in _CELL.findall(xml):
        if not content:
            continue
        place = (int(row) - 1, _column_index(column))
        value = _VALUE.search(content)
        if b't="e"' in attributes and value and value[1]:
            text = value[1].decode("ascii", "replace")
            yield place, text if text in CELL_ERRORS else "#VALUE!"
        elif b"<f" in content and not value:
            yield place, NOT_CALCULATED


def _column_index(letters: bytes) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + letter - 64
    return index - 1


def _sheet_xml(parts: zipfile.ZipFile, index: int, count: int) -> bytes:
    """The XML of sheet `index`. Every writer we know numbers the parts in the order of the sheets; where the numbers
    do not fit, nothing is looked up and such cells stay blank."""
    names = sorted(
        (n for n in parts.namelist() if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", n)),
        key=lambda n: int(re.sub(r"\D", "", n)),
    )
    if len(names) != count or parts.getinfo(names[index]).file_size > MAX_UNPACKED_BYTES:
        return b""
    with parts.open(names[index]) as part:
        # The declared size may lie: read no more than what may come out.
        return part.read(MAX_UNPACKED_BYTES)
