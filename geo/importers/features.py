"""GeoJSON feature collections read one feature at a time: a file of a gigabyte needs the memory of its largest feature.

RFC 7946; the older `crs` member (GeoJSON 2008), which Japanese public data still carry, is read as well.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, Final

from geo.importers.archive import Readable

#: Bytes read at a time.
CHUNK: Final = 1 << 20
#: One member of a file: a river's largest polygon is a few megabytes.
MAX_VALUE: Final = 64 * (1 << 20)

_SPACE: Final = " \t\n\r"


class FeatureFileError(ValueError):
    """A file cannot be read as GeoJSON features. The message names it and the place."""


class FeatureReader:
    """Walks through one file. `members` holds what stood beside `features` (such as `crs`), complete at the end."""

    def __init__(self, stream: Readable, name: str) -> None:
        self.name = name
        self.members: dict[str, Any] = {}
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._scan = json.JSONDecoder(parse_constant=_no_constant)
        self._text = ""
        self._at = 0
        self._ended = False
        self._number = 0

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        """(number from 1, feature) of every feature. Raises FeatureFileError for what is no feature collection."""
        self._expect("{")
        found = False
        if self._peek() == "}":
            self._at += 1
        else:
            while True:
                key = self._value()
                self._expect(":")
                if key == "features" and self._peek() == "[":
                    found = True
                    yield from self._features()
                else:
                    self.members[str(key)] = self._value()
                if self._take() == "}":
                    break
        if not found:
            raise FeatureFileError(f"{self.name}: no list of features; this is not a GeoJSON FeatureCollection")

    def _features(self) -> Iterator[tuple[int, Any]]:
        self._expect("[")
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            self._number += 1
            yield self._number, self._value()
            if self._take() == "]":
                return

    def _take(self) -> str:
        """The comma or closing bracket after a value."""
        sign = self._peek()
        if sign not in ",]}":
            raise self._broken(f"{sign!r} where a comma or the end of a list was due")
        self._at += 1
        return sign

    def _expect(self, sign: str) -> None:
        found = self._peek()
        if found != sign:
            raise self._broken(f"{found!r} where {sign!r} was due")
        self._at += 1

    def _peek(self) -> str:
        """The next sign that is not a space."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                raise self._broken("it ends too early")

    def _value(self) -> Any:
        self._peek()
        wanted = CHUNK
        while True:
            try:
                value, end = self._scan.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # Incomplete, or wrong: only more text can tell. Twice as much each time, so that the work stays linear.
                if len(self._text) - self._at > MAX_VALUE:
                    raise self._broken(f"one feature of more than {MAX_VALUE >> 20} MB") from None
                if not self._fill(wanted):
                    raise self._broken(error.msg) from None
                wanted *= 2
            except RecursionError:
                raise self._broken("lists nested too deep") from None
            else:
                if end == len(self._text) and self._more():
                    continue  # a number could go on
                self._at = end
                return value

    def _fill(self, wanted: int) -> bool:
        begun = len(self._text) - self._at
        while len(self._text) - self._at < begun + wanted:
            if not self._more():
                return len(self._text) - self._at > begun
        return True

    def _more(self) -> bool:
        """Read on; what has been used is forgotten."""
        if self._ended:
            return False
        chunk = self._stream.read(CHUNK)
        self._ended = not chunk
        try:
            text = self._decode.decode(chunk, final=self._ended)
        except UnicodeDecodeError as error:
            raise self._broken(f"not UTF-8 ({error.reason})") from None
        self._text = self._text[self._at :] + text
        self._at = 0
        return not self._ended or bool(text)

    def _broken(self, why: str) -> FeatureFileError:
        where = f"after feature {self._number}" if self._number else "at its beginning"
        return FeatureFileError(f"{self.name}: not readable {where}: {why}")


def _no_constant(name: str) -> float:
    # A row with it is reported with its place; the value only has to be recognisable as no number.
    return float(name)
