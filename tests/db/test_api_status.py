"""Incidents and statuses over the API: exactly what the dashboard shows, per role, and nothing of a private answer."""

from __future__ import annotations

import re

import pytest

from checkin.api_models import CHANGED_FIELDS
from core.db import Pool, transaction
from core.model import Answer, OrgKind, Role
from registry.api_tokens import Scope
from registry.consent import Choice
from registry.consent_store import record, set_shields
from tests.alerts_kit import CATALOGS
from tests.api_kit import api_site
from tests.db.test_webhooks import answer, told_people
from tests.people import NOW, make_org

#: Exactly what each role's token is given of a person in an incident.
GOLDEN = {
    Role.EMPLOYER: {"id", "employee_id", "name", "state", "answer", "answered_at", "answered_by", "asked_at", "hurt",
                    "follow_up", "enrolled", "site", "dorm", "room", "delivery"},
    Role.COMMUNITY: {"id", "name", "state", "answer", "answered_at", "answered_by", "asked_at", "hurt", "follow_up",
                     "enrolled", "site", "dorm", "room", "delivery"},
    Role.SUPERVISING: {"id", "name", "state", "answer", "answered_at", "answered_by", "asked_at", "hurt", "follow_up",
                       "enrolled", "site", "dorm", "room", "delivery"},
    Role.PARTNER: {"id", "name", "state", "answer", "answered_at", "answered_by", "asked_at"},
}  # fmt: skip
SEES = [Scope.STATUS_READ]


def test_the_fields_a_webhook_tells_of_a_status() -> None:
    assert set(CHANGED_FIELDS) == {"state", "answer", "answered_at", "answered_by"}


@pytest.mark.parametrize("role", GOLDEN)
async def test_a_role_is_given_its_fields_and_no_other(db: Pool, role: Role) -> None:
    org = await make_org(db)
    incident, people = await told_people(db, org.id)
    for person in people:
        await record_c2(db, person.id, org.id)
    async with api_site(db) as there:
        hr = await there.program(org.id, SEES, role=role)
        reply = await hr.call("GET", f"/incidents/{incident.id}/statuses")
        listed = (await hr.call("GET", "/incidents")).json["incidents"]
        one = (await hr.call("GET", f"/incidents/{incident.id}")).json
    assert reply.status == 200, reply.text
    assert [set(status) for status in reply.json["statuses"]] == [GOLDEN[role]] * 2
    assert listed == [one] == [reply.json["incident"]]
    assert set(one) == {"id", "purpose", "simulated", "hazard", "title", "severity", "opened_at", "closed_at"}


async def record_c2(db: Pool, person: object, org: object) -> None:
    async with transaction(db) as conn:
        await record(conn, CATALOGS, person, [Choice("C2", True, org)], language="vi", now=NOW)  # type: ignore[arg-type]


async def test_a_partner_sees_only_who_agreed(db: Pool) -> None:
    org = await make_org(db, OrgKind.PARTNER)
    incident, (agreed, other) = await told_people(db, org.id)
    await record_c2(db, agreed.id, org.id)
    async with transaction(db) as conn:
        await set_shields(conn, other.id, hide_answer=True, protected=False)
    async with api_site(db) as there:
        hr = await there.program(org.id, SEES, role=Role.PARTNER)
        reply = await hr.call("GET", f"/incidents/{incident.id}/statuses")
    assert [status["id"] for status in reply.json["statuses"]] == [str(agreed.id)]


async def test_incidents_of_others_do_not_exist(db: Pool) -> None:
    mine, theirs = await make_org(db), await make_org(db)
    incident, _ = await told_people(db, theirs.id)
    async with api_site(db) as there:
        hr = await there.program(mine.id, SEES)
        assert (await hr.call("GET", "/incidents")).json["incidents"] == []
        foreign = await hr.call("GET", f"/incidents/{incident.id}/statuses")
        nothing = await hr.call("GET", "/incidents/019a0000-0000-7000-8000-000000000000/statuses")
    assert (foreign.status, foreign.text) == (nothing.status, nothing.text) == (404, nothing.text)


async def test_pages_of_statuses_and_their_audit_rows(db: Pool) -> None:
    org = await make_org(db)
    incident, people = await told_people(db, org.id, 5)
    await answer(db, incident, people[0].id, Answer.HELP)
    async with api_site(db) as there:
        hr = await there.program(org.id, SEES)
        first = (await hr.call("GET", f"/incidents/{incident.id}/statuses?limit=3")).json
        second = (await hr.call("GET", f"/incidents/{incident.id}/statuses?limit=3&cursor={first['next_cursor']}")).json
    shown = [status["id"] for page in (first, second) for status in page["statuses"]]
    assert shown == sorted(str(person.id) for person in people) and second["next_cursor"] is None
    assert first["counts"] == second["counts"] == {"help": 1, "silent": 4}
    rows = await db.fetch("SELECT actor, action, subjects, incident_id FROM audit ORDER BY id")
    assert [len(row["subjects"]) for row in rows] == [3, 2]
    assert {(row["actor"], row["action"], row["incident_id"]) for row in rows} == {
        ("api:HR", "status.read", incident.id)
    }


async def test_a_private_call_for_help_reads_like_an_ok(db: Pool) -> None:
    """Two organisations alike; of one a person is well, of the other one calls for help: the answers are equal."""
    texts = []
    async with api_site(db) as there:
        for said in (Answer.OK, Answer.HELP):
            org = await make_org(db)
            incident, (private, _) = await told_people(db, org.id)
            async with transaction(db) as conn:
                await set_shields(conn, private.id, hide_answer=True, protected=False)
            await answer(db, incident, private.id, said)
            if said is Answer.HELP:
                await answer(
                    db, incident, private.id, said, 3, note="my leg", detail={"hurt": True, "tell_employer": True}
                )
            hr = await there.program(org.id)
            replies = [
                await hr.call("GET", path) for path in ("/incidents", f"/incidents/{incident.id}/statuses", "/people")
            ]
            texts.append(without_ids("\n".join(reply.text for reply in replies)))
    assert texts[0] == texts[1] and "answered_not_shared" in texts[0] and '"help"' not in texts[0]


def without_ids(text: str) -> str:
    """The text with ids and names of the fixtures replaced by the order in which they first appear."""
    known: dict[str, str] = {}
    pattern = r"[0-9a-f]{8}-[0-9a-f-]{27}|Person \d+|Dorm \d+"
    return re.sub(pattern, lambda m: known.setdefault(m[0], f"<{len(known)}>"), text)
