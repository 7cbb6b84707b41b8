"""The leader's page: the people of one dorm, one form, proxy answers that never beat an own one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from aiohttp import web
from aiohttp.test_utils import TestClient

from checkin import leader_web
from checkin.web import ROUTES
from core.clock import FixedClock
from core.db import Pool
from tests.incidents import FLOOD_CONTEXT, QUAKE_CONTEXT, TestIncident, database_digest, make_incident, make_link, tell
from tests.pages import forms_of, website
from tests.people import NOW, Person, make_org, make_resident, make_site

Client = TestClient[web.Request, web.Application]
ALL_ROUTES = [*ROUTES, *leader_web.ROUTES]


@dataclass(frozen=True)
class Dorm:
    incident: TestIncident
    site_id: UUID
    people: list[Person]
    token: str


async def make_dorm(db: Pool, context: dict[str, object] = QUAKE_CONTEXT, *, count: int = 4) -> Dorm:
    incident = await make_incident(db, context=context)
    org = await make_org(db)
    site = await make_site(db, org.id, name="ひばり寮")
    people = [await make_resident(db, org.id, dorm=site, room=f"{n}01") for n in range(1, count + 1)]
    for person in people:
        await tell(db, incident, person.id)
    await db.execute("INSERT INTO site_leader (site_id, rank, resident_id) VALUES ($1, 1, $2)", site[0], people[0].id)
    _, token = await make_link(db, incident, kind="leader", site_id=site[0], resident_id=people[0].id)
    return Dorm(incident, site[0], people, token)


async def statuses(db: Pool, dorm: Dorm) -> list[tuple[str | None, str | None]]:
    rows = await db.fetch("SELECT resident_id, status, status_by FROM incident_resident")
    by_id = {row["resident_id"]: (row["status"], row["status_by"]) for row in rows}
    return [by_id[person.id] for person in dorm.people]


async def test_everyone_else_is_ok(db: Pool) -> None:
    dorm = await make_dorm(db)
    stranger = await make_resident(db, (await make_org(db)).id, dorm=await make_site(db, (await make_org(db)).id))
    await tell(db, dorm.incident, stranger.id)
    _, own = await make_link(db, dorm.incident, resident_id=dorm.people[2].id)
    async with website(db, ALL_ROUTES) as client:
        await client.post(f"/c/{own}", data={"answer": "help"})
        html = await (await client.get(f"/l/{dorm.token}")).text()
        for person in dorm.people:
            assert person.name in html
            assert person.phone not in html
        assert stranger.name not in html
        (form,) = forms_of(html)
        assert set(form.offers) == {str(person.id) for person in dorm.people} | {"others"}
        answers = {str(dorm.people[1].id): "help", str(stranger.id): "help", "others": "1"}
        response = await client.post(form.action, data=form.values | answers, allow_redirects=False)
        assert response.status == 303
        html = await (await client.get(response.headers["Location"])).text()
        assert 'role="status"' in html.split("<form")[0]
    assert await statuses(db, dorm) == [("ok", "self"), ("help", "leader"), ("help", "self"), ("ok", "leader")]
    assert await db.fetchval("SELECT status FROM incident_resident WHERE resident_id = $1", stranger.id) is None
    rows = await db.fetch("SELECT by_resident, via FROM check_in WHERE answered_by = 'leader'")
    assert {(row["by_resident"], row["via"]) for row in rows} == {(dorm.people[0].id, "leader page")}


async def test_a_leader_does_not_beat_an_own_answer(db: Pool) -> None:
    dorm = await make_dorm(db)
    _, own = await make_link(db, dorm.incident, resident_id=dorm.people[1].id)
    async with website(db, ALL_ROUTES) as client:
        await client.post(f"/c/{own}", data={"answer": "help"})
        await client.post(f"/l/{dorm.token}", data={str(dorm.people[1].id): "ok"})
    assert (await statuses(db, dorm))[1] == ("help", "self")
    assert await db.fetchval("SELECT count(*) FROM check_in") == 2
    assert await db.fetchval("SELECT reason FROM case_file WHERE closed_at IS NULL") == "needs_help"


async def test_the_form_sent_twice_is_stored_once(db: Pool) -> None:
    dorm = await make_dorm(db)
    answers = {str(dorm.people[n].id): "ok" for n in (1, 2)}
    async with website(db, ALL_ROUTES) as client:
        for _ in range(2):
            assert (await client.post(f"/l/{dorm.token}", data=answers, allow_redirects=False)).status == 303
    assert await db.fetchval("SELECT count(*) FROM check_in") == 2


async def test_a_flood_offers_what_a_leader_can_know(db: Pool) -> None:
    dorm = await make_dorm(db, FLOOD_CONTEXT)
    async with website(db, ALL_ROUTES) as client:
        (form,) = forms_of(await (await client.get(f"/l/{dorm.token}")).text())
        assert form.offers[str(dorm.people[1].id)] == ["safe_place", "cannot_leave", "not_there", ""]
        await client.post(form.action, data={str(dorm.people[1].id): "leaving", "others": "1"})
    # What cannot be said about somebody else is not stored, nor turned into "safe".
    assert [status for status, _ in await statuses(db, dorm)] == ["safe_place", None, "safe_place", "safe_place"]


async def test_who_is_not_known_to_be_well_comes_first(db: Pool) -> None:
    dorm = await make_dorm(db, count=18)
    async with website(db, ALL_ROUTES) as client:
        form = forms_of(await (await client.get(f"/l/{dorm.token}")).text())[0]
        answers = {str(dorm.people[3].id): "help", str(dorm.people[9].id): "", "others": "1"}
        await client.post(form.action, data=answers)
        response = await client.get(f"/l/{dorm.token}", headers={"Accept-Encoding": "gzip"})
        html = await response.text()
    assert response.headers["Content-Encoding"] == "gzip" and int(response.headers["Content-Length"]) < 5_000
    # The two that need somebody; then the sixteen others, folded, who can still be changed.
    assert max(html.index(str(dorm.people[n].id)) for n in (3, 9)) < html.index("<details class")
    assert html.count("<details class") == 16
    assert set(forms_of(html)[0].offers) == {str(person.id) for person in dorm.people} | {"others"}


async def test_every_look_is_written_down_and_changes_nothing_else(db: Pool) -> None:
    dorm = await make_dorm(db)
    before = await database_digest(db, without=("audit", "audit_unsealed"))
    async with website(db, ALL_ROUTES) as client:
        for method in ("GET", "HEAD"):
            assert (await client.request(method, f"/l/{dorm.token}")).status == 200
    assert await database_digest(db, without=("audit", "audit_unsealed")) == before
    rows = await db.fetch("SELECT actor, action, subjects, incident_id FROM audit")
    assert [(row["actor"], row["action"]) for row in rows] == [("leader link", "leader.read")] * 2
    assert set(rows[0]["subjects"]) == {person.id for person in dorm.people}
    assert rows[0]["incident_id"] == dorm.incident.id


async def test_who_is_no_longer_leader_sees_nobody(db: Pool) -> None:
    dorm = await make_dorm(db)
    await db.execute("DELETE FROM site_leader")
    async with website(db, ALL_ROUTES) as client:
        assert (await client.get(f"/l/{dorm.token}")).status == 404
        answers = {str(dorm.people[1].id): "ok"}
        assert (await client.post(f"/l/{dorm.token}", data=answers)).status == 404
    assert await db.fetchval("SELECT count(*) FROM audit") == 0
    assert await db.fetchval("SELECT count(*) FROM check_in") == 0


async def test_leader_links_and_check_in_links_do_not_open_each_other(db: Pool) -> None:
    dorm = await make_dorm(db)
    _, own = await make_link(db, dorm.incident, resident_id=dorm.people[1].id)
    clock = FixedClock(NOW)
    async with website(db, ALL_ROUTES, clock=clock) as client:
        assert (await client.get(f"/l/{own}")).status == 404
        assert (await client.get(f"/c/{dorm.token}")).status == 404
        clock.advance(timedelta(days=14))
        assert (await client.get(f"/l/{dorm.token}")).status == 404


async def test_who_moved_out_is_not_on_the_page(db: Pool) -> None:
    dorm = await make_dorm(db)
    await db.execute("UPDATE membership SET ended_at = $2 WHERE resident_id = $1", dorm.people[3].id, NOW)
    async with website(db, ALL_ROUTES) as client:
        html = await (await client.get(f"/l/{dorm.token}")).text()
    assert dorm.people[2].name in html
    assert dorm.people[3].name not in html
