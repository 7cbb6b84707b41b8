"""`main.py geo update`: newer area tables of JMA and the boundaries of N03, into the data folder.

Read, compare, place every stored place again, and only then put the files in their place: whatever stops it before
leaves the old tables, and a second run finishes what was begun.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from core.audit import Actor, audit
from core.db import Pool, transaction
from core.progress import Progress, show_progress
from core.settings import Settings
from geo import data_folder
from geo.areas import Areas
from geo.build_polygons import build_polygons
from geo.data_folder import AreaDataError
from geo.differences import difference
from geo.match import PlaceCodes
from geo.placing import Replacing, Tables, replacer
from geo.placing_store import FIRST, StoredPlace, apply_changes, count_places, keep_tables, next_places
from geo.postal import PlaceNotFound, PostalCodes
from geo.shapes import Shapes
from geo.tables import (
    FETCHED_AREAS,
    FETCHED_N03,
    FETCHED_POLYGONS,
    AreaTable,
    current_polygons,
    fetched_n03,
    pack_areas,
    pack_polygons,
)
from geo.update_jma import read_area_tree, unions_by_rule, with_area_tree
from geo.update_n03 import CREDIT, edition_of, read_n03, replaced
from ops.geo_update_report import Summary
from ops.geo_update_sources import Fetcher, code_tables, n03_file, read_jma
from ops.geo_update_store import whose_places
from ops.table_editions import TABLES
from ops.wires import open_wires

#: Places looked at and written in one transaction.
BATCH = 5_000
#: Fewer polygons than this part of those we have: the source is cut off or has changed.
FEWEST = 0.9
_DAY = re.compile(r"20\d\d-\d\d-\d\d")


class Prepared(NamedTuple):
    """New tables, not yet in use: the files to write, what they differ in, and the tables themselves."""

    tables: Tables
    #: (file, content, source, vintage)
    files: list[tuple[str, bytes, str, str]]
    notes: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the action."""
    parser.add_argument("--only", choices=("jma", "n03"), help="only JMA's tables and polygons, or only N03; else both")
    parser.add_argument("--jma", metavar="URL|FOLDER", help="area.json and landslides_*.json (DAIJOBU_GEO_JMA_URL)")
    parser.add_argument(
        "--codes", metavar="URL|FILE", help="JMA's code tables as CSV, folder or zip (DAIJOBU_GEO_CODES_URL)"
    )
    parser.add_argument("--n03", metavar="URL|FILE", help="N03 as GeoJSON or zip, {pref} inside (DAIJOBU_GEO_N03_URL)")
    parser.add_argument("--prefectures", metavar="43,12", help="whose N03 to fetch; default: DAIJOBU_REGION")
    parser.add_argument("--edition", metavar="DAY", help="the day of JMA's tables, 2026-07-07; default: today")
    parser.add_argument("--dry-run", action="store_true", help="say what would change and for whom; change nothing")
    parser.add_argument(
        "--places",
        action="store_true",
        help="fetch nothing; place again whoever was placed with the tables of the program while others were fetched",
    )
    parser.add_argument("--remove", action="store_true", help="go back to the tables that came with the program")


async def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """The command. Raises AreaDataError, FetchError and ArchiveError with one sentence each."""
    progress = show_progress(sys.stderr, unit="B")
    async with open_wires(settings, migrate_first=settings.database_url is None) as wires:
        pool, now = wires.deps.pool, wires.deps.clock.now()
        if arguments.remove:
            return await go_back(pool, now, dry_run=arguments.dry_run)
        if arguments.places:
            before = Tables(Areas.committed(), Shapes.committed())
            await place_again(pool, before, Tables(Areas.load(), Shapes.load()), now, dry_run=arguments.dry_run)
            return 0
        return await update(settings, arguments, pool, now, progress=progress)


async def update(
    settings: Settings,
    arguments: argparse.Namespace,
    pool: Pool,
    now: datetime,
    *,
    progress: Progress,
    fewest: float = FEWEST,
) -> int:
    """Fetch, compare, place again, install. `fewest`: see FEWEST."""
    before = Tables(Areas.load(), Shapes.load())
    with tempfile.TemporaryDirectory(prefix="daijobu-geo-") as folder:
        fetcher = Fetcher(Path(folder), settings, progress)
        made = await prepare(settings, arguments, fetcher, before, now, fewest)
    for line in made.notes:
        print(line)
    if not made.files:
        print("nothing new: the tables in use are the same")
        await _say_which(pool, now, dry_run=arguments.dry_run)
        return 0
    await place_again(pool, before, made.tables, now, dry_run=arguments.dry_run)
    if arguments.dry_run:
        print("dry run: nothing was changed")
        return 0
    for name, content, source, vintage in made.files:
        path = data_folder.write_file(name, content, source=source, vintage=vintage, now=now)
        print(f"wrote {path}: {len(content) / 1000:.0f} kB, {vintage}")
    await _say_which(pool, now, dry_run=False)
    print("Restart the service, then run `main.py geo update --places` for people who registered in between.")
    return 0


