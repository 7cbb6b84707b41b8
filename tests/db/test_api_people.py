"""People over the API: what an HR system does all day, and what it must not be able to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.db import Pool
from core.model import OrgKind, Role
from registry.api_tokens import Scope
from tests.api_kit import Program, api_site
from tests.people import make_org, make_resident, make_site

HOSHI: dict[str, Any] = {
    "name": "HOSHI TEST",
    "language": "vi",
    "phone": "090-1000-0001",
    "dorm": "Midori",
    "room": "201",
    "start_date": "2026-04-01",
    "home_postal_code": "861-2242",
}

#: Exactly what each role's token is given of a person.
GOLDEN = {
    Role.EMPLOYER: {"id", "employee_id", "name", "language", "second_language", "state", "reach", "site", "dorm",
                    "room", "shift", "start_date", "end_date"},
    Role.COMMUNITY: {"id", "name", "language", "second_language", "state", "reach", "site", "dorm", "room", "shift"},
    Role.SUPERVISING: {"id", "name", "state", "reach", "site", "dorm", "room"},
}  # fmt: skip


async def test_put_makes_then_changes_then_leaves_alone(db: Pool) -> None:
    org = await make_org(db)
    async with api_site(db) as there:
        hr = await there.program(org.id)
        made = await hr.call("PUT", "/people/A-1", HOSHI)
        assert made.status == 201, made.text
        assert made.json["person"]["name"] == "HOSHI TEST" and made.json["person"]["state"] == "invited"
        again = await hr.call("PUT", "/people/A-1", HOSHI)
        assert (again.status, again.json["fate"], again.json["changes"]) == (200, "unchanged", []), again.text
        moved = await hr.call("PUT", "/people/A-1", {"name": "HOSHI TEST", "room": "305"})
        assert moved.json["changes"] == ["room"] and moved.json["person"]["dorm"] == "Midori"
        assert moved.headers["ETag"] == (await hr.call("GET", "/people/A-1")).headers["ETag"]
    assert await db.fetchval("SELECT count(*) FROM resident") == 1
    assert await db.fetchval("SELECT count(*) FROM contact WHERE channel = 'phone'") == 1


async def test_if_match_refuses_what_was_decided_on_an_old_reading(db: Pool) -> None:
    org = await make_org(db)
    async with api_site(db) as there:
        hr = await there.program(org.id)
        first = (await hr.call("PUT", "/people/A-1", HOSHI)).headers["ETag"]
        await hr.call("PUT", "/people/A-1", HOSHI | {"room": "305"})
        late = await hr.call("PUT", "/people/A-1", HOSHI | {"room": "101"}, If_Match=first)
        assert (late.status, late.json["code"]) == (412, "changed_meanwhile")
        fresh = await hr.call("PUT", "/people/A-1", HOSHI | {"room": "101"}, If_Match=late.headers["ETag"])
        assert fresh.status == 200
        assert (await hr.call("PUT", "/people/A-1", HOSHI, If_None_Match="*")).status == 412
        assert (await hr.call("PUT", "/people/NEW", HOSHI | {"phone": ""}, If_Match='"x"')).status == 412


async def test_a_batch_tells_each_fate_and_a_dry_run_writes_nothing(db: Pool) -> None:
    org = await make_org(db)
    people = [HOSHI | {"employee_id": "A-1"}, {"employee_id": "A-2", "name": "TSUKI", "phone": "12"},
              {"employee_id": "A-1", "name": "TWICE"}]  # fmt: skip
    async with api_site(db) as there:
        hr = await there.program(org.id)
        dry = await hr.call("POST", "/people?dry_run=true", {"people": people})
        assert dry.status == 200 and dry.json["dry_run"] is True, dry.text
        assert await db.fetchval("SELECT count(*) FROM resident") == 0
        real = await hr.call("POST", "/people", {"people": people})
    assert [row["fate"] for row in real.json["rows"]] == ["new", "doubtful", "refused"]
    assert [row["fate"] for row in dry.json["rows"]] == ["new", "doubtful", "refused"]
    notes = {note["pointer"] for note in real.json["rows"][1]["notes"]}
    assert "/people/1/phone" in notes
    assert all(note["detail"].endswith(".") for row in real.json["rows"] for note in row["notes"])
    assert await db.fetchval("SELECT count(*) FROM resident") == 2


async def test_pages_end_and_nobody_is_given_twice(db: Pool) -> None:
    org = await make_org(db)
    people = [await make_resident(db, org.id) for _ in range(5)]
    async with api_site(db) as there:
        hr = await there.program(org.id, [Scope.PEOPLE_READ])
        seen, cursor, pages = [], "", 0
        while cursor is not None:
            page = await hr.call("GET", f"/people?limit=2{f'&cursor={cursor}' if cursor else ''}")
            seen += [person["id"] for person in page.json["people"]]
            cursor, pages = page.json["next_cursor"], pages + 1
    assert pages == 3 and seen == [str(person.id) for person in people]


@pytest.mark.parametrize("role", GOLDEN)
async def test_a_role_is_given_its_fields_and_no_other(db: Pool, role: Role) -> None:
    org = await make_org(db)
    dorm = await make_site(db, org.id)
    await make_resident(db, org.id, dorm=dorm, employee_id="A-1")
    async with api_site(db) as there:
        hr = await there.program(org.id, role=role)
        one = (await hr.call("GET", "/people/A-1")).json
        listed = (await hr.call("GET", "/people")).json["people"][0]
        put = (await hr.call("PUT", "/people/A-1", {"name": "NEW NAME"})).json["person"]
    assert set(one) == set(listed) == set(put) == GOLDEN[role]


async def test_the_end_of_employment_ends_the_view(db: Pool) -> None:
    org = await make_org(db)
    await make_resident(db, org.id, employee_id="A-1")
    await make_resident(db, org.id, employee_id="A-2")
    async with api_site(db) as there:
        hr = await there.program(org.id)
        assert (await hr.call("POST", "/people/A-1/end", {"end_date": "2026-11-20"})).status == 204
        assert (await hr.call("GET", "/people/A-1")).status == 404
        assert (await hr.call("POST", "/people/A-2/end", {"end_date": "2027-03-31"})).status == 204
        assert (await hr.call("GET", "/people/A-2")).json["end_date"] == "2027-03-31"
        gone = await hr.call("PUT", "/people/A-2", {"name": "Person", "end_date": "2026-11-01"})
        assert gone.json["person"] is None


async def test_who_has_enrolled_needs_no_invitation(db: Pool) -> None:
    org = await make_org(db)
    await make_resident(db, org.id, employee_id="A-1", enrolled=False, language="vi")
    await make_resident(db, org.id, employee_id="A-2")
    async with api_site(db) as there:
        hr = await there.program(org.id)
        made = await hr.call("POST", "/people/A-1/invitation")
        assert made.status == 200 and made.json["language"] == "vi" and made.json["link"] in made.json["text"]
        assert (await hr.call("POST", "/people/A-2/invitation")).json["code"] == "already_enrolled"


async def test_every_read_of_people_is_in_the_audit_log(db: Pool) -> None:
    org = await make_org(db)
    person = await make_resident(db, org.id, employee_id="A-1")
    async with api_site(db) as there:
        hr = await there.program(org.id, name="Payroll")
        for path in ("/people", "/people/A-1"):
            await hr.call("GET", path)
    rows = await db.fetch("SELECT actor, action, subjects, org_id, staff_id FROM audit ORDER BY id")
    assert [row["action"] for row in rows] == ["people.read", "person.read"]
    assert {row["actor"] for row in rows} == {"api:Payroll"}
    assert all(row["subjects"] == [person.id] and row["org_id"] == org.id for row in rows)


async def foreign(there: Any, db: Pool) -> tuple[Program, list[tuple[str, str, Any]]]:
    """A program of one employer, and calls about things of another and about things that do not exist."""
    mine, theirs = await make_org(db), await make_org(db)
    dorm, _ = await make_site(db, theirs.id)
    await make_resident(db, theirs.id, employee_id="THEIRS", enrolled=False)
    hook = await (await there.program(theirs.id)).call(
        "POST", "/webhooks", {"url": "https://hooks.example.com/x", "events": ["incident.opened"]}
    )
    hook_id = hook.json["id"]
    end = {"end_date": "2026-11-20"}
    change = {"url": "https://hooks.example.com/y", "events": ["incident.opened"]}
    return await there.program(mine.id), [
        ("GET", "/people/THEIRS", None),
        ("POST", "/people/THEIRS/end", end),
        ("POST", "/people/THEIRS/invitation", None),
        ("GET", f"/sites/{dorm}", None),
        ("GET", f"/webhooks/{hook_id}", None),
        ("PUT", f"/webhooks/{hook_id}", change),
        ("DELETE", f"/webhooks/{hook_id}", None),
        ("POST", f"/webhooks/{hook_id}/secret", None),
        ("POST", f"/webhooks/{hook_id}/again", None),
        ("GET", f"/webhooks/{hook_id}/dead", None),
        ("GET", "/people/NOBODY", None),
        ("GET", "/sites/019a0000-0000-7000-8000-000000000000", None),
        ("GET", "/sites/no-id", None),
        ("GET", "/incidents/no-id", None),
    ]


async def test_what_belongs_to_others_does_not_exist(db: Pool) -> None:
    async with api_site(db) as there:
        hr, calls = await foreign(there, db)
        replies = [await hr.call(*call) for call in calls]
        theirs = await db.fetchval("SELECT count(*) FROM webhook WHERE deleted_at IS NULL AND url LIKE '%/x'")
    assert {(reply.status, reply.text) for reply in replies} == {(404, replies[0].text)}
    assert theirs == 1
    assert await db.fetchval("SELECT count(*) FROM audit WHERE action <> 'webhook.new'") == 0


async def test_the_same_employee_number_elsewhere_is_another_person(db: Pool) -> None:
    mine, theirs = await make_org(db), await make_org(db)
    await make_resident(db, theirs.id, employee_id="A-1", name="THEIR PERSON", phone="+819010000077")
    async with api_site(db) as there:
        hr = await there.program(mine.id)
        made = await hr.call("PUT", "/people/A-1", HOSHI | {"phone": "090-1000-0077"})
        assert made.status == 201 and "THEIR PERSON" not in made.text
    assert await db.fetchval("SELECT name FROM resident WHERE orgs = ARRAY[$1::uuid]", theirs.id) == "THEIR PERSON"


async def test_a_supervising_token_speaks_for_one_employer_and_ends_with_the_supervision(db: Pool) -> None:
    union, employer = await make_org(db, OrgKind.SUPERVISING), await make_org(db)
    await make_resident(db, employer.id, name="OF THE EMPLOYER")
    sql = "INSERT INTO org_relation (org_id, other_id, kind) VALUES ($1, $2, 'supervises')"
    await db.execute(sql, union.id, employer.id)
    async with api_site(db) as there:
        hr = await there.program(employer.id, role=Role.SUPERVISING, owner_id=union.id)
        assert [p["name"] for p in (await hr.call("GET", "/people")).json["people"]] == ["OF THE EMPLOYER"]
        await db.execute("DELETE FROM org_relation")
        assert (await hr.call("GET", "/people")).status == 401


async def test_sites_are_listed_without_addresses_and_made_with_a_place(db: Pool) -> None:
    org = await make_org(db)
    async with api_site(db) as there:
        hr = await there.program(org.id)
        new = {"kind": "dorm", "name": "Aoi", "postal_code": "861-2242"}
        made = await hr.call("POST", "/sites", new)
        assert made.status == 201 and made.json["has_place"] is True, made.text
        assert (await hr.call("POST", "/sites", new)).json["code"] == "name_taken"
        nowhere = await hr.call("POST", "/sites", {"kind": "dorm", "name": "Nowhere", "postal_code": "12"})
        assert nowhere.status == 422 and nowhere.json["errors"][0]["pointer"] == "/postal_code"
        listed = (await hr.call("GET", "/sites")).json["sites"]
    assert [set(one) for one in listed] == [{"id", "kind", "name", "people", "has_place", "has_leader"}]


async def test_the_person_reads_in_a_batch_are_kept_apart_from_the_persons_own_choices(db: Pool) -> None:
    """An HR system cannot change the language of somebody who has enrolled."""
    org = await make_org(db)
    await make_resident(db, org.id, employee_id="A-1", language="my")
    async with api_site(db) as there:
        hr = await there.program(org.id)
        put = await hr.call("PUT", "/people/A-1", {"name": "Person", "language": "vi"})
    assert put.json["person"]["language"] == "my"


async def test_a_token_that_expired_or_was_revoked_opens_nothing(db: Pool) -> None:
    org = await make_org(db)
    async with api_site(db) as there:
        hr = await there.program(org.id, days=90)
        assert (await hr.call("GET", "/people")).status == 200
        there.clock.advance(timedelta(days=90))
        assert (await hr.call("GET", "/people")).status == 401
