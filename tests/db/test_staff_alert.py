"""The link of staff and the proof of a telephone: what does not work, and what leaves a row."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from alerts.staff_contacts_store import MOST_TRIES, add_contact, code_of
from alerts.staff_contacts_web import ROUTES as CONTACTS
from checkin.staff_alert_store import new_link, own_links
from checkin.staff_alert_web import ROUTES as ALERT
from checkin.staff_links_web import ROUTES as LINKS
from checkin.store import record_check_in
from core.clock import FixedClock
from core.db import Pool, transaction
from core.model import Answer, AnsweredBy, OrgKind
from core.tokens import token_hash
from tests.board_site import Visitor, board_site
from tests.incidents import TestIncident, make_incident, tell
from tests.pages import website
from tests.people import NOW, VAULT, Org, Person, make_org, make_resident, make_site

DEVICE = {"Cookie": "alert=device"}
#: What differs between two nights that are told alike.
IDS = re.compile(
    r"Person \d+|Clerk \d+|employer \d+|Dorm \d+|/a/\w+"
    r'|nonce="[^"]*"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
)


@dataclass
class Night:
    """An employer with a dorm, two people who were told, and its clerk's link, opened on a device."""

    org: Org
    incident: TestIncident
    dorm: UUID
    people: list[Person]
    path: str


async def night(db: Pool, kind: OrgKind = OrgKind.EMPLOYER) -> Night:
    incident = await make_incident(db)
    org = await make_org(db, kind)
    employer = org if kind is OrgKind.EMPLOYER else await make_org(db)
    dorm = await make_site(db, employer.id)
    people = [await make_resident(db, employer.id, dorm=dorm) for _ in range(2)]
    for person in people:
        await tell(db, incident, person.id)
    async with transaction(db) as conn:
        token = await new_link(
            conn,
            org_id=org.id,
            staff_id=org.staff_id,
            incident_id=incident.id,
            device_sha256=token_hash("device"),
            now=NOW,
        )
    return Night(org, incident, dorm[0], people, f"/a/{token}")


async def test_the_page_writes_whom_it_named_and_looking_at_the_door_nobody(db: Pool) -> None:
    there = await night(db)
    async with website(db, ALERT) as client:
        elsewhere = await client.get(there.path)
        assert elsewhere.status == 403 and there.people[0].name not in await elsewhere.text()
        assert await db.fetchval("SELECT count(*) FROM audit") == 0
        page = await client.get(there.path, headers=DEVICE)
        html = await page.text()
        assert page.status == 200 and all(person.name in html for person in there.people)
    row = await db.fetchrow("SELECT action, subjects, fields, staff_id, org_id FROM audit")
    assert row is not None and row["action"] == "staff_link.read" and set(row["fields"]) >= {"name", "status"}
    assert set(row["subjects"]) == {person.id for person in there.people}
    assert (row["staff_id"], row["org_id"]) == (there.org.staff_id, there.org.id)


@pytest.mark.parametrize(
    "ends",
    [
        "UPDATE staff SET disabled_at = $1",
        "UPDATE organisation SET closed_at = $1",
        "UPDATE staff_alert SET revoked_at = $1",
        "UPDATE staff_alert SET expires_at = $1",
        "UPDATE incident SET closed_at = $1::timestamptz - interval '24 hours'",
    ],
)
async def test_it_ends_with_the_account_the_organisation_and_by_hand(db: Pool, ends: str) -> None:
    there = await night(db)
    async with website(db, ALERT) as client:
        assert (await client.get(there.path, headers=DEVICE)).status == 200
        await db.execute(ends, NOW)
        gone = await client.get(there.path, headers=DEVICE)
        assert gone.status == 404 and there.people[0].name not in await gone.text()


async def test_guessing_is_slowed_down(db: Pool) -> None:
    async with website(db, ALERT) as client:
        statuses = {(await client.get(f"/a/4yuJqXkYwz{a}{b}")).status for a in "TUVWX" for b in "bcdefghijk"}
    assert statuses == {404, 429}


async def test_the_first_device_keeps_it(db: Pool) -> None:
    there = await night(db)
    await db.execute("UPDATE staff_alert SET device_sha256 = NULL, opened_at = NULL")
    async with website(db, ALERT) as client:
        opened = await client.post(there.path, allow_redirects=False)
        cookie = opened.cookies["alert"]
        assert opened.status == 303 and cookie["httponly"] and cookie["path"] == there.path
        client.session.cookie_jar.clear()
        assert (await client.post(there.path, allow_redirects=False)).status == 403
        sent = {"Cookie": f"alert={cookie.value}"}
        assert (await client.get(there.path, headers=sent)).status == 200


async def test_nobody_goes_to_a_dorm_of_somebody_else(db: Pool) -> None:
    there, other = await night(db), await night(db)
    async with website(db, ALERT) as client:
        for dorm, kept in ((other.dorm, 0), (there.dorm, 1)):
            form = {"dorm": str(dorm), "at": "13:00"}
            answer = await client.post(f"{there.path}/going", data=form, headers=DEVICE, allow_redirects=False)
            assert answer.status == 303
            assert await db.fetchval("SELECT count(*) FROM dorm_visit") == kept
        form = {"dorm": str(there.dorm), "at": "nonsense"}
        wrong = await client.post(f"{there.path}/going", data=form, headers=DEVICE)
        assert "in the next 12 hours" in await wrong.text() or "12時間以内" in await wrong.text()
        form = {"dorm": str(there.dorm), "stop": "1"}
        await client.post(f"{there.path}/going", data=form, headers=DEVICE)
        assert await db.fetchval("SELECT withdrawn_at FROM dorm_visit") == NOW
        without = await client.post(f"{there.path}/going", data={"dorm": str(there.dorm), "at": "13:00"})
        assert without.status == 403


