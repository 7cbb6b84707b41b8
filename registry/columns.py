"""Which column of a list is which: Japanese or English headings, in any order, checked against the cells. Pure.

`guess` reads a whole file and never refuses: the page shows it and the clerk can change it. `map_columns` is the
strict form for the command line and for lists of our own making: what is unclear is refused with a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from registry.column_content import looks_like
from registry.headings import FIELDS, FURIGANA, HEADINGS, NAME_PARTS, PRIVATE, field_of
from registry.sheet import Row, Sheet, UnreadableTable, column_letter

__all__ = ["FIELDS", "HEADINGS", "Column", "Columns", "Guess", "guess", "map_columns", "pick", "template_csv"]

#: A list often starts with a title, a date, an address; the headings are looked for in this many rows.
_SEARCH_ROWS: Final = 25
#: Shares of cells from which a column certainly looks like a field, and below which it certainly does not.
_CERTAIN, _HARDLY = 0.8, 0.2
#: Example cells shown for a column.
_EXAMPLES: Final = 3

Note = tuple[str, dict[str, Any]]  # staff.import.column.<code>, its values


@dataclass(frozen=True, slots=True)
class Column:
    """One column as found: where, its heading, the field it was taken for ("" for none), and a few of its cells."""

    index: int
    heading: str
    field: str
    examples: tuple[str, ...]
    notes: tuple[Note, ...] = ()

    @property
    def letter(self) -> str:
        """The letter over the column in the spreadsheet."""
        return column_letter(self.index)


@dataclass(frozen=True, slots=True)
class Guess:
    """How a file was understood. `conflicts`: headings of one sheet that mean the same, (field, first, second)."""

    sheet: int
    sheets: tuple[str, ...]
    heading_row: int  # as the spreadsheet numbers it; 0: no row of headings was found
    columns: tuple[Column, ...]
    people: int
    notes: tuple[Note, ...] = ()
    conflicts: tuple[tuple[str, int, int], ...] = ()

    @property
    def index(self) -> dict[str, int]:
        """Field -> column."""
        return {c.field: c.index for c in self.columns if c.field}


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands, which headings are not used, and the data rows below the headings."""

    index: dict[str, int]
    extra: tuple[str, ...]
    rows: tuple[Row, ...]


class _Reading(NamedTuple):
    """One way to read a row (or two) as headings."""

    position: int  # of the last heading row, in the sheet's rows; -1: none
    texts: tuple[str, ...]
    fields: tuple[str, ...]

    @property
    def known(self) -> int:
        return len({f for f in self.fields if f in HEADINGS or f in NAME_PARTS})

    @property
    def has_name(self) -> bool:
        return bool({"name", *NAME_PARTS} & set(self.fields))


def guess(sheets: Sequence[Sheet]) -> Guess:
    """Find the sheet, the heading row and the columns. `sheets`: as read, at least one with rows."""
    readings = [(_read_headings(sheet.rows), sheet) for sheet in sheets]
    order = sorted(
        range(len(sheets)),
        key=lambda i: (
            not sheets[i].rows, not readings[i][0].has_name, sheets[i].hidden, -readings[i][0].known,
            -min(1, len(sheets[i].rows) - readings[i][0].position - 1), i,
        ),
    )  # fmt: skip
    return guess_sheet(sheets, order[0])


def guess_sheet(sheets: Sequence[Sheet], chosen: int) -> Guess:
    """The guess for one sheet that was chosen."""
    sheet = sheets[chosen]
    reading = _read_headings(sheet.rows)
    data = _data(sheet.rows, reading.position)
    columns, conflicts = _columns(reading, data)
    columns = _check_content(columns, data)
    notes: list[Note] = []
    named = tuple(s.name for s in sheets)
    if len([s for s in sheets if s.rows]) > 1:
        others = ", ".join(s.name for n, s in enumerate(sheets) if n != chosen and s.rows)
        notes.append(("sheet_taken", {"sheet": sheet.name, "others": others}))
    number = sheet.rows[reading.position].number if reading.position >= 0 else 0
    if number > 1:
        notes.append(("headings_in_row", {"row": number}))
    return Guess(chosen, named, number, columns, len(data), tuple(notes), conflicts)


