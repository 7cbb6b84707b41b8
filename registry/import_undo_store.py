"""Taking an import back in the database: all that can go in one transaction, the rest named."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from core.audit import Actor, audit
from core.crypto import Vault
from core.db import Connection, ForeignKeyViolation, expect_rows
from geo.store import insert_places, move_place
from registry import store
from registry.import_change_store import forget_changes, read_changes, read_created
from registry.import_ledger import Change
from registry.import_run_store import Run
from registry.import_snapshot_store import BATCH, people_now, place_again, places_now
from registry.import_undo import Kept, Undo, undo
from registry.import_update_store import drop_unused_places
from registry.membership_store import set_households

SQL_ACTED = """
SELECT r.id, CASE
         WHEN r.state <> 'invited' THEN 'enrolled'
         WHEN EXISTS (SELECT FROM incident_resident i WHERE i.resident_id = r.id) THEN 'alerted'
         WHEN EXISTS (SELECT FROM site_leader l WHERE l.resident_id = r.id) THEN 'leader'
         WHEN (SELECT count(*) FROM membership m WHERE m.resident_id = r.id) > 1 THEN 'other_organisation'
         WHEN EXISTS (SELECT FROM consent c WHERE c.resident_id = r.id AND c.basis <> 'invitation') THEN 'enrolled'
         WHEN EXISTS (SELECT FROM import_change c WHERE c.resident_id = r.id AND c.run_id <> $2) THEN 'later_upload'
         ELSE '' END AS why