@pytest.mark.parametrize("quiet", ["hide_answer", "protected"])
async def test_a_private_call_for_help_looks_like_an_ok(db: Pool, quiet: str) -> None:
    pages = []
    for answer in (Answer.OK, Answer.HELP):
        there = await night(db)
        await db.execute("UPDATE resident SET hide_answer = true WHERE id = $1", there.people[0].id)
        if quiet == "protected":
            await db.execute("UPDATE resident SET protected = true WHERE id = $1", there.people[0].id)
        async with transaction(db) as conn:
            await record_check_in(
                conn, VAULT, incident_id=there.incident.id, resident_id=there.people[0].id, answer=answer,
                answered_by=AnsweredBy.SELF, via="page", tapped_at=None, now=NOW,
            )  # fmt: skip
        async with website(db, ALERT) as client:
            html = await (await client.get(there.path, headers=DEVICE)).text()
        assert there.people[0].name in html and "Answered, not shared" in html
        pages.append(IDS.sub("X", html))
    assert pages[0] == pages[1]


async def test_a_supervising_organisation_sees_numbers_of_its_employers(db: Pool) -> None:
    there = await night(db, OrgKind.SUPERVISING)
    employer = await db.fetchval("SELECT org_id FROM site WHERE id = $1", there.dorm)
    await db.execute("INSERT INTO org_relation VALUES ($1, $2, 'supervises')", there.org.id, employer)
    async with website(db, ALERT) as client:
        html = await (await client.get(there.path, headers=DEVICE)).text()
    name = await db.fetchval("SELECT name FROM organisation WHERE id = $1", employer)
    assert name in html and not any(person.name in html for person in there.people)


async def test_coordinators_see_numbers_alone(db: Pool) -> None:
    there = await night(db, OrgKind.VOLUNTEER_NETWORK)
    async with website(db, ALERT) as client:
        html = await (await client.get(there.path, headers=DEVICE)).text()
    assert 'href="/board"' in html and not any(person.name in html for person in there.people)


async def test_ones_own_links_can_be_ended(db: Pool) -> None:
    there = await night(db)
    async with board_site(db, more=[*ALERT, *LINKS]) as site:
        clerk = await site.visitor(there.org.staff_id)
        answer = await clerk.submit("/account/alert-links", "/end")
        assert answer.status == 303
    async with transaction(db) as conn:
        assert await own_links(conn, there.org.staff_id, NOW) == []


# ---------------------------------------------------------------- telephones


@asynccontextmanager
async def waiting(db: Pool) -> AsyncIterator[tuple[Visitor, FixedClock, UUID]]:
    """A member of staff whose number waits for its code, signed in."""
    org = await make_org(db)
    async with transaction(db) as conn:
        contact = await add_contact(conn, VAULT, org.staff_id, "phone", "+819022221111", NOW)
        await conn.execute("UPDATE contact SET proof_sent_at = $1", NOW)
    async with board_site(db, more=CONTACTS) as site:
        yield await site.visitor(org.staff_id), site.clock, contact


async def test_a_code_is_tried_a_few_times_and_for_a_quarter_of_an_hour(db: Pool) -> None:
    async with waiting(db) as (clerk, clock, contact):
        right = code_of(VAULT, contact, NOW)
        wrong = f"{(int(right) + 1) % 1_000_000:06d}"
        for _ in range(MOST_TRIES):
            answer = await clerk.post(f"/account/contacts/{contact}/confirm", code=wrong)
            assert answer.status == 400
        assert (await clerk.post(f"/account/contacts/{contact}/confirm", code=right)).status == 400
        await db.execute("UPDATE contact SET proof_tries = 0")
        clock.advance(timedelta(minutes=16))
        assert (await clerk.post(f"/account/contacts/{contact}/confirm", code=right)).status == 400
        assert await db.fetchval("SELECT confirmed_at FROM contact") is None
        await db.execute("UPDATE contact SET proof_sent_at = $1", clock.now())
        right = code_of(VAULT, contact, clock.now())
        assert (await clerk.post(f"/account/contacts/{contact}/confirm", code=right)).status == 303
        assert await db.fetchval("SELECT confirmed_at FROM contact") is not None


async def test_a_new_number_replaces_the_old_one_and_begins_unproved(db: Pool) -> None:
    org = await make_org(db)
    async with transaction(db) as conn:
        old = await add_contact(conn, VAULT, org.staff_id, "phone", "+819022221111", NOW)
        await conn.execute("UPDATE contact SET confirmed_at = $1", NOW)
        assert await add_contact(conn, VAULT, org.staff_id, "phone", "+819022221111", NOW) == old
        await add_contact(conn, VAULT, org.staff_id, "phone", "+819022229999", NOW)
    rows = await db.fetch("SELECT id, confirmed_at FROM contact")
    assert len(rows) == 1 and rows[0]["id"] != old and rows[0]["confirmed_at"] is None
