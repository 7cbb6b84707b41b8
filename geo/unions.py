"""Areas without a polygon of their own: which polygons together stand for them, and why (geo/data/unions.tsv)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from geo.tables import DATA, AreaDataError, AreaRow

UNIONS_FILE = DATA / "unions.tsv"


class Union(NamedTuple):
    """What is drawn for a jma.city area: the polygons of these codes, and the reason in one sentence."""

    name: str
    polygons: tuple[str, ...]
    reason: str


def read_unions(path: Path = UNIONS_FILE) -> dict[str, Union]:
    """The table by jma.city code. Raises AreaDataError naming the line."""
    unions: dict[str, Union] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        cells = line.split("\t")
        if len(cells) != 4 or not cells[2] or not cells[3]:
            raise AreaDataError(f"{path} line {number}: expected code, name, polygons and reason, separated by tabs")
        code, name, polygons, reason = cells
        unions[code] = Union(name, tuple(polygons.split(" ")), reason)
    return unions


def with_unions(rows: Iterable[AreaRow], unions: Mapping[str, Union]) -> list[AreaRow]:
    """The rows, each with the polygons that stand for it. Raises ValueError for a code or a name no row has."""
    left = dict(unions)
    done = []
    for row in rows:
        union = left.pop(row.code, None) if row.scheme == "jma.city" else None
        if union is not None and union.name != row.name:
            raise ValueError(f"{UNIONS_FILE.name}: {row.code} is {row.name}, not {union.name}")
        done.append(row if union is None else row._replace(polygons=union.polygons))
    if left:
        raise ValueError(f"{UNIONS_FILE.name} names areas that no table holds: {', '.join(sorted(left))}")
    return done


def missing_unions(rows: Iterable[AreaRow], drawn: Iterable[str]) -> list[AreaRow]:
    """Rows of current jma.city areas that have neither a polygon among `drawn` nor a union."""
    have = set(drawn)
    return [r for r in rows if r.scheme == "jma.city" and not r.retired and r.code not in have and not r.polygons]