FROM resident r WHERE r.id = ANY($1::uuid[])
"""
SQL_ORG_OF = "SELECT resident_id, org_id FROM membership WHERE resident_id = ANY($1::uuid[])"


async def plan_undo(conn: Connection, vault: Vault, run: Run) -> Undo:
    """What taking this import back would do now."""
    changes = await read_changes(conn, vault, run.id)
    created = await read_created(conn, run.id)
    acted: dict[UUID, str] = {}
    for start in range(0, len(created), BATCH):
        rows = await conn.fetch(SQL_ACTED, created[start : start + BATCH], run.id)
        acted |= {row["id"]: row["why"] for row in rows}
    touched = [(c.row_id, UUID(c.values["after"]["org_id"])) for c in changes if c.kind in ("changed", "ended")]
    now: dict[UUID, dict[str, Any]] = {}
    for start in range(0, len(touched), BATCH):
        now |= await people_now(conn, touched[start : start + BATCH])
    return undo(changes, created, acted, now)


class Undone(NamedTuple):
    """What an undo did: people removed and restored, and who stayed and why, by name (their organisation's page)."""

    removed: int
    restored: int
    kept: tuple[tuple[str, str], ...]  # (name, why)


SQL_NAMES = """
SELECT r.id, r.name FROM resident r WHERE r.id = ANY($1::uuid[]) AND EXISTS (
    SELECT FROM membership m WHERE m.resident_id = r.id AND m.ended_at IS NULL AND (m.org_id = $2 OR m.org_id IN (
        SELECT o.other_id FROM org_relation o WHERE o.org_id = $2 AND o.kind = 'supervises')))
"""


async def name_kept(conn: Connection, kept: Sequence[Kept], org_id: UUID) -> tuple[tuple[str, str], ...]:
    """Who stays and why: (name, why). Who has left the organisation meanwhile is not named to it."""
    names = {row["id"]: row["name"] for row in await conn.fetch(SQL_NAMES, [k.resident_id for k in kept], org_id)}
    return tuple((names.get(k.resident_id, ""), k.why) for k in kept)


async def undo_run(conn: Connection, vault: Vault, run: Run, *, now: datetime, actor: Actor) -> Undone:
    """Take an import back, inside the caller's transaction."""
    decided = await plan_undo(conn, vault, run)
    await _unhouse(conn, decided.unhouse)
    for start in range(0, len(decided.restore), BATCH):
        await _restore(conn, vault, decided.restore[start : start + BATCH])
    kept = list(decided.kept)
    removed: list[UUID] = []
    for start in range(0, len(decided.remove), BATCH):
        ids = decided.remove[start : start + BATCH]
        gone = await _remove(conn, ids)
        removed += gone
        kept += [Kept(i, "in_use") for i in ids if i not in set(gone)]
    await _undo_sites(conn, vault, decided.orgs)
    await forget_changes(conn, run.id)
    restored = [c.row_id for c in decided.restore]
    detail = {"removed": len(removed), "restored": len(restored), "kept": len(kept)}
    await audit(
        conn, actor, "import.undo", at=now, subjects=[*removed, *restored], fields=["registration"], detail=detail
    )
    return Undone(len(removed), len(restored), await name_kept(conn, kept, run.org_id))


SQL_UNHOUSE = """
DELETE FROM resident_place p USING unnest($1::uuid[], $2::text[], $3::uuid[]) AS u (id, kind, place_id)
WHERE p.resident_id = u.id AND p.kind = u.kind AND p.place_id = u.place_id
"""


async def _unhouse(conn: Connection, changes: Sequence[Change]) -> None:
    after = [c.values["after"] for c in changes]
    places = [UUID(a["place"]) for a in after]
    await conn.execute(SQL_UNHOUSE, [c.row_id for c in changes], [a["kind"] for a in after], places)


SQL_PLACES_OF = "SELECT place_id FROM resident_place WHERE resident_id = ANY($1::uuid[])"
SQL_REMOVE = "DELETE FROM resident WHERE id = ANY($1::uuid[]) AND state = 'invited' RETURNING id"


async def _remove(conn: Connection, ids: Sequence[UUID]) -> list[UUID]:
    """Delete people the import made. If another part of the service holds on to some, these stay."""
    places = [row["place_id"] for row in await conn.fetch(SQL_PLACES_OF, list(ids))]
    try:
        async with conn.transaction():
            gone = [row["id"] for row in await conn.fetch(SQL_REMOVE, list(ids))]
    except ForeignKeyViolation:
        if len(ids) == 1:
            return []
        half = len(ids) // 2
        return [*await _remove(conn, ids[:half]), *await _remove(conn, ids[half:])]
    await drop_unused_places(conn, places)
    return gone


SQL_RESTORE_RESIDENTS = """
UPDATE resident r SET name = u.name, language = u.language, second_language = nullif(u.second, ''),
       orgs = CASE WHEN u.seen AND NOT u.org = ANY(r.orgs) THEN r.orgs || u.org
                   WHEN NOT u.seen THEN array_remove(r.orgs, u.org) ELSE r.orgs END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::boolean[])
     AS u (id, name, language, second, org, seen)
WHERE r.id = u.id
"""
SQL_RESTORE_MEMBERSHIPS = """
UPDATE membership m SET employee_id = u.employee_id, workplace_id = u.workplace_id, dorm_id = u.dorm_id, room = u.room,
       shift = u.shift, start_date = u.start_date, end_date = u.end_date, ended_at = u.ended_at
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::date[], $9::date[],
            $10::timestamptz[])
     AS u (id, org_id, employee_id, workplace_id, dorm_id, room, shift, start_date, end_date, ended_at)
WHERE m.resident_id = u.id AND m.org_id = u.org_id
"""
SQL_DROP_CONTACTS = "DELETE FROM contact WHERE id = ANY($1::uuid[])"
SQL_DROP_PLACES = """
DELETE FROM resident_place p USING unnest($1::uuid[], $2::text[], $3::uuid[]) AS u (id, kind, place_id)
WHERE p.resident_id = u.id AND p.kind = u.kind AND p.place_id = u.place_id
RETURNING p.place_id
"""
SQL_LEAD_AGAIN = """
INSERT INTO site_leader (site_id, rank, resident_id)
SELECT l.site_id, l.rank, l.resident_id FROM unnest($1::uuid[], $2::int[], $3::uuid[]) AS l (site_id, rank, resident_id)
WHERE EXISTS (SELECT FROM site s WHERE s.id = l.site_id)
ON CONFLICT (site_id, rank) DO NOTHING
"""


async def _restore(conn: Connection, vault: Vault, changes: Sequence[Change]) -> None:
    ids = [c.row_id for c in changes]
    old = [c.values["before"] for c in changes]
    new = [c.values["after"] for c in changes]
    orgs = [UUID(b["org_id"]) for b in old]
    tag = await conn.execute(
        SQL_RESTORE_RESIDENTS,
        ids,
        [b["name"] for b in old],
        [b["language"] for b in old],
        [b["second_language"] for b in old],
        orgs,
        [b["seen"] for b in old],
    )
    expect_rows(tag, len(ids), "residents of the undo")
    tag = await conn.execute(
        SQL_RESTORE_MEMBERSHIPS,
        ids,
        orgs,
        [b["employee_id"] for b in old],
        [_uuid(b["workplace_id"]) for b in old],
        [_uuid(b["dorm_id"]) for b in old],
        [b["room"] for b in old],
        [b["shift"] for b in old],
        [_day(b["start_date"]) for b in old],
        [_day(b["end_date"]) for b in old],
        [datetime.fromisoformat(b["ended_at"]) if b["ended_at"] else None for b in old],
    )
    expect_rows(tag, len(ids), "memberships of the undo")
    # Uploads of before this column was read say nothing about it.
    await set_households(conn, [(i, org, b.get("household")) for i, org, b in zip(ids, orgs, old, strict=True)])
    added = [UUID(c) for b, a in zip(old, new, strict=True) for c in a["contacts"] if c not in b["contacts"]]
    await conn.execute(SQL_DROP_CONTACTS, added)
    await _restore_places(conn, vault, ids, old, new)
    leads = [(lead.split(" "), i) for i, b in zip(ids, old, strict=True) for lead in b["leads"]]
    await conn.execute(
        SQL_LEAD_AGAIN, [UUID(p[0]) for p, _ in leads], [int(p[1]) for p, _ in leads], [i for _, i in leads]
    )


async def _restore_places(
    conn: Connection, vault: Vault, ids: Sequence[UUID], old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]
) -> None:
    dropped: list[tuple[UUID, str, UUID]] = []
    moved: list[tuple[UUID, str, UUID | None]] = []
    again: dict[UUID, dict[str, Any]] = {}
    for resident_id, before, after in zip(ids, old, new, strict=True):
        for kind in ("home", "work"):
            if before[kind] == after[kind]:
                continue
            if after[kind] is not None:
                dropped.append((resident_id, kind, UUID(after[kind])))
            if before[kind] is not None:
                moved.append((resident_id, kind, UUID(before[kind])))
                kept = before.get("places", {}).get(kind)
                if kept:
                    again[UUID(kept["id"])] = kept
    columns = [list(column) for column in zip(*dropped, strict=True)] or [[], [], []]
    freed = [row["place_id"] for row in await conn.fetch(SQL_DROP_PLACES, *columns)]
    present = await places_now(conn, vault, list(again), of_sites=True)
    await insert_places(conn, [place_again(vault, kept) for i, kept in again.items() if i not in present])
    await store.set_places(conn, moved)
    await drop_unused_places(conn, freed)


