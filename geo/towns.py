"""Points of towns (大字, 町丁目) from an open gazetteer: where a postal code or an address is, to a kilometre or two.

Optional: `main.py geo towns FILE|URL` makes `towns.sqlite` in the data folder; without it a postal code is known to its
municipality only. A point is used only where the name fits one town and all of it lies within `MAX_RADIUS_M`.
"""

from __future__ import annotations

import contextlib
import functools
import re
import sqlite3
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Final, NamedTuple

from geo import data_folder
from geo.data_folder import AreaDataError
from geo.spelling import town_key

TOWNS_FILE: Final = "towns.sqlite"
#: A town larger than this says too little about the door: the place stays known to its municipality only. Metres.
MAX_RADIUS_M: Final = 2_000
_LONGEST_NAME: Final = 24
#: After a name these may follow: a number, a sign, nothing. 健軍 is not 健軍本町.
_AFTER: Final = re.compile(r"$|[0-9\-‐‑‒–—―−ー－番字の、,(]")


class TownPoint(NamedTuple):
    """A point for a town: degrees, and the metres around it within which its houses are expected."""

    name: str
    lat: float
    lon: float
    radius_m: int
    jis: str = ""


class Towns:
    """Look-ups in the gazetteer; safe to share between threads."""

    def __init__(self, database: Path) -> None:
        self._path = database
        uri = f"{database.absolute().as_uri()}?mode=ro&immutable=1"
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
            self.about = dict(self._connection.execute(_ABOUT).fetchall())
        except sqlite3.Error as error:
            raise AreaDataError(
                f"{database} is no gazetteer of towns ({error}): run `main.py geo towns` again, or delete the file"
            ) from None

    @staticmethod
    def current() -> Towns | None:
        """The gazetteer of the data folder, opened once; None where there is none. Raises AreaDataError if damaged."""
        return _current()

    def close(self) -> None:
        """Close the database file."""
        self._connection.close()

    def of_postal_code(self, code: str) -> TownPoint | None:
        """The point of the towns of a postal code (7 digits), None if they are not known or lie far apart."""
        return self._near([("", *row) for row in self._rows(_POSTAL, (code,))])

    def of_address(self, jis: Collection[str], rest: str) -> TownPoint | None:
        """The point of the town that `rest` (an address after its municipality) begins with, the longest name first.

        None if no town fits, towns of that name are in several of the municipalities, or it is too large.
        """
        key = town_key(rest)
        for length in range(min(len(key), _LONGEST_NAME), 0, -1):
            if not _AFTER.match(key[length:]):
                continue
            found = [(one, *row) for one in jis for row in self._rows(_TOWN, (one, key[:length]))]
            if found:
                return self._near(found)
        return None

    def _near(self, found: list[tuple[str, str, float, float, int]]) -> TownPoint | None:
        if len(found) != 1:
            return None
        jis, name, lat, lon, radius_m = found[0]
        return TownPoint(name, lat, lon, radius_m, jis) if radius_m <= MAX_RADIUS_M else None

    def _rows(self, sql: str, values: tuple[str, ...]) -> list[tuple[str, float, float, int]]:
        try:
            with self._lock:
                return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise AreaDataError(
                f"{self._path} is damaged ({error}): run `main.py geo towns` again, or delete the file"
            ) from None


@functools.cache
def _current() -> Towns | None:
    path = data_folder.path_of(TOWNS_FILE)
    if path is None or data_folder.checked_version(TOWNS_FILE) is None:
        return None
    return Towns(path)


def _forget() -> None:
    with contextlib.suppress(AreaDataError):
        old = _current() if _current.cache_info().currsize else None
        _current.cache_clear()
        del old  # closed when the last look-up has let go of it


data_folder.when_changed(_forget)

_POSTAL = "SELECT name, lat, lon, radius_m FROM postal WHERE code = ?"
_TOWN = "SELECT name, lat, lon, radius_m FROM town WHERE jis = ? AND name = ?"
_ABOUT = "SELECT key, value FROM about"
