"""Rows for COPY ... (FORMAT binary), put together from parts that many rows share. Pure; no database here.

Format: PostgreSQL's manual, page of COPY, "Binary Format": a row is its number of columns (int16), and for each column
its length (int32, -1 for NULL) and its bytes, as the type's send function writes them. Everything is big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Final
from uuid import UUID

#: The signature, no flags, no extension; and the trailer that ends the data.
HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"
#: In front of each of the 16 bytes of a UUID.
UUID_LENGTH: Final = struct.pack(">i", 16)
#: `'{}'::uuid[]` as array_send writes it: no dimension, no NULL, the type's oid.
NO_UUIDS: Final = struct.pack(">iii", 0, 0, 2950)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = 1_000_000


def columns(number: int) -> bytes:
    """The head of a row of this many columns."""
    return struct.pack(">h", number)


def rows(*parts: bytes | Sequence[bytes]) -> bytes:
    """Rows put together from parts: bytes are the same in every row, of a sequence each row takes the next.

    Raises ValueError where sequences differ in length, or there is none.

    >>> rows(b"<", [b"a", b"b"], b"-", [b"c", b"d"], b">")
    b'<a-c><b-d>'
    """
    if len({len(part) for part in parts if not isinstance(part, bytes)}) != 1:
        raise ValueError("columns of unequal length, or none")
    return b"".join(chain.from_iterable(zip(*(repeat(p) if isinstance(p, bytes) else p for p in parts), strict=False)))


def raw(value: bytes | None) -> bytes:
    """A column from the bytes of its type's send function; None: NULL."""
    return b"\xff\xff\xff\xff" if value is None else struct.pack(">i", len(value)) + value


def text(value: str) -> bytes:
    """A column of type text."""
    return raw(value.encode())


def uuid(value: UUID) -> bytes:
    """A column of type uuid."""
    return UUID_LENGTH + value.bytes


def boolean(value: bool) -> bytes:
    """A column of type boolean."""
    return raw(b"\x01" if value else b"\0")


def integer(value: int) -> bytes:
    """A column of type int (4 bytes). Raises struct.error beyond its range."""
    return raw(struct.pack(">i", value))


def bigint(value: int) -> bytes:
    """A column of type bigint (8 bytes). Raises struct.error beyond its range."""
    return raw(struct.pack(">q", value))


def timestamp(value: datetime | None) -> bytes:
    """A column of type timestamptz: microseconds since 2000; None: NULL."""
    if value is None:
        return raw(None)
    since = value - _EPOCH
    return raw(struct.pack(">q", (since.days * 86_400 + since.seconds) * _MICROSECOND + since.microseconds))
