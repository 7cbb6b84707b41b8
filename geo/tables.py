"""The two committed data files of geo/data and nothing else: how they are written (build) and read (service).

`areas.tsv.xz`    one line per area code: scheme, code, name, kana, latin, parents, address, retired (see `AreaRow`)
`areas.wkb.xz`    polygons: per area 7 ASCII digits of its JMA code, a little-endian uint32 length, that much WKB
"""

from __future__ import annotations

import lzma
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from core.model import AreaCode
from geo.data_folder import AreaDataError as AreaDataError

DATA = Path(__file__).parent / "data"
AREAS_FILE = DATA / "areas.tsv.xz"
POLYGONS_FILE = DATA / "areas.wkb.xz"
_HEADER = "scheme\tcode\tname\tkana\tlatin\tparents\taddress\tretired"


class AreaRow(NamedTuple):
    """One area code with its names and the areas it lies in."""

    scheme: str
    code: str
    #: Japanese name as its source writes it, e.g. 益城町, 熊本東区, 有明・八代海.
    name: str
    #: Hiragana reading, "" where no source gives one.
    kana: str = ""
    #: Latin reading for every other language, e.g. "Mashiki", "Kumamoto Higashi-ku".
    latin: str = ""
    #: Areas this one lies in, one level up (a ward: its city, quake area and tsunami areas).
    parents: tuple[AreaCode, ...] = ()
    #: jis only: as Japan Post writes it in an address, e.g. 熊本県上益城郡益城町.
    address: str = ""
    #: No longer used by JMA; its parents are the municipalities that took it over.
    retired: bool = False


def write_areas(rows: Iterable[AreaRow], path: Path = AREAS_FILE) -> None:
    """Write the area table, sorted, byte-identical for equal rows."""
    lines = [_HEADER]
    for row in sorted(rows, key=lambda r: (r.scheme, r.code)):
        parents = " ".join(f"{p.scheme}:{p.code}" for p in row.parents)
        cells = (row.scheme, row.code, row.name, row.kana, row.latin, parents, row.address, "1" if row.retired else "")
        if any("\t" in cell or "\n" in cell for cell in cells):
            raise ValueError(f"area {row.scheme}:{row.code} has a tab or line break in a cell: {cells}")
        lines.append("\t".join(cells))
    text = "\n".join(lines) + "\n"
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


def read_areas(path: Path = AREAS_FILE) -> list[AreaRow]:
    """Every row of the area table. Raises AreaDataError if the file is missing or damaged."""
    lines = _unpack(path).decode().splitlines()
    if not lines or lines[0] != _HEADER:
        raise AreaDataError(f"{path} does not begin with the expected columns; {_RESTORE}")
    rows = []
    for number, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        if len(cells) != 8:
            raise AreaDataError(f"{path} line {number} has {len(cells)} columns, expected 8; {_RESTORE}")
        scheme, code, name, kana, latin, parents, address, retired = cells
        above = tuple(AreaCode(*item.split(":")) for item in parents.split(" ")) if parents else ()
        rows.append(AreaRow(scheme, code, name, kana, latin, above, address, retired == "1"))
    return rows


def write_polygons(shapes: Iterable[tuple[str, bytes]], path: Path = POLYGONS_FILE) -> None:
    """Write (7-digit code, WKB) pairs in code order."""
    parts = []
    for code, wkb in sorted(shapes):
        if len(code) != 7 or not code.isdigit():
            raise ValueError(f"polygon code {code!r} is not 7 digits")
        parts.append(code.encode() + struct.pack("<I", len(wkb)) + wkb)
    path.write_bytes(lzma.compress(b"".join(parts), preset=9 | lzma.PRESET_EXTREME))


def read_polygons(path: Path = POLYGONS_FILE) -> Iterator[tuple[str, bytes]]:
    """(7-digit code, WKB) pairs. Raises AreaDataError if the file is missing or damaged."""
    data = _unpack(path)
    at = 0
    while at < len(data):
        code = data[at : at + 7].decode()
        (length,) = struct.unpack_from("<I", data, at + 7)
        at += 11
        if at + length > len(data):
            raise AreaDataError(f"{path} ends inside the polygon of {code}; {_RESTORE}")
        yield code, data[at : at + length]
        at += length


_RESTORE = "restore it from the repository or run `python -m geo.build`"


def _unpack(path: Path) -> bytes:
    try:
        return lzma.decompress(path.read_bytes())
    except FileNotFoundError:
        raise AreaDataError(f"{path} is missing; {_RESTORE}") from None
    except lzma.LZMAError as error:
        raise AreaDataError(f"{path} is damaged ({error}); {_RESTORE}") from None
