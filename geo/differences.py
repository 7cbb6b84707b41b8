"""What differs between two editions of the area table, in lines a person can read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from geo.tables import AreaRow, AreaTable

#: More lines than this are counted, not printed.
MOST_LINES = 40


def difference(old: AreaTable, new: AreaTable, most: int = MOST_LINES) -> list[str]:
    """Lines saying which editions, areas, names and parents changed; at most `most` lines about areas."""
    if not old.rows:
        return ["no earlier area table to compare with"]
    lines = [*_areas(old.rows, new.rows)]
    more = [f"... and {len(lines) - most} more"] if len(lines) > most else []
    return [*_editions(old, new), *lines[:most], *more] or ["no difference"]


def _editions(old: AreaTable, new: AreaTable) -> Iterator[str]:
    for scheme in sorted(old.vintages.keys() | new.vintages.keys()):
        before, after = old.vintages.get(scheme), new.vintages.get(scheme)
        if before != after:
            yield f"{scheme}: edition {before.edition if before else 'none'} -> {after.edition if after else 'none'}"


def _areas(old: Iterable[AreaRow], new: Iterable[AreaRow]) -> Iterator[str]:
    before = {(row.scheme, row.code): row for row in old}
    after = {(row.scheme, row.code): row for row in new}
    for key in sorted(after.keys() - before.keys()):
        yield f"+ {key[0]}:{key[1]} {after[key].name}"
    for key in sorted(before.keys() - after.keys()):
        yield f"- {key[0]}:{key[1]} {before[key].name}"
    for key in sorted(after.keys() & before.keys()):
        if before[key] != after[key]:
            yield f"~ {key[0]}:{key[1]} {after[key].name}: {', '.join(_cells(before[key], after[key]))}"


def _cells(before: AreaRow, after: AreaRow) -> Iterator[str]:
    for field in AreaRow._fields:
        one, other = getattr(before, field), getattr(after, field)
        if one != other:
            yield f"{field} {_text(one)} -> {_text(other)}"


def _text(cell: object) -> str:
    if isinstance(cell, tuple):
        return " ".join(f"{c.scheme}:{c.code}" if hasattr(c, "scheme") else str(c) for c in cell) or "none"
    return str(cell) or "none"
