"""Uploading a list of people, from the file to the tables: the edge that the web page and the command line share."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.audit import Actor
from core.clock import date_in_japan
from core.crypto import Vault
from core.db import Connection
from core.model import Located, OrgKind
from geo.geocode import PlaceNotFound, locate
from registry.columns import map_columns
from registry.facts_store import get_fact
from registry.import_change_store import write_changes
from registry.import_plan import Choices, ExistingPerson, ExistingSite, Locate, PlaceUnknown, Plan, Scope
from registry.import_read_store import Owner, lock_owner, read_people, read_scope, read_sites
from registry.import_run_store import record_run
from registry.import_store import Progress, apply_plan
from registry.imports import plan
from registry.rows import AddressInput, PersonRow, read_rows
from registry.table import read_table


def may_create(owner: Owner, asked: bool = False) -> bool:
    """Whether an upload may make the employers it names: a supervising organisation's always, a company's never."""
    return owner.kind != OrgKind.EMPLOYER and (asked or owner.kind == OrgKind.SUPERVISING)


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


class Upload(NamedTuple):
    """A file as it arrived."""

    file_name: str
    body: bytes


def read_upload(upload: Upload, supported: Collection[str]) -> tuple[list[PersonRow], tuple[str, ...]]:
    """The people of a list of our own making and the headings that were not understood. Raises UnreadableTable.

    A file from outside is read by `registry.import_process.read_file`, in a process of its own.
    """
    columns = map_columns(read_table(upload.body, upload.file_name))
    return read_rows(columns, supported), columns.extra


class Prepared(NamedTuple):
    """A plan with what it was made from."""

    plan: Plan
    scope: Scope
    sites: Sequence[ExistingSite]


async def prepare(
    conn: Connection,
    vault: Vault,
    owner: Owner,
    people: Sequence[PersonRow],
    *,
    now: datetime,
    extra: tuple[str, ...] = (),
    may_create_employers: bool = False,
    proposes: bool = False,
    unknown: str = "foreign_employer",
    choices: Choices | None = None,
    where: Locate | None = None,
) -> Prepared:
    """Read the list as it is and decide every row. The thinking is done in a thread: the website goes on."""
    if where is None:
        where = functools.partial(locate_offline, prefectures=await get_fact(conn, "region") or ())
    scope = await read_scope(conn, owner, may_create_employers=may_create_employers, proposes=proposes, unknown=unknown)
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
        today=date_in_japan(now),
        extra_headings=extra,
        choices=choices,
    )
    return Prepared(made, scope, sites)


async def apply_prepared(
    conn: Connection,
    vault: Vault,
    owner: Owner,
    prepared: Prepared,
    run_id: UUID,
    *,
    now: datetime,
    actor: Actor,
    progress: Progress | None = None,
) -> None:
    """Write a plan and what is needed to take it back. The run must be stored before."""
    ledger = await apply_plan(
        conn, vault, prepared.plan, owner, prepared.scope, prepared.sites, now=now, actor=actor, progress=progress
    )
    await write_changes(conn, vault, run_id, owner.id, ledger)


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
    unknown: str = "foreign_employer",
    people: tuple[Sequence[PersonRow], tuple[str, ...]] | None = None,
    source: str = "form",
    where: Locate | None = None,
    progress: Progress | None = None,
) -> tuple[Plan, UUID]:
    """Plan an upload and, unless `dry_run`, write it, inside the caller's transaction: (plan, import_run id).

    `people`: the rows and unused headings where the file was read already. `source`: see `record_run`. Raises
    UnreadableTable.
    """
    rows, extra = people if people is not None else await asyncio.to_thread(read_upload, upload, supported)
    if not dry_run:
        await lock_owner(conn, owner)
    prepared = await prepare(
        conn,
        vault,
        owner,
        rows,
        now=now,
        extra=extra,
        may_create_employers=may_create_employers,
        unknown=unknown,
        where=where,
    )
    run_id = await record_run(
        conn,
        owner,
        prepared.plan,
        file_name=upload.file_name,
        body=upload.body,
        dry_run=dry_run,
        now=now,
        staff_id=actor.staff_id,
        source=source,
    )
    if not dry_run:
        await apply_prepared(conn, vault, owner, prepared, run_id, now=now, actor=actor, progress=progress)
    return prepared.plan, run_id


def _index_among(vault: Vault, known: Sequence[ExistingPerson]) -> Callable[[str, str], bytes]:
    """The blind index as these people have it: while the keys change, some still have the older one."""
    present = {contact for person in known for contact in person.contacts}

    def index(channel: str, address: str) -> bytes:
        every = vault.blind_indexes(channel, address)
        return next((one for one in every if (channel, one) in present), every[0])

    return index
