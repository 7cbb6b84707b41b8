"""\"I am somewhere else today\": the page, who sees it, the alert it brings, and its end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.fanout import decide_once
from alerts.staff_call_store import employers_told, next_uncalled
from checkin.dashboard_store import incidents_of, is_own_person, people_of
from checkin.link_store import help_view
from core.clock import FixedClock
from core.db import Pool, Scope, ScopedPool, transaction
from core.i18n import Catalogs
from core.model import OrgKind, Purpose
from geo.areas import Areas
from ops.purge import SCOPE, purge
from ops.tend import tend_once
from registry import store
from registry.elsewhere_store import elsewhere_now, end_elsewhere, set_elsewhere
from registry.own_data_store import everything_about
from registry.presence import Absence, Kind
from registry.presence_store import set_own
from tests.alerts_kit import NOON, city, quake, store_event, wires
from tests.board_site import board_site
from tests.incidents import SQL_STANDINGS
from tests.people import FUKUOKA_CHUO, MASHIKI, NOW, VAULT, Person, make_org, make_place, make_resident, make_site
from tests.staff_site import staff_site

SAY = Catalogs.load().say
CHUO = "4013300"


async def page_of(db: Pool, person: Person, end: str = "elsewhere") -> str:
    async with transaction(db) as conn:
        return f"/p/{await store.personal_token(conn, VAULT, person.id)}/{end}"


async def in_fukuoka(db: Pool, person: Person, hours: float = 12) -> None:
    async with transaction(db) as conn:
        place = await make_place(conn, FUKUOKA_CHUO, label="Hotel in Tenjin")
        await set_elsewhere(conn, person.id, place, NOON + timedelta(hours=hours))


async def codes(db: Pool) -> set[str]:
    rows = await db.fetch(
        "SELECT a.code FROM resident_place p JOIN place_area a USING (place_id) "
        "WHERE p.kind = 'today' AND a.scheme = 'jis'"
    )
    return {row["code"] for row in rows}


@pytest.mark.parametrize(
    "where", [{"postal_code": "810-0001"}, {"address": "福岡市中央区"}, {"lat": "33.58980", "lon": "130.39880"}]
)
async def test_said_shown_and_ended_by_the_person(db: Pool, where: dict[str, str]) -> None:
    person = await make_resident(db, language="vi", home_place_id=await make_place(db))
    path = await page_of(db, person)
    async with staff_site(db, clock=FixedClock(NOW)) as site:
        visitor = site.visitor()
        status, html = await visitor.post(path, {"do": "here", "for": ""} | where)
        assert status == 200 and "Fukuoka" in html and SAY("vi", "away.back") in html
        assert "40133" in await codes(db)
        assert await db.fetchval("SELECT until FROM resident_place WHERE kind = 'today'") == NOON + timedelta(hours=12)
        _, html = await visitor.get(path.removesuffix("/elsewhere"))
        assert "Fukuoka" in html  # the person's own page says so, with a button
        await visitor.post(path, {"do": "back"})
        _, html = await visitor.get(path)
        assert SAY("vi", "away.back") not in html
    async with transaction(db) as conn:
        assert await elsewhere_now(conn, person.id, NOW) is None
    assert await db.fetchval("SELECT count(*) FROM resident_place WHERE kind = 'home'") == 1


@pytest.mark.parametrize(
    "form", [{"postal_code": "000-0000"}, {}, {"address": "nowhere"}, {"postal_code": "810-0001", "for": "days:99"}]
)
async def test_what_is_no_place_or_no_time_is_said_and_nothing_is_kept(db: Pool, form: dict[str, str]) -> None:
    person = await make_resident(db, language="en")
    async with staff_site(db) as site:
        status, html = await site.visitor().post(await page_of(db, person), {"do": "here"} | form)
    assert status == 400 and 'role="alert"' in html
    assert await codes(db) == set()


async def test_no_page_of_an_organisation_ever_reads_such_a_row(db: Pool) -> None:
    org = await make_org(db)
    person = await make_resident(db, org.id, home_place_id=await make_place(db))
    await in_fukuoka(db, person)
    employer = ScopedPool(db, Scope("daijobu_web", orgs=(org.id,)))
    assert [row["kind"] for row in await employer.fetch("SELECT kind FROM resident_place")] == ["home"]
    assert await employer.fetchval("SELECT count(*) FROM place WHERE label = 'Hotel in Tenjin'") == 0
    async with staff_site(db) as site:
        clerk = await site.signed_in(org)
        for path in ("/people", f"/people/{person.id}", "/people/unreached"):
            _, html = await clerk.get(path)
            assert "Fukuoka" not in html and "Tenjin" not in html, path


async def told(db: Pool, dsn: str, *cities: str, at: float = 0) -> set[str]:
    """A strong quake in these cities; who is in an incident."""
    clock = FixedClock(NOON + timedelta(hours=at, seconds=30))
    await store_event(db, quake(*(city(code, "6-") for code in cities), at=clock.now() - timedelta(seconds=30)))
    async with wires(db, dsn, clock=clock) as deps:
        while await decide_once(deps):
            pass
    rows = await db.fetch("SELECT r.name FROM incident_resident ir JOIN resident r ON r.id = ir.resident_id")
    return {row["name"] for row in rows}


async def test_told_there_while_it_runs_and_seen_by_no_organisation(db: Pool, db_dsn: str) -> None:
    org, partner = await make_org(db), await make_org(db, OrgKind.PARTNER)
    dorm = await make_site(db, org.id)
    person = await make_resident(db, org.id, name="Travels", dorm=dorm)
    await make_resident(db, org.id, name="Stays", dorm=dorm)
    await in_fukuoka(db, person)
    assert await told(db, db_dsn, CHUO) == {"Travels"}
    row = await db.fetchrow(SQL_STANDINGS)
    assert (row["orgs"], row["only_today"], row["reason"]["worse"]) == ([], True, "today") and row["asked_at"]
    (incident,) = await db.fetch("SELECT id FROM incident")
    async with transaction(db) as conn:  # as the worker, to whom no policy applies: the queries hold by themselves
        for one in (org, partner):
            assert await incidents_of(conn, [one.id], NOON.date()) == []
        assert await people_of(conn, incident["id"], org.id, NOON.date()) == []
        assert not await is_own_person(conn, incident["id"], person.id, org.id, NOON.date())
        alert = await next_uncalled(conn, NOON + timedelta(seconds=30))
        assert alert is not None and await employers_told(conn, alert, NOON.date()) == []
    assert await db.fetchval("SELECT count(*) FROM link WHERE kind = 'leader'") == 0
    employer = ScopedPool(db, Scope("daijobu_web", orgs=(org.id,)))
    assert await employer.fetchval("SELECT count(*) FROM incident_resident") == 0


async def test_home_as_well_and_the_organisation_sees_home_only(db: Pool, db_dsn: str) -> None:
    org = await make_org(db)
    person = await make_resident(db, org.id, name="Travels", home_place_id=await make_place(db, MASHIKI))
    await in_fukuoka(db, person)
    await db.execute(
        "INSERT INTO contact (id, staff_id, kind, channel, address_enc, address_bidx, state, created_at, confirmed_at) "
        "VALUES (gen_random_uuid(), $1, 'address', 'phone', 'x', 'y', 'proven', $2, $2)",
        org.staff_id,
        NOW,
    )
    await told(db, db_dsn, CHUO, "4344300")
    row = await db.fetchrow(SQL_STANDINGS)
    assert (row["orgs"], row["only_today"]) == ([org.id], False)
    async with transaction(db) as conn:
        alert = await next_uncalled(conn, NOON + timedelta(seconds=30))
        assert alert is not None
        (group,) = await employers_told(conn, alert, NOON.date())
    assert group.people == 1 and group.place is not None and group.place["code"] != CHUO


async def test_over_is_over(db: Pool, db_dsn: str) -> None:
    person = await make_resident(db, name="Travels")
    await in_fukuoka(db, person, hours=1)
    assert await told(db, db_dsn, CHUO, at=2) == set()


async def test_back_is_back(db: Pool, db_dsn: str) -> None:
    person = await make_resident(db, name="Travels")
    await in_fukuoka(db, person)
    async with transaction(db) as conn:
        assert await end_elsewhere(conn, person.id, NOON)
        assert not await end_elsewhere(conn, person.id, NOON)
    assert await told(db, db_dsn, CHUO) == set()


async def test_away_from_home_and_asked_there(db: Pool, db_dsn: str) -> None:
    person = await make_resident(db, name="Travels", home_place_id=await make_place(db, MASHIKI))
    async with transaction(db) as conn:
        await set_own(conn, person.id, Absence(Kind.AWAY, NOON.date()), NOW)
    await in_fukuoka(db, person)
    assert await told(db, db_dsn, CHUO) == {"Travels"}
    assert await db.fetchval("SELECT asked_at IS NOT NULL FROM incident_resident")


async def test_coordinators_see_where_to_look_and_the_card_names_it_first(db: Pool, db_dsn: str) -> None:
    org, network = await make_org(db), await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    dorm = await make_site(db, org.id)
    person = await make_resident(db, org.id, name="Travels", dorm=dorm)
    await in_fukuoka(db, person)
    await told(db, db_dsn, CHUO)
    view = await help_view(db, VAULT, person.id, Purpose.LIVE, NOON)
    assert [place.kind.value for place in view.places] == ["today", "home"]
    later = await help_view(db, VAULT, person.id, Purpose.LIVE, NOON + timedelta(hours=13))
    assert [place.kind.value for place in later.places] == ["home"]
    async with wires(db, db_dsn, clock=FixedClock(NOON + timedelta(hours=5))) as deps:
        await tend_once(deps, "test")
    case = await db.fetchrow("SELECT id, dorm_id FROM case_file")
    assert case["dorm_id"] is None, "nobody looks for them in the dorm"
    async with board_site(db, extras={"areas": Areas.load()}) as site:
        coordinator = await site.visitor(network.staff_id)
        unit = f"/board/live/person/{case['id']}"
        html = await coordinator.html(unit)
        assert "Said to be elsewhere until" in html, html[1500:4000]
        assert "Fukuoka Chuo-ku" in html
        assert "Hotel in Tenjin" not in html
        answer = await coordinator.post(f"{unit}/reveal", who=f"resident:{person.id}", why="visit")
        assert ("Hotel in Tenjin" in await answer.text()) is bool(await db.fetchval("SELECT count(*) FROM consent"))
        await db.execute("UPDATE resident SET protected = true")
        assert "Said to be elsewhere until" not in await coordinator.html(unit)


async def test_the_purge_forgets_it_unless_an_incident_has_them(db: Pool, db_dsn: str) -> None:
    person, told_there = await make_resident(db, name="Was there"), await make_resident(db, name="Travels")
    await in_fukuoka(db, told_there)
    await told(db, db_dsn, CHUO)
    await in_fukuoka(db, person, hours=1)
    await purge(ScopedPool(db, SCOPE), NOON + timedelta(hours=24))
    assert await db.fetchval("SELECT count(*) FROM resident_place") == 2
    await purge(ScopedPool(db, SCOPE), NOON + timedelta(hours=26))
    await purge(ScopedPool(db, SCOPE), NOON + timedelta(hours=60))
    assert [row["resident_id"] for row in await db.fetch("SELECT resident_id FROM resident_place")] == [told_there.id]


async def test_it_stands_in_the_persons_own_data(db: Pool) -> None:
    person = await make_resident(db)
    await in_fukuoka(db, person)
    async with transaction(db) as conn:
        (place,) = (await everything_about(conn, VAULT, person.id, NOW))["places"]
    assert (place["kind"], place["address"]) == ("today", "Hotel in Tenjin") and place["until"]
