"""A person's own page: enrolling, changing, stopping, in any language and without scripts."""

from __future__ import annotations

import pytest

from core.db import Pool, transaction
from core.i18n import Catalogs
from registry import store
from tests.pages import forms_of
from tests.people import FUKUOKA_CHUO, NOW, VAULT, Person, make_org, make_place, make_resident, make_site
from tests.staff_site import Visitor, staff_site

SQL_MEMBER = "INSERT INTO membership (resident_id, org_id, created_at) VALUES ($1, $2, $3)"


async def link(db: Pool, person: Person) -> str:
    async with transaction(db) as conn:
        token = await store.personal_token(conn, VAULT, person.id)
    assert token is not None
    return f"/p/{token}"


async def given(db: Pool, person: Person) -> dict[str, tuple[bool, str]]:
    rows = await db.fetch(
        "SELECT DISTINCT ON (scope) scope, given, basis FROM consent WHERE resident_id = $1 ORDER BY scope, id DESC",
        person.id,
    )
    return {r["scope"]: (r["given"], r["basis"]) for r in rows}


async def enrol(visitor: Visitor, page: str, **values: str) -> str:
    """Fill the form in and return the page's address afterwards; who has not enrolled agrees to everything."""
    _, html = await visitor.get(page)
    consents = {"C1": "1", "C2": "1", "C3": "1"} if 'name="C1"' in html else {}
    response = await visitor.submit(page, page, consents | values)
    assert response.status == 200, await response.text()
    return response.url.path


async def test_an_invited_person_enrols_and_the_printed_link_ends(db: Pool) -> None:
    org = await make_org(db, name="Aozora Foods")
    dorm = await make_site(db, org.id, name="Hikari Dorm")
    person = await make_resident(db, org.id, enrolled=False, dorm=dorm, phone="")
    printed = await link(db, person)
    async with staff_site(db) as site:
        visitor = site.visitor()
        status, html = await visitor.get(printed)
        assert status == 200 and "Aozora Foods" in html and "Hikari Dorm" in html
        assert "checked" not in html  # nobody agrees by doing nothing
        own = await enrol(visitor, printed, phone="０９０ー１２３４ー５６７８", language="ne", second_language="en")
        assert own != printed
        assert (await visitor.get(printed))[0] == 404
        status, html = await visitor.get(own)
        assert status == 200 and "•••• 78" in html and "12345678" not in html
    row = await db.fetchrow("SELECT state, language, second_language, enrolled_at FROM resident")
    assert tuple(row) == ("enrolled", "ne", "en", NOW)
    assert await given(db, person) == {"C1": (True, "own"), "C2": (True, "own"), "C3": (True, "own")}
    bidx = await db.fetchval("SELECT address_bidx FROM contact")
    assert bidx == VAULT.blind_index("phone", "+819012345678")


async def test_every_line_can_be_taken_back(db: Pool) -> None:
    org, other = await make_org(db, name="Aozora Foods"), await make_org(db, name="Plant Two")
    person = await make_resident(db, org.id)
    page = await link(db, person) + "/consent"
    await db.execute(
        "INSERT INTO membership VALUES ($1, $2, '', NULL, NULL, '', '', NULL, NULL, $3)", person.id, other.id, NOW
    )
    async with staff_site(db) as site:
        visitor = site.visitor()
        _, html = await visitor.get(page)
        assert "Aozora Foods" in html and "Plant Two" in html
        await visitor.post(page, {"C1": "1", f"C2-{org.id}": "1"})
        assert await given(db, person) == {"C1": (True, "own"), "C2": (False, "withdrawn"), "C3": (False, "withdrawn")}
        shared = [await db.fetchval("SELECT answer_shared($1, $2)", person.id, one.id) for one in (org, other)]
        assert shared == [True, False]  # one employer's consent is not the other's
        await visitor.post(page, {})
        assert await db.fetchval("SELECT state FROM resident") == "paused"
        assert not await db.fetchval("SELECT answer_shared($1, $2)", person.id, org.id)
        await visitor.post(page, {"C1": "1"})
        assert await db.fetchval("SELECT state FROM resident") == "enrolled"


async def test_saving_without_a_change_writes_no_consent(db: Pool) -> None:
    person = await make_resident(db)
    page = await link(db, person)
    before = await db.fetchval("SELECT count(*) FROM consent")
    async with staff_site(db) as site:
        for path in (page, page + "/consent"):
            _, html = await site.visitor().get(path)
            action = next(f.action for f in forms_of(html))
            response = await site.visitor().submit(path, action)
            assert response.status == 200
    assert await db.fetchval("SELECT count(*) FROM consent") == before


