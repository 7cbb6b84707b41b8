"""Enrolling by the link on a slip: step by step, without script, in any language, with every mistake said and kept."""

from __future__ import annotations

from typing import Any

import pytest

from core.db import Pool, transaction
from core.i18n import Catalogs
from core.tokens import link_token
from registry import store
from registry.enrol_store import drop_old_drafts
from tests.people import NOW, VAULT, Org, Person, make_org, make_place, make_resident, make_site
from tests.staff_site import Site, Visitor, form_to, staff_site

LINE_ON_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Safari Line/14.2.1"


async def invited(db: Pool, org: Org, **more: Any) -> tuple[Person, str]:
    """An invited person and the path of their invitation."""
    person = await make_resident(db, org.id, enrolled=False, phone="", **more)
    async with transaction(db) as conn:
        token = await store.personal_token(conn, VAULT, person.id)
    return person, f"/e/{token}"


async def send(visitor: Visitor, path: str, **values: str) -> str:
    """Fill in the step that `path` shows, as a browser would; the path of the next page."""
    _, html = await visitor.get(path)
    action = path.split("?")[0]
    form = form_to(html, action)
    async with visitor.client.post(action, data=form.values | values, allow_redirects=False) as answer:
        assert answer.status == 303, await answer.text()
        return answer.headers["Location"]


async def walk(site: Site, path: str, **reach: str) -> str:
    """A whole enrolment of somebody whose dorm is known; the path of the card at its end."""
    visitor = site.visitor()
    step = await send(visitor, path, language="vi")
    step = await send(visitor, step)
    step = await send(visitor, step, **reach)
    return await send(visitor, step, all="1")


async def test_four_taps_when_the_employer_entered_the_rest(db: Pool) -> None:
    org = await make_org(db, name="Aozora Foods")
    dorm = await make_site(db, org.id, name="Hikari Dorm")
    person, path = await invited(db, org, dorm=dorm, room="201")
    async with staff_site(db) as site:
        visitor = site.visitor()
        _, html = await visitor.get(path)
        assert "Aozora Foods" in html and person.name in html
        step = await send(visitor, path, language="vi")
        _, html = await visitor.get(step)
        assert "Hikari Dorm 201" in html and '<html lang="vi"' in html
        step = await send(visitor, step, second_language="en")
        step = await send(visitor, step, phone="０９０ー１２３４ー５６７８", service="zalo", handle="thu.zalo")
        card = await send(visitor, step, all="1")
        status, html = await visitor.get(card)
        assert status == 200 and "<svg" in html and person.name in html
        assert (await visitor.get(path))[0] == 410
    row = await db.fetchrow("SELECT state, language, second_language, enrolled_at FROM resident")
    assert tuple(row) == ("enrolled", "vi", "en", NOW)
    lines = await db.fetch("SELECT scope, given, basis FROM consent WHERE basis <> 'invitation' ORDER BY scope")
    assert [tuple(r) for r in lines] == [("C1", True, "own"), ("C2", True, "own"), ("C3", True, "own")]
    ways = await db.fetch("SELECT channel, kind FROM contact ORDER BY channel")
    assert [tuple(r) for r in ways] == [("phone", "address"), ("zalo", "handle")]
    assert await db.fetchval("SELECT count(*) FROM enrolment_draft") == 0


async def test_a_dropped_connection_costs_one_page(db: Pool) -> None:
    org = await make_org(db)
    _, path = await invited(db, org)
    async with staff_site(db) as site:
        first = site.visitor()
        step = await send(first, path, language="my")
        await send(first, step, postal_code="861-2242")
        # Another browser (the phone restarted, LINE was left for Chrome): the same link goes on where it was.
        _, html = await site.visitor().get(path)
        assert 'name="step" value="reach"' in html and '<html lang="my"' in html and "益城町" in html
        # Pressing "back" and sending again an older page loses nothing either.
        await send(site.visitor(), path + "?step=language", language="ne")
        _, html = await site.visitor().get(path)
        assert 'name="step" value="reach"' in html and '<html lang="ne"' in html


