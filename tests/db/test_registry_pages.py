"""The staff pages of the registry through a browser without scripts, and who may open them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from core.clock import FixedClock
from core.db import Pool, transaction
from core.model import OrgKind, Role
from core.web import AUDIENCES
from ops.pages_web import routes_under
from registry import store
from registry.guard_web import routes_without_audience
from tests.imports_kit import Clerk
from tests.pages import make_app
from tests.people import FUKUOKA_CHUO, NOW, VAULT, make_org, make_resident, make_site, make_staff
from tests.staff_site import Visitor, form_to, staff_site

LIST = (
    "氏名,言語,電話番号,寮,自宅郵便番号\nThu Test,ベトナム語,090-1234-5601,光寮,861-2242\nMinh Test,vi,,光寮,861-2242\n"
)


async def upload(visitor: Visitor, text: str) -> tuple[int, str]:
    clerk = await Clerk(visitor).check(text, "../../list.csv")
    return clerk.status, clerk.html


def plan_action(html: str) -> str:
    return "/import/" + html.split('action="/import/')[1].split('"')[0]


async def test_upload_shows_every_fate_then_takes_over_once(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        visitor = await site.signed_in(org)
        status, html = await upload(visitor, LIST)
        assert status == 200 and "Thu Test" in html and "cannot be told" in html
        assert await db.fetchval("SELECT count(*) FROM resident") == 0
        kept = await db.fetchval("SELECT body_enc FROM import_run")
        assert kept and b"Thu" not in kept
        action = plan_action(html)
        values = form_to(html, action).values
        status, html = await visitor.post(action, values)
        assert status == 200 and "has been taken over" in html
        assert await db.fetchval("SELECT count(*) FROM resident") == 2
        assert await db.fetchval("SELECT count(*) FROM import_run WHERE body_enc IS NOT NULL") == 0
        await visitor.post(action, values)
        assert await db.fetchval("SELECT count(*) FROM import_run WHERE NOT dry_run") == 1
        status, html = await upload(visitor, LIST)
        assert "nothing to change" in html


async def test_the_kept_file_of_another_organisation_cannot_be_applied(db: Pool) -> None:
    first, second = await make_org(db), await make_org(db)
    async with staff_site(db) as site:
        one, other = await site.signed_in(first), await site.signed_in(second)
        _, html = await upload(one, LIST)
        _, page = await other.get("/import")
        token = {"form_token": form_to(page, "/import").values["form_token"]}
        run = plan_action(html)
        for path in (run, run + "/columns", run + "/undo", run + "/discard"):
            status, _ = await other.post(path, token)
            assert status == 404
        assert (await other.get(run))[0] == 404
        assert await db.fetchval("SELECT count(*) FROM resident") == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "The file is empty."), ("%PDF-1.7", "is a PDF"), ("<html><table>", "is a web page")],
)
async def test_a_bad_file_is_refused_with_a_sentence(db: Pool, text: str, sentence: str) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        status, html = await upload(await site.signed_in(org), text)
        assert status == 400 and sentence in html


async def test_what_a_list_contains_cannot_become_markup(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        visitor = await site.signed_in(org)
        _, html = await upload(visitor, '氏名,寮\n"<script>alert(1)</script>","""><img src=x>"\n')
        assert "<script>alert" not in html and "<img src=x" not in html and "&lt;script&gt;" in html


