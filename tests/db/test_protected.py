"""A protected person (stalking, violence): helpers see the call for help, nobody sees where the person is."""

from __future__ import annotations

from core.db import Pool, transaction
from core.model import Answer, OrgKind
from registry.consent_store import protect
from tests.board_site import board_site
from tests.db.test_dashboard_pages import say
from tests.incidents import make_incident, tell
from tests.people import VAULT, make_org, make_resident, make_site


async def test_a_protected_call_for_help_comes_without_any_place(db: Pool) -> None:
    org, network = await make_org(db, name="Aozora Foods"), await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    dorm = await make_site(db, org.id, name="Hikari Dorm")
    person = await make_resident(db, org.id, name="Thu Protected", dorm=dorm, room="Z-77")
    neighbour = await make_resident(db, org.id, name="Lan Neighbour", dorm=dorm, room="202")
    place = await db.fetchval("SELECT place_id FROM resident_place WHERE resident_id = $1", person.id)
    address = VAULT.encrypt("1-2-3 Secret Street", place, "place.address_enc")
    await db.execute("UPDATE place SET address_enc = $2 WHERE id = $1", place, address)
    incident = await make_incident(db)
    for one in (person, neighbour):
        await tell(db, incident, one.id)
        await say(db, incident, one, Answer.HELP)
    case = await db.fetchval("SELECT id FROM case_file WHERE resident_id = $1", person.id)
    async with board_site(db) as site:
        coordinator = await site.visitor(network.staff_id)
        seen = await coordinator.html(f"/board/live/dorm/{dorm[0]}")
        assert "Thu Protected" in seen and "Lan Neighbour" in seen and "1-2-3 Secret Street" in seen
        async with transaction(db) as conn:
            await protect(conn, person.id)
        seen = await coordinator.html(f"/board/live/dorm/{dorm[0]}")
        assert "Thu Protected" not in seen and "Lan Neighbour" in seen
        path = f"/board/live/person/{case}"
        answers = [await coordinator.html(path)]
        for why in ("visit", "handover"):
            answer = await coordinator.post(f"{path}/reveal", who=f"resident:{person.id}", why=why)
            assert answer.status == 200
            answers.append(await answer.text())
        assert person.phone in answers[1]  # helpers can still call
        for html in answers:
            assert "Thu Protected" in html
            for where in ("Hikari", "Z-77", "Secret Street", "Mashiki", "益城", "Aozora"):
                assert where not in html
        clerk = await site.visitor(org.staff_id)
        page = await clerk.html(f"/dashboard/{incident.id}")
        assert "Thu Protected" in page and "protected" not in page.replace("Thu Protected", "").lower()