async def test_nothing_counts_before_the_last_step_and_looking_changes_nothing(db: Pool) -> None:
    org = await make_org(db)
    _, path = await invited(db, org)
    tables = ("resident", "contact", "consent", "link", "membership", "resident_place", "place")
    before = [await db.fetch(f"SELECT * FROM {t}") for t in tables]  # noqa: S608
    async with staff_site(db) as site:
        visitor = site.visitor()
        step = await send(visitor, path, language="vi")
        step = await send(visitor, step, postal_code="861-2242")
        step = await send(visitor, step, phone="080-9876-5432", email="thu@example.jp")
        drafts = await db.fetch("SELECT * FROM enrolment_draft")
        for look in (path, step, path + "?step=places", path + "?lang=en"):
            await visitor.get(look)
        assert await db.fetch("SELECT * FROM enrolment_draft") == drafts
    assert [await db.fetch(f"SELECT * FROM {t}") for t in tables] == before  # noqa: S608
    assert b"98765432" not in drafts[0]["data_enc"]


async def test_who_printed_the_link_reads_no_number_from_it(db: Pool) -> None:
    org = await make_org(db)
    _, path = await invited(db, org)
    async with staff_site(db) as site:
        visitor = site.visitor()
        step = await send(visitor, path, language="vi")
        step = await send(visitor, step, postal_code="861-2242")
        await send(visitor, step, phone="080-9876-5432", email="thu@example.jp", service="line", handle="thu.line")
        for look in ("", "?step=reach", "?step=consent"):
            _, html = await site.visitor().get(path + look)
            assert "9876" not in html and "5432" not in html and "thu" not in html, look


@pytest.mark.parametrize(
    ("step", "values", "key"),
    [
        ("places", {}, "enrol.problem.no_place"),
        ("places", {"postal_code": "000-0000"}, "me.postal_wrong"),
        ("places", {"lat": "10.8", "lon": "106.6"}, "enrol.problem.position"),
        ("reach", {"phone": "12"}, "me.phone_wrong"),
        ("reach", {"email": "thu@"}, "enrol.problem.email"),
    ],
)
async def test_a_mistake_is_said_in_the_persons_language_and_keeps_the_draft(
    db: Pool, step: str, values: dict[str, str], key: str
) -> None:
    org = await make_org(db)
    _, path = await invited(db, org)
    async with staff_site(db) as site:
        visitor = site.visitor()
        await send(visitor, path, language="fil")
        if step == "reach":
            await send(visitor, path, postal_code="861-2242")
        before = await db.fetch("SELECT * FROM enrolment_draft")
        status, html = await visitor.post(path, {"step": step} | values)
        assert status == 400 and Catalogs.load().say("fil", key)[:20] in html
        for name, value in values.items():
            if name in ("postal_code", "phone", "email"):
                assert f'value="{value}"' in html  # nobody types it twice
        assert await db.fetch("SELECT * FROM enrolment_draft") == before


async def test_the_three_lines_are_each_their_own(db: Pool) -> None:
    org = await make_org(db)
    _, path = await invited(db, org, dorm=await make_site(db, org.id))
    async with staff_site(db) as site:
        visitor = site.visitor()
        step = path
        for values in ({"language": "vi"}, {}, {}):
            step = await send(visitor, step, **values)
        _, html = await visitor.get(step)
        assert "checked" not in html
        card = await send(visitor, step, C2="1")
        _, html = await visitor.get(card)
        assert Catalogs.load().say("vi", "enrol.done.paused") in html
    assert await db.fetchval("SELECT state FROM resident") == "paused"


