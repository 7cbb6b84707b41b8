"""Partners and umbrellas: golden lists of what their pages say, through HTTP behind the real guard."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from aiohttp.test_utils import TestClient, TestServer

from checkin.store import record_check_in
from core.clock import FixedClock
from core.db import Pool, Scope, ScopedPool, transaction
from core.model import Answer, AnsweredBy, OrgKind, Role
from core.web import SITE
from ops.site_web import build_app
from registry import store
from registry.access import FIELDS, scope_of
from registry.api_tokens import Scope as ApiScope
from tests.api_kit import api_site
from tests.board_site import Visitor
from tests.incidents import TestIncident, make_incident, tell
from tests.pages import make_app
from tests.people import NOW, VAULT, Org, Person, make_org, make_resident, make_site, whole_session

MIN = timedelta(minutes=1)
SQL_CONSENT = """
INSERT INTO consent (resident_id, scope, given, basis, version, language, at, viewer_org)
VALUES ($1, 'C2', $2, $3, 't', 'vi', $4, $5)
"""


@asynccontextmanager
async def website(db: Pool) -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
    app = build_app(make_app(db, [], FixedClock(NOW))[SITE])
    async with TestClient(TestServer(app)) as client:
        yield client


async def visitor(db: Pool, client: TestClient, org: Org) -> Visitor:  # type: ignore[type-arg]
    async with db.acquire() as conn:
        return Visitor(client, await whole_session(conn, org.staff_id))


async def answered(db: Pool, incident: TestIncident, person: Person, answer: Answer) -> None:
    async with transaction(db) as conn:
        await record_check_in(
            conn,
            VAULT,
            incident_id=incident.id,
            resident_id=person.id,
            answer=answer,
            answered_by=AnsweredBy.SELF,
            via="test",
            tapped_at=NOW,
            now=NOW,
            note="my left leg",
        )


def cells(html: str) -> list[list[str]]:
    """The words of each row of the page's first table."""
    body = html.split("<tbody>")[1].split("</tbody>")[0]
    return [
        [
            re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", cell)).strip()
            for cell in re.findall(r"<td.*?>(.*?)</td>", row, re.S)
        ]
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.S)
    ]


# ---------------------------------------------------------------- partners


async def partner_world(db: Pool) -> tuple[Org, TestIncident, dict[str, Person]]:
    """A partner with people who agreed, took it back, hide their answer, were never asked, and left."""
    partner, employer = await make_org(db, OrgKind.PARTNER), await make_org(db)
    dorm = await make_site(db, partner.id, name="Aoba Dorm")
    incident = await make_incident(db)
    people = {}
    for name in ("helped", "fine", "quiet", "refused", "hidden", "invited", "left"):
        people[name] = await make_resident(
            db, partner.id, name=f"{name.title()} Person", dorm=dorm, room="R-77", enrolled=name != "invited"
        )
        await tell(db, incident, people[name].id)
    people["foreign"] = await make_resident(db, employer.id, name="Foreign Person")
    await tell(db, incident, people["foreign"].id)
    await db.execute(SQL_CONSENT, people["refused"].id, False, "withdrawn", NOW, partner.id)
    await db.execute("UPDATE resident SET hide_answer = true WHERE id = $1", people["hidden"].id)
    await db.execute("UPDATE membership SET ended_at = $2 WHERE resident_id = $1", people["left"].id, NOW)
    for name, answer in (("helped", Answer.HELP), ("fine", Answer.OK), ("refused", Answer.HELP), ("hidden", Answer.OK)):
        await answered(db, incident, people[name], answer)
    return partner, incident, people


async def test_a_partner_sees_names_states_and_ages_of_who_agreed_and_nothing_else(db: Pool) -> None:
    partner, incident, people = await partner_world(db)
    async with website(db) as client:
        html = await (await visitor(db, client, partner)).html("/partner")
    assert FIELDS[Role.PARTNER] == {"name", "status", "status_age"}
    assert cells(html) == [
        ["Helped Person", "Needs help", "just now"],
        ["Quiet Person", "No answer", "–"],
        ["Fine Person", "OK", "just now"],
    ]
    assert "(3 now)" in html
    for word in ("Refused", "Hidden", "Invited", "Left Person", "Foreign", "Aoba", "R-77", "left leg", "SMS"):
        assert word not in html, word
    assert not any(person.phone and person.phone in html for person in people.values())
    row = await db.fetchrow("SELECT subjects, fields, incident_id FROM audit WHERE action = 'partner.read'")
    assert row is not None and row["incident_id"] == incident.id
    assert set(row["subjects"]) == {people[name].id for name in ("helped", "fine", "quiet")}
    assert row["fields"] == ["name", "status", "status_age"]