async def prepare(
    settings: Settings, arguments: argparse.Namespace, fetcher: Fetcher, before: Tables, now: datetime, fewest: float
) -> Prepared:
    """Fetch and build everything without changing anything."""
    table, drawn, boundaries = before.areas.table(), list(current_polygons()), list(fetched_n03())
    files: list[tuple[str, bytes, str, str]] = []
    notes: list[str] = []
    if arguments.only != "n03":
        edition = arguments.edition or now.date().isoformat()
        if not _DAY.fullmatch(edition):
            raise AreaDataError(f"--edition {edition}: write the day as 2026-07-07")
        base = arguments.jma or settings.geo_jma_url
        codes = arguments.codes or settings.geo_codes_url
        fresh, polygons, said = await _jma(fetcher, base, codes, table, edition, int(len(drawn) * fewest))
        notes += [*difference(table, fresh), *said]
        if fresh.rows != table.rows:
            files.append((FETCHED_AREAS, pack_areas(*fresh), codes or base, edition))
            table = fresh
        if polygons != drawn:
            notes.append(_polygons_changed(drawn, polygons))
            files.append((FETCHED_POLYGONS, pack_polygons(polygons), base, edition))
            drawn = polygons
    if arguments.only != "jma":
        source = arguments.n03 or settings.geo_n03_url
        merged, vintage, said = await _n03(fetcher, source, _prefectures(settings, arguments), boundaries, table)
        notes += said
        if merged != boundaries:
            files.append((FETCHED_N03, pack_polygons(merged), f"{CREDIT}, {source}", vintage))
            boundaries = merged
    if not files:
        return Prepared(before, files, notes)
    areas = Areas(*table)
    return Prepared(Tables(areas, Shapes(drawn, boundaries, areas)), files, notes)


async def _jma(
    fetcher: Fetcher, base: str, codes: str, table: AreaTable, edition: str, fewest: int
) -> tuple[AreaTable, list[tuple[str, bytes]], list[str]]:
    found = await read_jma(fetcher, base)
    if codes:
        table = await _from_codes(fetcher, codes, found.tree, edition)
    table = with_area_tree(table, read_area_tree(found.tree, f"{base}: area.json"), edition)
    known = {row.code for row in table.rows if row.scheme == "jma.city" and not row.retired}
    try:
        polygons, notes = await asyncio.to_thread(build_polygons, found.polygons, known, fewest)
    except ValueError as error:
        raise AreaDataError(f"{base}: {error}") from None
    rows, unions = unions_by_rule(table.rows, [code for code, _ in polygons])
    ordered = sorted(rows, key=lambda row: (row.scheme, row.code))
    return AreaTable(ordered, table.vintages), sorted(polygons), [*notes, *unions]


async def _from_codes(fetcher: Fetcher, source: str, tree: bytes, edition: str) -> AreaTable:
    """The whole table anew, as `python -m geo.build` makes it."""
    from geo.build import build_rows, vintages_of
    from geo.build_sources import SourceError

    folder = await code_tables(fetcher, source)
    bosai = fetcher.folder / "bosai"
    bosai.mkdir()
    (bosai / "area.json").write_bytes(tree)
    try:
        rows = await asyncio.to_thread(build_rows, folder, bosai)
    except (SourceError, ValueError) as error:
        raise AreaDataError(f"{source}: {error}") from None
    return AreaTable(rows, vintages_of(rows, edition))