async def test_a_new_number_replaces_the_old_one(db: Pool) -> None:
    person = await make_resident(db, phone="+819011112222")
    async with staff_site(db) as site:
        await enrol(site.visitor(), await link(db, person), phone="080-3333-4444")
    rows = await db.fetch("SELECT address_bidx, state FROM contact")
    assert [tuple(r) for r in rows] == [(VAULT.blind_index("phone", "+818033334444"), "unproven")]


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"phone": "12"}, "me.phone_wrong"),
        ({"phone": "096-328-1111"}, "me.phone_wrong"),
        ({"phone": "+1 900 555 0100"}, "me.phone_wrong"),
        ({"postal_code": "000-0000"}, "me.postal_wrong"),
        ({"postal_code": "abc"}, "me.postal_wrong"),
    ],
)
async def test_a_mistake_changes_nothing_and_is_said_in_the_persons_language(
    db: Pool, values: dict[str, str], key: str
) -> None:
    person = await make_resident(db)
    page = await link(db, person)
    before = await db.fetch("SELECT * FROM contact"), await db.fetch("SELECT * FROM resident")
    async with staff_site(db) as site:
        response = await site.visitor().submit(page, page, {"language": "fil"} | values)
        assert response.status == 400
        assert Catalogs.load().say("fil", key)[:20] in await response.text()
    assert (await db.fetch("SELECT * FROM contact"), await db.fetch("SELECT * FROM resident")) == before


async def test_moving_home(db: Pool) -> None:
    person = await make_resident(db, home_place_id=await make_place(db, FUKUOKA_CHUO))
    async with staff_site(db) as site:
        await enrol(site.visitor(), await link(db, person), postal_code="861-2242")
    codes = await db.fetch(
        "SELECT a.code FROM resident_place p JOIN place_area a ON a.place_id = p.place_id AND a.scheme = 'jis'"
    )
    assert [r["code"] for r in codes] == ["43443"]


async def test_handles_are_kept_and_dropped(db: Pool) -> None:
    person = await make_resident(db, phone="")
    page = await link(db, person)
    async with staff_site(db) as site:
        visitor = site.visitor()
        await enrol(visitor, page, service="zalo", handle="thu.zalo")
        _, html = await visitor.get(page)
        assert "thu.zalo" in html
        drop = "drop-" + html.split('name="drop-')[1].split('"')[0]
        await enrol(visitor, page, **{drop: "1"})
        assert await db.fetchval("SELECT count(*) FROM contact") == 0


async def test_stopping_asks_first_and_ends_every_view(db: Pool) -> None:
    org = await make_org(db)
    person = await make_resident(db, org.id)
    page = await link(db, person)
    async with staff_site(db) as site:
        visitor = site.visitor()
        await visitor.get(page + "/stop")
        assert await db.fetchval("SELECT state FROM resident") == "enrolled"
        await visitor.submit(page + "/stop", page + "/stop")
        row = await db.fetchrow("SELECT state, orgs, left_at FROM resident")
        assert tuple(row) == ("left", [], NOW)
        clerk = await site.signed_in(org)
        assert (await clerk.get(f"/people/{person.id}"))[0] == 404
        await enrol(visitor, page)
        assert await db.fetchval("SELECT state FROM resident") == "enrolled"


async def test_the_page_speaks_every_language_and_is_light(db: Pool) -> None:
    person = await make_resident(db, (await make_org(db)).id)
    page = await link(db, person)
    async with staff_site(db) as site:
        visitor = site.visitor()
        for tag in Catalogs.load().languages:
            status, html = await visitor.get(f"{page}?lang={tag}")
            assert status == 200 and f'<html lang="{tag}"' in html
            assert len(html.encode()) < 30_000


async def test_looking_changes_nothing(db: Pool) -> None:
    person = await make_resident(db, enrolled=False)
    page = await link(db, person)
    tables = ("resident", "contact", "consent", "link", "membership", "resident_place")
    before = [await db.fetch(f"SELECT * FROM {t}") for t in tables]  # noqa: S608
    async with staff_site(db) as site:
        for path in (page, *(f"{page}/{more}" for more in ("stop", "consent", "seen", "pause", "delete", "data.json"))):
            for _ in range(3):
                await site.visitor().get(path)
    assert [await db.fetch(f"SELECT * FROM {t}") for t in tables] == before  # noqa: S608


@pytest.mark.parametrize("token", ["AAAAAAAAAAAA", "short", "0" * 12, "../../etc"])
async def test_unknown_links_look_alike(db: Pool, token: str) -> None:
    async with staff_site(db) as site:
        assert (await site.visitor().get(f"/p/{token}"))[0] == 404


async def test_a_foreign_page_cannot_post_here(db: Pool) -> None:
    person = await make_resident(db)
    page = await link(db, person)
    async with staff_site(db) as site:
        status, _ = await site.visitor().post(page + "/stop", {}, headers={"Sec-Fetch-Site": "cross-site"})
        assert status == 403
    assert await db.fetchval("SELECT state FROM resident") == "enrolled"
