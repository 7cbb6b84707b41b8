"""`main.py geo zones FILE|URL... --prefecture 43`: MLIT's flood and landslide areas, and each place's."""

from __future__ import annotations

import argparse
import asyncio
import functools
import hashlib
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from core.clock import SystemClock
from core.db import Pool, connect, transaction
from core.ids import uuid7
from core.progress import show_progress
from core.settings import Settings
from geo.areas import Areas
from geo.importers.archive import MAX_FILE
from geo.importers.rows import Fault, Problem
from geo.rivers import bulletin_rivers
from geo.shapes import Shapes
from geo.zone_build import ZoneBuilder
from geo.zone_import import CREDITS, SOURCES, NotZones, ZoneImport
from geo.zones import ZoneKind
from geo.zones_store import Edition, add_pieces, all_due, check_due, left_due, replace_edition
from ops.database import open_database
from ops.fetch_file import local_copy
from ops.schema import prepare_schema

#: Problems printed with their place, of each kind of fault.
SHOWN: Final = 10
#: "A31a-24_43_10_GEOJSON.zip": the year of the edition.
_YEAR: Final = re.compile(r"A3[13]a?(?:-\d\d)?-(\d\d)[_-]")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `geo zones` is told."""
    parser.add_argument("files", nargs="+", metavar="FILE|URL", help="GeoJSON of A31a or A33, also zipped as published")
    parser.add_argument("--prefecture", required=True, help="two digits, e.g. 43; all its files in one command")
    parser.add_argument(
        "--edition", default="", help="the publisher's edition, e.g. 2024; read from the name if it says so"
    )
    parser.add_argument("--dry-run", action="store_true", help="read and report, change nothing")


async def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """0: all went in. 1: a whole file was left out, and the rest went in. Nothing goes in by halves."""
    show = show_progress(sys.stderr, unit="")
    with tempfile.TemporaryDirectory(prefix="daijobu-zones-") as folder:
        paths = []
        for text in arguments.files:
            told = functools.partial(_fetching, show, text)
            paths.append(await local_copy(text, Path(folder), settings, max_bytes=MAX_FILE, progress=told))
        wanted = ZoneImport(_prefecture(arguments.prefecture), Shapes.load(), Areas.load())
        await asyncio.to_thread(wanted.read, paths, lambda name, rows: show(f"reading {name}", rows, 0))
        sha256 = await asyncio.to_thread(_sha256, paths)
    for line in report_lines(wanted, arguments.prefecture):
        print(line)
    if not wanted.found():
        raise NotZones(f"prefecture {arguments.prefecture}: no row could be used; nothing was changed")
    if arguments.dry_run:
        print("dry run: nothing was changed")
        return int(bool(wanted.incomplete))
    edition = arguments.edition or edition_of(arguments.files)
    async with open_database(settings) as dsn:
        await prepare_schema(dsn, migrate_first=settings.database_url is None)
        pool = await connect(dsn, size=3, role="daijobu_worker")
        try:
            for kind in wanted.found():
                await store_zones(pool, wanted, kind, arguments.prefecture, edition, sha256, SystemClock().now(), show)
            print(f"{await check_all(pool, show)} places compared")
        finally:
            await pool.close()
    return int(bool(wanted.incomplete))


async def store_zones(
    pool: Pool,
    wanted: ZoneImport,
    kind: ZoneKind,
    prefecture: str,
    edition: str,
    sha256: str,
    now: datetime,
    show: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> int:
    """Put one kind into the database in one transaction, in the old edition's stead; how many shapes it holds now.

    Every place of the prefecture is due to be compared afterwards.
    """
    builder = wanted.found()[kind]
    rivers = {row.code: bulletin_rivers(row.code, row.name, prefecture, Areas.load()) for row in builder.rows}
    total, done = len(builder), 0
    async with transaction(pool) as conn:
        new = Edition(
            id=uuid7(),
            prefecture=prefecture,
            kind=kind,
            edition=edition,
            source=SOURCES[kind],
            sha256=sha256,
            credit=CREDITS[kind],
            features=builder.taken,
            left_out=builder.left_out,
            complete=kind not in wanted.incomplete,
            imported_at=now,
        )
        await replace_edition(conn, new)
        pieces = builder.pieces()
        while batch := await asyncio.to_thread(_some, pieces):
            done += await add_pieces(conn, new.id, batch, rivers if kind is ZoneKind.FLOOD else {})
            show(f"storing {kind}", done, total)
        await all_due(conn, prefecture)
    return done


def _some(pieces: Any) -> list[Any]:
    """The next pieces: dissolving takes time, so it happens in a thread."""
    found = []
    for piece in pieces:
        found.append(piece)
        if len(found) == 100:
            break
    return found


async def check_all(pool: Pool, show: Callable[[str, int, int], None] = lambda stage, done, total: None) -> int:
    """Compare every place that is due; how many entries. Killed, the tend loop goes on with the rest."""
    total, done = await left_due(pool), 0
    while taken := await check_due(pool, SystemClock().now()):
        done += taken
        show("comparing places", done, max(total, done))
    return done


def report_lines(wanted: ZoneImport, prefecture: str) -> list[str]:
    """What was read, and every fault with its place; of very many the first of each kind and the number."""
    lines = []
    for kind, builder in wanted.builders.items():
        if not (builder.taken or builder.faults):
            continue
        lines += [str(problem) for fault in Fault for problem in _of(builder, fault)]
        for fault, count in sorted(builder.faults.items()):
            if count > SHOWN:
                lines.append(f"... {count} rows in all with this fault: {_FAULTS[fault]}")
        lines.append(f"{kind}: {builder.taken} rows taken, {builder.left_out} left out")
        if kind is ZoneKind.FLOOD:
            lines += _river_lines(builder, prefecture)
        if kind in wanted.incomplete:
            lines.append(f"{kind}: a file is missing from it, so places outside every area stay 'not known'")
    lines += [f"{name}: no depths in it, passed over" for name in wanted.passed_over]
    return lines


def _of(builder: ZoneBuilder, fault: Fault) -> list[Problem]:
    return [problem for problem in builder.problems if problem.fault is fault][:SHOWN]


_FAULTS: Final = {
    Fault.NUMBER: "a corner that is not a number",
    Fault.SWAPPED: "latitude and longitude swapped",
    Fault.DATUM: "another datum",
    Fault.OUTSIDE: "outside the prefecture",
    Fault.RANK: "a rank or code that the code list does not have",
    Fault.SHAPE: "no polygon",
    Fault.FIELD: "no river named",
    Fault.REPAIRED: "crossed itself, repaired and taken",
}


def _river_lines(builder: ZoneBuilder, prefecture: str) -> list[str]:
    areas = Areas.load()
    named = {row.code: row.name for row in builder.rows}
    matched = {code for code, name in named.items() if bulletin_rivers(code, name, prefecture, areas)}
    others = sorted(name for code, name in named.items() if code not in matched)
    lines = [f"rivers: {len(named)}, of which JMA's flood bulletins (VXKO) speak of {len(matched)}"]
    if others:
        lines.append(f"no bulletin is matched to: {'、'.join(others)}")
    return lines


def edition_of(files: Sequence[str]) -> str:
    """The edition that the names of the published files say (A31a-24_43_...: 2024), else "not stated"."""
    years = {f"20{found[1]}" for file in files if (found := _YEAR.search(file))}
    return ", ".join(sorted(years)) or "not stated"


def _prefecture(text: str) -> str:
    if not re.fullmatch(r"0[1-9]|[1-3][0-9]|4[0-7]", text):
        raise NotZones(f"--prefecture {text}: two digits, 01 to 47 (Kumamoto is 43)")
    return text


def _fetching(show: Callable[[str, int, int], None], source: str, done: int) -> None:
    show(f"fetching {source}", done, 0)


def _sha256(paths: Sequence[Path]) -> str:
    """Of one file its own; of several that of all of them one after the other, in the order given."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
