"""The data files of areas and nothing else: how they are written (build, update) and read (service).

`areas.tsv.xz`    lines "#vintage scheme edition source", then one line per area code (columns: see `AreaRow`)
`areas.wkb.xz`    polygons: per area 7 ASCII digits of its JMA code, a little-endian uint32 length, that much WKB
`n03.wkb.xz`      the same of the municipalities and wards of N03, JIS code + "00"; only where `main.py geo update` ran

The committed ones lie in geo/data; what was fetched into the data folder (geo/data_folder.py) goes before them.
"""

from __future__ import annotations

import lzma
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from core.model import AreaCode
from geo import data_folder
from geo.data_folder import AreaDataError as AreaDataError

DATA = Path(__file__).parent / "data"
AREAS_FILE = DATA / "areas.tsv.xz"
POLYGONS_FILE = DATA / "areas.wkb.xz"
#: Names of the files in the data folder.
FETCHED_AREAS, FETCHED_POLYGONS, FETCHED_N03 = "areas.tsv.xz", "areas.wkb.xz", "n03.wkb.xz"
_HEADER = "scheme\tcode\tname\tkana\tlatin\tparents\taddress\tretired\tpolygons"
_VINTAGE = "#vintage"
_COLUMNS = 9


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
    #: jma.city only: polygon codes that together stand for an area without a polygon of its own (geo/data/unions.tsv).
    polygons: tuple[str, ...] = ()


class Vintage(NamedTuple):
    """Which edition of which table the rows of a scheme come from."""

    #: As its publisher dates it, e.g. "2026-07-07" or "2026-10".
    edition: str
    source: str


class AreaTable(NamedTuple):
    """Everything `areas.tsv.xz` holds."""

    rows: list[AreaRow]
    vintages: dict[str, Vintage]


def pack_areas(rows: Iterable[AreaRow], vintages: Mapping[str, Vintage]) -> bytes:
    """The area table as a file, sorted, byte-identical for equal rows. Raises ValueError for a cell with a tab."""
    lines = ["\t".join((_VINTAGE, scheme, *vintages[scheme])) for scheme in sorted(vintages)]
    lines.append(_HEADER)
    for row in sorted(rows, key=lambda r: (r.scheme, r.code)):
        parents = " ".join(f"{p.scheme}:{p.code}" for p in row.parents)
        retired = "1" if row.retired else ""
        polygons = " ".join(row.polygons)
        cells = (row.scheme, row.code, row.name, row.kana, row.latin, parents, row.address, retired, polygons)
        if any("\t" in cell or "\n" in cell for cell in cells):
            raise ValueError(f"area {row.scheme}:{row.code} has a tab or line break in a cell: {cells}")
        lines.append("\t".join(cells))
    text = "\n".join(lines) + "\n"
    return lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)


def read_areas(path: Path = AREAS_FILE) -> list[AreaRow]:
    """Every row of a file. Raises AreaDataError if it is missing or damaged."""
    return read_table(path).rows


def read_table(path: Path = AREAS_FILE) -> AreaTable:
    """A file's rows and vintages. Raises AreaDataError if it is missing or damaged."""
    return unpack_areas(_read(path), str(path))


def current_table() -> AreaTable:
    """The fetched table if there is one, else the committed. Raises AreaDataError."""
    fetched = data_folder.read_file(FETCHED_AREAS)
    return read_table() if fetched is None else unpack_areas(fetched, f"the fetched {FETCHED_AREAS}")


def unpack_areas(packed: bytes, name: str) -> AreaTable:
    """The table in the bytes of a file; `name` is what messages call it. Raises AreaDataError."""
    vintages: dict[str, Vintage] = {}
    rows: list[AreaRow] = []
    seen: dict[str, tuple[AreaCode, ...]] = {"": ()}  # many rows share their parents
    lines = enumerate(_unpack(packed, name).decode().splitlines(), 1)
    for number, line in lines:
        if not line.startswith(_VINTAGE):
            break
        cells = line.split("\t")
        if len(cells) != 4:
            raise AreaDataError(f"{name} line {number} is not a vintage; {_RESTORE}")
        vintages[cells[1]] = Vintage(cells[2], cells[3])
    else:
        line = ""
    if line != _HEADER:
        raise AreaDataError(f"{name} does not begin with the expected columns; {_RESTORE}")
    for number, line in lines:
        cells = line.split("\t")
        if len(cells) != _COLUMNS:
            raise AreaDataError(f"{name} line {number} has {len(cells)} columns, expected {_COLUMNS}; {_RESTORE}")
        scheme, code, label, kana, latin, parents, address, retired, polygons = cells
        above = seen.get(parents)
        if above is None:
            above = seen[parents] = tuple(AreaCode(*item.split(":")) for item in parents.split(" "))
        parts = tuple(polygons.split(" ")) if polygons else ()
        rows.append(AreaRow(scheme, code, label, kana, latin, above, address, retired == "1", parts))
    return AreaTable(rows, vintages)


def pack_polygons(shapes: Iterable[tuple[str, bytes]]) -> bytes:
    """(7-digit code, WKB) pairs as a file, in code order. Raises ValueError for another code."""
    parts = []
    for code, wkb in sorted(shapes):
        if len(code) != 7 or not code.isdigit():
            raise ValueError(f"polygon code {code!r} is not 7 digits")
        parts.append(code.encode() + struct.pack("<I", len(wkb)) + wkb)
    return lzma.compress(b"".join(parts), preset=9 | lzma.PRESET_EXTREME)


def read_polygons(path: Path = POLYGONS_FILE) -> Iterator[tuple[str, bytes]]:
    """(7-digit code, WKB) pairs of a file. Raises AreaDataError if it is missing or damaged."""
    return unpack_polygons(_read(path), str(path))


def current_polygons() -> Iterator[tuple[str, bytes]]:
    """The fetched polygons of JMA's areas if there are any, else the committed. Raises AreaDataError."""
    fetched = data_folder.read_file(FETCHED_POLYGONS)
    return read_polygons() if fetched is None else unpack_polygons(fetched, f"the fetched {FETCHED_POLYGONS}")


def fetched_n03() -> Iterator[tuple[str, bytes]]:
    """Municipalities and wards of N03 (JIS code + "00"); nothing where they were not fetched. Raises AreaDataError."""
    fetched = data_folder.read_file(FETCHED_N03)
    return iter(()) if fetched is None else unpack_polygons(fetched, f"the fetched {FETCHED_N03}")


def unpack_polygons(packed: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    """The pairs in the bytes of a file; `name` is what messages call it. Raises AreaDataError."""
    data = _unpack(packed, name)
    at = 0
    while at < len(data):
        code = data[at : at + 7].decode()
        (length,) = struct.unpack_from("<I", data, at + 7)
        at += 11
        if at + length > len(data):
            raise AreaDataError(f"{name} ends inside the polygon of {code}; {_RESTORE}")
        yield code, data[at : at + length]
        at += length


_RESTORE = "restore it from the repository or run `python -m geo.build`"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise AreaDataError(f"{path} is missing; {_RESTORE}") from None


def _unpack(packed: bytes, name: str) -> bytes:
    try:
        return lzma.decompress(packed)
    except (lzma.LZMAError, EOFError) as error:
        raise AreaDataError(f"{name} is damaged ({error}); {_RESTORE}") from None