def pick(sheets: Sequence[Sheet], made: Guess, chosen: Mapping[str, int] | None = None) -> Columns:
    """The rows under the mapping: the guess's own, or the clerk's (`chosen`, field -> column).

    Raises UnreadableTable: no column for the name, nobody below the headings.
    """
    index = {f: c for f, c in (made.index if chosen is None else chosen).items() if f in HEADINGS or f in NAME_PARTS}
    if not {"name", *NAME_PARTS} & set(index):
        raise UnreadableTable("no_name_column")
    rows = sheets[made.sheet].rows
    position = next((n for n, row in enumerate(rows) if row.number == made.heading_row), -1)
    data = _data(rows, position)
    if not data:
        raise UnreadableTable("no_people")
    used = set(index.values())
    return Columns(index, tuple(c.heading for c in made.columns if c.heading and c.index not in used), tuple(data))


def map_columns(rows: Sequence[Row] | Sequence[Sheet]) -> Columns:
    """Find the columns without anybody to ask.

    Raises UnreadableTable: no column for the name, or one thing in two columns.
    """
    sheets = [r for r in rows if isinstance(r, Sheet)] or [Sheet("", tuple(r for r in rows if isinstance(r, Row)))]
    made = guess(sheets)
    require_clear(made)
    return pick(sheets, made)


def require_clear(made: Guess) -> None:
    """Raise UnreadableTable where two columns mean the same thing: somebody has to choose."""
    by_index = {c.index: c for c in made.columns}
    for field, first, second in made.conflicts:
        one, other = by_index[first], by_index[second]
        raise UnreadableTable(
            "duplicate_heading", row=made.heading_row, first=one.heading, second=other.heading, heading=name_of(field)
        )


def name_of(field: str) -> str:
    """A field by its heading in the template."""
    return HEADINGS[field][0] if field in HEADINGS else NAME_PARTS[field][0]


# ---------------------------------------------------------------- headings


def _read_headings(rows: Sequence[Row]) -> _Reading:
    """The row that is most like a row of headings; alone, or together with a row of merged headings above it."""
    best = _Reading(-1, (), ())
    for position, row in enumerate(rows[:_SEARCH_ROWS]):
        tried = [_Reading(position, row.cells, tuple(field_of(c) if c else "" for c in row.cells))]
        if position and rows[position - 1].number == row.number - 1:
            tried.append(_two_rows(position, rows[position - 1].cells, row.cells))
        for reading in tried:
            if (reading.has_name, reading.known) > (best.has_name, best.known) and reading.known:
                best = reading
    # One known word may as well stand in a person's row (their dorm): then numbers stand beside it.
    sure = best.has_name or best.known >= 2 or not any(c.isdigit() for text in best.texts for c in text)
    return best if sure else _Reading(-1, (), ())


def _two_rows(position: int, upper: tuple[str, ...], lower: tuple[str, ...]) -> _Reading:
    """Headings over headings: 勤務先 merged over 郵便番号 and 住所. A cell merged downwards stands in the upper row."""
    width = max(len(upper), len(lower))
    above = upper + ("",) * (width - len(upper))
    below = lower + ("",) * (width - len(lower))
    texts, fields, group = [], [], ""
    for top, bottom in zip(above, below, strict=True):
        group = top or (group if bottom else "")
        texts.append(f"{group} {bottom}".strip() if bottom else top)
        fields.append(field_of(bottom, group) if bottom else field_of(top) if top else "")
    return _Reading(position, tuple(texts), tuple(fields))


def _data(rows: Sequence[Row], position: int) -> list[Row]:
    """The rows below the headings, without headings that are repeated on every printed page and without a total."""
    headings = rows[position].cells if position >= 0 else None
    return [row for row in rows[position + 1 :] if row.cells != headings and not _is_total(row)]


def _is_total(row: Row) -> bool:
    filled = [c for c in row.cells if c]
    return len(filled) <= 3 and filled[0].replace(" ", "").replace("\u3000", "") in (
        "合計",
        "計",
        "総計",
        "total",
        "Total",
    )


# ---------------------------------------------------------------- columns


