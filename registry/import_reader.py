"""The process that opens a stranger's file: `python -m registry.import_reader`, one request, then it ends.

It reads one line of JSON (what to do) and the file from standard input, and answers in lines of JSON. It has no
database, no keys and no network; the parent limits its memory and its time (registry.import_process).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, BinaryIO, Final

from registry.columns import Column, Guess, guess, guess_sheet, pick, require_clear
from registry.import_wire import encode_person
from registry.rows import read_rows
from registry.sheet import UnreadableTable
from registry.table import read_sheets

#: People per line of the answer: small enough that whoever reads it is never busy for long.
CHUNK: Final = 50


def answer(request: dict[str, Any], body: bytes) -> Iterator[dict[str, Any]]:
    """The lines of the answer. Request: file_name, supported (languages), sheet and index (None: as guessed), strict,
    people (whether the rows are wanted), ahead (if not: the rows all the same, where the guess is clear). Raises
    UnreadableTable."""
    sheets = read_sheets(body, request["file_name"])
    chosen = request["sheet"]
    made = guess(sheets) if chosen is None or not 0 <= chosen < len(sheets) else guess_sheet(sheets, chosen)
    if request["strict"]:
        require_clear(made)
    yield {"guess": asdict(made)}
    if not request["people"] and (not request["ahead"] or made.conflicts):
        return
    try:
        columns = pick(sheets, made, request["index"])
    except UnreadableTable:
        if request["people"]:
            raise
        return  # somebody will choose the columns
    yield {"extra": columns.extra, "rows": len(columns.rows)}
    for start in range(0, len(columns.rows), CHUNK):
        part = type(columns)(columns.index, columns.extra, columns.rows[start : start + CHUNK])
        yield {"people": [encode_person(p) for p in read_rows(part, request["supported"])]}


def decode_guess(data: dict[str, Any]) -> Guess:
    """The guess as it was before it became JSON."""
    columns = tuple(
        Column(c["index"], c["heading"], c["field"], tuple(c["examples"]), tuple((k, v) for k, v in c["notes"]))
        for c in data["columns"]
    )
    return Guess(
        data["sheet"],
        tuple(data["sheets"]),
        data["heading_row"],
        columns,
        data["people"],
        tuple((k, v) for k, v in data["notes"]),
        tuple((f, a, b) for f, a, b in data["conflicts"]),
    )


def main(source: BinaryIO, out: BinaryIO) -> None:
    """Answer one request; a file that cannot be read is an answer too."""
    request = json.loads(source.readline())
    try:
        for line in answer(request, source.read()):
            out.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        out.write(b'{"done": true}\n')
    except UnreadableTable as error:
        out.write(json.dumps({"error": error.code, "values": error.values}, ensure_ascii=False).encode() + b"\n")
    except MemoryError:
        out.write(b'{"error": "needs_too_much", "values": {}}\n')
    out.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
