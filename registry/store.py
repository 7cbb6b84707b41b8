"""Writing organisations, sites, staff and residents. Every function runs inside the caller's transaction."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, expect_rows, widen_scope
from core.ids import uuid7
from core.model import OrgKind, Role
from core.tokens import link_token
from registry.consent import CONSENT_VERSION
from registry.records import (
    ENROLMENT,
    INVITATION,
    PHONE,
    NewConsent,
    NewContact,
    NewMembership,
    NewResident,
)
from registry.resident_rows import ResidentRows, contact_rows, resident_rows

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class BadSlug(ValueError):
    """The short name of an organisation has characters that a URL or a command line would stumble over."""


SQL_INSERT_ORGANISATION = """
INSERT INTO organisation (id, slug, name, kind, language, created_at) VALUES ($1, $2, $3, $4, $5, $6)
"""


async def create_organisation(
    conn: Connection, *, slug: str, name: str, kind: OrgKind, now: datetime, language: str = "ja"
) -> UUID:
    """A new organisation; its id. `slug`: lower-case letters, digits, dashes. One in use raises UniqueViolation."""
    if not _SLUG.fullmatch(slug):
        raise BadSlug(
            f"{slug!r} cannot be an organisation's short name: use a-z, 0-9 and dashes, at most 63 characters"
        )
    org_id = uuid7()
    await conn.execute(SQL_INSERT_ORGANISATION, org_id, slug, name, kind.value, language, now)
    return org_id


class AlreadySupervised(ValueError):
    """An employer belongs to one supervising organisation (監理団体), and this one belongs to another."""

    key = "staff.relations.supervised"


# Saying it twice is once; a second supervising organisation changes nothing and is told.
SQL_RELATE = """
WITH made AS (
    INSERT INTO org_relation (org_id, other_id, kind) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING 1
)
SELECT EXISTS (SELECT FROM made)
    OR EXISTS (SELECT FROM org_relation WHERE org_id = $1 AND other_id = $2 AND kind = $3)
