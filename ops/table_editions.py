"""Which editions of the area tables this process uses, and whether the fetched files are whole: for `doctor`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from geo import data_folder
from geo.areas import Areas
from geo.data_folder import AreaDataError
from geo.tables import FETCHED_AREAS, FETCHED_N03, FETCHED_POLYGONS

#: The files that decide on codes.
TABLES = (FETCHED_AREAS, FETCHED_POLYGONS, FETCHED_N03)


class FetchedTables(NamedTuple):
    """Files of the data folder: those that are whole with their editions, those that are not with why."""

    whole: Mapping[str, str]
    damaged: Mapping[str, str]


def editions(areas: Areas) -> dict[str, list[str]]:
    """Edition -> the schemes that are from it, newest first."""
    found: dict[str, list[str]] = {}
    for scheme in areas.schemes():
        found.setdefault(areas.vintage(scheme).edition, []).append(scheme)
    return dict(sorted(found.items(), reverse=True))


def fetched_tables() -> FetchedTables:
    """Every fetched file, read and compared with its checksum."""
    whole: dict[str, str] = {}
    damaged: dict[str, str] = {}
    try:
        names = data_folder.names()
    except AreaDataError as error:
        return FetchedTables({}, {data_folder.VERSIONS: str(error)})
    for name in names:
        try:
            version = data_folder.checked_version(name)
        except AreaDataError as error:
            damaged[name] = str(error)
        else:
            whole[name] = version.vintage if version else ""
    return FetchedTables(whole, damaged)


def other_tables(placed_with: Mapping[str, str]) -> list[str]:
    """Files that decide on codes and are not, on this machine, those the places are placed with (file -> SHA-256)."""
    here = {name: data_folder.version(name) for name in TABLES}
    mine = {name: version.sha256 for name, version in here.items() if version is not None}
    return sorted(name for name in mine.keys() | placed_with.keys() if mine.get(name) != placed_with.get(name))
