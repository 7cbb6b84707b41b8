"""Who cannot be reached: what proves a contact in the database, the clerk's page, the file, and the numbers."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from uuid import UUID

import pytest

from checkin.store import record_check_in
from checkin.unreached_web import ROUTES
from checkin.upkeep_store import reach_totals
from core.db import Pool, transaction
from core.ids import uuid7
from core.model import Answer, AnsweredBy, OrgKind
from registry.people_store import count_people
from registry.reach_store import note_signs
from tests import people
from tests.incidents import TestIncident, make_incident, make_link, make_message, tell
from tests.people import NOW, VAULT
from tests.staff_site import staff_site

AGO = NOW - timedelta(days=120)


async def contact(db: Pool, person: UUID, channel: str, state: str = "unproven") -> UUID:
    contact_id = uuid7()
    await db.execute(
        "INSERT INTO contact (id, resident_id, channel, address_enc, address_bidx, state, created_at) "
        "VALUES ($1, $2, $3, 'x', $4, $5, $6)",
        contact_id,
        person,
        channel,
        contact_id.bytes,
        state,
        AGO,
    )
    return contact_id


async def send(
    db: Pool, incident: TestIncident, person: UUID, link: UUID, contact_id: UUID, channel: str, minute: int
) -> None:
    message = await make_message(db, incident, person, channel=channel, step=minute, state="sent")
    await db.execute(
        "UPDATE message SET contact_id = $2, link_id = $3, sent_at = $4 WHERE id = $1",
        message,
        contact_id,
        link,
        NOW + timedelta(minutes=minute),
    )


async def answer(
    db: Pool, incident: TestIncident, person: UUID, link: UUID | None, via: str, minute: int, by: AnsweredBy
) -> None:
    at = NOW + timedelta(minutes=minute)
    async with transaction(db) as conn:
        await record_check_in(
            conn,
            VAULT,
            incident_id=incident.id,
            resident_id=person,
            answer=Answer.OK,
            answered_by=by,
            via=via,
            tapped_at=None,
            now=at,
            link_id=link,
        )


@pytest.mark.parametrize(
    ("via", "minute", "by", "proved"),
    [
        ("page", 2, AnsweredBy.SELF, "push"),  # the SMS was not sent yet
        ("page", 9, AnsweredBy.SELF, "phone"),  # the last one sent before the tap
        ("push", 9, AnsweredBy.SELF, "push"),  # the notification's own button
        ("page", 9, AnsweredBy.LEADER, None),  # somebody else's word proves nothing
    ],
)
async def test_an_own_answer_proves_the_contact_that_brought_its_link(
    db: Pool, via: str, minute: int, by: AnsweredBy, proved: str | None
) -> None:
    person = (await people.make_resident(db, phone="")).id
    push, phone = await contact(db, person, "push"), await contact(db, person, "phone")
    incident = await make_incident(db, purpose="drill")
    await tell(db, incident, person)
    link, _ = await make_link(db, incident, resident_id=person)
    await send(db, incident, person, link, push, "push", 1)
    await send(db, incident, person, link, phone, "sms", 5)
    await answer(db, incident, person, link, via, minute, by)
    async with transaction(db) as conn:
        assert await note_signs(conn, NOW + timedelta(days=1)) > 0
        assert await note_signs(conn, NOW + timedelta(days=1)) == 0, "twice is once"
    rows = await db.fetch("SELECT channel, state, proven_at FROM contact WHERE proven_at IS NOT NULL")
    expected = [(proved, "proven", NOW + timedelta(minutes=minute))] if proved else []
    assert [tuple(row) for row in rows] == expected


async def test_a_contact_is_dead_since_it_was_first_seen_dead_and_never_while_it_lives(db: Pool) -> None:
    person = (await people.make_resident(db, phone="")).id
    push = await contact(db, person, "push", "dead")
    day = timedelta(days=1)
    for days, state in ((0, "dead"), (1, "dead"), (2, "proven"), (3, "dead")):
        await db.execute("UPDATE contact SET state = $1", state)
        async with transaction(db) as conn:
            await note_signs(conn, NOW + days * day)
        since = await db.fetchval("SELECT dead_since FROM contact WHERE id = $1", push)
        assert since == {0: NOW, 1: NOW, 2: None, 3: NOW + 3 * day}[days]


async def company(db: Pool) -> people.Org:
    """One of each reason, and three who are not on the list: one fine, one who paused, one whom a helper tells."""
    org = await people.make_org(db, OrgKind.EMPLOYER)
    dorm = await people.make_site(db, org.id, name="Aoba Dorm")
    for name in ("Fine", "=Dead()", "Stale", "Nothing", "Invited", "Paused", "Paper"):
        person = await people.make_resident(
            db, org.id, name=name, phone="", dorm=dorm, employee_id=f"E-{name}", enrolled=name != "Invited"
        )
        if name in ("Fine", "=Dead()", "Stale"):
            state = "dead" if name == "=Dead()" else "unproven"
            made = await contact(db, person.id, "phone", state)
            if name == "Fine":
                await db.execute("UPDATE contact SET created_at = $2 WHERE id = $1", made, NOW)
        if name == "Paper":
            await db.execute("UPDATE resident SET reach_by = 'paper' WHERE id = $1", person.id)
        if name == "Paused":
            await db.execute("UPDATE resident SET state = 'paused' WHERE id = $1", person.id)
    return org


async def test_the_page_says_who_and_what_to_do_and_the_numbers_agree(db: Pool) -> None:
    org = await company(db)
    async with staff_site(db, more_routes=ROUTES) as site:
        clerk = await site.signed_in(org)
        status, html = await clerk.get("/people/unreached")
        assert status == 200 and "4 of 6 people" in html
        for name in ("=Dead()", "Stale", "Nothing", "Invited"):
            assert f">{name}<" in html
        assert ">Fine<" not in html and ">Paused<" not in html and ">Paper<" not in html
        status, html = await clerk.get("/people/unreached?why=stale")
        assert ">Stale<" in html and ">Nothing<" not in html
        status, html = await clerk.get("/people/unreached?why=<script>&page=99999999")
        assert status == 200 and "<script>" not in html.split("<main", 1)[1]
        status, html = await clerk.get("/people")
        assert 'href="/people/unreached"' in html and re.search(r"<b>4</b>", html)
    async with transaction(db) as conn:
        counts = await count_people(conn, [org.id], NOW)
        totals = await reach_totals(conn, NOW)
    assert counts["unreachable"] == totals.unreachable == 4 and totals.people == 6
    read = await db.fetchrow("SELECT subjects, fields FROM audit WHERE action = 'people.unreached' ORDER BY id LIMIT 1")
    assert read is not None and len(read["subjects"]) == 4 and "phone" not in read["fields"]


async def test_the_file_is_safe_for_spreadsheets_and_holds_no_number(db: Pool) -> None:
    org = await company(db)
    async with staff_site(db, more_routes=ROUTES) as site:
        clerk = await site.signed_in(org)
        status, text = await clerk.get("/people/unreached.csv")
    assert status == 200
    rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
    assert {row["Name"] for row in rows} == {"'=Dead()", "Stale", "Nothing", "Invited"}
    assert all(row["Why"] and row["What to do"] and row["Dorm"] == "Aoba Dorm" for row in rows)
    assert "+81" not in text and "090" not in text
    assert await db.fetchval("SELECT cardinality(subjects) FROM audit WHERE action = 'people.unreached_export'") == 4


async def test_a_neighbouring_company_sees_nobody(db: Pool) -> None:
    await company(db)
    other = await people.make_org(db, OrgKind.EMPLOYER)
    async with staff_site(db, more_routes=ROUTES) as site:
        clerk = await site.signed_in(other)
        status, html = await clerk.get("/people/unreached")
    assert status == 200 and "Everybody on your list can be reached" in html and "Stale" not in html


async def test_a_supervising_organisation_sees_its_employers_people_without_employee_numbers(db: Pool) -> None:
    org = await company(db)
    umbrella = await people.make_org(db, OrgKind.SUPERVISING)
    await db.execute("INSERT INTO org_relation VALUES ($1, $2, 'supervises')", umbrella.id, org.id)
    async with staff_site(db, more_routes=ROUTES) as site:
        clerk = await site.signed_in(umbrella)
        _, html = await clerk.get("/people/unreached")
        _, text = await clerk.get("/people/unreached.csv")
    assert ">Stale<" in html and "E-Stale" not in html and "E-Stale" not in text
