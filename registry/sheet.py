"""What every reader of a spreadsheet file gives: rows of text, or one sentence why not. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

MAX_BYTES: Final = 20_000_000
MAX_ROWS: Final = 200_000
MAX_COLUMNS: Final = 200
MAX_CELL: Final = 2_000


class UnreadableTable(ValueError):
    """The file cannot be read as a list of people. `key` and `values` say why, to be said by staff.import.file.*."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(f"{code} {values}" if values else code)
        self.code = code
        self.key = f"staff.import.file.{code}"
        self.values = values


class Row(NamedTuple):
    """One line of the sheet: its number as the spreadsheet shows it (1 is the top) and its cells as text."""

    number: int
    cells: tuple[str, ...]


class Sheet(NamedTuple):
    """One sheet of a file with its non-empty rows; a CSV is one sheet without a name."""

    name: str
    rows: tuple[Row, ...]
    hidden: bool = False


#: What stands in a cell whose formula was never calculated: said to the clerk by its row.
NOT_CALCULATED: Final = "#NOT_CALCULATED"
#: The errors a spreadsheet shows instead of a value (ECMA-376 part 1, 18.18.11), and ours.
CELL_ERRORS: Final = frozenset(
    {"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#GETTING_DATA", "#SPILL!", NOT_CALCULATED}
)


def column_letter(index: int) -> str:
    """The letter over a column.

    >>> column_letter(0), column_letter(25), column_letter(26)
    ('A', 'Z', 'AA')
    """
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