SQL_SITE_PLACE = "SELECT place_id FROM site WHERE id = $1"
SQL_TAKE_PLACE = "UPDATE site SET place_id = NULL WHERE id = $1 AND place_id = $2"
# Two questions to the memberships, not one with OR: so each reads them once, not once per site.
SQL_DROP_SITES = """
DELETE FROM site s WHERE s.id = ANY($1::uuid[])
AND NOT EXISTS (SELECT FROM membership m WHERE m.dorm_id = s.id)
AND NOT EXISTS (SELECT FROM membership m WHERE m.workplace_id = s.id)
AND NOT EXISTS (SELECT FROM site_leader l WHERE l.site_id = s.id)
RETURNING s.place_id
"""
SQL_DROP_RELATIONS = "DELETE FROM org_relation WHERE other_id = $1"
SQL_DROP_ORGANISATION = "DELETE FROM organisation WHERE id = $1"


async def _undo_sites(conn: Connection, vault: Vault, changes: Sequence[Change]) -> None:
    """Sites, their places and employers: what nobody uses any more goes, the rest stays without a word of harm."""
    await _undo_each(conn, vault, [c for c in changes if c.kind == "site_place"])
    sites = [c.row_id for c in changes if c.kind == "site"]
    for start in range(0, len(sites), BATCH):
        await _drop_sites(conn, sites[start : start + BATCH])
    await _undo_each(conn, vault, [c for c in changes if c.kind == "organisation"])


async def _undo_each(conn: Connection, vault: Vault, changes: Sequence[Change]) -> None:
    for change in reversed(changes):
        with suppress(ForeignKeyViolation):  # something else refers to it by now: it stays
            async with conn.transaction():
                await _undo_one(conn, vault, change)


async def _drop_sites(conn: Connection, ids: Sequence[UUID]) -> None:
    """Drop sites where nobody lives or works and that nobody leads, with their places. What else is in use stays."""
    try:
        async with conn.transaction():
            places = [row["place_id"] for row in await conn.fetch(SQL_DROP_SITES, list(ids))]
            await drop_unused_places(conn, [place for place in places if place is not None])
    except ForeignKeyViolation:
        half = len(ids) // 2
        for part in (ids[:half], ids[half:]) if half else ():
            await _drop_sites(conn, part)


async def _undo_one(conn: Connection, vault: Vault, change: Change) -> None:
    if change.kind == "organisation":
        await conn.execute(SQL_DROP_RELATIONS, change.row_id)
        await conn.execute(SQL_DROP_ORGANISATION, change.row_id)
        return
    place_id = await conn.fetchval(SQL_SITE_PLACE, change.row_id)
    before, after = change.values["before"], change.values["after"]
    if place_id is None or str(place_id) != after["id"]:
        return
    if before is None:
        await conn.execute(SQL_TAKE_PLACE, change.row_id, place_id)
        await drop_unused_places(conn, [place_id])
        return
    if (await places_now(conn, vault, [place_id], of_sites=True))[place_id] != after:
        return  # somebody gave it yet another address since
    old = place_again(vault, before)
    await move_place(conn, place_id, old.located, point_enc=old.point_enc, address_enc=old.address_enc)


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