"""


async def relate(conn: Connection, org_id: UUID, other_id: UUID, kind: str = "supervises") -> None:
    """`org_id` supervises `other_id`; kind "member": has it as a member; "umbrella": sees its totals.

    Saying it twice is once. Raises AlreadySupervised where another organisation supervises `other_id`.
    """
    if not await conn.fetchval(SQL_RELATE, org_id, other_id, kind):
        raise AlreadySupervised("this employer already belongs to another supervising organisation")
    if kind == "supervises":
        await widen_scope(conn, other_id)


SQL_INSERT_STAFF = """
INSERT INTO staff (id, org_id, role, name, email, language, password_hash, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


async def create_staff(
    conn: Connection,
    *,
    org_id: UUID,
    role: Role,
    name: str,
    email: str,
    now: datetime,
    language: str = "ja",
    password_hash: str | None = None,
) -> UUID:
    """A new member of staff; their id. An e-mail address in use raises UniqueViolation."""
    staff_id = uuid7()
    await conn.execute(
        SQL_INSERT_STAFF, staff_id, org_id, role.value, name, email.strip(), language, password_hash, now
    )
    return staff_id


SQL_IS_UNNAMED = "SELECT email = '' FROM staff WHERE id = $1"


async def is_unnamed(conn: Connection, staff_id: UUID) -> bool:
    """Whether this account is still without name, address and password: the operator's at the very first entry."""
    return bool(await conn.fetchval(SQL_IS_UNNAMED, staff_id))


SQL_INSERT_SITE = """
INSERT INTO site (id, org_id, kind, name, place_id, shift, landline_enc, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


async def create_site(
    conn: Connection,
    vault: Vault,
    *,
    org_id: UUID,
    kind: str,
    name: str,
    now: datetime,
    place_id: UUID | None = None,
    shift: str = "",
    landline: str = "",
) -> UUID:
    """A workplace or dorm (`kind`); its id. `landline`: E.164, encrypted here. A name in use raises UniqueViolation."""
    site_id = uuid7()
    landline_enc = vault.encrypt(landline, site_id, "site.landline_enc") if landline else None
    await conn.execute(SQL_INSERT_SITE, site_id, org_id, kind, name, place_id, shift, landline_enc, now)
    return site_id


SQL_CLEAR_LEADER = "DELETE FROM site_leader WHERE site_id = $1 AND rank = $2"
SQL_INSERT_LEADER = "INSERT INTO site_leader (site_id, rank, resident_id, staff_id) VALUES ($1, $2, $3, $4)"


async def set_leader(
    conn: Connection, site_id: UUID, rank: int, *, resident_id: UUID | None = None, staff_id: UUID | None = None
) -> None:
    """Who answers for a site: rank 1 leader, 2 deputy, 3 night contact; a resident or staff, neither clears it."""
    await conn.execute(SQL_CLEAR_LEADER, site_id, rank)
    if resident_id is not None or staff_id is not None:
        await conn.execute(SQL_INSERT_LEADER, site_id, rank, resident_id, staff_id)


async def create_resident(
    conn: Connection,
    vault: Vault,
    *,
    name: str,
    language: str,
    now: datetime,
    org_id: UUID | None = None,
    phone: str = "",
    second_language: str | None = None,
    enrolled: bool = False,
    employee_id: str = "",
    workplace_id: UUID | None = None,
    dorm_id: UUID | None = None,
    room: str = "",
    shift: str = "",
    home_place_id: UUID | None = None,
    work_place_id: UUID | None = None,
    contacts: Sequence[NewContact] = (),
    consents: Sequence[NewConsent] | None = None,
    simulated: bool = False,
) -> UUID:
    """One person with membership, phone (E.164), places, consents and personal link; their id.

    `enrolled`: the person agreed to C1-C3 themselves; otherwise they are invited (C1 by invitation).
    """
    person = NewResident(
        name=name,
        language=language,
        second_language=second_language,
        state="enrolled" if enrolled else "invited",
        memberships=(
            (NewMembership(org_id, employee_id, workplace_id, dorm_id, room, shift),) if org_id is not None else ()
        ),
        contacts=(*((NewContact(PHONE, phone),) if phone else ()), *contacts),
        home_place_id=home_place_id,
        work_place_id=work_place_id,
        consents=tuple(consents) if consents is not None else (ENROLMENT if enrolled else INVITATION),
        simulated=simulated,
    )
    await insert_residents(conn, vault, [person], now)
    return person.id


SQL_INSERT_RESIDENTS = """
INSERT INTO resident (id, orgs, name, language, second_language, state, simulated, created_at, enrolled_at)
SELECT r.id, coalesce((SELECT array_agg(m.org) FROM unnest($8::uuid[], $9::uuid[]) AS m (person, org)
                       WHERE m.person = r.id), '{}'),
       r.name, r.language, r.second_language, r.state, r.simulated, $7::timestamptz,
       CASE WHEN r.state = 'enrolled' THEN $7::timestamptz END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[])
     AS r (id, name, language, second_language, state, simulated)
"""
SQL_INSERT_RESIDENTS_ONE_ORG = """
INSERT INTO resident (id, orgs, name, language, second_language, state, simulated, created_at, enrolled_at)
SELECT r.id, CASE WHEN r.org IS NULL THEN '{}' ELSE ARRAY[r.org] END,
       r.name, r.language, r.second_language, r.state, r.simulated, $7::timestamptz,
       CASE WHEN r.state = 'enrolled' THEN $7::timestamptz END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $8::uuid[])
     AS r (id, name, language, second_language, state, simulated, org)
"""
SQL_INSERT_MEMBERSHIPS = """
INSERT INTO membership (resident_id, org_id, employee_id, workplace_id, dorm_id, room, shift, start_date, end_date,
                        created_at)
SELECT m.*, $10
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::date[], $9::date[])
     AS m
"""
# For people who are new: nothing of theirs can be there already, and looking whether it is takes half of the time.
SQL_INSERT_NEW_CONTACTS = """
INSERT INTO contact (id, resident_id, kind, channel, address_enc, address_bidx, state, proven_at, created_at)
SELECT c.id, c.resident_id, c.kind, c.channel, c.address_enc, c.address_bidx, c.state,
       CASE WHEN c.state = 'proven' THEN $8::timestamptz END, $8
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::text[])
     AS c (id, resident_id, kind, channel, address_enc, address_bidx, state)
