"""The employer's dashboard, the supervising view and the operator's totals, through HTTP behind the real guard."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from checkin.cases import Outcome
from checkin.cases_store import close_case, open_due_cases
from checkin.store import record_check_in
from core.db import Pool, transaction
from core.model import Answer, AnsweredBy, OrgKind
from tests.board_site import board_site
from tests.incidents import TestIncident, make_incident, make_message, tell
from tests.people import NOW, VAULT, Org, Person, make_org, make_resident, make_site

MIN = timedelta(minutes=1)
SQL_CONSENT = """
INSERT INTO consent (resident_id, scope, given, basis, version, language, at) VALUES ($1, $2, $3, 'own', 't', 'vi', $4)
"""
SQL_SUPERVISES = "INSERT INTO org_relation (org_id, other_id, kind) VALUES ($1, $2, 'supervises')"


async def say(
    pool: Pool,
    incident: TestIncident,
    person: Person,
    answer: Answer,
    by: AnsweredBy = AnsweredBy.SELF,
    **more: object,
) -> None:
    async with transaction(pool) as conn:
        await record_check_in(
            conn,
            VAULT,
            incident_id=incident.id,
            resident_id=person.id,
            answer=answer,
            answered_by=by,
            via="test",
            tapped_at=NOW + MIN,
            now=NOW + MIN,
            **more,  # type: ignore[arg-type]
        )


class Company:
    """One employer with a plant, a dorm and people in every state."""

    def __init__(self, org: Org, incident: TestIncident, people: dict[str, Person]) -> None:
        self.org, self.incident, self.people = org, incident, people


async def company(db: Pool, incident: TestIncident | None = None, **more: object) -> Company:
    org = await make_org(db, **more)  # type: ignore[arg-type]
    dorm = await make_site(db, org.id, name="Aoba Dorm")
    plant = await make_site(db, org.id, kind="workplace", name="Plant 1")
    incident = incident or await make_incident(db)
    people = {
        name: await make_resident(
            db, org.id, name=f"{name.title()} {org.slug}", dorm=dorm, workplace=plant, enrolled=name != "invited"
        )
        for name in ("ok", "help", "silent", "private", "invited")
    }
    for person in people.values():
        await tell(db, incident, person.id)
    await db.execute(SQL_CONSENT, people["private"].id, "C2", False, NOW)
    await say(db, incident, people["ok"], Answer.OK)
    await say(db, incident, people["help"], Answer.HELP, note="my leg", detail={"trapped": True, "hurt": True})
    await say(db, incident, people["private"], Answer.HELP, note="secret words")
    await make_message(db, incident, people["silent"].id, state="delivered", channel="sms")
    return Company(org, incident, people)


async def test_the_dashboard_shows_states_and_nothing_it_must_not(db: Pool) -> None:
    made = await company(db)
    async with board_site(db) as site:
        clerk = await site.visitor(made.org.staff_id)
        first = await clerk.get("/dashboard")
        assert (first.status, first.headers["Location"]) == (303, f"/dashboard/{made.incident.id}")
        page = await clerk.html(f"/dashboard/{made.incident.id}")
    for name, person in made.people.items():
        assert person.name in page, name
        assert person.phone not in page
    assert "my leg" not in page and "secret words" not in page and "trapped" not in page
    assert page.index("Who needs help first (1)") < page.index("By workplace and dorm")
    assert "SMS delivered" in page and "Aoba Dorm" in page and "Plant 1" in page
    assert "Answered, not shared" in page
    # The private call for help shows nowhere: one help in the counts, none in the first section.
    assert '<b class="num">1</b>Needs help' in page
    assert made.people["private"].name not in page[page.index("Who needs help first") : page.index("By workplace")]


async def test_reading_leaves_audit_rows_and_marks_the_dashboard_opened(db: Pool) -> None:
    made = await company(db)
    async with board_site(db) as site:
        clerk = await site.visitor(made.org.staff_id)
        await clerk.html(f"/dashboard/{made.incident.id}")
        await clerk.get(f"/dashboard/{made.incident.id}/people.csv")
    rows = await db.fetch(
        "SELECT action, subjects, org_id, incident_id FROM audit WHERE action LIKE 'dashboard%' ORDER BY id"
    )
    assert [row["action"] for row in rows] == ["dashboard.read", "dashboard.export"]
    for row in rows:
        assert set(row["subjects"]) == {p.id for p in made.people.values()}
        assert (row["org_id"], row["incident_id"]) == (made.org.id, made.incident.id)
    assert await db.fetchval("SELECT count(*) FROM dashboard_opened WHERE org_id = $1", made.org.id) == 1


async def test_one_employer_never_sees_another(db: Pool) -> None:
    shared = await make_incident(db)
    one, two = await company(db, shared), await company(db, shared)
    lonely = await company(db)
    async with board_site(db) as site:
        clerk = await site.visitor(one.org.staff_id)
        page = await clerk.html(f"/dashboard/{shared.id}")
        export = await (await clerk.get(f"/dashboard/{shared.id}/people.csv")).text()
        for person in two.people.values():
            assert person.name not in page and person.name not in export
        for path in (f"/dashboard/{lonely.incident.id}", f"/dashboard/{lonely.incident.id}/people.csv"):
            assert (await clerk.get(path)).status == 404
        foreign = await clerk.post(f"/dashboard/{shared.id}/answer", resident=str(two.people["silent"].id), said="ok")
        assert foreign.status == 404
        assert (await clerk.get("/dashboard/not-an-id")).status == 404
        assert (await clerk.get(f"/dashboard/{uuid4()}")).status == 404
    assert await db.fetchval("SELECT count(*) FROM check_in WHERE answered_by = 'employer'") == 0


@pytest.mark.parametrize("column", ["ended_at", "end_date"])
async def test_who_has_left_the_company_is_gone_from_its_pages_that_day(db: Pool, column: str) -> None:
    made = await company(db)
    gone = made.people["silent"]
    if column == "ended_at":
        await db.execute("UPDATE membership SET ended_at = $2 WHERE resident_id = $1", gone.id, NOW)
    else:
        await db.execute("UPDATE membership SET end_date = $2 WHERE resident_id = $1", gone.id, date(2026, 11, 19))
    async with board_site(db) as site:
        clerk = await site.visitor(made.org.staff_id)
        assert gone.name not in await clerk.html(f"/dashboard/{made.incident.id}")
        answer = await clerk.post(f"/dashboard/{made.incident.id}/answer", resident=str(gone.id), said="ok")
        assert answer.status == 404


async def test_i_spoke_to_them_works_without_javascript_and_beats_nobodys_own_answer(db: Pool) -> None:
    made = await company(db)
    path = f"/dashboard/{made.incident.id}"
    silent, help_ = made.people["silent"], made.people["help"]
    async with board_site(db) as site:
        clerk = await site.visitor(made.org.staff_id)
        assert f'value="{silent.id}"' in await clerk.html(path)
        done = await clerk.post(f"{path}/answer", resident=str(silent.id), said="ok")
        assert (done.status, done.headers["Location"]) == (303, f"{path}#p-{silent.id}")
        await clerk.post(f"{path}/answer", resident=str(help_.id), said="ok")
        assert (await clerk.post(f"{path}/answer", resident=str(silent.id), said="perhaps")).status == 400
        forged = await clerk.post(f"{path}/answer", token=False, resident=str(silent.id), said="help")
        assert forged.status == 403
        page = await clerk.html(path)
    assert "said by the company" in page
    rows = {
        row["resident_id"]: (row["status"], row["status_by"])
        for row in await db.fetch("SELECT resident_id, status, status_by FROM incident_resident")
    }
    assert rows[silent.id] == ("ok", "employer")
    assert rows[help_.id] == ("help", "self")


async def test_the_csv_is_what_the_page_shows_and_no_formula(db: Pool) -> None:
    made = await company(db)
    await db.execute("UPDATE resident SET name = '=HYPERLINK(\"x\")' WHERE id = $1", made.people["ok"].id)
    async with board_site(db) as site:
        clerk = await site.visitor(made.org.staff_id)
        answer = await clerk.get(f"/dashboard/{made.incident.id}/people.csv")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        body = await answer.read()
    assert body.startswith(b"\xef\xbb\xbf") and b"secret words" not in body and b"my leg" not in body
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))
    assert len(rows) == 6 and '\'=HYPERLINK("x")' in {row[0] for row in rows}
    states = {row[0]: row[1:3] for row in rows[1:]}
    assert states[made.people["private"].name] == ["Answered, not shared", ""]
    assert states[made.people["help"].name][0] == "Needs help"


async def test_nothing_open_is_a_calm_page_with_the_last_incident(db: Pool) -> None:
    made = await company(db)
    await db.execute("UPDATE incident SET closed_at = $1", NOW)
    async with board_site(db) as site:
        clerk = await site.visitor(made.org.staff_id)
        page = await clerk.html("/dashboard")
        assert "No incident is open." in page and f"/dashboard/{made.incident.id}" in page
        closed = await clerk.html(f"/dashboard/{made.incident.id}")
        assert "I spoke to them" not in closed
        refused = await clerk.post(
            f"/dashboard/{made.incident.id}/answer", resident=str(made.people["silent"].id), said="ok"
        )
        assert refused.status == 409


async def test_live_comes_before_drill_and_a_drill_says_so(db: Pool) -> None:
    org = await make_org(db)
    person = await make_resident(db, org.id)
    live = await make_incident(db)
    drill = await make_incident(db, purpose="drill", now=NOW + MIN)
    for incident in (live, drill):
        await tell(db, incident, person.id)
    async with board_site(db) as site:
        clerk = await site.visitor(org.staff_id)
        assert (await clerk.get("/dashboard")).headers["Location"] == f"/dashboard/{live.id}"
        assert "DRILL" in await clerk.html(f"/dashboard/{drill.id}")
        assert "DRILL." not in await clerk.html(f"/dashboard/{live.id}")


async def test_hurt_is_shown_only_to_whom_the_person_tells_it(db: Pool) -> None:
    made = await company(db)
    async with board_site(db) as site:
        clerk = await site.visitor(made.org.staff_id)
        assert "hurt (tells the company)" not in await clerk.html(f"/dashboard/{made.incident.id}")
        await say(db, made.incident, made.people["help"], Answer.HELP, detail={"hurt": True, "tell_employer": True})
        assert "hurt (tells the company)" in await clerk.html(f"/dashboard/{made.incident.id}")


async def test_help_of_an_earlier_open_incident_is_help_here(db: Pool) -> None:
    made = await company(db)
    later = await make_incident(db, now=NOW + 60 * MIN)
    await tell(db, later, made.people["help"].id, now=NOW + 60 * MIN)
    async with board_site(db) as site:
        clerk = await site.visitor(made.org.staff_id)
        assert "Who needs help first (1)" in await clerk.html(f"/dashboard/{later.id}")


async def test_what_coordinators_settled_is_shown(db: Pool) -> None:
    made = await company(db)
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    case_id = await db.fetchval("SELECT id FROM case_file WHERE resident_id = $1", made.people["help"].id)
    async with transaction(db) as conn:
        await close_case(conn, case_id, Outcome.HELP_GIVEN, network.staff_id, NOW + 5 * MIN)
    async with board_site(db) as site:
        clerk = await site.visitor(made.org.staff_id)
        assert "coordinator: help has come" in await clerk.html(f"/dashboard/{made.incident.id}")


async def test_the_fragment_is_the_live_part_alone(db: Pool) -> None:
    made = await company(db)
    async with board_site(db) as site:
        clerk = await site.visitor(made.org.staff_id)
        answer = await clerk.get(f"/dashboard/{made.incident.id}", X_Fragment="1")
        text = await answer.text()
        whole = await clerk.html(f"/dashboard/{made.incident.id}")
    assert answer.headers["X-Fragment"] == "1"
    assert "<html" not in text and made.people["help"].name in text
    assert text.strip() in whole


async def test_silent_feeds_are_shown_on_the_page(db: Pool) -> None:
    made = await company(db)

    rest: dict[str, object] = {"newest_report_at": None, "error": None}

    async def feed_states(conn: object) -> list[dict[str, object]]:
        return [
            {"feed": "jma.eqvol", "state": "stale", "last_heard_at": NOW - 60 * MIN} | rest,
            {"feed": "jma.extra", "state": "ok", "last_heard_at": NOW} | rest,
        ]

    async with board_site(db, extras={"feed_states": feed_states}) as site:
        clerk = await site.visitor(made.org.staff_id)
        page = await clerk.html(f"/dashboard/{made.incident.id}")
        status = await clerk.html("/status")
    assert "Silence is not an all-clear" in page and "JMA earthquakes" in page and "JMA warnings" not in page
    assert "JMA warnings" in status and "jma.extra" in status


async def test_the_operator_sees_totals_and_no_names(db: Pool) -> None:
    made = await company(db)
    operator = await make_org(db, OrgKind.OPERATOR)
    async with board_site(db) as site:
        visitor = await site.visitor(operator.staff_id)
        page = await visitor.html(f"/dashboard/{made.incident.id}")
        assert (await visitor.get(f"/dashboard/{made.incident.id}/people.csv")).status == 403
    assert "Needs help" in page and "A dash (–) stands for a number under 3" in page
    numbers = re.findall(r'<b class="num">(.*?)</b>', page)
    assert not {"1", "2"} & set(numbers), "small counts are hidden from who sees no names"
    for person in made.people.values():
        assert person.name not in page


async def test_the_page_is_about_who_waits_and_a_number_leads_to_its_people(db: Pool) -> None:
    made = await company(db)
    base = f"/dashboard/{made.incident.id}"
    async with board_site(db) as site:
        clerk = await site.visitor(made.org.staff_id)
        page = await clerk.html(base)
        assert f'<li id="p-{made.people["ok"].id}">' in page and f'<tr id="p-{made.people["silent"].id}">' in page
        assert f'href="{base}?show=silent"' in page and "show=moving" not in page
        silent = await clerk.html(f"{base}?show=silent")
        assert made.people["silent"].name in silent and made.people["ok"].name not in silent
        assert "I spoke to them" in silent and f'href="{base}?"' in silent
        okay = await clerk.html(f"{base}?site=Plant+1&dorm=Aoba+Dorm&show=ok")
        assert made.people["ok"].name in okay and made.people["silent"].name not in okay
        assert "<tr id" not in await clerk.html(f"{base}?site=Plant+1&dorm=Nowhere")
        assert made.people["help"].name in await clerk.html(f"{base}?show=nonsense")


async def test_a_flood_that_opens_during_a_quake_is_seen_on_top(db: Pool) -> None:
    made = await company(db)
    flood = await company(db, name="Elsewhere")
    person = made.people["ok"]
    await tell(db, flood.incident, person.id)
    drill = await make_incident(db, purpose="drill")
    await tell(db, drill, person.id)
    async with board_site(db) as site:
        clerk = await site.visitor(made.org.staff_id)
        page = await clerk.html(f"/dashboard/{made.incident.id}")
        top = page[: page.index("By workplace")]
        assert "Also open now" in top and f'href="/dashboard/{flood.incident.id}"' in top
        assert f'href="/dashboard/{drill.id}"' in top and "Drill" in top
        await db.execute("UPDATE incident SET closed_at = $2 WHERE id <> $1", made.incident.id, NOW)
        page = await clerk.html(f"/dashboard/{made.incident.id}")
        assert "Also open now" not in page and f'href="/dashboard/{flood.incident.id}"' in page


@pytest.mark.parametrize(
    ("purpose", "simulated", "kind"), [("live", False, "live"), ("drill", False, "drill"), ("live", True, "simulated")]
)
async def test_a_saved_file_is_named_after_what_it_holds(db: Pool, purpose: str, simulated: bool, kind: str) -> None:
    made = await company(db, await make_incident(db, purpose=purpose, simulated=simulated))
    async with board_site(db) as site:
        clerk = await site.visitor(made.org.staff_id)
        answer = await clerk.get(f"/dashboard/{made.incident.id}/people.csv")
    assert f'filename="daijobu-{kind}-20261120-1200.csv"' in answer.headers["Content-Disposition"], "time of Japan"


async def test_forty_employers_and_those_with_nobody_there(db: Pool) -> None:
    incident = await make_incident(db)
    union = await make_org(db, OrgKind.SUPERVISING)
    one = await company(db, incident, name="Employer One")
    await db.execute(SQL_SUPERVISES, union.id, one.org.id)
    for n in range(39):
        other = await make_org(db, name=f"Employer without people {n}")
        await db.execute(SQL_SUPERVISES, union.id, other.id)
    async with board_site(db) as site:
        page = await (await site.visitor(union.staff_id)).html("/supervising")
    assert "Employer One" in page and "Employer without people" not in page
    assert "39 other employers have nobody in the affected area." in page


async def test_supervising_view_unopened_first_and_read_only(db: Pool) -> None:
    incident = await make_incident(db)
    one, two = await company(db, incident, name="Employer One"), await company(db, incident, name="Employer Two")
    foreign = await company(db, incident, name="Employer Elsewhere")
    union = await make_org(db, OrgKind.SUPERVISING)
    for employer in (one, two):
        await db.execute(SQL_SUPERVISES, union.id, employer.org.id)
    async with board_site(db) as site:
        await (await site.visitor(one.org.staff_id)).html(f"/dashboard/{incident.id}")
        visitor = await site.visitor(union.staff_id)
        page = await visitor.html("/supervising")
        assert page.index("Employer Two") < page.index("Employer One") and "Employer Elsewhere" not in page
        assert one.people["help"].name not in page
        detail = await visitor.html(f"/supervising/{two.org.id}?incident={incident.id}")
        assert two.people["help"].name in detail and "I spoke to them" not in detail and "my leg" not in detail
        assert (await visitor.get(f"/supervising/{foreign.org.id}")).status == 404
        assert (await visitor.get(f"/dashboard/{incident.id}")).status == 403
    opened = {row["org_id"] for row in await db.fetch("SELECT org_id FROM dashboard_opened")}
    assert opened == {one.org.id}, "reading it from above does not count as opened"


async def test_every_page_has_its_roles(db: Pool) -> None:
    made = await company(db)
    orgs = {
        kind: await make_org(db, kind) for kind in (OrgKind.OPERATOR, OrgKind.SUPERVISING, OrgKind.VOLUNTEER_NETWORK)
    }
    allowed = {
        "/dashboard": {OrgKind.EMPLOYER, OrgKind.OPERATOR},
        f"/dashboard/{made.incident.id}": {OrgKind.EMPLOYER, OrgKind.OPERATOR},
        f"/dashboard/{made.incident.id}/people.csv": {OrgKind.EMPLOYER},
        "/supervising": {OrgKind.SUPERVISING},
        "/board": {OrgKind.VOLUNTEER_NETWORK},
        "/status": {OrgKind.EMPLOYER, *orgs},
    }
    async with board_site(db) as site:
        staff: dict[OrgKind, UUID] = {OrgKind.EMPLOYER: made.org.staff_id} | {k: o.staff_id for k, o in orgs.items()}
        for kind, staff_id in staff.items():
            visitor = await site.visitor(staff_id)
            for path, kinds in allowed.items():
                status = (await visitor.get(path)).status
                assert (status in (200, 303)) == (kind in kinds), (path, kind, status)
        for path in set(allowed) - {"/status"}:  # which says less to whoever is not signed in
            answer = await site.client.get(path, allow_redirects=False)
            assert answer.status == 303 and answer.headers["Location"].startswith("/sign-in")


async def test_names_from_outside_are_text(db: Pool) -> None:
    made = await company(db)
    await db.execute("UPDATE resident SET name = '<script>alert(1)</script>' WHERE id = $1", made.people["help"].id)
    async with board_site(db) as site:
        page = await (await site.visitor(made.org.staff_id)).html(f"/dashboard/{made.incident.id}")
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page


async def test_japanese_pages(db: Pool) -> None:
    made = await company(db, language="ja")
    await open_due_cases(db, NOW + 40 * MIN, lambda hazard, severity, night: 60)
    async with board_site(db) as site:
        page = await (await site.visitor(made.org.staff_id)).html(f"/dashboard/{made.incident.id}")
    assert '<html lang="ja"' in page and "まず助けが必要な人（1人）" in page and "本人と話した" in page