async def _n03(
    fetcher: Fetcher, source: str, prefectures: Sequence[str], before: list[tuple[str, bytes]], table: AreaTable
) -> tuple[list[tuple[str, bytes]], str, list[str]]:
    """The boundaries with those of the prefectures replaced, their editions, and what there is to say."""
    known = {row.code for row in table.rows if row.scheme == "jis"}
    version = data_folder.version(FETCHED_N03)
    editions = dict(item.split(" ", 1) for item in version.vintage.split(", ")) if version else {}
    fresh: dict[str, list[tuple[str, bytes]]] = {}
    notes = []
    for prefecture in prefectures:
        content, name = await n03_file(fetcher, source, prefecture)
        found = await asyncio.to_thread(read_n03, content, name, prefecture)
        strange = [code for code, _ in found.polygons if code[:5] not in known]
        notes += [*found.notes, *(f"{name}: {code[:5]} is in no table of municipalities: left out" for code in strange)]
        fresh[prefecture] = [pair for pair in found.polygons if pair[0] not in strange]
        editions[prefecture] = edition_of(name) or edition_of(source) or "unknown"
        notes.append(f"N03 of prefecture {prefecture}: {len(fresh[prefecture])} municipalities, {editions[prefecture]}")
    return replaced(before, fresh), ", ".join(f"{p} {editions[p]}" for p in sorted(editions)), notes


def _prefectures(settings: Settings, arguments: argparse.Namespace) -> list[str]:
    if arguments.prefectures is None:
        return list(settings.prefectures)
    found = [part.strip() for part in arguments.prefectures.split(",")]
    if not all(len(code) == 2 and code.isdigit() and 1 <= int(code) <= 47 for code in found):
        raise AreaDataError(f"--prefectures {arguments.prefectures}: write two-digit codes 01 to 47, like 43,12")
    return found


def _polygons_changed(before: list[tuple[str, bytes]], after: list[tuple[str, bytes]]) -> str:
    old, new = dict(before), dict(after)
    moved = sum(old[code] != new[code] for code in old.keys() & new.keys())
    gone = ", ".join(sorted(old.keys() - new.keys())) or "none"
    come = ", ".join(sorted(new.keys() - old.keys())) or "none"
    return f"JMA's polygons: {moved} differ, new: {come}, gone: {gone}"


async def place_again(pool: Pool, before: Tables, after: Tables, now: datetime, *, dry_run: bool) -> Summary:
    """Place every stored place again, batch by batch, and print what changed and for whom."""
    change_of = replacer(before, after, _municipalities_of)
    summary, last, done = Summary(), FIRST, 0
    total = await count_places(pool)
    progress = show_progress(sys.stderr)
    while True:
        async with transaction(pool) as conn:
            batch = await next_places(conn, last, BATCH)
            if not batch:
                break
            changes = await asyncio.to_thread(_changes, change_of, batch)
            summary.add(len(batch), changes, await whose_places(conn, [place for place, _ in changes]))
            if changes and not dry_run:
                await apply_changes(conn, changes)
                await audit(conn, Actor("command line"), "place.again", at=now, detail={"places": len(changes)})
        last, done = batch[-1].place.key, done + len(batch)
        progress("placing again", done, max(done, total))
    for line in summary.lines(before.areas, after.areas):
        print(line)
    return summary


def _changes(
    change_of: Callable[[PlaceCodes, str], Replacing], batch: Sequence[StoredPlace]
) -> list[tuple[UUID, Replacing]]:
    found = ((stored.place.key, change_of(stored.place, stored.postal_code)) for stored in batch)
    return [(place, change) for place, change in found if change]


def _municipalities_of(postal_code: str) -> tuple[str, ...]:
    """JIS codes of a stored postal code; none where there is none, or Japan Post has given it up."""
    try:
        return PostalCodes.load().find(postal_code).jis if postal_code else ()
    except PlaceNotFound:
        return ()


async def go_back(pool: Pool, now: datetime, *, dry_run: bool) -> int:
    """Place everyone with the tables of the program, then delete the fetched ones."""
    fetched = [name for name in TABLES if data_folder.path_of(name)]
    if not fetched:
        print("nothing was fetched: the tables that came with the program are in use")
        return 0
    before = Tables(Areas.load(), Shapes.load())
    await place_again(pool, before, Tables(Areas.committed(), Shapes.committed()), now, dry_run=dry_run)
    for name in () if dry_run else fetched:
        data_folder.remove_file(name)
        print(f"deleted {name}")
    await _say_which(pool, now, dry_run=dry_run)
    return 0


async def _say_which(pool: Pool, now: datetime, *, dry_run: bool) -> None:
    """The database knows which tables the places are placed with: on another machine others may lie."""
    found = {name: data_folder.version(name) for name in TABLES}
    if not dry_run:
        async with transaction(pool) as conn:
            await keep_tables(conn, {name: version for name, version in found.items() if version is not None}, now)
