"""Paper: slips for those who are invited, posters of community groups, and walking in by one."""

from __future__ import annotations

import re
from datetime import date

from core.clock import FixedClock
from core.db import Pool, transaction
from core.i18n import Catalogs
from core.model import OrgKind
from registry import store
from registry.poster_store import WALK_INS_PER_ADDRESS
from registry.presence_store import end_due
from tests.people import NOW, VAULT, Org, make_org, make_resident, make_site
from tests.staff_site import Site, Visitor, staff_site


async def hang_poster(site: Site, org: Org) -> tuple[Visitor, str, str]:
    """The group's clerk makes a poster: the clerk, the poster's page, and the path people scan."""
    clerk = await site.signed_in(org)
    response = await clerk.submit("/posters", "/posters", {"label": "Church"})
    page = response.url.path
    _, html = await clerk.get(page)
    found = re.search(r"/w/[1-9A-HJ-NP-Za-km-z]{12}", html)
    assert found, "the poster names its link for those who cannot scan"
    return clerk, page, found[0]


async def test_somebody_walks_in_and_enrols(db: Pool) -> None:
    group = await make_org(db, OrgKind.COMMUNITY, name="Kumamoto Filipino Circle")
    async with staff_site(db) as site:
        clerk, _, path = await hang_poster(site, group)
        visitor = site.visitor()
        _, html = await visitor.get(path + "?lang=fil")
        assert "Kumamoto Filipino Circle" in html and '<html lang="fil"' in html
        response = await visitor.submit(path + "?lang=fil", path, {"name": "  Marites   Santos "})
        assert response.url.path.startswith("/e/") and response.status == 200
        assert "Marites Santos" in await response.text()
        _, html = await clerk.get("/people")
        assert "Marites Santos" in html
    row = await db.fetchrow("SELECT name, language, state, orgs FROM resident")
    assert tuple(row) == ("Marites Santos", "fil", "invited", [group.id])
    assert await db.fetchval("SELECT count(*) FROM consent") == 0  # they have not said anything yet


async def test_a_second_tap_makes_no_second_person(db: Pool) -> None:
    group = await make_org(db, OrgKind.COMMUNITY)
    async with staff_site(db) as site:
        _, _, path = await hang_poster(site, group)
        places = set()
        for _ in range(3):
            answer = await site.visitor().client.post(
                path, data={"name": "Thu", "once": "abc", "language": "vi"}, allow_redirects=False
            )
            places.add(answer.headers["Location"])
        assert len(places) == 1 and await db.fetchval("SELECT count(*) FROM resident") == 1
        await site.visitor().post(path, {"name": "Thu", "once": "other"})
        assert await db.fetchval("SELECT count(*) FROM resident") == 2  # two people may have one name


async def test_looking_at_a_poster_makes_nobody(db: Pool) -> None:
    group = await make_org(db, OrgKind.COMMUNITY)
    async with staff_site(db) as site:
        _, _, path = await hang_poster(site, group)
        for _ in range(3):
            await site.visitor().get(path)
    assert await db.fetchval("SELECT count(*) FROM resident") == 0


async def test_a_script_cannot_fill_a_group(db: Pool) -> None:
    group = await make_org(db, OrgKind.COMMUNITY)
    async with staff_site(db) as site:
        _, _, path = await hang_poster(site, group)
        visitor = site.visitor()
        for number in range(WALK_INS_PER_ADDRESS):
            status, _ = await visitor.post(path, {"name": f"Nobody {number}"}, allow_redirects=False)
            assert status == 303
        assert (await visitor.post(path, {"name": "Nobody"}))[0] == 429
        # Another network is not braked.
        status, _ = await visitor.post(
            path, {"name": "Thu"}, headers={"X-Forwarded-For": "203.0.113.9"}, allow_redirects=False
        )
        assert status == 303


