"""Writing the plan of an upload, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from core.ahead import one_ahead
from core.audit import Actor, audit
from core.clock import date_in_japan
from core.crypto import Vault
from core.db import Connection, expect_rows
from core.ids import uuid7
from geo.store import NewPlace, insert_places, move_place
from registry import store
from registry.import_ledger import Ledger
from registry.import_plan import Action, ExistingSite, Plan, RowPlan, Scope, SiteKey
from registry.import_read_store import Owner, seal_place, sealed_fields
from registry.import_snapshot_store import BATCH, places_now
from registry.import_update_store import RowWriter, end_people, update_people
from registry.membership_store import set_households
from registry.names import name_key
from registry.resident_rows import ResidentRows, resident_rows

Progress = Callable[[int, int], None]  # (rows written, rows in all)


async def apply_plan(
    conn: Connection,
    vault: Vault,
    plan: Plan,
    owner: Owner,
    scope: Scope,
    sites: Sequence[ExistingSite],
    *,
    now: datetime,
    actor: Actor,
    progress: Progress | None = None,
) -> Ledger:
    """Write everything the plan says; what was written. Call it inside one transaction: an error leaves nothing behind.

    People are written by the hundred, so that whoever shares the event loop never waits long; the next hundreds are
    sealed in a thread while PostgreSQL writes these.
    """
    ledger = Ledger()
    orgs = dict(scope.employers)
    for name in plan.new_employers:
        org_id = uuid7()
        await conn.execute(
            store.SQL_INSERT_ORGANISATION, org_id, f"employer-{org_id.hex[-12:]}", name, "employer", "ja", now
        )
        await store.relate(conn, owner.id, org_id)
        orgs[name_key(name)] = org_id
        ledger.note("organisation", org_id)
    site_ids, site_places = await _write_sites(conn, vault, plan, orgs, sites, now, ledger)
    own_places = await _write_own_places(conn, vault, plan)
    writer = RowWriter(orgs, site_ids, site_places, own_places)
    inserts = [row for row in plan.rows if row.action is Action.INSERT]
    updates = [row for row in plan.rows if row.action is Action.UPDATE]
    total = len(inserts) + len(updates)
    subjects: list[UUID] = []

    def made(rows: Sequence[RowPlan]) -> ResidentRows:
        return resident_rows(vault, [writer.resident(row) for row in rows])

    async def write(rows: ResidentRows) -> None:
        await store.write_residents(conn, rows, now, by_staff=actor.staff_id)
        ledger.created.extend(rows.ids)
        subjects.extend(rows.ids)
        if progress:
            progress(len(subjects), total)

    await one_ahead((inserts[start : start + BATCH] for start in range(0, len(inserts), BATCH)), made, write)
    made_by = zip(inserts, tuple(subjects), strict=True)
    await set_households(conn, [(who, orgs[row.employer], row.person.household) for row, who in made_by])
    for start in range(0, len(updates), BATCH):
        subjects += await update_people(conn, vault, writer, updates[start : start + BATCH], now, ledger)
        if progress:
            progress(len(subjects), total)
    ends = [(row.match, orgs[row.employer], row.person.end_date) for row in plan.rows if row.action is Action.END]
    today = date_in_japan(now)
    ends += [(person.id, orgs[person.employer], today) for person in plan.gone]
    subjects += await end_people(conn, ends, now, ledger)
    for resident_id, kind, place_id in await store.fill_places(conn, list(site_places)):
        ledger.note("housed", resident_id, resident=True, after={"kind": kind, "place": str(place_id)})
    await audit(conn, actor, "import", at=now, subjects=subjects, fields=["registration"], detail=plan.counts)
    return ledger


SQL_INSERT_SITES = """
INSERT INTO site (id, org_id, kind, name, place_id, created_at)
SELECT s.id, s.org_id, s.kind, s.name, s.place_id, $6
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[]) AS s (id, org_id, kind, name, place_id)
"""
SQL_GIVE_SITE_A_PLACE = "UPDATE site SET place_id = $2 WHERE id = $1"


async def _write_sites(
    conn: Connection,
    vault: Vault,
    plan: Plan,
    orgs: dict[str, UUID],
    sites: Sequence[ExistingSite],
    now: datetime,
    ledger: Ledger,
) -> tuple[dict[SiteKey, UUID], dict[UUID, UUID]]:
    """Create and place sites: (site id per key, place id per site id)."""
    ids = {site.key: site.id for site in sites}
    places = {site.id: site.place_id for site in sites if site.place_id is not None}
    made: dict[SiteKey, NewPlace] = {}
    for key, given in plan.site_addresses.items():
        place = seal_place(vault, given, plan.located[given], label=key.name)
        old = places.get(ids[key]) if key in ids else None
        if old is None:
            made[key] = place
            continue
        before = (await places_now(conn, vault, [old], of_sites=True))[old]
        moved = sealed_fields(vault, given, old)
        await move_place(conn, old, plan.located[given], point_enc=moved[0], address_enc=moved[1])
        after = (await places_now(conn, vault, [old], of_sites=True))[old]
        ledger.note("site_place", ids[key], before=before, after=after)
    await insert_places(conn, list(made.values()))
    for key, place in made.items():
        if key in ids:
            expect_rows(await conn.execute(SQL_GIVE_SITE_A_PLACE, ids[key], place.id), 1, f"site {key.name}")
            places[ids[key]] = place.id
            ledger.note("site_place", ids[key], before=None, after={"id": str(place.id)})
    new = [(uuid7(), key, made[key].id if key in made else None) for key in plan.new_sites]
    await conn.execute(
        SQL_INSERT_SITES,
        [site_id for site_id, _, _ in new],
        [orgs[key.employer] for _, key, _ in new],
        [key.kind for _, key, _ in new],
        [key.name for _, key, _ in new],
        [place_id for _, _, place_id in new],
        now,
    )
    for site_id, _, _ in new:
        ledger.note("site", site_id)
    ids |= {key: site_id for site_id, key, _ in new}
    places |= {site_id: place_id for site_id, _, place_id in new if place_id is not None}
    return ids, places


async def _write_own_places(conn: Connection, vault: Vault, plan: Plan) -> dict[tuple[int, str], UUID]:
    """Make the own homes and workplaces of rows that are written: place id per (row number, kind)."""
    made: dict[tuple[int, str], NewPlace] = {}
    for row in plan.rows:
        for kind, given in (("home", row.own_home), ("work", row.own_work)):
            if given is None or row.action not in (Action.INSERT, Action.UPDATE):
                continue
            if row.action is Action.UPDATE and kind not in row.changes:
                continue
            made[(row.person.number, kind)] = seal_place(vault, given, plan.located[given])
    places = list(made.values())
    for start in range(0, len(places), BATCH):
        await insert_places(conn, places[start : start + BATCH])
    return {key: place.id for key, place in made.items()}
