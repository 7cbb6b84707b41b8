"""People of one incident as a CSV file that a spreadsheet opens as text, never as a formula. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

#: What makes a spreadsheet see a formula, and the full-width forms that some of them fold to it (OWASP, CSV injection).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Excel takes a file for UTF-8 only with this mark.
BYTE_ORDER_MARK = "\ufeff"


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet runs: a leading apostrophe before anything that could begin a formula.

    A text that already begins with an apostrophe gets a second one, so that `plain_cell` restores every text.

    >>> safe_cell("=1+1")
    "'=1+1"
    """
    return "'" + text if text.lstrip(" \u3000").startswith((*FORMULA_STARTS, "'")) else text


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