async def test_mistakes_on_the_poster_page(db: Pool) -> None:
    group = await make_org(db, OrgKind.COMMUNITY)
    async with staff_site(db) as site:
        clerk, _, path = await hang_poster(site, group)
        visitor = site.visitor()
        say = Catalogs.load().say
        stale = {"name": "A", "stay": "2020-01-01"}
        for values, key in (({"name": " "}, "walk.no_name"), (stale, "away.problem.until")):
            status, html = await visitor.post(path + "?lang=ne", values)
            assert status == 400 and say("ne", key)[:20] in html
        poster_id = await db.fetchval("SELECT id FROM poster")
        response = await clerk.submit("/posters", f"/posters/{poster_id}/end")
        assert response.status == 200
        status, html = await visitor.get(path + "?lang=ne")
        assert status == 410 and say("ne", "walk.ended")[:20] in html and "<form method" not in html
        assert (await visitor.post(path, {"name": "Late"}))[0] == 410
    assert await db.fetchval("SELECT count(*) FROM resident") == 0


async def test_a_short_stay_ends_by_itself(db: Pool) -> None:
    group = await make_org(db, OrgKind.COMMUNITY)
    async with staff_site(db, clock=FixedClock(NOW)) as site:
        _, _, path = await hang_poster(site, group)
        await site.visitor().submit(path, path, {"name": "Ana", "stay": "2026-12-31"})
    async with transaction(db) as conn:
        assert await end_due(conn, date(2026, 12, 31), NOW) == 0
        assert await end_due(conn, date(2027, 1, 1), NOW) == 1
        assert await end_due(conn, date(2027, 1, 1), NOW) == 0
    assert tuple(await db.fetchrow("SELECT state, orgs FROM resident")) == ("left", [])


async def test_the_poster_speaks_every_language(db: Pool) -> None:
    group = await make_org(db, OrgKind.COMMUNITY)
    async with staff_site(db) as site:
        clerk, page, _ = await hang_poster(site, group)
        _, html = await clerk.get(page)
        for tag in Catalogs.load().languages:
            assert f'<li lang="{tag}">' in html
        other = await site.signed_in(await make_org(db, OrgKind.COMMUNITY))
        assert (await other.get(page))[0] == 404


async def test_slips_are_for_those_who_have_not_enrolled(db: Pool) -> None:
    org = await make_org(db)
    hikari = await make_site(db, org.id, name="Hikari Dorm")
    tsubaki = await make_site(db, org.id, name="Tsubaki Dorm")
    for n in range(6):
        await make_resident(db, org.id, dorm=hikari, room=f"{n}01", name=f"Hikari {n}", enrolled=n < 4, language="my")
    invited = await make_resident(db, org.id, dorm=tsubaki, name="Tsubaki 1", enrolled=False)
    other = await make_resident(db, (await make_org(db)).id, name="Foreign", enrolled=False)
    async with staff_site(db) as site:
        clerk = await site.signed_in(org)
        _, html = await clerk.get("/slips")
        assert "4 of 6 registered" in html and "0 of 1 registered" in html
        assert html.count("<svg") == 3 and "Hikari 4" in html and "Hikari 3" not in html and "Foreign" not in html
        async with transaction(db) as conn:
            assert f"/e/{await store.personal_token(conn, VAULT, invited.id)}" in html
        assert '<p lang="my">' in html and '<p lang="ja-simple">' in html and '<p lang="en">' in html
        _, html = await clerk.get(f"/slips?site={hikari[0]}")
        assert html.count("<svg") == 2 and "Tsubaki" not in html
        assert (await clerk.get("/slips?site=x"))[0] == 404
        _, html = await clerk.get(f"/sites/{hikari[0]}")
        assert "4 of 6 registered" in html and f"/slips?site={hikari[0]}" in html
    shown = await db.fetchrow("SELECT subjects, fields FROM audit WHERE action = 'invitation.print' ORDER BY id")
    assert len(shown["subjects"]) == 3 and other.id not in shown["subjects"] and "link" in shown["fields"]
