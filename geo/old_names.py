"""Names of municipalities that were given up in mergers and still stand on letters, leases and in people's heads."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

from geo.tables import DATA, AreaDataError

OLD_NAMES_FILE = DATA / "old_names.tsv"


class OldName(NamedTuple):
    """A municipality that is now (part of) another one."""

    prefecture: str  # two digits
    name: str  # 松橋町; of a ward or town of a city with the city: 熊本市植木町
    kana: str  # "" where we are not sure
    jis: tuple[str, ...]  # today's codes; two where it was divided
    today: str  # today's name, as in an address without the county


def read_old_names(path: Path = OLD_NAMES_FILE) -> list[OldName]:
    """Every row of the table. Raises AreaDataError naming the line if it is missing or damaged."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise AreaDataError(f"{path} cannot be read ({error.strerror}); restore it from the repository") from None
    names = []
    for number, line in enumerate(lines, 1):
        if line.startswith("#") or not line:
            continue
        cells = line.split("\t")
        if len(cells) != 6 or not cells[1] or not all(len(code) == 5 for code in cells[3].split(" ")):
            raise AreaDataError(f"{path} line {number} is not prefecture, name, reading, codes, name today, day")
        prefecture, name, kana, codes, today, _ = cells
        names.append(OldName(prefecture, name, kana, tuple(codes.split(" ")), today))
    return names


@functools.cache
def old_names() -> tuple[OldName, ...]:
    """The committed table, read once per process."""
    return tuple(read_old_names())
