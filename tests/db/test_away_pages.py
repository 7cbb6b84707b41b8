"""Away, back, moved out: the person's own page, the clerk's proposal, and what alerts and dashboards make of it."""

from __future__ import annotations

from datetime import date

import pytest

from core.clock import FixedClock
from core.db import Pool, transaction
from core.i18n import Catalogs
from registry import store
from registry.presence_store import end_due
from tests.people import NOW, VAULT, Person, make_org, make_place, make_resident, make_site
from tests.staff_site import staff_site

SAY = Catalogs.load().say


async def page_of(db: Pool, person: Person, end: str = "away") -> str:
    async with transaction(db) as conn:
        return f"/p/{await store.personal_token(conn, VAULT, person.id)}/{end}"


async def absences(db: Pool) -> list[tuple[str, str, date]]:
    rows = await db.fetch("SELECT said_by, kind, until FROM absence ORDER BY said_by")
    return [(r["said_by"], r["kind"], r["until"]) for r in rows]


async def test_home_leave_is_said_shown_and_ended(db: Pool) -> None:
    org = await make_org(db)
    person = await make_resident(db, org.id, language="vi")
    path = await page_of(db, person)
    async with staff_site(db, clock=FixedClock(NOW)) as site:
        visitor = site.visitor()
        status, html = await visitor.post(path, {"do": "away", "kind": "home_leave", "until": "2026-12-03"})
        assert status == 200 and SAY("vi", "away.kind.home_leave") in html and "2026-12-03" in html
        clerk = await site.signed_in(org)
        _, html = await clerk.get(f"/people/{person.id}")
        assert "On home leave until 2026-12-03" in html
        await visitor.post(path, {"do": "back"})
        assert await absences(db) == []
        _, html = await clerk.get(f"/people/{person.id}")
        assert "On home leave until" not in html


async def test_the_clerk_proposes_and_the_person_decides(db: Pool) -> None:
    org = await make_org(db, name="Aozora Foods")
    person = await make_resident(db, org.id, language="vi")
    path = await page_of(db, person)
    async with staff_site(db) as site:
        clerk, visitor = await site.signed_in(org), site.visitor()
        away = {"kind": "home_leave", "until": "2026-12-03"}
        await clerk.submit(f"/people/{person.id}", f"/people/{person.id}/away", away)
        assert await absences(db) == [("employer", "home_leave", date(2026, 12, 3))]
        _, html = await clerk.get(f"/people/{person.id}")
        assert "It counts when the person confirms it" in html
        _, html = await visitor.get(path)
        assert "Aozora Foods" in html and "2026-12-03" in html
        await visitor.post(path, {"do": "away"} | away)
        assert await absences(db) == [("self", "home_leave", date(2026, 12, 3))]


async def test_a_clerk_of_somebody_else_cannot_propose(db: Pool) -> None:
    person = await make_resident(db, (await make_org(db)).id)
    org = await make_org(db)
    own = await make_resident(db, org.id)
    async with staff_site(db) as site:
        clerk = await site.signed_in(org)
        _, html = await clerk.get(f"/people/{own.id}")
        token = html.split('name="form_token" value="')[1].split('"')[0]
        values = {"form_token": token, "kind": "away", "until": "2026-12-03"}
        status, _ = await clerk.post(f"/people/{person.id}/away", values)
        assert status == 404
        status, html = await clerk.post(f"/people/{own.id}/away", values | {"until": "yesterday"})
        assert status == 200 and "Choose a kind and a day" in html
    assert await absences(db) == []


async def test_moving_out_ends_the_dorm_and_takes_the_new_home(db: Pool) -> None:
    org = await make_org(db)
    dorm = await make_site(db, org.id)
    person = await make_resident(db, org.id, dorm=dorm, room="201")
    async with transaction(db) as conn:
        await store.set_leader(conn, dorm[0], 1, resident_id=person.id)
    path = await page_of(db, person)
    async with staff_site(db) as site:
        status, html = await site.visitor().post(path, {"do": "moved_out", "postal_code": "000-0000"})
        assert status == 400 and SAY("vi", "me.postal_wrong")[:20] in html
        assert await db.fetchval("SELECT dorm_id FROM membership") == dorm[0]
        _, html = await site.visitor().post(path, {"do": "moved_out", "postal_code": "860-0806"})
        assert "Kumamoto Chuo-ku" in html  # the new home, as it was understood
    assert tuple(await db.fetchrow("SELECT dorm_id, room FROM membership")) == (None, "")
    assert await db.fetchval("SELECT count(*) FROM site_leader") == 0
    codes = await db.fetch(
        "SELECT a.code FROM resident_place p JOIN place_area a ON a.place_id = p.place_id AND a.scheme = 'jis'"
    )
    assert {r["code"] for r in codes} <= {"43101", "43100"} and codes


async def test_absences_end_by_themselves(db: Pool) -> None:
    person = await make_resident(db, home_place_id=await make_place(db))
    async with staff_site(db) as site:
        await site.visitor().post(await page_of(db, person), {"do": "away", "kind": "away", "until": "2026-12-03"})
    async with transaction(db) as conn:
        await end_due(conn, date(2026, 12, 3), NOW)
        assert await absences(db) == [("self", "away", date(2026, 12, 3))]
    async with transaction(db) as conn:
        await end_due(conn, date(2026, 12, 4), NOW)
    assert await absences(db) == []
    assert await db.fetchval("SELECT state FROM resident") == "enrolled"


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"do": "away"}, "away.problem.kind"),
        ({"do": "away", "kind": "away", "until": "2020-01-01"}, "away.problem.until"),
        ({"do": "stay", "until": "2020-01-01"}, "away.problem.until"),
        ({"do": "fly"}, "away.problem.kind"),
        ({}, "away.problem.kind"),
    ],
)
async def test_mistakes_are_said_and_change_nothing(db: Pool, values: dict[str, str], key: str) -> None:
    person = await make_resident(db, language="my")
    async with staff_site(db) as site:
        status, html = await site.visitor().post(await page_of(db, person), values)
    assert status == 400 and SAY("my", key)[:20] in html
    assert await absences(db) == []


async def test_the_page_speaks_every_language_and_looking_changes_nothing(db: Pool) -> None:
    person = await make_resident(db)
    async with staff_site(db) as site:
        for end in ("away", "same", "card"):
            path = await page_of(db, person, end)
            for tag in Catalogs.load().languages:
                status, html = await site.visitor().get(f"{path}?lang={tag}")
                assert status == 200 and f'<html lang="{tag}"' in html and len(html.encode()) < 12_000
    assert await absences(db) == [] and await db.fetchval("SELECT count(*) FROM same_person") == 0
