"""Writing the plan of an upload, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.audit import Actor, audit
from core.crypto import Vault
from core.db import Connection, expect_rows
from core.ids import uuid7
from geo.store import NewPlace, insert_places, move_place
from registry import store
from registry.import_read_store import Owner, seal_place, sealed_fields
from registry.imports import Action, ExistingSite, Plan, RowPlan, Scope, SiteKey, name_key
from registry.membership_store import end_membership
from registry.records import INVITATION, NewContact, NewMembership, NewResident
from registry.rows import PersonRow


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
) -> None:
    """Write everything the plan says. Call it inside one transaction: an error leaves nothing behind."""
    orgs = dict(scope.employers)
    for name in plan.new_employers:
        org_id = uuid7()
        await conn.execute(
            store.SQL_INSERT_ORGANISATION, org_id, f"employer-{org_id.hex[-12:]}", name, "employer", "ja", now
        )
        await store.relate(conn, owner.id, org_id)
        orgs[name_key(name)] = org_id
    site_ids, site_places = await _write_sites(conn, vault, plan, orgs, sites, now)
    own_places = await _write_own_places(conn, vault, plan)
    writer = _RowWriter(orgs, site_ids, site_places, own_places)
    inserts = [writer.resident(row) for row in plan.rows if row.action is Action.INSERT]
    await store.insert_residents(conn, vault, inserts, now, by_staff=actor.staff_id)
    updates = [row for row in plan.rows if row.action is Action.UPDATE]
    await _update_people(conn, vault, writer, updates, now)
    ends = [(row.match, orgs[row.employer], row.person.end_date) for row in plan.rows if row.action is Action.END]
    for resident_id, org_id, day in ends:
        assert resident_id is not None and day is not None
        await end_membership(conn, resident_id, org_id, day, now)
    await store.fill_places(conn, list(site_places))
    subjects = [p.id for p in inserts] + [r.match for r in updates if r.match] + [r for r, _, _ in ends if r]
    await audit(conn, actor, "import", at=now, subjects=subjects, fields=["registration"], detail=plan.counts)


SQL_INSERT_SITES = """
INSERT INTO site (id, org_id, kind, name, place_id, created_at)
SELECT s.id, s.org_id, s.kind, s.name, s.place_id, $6
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[]) AS s (id, org_id, kind, name, place_id)
"""
SQL_GIVE_SITE_A_PLACE = "UPDATE site SET place_id = $2 WHERE id = $1"


async def _write_sites(
    conn: Connection, vault: Vault, plan: Plan, orgs: dict[str, UUID], sites: Sequence[ExistingSite], now: datetime
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
        moved = sealed_fields(vault, given, old)
        await move_place(conn, old, plan.located[given], point_enc=moved[0], address_enc=moved[1])
    await insert_places(conn, list(made.values()))
    for key, place in made.items():
        if key in ids:
            expect_rows(await conn.execute(SQL_GIVE_SITE_A_PLACE, ids[key], place.id), 1, f"site {key.name}")
            places[ids[key]] = place.id
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
    await insert_places(conn, list(made.values()))
    return {key: place.id for key, place in made.items()}


@dataclass(frozen=True, slots=True)
class _RowWriter:
    """Turns rows into what is stored, now that every organisation, site and place has its id."""

    orgs: dict[str, UUID]
    sites: dict[SiteKey, UUID]
    site_places: dict[UUID, UUID]
    own_places: dict[tuple[int, str], UUID]

    def site(self, row: RowPlan, kind: str) -> UUID | None:
        name = row.person.dorm if kind == "dorm" else row.person.site
        return self.sites[SiteKey(row.employer, kind, name)] if name else None

    def place(self, row: RowPlan, kind: str) -> UUID | None:
        own = self.own_places.get((row.person.number, kind))
        site = self.site(row, "dorm" if kind == "home" else "workplace")
        return own or (self.site_places.get(site) if site else None)

    def resident(self, row: RowPlan) -> NewResident:
        person = row.person
        language, second = languages_of(person)
        return NewResident(
            name=person.name,
            language=language,
            second_language=second,
            memberships=(
                NewMembership(
                    self.orgs[row.employer],
                    person.employee_id,
                    self.site(row, "workplace"),
                    self.site(row, "dorm"),
                    person.room,
                    person.shift,
                    person.start_date,
                    person.end_date,
                ),
            ),
            contacts=person.contacts,
            home_place_id=self.place(row, "home"),
            work_place_id=self.place(row, "work"),
            consents=INVITATION,
        )


def languages_of(person: PersonRow) -> tuple[str, str | None]:
    """The languages to store. Who gave none gets Easy Japanese, then English, until they say otherwise."""
    if person.language:
        return person.language, person.second_language or None
    if person.second_language:
        return person.second_language, None
    return "ja-simple", "en"


SQL_UPDATE_RESIDENTS = """
UPDATE resident r SET name = u.name, orgs = CASE WHEN u.org = ANY(r.orgs) THEN r.orgs ELSE r.orgs || u.org END,
       language = CASE WHEN r.state = 'invited' AND u.language <> '' THEN u.language ELSE r.language END,
       second_language = CASE WHEN r.state = 'invited' AND u.second <> '' THEN u.second ELSE r.second_language END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[]) AS u (id, name, language, second, org)
