"""Files as they are published, single or zipped: what is inside, with every size and name checked before it is read.

Nothing is ever unpacked to the disk, so that a name can only mislead a reader; it is checked all the same.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Final, Protocol, Self

#: One file unpacked, all files of an archive together, and how many there may be.
MAX_FILE: Final = 2 << 30
MAX_TOTAL: Final = 8 << 30
MAX_MEMBERS: Final = 10_000
#: Real GeoJSON packs about twentyfold; beyond this a small file unpacks into a disk-full.
MAX_RATIO: Final = 200
_RATIO_FROM: Final = 10 << 20


class ArchiveError(ValueError):
    """A file or archive is refused. The message names it and why."""


class Readable(Protocol):
    """An open file, as far as a reader needs it."""

    def read(self, size: int, /) -> bytes: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> object: ...


@dataclass(frozen=True, slots=True)
class Part:
    """One file to read: what to call it, its size unpacked in bytes, and how to open it."""

    name: str
    size: int
    open: Callable[[], Readable]


@contextmanager
def parts_of(path: Path, suffixes: tuple[str, ...]) -> Iterator[list[Part]]:
    """The files of these suffixes (lower case, with dot) behind a path: itself, or a zip's. Raises ArchiveError."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            zipped = stream.read(4) == b"PK\x03\x04"
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be read ({error.strerror or error})") from None
    if not zipped:
        if size > MAX_FILE:
            raise ArchiveError(f"{path}: {size >> 20} MB, more than {MAX_FILE >> 20} MB")
        yield [Part(path.name, size, lambda: path.open("rb"))]
        return
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise ArchiveError(f"{path}: a damaged zip file ({error}); fetch it again") from None
    with archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        _check(path, members)
        wanted = [m for m in members if m.filename.lower().endswith(suffixes)]
        if not wanted:
            raise ArchiveError(f"{path}: holds no file ending in {' or '.join(suffixes)}")
        yield [Part(f"{path.name}: {shown_name(m)}", m.file_size, _opener(archive, m, path)) for m in wanted]


def _check(path: Path, members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS:
        raise ArchiveError(f"{path}: {len(members)} files in one archive, more than {MAX_MEMBERS}")
    total = sum(member.file_size for member in members)
    if total > MAX_TOTAL:
        raise ArchiveError(f"{path}: {total >> 20} MB unpacked, more than {MAX_TOTAL >> 20} MB")
    for member in members:
        name = shown_name(member)
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if ".." in parts or name.startswith(("/", "\\")) or ":" in name.partition("/")[0] or not name.isprintable():
            raise ArchiveError(f"{path}: holds a file named {name!r}, which points outside the archive")
        if member.flag_bits & 1:
            raise ArchiveError(f"{path}: {name} is encrypted")
        if member.file_size > MAX_FILE:
            raise ArchiveError(f"{path}: {name} is {member.file_size >> 20} MB, more than {MAX_FILE >> 20} MB")
        if member.file_size > max(_RATIO_FROM, member.compress_size * MAX_RATIO):
            raise ArchiveError(f"{path}: {name} unpacks to more than {MAX_RATIO} times its size: not read")


def shown_name(member: zipfile.ZipInfo) -> str:
    """A member's name; archives made on Japanese Windows write it in Shift_JIS without saying so."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("cp932")
    except UnicodeError:
        return member.filename


def _opener(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> Callable[[], Readable]:
    def opened() -> Readable:
        try:
            return _Counted(archive.open(member), member.file_size, f"{path}: {shown_name(member)}")
        except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
            raise ArchiveError(f"{path}: {shown_name(member)} cannot be unpacked ({error})") from None

    return opened


class _Counted:
    """A member that may not be longer than the archive's directory says."""

    def __init__(self, stream: IO[bytes], size: int, name: str) -> None:
        self._stream, self._left, self._name = stream, size, name

    def read(self, size: int) -> bytes:
        try:
            chunk = self._stream.read(size)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as error:
            raise ArchiveError(f"{self._name} is damaged ({error}); fetch the file again") from None
        self._left -= len(chunk)
        if self._left < 0:
            raise ArchiveError(f"{self._name} is longer than the archive says: not read")
        return chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._stream.close()
