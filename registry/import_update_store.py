"""Changing the people an import finds on the list: what it knows is written, what it says nothing about stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, expect_rows
from registry import store
from registry.import_ledger import Ledger
from registry.import_plan import RowPlan, SiteKey
from registry.import_snapshot_store import BATCH, people_now, places_now
from registry.membership_store import end_membership, set_households
from registry.records import INVITATION, NewContact, NewMembership, NewResident
from registry.rows import PersonRow


class RowWriter(NamedTuple):
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
            contacts=tuple(NewContact(c.channel, c.address, c.kind) for c in person.contacts),
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
UPDATE resident r SET name = CASE WHEN r.state = 'invited' THEN u.name ELSE r.name END,
       orgs = CASE WHEN u.org = ANY(r.orgs) THEN r.orgs ELSE r.orgs || u.org END,
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


async def update_people(
    conn: Connection, vault: Vault, writer: RowWriter, rows: Sequence[RowPlan], now: datetime, ledger: Ledger
) -> list[UUID]:
    """Write the changed rows (a few hundred at once); whose they are. Old and new values go into `ledger`."""
    people = [(row.match, row) for row in rows if row.match is not None]
    ids = [match for match, _ in people]
    orgs = [writer.orgs[row.employer] for _, row in people]
    pairs = list(zip(ids, orgs, strict=True))
    before = await people_now(conn, pairs)
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
    await set_households(conn, [(i, o, row.person.household) for i, o, (_, row) in zip(ids, orgs, people, strict=True)])
    contacts = [(match, NewContact(c.channel, c.address, c.kind)) for match, row in people for c in row.person.contacts]
    await store.insert_contacts(conn, vault, contacts, now)
    # Who moved to another dorm lives there now; an own home given by an earlier list no longer holds.
    moved = [
        (match, kind, place)
        for match, row in people
        for kind, site in (("home", "dorm"), ("work", "site"))
        if (kind in row.changes or (site in row.changes and not (kind == "home" and row.keeps_home)))
        and (place := writer.place(row, kind)) is not None
    ]
    kinds = [kind for _, kind, _ in moved]
    old = [row["place_id"] for row in await conn.fetch(SQL_OWN_PLACES_OF, [m for m, _, _ in moved], kinds)]
    kept = await places_now(conn, vault, old)
    await store.set_places(conn, moved)
    await drop_unused_places(conn, old)
    after = await people_now(conn, pairs)
    for resident_id in ids:
        own = {n: kept.get(UUID(p)) for n in ("home", "work") if (p := before[resident_id][n]) is not None}
        values = before[resident_id] | {"places": {n: p for n, p in own.items() if p}}
        ledger.note("changed", resident_id, resident=True, before=values, after=after[resident_id])
    return ids


async def drop_unused_places(conn: Connection, ids: Sequence[UUID]) -> None:
    """Forget places where nobody lives or works any more."""
    await conn.execute(SQL_DROP_UNUSED_PLACES, list(ids))


async def end_people(
    conn: Connection, ends: Sequence[tuple[UUID | None, UUID, date | None]], now: datetime, ledger: Ledger
) -> list[UUID]:
    """End memberships (resident, organisation, last day); whose they were."""
    due = [(resident_id, org_id, day) for resident_id, org_id, day in ends if resident_id and day]
    for start in range(0, len(due), BATCH):
        part = due[start : start + BATCH]
        pairs = [(resident_id, org_id) for resident_id, org_id, _ in part]
        before = await people_now(conn, pairs)
        for resident_id, org_id, day in part:
            await end_membership(conn, resident_id, org_id, day, now)
        # Who has left is no longer visible to the organisation (row security): what is now so is known without reading.
        for resident_id, _, day in part:
            ended = {"end_date": str(day), "ended_at": str(now), "seen": False, "leads": []}
            values = before[resident_id]
            ledger.note("ended", resident_id, resident=True, before=values, after=values | ended)
    return [resident_id for resident_id, _, _ in due]
