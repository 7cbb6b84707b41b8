"""A list longer than one portion: written in the order of the file, and when the database refuses one, not at all."""

from __future__ import annotations

import pytest

from core.audit import Actor
from core.db import Connection, Pool, StatementRefused, transaction
from core.ids import uuid7
from core.model import OrgKind
from registry.import_ledger import Ledger
from registry.import_read_store import find_owner
from registry.import_run import Upload, prepare, read_upload
from registry.import_snapshot_store import BATCH
from registry.import_store import apply_plan
from registry.records import NewContact, NewMembership, NewResident
from registry.resident_rows import resident_rows
from tests.people import NOW, VAULT, make_org

PEOPLE = 2 * BATCH + 50


def long_list() -> bytes:
    """Names, numbers and mail addresses; everybody in one of seven dorms."""
    lines = [f"Person {n},vi,090-1234-{n:04d},p{n}@example.com,{n},寮{n % 7},861-2242" for n in range(PEOPLE)]
    return "\n".join(["氏名,言語,電話番号,メール,社員番号,寮,自宅郵便番号", *lines]).encode()


async def write(conn: Connection, told: list[tuple[int, int]]) -> Ledger:
    org = await make_org(conn, OrgKind.EMPLOYER)
    owner = await find_owner(conn, org_id=org.id)
    assert owner is not None
    people, _ = read_upload(Upload("list.csv", long_list()), ("vi",))
    prepared = await prepare(conn, VAULT, owner, people, now=NOW)
    return await apply_plan(
        conn, VAULT, prepared.plan, owner, prepared.scope, prepared.sites, now=NOW, actor=Actor("test", None, org.id),
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip


async def test_a_long_list_is_written_in_the_order_of_the_file(db: Pool) -> None:
    told: list[tuple[int, int]] = []
    async with transaction(db) as conn:
        ledger = await write(conn, told)
    assert told == [(BATCH, PEOPLE), (2 * BATCH, PEOPLE), (PEOPLE, PEOPLE)]
    names = {row["id"]: row["name"] for row in await db.fetch("SELECT id, name FROM resident")}
    assert [names[i] for i in ledger.created] == [f"Person {n}" for n in range(PEOPLE)]
    kept = await db.fetch(
        "SELECT id, resident_id, channel, address_enc, address_bidx FROM contact WHERE channel = 'phone'"
    )
    assert len(kept) == PEOPLE
    for row in kept:
        phone = VAULT.decrypt(row["address_enc"], row["id"], "contact.address_enc")
        assert names[row["resident_id"]] == f"Person {int(phone[-4:])}"
        assert row["address_bidx"] == VAULT.blind_index("phone", phone)
    counts = await db.fetchrow(
        "SELECT (SELECT count(*) FROM membership WHERE employee_id <> '' AND dorm_id IS NOT NULL) AS members,"
        " (SELECT count(*) FROM resident_place) AS places, (SELECT count(*) FROM consent) AS consents,"
        " (SELECT count(*) FROM link) AS links, (SELECT count(*) FROM contact) AS contacts"
    )
    assert tuple(counts) == (PEOPLE, PEOPLE, PEOPLE, PEOPLE, 2 * PEOPLE)


#: A database that refuses one person of the second portion, at the third of the seven tables written.
REFUSES = """
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT name FROM resident WHERE id = NEW.resident_id) = 'Person the-one' THEN
        RAISE EXCEPTION 'no room for this one' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON contact FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse();
""".replace("the-one", str(BATCH + 7))


async def test_a_write_that_fails_in_the_middle_leaves_nothing(db: Pool) -> None:
    told: list[tuple[int, int]] = []
    async with db.acquire() as conn:
        with pytest.raises(StatementRefused, match="no room for this one"):
            async with conn.transaction():
                await conn.execute(REFUSES)
                await write(conn, told)
        # The third portion was being sealed in a thread meanwhile: nothing of it comes afterwards, and this connection
        # is free for others.
        assert told == [(BATCH, PEOPLE)]
        for table in ("resident", "membership", "contact", "resident_place", "consent", "link", "site", "place"):
            assert await conn.fetchval(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608
    assert told == [(BATCH, PEOPLE)]


def test_columns_say_what_the_people_are() -> None:
    one, other = uuid7(), uuid7()
    several = NewResident("Minh", "vi", memberships=(NewMembership(one, "7"), NewMembership(other)))
    alone = NewResident("Thu", "vi", "en", contacts=(NewContact("phone", "+819012345601"),), home_place_id=one)
    rows = resident_rows(VAULT, [several, alone])
    assert rows.only_org is None  # a person of two organisations: looked up per person
    assert resident_rows(VAULT, [alone]).only_org == [None]
    assert [len(column) for column in rows.people] == [2] * 6
    assert [len(column) for column in rows.memberships] == [2] * 9
    assert rows.places == ([alone.id], ["home"], [one])
    contact, resident, kind, channel, sealed, index, state = (column[0] for column in rows.contacts.columns)
    assert (resident, kind, channel, state) == (alone.id, "address", "phone", "unproven")
    assert VAULT.decrypt(sealed, contact, "contact.address_enc") == "+819012345601"  # type: ignore[arg-type]
    assert index == VAULT.blind_index("phone", "+819012345601") and rows.contacts.older == ([], [])


def test_a_number_named_twice_is_one_contact() -> None:
    twice = (
        NewContact("phone", "+819012345601"),
        NewContact("email", "a@b.example"),
        NewContact("phone", "+819012345601"),
    )
    rows = resident_rows(
        VAULT, [NewResident("Thu", "vi", contacts=twice), NewResident("Mai", "vi", contacts=twice[:1])]
    )
    assert rows.contacts.columns[0] == [twice[0].id, twice[1].id, twice[0].id]


async def test_somebodys_contacts_are_found_by_an_index(db: Pool) -> None:
    """The narrow index on contact.resident_id went: deleting a person must not read all contacts."""
    async with transaction(db) as conn:
        await conn.execute("SET LOCAL enable_seqscan = off")
        for statement in (
            "DELETE FROM ONLY contact WHERE resident_id = $1",
            "SELECT FROM contact WHERE resident_id = ANY(ARRAY[$1]::uuid[])",
            "DELETE FROM ONLY contact WHERE staff_id = $1",
        ):
            plan = "\n".join(row[0] for row in await conn.fetch(f"EXPLAIN {statement}", uuid7()))
            assert "Index Cond" in plan, plan