def _columns(reading: _Reading, data: Sequence[Row]) -> tuple[tuple[Column, ...], tuple[tuple[str, int, int], ...]]:
    width = max([len(reading.texts), *(len(r.cells) for r in data[:200])], default=0)
    taken: dict[str, int] = {}
    columns: list[Column] = []
    conflicts: list[tuple[str, int, int]] = []
    for index in range(width):
        heading = reading.texts[index] if index < len(reading.texts) else ""
        field = reading.fields[index] if index < len(reading.fields) else ""
        examples = _examples(data, index)
        notes: list[Note] = []
        if not heading and not examples:
            continue
        if field in (FURIGANA, PRIVATE):
            notes.append((f"{field}_not_used", {}))
            field = ""
        elif field in taken:
            first = taken[field]
            if not examples or _same(data, first, index):
                notes.append(("repeated", {"column": column_letter(first)}))
                field = ""
            elif not _examples(data, first):
                columns = [_without_field(c) if c.index == first else c for c in columns]
                taken[field] = index
            else:
                conflicts.append((field, first, index))
                notes.append(("also", {"column": column_letter(first), "field": name_of(field)}))
                field = ""
        elif field:
            taken[field] = index
        columns.append(Column(index, heading, field, examples, tuple(notes)))
    if "name" in taken:
        columns = [_without_field(c) if c.field in NAME_PARTS else c for c in columns]
    elif reading.position >= 0 and not set(NAME_PARTS) & set(taken):
        columns = _name_from_reading(columns, reading)
    return tuple(columns), tuple(conflicts)


def _name_from_reading(columns: list[Column], reading: _Reading) -> list[Column]:
    """A list with フリガナ and no other name: then that is the name."""
    kana = next((c for c in columns if c.index < len(reading.fields) and reading.fields[c.index] == FURIGANA), None)
    return [replace(c, field="name", notes=(("furigana_as_name", {}),)) if c is kana else c for c in columns]


def _without_field(column: Column) -> Column:
    return replace(column, field="")


def _cells(data: Sequence[Row], index: int, limit: int = 200) -> list[str]:
    return [row.cells[index] if index < len(row.cells) else "" for row in data[:limit]]


def _examples(data: Sequence[Row], index: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(c[:40] for c in _cells(data, index, 2000) if c))[:_EXAMPLES]


def _same(data: Sequence[Row], one: int, other: int) -> bool:
    return _cells(data, one, 2000) == _cells(data, other, 2000)


# ---------------------------------------------------------------- headings against cells


def _check_content(columns: tuple[Column, ...], data: Sequence[Row]) -> tuple[Column, ...]:
    """Swap two columns whose cells say that their headings were exchanged; note a column that looks wrong."""
    shares: dict[tuple[int, str], float | None] = {}

    def share(column: Column, field: str) -> float | None:
        key = (column.index, field)
        if key not in shares:
            shares[key] = looks_like(_cells(data, column.index), field)
        return shares[key]

    named = [c for c in columns if c.field]
    wrong = [c for c in named if (found := share(c, c.field)) is not None and found < _HARDLY]
    done: dict[int, Column] = {}
    for one in wrong:
        for other in named:
            if one.index in done or other.index in done or other is one:
                continue
            theirs, ours, own = share(other, one.field), share(one, other.field), share(other, other.field)
            fits = (theirs or 0.0) >= _CERTAIN and (ours or 0.0) >= _CERTAIN
            if fits and (own is None or own < _CERTAIN):
                note: Note = ("swapped", {"one": one.letter, "other": other.letter})
                done[one.index] = replace(one, field=other.field, notes=(*one.notes, note))
                done[other.index] = replace(other, field=one.field, notes=(*other.notes, note))
    for column in wrong:
        if column.index not in done:
            note = ("looks_wrong", {"field": name_of(column.field), "example": column.examples[0]})
            done[column.index] = replace(column, notes=(*column.notes, note))
    return tuple(done.get(c.index, c) for c in columns)


def template_csv() -> bytes:
    """An empty list to fill in: Japanese headings, UTF-8 with byte order mark so that spreadsheets open it rightly."""
    line = ",".join(headings[0] for headings in HEADINGS.values())
    return ("\ufeff" + line + "\r\n").encode()
