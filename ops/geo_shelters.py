"""`main.py geo shelters FILE|URL...`: bring in GSI's lists of designated shelters.

A municipality that a file names is replaced whole, in one transaction; all others stay as they are. A row that cannot
be used is named with file, line and reason, and the rest goes in.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sys
from collections.abc import Callable
from datetime import date, datetime

from core.clock import SystemClock
from core.db import Pool, connect
from core.migrate import migrate
from core.progress import Progress, show_progress
from core.settings import Settings
from geo.areas import Areas
from geo.importers.gsi_shelters import MAX_BYTES, ShelterFile, ShelterFileError, read_shelters
from geo.shelter_lists_store import Change, ListSource, editions, replace_list
from ops.database import open_database
from ops.fetch_file import read_source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the action takes."""
    parser.add_argument("sources", nargs="+", metavar="FILE|URL", help="CSV files of GSI: NNNNN_1.csv, NNNNN_2.csv")
    parser.add_argument("--edition", type=_day, metavar="DAY", help="the date of the files: 2025-10-27")
    parser.add_argument("--older", action="store_true", help="take files that are older than what is there")
    parser.add_argument("--dry-run", action="store_true", help="say what would change; change nothing")
    parser.add_argument("--allow-refused", action="store_true", help="end well although some rows were refused")


async def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Import every file; 1 if a row was refused, unless that is allowed. Raises ShelterFileError and FetchError."""
    show = show_progress(sys.stderr)
    async with open_database(settings) as dsn:
        pool = await connect(dsn, size=2, role=None)
        try:
            if settings.database_url is None:
                await migrate(pool)
            refused = 0
            for source in arguments.sources:
                body = await read_source(source, settings, max_bytes=MAX_BYTES)
                refused += await import_list(
                    pool,
                    source,
                    body,
                    edition=arguments.edition,
                    older=arguments.older,
                    dry_run=arguments.dry_run,
                    now=SystemClock().now(),
                    progress=show,
                )
        finally:
            await pool.close()
    return 1 if refused and not arguments.allow_refused else 0


async def import_list(
    pool: Pool,
    source: str,
    body: bytes,
    *,
    now: datetime,
    edition: date | None = None,
    older: bool = False,
    dry_run: bool = False,
    fictional: bool = False,
    progress: Progress | None = None,
    say: Callable[[str], None] = print,
) -> int:
    """One file, municipality by municipality; how many of its rows were refused. Raises ShelterFileError.

    A process that is killed leaves whole lists: each municipality has its old or its new one. Run it again then.
    """
    told = progress or (lambda stage, done, total: None)
    lines = body.count(b"\n") + 1
    read = await asyncio.to_thread(read_shelters, body, source, progress=lambda rows: told("reading", rows, lines))
    await _refuse_older(pool, source, read, edition, older)
    origin = ListSource(source, hashlib.sha256(body).digest(), edition, fictional)
    owners = sorted(read.owners)
    changes: dict[str, Change] = {}
    for done, owner in enumerate(owners, 1):
        changes[owner] = await replace_list(
            pool,
            owner,
            read.designation,
            read.shelters[owner],
            origin,
            keep=[common_id for common_id in read.rejected_ids if common_id[1:6] == owner],
            now=now,
            dry_run=dry_run,
        )
        told("writing", done, len(owners))
    for line in report(source, read, changes, dry_run=dry_run):
        say(line)
    return len(read.rejected)


async def _refuse_older(pool: Pool, source: str, read: ShelterFile, edition: date | None, older: bool) -> None:
    if edition is None or older:
        return
    newer = [owner for owner, day in (await editions(pool, read.designation, read.owners)).items() if day > edition]
    if newer:
        raise ShelterFileError(
            f"{source}: {len(newer)} municipalities have a newer list than {edition} already "
            f"({_name(newer[0])}{' and others' if len(newer) > 1 else ''}); to take this one all the same, add --older"
        )


def report(source: str, read: ShelterFile, changes: dict[str, Change], *, dry_run: bool = False) -> list[str]:
    """What became of a file, as lines for the terminal: every refused, doubtful and vanished shelter by name."""
    shelters = sum(map(len, read.shelters.values()))
    what = "指定避難所" if read.designation == "shelter" else "指定緊急避難場所"
    lines = [
        f"{source}: {what}, {shelters} rows of {len(read.shelters)} municipalities "
        f"{'would go in' if dry_run else 'went in'}, {len(read.rejected)} refused"
    ]
    lines += [f"  refused, line {row.line}: {_called(row.id, row.name)}: {row.reason}" for row in read.rejected]
    lines += [f"  look at line {row.line}: {_called(row.id, row.name)}: {row.reason}" for row in read.doubtful]
    for owner, change in changes.items():
        lines += [f"  no longer in the list of {_name(owner)}: {_called(*shelter)}" for shelter in change.vanished]
    new, changed, same, gone = map(sum, zip((0, 0, 0, 0), *map(_numbers, changes.values()), strict=True))
    lines.append(f"  new {new}, changed {changed}, as before {same}, no longer in the list {gone}")
    lines += [
        f"  {_name(owner)} keeps the list it had: no row of it can be read"
        for owner in sorted({row.id[1:6] for row in read.rejected if row.id} - read.owners)
    ]
    return lines


def _numbers(change: Change) -> tuple[int, int, int, int]:
    return change.new, change.changed, change.same, len(change.vanished)


def _called(common_id: str, name: str) -> str:
    return " ".join(part for part in (common_id, name) if part) or "a row without id and name"


def _name(jis: str) -> str:
    areas = Areas.load()
    return areas.prefecture_name(jis) + areas.name("jis", jis)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2025-10-27") from None
