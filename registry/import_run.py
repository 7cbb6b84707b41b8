"""Uploading a list of people, from the file to the tables: the edge that the web page and the command line share."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from core.audit import Actor
from core.clock import JST
from core.crypto import Vault
from core.db import Connection, Pool, transaction
from core.i18n import Catalogs
from core.model import Located, OrgKind
from geo.geocode import PlaceNotFound, locate
from registry import store
from registry.columns import map_columns
from registry.facts_store import get_fact
from registry.import_read_store import Owner, find_owner, lock_owner, read_people, read_scope, read_sites
from registry.import_run_store import record_run
from registry.import_store import apply_plan
from registry.imports import ExistingPerson, Fate, Locate, PlaceUnknown, Plan, name_key, plan
from registry.rows import AddressInput, PersonRow, read_rows
from registry.table import UnreadableTable, read_table


def may_create(owner: Owner, asked: bool = False) -> bool:
    """Whether an upload may make the employers it names: a supervising organisation's always, a company's never."""
    return owner.kind != OrgKind.EMPLOYER and (asked or owner.kind == OrgKind.SUPERVISING)


class ImportRefused(ValueError):
    """The upload cannot start. The message says what to do."""


def locate_offline(given: AddressInput, prefectures: Collection[str] = ()) -> Located:
    """`geo.geocode.locate` for the importer; the region's prefectures decide equal names. Raises PlaceUnknown."""
    try:
        return locate(
            postal_code=given.postal_code or None,
            address=given.address or None,
            lat=given.lat,
            lon=given.lon,
            prefectures=prefectures,
        )
    except PlaceNotFound as error:
        raise PlaceUnknown(str(error)) from error


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it arrived."""

    file_name: str
    body: bytes


def read_upload(upload: Upload, supported: Collection[str]) -> tuple[list[PersonRow], tuple[str, ...]]:
    """The people of a file and the headings that were not understood. Raises UnreadableTable. Pure, but slow."""
    columns = map_columns(read_table(upload.body, upload.file_name))
    return read_rows(columns, supported), columns.extra


async def run_upload(
    conn: Connection,
    vault: Vault,
    owner: Owner,
    upload: Upload,
    *,
    supported: Collection[str],
    dry_run: bool,
    now: datetime,
    actor: Actor,
    may_create_employers: bool,
    keep_body: bool = False,
    where: Locate | None = None,
) -> tuple[Plan, UUID]:
    """Plan an upload and, unless `dry_run`, write it, inside the caller's transaction: (plan, import_run id).

    Reading and planning happen in a thread: the website goes on. Raises UnreadableTable.
    """
    people, extra = await asyncio.to_thread(read_upload, upload, supported)
    if not dry_run:
        await lock_owner(conn, owner)
    if where is None:
        where = functools.partial(locate_offline, prefectures=await get_fact(conn, "region") or ())
    scope = await read_scope(conn, owner, may_create_employers=may_create_employers)
    known = await read_people(conn, vault, scope)
    sites = await read_sites(conn, vault, scope)
    made = await asyncio.to_thread(
        plan,
        people,
        scope,
        known,
        sites,
        locate=where,
        fingerprint=_index_among(vault, known),
        today=now.astimezone(JST).date(),
        extra_headings=extra,
    )
    if not dry_run:
        await apply_plan(conn, vault, made, owner, scope, sites, now=now, actor=actor)
    run_id = await record_run(
        conn,
        vault,
        owner,
        made,
        file_name=upload.file_name,
        body=upload.body,
        dry_run=dry_run,
        now=now,
        staff_id=actor.staff_id,
        keep_body=keep_body,
    )
    return made, run_id


def _index_among(vault: Vault, known: Sequence[ExistingPerson]) -> Callable[[str, str], bytes]:
    """The blind index as these people have it: while the keys change, some still have the older one."""
    present = {contact for person in known for contact in person.contacts}

    def index(channel: str, address: str) -> bytes:
        every = vault.blind_indexes(channel, address)
        return next((one for one in every if (channel, one) in present), every[0])

    return index


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
) -> Plan:
    """`main.py import FILE --org SLUG [--create-org] [--dry-run]`: all or nothing.

    `create_org`: make the organisation if it is missing (a supervising one where the file names several employers),
    and any employer the file names. Raises ImportRefused with one sentence: the file, the organisation or the list.
    """
    catalogs = catalogs or Catalogs.load()
    try:
        upload = Upload(path.name, await asyncio.to_thread(path.read_bytes))
        people, _ = await asyncio.to_thread(read_upload, upload, catalogs.languages)
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
                owner = await _create_owner(conn, org_slug, people, now)
            made, _ = await run_upload(
                conn,
                vault,
                owner,
                upload,
                supported=catalogs.languages,
                dry_run=dry_run,
                now=now,
                actor=Actor("command line", org_id=owner.id),
                may_create_employers=may_create(owner, create_org),
                where=where,
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