"""
SQL_INSERT_NEW_PLACES = """
INSERT INTO resident_place (resident_id, kind, place_id)
SELECT p.resident_id, p.kind, p.place_id
FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS p (resident_id, kind, place_id)
"""
SQL_INSERT_PERSONAL_LINKS = """
INSERT INTO link (id, kind, token_sha256, resident_id, created_at)
SELECT l.id, 'personal', l.token_sha256, l.resident_id, $4
FROM unnest($1::uuid[], $2::bytea[], $3::uuid[]) AS l (id, token_sha256, resident_id)
"""
# Spares links the look-up of their person (migrations/0028, trigger `known`).
SQL_KNOWN = "SELECT set_config('app.fanout', $1, true)"
SQL_INSERT_CONSENTS = """
INSERT INTO consent (resident_id, scope, given, basis, version, language, at, recorded_by)
SELECT c.resident_id, c.scope, c.given, c.basis, $6, c.language, $7, $8
FROM unnest($1::uuid[], $2::text[], $3::boolean[], $4::text[], $5::text[])
     AS c (resident_id, scope, given, basis, language)
"""


async def insert_residents(
    conn: Connection, vault: Vault, people: Sequence[NewResident], now: datetime, *, by_staff: UUID | None = None
) -> None:
    """Write many people at once with memberships, contacts, places, consents and one personal link each."""
    if people:
        await write_residents(conn, resident_rows(vault, people), now, by_staff=by_staff)


async def write_residents(conn: Connection, rows: ResidentRows, now: datetime, *, by_staff: UUID | None = None) -> None:
    """Write people whose columns were made before (`resident_rows`): at least one."""
    orgs: tuple[object, ...]
    if rows.only_org is not None:
        # The usual case joins nothing: each person's array is one element.
        statement, orgs = SQL_INSERT_RESIDENTS_ONE_ORG, (rows.only_org,)
    else:
        statement, orgs = SQL_INSERT_RESIDENTS, rows.memberships[:2]
    expect_rows(await conn.execute(statement, *rows.people, now, *orgs), len(rows.ids), "new residents")
    await conn.execute(SQL_INSERT_MEMBERSHIPS, *rows.memberships, now)
    await conn.execute(SQL_INSERT_NEW_CONTACTS, *rows.contacts.columns, now)
    await conn.execute(SQL_INSERT_NEW_PLACES, *rows.places)
    await conn.execute(SQL_INSERT_CONSENTS, *rows.consents, CONSENT_VERSION, now, by_staff)
    # That these people exist need not be looked up for each link: nobody else sees them yet, so nobody deletes them.
    await conn.execute(SQL_KNOWN, "on")
    await conn.execute(SQL_INSERT_PERSONAL_LINKS, *rows.links, now)
    await conn.execute(SQL_KNOWN, "off")


SQL_INSERT_CONTACTS = """
INSERT INTO contact (id, resident_id, kind, channel, address_enc, address_bidx, state, proven_at, created_at)
SELECT c.id, c.resident_id, c.kind, c.channel, c.address_enc, c.address_bidx, c.state,
       CASE WHEN c.state = 'proven' THEN $8::timestamptz END, $8
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::text[])
     AS c (id, resident_id, kind, channel, address_enc, address_bidx, state)
WHERE NOT EXISTS (
    SELECT FROM unnest($9::uuid[], $10::bytea[]) AS o (id, bidx)
    JOIN contact k ON k.resident_id = c.resident_id AND k.channel = c.channel AND k.address_bidx = o.bidx
    WHERE o.id = c.id)
