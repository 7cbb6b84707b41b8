"""Deleting a person: nothing of theirs is left in any table, numbers and others stay, open incidents come first."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from checkin.store import record_check_in
from core.audit import Actor
from core.db import Pool, Scope, ScopedPool, transaction
from core.model import Answer, AnsweredBy, OrgKind
from registry.erase_store import erase_idle, erase_resident
from tests import people
from tests.incidents import database_digest, make_incident, make_link, tell
from tests.lives import a_full_life, close, traces
from tests.people import NOW, VAULT

LATER = NOW + timedelta(days=5)
#: Where a deleted person's bare id may stay.
KEEPS_IDS = {"audit"}


@pytest.fixture
async def org(db: Pool) -> people.Org:
    return await people.make_org(db, OrgKind.EMPLOYER)


async def test_nothing_of_the_person_is_left_but_bare_ids_in_the_audit(db: Pool, org: people.Org) -> None:
    dorm = await people.make_site(db, org.id)
    person, incident = await a_full_life(db, org.id, "Kanariya-7f3a", dorm)
    assert len(await traces(db, str(person.id))) >= 11, "the canary does not sit in all the tables it should"
    await close(db, incident, LATER)
    async with transaction(db) as conn:
        assert (await erase_resident(conn, person.id, LATER)).done
    assert await traces(db, str(person.id)) == KEEPS_IDS
    assert await traces(db, "Kanariya-7f3a") == set()
    for table in ("contact", "consent", "check_in", "case_file", "case_note", "message", "receipt", "link"):
        assert await db.fetchval(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608


async def test_numbers_stay_and_other_people_do_not_change(db: Pool, org: people.Org) -> None:
    dorm = await people.make_site(db, org.id)
    person, incident = await a_full_life(db, org.id, "One", dorm)
    neighbour = await people.make_resident(db, org.id, dorm=dorm)
    await close(db, incident, LATER)
    async with transaction(db) as conn:
        await erase_resident(conn, person.id, LATER)
    counts = await db.fetch(
        "SELECT org_id, what, value, number FROM incident_summary ORDER BY what, org_id NULLS FIRST"
    )
    assert [tuple(row) for row in counts] == [
        (None, "cases", "needs_help ok", 1),
        (None, "people", "help", 1),
        # The employer's number says that an answer came, never that it was a call for help.
        (org.id, "people", "answered", 1),
    ]
    assert tuple(await db.fetchrow("SELECT channel, language, state, messages FROM delivery_summary") or ()) == (
        "sms",
        "vi",
        "delivered",
        1,
    )
    twin, second = await a_full_life(db, org.id, "Two", await people.make_site(db, org.id))
    await close(db, second, LATER)
    async with transaction(db) as conn:
        await erase_resident(conn, twin.id, LATER)
    assert await db.fetchval("SELECT name FROM resident WHERE id = $1", neighbour.id) == neighbour.name
    assert await db.fetchval("SELECT count(*) FROM place p JOIN site s ON s.place_id = p.id") == 2
    assert await db.fetchval("SELECT count(*) FROM place WHERE label LIKE 'home of%'") == 0


async def test_an_open_incident_is_waited_for_and_the_person_is_told(db: Pool, org: people.Org) -> None:
    person, incident = await a_full_life(db, org.id, "Still sought", await people.make_site(db, org.id))
    before = await database_digest(db, ("resident", "audit", "audit_unsealed"))
    async with transaction(db) as conn:
        told = await erase_resident(conn, person.id, NOW)
    assert not told.done and told.waits_for
    assert await database_digest(db, ("resident", "audit", "audit_unsealed")) == before
    async with transaction(db) as conn:
        assert await erase_idle(conn, [person.id], NOW, Actor("purge")) == 0
    # Asking again does not move the date; a case that is still open is waited for after the incident's end, too.
    async with transaction(db) as conn:
        await erase_resident(conn, person.id, LATER)
    await db.execute("UPDATE incident SET closed_at = $1", LATER)
    assert await db.fetchval("SELECT erase_requested_at FROM resident WHERE id = $1", person.id) == NOW
    async with transaction(db) as conn:
        assert await erase_idle(conn, [person.id], LATER, Actor("purge")) == 0
    await close(db, incident, LATER)
    async with transaction(db) as conn:
        assert await erase_idle(conn, [person.id], LATER, Actor("purge")) == 1
    assert await traces(db, str(person.id)) == KEEPS_IDS


async def test_the_persons_own_page_may_delete_them_though_it_sees_nobody_else(db: Pool, org: people.Org) -> None:
    shared = await people.make_place(db, label="shared home")
    one, two = [await people.make_resident(db, org.id, home_place_id=shared) for _ in range(2)]
    link = await db.fetchval("SELECT token_sha256 FROM link WHERE resident_id = $1", one.id)
    async with transaction(ScopedPool(db, Scope("daijobu_person", link=link))) as conn:
        assert (await erase_resident(conn, one.id, LATER)).done
        assert await conn.fetchval("SELECT current_setting('role')") == "daijobu_person"
        assert await conn.fetchval("SELECT count(*) FROM resident") == 0, "the page is back in its own narrow view"
    assert await db.fetchval("SELECT count(*) FROM resident_place WHERE resident_id = $1", two.id) == 1
    assert await db.fetchval("SELECT label FROM place") == "shared home"


async def test_a_leaders_answers_for_others_stay_without_the_leader(db: Pool, org: people.Org) -> None:
    dorm = await people.make_site(db, org.id)
    leader, incident = await a_full_life(db, org.id, "Leader", dorm)
    other = await people.make_resident(db, org.id, dorm=dorm)
    await tell(db, incident, other.id)
    link_id, _ = await make_link(db, incident, kind="leader", resident_id=leader.id, site_id=dorm[0])
    async with transaction(db) as conn:
        await record_check_in(
            conn,
            VAULT,
            incident_id=incident.id,
            resident_id=other.id,
            answer=Answer.OK,
            answered_by=AnsweredBy.LEADER,
            via="leader page",
            tapped_at=None,
            now=NOW,
            link_id=link_id,
            by_resident=leader.id,
        )
    await close(db, incident, LATER)
    async with transaction(db) as conn:
        await erase_resident(conn, leader.id, LATER)
    row = await db.fetchrow("SELECT resident_id, answer, by_resident, link_id FROM check_in")
    assert row is not None and tuple(row) == (other.id, "ok", None, None)
    assert await traces(db, str(leader.id)) == KEEPS_IDS


async def test_a_registration_that_was_joined_goes_with_the_person(db: Pool, org: people.Org) -> None:
    kept, free, shell, other = [await people.make_resident(db, org.id, name=f"Joined {n}") for n in range(4)]
    await db.execute(
        "INSERT INTO same_person (id, resident_id, other_id, state, created_at) VALUES ($1, $1, $2, 'joined', $3)",
        kept.id,
        shell.id,
        NOW,
    )
    incident = await make_incident(db)
    await tell(db, incident, shell.id)
    # What waits for the one waits for the other.
    async with transaction(db) as conn:
        assert not (await erase_resident(conn, kept.id, NOW)).done
        assert await erase_idle(conn, [kept.id, free.id], NOW, Actor("purge")) == 1
    await close(db, incident, LATER)
    async with transaction(db) as conn:
        assert (await erase_resident(conn, kept.id, LATER)).done
    assert [row["id"] for row in await db.fetch("SELECT id FROM resident")] == [other.id]


async def test_a_stranger_is_refused_by_name(db: Pool) -> None:
    async with transaction(db) as conn:
        with pytest.raises(LookupError, match="no resident"):
            await erase_resident(conn, UUID(int=7), NOW)


#: Columns that point to a resident without ON DELETE CASCADE: each is named in registry/erase_store.py; links go by the
#: trigger that migration 0028 put in the place of their cascade (tests/db/test_slices.py).
NAMED = {
    ("alert_resident", "resident_id"),
    ("case_file", "resident_id"),
    ("check_in", "by_resident"),
    ("check_in", "resident_id"),
    ("incident_resident", "resident_id"),
    ("link", "resident_id"),
    ("message", "resident_id"),
    ("site_leader", "resident_id"),
}
SQL_POINTERS = """
SELECT c.table_name, c.column_name FROM information_schema.columns c
JOIN pg_tables t ON t.schemaname = 'public' AND t.tablename = c.table_name
WHERE c.table_schema = 'public' AND c.column_name ~ '(^|_)resident(_id)?$'
  AND NOT EXISTS (
    SELECT FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey)
    WHERE k.contype = 'f' AND k.confdeltype = 'c' AND k.confrelid = 'resident'::regclass
      AND k.conrelid = (quote_ident(c.table_name))::regclass AND a.attname = c.column_name)
UNION
SELECT k.conrelid::regclass::text, a.attname FROM pg_constraint k
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey)
WHERE k.contype = 'f' AND k.confdeltype NOT IN ('c', 'n') AND k.confrelid = 'resident'::regclass
"""


async def test_every_column_that_points_to_a_resident_is_dealt_with(db: Pool) -> None:
    """A new table about people needs ON DELETE CASCADE (or SET NULL) on its resident, or a line in erase_store.py."""
    found = {tuple(row) for row in await db.fetch(SQL_POINTERS)}
    assert found == NAMED