async def test_a_step_cannot_be_jumped(db: Pool) -> None:
    org = await make_org(db)
    _, path = await invited(db, org)
    async with staff_site(db) as site:
        visitor = site.visitor()
        for step in ("consent", "reach", "nothing"):
            async with visitor.client.post(path, data={"step": step, "all": "1"}, allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (303, path)
        _, html = await visitor.get(path + "?step=consent")
        assert 'name="step" value="language"' in html
    assert await db.fetchval("SELECT state FROM resident") == "invited"


async def test_inside_line_the_page_says_how_to_leave_and_still_goes_on(db: Pool) -> None:
    org = await make_org(db)
    _, path = await invited(db, org, dorm=await make_site(db, org.id))
    async with staff_site(db) as site:
        visitor = site.visitor()
        step = await send(visitor, await send(visitor, path, language="vi"))
        _, html = await visitor.get(step, headers={"User-Agent": LINE_ON_IPHONE})
        assert "openExternalBrowser=1" in html and "Safari" in html and "data-push-token" not in html
        _, html = await visitor.get(step)
        assert "openExternalBrowser" not in html and "data-push-token" in html
        assert (await send(visitor, step)).endswith("step=consent")


async def test_a_household_workers_two_homes_stay_apart(db: Pool) -> None:
    """The agency never sees where its people live or work; the worker sees no more than the town of what it entered."""
    org = await make_org(db, name="Katei Service")
    async with staff_site(db) as site:
        clerk = await site.signed_in(org)
        await clerk.submit(
            "/people/new",
            "/people/new",
            {"name": "Marites", "language": "fil", "work_postal_code": "861-2242", "work_address": "益城町宮園702"}
            if "work_address" in (await clerk.get("/people/new"))[1]
            else {"name": "Marites", "language": "fil", "work_postal_code": "861-2242"},
        )
        person = await db.fetchrow("SELECT id FROM resident WHERE name = 'Marites'")
        async with transaction(db) as conn:
            path = f"/e/{await store.personal_token(conn, VAULT, person['id'])}"
        visitor = site.visitor()
        step = await send(visitor, path, language="fil")
        _, html = await visitor.get(step)
        assert "益城町" in html and "8612242" not in html and "861-2242" not in html and "宮園" not in html
        step = await send(visitor, step, postal_code="860-0806")
        await send(visitor, await send(visitor, step), all="1")
        for page in (f"/people/{person['id']}", "/people"):
            _, html = await clerk.get(page)
            assert "Marites" in html
            for secret in ("860-0806", "8600806", "中央区", "益城"):
                assert secret not in html, page


async def test_every_page_is_light_in_every_language(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        for tag in Catalogs.load().languages:
            _, path = await invited(db, org, dorm=await make_site(db, org.id))
            visitor = site.visitor()
            step = path + f"?lang={tag}"
            for values in ({"language": tag}, {}, {"reach_by": "paper"}, {"all": "1"}, None):
                status, html = await visitor.get(step)
                assert status == 200 and len(html.encode()) < 12_000, (tag, step, len(html.encode()))
                assert f'<html lang="{tag}"' in html
                if values is not None:
                    step = await send(visitor, step, **values)


async def test_drafts_are_forgotten(db: Pool) -> None:
    org = await make_org(db)
    _, path = await invited(db, org)
    async with staff_site(db) as site:
        await send(site.visitor(), path, language="vi")
    async with transaction(db) as conn:
        assert await drop_old_drafts(conn, NOW) == 0
        await conn.execute("UPDATE enrolment_draft SET updated_at = updated_at - interval '31 days'")
        assert await drop_old_drafts(conn, NOW) == 1


@pytest.mark.parametrize("token", ["AAAAAAAAAAAA", "short", "0" * 12])
async def test_unknown_links_look_alike(db: Pool, token: str) -> None:
    async with staff_site(db) as site:
        for path in (f"/e/{token}", f"/p/{token}/card", f"/p/{token}/away", f"/p/{token}/same", f"/w/{token}"):
            assert (await site.visitor().get(path))[0] == 404
            assert (await site.visitor().post(path, {"step": "consent"}))[0] in (404, 405)


async def test_an_enrolled_person_who_opens_the_old_way_comes_to_their_page(db: Pool) -> None:
    person = await make_resident(db, (await make_org(db)).id, home_place_id=await make_place(db))
    link = await db.fetchval("SELECT id FROM link WHERE resident_id = $1", person.id)
    token = link_token(VAULT.link_key, link)
    async with staff_site(db) as site, site.visitor().client.get(f"/e/{token}", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, f"/p/{token}")
