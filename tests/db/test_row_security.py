"""The second wall alone: whatever a page forgets to ask, a foreign row does not come back.

No page and no store is used here: every table is read, changed and written to directly, under each role's scope.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg
import pytest

from checkin.cases_store import open_due_cases
from core.db import Pool, Record, Scope, ScopedPool, transaction
from core.model import OrgKind, Role
from core.tokens import random_token, token_hash
from registry.access import scope_of
from tests.incidents import make_incident, tell
from tests.people import NOW, make_org, make_resident, make_site, make_staff

#: Tables in which the id of a person or an organisation stands, but which hold nothing about a person.
PUBLIC_TABLES = {
    "organisation": "its name and kind stand on every page that mentions it",
    "org_relation": "who supervises whom: no people",
    "place_area": "codes of places; the place itself is guarded",
}

SQL_TABLES = """
SELECT c.relname AS name, c.relrowsecurity AS guarded, c.relforcerowsecurity AS forced,
       pg_get_userbyid(c.relowner) = 'daijobu_worker' AS workers,
       bool_or(a.attname IN ('resident_id', 'orgs', 'org_id', 'staff_id', 'person_id')) AS personal
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
GROUP BY c.oid ORDER BY c.relname
"""


async def test_every_table_about_people_is_guarded(db: Pool) -> None:
    tables = await db.fetch(SQL_TABLES)
    assert len(tables) > 30
    for table in tables:
        if table["personal"] and table["name"] not in PUBLIC_TABLES:
            assert table["guarded"], f"{table['name']} holds something about people and has no row-level security"
        if table["guarded"]:
            assert table["forced"] or table["workers"], f"{table['name']}: its owner is not bound by the policies"


SQL_PRIVILEGES = """
SELECT rolname, rolsuper, rolbypassrls, rolcanlogin, rolcreaterole FROM pg_roles WHERE rolname LIKE 'daijobu\\_%'
"""


async def test_no_role_may_walk_around_the_wall(db: Pool) -> None:
    roles = await db.fetch(SQL_PRIVILEGES)
    assert len(roles) == 8
    assert not any(value for row in roles for key, value in row.items() if key != "rolname")


@dataclass
class Side:
    """One organisation with a person, everything written about that person, and a clerk."""

    org: UUID
    clerk: UUID
    person: UUID
    incident: UUID
    everything: frozenset[UUID]


async def side(db: Pool) -> Side:
    """A person in an open incident: told, contacted, answered, followed up."""
    org = await make_org(db)
    dorm = await make_site(db, org.id)
    resident = await make_resident(db, org.id, dorm=dorm)
    incident = await make_incident(db)
    await tell(db, incident, resident.id)
    return Side(
        org.id, org.staff_id, resident.id, incident.id, frozenset({org.id, org.staff_id, resident.id, dorm[0], dorm[1]})
    )


@dataclass
class World:
    """Two organisations that have nothing to do with each other, and a network of volunteers."""

    ours: Side
    theirs: Side
    scopes: dict[str, Scope]
    link: str


async def world(db: Pool) -> World:
    ours, theirs = await side(db), await side(db)
    await open_due_cases(db, NOW, lambda hazard, severity, night: 0)
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    await make_staff(db, network.id, Role.VOLUNTEER)
    token = random_token()
    await db.execute(
        "INSERT INTO link (id, kind, token_sha256, resident_id, incident_id, created_at, revoked_at)"
        " VALUES ($1, 'personal', $2, $3, NULL, $4, $4)",
        uuid4(),
        token_hash(token),
        ours.person,
        NOW,
    )
    return World(
        ours,
        theirs,
        {
            "employer": scope_of(Role.EMPLOYER, ours.org),
            "supervising of nobody": scope_of(Role.SUPERVISING, ours.org),
            "community": scope_of(Role.COMMUNITY, ours.org),
            "partner": scope_of(Role.PARTNER, ours.org),
            "auditor": scope_of(Role.AUDITOR, uuid4()),
            "umbrella": scope_of(Role.UMBRELLA, uuid4(), [ours.org, theirs.org]),
            "link": Scope("daijobu_person", link=token_hash(token)),
            "no link": Scope("daijobu_person"),
            "unknown link": Scope("daijobu_person", link=token_hash("nothing")),
            "nobody": Scope("daijobu_web"),
            "follow": scope_of(Role.VOLUNTEER, network.id),
            "door": Scope("daijobu_door"),
            "operator": scope_of(Role.OPERATOR, uuid4()),
        },
        token,
    )


async def people_tables(db: Pool) -> list[str]:
    return [row["name"] for row in await db.fetch(SQL_TABLES) if row["guarded"]]


async def read(db: Pool, scope: Scope, table: str) -> list[Record] | None:
    """Every row of a table that a scope shows; None if the role may not read the table at all."""
    try:
        async with transaction(ScopedPool(db, scope)) as conn:
            return list(await conn.fetch(f"TABLE {table}"))  # a name from the catalogue
    except asyncpg.InsufficientPrivilegeError:
        return None


def uuids(rows: Iterable[Record]) -> set[UUID]:
    found: set[UUID] = set()
    for row in rows:
        for value in row.values():
            found |= {UUID(str(v)) for v in (value if isinstance(value, list) else [value]) if _is_uuid(v)}
    return found


def _is_uuid(value: object) -> bool:
    return type(value).__name__ == "UUID" or isinstance(value, UUID)


#: Whose rows a scope may hold: (something of ours, something of theirs).
SEES_OURS = {"employer", "supervising of nobody", "community", "partner", "link", "follow"}
SEES_THEIRS = {"follow"}


async def test_a_foreign_row_does_not_come_back(db: Pool) -> None:
    there = await world(db)
    tables = await people_tables(db)
    for name, scope in there.scopes.items():
        if name in ("operator", "door"):
            continue
        seen: set[UUID] = set()
        for table in tables:
            seen |= uuids(await read(db, scope, table) or [])
        assert (there.ours.person in seen) == (name in SEES_OURS), name
        assert (there.theirs.person in seen) == (name in SEES_THEIRS), name
        if name not in SEES_THEIRS:
            assert not seen & there.theirs.everything, name


async def test_coordinators_see_people_while_their_incident_is_open(db: Pool) -> None:
    there = await world(db)
    follow = ScopedPool(db, there.scopes["follow"])
    assert set(await people(follow)) == {there.ours.person, there.theirs.person}
    await db.execute("UPDATE incident SET closed_at = $2 WHERE id = $1", there.theirs.incident, NOW)
    assert await people(follow) == [there.ours.person]
    assert await follow.fetchval("SELECT count(*) FROM contact WHERE resident_id = $1", there.theirs.person) == 0
    assert await follow.fetchval("SELECT count(*) FROM case_file WHERE resident_id = $1", there.theirs.person) == 0
    await db.execute("UPDATE incident SET closed_at = $1", NOW)
    assert await people(follow) == []


async def people(pool: Pool | ScopedPool) -> list[UUID]:
    return [row["id"] for row in await pool.fetch("SELECT id FROM resident ORDER BY id")]


async def test_operator_and_door_see_no_person(db: Pool) -> None:
    there = await world(db)
    operator = ScopedPool(db, there.scopes["operator"])
    assert await operator.fetchval("SELECT count(id) FROM resident") == 2
    for statement in (
        "SELECT name FROM resident",
        "SELECT second_language FROM resident",
        "SELECT address_enc FROM contact",
        "SELECT note_enc FROM check_in",
        "SELECT address_enc FROM place",
        "SELECT * FROM case_note",
        "SELECT * FROM resident_place",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await operator.fetch(statement)
    for table in (
        "resident",
        "contact",
        "check_in",
        "membership",
        "consent",
        "incident_resident",
        "case_file",
        "place",
    ):
        assert await read(db, there.scopes["door"], table) is None, table


#: A change to somebody else's row, by its id ($1): touches nothing, or is refused.
FOREIGN_WRITES = (
    ("UPDATE resident SET name = 'x' WHERE id = $1", "person"),
    ("UPDATE resident SET orgs = array_append(orgs, $2) WHERE id = $1", "person"),
    ("UPDATE membership SET room = 'x' WHERE resident_id = $1", "person"),
    ("UPDATE contact SET state = 'dead' WHERE resident_id = $1", "person"),
    ("DELETE FROM contact WHERE resident_id = $1", "person"),
    ("DELETE FROM resident_place WHERE resident_id = $1", "person"),
    ("UPDATE incident_resident SET status = 'ok' WHERE resident_id = $1", "person"),
    ("UPDATE case_file SET reason = 'silent' WHERE resident_id = $1", "person"),
    ("UPDATE message SET state = 'cancelled' WHERE resident_id = $1", "person"),
    ("UPDATE link SET revoked_at = now() WHERE resident_id = $1", "person"),
    ("UPDATE site SET name = 'x' WHERE org_id = $1", "org"),
    ("UPDATE staff SET disabled_at = now() WHERE id = $1", "clerk"),
    ("UPDATE session SET revoked_at = now() WHERE staff_id = $1", "clerk"),
    ("DELETE FROM resident WHERE id = $1", "person"),
    ("DELETE FROM check_in WHERE resident_id = $1", "person"),
    ("DELETE FROM audit WHERE $1::uuid IS NOT NULL", "person"),
)


@pytest.mark.parametrize("who", ["employer", "supervising of nobody", "community", "partner", "link", "nobody"])
async def test_a_foreign_row_cannot_be_changed(db: Pool, who: str) -> None:
    there = await world(db)
    ours = there.ours.org
    for statement, whose in FOREIGN_WRITES:
        values = [getattr(there.theirs, whose), *([ours] if "$2" in statement else [])]
        try:
            tag = await ScopedPool(db, there.scopes[who]).execute(statement, *values)
        except asyncpg.InsufficientPrivilegeError:
            continue
        assert tag.endswith(" 0"), statement


async def test_nothing_can_be_written_into_another_organisation(db: Pool) -> None:
    there = await world(db)
    employer = ScopedPool(db, there.scopes["employer"])
    for statement, values in (
        ("INSERT INTO resident (id, orgs, name, language, state, created_at)"
         " VALUES ($1, $2, 'x', 'vi', 'invited', now())",
         (uuid4(), [there.theirs.org])),
        ("INSERT INTO membership (resident_id, org_id, created_at) VALUES ($1, $2, now())",
         (there.ours.person, there.theirs.org)),
        ("INSERT INTO consent (resident_id, scope, given, basis, version, language, at)"
         " VALUES ($1, 'C2', true, 'own', 'x', 'vi', now())", (there.theirs.person,)),
        ("INSERT INTO contact (id, resident_id, channel, address_enc, address_bidx, created_at)"
         " VALUES ($1, $2, 'sms', 'x', 'x', now())", (uuid4(), there.theirs.person)),
        ("INSERT INTO staff_link (token_sha256, kind, org_id, role, created_at, expires_at)"
         " VALUES (sha256('x'), 'invitation', $1, 'employer', now(), now())", (there.theirs.org,)),
        ("INSERT INTO site (id, org_id, kind, name, created_at) VALUES ($1, $2, 'dorm', 'x', now())",
         (uuid4(), there.theirs.org)),
    ):  # fmt: skip
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await employer.execute(statement, *values)


async def test_leaving_ends_the_view_and_only_after_the_membership(db: Pool) -> None:
    there = await world(db)
    employer = ScopedPool(db, there.scopes["employer"])
    with pytest.raises(asyncpg.RaiseError, match="membership must have ended"):
        await employer.fetchval("SELECT leave_org($1, $2)", there.ours.person, there.ours.org)
    await employer.execute("UPDATE membership SET ended_at = now() WHERE resident_id = $1", there.ours.person)
    assert await employer.fetchval("SELECT leave_org($1, $2)", there.ours.person, there.ours.org) == 1
    for table in ("resident", "incident_resident", "check_in", "contact", "message"):
        assert await read(db, there.scopes["employer"], table) == [], table
    assert await people(ScopedPool(db, there.scopes["link"])) == [there.ours.person]
