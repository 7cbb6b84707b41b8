"""Cells for spreadsheets: what is written into a CSV file is opened as text and never as a formula. Pure.

OWASP, CSV injection: a cell that begins with = + - @, a tab or a line break may be run. Some programs skip white space
and characters that cannot be seen before they look, and some fold full-width and small forms (＝ ﹢ －) to the plain
ones. So the first character that can be seen decides, in its compatibility form (NFKC).
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence

#: First characters of a formula, after NFKC; U+2212, the minus of mathematics, is folded by some programs only.
_STARTS = frozenset("=+-@\u2212")
#: Excel takes a file for UTF-8 only with this mark.
BYTE_ORDER_MARK = "\ufeff"


def could_run(cell: str) -> bool:
    """Whether a spreadsheet program could take a cell for a formula."""
    for character in cell:
        if character in "\t\r\n":
            return True
        if character.isprintable() and not character.isspace():
            return unicodedata.normalize("NFKC", character)[:1] in _STARTS
    return False


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet runs: a leading apostrophe before anything that could begin a formula.

    A text that already begins with an apostrophe gets a second one, so that `plain_cell` restores every text.

    >>> safe_cell("=1+1")
    "'=1+1"
    """
    return "'" + text if text.startswith("'") or could_run(text) else text


def plain_cell(cell: str) -> str:
    """The text behind a cell written by `safe_cell`."""
    return cell[1:] if cell.startswith("'") else cell


def csv_bytes(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A CSV file (RFC 4180: comma, CRLF, quotes doubled) in UTF-8 with a byte order mark."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow([safe_cell(h) for h in headings])
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
    return (BYTE_ORDER_MARK + out.getvalue()).encode()
