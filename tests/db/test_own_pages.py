"""Behind a person's own link: shields and needs, who sees and who looked, the download, pausing, staying, deleting."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from checkin.store import record_check_in
from core.audit import Actor, audit
from core.db import Pool, transaction
from core.i18n import Catalogs
from core.model import Answer, AnsweredBy, OrgKind
from ops.pages_web import all_routes
from registry.membership_store import end_membership
from registry.needs_store import needs_for_helpers
from registry.seen import Look, What, lines, role_of, sees, what_of
from registry.stay_store import resume_due
from tests.db.test_personal_page import SQL_MEMBER, given, link
from tests.incidents import make_incident, tell
from tests.pages import website
from tests.people import FUKUOKA_CHUO, NOW, VAULT, Person, make_org, make_place, make_resident, make_site
from tests.staff_site import staff_site

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("kind", "shares", "words"),
    [
        (OrgKind.EMPLOYER, True, {"who", "where", "channel", "answer"}),
        (OrgKind.EMPLOYER, False, {"who", "where", "channel", "answered"}),
        (OrgKind.COMMUNITY, True, {"who", "where", "channel", "answer"}),
        (OrgKind.PARTNER, True, {"who", "answer"}),
        (OrgKind.VOLUNTEER_NETWORK, True, set()),
        (OrgKind.AUDITOR, True, set()),
    ],
)
def test_what_an_organisation_sees_in_words(kind: OrgKind, shares: bool, words: set[str]) -> None:
    assert set(sees(kind, shares_answer=shares)) == words


def test_looks_that_read_the_same_are_one_line() -> None:
    looks = [
        Look("Aozora", "employer", "people.read", 1, NOW),
        Look("Aozora", "employer", "person.read", 2, NOW + HOUR),
        Look("Net", "coordinator", "board.reveal", 1, NOW + 2 * HOUR),
        Look("Aozora", "employer", "something new", 1, NOW - HOUR),
    ]
    assert [(x.org, x.what, x.times, x.last) for x in lines(looks)] == [
        ("Net", What.NUMBER, 1, NOW + 2 * HOUR),
        ("Aozora", What.REGISTRATION, 3, NOW + HOUR),
        ("Aozora", What.OTHER, 1, NOW - HOUR),
    ]
    assert what_of("dashboard.export") is What.SAVED


async def test_every_what_and_role_has_words_in_every_language(db: Pool) -> None:
    catalogs = Catalogs.load()
    keys = [f"looked.{what}" for what in What]
    keys += [f"role.{role_of('', kind)}" for kind in OrgKind]
    keys += [f"role.{role_of(actor, 'employer')}" for actor in ("leader link", "api: payroll")]
    for tag in catalogs.languages:
        assert set(keys) <= catalogs.keys(tag)


async def test_the_person_sees_who_may_see_them_and_who_did(db: Pool) -> None:
    org = await make_org(db, name="Aozora Foods")
    person = await make_resident(db, org.id)
    page = await link(db, person)
    async with transaction(db) as conn:
        clerk = Actor("Clerk Secretname", org.staff_id, org.id)
        await audit(conn, clerk, "dashboard.read", at=NOW - HOUR, subjects=[person.id], fields=["name"])
        await audit(conn, clerk, "dashboard.read", at=NOW - timedelta(days=100), subjects=[person.id])
        await audit(conn, Actor("personal link"), "person.save", at=NOW, subjects=[person.id])
    async with staff_site(db) as site:
        status, html = await site.visitor().get(page + "/seen?lang=en")
        assert status == 200
        assert "Aozora Foods" in html and "your answer in a disaster" in html
        assert "saw how you are" in html and "times: 1," in html
        assert "Secretname" not in html  # which organisation, never which clerk
        await site.visitor().post(page + "/consent", {"C1": "1", f"C2-{org.id}": "1", "C3": "1", "hide": "1"})
        _, html = await site.visitor().get(page + "/seen?lang=en")
        assert "only that you answered" in html


async def test_shields_are_switches_and_the_employer_sees_neither(db: Pool) -> None:
    org = await make_org(db)
    person = await make_resident(db, org.id)
    page = await link(db, person) + "/consent"
    async with staff_site(db) as site:
        clerk = await site.signed_in(org)
        before = await clerk.get(f"/people/{person.id}")
        await site.visitor().post(page, {"C1": "1", f"C2-{org.id}": "1", "C3": "1", "hide": "1", "protected": "1"})
        assert tuple(await db.fetchrow("SELECT hide_answer, protected FROM resident")) == (True, True)
        assert await clerk.get(f"/people/{person.id}") == before
        await site.visitor().post(page, {"C1": "1"})
        assert tuple(await db.fetchrow("SELECT hide_answer, protected FROM resident")) == (False, False)


async def test_needs_are_kept_only_with_their_consent_and_shown_only_in_an_incident(db: Pool) -> None:
    person = await make_resident(db)
    page = await link(db, person) + "/consent"
    ticked = {"C1": "1", "need-medicine": "1", "need-pregnant": "1", "need-other": "insulin, fridge"}
    async with staff_site(db) as site:
        await site.visitor().post(page, ticked)
        assert await db.fetchval("SELECT count(*) FROM resident_need") == 0
        await site.visitor().post(page, ticked | {"C4": "1"})
        _, html = await site.visitor().get(page + "?lang=en")
        assert "insulin, fridge" in html
        raw = b"".join(row["need_enc"] for row in await db.fetch("SELECT need_enc FROM resident_need"))
        assert len(raw) > 100 and b"insulin" not in raw and b"pregnant" not in raw
        async with transaction(db) as conn:
            assert await needs_for_helpers(conn, VAULT, [person.id]) == {}
            incident = await make_incident(conn)
            await tell(conn, incident, person.id)
            shown = (await needs_for_helpers(conn, VAULT, [person.id]))[person.id]
        assert {(need.kind, need.note) for need in shown} == {
            ("medicine", ""),
            ("pregnant", ""),
            ("other", "insulin, fridge"),
        }
        await db.execute("UPDATE incident SET closed_at = $1, key_enc = NULL", NOW)
        async with transaction(db) as conn:
            assert await needs_for_helpers(conn, VAULT, [person.id]) == {}
        await site.visitor().post(page, ticked)  # taking the consent back forgets them
    assert await db.fetchval("SELECT count(*) FROM resident_need") == 0
    assert (await given(db, person))["C4"] == (False, "withdrawn")


async def test_everything_about_the_person_can_be_downloaded(db: Pool) -> None:
    org = await make_org(db, name="Aozora Foods")
    dorm = await make_site(db, org.id, name="Hikari Dorm")
    person = await make_resident(db, org.id, dorm=dorm, phone="+819011112222")
    incident = await make_incident(db)
    await tell(db, incident, person.id)
    async with transaction(db) as conn:
        await record_check_in(
            conn,
            VAULT,
            incident_id=incident.id,
            resident_id=person.id,
            answer=Answer.OK,
            answered_by=AnsweredBy.SELF,
            via="page",
            tapped_at=NOW,
            now=NOW,
            note="with my friends",
        )
        clerk = Actor("Clerk", org.staff_id, org.id)
        await audit(conn, clerk, "dashboard.read", at=NOW, subjects=[person.id], fields=["name", "status"])
    async with staff_site(db) as site:
        status, text = await site.visitor().get(await link(db, person) + "/data.json")
    data = json.loads(text)
    assert status == 200
    assert data["person"]["name"] == person.name
    assert [c["address"] for c in data["contacts"]] == ["+819011112222"]
    assert [(o["organisation"], o["dorm"]) for o in data["organisations"]] == [("Aozora Foods", "Hikari Dorm")]
    assert [(a["answer"], a["note"]) for a in data["answers"]] == [("ok", "with my friends")]
    provided = {"organisation": "Aozora Foods", "role": "employer", "what": "dashboard.read"}
    assert [{k: x[k] for k in provided} | {"fields": x["fields"]} for x in data["shown_to"]] == [
        provided | {"fields": ["name", "status"]}
    ]
    assert {c["scope"] for c in data["consents"]} == {"C1", "C2", "C3"}
    assert await db.fetchval("SELECT count(*) FROM audit WHERE action = 'person.download'") == 1


async def test_a_pause_ends_by_itself_on_the_day_after(db: Pool) -> None:
    person = await make_resident(db)
    page = await link(db, person)
    async with staff_site(db) as site:
        visitor = site.visitor()
        await visitor.post(page + "/pause", {"until": "2026-12-24"})
        assert tuple(await db.fetchrow("SELECT state, paused_until FROM resident")) == ("paused", date(2026, 12, 24))
        _, html = await visitor.get(page + "?lang=en")
        assert "Paused through 2026-12-24." in html
        await visitor.post(page + "/consent", {"C1": "1", "C3": "1"})  # other switches do not end it
        assert await db.fetchval("SELECT state FROM resident") == "paused"
        for day, count in ((date(2026, 12, 24), 0), (date(2026, 12, 25), 1), (date(2026, 12, 26), 0)):
            async with transaction(db) as conn:
                assert await resume_due(conn, day) == count
        assert tuple(await db.fetchrow("SELECT state, paused_until FROM resident")) == ("enrolled", None)
        await visitor.post(page + "/pause", {"until": "9999-12-31"})
        assert await db.fetchval("SELECT paused_until FROM resident") == date(2027, 2, 20)  # at most three months
        await visitor.post(page + "/pause", {})
        assert await db.fetchval("SELECT state FROM resident") == "enrolled"
        await visitor.post(page + "/pause", {"until": "not a day"})
        assert await db.fetchval("SELECT state FROM resident") == "enrolled"


async def leaver(db: Pool) -> Person:
    """Somebody with a dorm and a workplace whose employer has just marked them as gone."""
    org = await make_org(db)
    dorm, plant = await make_site(db, org.id), await make_site(db, org.id, kind="workplace", codes=FUKUOKA_CHUO)
    person = await make_resident(db, org.id, dorm=dorm, workplace=plant)
    async with transaction(db) as conn:
        await end_membership(conn, person.id, org.id, NOW.date(), NOW)
    return person


async def test_who_leaves_a_company_is_asked_and_stays(db: Pool) -> None:
    person = await leaver(db)
    page = await link(db, person)
    async with staff_site(db) as site:
        visitor = site.visitor()
        _, html = await visitor.get(page + "?lang=en")
        assert "Your company says you have left." in html
        response = await visitor.submit(page, page + "/stay", {"postal_code": "862-0950"})
        assert response.status == 200
        _, html = await visitor.get(page + "?lang=en")
        assert "Your company says you have left." not in html
    assert tuple(await db.fetchrow("SELECT state, ask_stay_at, orgs FROM resident")) == ("enrolled", None, [])
    rows = await db.fetch(
        "SELECT p.kind, a.code FROM resident_place p JOIN place_area a USING (place_id) WHERE a.scheme = 'jis'"
    )
    assert {tuple(row) for row in rows} == {("home", "43101"), ("home", "43100")}  # the former workplace warns no more


async def test_a_wrong_postal_code_keeps_the_question(db: Pool) -> None:
    person = await leaver(db)
    page = await link(db, person)
    async with staff_site(db) as site:
        response = await site.visitor().submit(page, page + "/stay", {"postal_code": "000-0000"})
        assert Catalogs.load().say("vi", "me.postal_wrong") in await response.text()
    assert await db.fetchval("SELECT ask_stay_at FROM resident") == NOW


async def test_who_never_left_is_not_asked(db: Pool) -> None:
    person = await make_resident(db, (await make_org(db)).id, home_place_id=await make_place(db))
    async with staff_site(db) as site:
        _, html = await site.visitor().get(await link(db, person) + "?lang=en")
    assert "Your company says you have left." not in html


async def test_deleting_asks_first_and_leaves_nothing(db: Pool) -> None:
    person = await make_resident(db, (await make_org(db)).id)
    page = await link(db, person)
    async with staff_site(db) as site:
        visitor = site.visitor()
        await visitor.get(page + "/delete")
        assert await db.fetchval("SELECT count(*) FROM resident") == 1
        response = await visitor.submit(page + "/delete", page + "/delete")
        assert response.status == 200 and (await visitor.get(page))[0] == 404
    for table in ("resident", "contact", "consent", "membership", "link"):
        assert await db.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608


async def test_in_an_open_incident_deleting_waits_and_says_so(db: Pool) -> None:
    person = await make_resident(db)
    incident = await make_incident(db)
    await tell(db, incident, person.id)
    page = await link(db, person)
    async with staff_site(db) as site:
        visitor = site.visitor()
        response = await visitor.submit(page + "/delete", page + "/delete")
        text = await response.text()
        assert Catalogs.load().say("vi", "me.delete.waits")[:30] in text
        _, html = await visitor.get(page)
        assert Catalogs.load().say("vi", "me.delete.waits")[:30] in html
    assert await db.fetchval("SELECT erase_requested_at FROM resident") == NOW


@pytest.mark.parametrize("more", ["", "/consent", "/seen", "/pause", "/delete", "/family"])
async def test_every_page_is_light_in_every_language(db: Pool, more: str) -> None:
    orgs = [await make_org(db, name=f"Company number {n} with a long name") for n in range(3)]
    person = await make_resident(db, orgs[0].id)
    for org in orgs[1:]:
        await db.execute(SQL_MEMBER, person.id, org.id, NOW)
    async with transaction(db) as conn:
        for org in orgs:
            for n, action in enumerate(("people.read", "dashboard.read", "dashboard.export", "board.reveal", "other")):
                clerk = Actor("Clerk", org.staff_id, org.id)
                await audit(conn, clerk, action, at=NOW - n * HOUR, subjects=[person.id])
    page = await link(db, person)
    async with website(db, all_routes()) as client:
        for tag in Catalogs.load().languages:
            async with client.get(f"{page}{more}?lang={tag}") as answer:
                html = await answer.text()
                assert answer.status == 200 and f'<html lang="{tag}"' in html
                assert len(html.encode()) < 30_000
