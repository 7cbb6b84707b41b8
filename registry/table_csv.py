"""A CSV file as rows of text, whatever program wrote it. Pure."""

from __future__ import annotations

import csv
import io
import re
from typing import Final

from registry.sheet import MAX_CELL, MAX_COLUMNS, MAX_ROWS, Row, UnreadableTable

#: Rows looked at to find out what separates the cells.
_SAMPLE_LINES: Final = 30
#: A cell with more line breaks than an address can have has swallowed the rows below it: its closing quote is missing.
_MAX_BREAKS: Final = 8
#: Excel's trick to keep a leading zero in a CSV: ="09012345678".
_AS_TEXT: Final = re.compile(r'="(.*)"', re.DOTALL)


def read_csv(body: bytes) -> list[Row]:
    """The non-empty rows. Raises UnreadableTable: not text, an unknown encoding, a broken quote, too many cells."""
    text = decode(body)
    if "\x00" in text:
        raise UnreadableTable("not_a_table")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=False)
    rows: list[Row] = []
    number = 0
    try:
        for cells in reader:
            number += 1
            if len(cells) > MAX_COLUMNS:
                raise UnreadableTable("too_many_columns", row=number, limit=MAX_COLUMNS)
            if any(c.strip() for c in cells):
                if any(c.count("\n") + c.count("\r") > _MAX_BREAKS for c in cells):
                    raise UnreadableTable("broken_row", row=number)
                rows.append(Row(number, tuple(_cell(c) for c in cells)))
            if len(rows) > MAX_ROWS + 1:
                raise UnreadableTable("too_many_rows", limit=MAX_ROWS)
    except csv.Error as error:
        raise UnreadableTable("broken_row", row=number + 1) from error
    return rows


def _cell(text: str) -> str:
    text = text.strip()
    if text.startswith("="):
        kept = _AS_TEXT.fullmatch(text)
        if kept:
            text = kept[1].strip()
    return text[:MAX_CELL]


def _delimiter(text: str) -> str:
    """What separates the cells: the sign that stands most often in the first lines (a title line has none)."""
    lines = [line for line in text[:100_000].splitlines()[:_SAMPLE_LINES] if line.strip()]
    unquoted = [re.sub(r'"[^"]*"', "", line) for line in lines]
    return max(",\t;", key=lambda sign: sum(line.count(sign) for line in unquoted))


def decode(body: bytes) -> str:
    """The text of a CSV. Raises UnreadableTable if no encoding fits."""
    if body[:3] == b"\xef\xbb\xbf":
        # The mark says UTF-8; some programs put it in front of Shift_JIS.
        return _first(body[3:], "utf-8", "cp932")
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _first(body, "utf-16")
    wide = _unmarked_utf16(body)
    if wide:
        return _first(body, wide)
    if b"\x1b$" in body:
        return _first(body, "iso2022_jp_2004", "iso2022_jp")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        found = [text for name in ("cp932", "euc_jp") if (text := _try(body, name)) is not None]
    if not found:
        raise UnreadableTable("encoding")
    return min(found, key=_strangeness)


def _unmarked_utf16(body: bytes) -> str | None:
    """UTF-16 without its mark has a zero byte in nearly every comma, digit and line end."""
    head = body[:4_000]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if len(head) < 8 or max(even, odd) < len(head) / 20 or min(even, odd) > max(even, odd) / 20:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _strangeness(text: str) -> float:
    """How unlike Japanese a text looks: half-width kana and rare signs are what a wrong decoding is made of."""
    wide = [c for c in text[:20_000] if ord(c) > 0x7F]
    strange = sum(1 for c in wide if "\uff61" <= c <= "\uff9f" or "\ue000" <= c <= "\uf8ff" or c in "\u00a5\u203e")
    usual = sum(1 for c in wide if "\u3041" <= c <= "\u30ff" or c in "、。・ー")
    return (2 * strange - usual) / max(1, len(wide))


def _try(body: bytes, encoding: str) -> str | None:
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:
        return None


def _first(body: bytes, *encodings: str) -> str:
    for encoding in encodings:
        text = _try(body, encoding)
        if text is not None:
            return text
    raise UnreadableTable("encoding")