ON CONFLICT (resident_id, channel, address_bidx) WHERE resident_id IS NOT NULL DO NOTHING
"""


async def insert_contacts(
    conn: Connection, vault: Vault, contacts: Sequence[tuple[UUID, NewContact]], now: datetime
) -> None:
    """Add contacts to residents; one that the person already has is left as it is (state included)."""
    rows = contact_rows(vault, contacts)
    await conn.execute(SQL_INSERT_CONTACTS, *rows.columns, now, *rows.older)


SQL_INSERT_STAFF_CONTACT = """
INSERT INTO contact (id, staff_id, kind, channel, address_enc, address_bidx, state, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


async def add_staff_contact(conn: Connection, vault: Vault, staff_id: UUID, contact: NewContact, now: datetime) -> UUID:
    """Add a way to reach a member of staff; the contact's id."""
    await conn.execute(
        SQL_INSERT_STAFF_CONTACT,
        contact.id,
        staff_id,
        contact.kind,
        contact.channel,
        vault.encrypt(contact.address, contact.id, "contact.address_enc"),
        vault.blind_index(contact.channel, contact.address),
        contact.state,
        now,
    )
    return contact.id


SQL_SET_PLACES = """
INSERT INTO resident_place (resident_id, kind, place_id)
SELECT p.resident_id, p.kind, p.place_id
FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS p (resident_id, kind, place_id)
ON CONFLICT (resident_id, kind) DO UPDATE SET place_id = excluded.place_id
"""


async def set_places(conn: Connection, places: Sequence[tuple[UUID, str, UUID | None]]) -> None:
    """Set residents' places: (resident, "home" or "work", place)."""
    kept = [(r, k, p) for r, k, p in places if p is not None]
    tag = await conn.execute(SQL_SET_PLACES, [r for r, _, _ in kept], [k for _, k, _ in kept], [p for _, _, p in kept])
    expect_rows(tag, len(kept), "places of residents")


SQL_FILL_HOMES = """
INSERT INTO resident_place (resident_id, kind, place_id)
SELECT DISTINCT ON (m.resident_id) m.resident_id, 'home', s.place_id
FROM membership m JOIN site s ON s.id = m.dorm_id
WHERE s.id = ANY($1::uuid[]) AND s.place_id IS NOT NULL AND m.ended_at IS NULL
ON CONFLICT (resident_id, kind) DO NOTHING
RETURNING resident_id, kind, place_id
"""
SQL_FILL_WORK = """
INSERT INTO resident_place (resident_id, kind, place_id)
SELECT DISTINCT ON (m.resident_id) m.resident_id, 'work', s.place_id
FROM membership m JOIN site s ON s.id = m.workplace_id
WHERE s.id = ANY($1::uuid[]) AND s.place_id IS NOT NULL AND m.ended_at IS NULL
ON CONFLICT (resident_id, kind) DO NOTHING
RETURNING resident_id, kind, place_id
"""


async def fill_places(conn: Connection, sites: Sequence[UUID]) -> list[tuple[UUID, str, UUID]]:
    """Give members of these sites who have no home (or no work place) yet the place of their dorm (or workplace).

    Who got one: (resident, "home" or "work", place).
    """
    rows = [*await conn.fetch(SQL_FILL_HOMES, list(sites)), *await conn.fetch(SQL_FILL_WORK, list(sites))]
    return [(row["resident_id"], row["kind"], row["place_id"]) for row in rows]


SQL_SET_END_DATE = "UPDATE membership SET end_date = $3 WHERE resident_id = $1 AND org_id = $2 AND ended_at IS NULL"


async def set_end_date(conn: Connection, resident_id: UUID, org_id: UUID, day: date) -> None:
    """Note a last day that is still to come; `membership_store.end_due_memberships` ends the membership then."""
    expect_rows(await conn.execute(SQL_SET_END_DATE, resident_id, org_id, day), 1, "the membership")


SQL_PERSONAL_LINK = """
SELECT id FROM link WHERE resident_id = $1 AND kind = 'personal' AND revoked_at IS NULL
  AND NOT joined
"""


async def personal_token(conn: Connection, vault: Vault, resident_id: UUID) -> str | None:
    """The token of a person's permanent link, made again from its id; None if revoked."""
    link_id = await conn.fetchval(SQL_PERSONAL_LINK, resident_id)
    return link_token(vault.link_key, link_id) if link_id else None
