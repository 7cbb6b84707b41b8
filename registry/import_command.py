"""`main.py import`: a file of people from the command line, all or nothing but for the rows that are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from core.audit import Actor
from core.crypto import Vault
from core.db import Connection, Pool, transaction
from core.i18n import Catalogs
from core.model import OrgKind
from core.progress import Progress
from registry import store
from registry.import_plan import Fate, Locate, Plan
from registry.import_process import Wanted, read_file
from registry.import_read_store import Owner, find_owner
from registry.import_run import Upload, may_create, run_upload
from registry.names import name_key
from registry.rows import PersonRow
from registry.sheet import UnreadableTable


class ImportRefused(ValueError):
    """The upload cannot start. The message says what to do."""


async def import_file(
    pool: Pool,
    vault: Vault,
    path: Path,
    org_slug: str,
    create_org: bool,
    dry_run: bool,
    now: datetime,
    *,
    catalogs: Catalogs | None = None,
    where: Locate | None = None,
    progress: Progress | None = None,
) -> Plan:
    """`main.py import FILE --org SLUG [--create-org] [--dry-run]`: every row but the refused ones, or none.

    `create_org`: make the organisation if it is missing (a supervising one where the file names several employers),
    and any employer the file names. Raises ImportRefused with one sentence: the file, the organisation or the list.
    """
    catalogs = catalogs or Catalogs.load()

    def told(stage: str) -> Callable[[int, int], None] | None:
        return (lambda done, total: progress(stage, done, total)) if progress else None

    try:
        upload = Upload(path.name, await asyncio.to_thread(path.read_bytes))
        wanted = Wanted(supported=tuple(catalogs.languages), strict=True)
        read = await read_file(upload.body, path.name, wanted, progress=told("reading"))
    except OSError as error:
        raise ImportRefused(f"{path}: cannot be read: {error.strerror}") from error
    except UnreadableTable as error:
        raise ImportRefused(f"{path}: {catalogs.say('en', error.key, **error.values)}") from error
    try:
        async with transaction(pool) as conn:
            owner = await find_owner(conn, slug=org_slug)
            if owner is None:
                if not create_org:
                    raise ImportRefused(f"there is no organisation {org_slug!r}: add --create-org to make it")
                owner = await _create_owner(conn, org_slug, read.people, now)
            made, _ = await run_upload(
                conn,
                vault,
                owner,
                upload,
                supported=catalogs.languages,
                dry_run=dry_run,
                now=now,
                actor=Actor("command line", org_id=owner.id),
                may_create_employers=create_org and may_create(owner, create_org),
                unknown="employer_unknown_command" if may_create(owner, True) else "foreign_employer",
                people=(read.people, read.extra),
                source="command",
                where=where,
                progress=told("writing"),
            )
            if dry_run:
                raise _DryRun(made)
            return made
    except _DryRun as done:
        return done.plan


class _DryRun(Exception):
    """Rolls a dry run back, its own record included: the database stays as it was."""

    def __init__(self, made: Plan) -> None:
        super().__init__("dry run")
        self.plan = made


async def _create_owner(conn: Connection, slug: str, people: list[PersonRow], now: datetime) -> Owner:
    named = {name_key(p.employer): p.employer for p in people if p.employer}
    kind = OrgKind.SUPERVISING if len(named) > 1 else OrgKind.EMPLOYER
    name = next(iter(named.values())) if len(named) == 1 else slug
    try:
        org_id = await store.create_organisation(conn, slug=slug, name=name, kind=kind, now=now)
    except store.BadSlug as error:
        raise ImportRefused(str(error)) from error
    return Owner(org_id, name, slug, kind.value)


def plan_lines(made: Plan, catalogs: Catalogs, lang: str = "en") -> Iterator[str]:
    """The plan as text, a line per row, worst last where a terminal shows it."""
    order = (Fate.UNCHANGED, Fate.NEW, Fate.CHANGED, Fate.DOUBTFUL, Fate.REFUSED)
    for row in sorted(made.rows, key=lambda r: (order.index(r.fate), r.person.number)):
        reasons = [catalogs.say(lang, p.key, **dict(p.values)) for p in row.person.problems]
        if row.changes:
            reasons.insert(0, ", ".join(catalogs.say(lang, f"staff.import.field.{name}") for name in row.changes))
        fate = catalogs.say(lang, f"staff.import.fate.{row.fate}")
        text = f"{row.person.number:>6}  {fate:<10} {row.person.name}"
        yield f"{text}  {' '.join(reasons)}".rstrip() if reasons else text
    for name in made.new_employers:
        yield catalogs.say(lang, "staff.import.new_employer", name=name)
    for key in made.new_sites:
        yield catalogs.say(lang, f"staff.import.new_{key.kind}", name=key.name)
    for person in made.absent:
        yield catalogs.say(lang, "staff.import.absent_one", name=person.name)
    if made.extra_headings:
        yield catalogs.say(lang, "staff.import.extra", headings=", ".join(made.extra_headings))
    counts = made.counts
    yield "  ".join(f"{catalogs.say(lang, f'staff.import.fate.{name}')}: {count}" for name, count in counts.items())


def print_plan(made: Plan, catalogs: Catalogs | None = None, lang: str = "en") -> None:
    """Print `plan_lines`, for the command line."""
    for line in plan_lines(made, catalogs or Catalogs.load(), lang):
        print(line)
