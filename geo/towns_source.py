"""Reads the open gazetteer of towns as it is published: a tar.gz of JSON per municipality, or one CSV file.

Geolonia 住所データ (github.com/geolonia/japanese-addresses, CC BY 4.0): api/ja/<prefecture>/<municipality>.json holds
[{"town", "koaza", "lat", "lng"}, ...]. Nothing is unpacked to the disk. A hostile archive or JSON that is not what it
says is refused whole, named; a row with an impossible point is reported and the rest goes in.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any, Final, NamedTuple

#: Bytes of the file as it comes, of everything in it, of one municipality; and how many municipalities there may be.
MAX_FILE: Final = 64 << 20
MAX_UNPACKED: Final = 256 << 20
_MAX_MEMBER: Final = 8 << 20
_MAX_MEMBERS: Final = 5_000
MAX_ROWS: Final = 1_000_000
#: More bad rows than this in 100: it is another kind of file.
_MAX_BAD_SHARE: Final = 0.05

#: Column names: of the CSV made from the JSON files, and of the publisher's own latest.csv.
_COLUMNS: Final = (
    ("prefecture", "city", "town", "koaza", "lat", "lng"),
    ("都道府県名", "市区町村名", "大字町丁目名", "小字・通称名", "緯度", "経度"),
)


class TownsFileError(ValueError):
    """A gazetteer is refused. The message names the file, the member or line, and why."""


class TownRow(NamedTuple):
    """One point of a town: degrees, WGS84."""

    municipality: str  # 熊本県上益城郡益城町
    town: str
    lat: float
    lon: float


class Gazetteer(NamedTuple):
    """What a file says, and its rows that cannot be used, each as "file, row: why"."""

    rows: list[TownRow]
    bad: list[str]


def read_gazetteer(body: bytes, name: str, *, max_unpacked: int = MAX_UNPACKED) -> Gazetteer:
    """Every town of a file. `name` is for the messages. Raises TownsFileError."""
    if len(body) > MAX_FILE:
        raise TownsFileError(f"{name}: {len(body) >> 20} MB, more than {MAX_FILE >> 20} MB")
    found = Gazetteer([], [])
    if body[:2] == b"\x1f\x8b" or body[257:262] == b"ustar":
        for member, municipality, raw in _members(body, name, max_unpacked):
            _add_json(found, raw, municipality, f"{name}: {member}")
    else:
        _add_csv(found, body, name)
    if not found.rows or len(found.bad) > _MAX_BAD_SHARE * (len(found.rows) + len(found.bad)):
        example = f"; {found.bad[0]}" if found.bad else ""
        raise TownsFileError(f"{name}: {len(found.rows)} rows can be used, {len(found.bad)} cannot{example}")
    return found


# --- JSON per municipality


class _Limited(io.RawIOBase):
    """A stream that ends in an error when it is longer than anything we would read."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, name: str, most: int) -> None:
        self._stream, self._left, self._most, self._name = stream, most, most, name

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > _MAX_MEMBER:
            raise TownsFileError(f"{self._name}: one part is larger than {_MAX_MEMBER >> 20} MB")
        chunk = self._stream.read(size)
        self._left -= len(chunk)
        if self._left < 0:
            raise TownsFileError(f"{self._name}: unpacks to more than {self._most >> 20} MB")
        return chunk


def _members(body: bytes, name: str, max_unpacked: int) -> Iterator[tuple[str, str, bytes]]:
    """(member, municipality, JSON) of each file, in the archive's order."""
    raw: IO[bytes] = io.BytesIO(body)
    stream = _Limited(gzip.GzipFile(fileobj=raw) if body[:2] == b"\x1f\x8b" else raw, name, max_unpacked)
    count = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|", encoding="utf-8") as archive:
            for member in archive:
                count += 1
                _check(member, count, name)
                path = PurePosixPath(member.name)
                if not member.isfile() or path.suffix != ".json" or len(path.parts) < 2 or path.parent.name == "ja":
                    continue  # folders, and ja.json, the list of prefectures
                file = archive.extractfile(member)
                if file is not None:
                    yield member.name, path.parent.name + path.stem, file.read(_MAX_MEMBER)
    except (tarfile.TarError, OSError, EOFError, zlib.error, UnicodeError) as error:
        raise TownsFileError(f"{name}: a damaged archive ({error}); fetch it again") from None


def _check(member: tarfile.TarInfo, count: int, name: str) -> None:
    parts = PurePosixPath(member.name.replace("\\", "/")).parts
    if ".." in parts or member.name.startswith(("/", "\\")) or ":" in member.name or not member.name.isprintable():
        raise TownsFileError(f"{name}: holds a file named {member.name[:200]!r}, which points outside the archive")
    if not (member.isfile() or member.isdir()):
        raise TownsFileError(f"{name}: {member.name} is a link or device, not a file")
    if member.size > _MAX_MEMBER:
        raise TownsFileError(f"{name}: {member.name} is {member.size >> 20} MB, more than {_MAX_MEMBER >> 20} MB")
    if count > _MAX_MEMBERS:
        raise TownsFileError(f"{name}: more than {_MAX_MEMBERS} files")


def _add_json(found: Gazetteer, raw: bytes, municipality: str, where: str) -> None:
    try:
        rows = json.loads(raw)
    except (ValueError, RecursionError):
        raise TownsFileError(f"{where} is not JSON; fetch the archive again") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TownsFileError(f"{where} is not a list of towns")
    for number, row in enumerate(rows, 1):
        _add(found, municipality, row.get("town"), row.get("lat"), row.get("lng"), f"{where}, row {number}")


# --- CSV


def _add_csv(found: Gazetteer, body: bytes, name: str) -> None:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TownsFileError(f"{name}: neither a tar.gz of JSON files nor UTF-8 text (byte {error.start})") from None
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = next(reader, [])
        names = next((names for names in _COLUMNS if {*names} <= {*header}), None)
        if names is None:
            raise TownsFileError(f"{name}: the first line must have the columns {', '.join(_COLUMNS[0])}")
        prefecture, city, town, _, lat, lng = (header.index(column) for column in names)
        for cells in reader:
            where = f"{name}, line {reader.line_num}"
            if len(cells) != len(header):
                found.bad.append(f"{where}: {len(cells)} columns instead of {len(header)}")
                continue
            _add(found, cells[prefecture] + cells[city], cells[town], cells[lat], cells[lng], where)
    except csv.Error as error:
        raise TownsFileError(f"{name}, line {reader.line_num}: {error}") from None


# --- both


def _add(found: Gazetteer, municipality: str, town: Any, lat: Any, lng: Any, where: str) -> None:
    if len(found.rows) >= MAX_ROWS:
        raise TownsFileError(f"{where}: more than {MAX_ROWS} towns")
    try:
        point = float(lat), float(lng)
    except (TypeError, ValueError):
        found.bad.append(f"{where}: latitude {lat!r}, longitude {lng!r} is not a point")
        return
    if not isinstance(town, str) or not town.strip() or len(town) > 100:
        found.bad.append(f"{where}: no name of a town")
    elif not all(map(math.isfinite, point)) or not (20 <= point[0] <= 46 and 122 <= point[1] <= 154):
        swapped = 20 <= point[1] <= 46 and 122 <= point[0] <= 154
        found.bad.append(f"{where}: {town}: {lat}, {lng} is not in Japan{' (swapped?)' if swapped else ''}")
    else:
        found.rows.append(TownRow(municipality, town, *point))
