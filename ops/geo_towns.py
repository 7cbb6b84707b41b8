"""`main.py geo towns FILE|URL`: points of towns: postal codes and addresses are then known to a kilometre or two.

Makes `towns.sqlite` in the data folder anew, whole or not at all. A running service reads it after its next start.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import datetime
from pathlib import Path

from core.clock import SystemClock
from core.progress import Progress, show_progress
from core.settings import Settings
from geo import data_folder
from geo.areas import Areas
from geo.postal import PostalCodes
from geo.shapes import Shapes
from geo.towns import MAX_RADIUS_M, TOWNS_FILE
from geo.towns_build import Built, build_towns
from geo.towns_source import MAX_FILE, Gazetteer, read_gazetteer
from ops.fetch_file import read_source

#: What its licence (CC BY 4.0) asks to be said; also in docs/credits.md.
CREDIT = "Geolonia 住所データ (github.com/geolonia/japanese-addresses), CC BY 4.0"
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the action takes."""
    parser.add_argument("source", metavar="FILE|URL", help="tar.gz of Geolonia's api/ja, or one CSV file")
    parser.add_argument("--vintage", default="", metavar="DAY", help="the date of the data, e.g. 2024-01-15")


async def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Make the gazetteer. Raises TownsFileError and FetchError; a row that cannot be used is named and left out."""
    body = await read_source(arguments.source, settings, max_bytes=MAX_FILE)
    lines = await asyncio.to_thread(
        make_towns,
        body,
        arguments.source,
        vintage=arguments.vintage,
        now=SystemClock().now(),
        progress=show_progress(sys.stderr),
    )
    for line in lines:
        print(line)
    return 0


def make_towns(body: bytes, source: str, *, vintage: str, now: datetime, progress: Progress | None = None) -> list[str]:
    """Build and install the gazetteer; what became of it, as lines for the terminal. Raises TownsFileError."""
    told = progress or (lambda stage, done, total: None)
    found = read_gazetteer(body, source.rstrip("/").rpartition("/")[2] or source)
    built: list[Built] = []

    def write(path: Path) -> None:
        built.append(
            build_towns(
                found.rows,
                path,
                areas=Areas.load(),
                shapes=Shapes.load(),
                postal=PostalCodes.load(),
                about={"source": source, "vintage": vintage, "credit": CREDIT},
                progress=told,
            )
        )

    path = data_folder.install_file(TOWNS_FILE, write, source=source, vintage=vintage, now=now)
    return _report(path, found, built[0])


def _report(path: Path, found: Gazetteer, built: Built) -> list[str]:
    areas = Areas.load()
    lines = [f"{path}: {built.towns} towns from {len(found.rows)} points; {CREDIT}"]
    for prefecture, (codes, known, near) in built.matched.items():
        name = areas.prefecture_name(prefecture) if prefecture else "postal codes of these prefectures"
        if codes:
            lines.append(
                f"  {name}: {known} of {codes} ({known / codes:.1%}) are known to their towns, "
                f"{near} ({near / codes:.1%}) to within {MAX_RADIUS_M} m"
            )
    left_out = [f"{name}: no municipality of today or of the table of mergers" for name in built.unknown]
    left_out += [*built.astray, *found.bad]
    lines += [f"  left out: {line}" for line in left_out[:_SHOWN]]
    if len(left_out) > _SHOWN:
        lines.append(f"  left out: and {len(left_out) - _SHOWN} more rows")
    return [*lines, "  restart the service to use it"]
