"""A spreadsheet file as sheets of text rows: CSV in the encodings Japanese offices use, or XLSX. Pure.

What the file is decides its bytes. Its name is only repeated in sentences, and nothing is written to disk.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from registry.sheet import MAX_BYTES, MAX_COLUMNS, MAX_ROWS, Row, Sheet, UnreadableTable
from registry.table_csv import read_csv
from registry.table_xlsx import read_xlsx

__all__ = ["MAX_BYTES", "MAX_COLUMNS", "MAX_ROWS", "Row", "Sheet", "UnreadableTable", "read_sheets", "read_table"]

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: The first bytes of files that people send instead of a list, and the sentence each gets.
_OTHERS: Final = (
    (b"%PDF", "pdf"),
    (b"\x89PNG", "photo"),
    (b"\xff\xd8\xff", "photo"),
    (b"GIF8", "photo"),
    (b"{\\rtf", "word"),
    (b"\x1f\x8b", "packed"),
    (b"7z\xbc\xaf", "packed"),
    (b"Rar!", "packed"),
)


def read_table(body: bytes, file_name: str) -> list[Row]:
    """The non-empty rows of a CSV or of the first sheet of an XLSX that is not empty. Raises UnreadableTable."""
    return list(next(sheet for sheet in read_sheets(body, file_name) if sheet.rows).rows)


def read_sheets(body: bytes, file_name: str) -> list[Sheet]:
    """The sheets of a file, at least one of them with rows.

    CSV in UTF-8, UTF-16, CP932 (Shift_JIS), EUC-JP or ISO-2022-JP with comma, tab or semicolon; XLSX. Raises
    UnreadableTable: too large, empty, not a table, locked, or an encoding nobody can guess.
    """
    if len(body) > MAX_BYTES:
        raise UnreadableTable("too_large", limit_mb=MAX_BYTES // 1_000_000)
    if not body.strip(b" \t\r\n\x00\xef\xbb\xbf\xff\xfe"):
        raise UnreadableTable("empty")
    sheets = _read(body, short_name(file_name))
    if not any(sheet.rows for sheet in sheets):
        raise UnreadableTable("empty")
    return sheets


def _read(body: bytes, name: str) -> list[Sheet]:
    if body[:4] == b"PK\x03\x04":
        return read_xlsx(body)
    if body[:8] == _OLE:
        # A password turns an XLSX into an OLE container with this stream (MS-OFFCRYPTO 2.3).
        locked = "EncryptedPackage".encode("utf-16-le") in body
        raise UnreadableTable("locked" if locked else "old", name=name)
    for start, code in _OTHERS:
        if body.startswith(start):
            raise UnreadableTable(code, name=name)
    head = body[:600].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html", b"<table", b"<head", b"<?xml", b"<meta", b"mime-version:")):
        raise UnreadableTable("web_page", name=name)
    return [Sheet("", tuple(read_csv(body)))]


def short_name(file_name: str) -> str:
    """A client's file name, fit to be shown: the last part, without control or direction characters; never a path.

    >>> short_name("../../etc/pass\\u202ewd\\x00.csv"), short_name("C:\\\\lists\\\\a.xlsx"), short_name("..")
    ('passwd.csv', 'a.xlsx', '')
    """
    last = file_name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(c for c in unicodedata.normalize("NFC", last) if c.isprintable())
    return kept.strip(" .")[-60:]