async def test_an_incident_that_touched_nobody_who_agreed_is_not_the_partners_to_know(db: Pool) -> None:
    partner = await make_org(db, OrgKind.PARTNER)
    person = await make_resident(db, partner.id, name="Silent Person")
    await db.execute(SQL_CONSENT, person.id, False, "withdrawn", NOW, partner.id)
    incident = await make_incident(db)
    await tell(db, incident, person.id)
    async with website(db) as client:
        html = await (await visitor(db, client, partner)).html(f"/partner?incident={incident.id}")
    assert "No incident is open" in html and "Silent Person" not in html and "<table" not in html


async def test_a_program_of_a_partner_is_told_no_more_than_its_page(db: Pool) -> None:
    partner = await make_org(db, OrgKind.PARTNER)
    agreed, refused = await make_resident(db, partner.id, phone=""), await make_resident(db, partner.id)
    await db.execute(SQL_CONSENT, refused.id, False, "withdrawn", NOW, partner.id)
    shared, other = await make_incident(db), await make_incident(db)
    await tell(db, shared, agreed.id)
    await db.execute("UPDATE incident_resident SET reachable = false")
    await tell(db, other, refused.id)
    async with api_site(db) as there:
        program = await there.program(partner.id, [ApiScope.STATUS_READ], role=Role.PARTNER)
        incidents = (await program.call("GET", "/incidents")).json["incidents"]
        assert [one["id"] for one in incidents] == [str(shared.id)]
        told = (await program.call("GET", f"/incidents/{shared.id}/statuses")).json
        assert told["counts"] == {"silent": 1}, "how messages travel is not a partner's to know"


async def test_a_partner_has_no_list_no_upload_and_no_dashboard(db: Pool) -> None:
    partner = await make_org(db, OrgKind.PARTNER)
    async with website(db) as client:
        clerk = await visitor(db, client, partner)
        for path in ("/people", "/import", "/sites", "/dashboard", "/slips"):
            assert (await clerk.get(path)).status == 403, path
        assert (await clerk.get("/posters")).status == 200


async def test_a_person_joins_a_partner_by_their_own_hand_and_leaves_again(db: Pool) -> None:
    partner, employer = await make_org(db, OrgKind.PARTNER, name="Sao Mai"), await make_org(db)
    person = await make_resident(db, employer.id, name="Own Hand", language="en")
    incident = await make_incident(db)
    await tell(db, incident, person.id)
    async with db.acquire() as conn:
        token = await store.personal_token(conn, VAULT, person.id)
    async with website(db) as client:
        page = await (await client.get(f"/p/{token}/partners?lang=en")).text()
        assert "Sao Mai" in page and "checked" not in page
        clerk = await visitor(db, client, partner)
        assert "Own Hand" not in await clerk.html("/partner")
        path = f"/p/{token}/partners?lang=en"
        sent = await client.post(path, data={f"partner-{partner.id}": "1"}, allow_redirects=False)
        assert sent.status == 303
        assert "checked" in await (await client.get(path)).text()
        assert cells(await clerk.html("/partner")) == [["Own Hand", "No answer", "–"]]
        kept = await db.fetchval(
            "SELECT t.body FROM consent c JOIN consent_text t ON t.sha256 = c.text_sha256 WHERE c.viewer_org = $1",
            partner.id,
        )
        assert "Nothing else." in kept, "the words that were read on this page"
        # An employer is no partner, whatever a form says.
        other = await make_org(db)
        await client.post(path, data={f"partner-{other.id}": "1"}, allow_redirects=False)
        orgs = await db.fetchval("SELECT orgs FROM resident WHERE id = $1", person.id)
        assert set(orgs) == {employer.id}, "no tick: left; and never with an organisation that is no partner"
        assert "Own Hand" not in await clerk.html("/partner")