WHERE r.id = u.id
"""
SQL_UPDATE_MEMBERSHIPS = """
UPDATE membership m SET employee_id = coalesce(nullif(u.employee_id, ''), m.employee_id),
       workplace_id = coalesce(u.workplace_id, m.workplace_id), dorm_id = coalesce(u.dorm_id, m.dorm_id),
       room = coalesce(nullif(u.room, ''), m.room), shift = coalesce(nullif(u.shift, ''), m.shift),
       start_date = coalesce(u.start_date, m.start_date),
       end_date = CASE WHEN m.ended_at IS NULL THEN coalesce(u.end_date, m.end_date) ELSE u.end_date END,
       ended_at = NULL
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::date[], $9::date[])
     AS u (id, org_id, employee_id, workplace_id, dorm_id, room, shift, start_date, end_date)
WHERE m.resident_id = u.id AND m.org_id = u.org_id
"""
SQL_OWN_PLACES_OF = """
SELECT p.place_id FROM resident_place p JOIN unnest($1::uuid[], $2::text[]) AS u (id, kind)
ON p.resident_id = u.id AND p.kind = u.kind
"""
SQL_DROP_UNUSED_PLACES = """
DELETE FROM place p WHERE p.id = ANY($1::uuid[])
AND NOT EXISTS (SELECT FROM resident_place r WHERE r.place_id = p.id)
AND NOT EXISTS (SELECT FROM site s WHERE s.place_id = p.id)
"""


async def _update_people(
    conn: Connection, vault: Vault, writer: _RowWriter, rows: Sequence[RowPlan], now: datetime
) -> None:
    if not rows:
        return
    people = [(row.match, row) for row in rows if row.match is not None]
    ids = [match for match, _ in people]
    orgs = [writer.orgs[row.employer] for _, row in people]
    tag = await conn.execute(
        SQL_UPDATE_RESIDENTS,
        ids,
        [row.person.name for _, row in people],
        [row.person.language for _, row in people],
        [row.person.second_language for _, row in people],
        orgs,
    )
    expect_rows(tag, len(people), "residents of the upload")
    tag = await conn.execute(
        SQL_UPDATE_MEMBERSHIPS,
        ids,
        orgs,
        [row.person.employee_id for _, row in people],
        [writer.site(row, "workplace") for _, row in people],
        [writer.site(row, "dorm") for _, row in people],
        [row.person.room for _, row in people],
        [row.person.shift for _, row in people],
        [row.person.start_date for _, row in people],
        [row.person.end_date for _, row in people],
    )
    expect_rows(tag, len(people), "memberships of the upload")
    contacts: list[tuple[UUID, NewContact]] = [(match, c) for match, row in people for c in row.person.contacts]
    await store.insert_contacts(conn, vault, contacts, now)
    # Who moved to another dorm lives there now; an own home given by an earlier list no longer holds.
    moved = [
        (match, kind, place)
        for match, row in people
        for kind, site in (("home", "dorm"), ("work", "site"))
        if (kind in row.changes or site in row.changes) and (place := writer.place(row, kind)) is not None
    ]
    kinds = [kind for _, kind, _ in moved]
    old = [row["place_id"] for row in await conn.fetch(SQL_OWN_PLACES_OF, [m for m, _, _ in moved], kinds)]
    await store.set_places(conn, moved)
    await conn.execute(SQL_DROP_UNUSED_PLACES, old)