async def test_a_person_is_added_by_form_and_read_like_a_list(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        visitor = await site.signed_in(org)
        values = {
            "name": "Sita Test",
            "language": "ne",
            "phone": "０９０ー１２３４ー５６７８",
            "home_postal_code": "861-2242",
        }
        response = await visitor.submit("/people/new", "/people/new", values)
        assert response.status == 200 and "Sita Test" in await response.text()
        _, html = await visitor.get("/people")
        assert "Sita Test" in html and "नेपाली" in html and "Not enrolled yet" in html
        response = await visitor.submit("/people/new", "/people/new", {"name": " "})
        assert response.status == 400 and "The name is missing" in await response.text()
        response = await visitor.submit("/people/new", "/people/new", values)
        assert "unchanged" in await response.text()
        assert await db.fetchval("SELECT count(*) FROM resident") == 1


async def test_an_employer_sees_its_own_people_and_never_addresses_or_numbers(db: Pool) -> None:
    mine, theirs = await make_org(db), await make_org(db)
    dorm = await make_site(db, mine.id, name="Hikari Dorm")
    own = await make_resident(db, mine.id, name="Thu Mine", dorm=dorm, phone="+819012345678")
    foreign = await make_resident(db, theirs.id, name="Minh Theirs")
    async with staff_site(db) as site:
        visitor = await site.signed_in(mine)
        _, html = await visitor.get("/people")
        assert "Thu Mine" in html and "Hikari Dorm" in html and "Minh Theirs" not in html
        _, found = await visitor.get("/people?q=Minh")
        assert "Minh Theirs" not in found
        status, page = await visitor.get(f"/people/{own.id}")
        assert status == 200 and "5678" not in page and "861-2242" not in page
        for path in (f"/people/{foreign.id}", "/people/nobody", f"/people/{org_like(foreign.id)}"):
            assert (await visitor.get(path))[0] == 404
        reads = await db.fetch("SELECT subjects FROM audit WHERE action IN ('people.read', 'person.read')")
        assert reads and all(foreign.id not in r["subjects"] for r in reads)
        assert any(own.id in r["subjects"] for r in reads)


def org_like(value: Any) -> str:
    return str(value).replace(str(value)[0], "0", 1)


async def test_the_search_takes_wildcards_literally(db: Pool) -> None:
    org = await make_org(db)
    await make_resident(db, org.id, name="Thu Mine")
    async with staff_site(db) as site:
        _, html = await (await site.signed_in(org)).get("/people?q=%25")
        assert "Thu Mine" not in html


async def test_a_supervising_organisation_keeps_the_lists_of_its_employers(db: Pool) -> None:
    supervising, employer = await make_org(db, OrgKind.SUPERVISING), await make_org(db, name="Aozora Foods")
    stranger = await make_org(db)
    async with transaction(db) as conn:
        await store.relate(conn, supervising.id, employer.id)
    person = await make_resident(db, employer.id, name="Thu Mine")
    other = await make_resident(db, stranger.id, name="Minh Theirs")
    async with staff_site(db) as site:
        visitor = await site.signed_in(supervising)
        _, html = await visitor.get("/people")
        assert "Thu Mine" in html and "Aozora Foods" in html and "Minh Theirs" not in html
        assert (await visitor.get(f"/people/{person.id}"))[0] == 200
        assert (await visitor.get(f"/people/{other.id}"))[0] == 404


async def test_leaving_by_the_page(db: Pool) -> None:
    org = await make_org(db)
    person = await make_resident(db, org.id, name="Thu Mine")
    async with staff_site(db) as site:
        visitor = await site.signed_in(org)
        end = f"/people/{person.id}/end"
        await visitor.submit(f"/people/{person.id}", end, {"end_date": "2027-03-31"})
        assert str(await db.fetchval("SELECT end_date FROM membership")) == "2027-03-31"
        assert (await visitor.get(f"/people/{person.id}"))[0] == 200
        await visitor.submit(f"/people/{person.id}", end, {"end_date": "2026-11-20"})
        assert (await visitor.get(f"/people/{person.id}"))[0] == 404
        assert await db.fetchval("SELECT orgs FROM resident") == []


async def test_sites_leaders_and_moving(db: Pool) -> None:
    org = await make_org(db)
    dorm = await make_site(db, org.id, name="Hikari Dorm", codes=FUKUOKA_CHUO)
    other = await make_site(db, org.id, name="Other Dorm")
    leader = await make_resident(db, org.id, name="Thu Mine", dorm=dorm)
    outsider = await make_resident(db, org.id, name="Outsider", dorm=other)
    async with staff_site(db) as site:
        visitor = await site.signed_in(org)
        page = f"/sites/{dorm[0]}"
        values = {
            "leader": f"r:{leader.id}",
            "deputy": f"s:{org.staff_id}",
            "landline": "096-328-1111",
            "postal_code": "861-2242",
        }
        response = await visitor.submit(page, page, values)
        assert response.status == 200 and "Saved." in await response.text()
        rows = await db.fetch("SELECT rank, resident_id, staff_id FROM site_leader ORDER BY rank")
        assert [tuple(r) for r in rows] == [(1, leader.id, None), (2, None, org.staff_id)]
        sealed = await db.fetchval("SELECT landline_enc FROM site WHERE id = $1", dorm[0])
        assert VAULT.decrypt(sealed, dorm[0], "site.landline_enc") == "+81963281111"
        codes = await db.fetch("SELECT code FROM place_area WHERE place_id = $1 AND scheme = 'jis'", dorm[1])
        assert [r["code"] for r in codes] == ["43443"]
        await visitor.submit(page, page, {"leader": f"r:{outsider.id}"})
        assert await db.fetchval("SELECT count(*) FROM site_leader WHERE resident_id = $1", outsider.id) == 0
        response = await visitor.submit(page, page, {"landline": "nonsense"})
        assert response.status == 400
        response = await visitor.submit(
            "/sites", "/sites", {"name": "New Dorm", "kind": "dorm", "postal_code": "0000000"}
        )
        assert response.status == 400 and "cannot find" in await response.text()
        response = await visitor.submit(
            "/sites", "/sites", {"name": "New Dorm", "kind": "dorm", "postal_code": "8620950"}
        )
        assert response.status == 200
        response = await visitor.submit(
            "/sites", "/sites", {"name": "New Dorm", "kind": "dorm", "postal_code": "8620950"}
        )
        assert response.status == 409


async def test_a_site_of_another_organisation_is_not_there(db: Pool) -> None:
    mine, theirs = await make_org(db), await make_org(db)
    dorm = await make_site(db, theirs.id)
    async with staff_site(db) as site:
        visitor = await site.signed_in(mine)
        _, page = await visitor.get("/sites")
        token = form_to(page, "/sites").values["form_token"]
        assert (await visitor.get(f"/sites/{dorm[0]}"))[0] == 404
        assert (await visitor.post(f"/sites/{dorm[0]}", {"form_token": token, "shift": "x"}))[0] == 404
        assert await db.fetchval("SELECT shift FROM site") == ""


async def test_colleagues_are_invited_and_their_accounts_ended(db: Pool) -> None:
    org, other = await make_org(db, OrgKind.VOLUNTEER_NETWORK), await make_org(db)
    volunteer = await make_staff(db, org.id, Role.VOLUNTEER, name="Jun Volunteer")
    async with staff_site(db) as site:
        boss = await site.signed_in(org)
        response = await boss.submit("/team", "/team/invite", {"role": "volunteer"})
        assert "/join/" in await response.text()
        assert await db.fetchval("SELECT role FROM staff_link WHERE kind = 'invitation'") == "volunteer"
        helper = await site.signed_in(replace(org, staff_id=volunteer))
        assert (await helper.get("/account"))[0] == 200
        _, html = await boss.get("/team")
        token = form_to(html, f"/team/{volunteer}/disable").values
        assert (await boss.post(f"/team/{other.staff_id}/disable", token))[0] == 404
        assert (await boss.post(f"/team/{org.staff_id}/disable", token))[0] == 400
        await boss.post(f"/team/{volunteer}/disable", token)
        async with helper.client.get("/account", allow_redirects=False) as answer:
            assert answer.status == 303
    left = await db.fetch("SELECT id FROM staff WHERE disabled_at IS NULL")
    assert {r["id"] for r in left} == {org.staff_id, other.staff_id}


async def test_a_supervising_organisation_adds_an_employer_with_its_administrator(db: Pool) -> None:
    supervising, stranger = await make_org(db, OrgKind.SUPERVISING), await make_org(db)
    async with staff_site(db) as site:
        visitor = await site.signed_in(supervising)
        response = await visitor.submit("/team", "/team/employer", {"name": "青空食品"})
        assert response.status == 200 and "/join/" in await response.text()
        row = await db.fetchrow("SELECT o.id, l.role FROM organisation o JOIN staff_link l ON l.org_id = o.id"
                                " WHERE o.name = '青空食品'")  # fmt: skip
        assert row["role"] == "employer"
        assert await db.fetchval("SELECT other_id FROM org_relation WHERE org_id = $1", supervising.id) == row["id"]
        response = await visitor.submit("/team", "/team/employer", {"name": "青空食品"})
        assert response.status == 409
        await visitor.submit("/team", "/team/invite", {"org": str(stranger.id)})
        assert await db.fetchval("SELECT count(*) FROM staff_link WHERE org_id = $1", stranger.id) == 0


# ---------------------------------------------------------------- who may open what


async def test_nobody_gets_in_without_a_session(db: Pool) -> None:
    async with staff_site(db) as site:
        visitor = site.visitor()
        for method, path in ((r.method, r.path) for r in routes_under("registry") if r.audience.kind == "staff"):
            url = re.sub(r"\{\w+\}", str(UUID(int=1)), path)
            async with visitor.client.request(method, url, allow_redirects=False) as response:
                location = response.headers.get("Location", "")
                assert (response.status, location.split("?")[0]) == (303, "/sign-in"), (method, path)
        async with visitor.client.get("/people", headers={"X-Fragment": "1"}, allow_redirects=False) as response:
            assert response.status == 401


async def test_every_route_says_for_whom(db: Pool) -> None:

    app = make_app(db, routes_under("registry"), FixedClock(NOW))
    assert list(routes_without_audience(app)) == []

    async def forgotten(request: web.Request) -> web.Response:
        return web.Response()

    app.router.add_get("/forgotten", forgotten)
    assert list(routes_without_audience(app)) == ["GET /forgotten"]
    assert ("GET", "/forgotten") not in app[AUDIENCES]
