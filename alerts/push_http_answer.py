"""The answer to one POST, read from the bytes of a connection (RFC 9112). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

#: Largest head and body of an answer; both are a few hundred bytes.
MAX_HEAD: Final = 16_384
MAX_BODY: Final = 65_536

_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: |$)")
_HEX: Final = re.compile(rb"[0-9A-Fa-f]{1,8}")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: its headers by lower-case name."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    def header(self, name: bytes) -> str:
        """The value of a header, "" without it."""
        return self.headers.get(name, b"").decode("latin-1")


def read_response(data: bytearray | bytes, *, ended: bool) -> tuple[Response, int, bool] | None:
    """(answer, its length in bytes, whether the connection may be used again), or None if more must come. Pure.

    `ended`: nothing more will come. Interim answers (1xx) are passed over. Raises ValueError for what is no answer of
    HTTP/1.
    """
    begin = 0
    while True:
        end = data.find(b"\r\n\r\n", begin)
        if end < 0:
            if len(data) - begin > MAX_HEAD:
                raise ValueError("the head of the answer is too long")
            return None
        first, *lines = bytes(data[begin:end]).split(b"\r\n")
        if (found := _STATUS.match(first)) is None:
            raise ValueError("the answer is not HTTP/1")
        begin = end + 4
        if (status := int(found[2])) >= 200:
            break
        if status == 101:
            raise ValueError("the answer changes the protocol")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or name.strip() != name:
            raise ValueError("the answer has a line that is no header")
        headers[name.lower()] = value.strip()
    keep = found[1] == b"1" and headers.get(b"connection", b"").lower() != b"close"
    if status in (204, 304):
        return Response(status, headers, b""), begin, keep
    if b"transfer-encoding" in headers:
        chunked = _read_chunks(data, begin, headers[b"transfer-encoding"])
        return None if chunked is None else (Response(status, headers, chunked[0]), chunked[1], keep)
    if (length := headers.get(b"content-length")) is None:
        if len(data) - begin > MAX_BODY:
            raise ValueError("the answer is too long")
        return (Response(status, headers, bytes(data[begin:])), len(data), False) if ended else None
    if not length.isdigit() or len(length) > 9 or int(length) > MAX_BODY:
        raise ValueError("the answer is too long, or does not say how long it is")
    if len(data) < begin + int(length):
        return None
    body = bytes(data[begin : begin + int(length)])
    return Response(status, headers, body), begin + int(length), keep


def _read_chunks(data: bytearray | bytes, begin: int, coding: bytes) -> tuple[bytes, int] | None:
    if coding.lower() != b"chunked":
        raise ValueError("the answer is coded in a way we did not ask for")
    body = b""
    while True:
        end = data.find(b"\r\n", begin)
        if end < 0:
            if len(data) - begin > MAX_HEAD:
                raise ValueError("a chunk's length is too long")
            return None
        size_text = bytes(data[begin:end]).partition(b";")[0].strip()
        if not _HEX.fullmatch(size_text):
            raise ValueError("a chunk has no length")
        begin, size = end + 2, int(size_text, 16)
        if size == 0:
            break
        if len(body) + size > MAX_BODY:
            raise ValueError("the answer is too long")
        if len(data) < begin + size + 2:
            return None
        if data[begin + size : begin + size + 2] != b"\r\n":
            raise ValueError("a chunk is longer than it says")
        body += bytes(data[begin : begin + size])
        begin += size + 2
    while True:  # trailers, which nobody reads
        end = data.find(b"\r\n", begin)
        if end < 0:
            return None
        if end == begin:
            return body, end + 2
        begin = end + 2