async def test_the_functions_behind_it_know_partners_and_the_people_of_the_link_only(db: Pool) -> None:
    partner, employer = await make_org(db, OrgKind.PARTNER), await make_org(db)
    person = await make_resident(db, employer.id)
    async with transaction(ScopedPool(db, Scope("daijobu_person"))) as conn:
        assert await conn.fetchval("SELECT join_partner($1, $2, $3)", person.id, partner.id, NOW) == 0
    async with transaction(ScopedPool(db, scope_of(Role.UMBRELLA, employer.id))) as conn:
        assert await conn.fetch("SELECT * FROM below_umbrella()") == [], "an employer is no umbrella"


# ---------------------------------------------------------------- umbrellas


async def with_people(db: Pool, org: Org, incident: TestIncident, **states: int) -> None:
    for state, number in states.items():
        for _ in range(number):
            person = await make_resident(db, org.id, name="Nobody Shown")
            if state != "not_told":
                await tell(db, incident, person.id)
            if state in ("ok", "help", "private"):
                if state == "private":
                    await db.execute("UPDATE resident SET hide_answer = true WHERE id = $1", person.id)
                await answered(db, incident, person, Answer.OK if state == "ok" else Answer.HELP)


async def umbrella_world(db: Pool) -> tuple[Org, TestIncident, list[Org]]:
    """An umbrella over a supervising organisation with two employers, and over a school; another one outside."""
    umbrella, union = await make_org(db, OrgKind.UMBRELLA), await make_org(db, OrgKind.SUPERVISING, name="C Union")
    one, two = await make_org(db, name="A Farm"), await make_org(db, name="B Foods")
    school, outside = await make_org(db, OrgKind.SCHOOL, name="D School"), await make_org(db, name="Z Outside")
    for above, below, kind in (
        (umbrella, union, "umbrella"),
        (union, one, "supervises"),
        (union, two, "supervises"),
        (umbrella, school, "umbrella"),
    ):
        await store.relate(db, above.id, below.id, kind)
    incident = await make_incident(db)
    await with_people(db, one, incident, ok=4, help=1, silent=3, not_told=0)
    await with_people(db, two, incident, ok=5, help=3, silent=4, private=3, not_told=3)
    await with_people(db, outside, incident, help=4)
    return umbrella, incident, [one, two, school, outside]


async def test_an_umbrella_sees_numbers_only_and_no_small_ones(db: Pool) -> None:
    umbrella, _, _ = await umbrella_world(db)
    async with website(db) as client:
        html = await (await visitor(db, client, umbrella)).html("/umbrella")
    found = {row[0]: row[1:] for row in cells(html)}
    assert list(found) == [
        "All together",
        "A Farm Employer",
        "B Foods Employer",
    ]
    # registered, told, OK, needs help, no answer, other (three private calls for help are no help here)
    assert found["B Foods Employer"] == ["18", "15", "5", "–", "–", "3"]
    assert found["A Farm Employer"] == ["8", "8", "4", "–", "–", "0"]
    assert found["All together"] == ["26", "23", "9", "4", "7", "3"]
    assert "2 organisations with nobody told" in html and "C Union" in html and "D School" in html
    assert "Nobody Shown" not in html and "Outside" not in html and "left leg" not in html


async def test_an_umbrella_reads_no_row_about_a_person(db: Pool) -> None:
    umbrella, _, orgs = await umbrella_world(db)
    below: list[UUID] = [org.id for org in orgs]
    async with transaction(ScopedPool(db, scope_of(Role.UMBRELLA, umbrella.id, below))) as conn:
        for table in ("resident", "membership", "incident_resident", "check_in", "contact", "consent"):
            assert await conn.fetch(f"TABLE {table}") == [], table
        assert len(await conn.fetch("SELECT * FROM below_umbrella()")) == 4


async def test_a_private_call_for_help_opens_no_incident_for_an_umbrella(db: Pool) -> None:
    umbrella, employer = await make_org(db, OrgKind.UMBRELLA), await make_org(db)
    await store.relate(db, umbrella.id, employer.id, "umbrella")
    incident = await make_incident(db)
    await db.execute("UPDATE incident SET hazard = 'help', title = 'Call of one person' WHERE id = $1", incident.id)
    await with_people(db, employer, incident, help=1)
    async with website(db) as client:
        html = await (await visitor(db, client, umbrella)).html("/umbrella")
    assert "No incident is open" in html and "Call of one person" not in html
