"""C5: a person's position in one incident, from their button to whoever goes there, and back again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from checkin import board_web, drill_web, location_web
from checkin import web as checkin_web
from checkin.cases_store import claim
from checkin.reveals import MOST
from checkin.reveals_store import raise_reveal_alarms
from core.db import Pool, Scope, ScopedPool, transaction
from core.i18n import Catalogs
from core.model import OrgKind, Role
from core.tokens import token_hash
from ops.purge import purge
from ops.tend_store import close_incidents
from registry import own_data_web, personal_web, store
from registry.consent_store import consent_lines, set_shields, wording
from registry.erase_store import erase_resident
from tests.incidents import FLOOD_CONTEXT, TestIncident, make_incident, make_link, tell
from tests.pages import forms_of, website
from tests.people import NOW, VAULT, Person, make_org, make_resident, make_site, whole_session

Client = TestClient[web.Request, web.Application]
ROUTES = [
    *checkin_web.ROUTES,
    *drill_web.ROUTES,
    *location_web.ROUTES,
    *board_web.ROUTES,
    *own_data_web.ROUTES,
    *personal_web.ROUTES,
]
CATALOGS = Catalogs.load()
HERE = {"lat": "32.79150", "lon": "130.82123", "accuracy": "15"}
SQL_SHELTER = """
INSERT INTO shelter (id, designation, owner_jis, jis, name, address, lat, lon, kinds)
VALUES ('E4344300001201', 'emergency_site', '43443', '43443', '広安小学校', '', 32.7885, 130.82123, '{earthquake}')
"""


async def asked(db: Pool, language: str = "en", **more: Any) -> tuple[Person, TestIncident, str]:
    org = await make_org(db)
    incident = await make_incident(db, **more)
    person = await make_resident(db, org.id, language=language, dorm=await make_site(db, org.id))
    await tell(db, incident, person.id)
    return person, incident, (await make_link(db, incident, resident_id=person.id))[1]


async def post(client: Client, path: str, **fields: str) -> None:
    async with client.post(path, data=fields, allow_redirects=False) as answer:
        assert answer.status == 303, await answer.text()


async def page(client: Client, path: str) -> str:
    async with client.get(path) as answer:
        return await answer.text()


async def helper(db: Pool, role: Role = Role.COORDINATOR) -> tuple[UUID, dict[str, str]]:
    org = await make_org(db, OrgKind.VOLUNTEER_NETWORK, role=role)
    async with transaction(db) as conn:
        session = await whole_session(conn, org.staff_id, NOW)
    return org.staff_id, {"Cookie": f"daijobu={session}", "Accept-Language": "en"}


async def unit(client: Client, person: Person, db: Pool, headers: dict[str, str]) -> str:
    dorm = await db.fetchval("SELECT dorm_id FROM case_file WHERE resident_id = $1 AND closed_at IS NULL", person.id)
    async with client.get(f"/board/live/dorm/{dorm}", headers=headers) as answer:
        return await answer.text()


async def kept(db: Pool) -> int:
    return int(await db.fetchval("SELECT count(*) FROM shared_location"))


async def test_from_the_button_to_who_goes_there_and_back(db: Pool) -> None:
    person, incident, token = await asked(db)
    await db.execute(SQL_SHELTER)
    staff_id, coordinator = await helper(db)
    _, volunteer = await helper(db, Role.VOLUNTEER)
    async with website(db, ROUTES) as client:
        assert "/where" not in await page(client, f"/c/{token}"), "nothing is asked before the answer"
        await post(client, f"/c/{token}/where", **HERE)
        assert await kept(db) == 0, "nor taken"
        await post(client, f"/c/{token}", answer="help")
        html = await page(client, f"/c/{token}")
        assert str(CATALOGS.sayer("en")("consent.C5")) in html and "data-here-box hidden" in html
        await post(client, f"/c/{token}/where", **HERE)
        assert "data-here-box" not in (html := await page(client, f"/c/{token}"))
        assert str(CATALOGS.sayer("en")("where.sent", time=""))[:20] in html

        text = await unit(client, person, db, coordinator)
        assert "330 m north of" in text and "広安小学校" in text and "43443" in text
        assert 'href="geo:32.79150,130.82123;u=15"' in text and "32.79150, 130.82123" in text
        assert "32.79150" in await unit(client, person, db, volunteer), "a volunteer may take the case"
        row = await db.fetchrow("SELECT * FROM audit WHERE action = 'board.location' ORDER BY id LIMIT 1")
        assert row is not None and (row["subjects"], row["fields"], row["staff_id"]) == (
            [person.id],
            ["location"],
            staff_id,
        )
        # Somebody has taken the case: it is no longer the others' business.
        async with transaction(db) as conn:
            case = await conn.fetchval("SELECT id FROM case_file WHERE resident_id = $1", person.id)
            assert (await claim(conn, [case], staff_id, NOW)).taken
        assert "32.79150" in await unit(client, person, db, coordinator)
        assert "32.79150" not in await unit(client, person, db, volunteer)

        # A second press replaces the first, under the same consent.
        await post(client, f"/c/{token}/where", lat="32.8", lon="130.7", accuracy="30")
        assert await kept(db) == 1 and "32.79150" not in await unit(client, person, db, coordinator)
        async with transaction(db) as conn:
            assert [
                (line.given, line.incident_id) for line in await consent_lines(conn, person.id) if line.scope == "C5"
            ] == [(True, incident.id)]
        shown = await db.fetchrow(
            "SELECT c.language, c.version, t.body FROM consent c JOIN consent_text t ON t.sha256 = c.text_sha256 "
            "WHERE c.scope = 'C5'"
        )
        assert shown is not None and shown["body"] == wording(CATALOGS, "C5", "en") and shown["language"] == "en"
        assert shown["version"]

        await post(client, f"/c/{token}/where/delete")
        assert await kept(db) == 0
        assert "geo:" not in await unit(client, person, db, coordinator)
        async with transaction(db) as conn:
            lines = [line.given for line in await consent_lines(conn, person.id) if line.scope == "C5"]
            assert lines == [True, False]
        await post(client, f"/c/{token}/where/delete")
        assert await db.fetchval("SELECT count(*) FROM consent WHERE scope = 'C5'") == 2, (
            "there was nothing more to take back"
        )


async def test_it_is_kept_encrypted_and_for_its_row_alone(db: Pool) -> None:
    person, _, token = await asked(db)
    async with website(db, ROUTES) as client:
        await post(client, f"/c/{token}", answer="help")
        await post(client, f"/c/{token}/where", **HERE)
    row = await db.fetchrow("SELECT id, point_enc FROM shared_location")
    assert row is not None and b"32.7" not in row["point_enc"]
    assert VAULT.decrypt(row["point_enc"], row["id"], "shared_location.point_enc") == "32.79150,130.82123,15"
    assert "32.79" not in str([dict(one.items()) for one in await db.fetch("SELECT * FROM audit")])


@pytest.mark.parametrize(
    "fields", [{}, {"lat": "32.7", "lon": "130.8"}, HERE | {"lat": "nan"}, HERE | {"accuracy": "9e9"}]
)
async def test_what_is_no_position_is_not_kept(db: Pool, fields: dict[str, str]) -> None:
    _, _, token = await asked(db)
    async with website(db, ROUTES) as client:
        await post(client, f"/c/{token}", answer="help")
        await post(client, f"/c/{token}/where", **fields)
    assert await kept(db) == 0
    assert await db.fetchval("SELECT count(*) FROM consent WHERE scope = 'C5'") == 0


async def test_who_must_never_be_found_is_not_asked(db: Pool) -> None:
    person, _, token = await asked(db)
    _, coordinator = await helper(db)
    async with website(db, ROUTES) as client:
        await post(client, f"/c/{token}", answer="help")
        await post(client, f"/c/{token}/where", **HERE)
        async with transaction(db) as conn:
            await set_shields(conn, person.id, hide_answer=False, protected=True)
        case = await db.fetchval("SELECT id FROM case_file WHERE resident_id = $1", person.id)
        async with client.get(f"/board/live/person/{case}", headers=coordinator) as answer:
            assert answer.status == 200 and "geo:" not in await answer.text()
        html = await page(client, f"/c/{token}")
        assert "data-here" not in html and "/where/delete" in html, "only what can be taken back is left"
        await post(client, f"/c/{token}/where/delete")
        assert "/where" not in await page(client, f"/c/{token}")
        await post(client, f"/c/{token}/where", **HERE)
    assert await kept(db) == 0


async def test_a_drill_and_an_ended_incident_take_none(db: Pool) -> None:
    _, _, token = await asked(db, purpose="drill")
    _, ended, other = await asked(db)
    async with website(db, ROUTES) as client:
        for one in (token, other):
            await post(client, f"/c/{one}", answer="ok")
        await db.execute("UPDATE incident SET closes_at = $2 WHERE id = $1", ended.id, NOW)
        assert await close_incidents(db, NOW + timedelta(hours=1)) == [ended.id]
        for one in (token, other):
            assert "/where" not in await page(client, f"/c/{one}")
            await post(client, f"/c/{one}/where", **HERE)
    assert await kept(db) == 0


async def test_the_own_page_lists_downloads_and_deletes_it(db: Pool) -> None:
    person, incident, token = await asked(db)
    _, coordinator = await helper(db)
    async with website(db, ROUTES) as client:
        await post(client, f"/c/{token}", answer="help")
        await post(client, f"/c/{token}/where", **HERE)
        await unit(client, person, db, coordinator)
        async with transaction(db) as conn:
            own = await store.personal_token(conn, VAULT, person.id)
        html = await page(client, f"/p/{own}/seen")
        assert "32.7915" in html and str(CATALOGS.sayer("en")("looked.location")) in html
        data = json.loads(await page(client, f"/p/{own}/data.json"))
        assert data["positions_sent"] == [
            {"incident": "震源・震度情報", "at": NOW.isoformat(), "lat": 32.7915, "lon": 130.82123, "accuracy_m": 15}
        ]
        form = next(one for one in forms_of(html) if one.action.endswith("/where"))
        await post(client, form.action)
        assert "32.7915" not in await page(client, f"/p/{own}/seen")
        assert await kept(db) == 0
        # Whoever stops takes everything back.
        await post(client, f"/c/{token}/where", **HERE)
        assert await kept(db) == 1
        await post(client, f"/p/{own}/stop")
    assert await kept(db) == 0


async def test_it_goes_with_the_incident_and_with_the_person(db: Pool) -> None:
    person, incident, token = await asked(db)
    other, _, other_token = await asked(db)
    async with website(db, ROUTES) as client:
        for one in (token, other_token):
            await post(client, f"/c/{one}", answer="safe_place" if one == "" else "ok")
            await post(client, f"/c/{one}/where", **HERE)
    assert await kept(db) == 2
    async with transaction(db) as conn:
        await conn.execute("UPDATE incident SET closed_at = $1, key_enc = NULL", NOW)
    async with transaction(db) as conn:
        assert (await erase_resident(conn, person.id, NOW)).done
    assert await kept(db) == 1
    await purge(db, NOW + timedelta(days=29))
    assert await kept(db) == 1
    await purge(db, NOW + timedelta(days=30))
    assert await kept(db) == 0


async def test_row_level_security_alone_keeps_others_out(db: Pool) -> None:
    person, _, token = await asked(db)
    org = await db.fetchval("SELECT org_id FROM membership WHERE resident_id = $1", person.id)
    dorm = await db.fetchval("SELECT dorm_id FROM membership WHERE resident_id = $1", person.id)
    await make_resident(db, org, dorm=(dorm, await db.fetchval("SELECT place_id FROM site WHERE id = $1", dorm)))
    incident = await make_incident(db)
    _, leader = await make_link(db, incident, kind="leader", site_id=dorm, resident_id=person.id)
    _, _, stranger = await asked(db)
    async with website(db, ROUTES) as client:
        await post(client, f"/c/{token}", answer="help")
        await post(client, f"/c/{token}/where", **HERE)

    async def seen(scope: Scope) -> int:
        async with transaction(ScopedPool(db, scope)) as conn:
            return len(await conn.fetch("SELECT id FROM shared_location"))

    assert await seen(Scope("daijobu_person", link=token_hash(token))) == 1
    assert await seen(Scope("daijobu_follow")) == 1
    assert await seen(Scope("daijobu_person", link=token_hash(leader))) == 0, "a dorm's leader"
    assert await seen(Scope("daijobu_person", link=token_hash(stranger))) == 0
    for role in ("daijobu_web", "daijobu_operator", "daijobu_door"):
        with pytest.raises(Exception, match="permission denied"):
            await seen(Scope(role, orgs=(org,)))
    await db.execute("UPDATE case_file SET closed_at = $1, outcome = 'ok'", NOW)
    assert await seen(Scope("daijobu_follow")) == 0, "nobody looks for them any more"


SQL_READ = """
INSERT INTO audit (at, staff_id, actor, org_id, action, subjects, fields)
SELECT $1, $2, 'x', org_id, 'board.location', ARRAY[gen_random_uuid()], '{location}' FROM staff WHERE id = $2
"""
SQL_READ_AGAIN = """
INSERT INTO audit (at, staff_id, actor, org_id, action, subjects, fields)
SELECT at, staff_id, actor, org_id, action, subjects, fields FROM audit WHERE action = 'board.location'
"""


async def test_who_reads_very_many_positions_raises_the_alarm_for_harvesting(db: Pool) -> None:
    staff_id, _ = await helper(db)
    for _ in range(MOST):
        await db.execute(SQL_READ, NOW, staff_id)
    await db.execute(SQL_READ_AGAIN)
    assert await raise_reveal_alarms(db, NOW + timedelta(minutes=1)) == [], "a page that renews itself is no harvest"
    await db.execute(SQL_READ, NOW, staff_id)
    assert [one.number for one in await raise_reveal_alarms(db, NOW + timedelta(minutes=1))] == [MOST + 1]


@pytest.mark.parametrize("lang", CATALOGS.languages)
async def test_every_language_fits_in_ten_kilobytes(db: Pool, lang: str) -> None:
    for context, answers in (({}, ("ok", "help")), ({"context": FLOOD_CONTEXT}, ("leaving", "cannot_leave"))):
        _, _, token = await asked(db, lang, **context)
        async with website(db, ROUTES) as client:
            for answer in answers:
                await post(client, f"/c/{token}", answer=answer)
                for part in ("", "/where", "/where/delete"):
                    if part:
                        await post(client, f"/c/{token}{part}", **HERE)
                    html = await page(client, f"/c/{token}")
                    assert len(html.encode()) < 10_000, (answer, part)
                    assert "/where" in html
