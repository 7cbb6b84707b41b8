"""Relations, teams with deputies and duty, dorms, households and employers: the pages of staff, through HTTP."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from checkin.board_web import ROUTES as BOARD
from checkin.cases_store import open_due_cases
from checkin.dashboard_web import ROUTES as DASHBOARD
from checkin.store import record_check_in
from checkin.unreached_web import ROUTES as UNREACHED
from core.clock import JST
from core.db import Pool, transaction
from core.model import Answer, AnsweredBy, OrgKind, Role
from registry import store
from registry.duty_store import on_duty
from registry.people_api_store import members_page
from tests.incidents import make_incident, tell
from tests.people import NOW, VAULT, Org, make_org, make_resident, make_site, make_staff
from tests.staff_site import staff_site

TODAY = NOW.astimezone(JST).date()
MORE = [*DASHBOARD, *BOARD, *UNREACHED]


async def kinds_below(db: Pool, org: Org) -> dict[UUID, str]:
    rows = await db.fetch("SELECT other_id, kind FROM org_relation WHERE org_id = $1", org.id)
    return {row["other_id"]: row["kind"] for row in rows}


async def test_the_operator_relates_organisations_and_an_employer_has_one_supervisor(db: Pool) -> None:
    operator = await make_org(db, OrgKind.OPERATOR)
    union, second = await make_org(db, OrgKind.SUPERVISING), await make_org(db, OrgKind.SUPERVISING)
    farm = await make_org(db)
    async with staff_site(db) as site:
        page = await site.signed_in(operator)
        chosen = {"above": str(union.id), "below": str(farm.id)}
        assert (await page.submit("/operator/relations", "/operator/relations", chosen)).status == 200
        assert await kinds_below(db, union) == {farm.id: "supervises"}
        refused = await page.submit("/operator/relations", "/operator/relations", chosen | {"above": str(second.id)})
        assert refused.status == 409 and "another supervising organisation" in await refused.text()
        assert await kinds_below(db, second) == {}
        ended = await page.submit("/operator/relations", "/operator/relations/end")
        assert ended.status == 200 and await kinds_below(db, union) == {}


async def test_every_kind_can_be_made_with_its_first_role(db: Pool) -> None:
    operator = await make_org(db, OrgKind.OPERATOR)
    roles = {
        "partner": "partner",
        "umbrella": "umbrella",
        "auditor": "auditor",
        "school": "community",
        "community": "community",
        "employer": "employer",
        "supervising": "supervising",
    }
    async with staff_site(db) as site:
        page = await site.signed_in(operator)
        for kind in roles:
            values = {"kind": kind, "name": f"New {kind}", "slug": f"new-{kind}"}
            made = await page.submit("/operator", "/operator/organisation", values)
            assert made.status == 200 and "/join/" in await made.text(), kind
    rows = await db.fetch(
        "SELECT o.kind, l.role FROM staff_link l JOIN organisation o ON o.id = l.org_id WHERE o.slug LIKE 'new-%'"
    )
    assert {row["kind"]: row["role"] for row in rows} == roles


async def test_small_numbers_of_people_are_hidden_from_the_operator(db: Pool) -> None:
    operator, small, big = await make_org(db, OrgKind.OPERATOR), await make_org(db), await make_org(db)
    for org, number in ((small, 2), (big, 5)):
        for _ in range(number):
            await make_resident(db, org.id)
    async with staff_site(db) as site:
        _, html = await (await site.signed_in(operator)).get("/operator")
    assert "7 people are registered" in html
    assert html.count("not shown: under 3") == 4, "both numbers, each with title and label: one would give the other"


async def test_a_deputy_takes_over_on_those_days_and_approvals_stay_personal(db: Pool) -> None:
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    mai = await make_staff(db, network.id, Role.VOLUNTEER, name="Mai Deputy")
    async with staff_site(db, more_routes=MORE) as site:
        page, deputy = await site.signed_in(network), await site.signed_in_as(mai)
        assert (await deputy.get("/team"))[0] == 403
        days = {"from": TODAY.isoformat(), "until": (TODAY + timedelta(days=1)).isoformat()}
        values = days | {"absent": str(network.staff_id), "deputy": str(mai)}
        named = await page.submit("/team", "/team/deputies", values)
        assert named.status == 200 and "Mai Deputy acts for" in await named.text()
        assert (await deputy.get("/team"))[0] == 200, "a coordinator's duties today"
        _, html = await deputy.get("/team")
        assert "Name a deputy" not in html, "what is lent is not lent on"
        async with db.acquire() as conn:
            assert await on_duty(conn, network.id, NOW) == [network.staff_id, mai]
        role = await db.fetchval("SELECT role FROM staff WHERE id = $1", mai)
        assert role == "volunteer", "approvals ask the account itself"
        entry = await db.fetchval("SELECT id FROM deputy")
        await page.submit("/team", f"/team/deputies/{entry}/end")
        assert (await deputy.get("/team"))[0] == 403


async def test_wrong_days_are_told_and_nothing_is_stored(db: Pool) -> None:
    org = await make_org(db)
    colleague = await make_staff(db, org.id, Role.EMPLOYER)
    async with staff_site(db) as site:
        page = await site.signed_in(org)
        values = {"absent": str(org.staff_id), "deputy": str(colleague), "from": "2026-11-25", "until": "2026-11-21"}
        answer = await page.submit("/team", "/team/deputies", values)
        assert answer.status == 400 and "The last day is before the first day" in await answer.text()
    assert await db.fetchval("SELECT count(*) FROM deputy") == 0


async def test_the_duty_list_of_a_network_and_its_member_groups(db: Pool) -> None:
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK, name="KVOAD")
    group = await make_org(db, OrgKind.VOLUNTEER_NETWORK, name="Mashiki Group")
    foreign = await make_org(db, OrgKind.VOLUNTEER_NETWORK, name="Elsewhere Group")
    await store.relate(db, network.id, group.id, "member")
    await db.execute("UPDATE staff SET name = 'Of The Group' WHERE id = $1", group.staff_id)
    async with staff_site(db, more_routes=MORE) as site:
        page = await site.signed_in(network)
        _, team = await page.get("/team")
        assert "Mashiki Group" in team and "Of The Group" in team and "Elsewhere" not in team
        start, end = NOW.astimezone(JST) - timedelta(hours=1), NOW.astimezone(JST) + timedelta(hours=8)
        values = {
            "person": str(network.staff_id),
            "starts": start.strftime("%Y-%m-%dT%H:%M"),
            "ends": end.strftime("%Y-%m-%dT%H:%M"),
        }
        sent = await page.submit("/duty", "/duty", values)
        html = await sent.text()
        assert sent.status == 200 and "on the list" in html and "Mashiki Group" in html
        stranger = await page.submit("/duty", "/duty", values | {"person": str(foreign.staff_id)})
        assert stranger.status == 404
        # A coordinator of the member group works on the same board.
        assert (await (await site.signed_in(group)).get("/board"))[0] == 200
        entry = await db.fetchval("SELECT id FROM duty")
        await page.submit("/duty", f"/duty/{entry}/end")
        assert "The list is empty." in (await page.get("/duty"))[1]


async def test_a_household_is_a_household_everywhere_the_agency_looks(db: Pool) -> None:
    agency = await make_org(db)
    home = await make_site(db, agency.id, kind="workplace", name="Home of the Fukuda family")
    helper = await make_resident(db, agency.id, name="House Helper", workplace=home, phone="")
    incident = await make_incident(db)
    await tell(db, incident, helper.id)
    async with staff_site(db, more_routes=MORE) as site:
        page = await site.signed_in(agency)
        assert "Fukuda" in (await page.get(f"/people/{helper.id}"))[1]
        answer = await page.submit(f"/people/{helper.id}", f"/people/{helper.id}/household", {"household": "1"})
        assert answer.status == 200
        paths = (
            f"/people/{helper.id}",
            "/people",
            "/people/unreached",
            "/people/unreached.csv",
            f"/dashboard/{incident.id}",
            f"/dashboard/{incident.id}/people.csv",
        )
        for path in paths:
            status, text = await page.get(path)
            assert status == 200 and "House Helper" in text and "In a household" in text, path
            assert "Fukuda" not in text, path
        assert "Fukuda" not in (await page.get("/slips"))[1]
    async with db.acquire() as conn:
        assert [line.site for line in await members_page(conn, agency.id, None, 10)] == [""]


async def test_the_address_of_a_household_is_opened_only_after_a_call_for_help(db: Pool) -> None:
    agency, network = await make_org(db), await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    home = await make_site(db, agency.id, kind="workplace", name="Fukuda 1-2-3")
    helper = await make_resident(db, agency.id, name="House Helper", workplace=home)
    await db.execute(
        "INSERT INTO resident_place (resident_id, kind, place_id) VALUES ($1, 'work', $2) ON CONFLICT DO NOTHING",
        helper.id,
        home[1],
    )
    await db.execute("UPDATE membership SET household = true")
    incident = await make_incident(db)
    await tell(db, incident, helper.id)
    await open_due_cases(db, NOW, lambda hazard, severity, night: 0)
    case = await db.fetchval("SELECT id FROM case_file")
    async with staff_site(db, more_routes=MORE) as site:
        page = await site.signed_in(network)
        path = f"/board/live/person/{case}"
        values = {"who": f"resident:{helper.id}", "why": "visit"}
        silent = await (await page.submit(path, f"{path}/reveal", values)).text()
        assert helper.phone.removeprefix("+81")[-4:] in silent and "Fukuda" not in silent
        async with transaction(db) as conn:
            await record_check_in(
                conn,
                VAULT,
                incident_id=incident.id,
                resident_id=helper.id,
                answer=Answer.HELP,
                answered_by=AnsweredBy.SELF,
                via="test",
                tapped_at=NOW,
                now=NOW,
            )
        helped = await (await page.submit(path, f"{path}/reveal", values)).text()
        assert "Workplace: Fukuda 1-2-3" in helped
    fields = [row["fields"] for row in await db.fetch("SELECT fields FROM audit WHERE action = 'board.reveal'")]
    assert "work" not in fields[0] and "work" in fields[1]


async def test_a_dorm_by_units_and_its_telephone_on_a_tap(db: Pool) -> None:
    farm = await make_org(db)
    dorm = await make_site(db, farm.id, landline="+81963123456")
    for name, room, enrolled in (("Anh", "201", True), ("Binh", "202", False), ("Chi", "301", True)):
        await make_resident(db, farm.id, name=name, dorm=dorm, room=room, enrolled=enrolled)
    path = f"/sites/{dorm[0]}"
    async with staff_site(db) as site:
        page = await site.signed_in(farm)
        _, html = await page.get(path)
        assert "096-312-3456" not in html and "2 of 3" in html
        assert html.index("2F") < html.index("Anh") < html.index("Binh") < html.index("3F") < html.index(">Chi<")
        opened = await (await page.submit(path, f"{path}/landline")).text()
        assert "096-312-3456" in opened
        await page.submit(path, path, {"shift": "day 8-17"})
        kept = await (await page.submit(path, f"{path}/landline")).text()
        assert "096-312-3456" in kept, "an empty field keeps the number"
        await page.submit(path, path, {"no_landline": "1"})
        assert await db.fetchval("SELECT landline_enc FROM site WHERE id = $1", dorm[0]) is None
    reveals = await db.fetchval("SELECT count(*) FROM audit WHERE action = 'site.reveal' AND fields = '{landline}'")
    assert reveals == 2


async def test_a_supervising_organisation_sees_how_far_each_employer_is(db: Pool) -> None:
    union = await make_org(db, OrgKind.SUPERVISING)
    done, silent = await make_org(db, name="Done Foods"), await make_org(db, name="Silent Farm")
    foreign = await make_org(db, name="Elsewhere")
    for org in (done, silent):
        await store.relate(db, union.id, org.id)
    await db.execute("UPDATE staff SET last_seen_at = $2 WHERE id = $1", done.staff_id, NOW)
    for org, enrolled in ((done, True), (done, True), (silent, False), (silent, True), (foreign, True)):
        await make_resident(db, org.id, enrolled=enrolled)
    async with staff_site(db, more_routes=MORE) as site:
        page = await site.signed_in(union)
        status, html = await page.get("/supervising/enrolment")
        assert status == 200 and html.index("Silent Farm") < html.index("Done Foods") and "Elsewhere" not in html
        assert "1 of 2" in html and "2 of 2" in html and "3 / 4" in html
        assert (await page.get(f"/supervising/{silent.id}"))[0] == 200
