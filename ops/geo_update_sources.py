"""What `main.py geo update` reads, from the web or from files: JMA's area tree and polygons, code tables, N03.

Addresses and paths may stand for one another everywhere. Nothing is kept here: the caller's folder is temporary.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from core.progress import Progress
from core.settings import Settings
from geo.importers.archive import Part, parts_of
from geo.tables import AreaDataError
from geo.update_n03 import holds_n03
from ops.fetch_file import is_url, local_copy

#: Largest file we accept, in bytes: several times what is published today.
MAX_JSON: Final = 64 << 20
MAX_CODES: Final = 64 << 20
MAX_ARCHIVE: Final = 512 << 20
MAX_BOUNDARIES: Final = 1 << 30
#: Files of JMA's polygons (landslides_0.json ...).
POLYGON_FILES: Final = 10


class Fetcher(NamedTuple):
    """Gets files into a temporary folder."""

    folder: Path
    settings: Settings
    progress: Progress

    async def get(self, source: str, max_bytes: int) -> Path:
        """The file behind an address (fetched) or a path (as it is). Raises FetchError or AreaDataError."""
        path = await local_copy(
            source,
            self.folder,
            self.settings,
            max_bytes=max_bytes,
            progress=lambda done: self.progress(source, done, 0),
        )
        if path.stat().st_size > max_bytes:
            raise AreaDataError(f"{path}: more than {max_bytes >> 20} MB; nothing that large is expected there")
        return path


class JmaFiles(NamedTuple):
    """What JMA's website holds."""

    tree: bytes
    #: File name (landslides_0.json) -> GeoJSON features.
    polygons: dict[str, list[dict[str, Any]]]


async def read_jma(fetcher: Fetcher, base: str) -> JmaFiles:
    """area.json and the ten polygon files below an address, or in a folder. Raises AreaDataError or FetchError."""
    tree = await fetcher.get(_below(base, "area.json"), MAX_JSON)
    polygons: dict[str, list[dict[str, Any]]] = {}
    for number in range(POLYGON_FILES):
        name = f"landslides_{number}.json"
        path = await fetcher.get(_below(base, f"geojson/{name}"), MAX_JSON)
        try:
            polygons[name] = json.loads(path.read_bytes())["features"]
        except (ValueError, KeyError, TypeError) as error:
            raise AreaDataError(f"{base}: {name} is not GeoJSON ({error})") from None
    return JmaFiles(tree.read_bytes(), polygons)


def _below(base: str, name: str) -> str:
    if is_url(base):
        return f"{base.rstrip('/')}/{name}"
    folder = Path(base)
    there = folder / name
    return str(there if there.exists() else folder / Path(name).name)


async def code_tables(fetcher: Fetcher, source: str) -> Path:
    """The folder of JMA's code tables as CSV, from that folder or from a zip file (path or address)."""
    if not is_url(source) and Path(source).is_dir():
        return Path(source)
    archive = await fetcher.get(source, MAX_CODES)
    folder = fetcher.folder / "codes"
    folder.mkdir()
    with parts_of(archive, (".csv",)) as parts:
        for part in parts:
            if part.size > MAX_CODES:
                raise AreaDataError(f"{part.name}: more than {MAX_CODES >> 20} MB")
            (folder / part.name.replace("\\", "/").rpartition("/")[2].split(": ")[-1]).write_bytes(_content(part))
    return folder


async def n03_file(fetcher: Fetcher, source: str, prefecture: str) -> tuple[bytes, str]:
    """The GeoJSON with the boundaries of a prefecture, and its name. `source` may hold {pref}, and be a zip file.

    An archive also holds other cuts of the same land; the largest file that speaks of municipalities is taken. Raises
    AreaDataError, FetchError or geo.importers.archive.ArchiveError.
    """
    where = source.replace("{pref}", prefecture)
    path = await fetcher.get(where, MAX_ARCHIVE)
    with parts_of(path, (".geojson", ".json")) as parts:
        for part in sorted(parts, key=lambda p: -p.size):
            if part.size > MAX_BOUNDARIES:
                raise AreaDataError(f"{part.name}: more than {MAX_BOUNDARIES >> 20} MB")
            content = _content(part)
            if holds_n03(content):
                return content, part.name
    raise AreaDataError(f"{where}: no GeoJSON file of it has the property N03_007")


def _content(part: Part) -> bytes:
    with part.open() as stream:
        return b"".join(iter(lambda: stream.read(1 << 20), b""))
