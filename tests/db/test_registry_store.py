"""Residents are written whole, findable without decrypting, and never readable in the database."""

from __future__ import annotations

import pytest

from core.db import Pool, UniqueViolation
from core.model import OrgKind
from core.tokens import token_hash
from registry import store
from registry.records import NewContact, NewMembership, NewResident
from tests.people import NOW, VAULT, make_org, make_resident, make_site


async def test_a_resident_hangs_together(db: Pool) -> None:
    org = await make_org(db)
    dorm = await make_site(db, org.id, name="Hikari Dorm")
    person = await make_resident(db, org.id, dorm=dorm, phone="+819012345678", second_language="en")
    row = await db.fetchrow("SELECT * FROM resident WHERE id = $1", person.id)
    assert (row["orgs"], row["state"], row["language"], row["second_language"]) == ([org.id], "enrolled", "vi", "en")
    assert await db.fetchval("SELECT place_id FROM resident_place WHERE resident_id = $1", person.id) == dorm[1]
    scopes = await db.fetch("SELECT scope, basis FROM consent WHERE resident_id = $1 ORDER BY scope", person.id)
    assert [(r["scope"], r["basis"]) for r in scopes] == [("C1", "own"), ("C2", "own"), ("C3", "own")]
    contact = await db.fetchrow("SELECT * FROM contact WHERE resident_id = $1", person.id)
    assert contact["address_bidx"] == VAULT.blind_index("phone", "+819012345678")
    assert b"12345678" not in contact["address_enc"]
    assert VAULT.decrypt(contact["address_enc"], contact["id"], "contact.address_enc") == "+819012345678"


async def test_the_personal_token_can_be_made_again_and_only_its_hash_is_stored(db: Pool) -> None:
    person = await make_resident(db)
    async with db.acquire() as conn:
        token = await store.personal_token(conn, VAULT, person.id)
    assert token is not None
    assert await db.fetchval("SELECT resident_id FROM link WHERE token_sha256 = $1", token_hash(token)) == person.id


async def test_a_person_of_two_organisations_is_one_row_with_both(db: Pool) -> None:
    employer, community = await make_org(db), await make_org(db, OrgKind.COMMUNITY)
    both = NewResident("Amara Test", "ne", memberships=(NewMembership(employer.id), NewMembership(community.id)))
    alone = NewResident("Bina Test", "ne")
    async with db.acquire() as conn, conn.transaction():
        await store.insert_residents(conn, VAULT, [both, alone], NOW)
    rows = await db.fetch("SELECT id, orgs FROM resident")
    orgs = {r["id"]: set(r["orgs"]) for r in rows}
    assert orgs == {both.id: {employer.id, community.id}, alone.id: set()}


async def test_an_invited_person_has_only_the_invitation(db: Pool) -> None:
    person = await make_resident(db, enrolled=False)
    rows = await db.fetch("SELECT scope, basis FROM consent WHERE resident_id = $1", person.id)
    assert [tuple(r) for r in rows] == [("C1", "invitation")]


async def test_the_same_contact_twice_is_kept_once_with_its_state(db: Pool) -> None:
    person = await make_resident(db, phone="+819011112222")
    await db.execute("UPDATE contact SET state = 'dead' WHERE resident_id = $1", person.id)
    async with db.acquire() as conn:
        await store.insert_contacts(conn, VAULT, [(person.id, NewContact("phone", "+819011112222"))], NOW)
    assert [r["state"] for r in await db.fetch("SELECT state FROM contact")] == ["dead"]


async def test_an_employee_number_is_used_once_in_an_organisation(db: Pool) -> None:
    org = await make_org(db)
    await make_resident(db, org.id, employee_id="A-1")
    with pytest.raises(UniqueViolation):
        await make_resident(db, org.id, employee_id="A-1")


async def test_a_site_leader_can_be_set_changed_and_cleared(db: Pool) -> None:
    org = await make_org(db)
    dorm = await make_site(db, org.id)
    first, second = await make_resident(db, org.id, dorm=dorm), await make_resident(db, org.id, dorm=dorm)
    async with db.acquire() as conn:
        await store.set_leader(conn, dorm[0], 1, resident_id=first.id)
        await store.set_leader(conn, dorm[0], 1, resident_id=second.id)
        await store.set_leader(conn, dorm[0], 2, staff_id=org.staff_id)
        assert await conn.fetchval("SELECT resident_id FROM site_leader WHERE rank = 1") == second.id
        await store.set_leader(conn, dorm[0], 1)
    assert await db.fetchval("SELECT count(*) FROM site_leader") == 1
