"""Disclosure in an emergency through the pages: two people, named fields only, 72 hours, and people are told."""

from __future__ import annotations

from datetime import timedelta

from core.db import Pool, transaction
from core.model import Answer, OrgKind, Role
from ops.pages_web import all_routes
from registry.approvals_store import approve
from registry.break_glass_web import ROUTES
from registry.consent_store import protect
from tests.board_site import Visitor, board_site
from tests.db.test_dashboard_pages import say
from tests.db.test_personal_page import link
from tests.incidents import make_incident, tell
from tests.pages import website
from tests.people import KASHIMA, VAULT, make_org, make_place, make_resident, make_site, make_staff

FORM = {"purpose": "search of houses", "recipient": "Fire service, Ms B", "scope": "43443"}
HOUR = timedelta(hours=1)


async def proposed(db: Pool, coordinator: Visitor, **fields: str) -> object:
    answer = await coordinator.post("/board/break-glass", True, **(FORM | fields))
    assert answer.status == 303, await answer.text()
    return await db.fetchval("SELECT id FROM approval ORDER BY made_at DESC, id DESC LIMIT 1")


async def test_a_towns_people_are_shown_after_two_agreed_and_told_afterwards(db: Pool) -> None:
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    second = await make_staff(db, network.id, Role.COORDINATOR)
    org = await make_org(db, name="Aozora Foods")
    dorm = await make_site(db, org.id, name="Hikari Dorm")
    silent = await make_resident(db, org.id, name="Thu Silent", dorm=dorm, room="Z-77", enrolled=False)
    hidden = await make_resident(db, org.id, name="Mai Protected", dorm=dorm)
    elsewhere = await make_resident(db, name="Lan Elsewhere", home_place_id=await make_place(db, KASHIMA))
    untold = await make_resident(db, org.id, name="Hoa Untold", dorm=dorm)
    incident = await make_incident(db)
    for one in (silent, hidden, elsewhere):
        await tell(db, incident, one.id)
    await say(db, incident, hidden, Answer.HELP)
    async with transaction(db) as conn:
        await protect(conn, hidden.id)
    async with board_site(db, more=ROUTES) as site:
        coordinator, other = await site.visitor(network.staff_id), await site.visitor(second)
        approval = await proposed(db, coordinator, **{"field-name": "1", "field-phone": "1"})
        opening = f"/board/break-glass/{approval}/open"
        assert (await coordinator.post(opening)).status == 409  # nobody has agreed yet
        async with transaction(db) as conn:
            await approve(conn, approval, second, site.clock.now())  # type: ignore[arg-type]
        assert "Your proposal has been approved." in await coordinator.html("/board/break-glass")
        glass = (await coordinator.post(opening)).headers["Location"]
        assert (await coordinator.post(opening)).status == 409  # once
        html = await coordinator.html(glass)
        assert "Thu Silent" in html and silent.phone in html
        for nobody in ("Lan Elsewhere", "Mai Protected", "Hoa Untold", "Hikari", "Z-77", untold.phone):
            assert nobody not in html
        rows = await db.fetch("SELECT subjects, fields, detail FROM audit WHERE action = 'break_glass.read'")
        assert [(r["subjects"], r["fields"], r["detail"]["break_glass"]) for r in rows] == [
            ([silent.id], ["name", "phone"], glass.rpartition("/")[2])
        ]
        assert "Thu Silent" in await other.html(glass)
        site.clock.advance(73 * HOUR)
        coordinator = await site.visitor(network.staff_id)
        assert "Thu Silent" not in await coordinator.html(glass)
        volunteer = await site.visitor(await make_staff(db, network.id, Role.VOLUNTEER))
        assert (await volunteer.get(glass)).status == 403
        foreign = await site.visitor((await make_org(db, OrgKind.VOLUNTEER_NETWORK)).staff_id)
        assert (await foreign.get(glass)).status == 404
    page = await link(db, silent)
    async with website(db, all_routes()) as client:
        async with client.get(f"{page}?lang=en") as answer:
            told = await answer.text()
        assert "In an emergency we showed your data" in told and "Fire service, Ms B" in told
        assert "phone number" in told and "search of houses" in told
        await client.post(f"{page}/read")
        async with client.get(f"{page}?lang=en") as answer:
            assert "Fire service, Ms B" not in await answer.text()
        async with client.get(await link(db, elsewhere)) as answer:
            assert "Fire service" not in await answer.text()


async def test_a_protected_person_can_be_named_and_still_stands_nowhere(db: Pool) -> None:
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    second = await make_staff(db, network.id, Role.COORDINATOR)
    dorm = await make_site(db, (await make_org(db)).id, name="Hikari Dorm")
    person = await make_resident(db, name="Mai Protected", home_place_id=dorm[1])
    address = VAULT.encrypt("1-2-3 Secret Street", dorm[1], "place.address_enc")
    await db.execute("UPDATE place SET address_enc = $2 WHERE id = $1", dorm[1], address)
    incident = await make_incident(db)
    await tell(db, incident, person.id)
    await say(db, incident, person, Answer.HELP)
    async with transaction(db) as conn:
        await protect(conn, person.id)
    async with board_site(db, more=ROUTES) as site:
        coordinator = await site.visitor(network.staff_id)
        fields = {f"field-{name}": "1" for name in ("name", "phone", "address", "dorm")}
        approval = await proposed(db, coordinator, scope=str(person.id), **fields)
        async with transaction(db) as conn:
            await approve(conn, approval, second, site.clock.now())  # type: ignore[arg-type]
        glass = (await coordinator.post(f"/board/break-glass/{approval}/open")).headers["Location"]
        html = await coordinator.html(glass)
    assert "Mai Protected" in html and person.phone in html and "not shown: protected person" in html
    assert "Secret Street" not in html and "Hikari" not in html


async def test_a_coordinator_protects_a_person_from_the_board(db: Pool) -> None:
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    person = await make_resident(db)
    incident = await make_incident(db)
    await tell(db, incident, person.id)
    await say(db, incident, person, Answer.HELP)
    case = await db.fetchval("SELECT id FROM case_file")
    async with board_site(db, more=ROUTES) as site:
        coordinator = await site.visitor(network.staff_id)
        answer = await coordinator.submit(f"/board/live/person/{case}", f"/board/protect/{case}")
        assert answer.status == 303
        assert (await coordinator.post(f"/board/protect/{person.id}")).status == 404
    assert await db.fetchval("SELECT protected FROM resident") is True
    assert await db.fetchval("SELECT subjects FROM audit WHERE action = 'person.protect'") == [person.id]


async def test_without_an_emergency_nothing_can_be_proposed(db: Pool) -> None:
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    await make_resident(db, (await make_org(db)).id)
    async with board_site(db, more=ROUTES) as site:
        coordinator = await site.visitor(network.staff_id)
        assert "No real emergency is open now." in await coordinator.html("/board/break-glass")
        answer = await coordinator.post("/board/break-glass", True, **(FORM | {"field-name": "1"}))
        assert answer.status == 400
    assert await db.fetchval("SELECT count(*) FROM approval") == 0
