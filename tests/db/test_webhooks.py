"""Webhooks end to end: news found, signed, delivered at least once, tried again, given up, sent again."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from checkin.cases import Outcome
from checkin.cases_store import claim, close_case, open_due_cases
from checkin.store import record_check_in
from checkin.webhook_watch_store import watch
from core.db import Pool, transaction
from core.model import Answer, AnsweredBy, Role
from ops.webhooks import LEASE
from registry import webhook_store
from registry.api_store import revoke_token
from registry.consent_store import set_shields
from registry.membership_store import end_membership
from registry.webhook_store import dead_of, rotate_secret, send_again, webhooks_of
from registry.webhooks import Event, verify
from tests.hooks_kit import SECRET, Loop, Receiver, hook_loop, receiver, subscribe
from tests.incidents import TestIncident, make_incident, tell
from tests.people import NOW, VAULT, Person, make_org, make_resident, make_site, make_staff

MIN = timedelta(minutes=1)


async def answer(db: Pool, incident: TestIncident, person: UUID, said: Answer, minute: int = 1, **more: object) -> None:
    async with transaction(db) as conn:
        await record_check_in(
            conn,
            VAULT,
            incident_id=incident.id,
            resident_id=person,
            answer=said,
            answered_by=AnsweredBy.SELF,
            via="page",
            tapped_at=NOW + minute * MIN,
            now=NOW + minute * MIN,
            **more,  # type: ignore[arg-type]
        )


async def told_people(db: Pool, org_id: UUID, count: int = 2) -> tuple[TestIncident, list[Person]]:
    dorm = await make_site(db, org_id)
    people = [await make_resident(db, org_id, dorm=dorm, employee_id=f"A-{n}") for n in range(count)]
    incident = await make_incident(db)
    for person in people:
        await tell(db, incident, person.id)
    return incident, people


async def test_an_incident_and_an_answer_are_told_once_signed_and_without_names(db: Pool, db_dsn: str) -> None:
    org = await make_org(db)
    async with hook_loop(db, db_dsn) as loop, receiver() as there:
        await subscribe(db, org.id, there.url)
        await loop.turn()  # what was true before is not news
        incident, people = await told_people(db, org.id)
        await loop.turn()
        await answer(db, incident, people[0].id, Answer.OK)
        loop.clock.advance(MIN)
        await loop.turn()
        await loop.turn()
    opened, *enrolled, changed = there.told
    assert there.events == ["incident.opened", "person.enrolled", "person.enrolled", "status.changed"]
    assert opened["data"]["incident"]["id"] == str(incident.id)
    assert changed["data"]["person"] == {"id": str(people[0].id)}
    assert changed["data"]["status"] == {
        "state": "ok", "answer": "ok", "answered_at": (NOW + MIN).isoformat(), "answered_by": "self",
    }  # fmt: skip
    assert not any(person.name in body.decode() for person in people for body in there.bodies)
    for body, headers in zip(there.bodies, there.headers, strict=True):
        assert verify(headers["Daijobu-Signature"], body, SECRET, loop.clock.now())
        assert headers["Daijobu-Event-Id"] in body.decode() and headers["Content-Type"] == "application/json"
    assert len({one["id"] for one in there.told}) == 4


async def test_names_only_where_they_were_asked_for_and_only_of_members(db: Pool, db_dsn: str) -> None:
    org = await make_org(db)
    async with hook_loop(db, db_dsn) as loop, receiver() as there:
        await subscribe(db, org.id, there.url, [Event.STATUS_CHANGED, Event.PERSON_LEFT], names=True)
        await loop.turn()
        incident, (stays, goes) = await told_people(db, org.id)
        await loop.turn()
        await answer(db, incident, stays.id, Answer.OK)
        await loop.turn()
        async with transaction(db) as conn:
            await end_membership(conn, goes.id, org.id, NOW.date(), NOW)
        await loop.turn()
    assert there.events == ["status.changed", "person.left"]
    assert [one["data"]["person"].get("name") for one in there.told] == [stays.name, None]
    stored = [str(row["payload"]) for row in await db.fetch("SELECT payload FROM webhook_delivery")]
    assert stored and not any(stays.name in one for one in stored)


async def test_a_receiver_that_is_away_gets_it_later_and_only_the_newest_status(db: Pool, db_dsn: str) -> None:
    org = await make_org(db)
    incident, (person, _) = await told_people(db, org.id)
    async with hook_loop(db, db_dsn) as loop, receiver() as there:
        hook = await subscribe(db, org.id, there.url, [Event.STATUS_CHANGED])
        await loop.turn()
        there.answers = [500]
        await answer(db, incident, person.id, Answer.HELP)
        assert await loop.turn() == 1
        assert await loop.turn() == 0, "not before its time"
        async with db.acquire() as conn:
            assert (await webhooks_of(conn, org_id=org.id))[0].failing_since == NOW
        await answer(db, incident, person.id, Answer.OK, 2)
        loop.clock.advance(10 * MIN)
        await loop.turn()
        async with db.acquire() as conn:
            assert (await webhooks_of(conn, org_id=org.id, webhook_id=hook))[0].failing_since is None
    assert [one["data"]["status"]["state"] for one in there.told] == ["help", "ok"], "help is not sent again after OK"


async def test_after_a_day_of_failures_it_is_switched_off_shown_and_can_be_sent_again(db: Pool, db_dsn: str) -> None:
    org = await make_org(db)
    incident, (person, _) = await told_people(db, org.id)
    async with hook_loop(db, db_dsn) as loop, receiver() as there:
        hook = await subscribe(db, org.id, there.url, [Event.STATUS_CHANGED])
        await loop.turn()
        there.answers = [503] * 100
        await answer(db, incident, person.id, Answer.OK)
        while loop.clock.now() < NOW + timedelta(hours=26):
            await loop.turn()
            loop.clock.advance(timedelta(minutes=30))
        async with transaction(db) as conn:
            found = (await webhooks_of(conn, org_id=org.id))[0]
            dead = await dead_of(conn, hook)
            assert found.disabled_at is not None or found.failing_since is not None
            assert [(one.event, one.last_code, one.last_error) for one in dead] == [
                ("status.changed", 503, "answered 503")
            ]
            there.answers = []
            tries = len(there.bodies)
            assert await send_again(conn, hook, loop.clock.now()) == 1
        assert await loop.deliver() == 1
        async with db.acquire() as conn:
            assert (await webhooks_of(conn, org_id=org.id))[0].disabled_at is None
    assert 8 <= tries <= 40 and len({one["id"] for one in there.told}) == 1


async def test_an_address_that_never_answers_is_switched_off(db: Pool, db_dsn: str) -> None:
    org = await make_org(db)
    incident, people = await told_people(db, org.id, 3)
    async with hook_loop(db, db_dsn) as loop, receiver() as there:
        await subscribe(db, org.id, there.url, [Event.STATUS_CHANGED])
        await loop.turn()
        there.answers = [503] * 500
        for hours, person in enumerate(people):  # something new comes while it fails
            await answer(db, incident, person.id, Answer.OK, 1 + hours)
            for _ in range(20):
                await loop.turn()
                loop.clock.advance(timedelta(minutes=30))
        async with db.acquire() as conn:
            found = (await webhooks_of(conn, org_id=org.id))[0]
        assert found.disabled_at is not None and found.disabled_reason == "answered 503" and found.waiting == 0
        assert found.dead == 3
        tried = len(there.bodies)
        await loop.turn()
        assert len(there.bodies) == tried


async def test_a_worker_that_dies_delivers_it_once_more(db: Pool, db_dsn: str) -> None:
    org = await make_org(db)
    incident, (person, _) = await told_people(db, org.id)
    async with hook_loop(db, db_dsn) as loop, receiver() as there:
        await subscribe(db, org.id, there.url, [Event.STATUS_CHANGED])
        await loop.turn()
        await answer(db, incident, person.id, Answer.OK)
        await watch(db, NOW)
        held = await webhook_store.claim(db, VAULT, now=NOW, lease=LEASE, token=uuid4())
        assert len(held) == 1 and await loop.deliver() == 0, "somebody holds it"
        loop.clock.advance(LEASE)
        assert await loop.deliver() == 1
        # The dead worker's late word changes nothing.
        await webhook_store.failed(db, held[0], None, "late", None, loop.clock.now())
    assert await db.fetchval("SELECT state FROM webhook_delivery") == "delivered"


async def test_the_end_of_an_incident_is_told_once_also_after_the_purge(db: Pool, db_dsn: str) -> None:
    org = await make_org(db)
    incident, (person, _) = await told_people(db, org.id)
    async with hook_loop(db, db_dsn) as loop, receiver() as there:
        await subscribe(db, org.id, there.url, [Event.STATUS_CHANGED, Event.INCIDENT_CLOSED])
        await loop.turn()
        await answer(db, incident, person.id, Answer.OK)
        await db.execute("UPDATE incident SET closed_at = $1", NOW + 2 * MIN)
        await loop.turn()
        assert sorted(there.events) == ["incident.closed", "status.changed"]
        await db.execute("DELETE FROM webhook_seen WHERE incident_id IS NOT NULL")
        assert await loop.turn() == 0


async def test_two_watchers_tell_it_once(db: Pool, db_dsn: str) -> None:
    org = await make_org(db)
    incident, (person, _) = await told_people(db, org.id)
    async with hook_loop(db, db_dsn) as loop, receiver() as there:
        await subscribe(db, org.id, there.url, [Event.STATUS_CHANGED])
        await loop.turn()
        await answer(db, incident, person.id, Answer.OK)
        assert await watch(db, NOW) + await watch(db, NOW) == 1


async def test_redirects_are_not_followed(db: Pool, db_dsn: str) -> None:
    org = await make_org(db)
    incident, (person, _) = await told_people(db, org.id)
    async with hook_loop(db, db_dsn) as loop, receiver() as there, receiver() as elsewhere:
        await subscribe(db, org.id, there.url, [Event.STATUS_CHANGED])
        await loop.turn()
        there.answers, there.location = [302], elsewhere.url
        await answer(db, incident, person.id, Answer.OK)
        await loop.turn()
    assert len(there.bodies) == 1 and elsewhere.bodies == []
    assert await db.fetchval("SELECT last_error FROM webhook_delivery") == "answered 302"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f000001", "127.1", "localtest"])
async def test_no_connection_is_made_to_this_machine(db: Pool, db_dsn: str, host: str) -> None:
    """However an address got into the table: what it leads to is looked at when the connection is made."""
    org = await make_org(db)
    incident, (person, _) = await told_people(db, org.id)
    async with hook_loop(db, db_dsn, allow_loopback=False) as loop, receiver() as there:
        port = there.url.split(":")[2].split("/")[0]
        await subscribe(db, org.id, f"https://{host}:{port}/hook", [Event.STATUS_CHANGED])
        await loop.turn()
        await answer(db, incident, person.id, Answer.OK)
        assert await loop.turn() == 1
    assert there.bodies == []
    assert await db.fetchval("SELECT last_code FROM webhook_delivery") is None
    assert await db.fetchval("SELECT state FROM webhook_delivery") == "pending"


async def test_a_new_secret_signs_beside_the_old_one_for_a_day(db: Pool, db_dsn: str) -> None:
    org = await make_org(db)
    incident, (person, other) = await told_people(db, org.id)
    async with hook_loop(db, db_dsn) as loop, receiver() as there:
        hook = await subscribe(db, org.id, there.url, [Event.STATUS_CHANGED])
        await loop.turn()
        async with transaction(db) as conn:
            until = await rotate_secret(conn, VAULT, hook, "whsec_the_new_one", NOW)
        await answer(db, incident, person.id, Answer.OK)
        await loop.turn()
        loop.clock.advance(until - NOW)
        await answer(db, incident, other.id, Answer.OK)
        await loop.turn()
        at = [NOW, loop.clock.now()]
    checks = [
        (verify(h["Daijobu-Signature"], b, SECRET, t), verify(h["Daijobu-Signature"], b, "whsec_the_new_one", t))
        for h, b, t in zip(there.headers, there.bodies, at, strict=True)
    ]
    assert checks == [(True, True), (False, True)]


async def test_a_revoked_token_ends_its_webhooks_at_once(db: Pool, db_dsn: str) -> None:
    org = await make_org(db)
    incident, (person, other) = await told_people(db, org.id)
    async with hook_loop(db, db_dsn) as loop, receiver() as there:
        hook = await subscribe(db, org.id, there.url, [Event.STATUS_CHANGED])
        await loop.turn()
        await answer(db, incident, person.id, Answer.OK)
        await watch(db, NOW)
        async with transaction(db) as conn:
            token_id = await conn.fetchval("SELECT token_id FROM webhook WHERE id = $1", hook)
            assert await revoke_token(conn, token_id, org.id, None, NOW) == "HR"
        await answer(db, incident, other.id, Answer.OK)
        assert await loop.turn() == 0
    assert there.bodies == []


async def test_an_employer_is_told_nothing_of_others(db: Pool, db_dsn: str) -> None:
    mine, theirs = await make_org(db), await make_org(db)
    async with hook_loop(db, db_dsn) as loop, receiver() as there:
        await subscribe(db, mine.id, there.url)
        await loop.turn()
        incident, (person, _) = await told_people(db, theirs.id)
        await answer(db, incident, person.id, Answer.HELP)
        assert await loop.turn() == 0
    assert there.bodies == []


async def _private_world(db: Pool, url: str) -> tuple[UUID, TestIncident, UUID]:
    org = await make_org(db)
    await subscribe(db, org.id, url, names=True)
    incident, (private, _) = await told_people(db, org.id)
    async with transaction(db) as conn:
        await set_shields(conn, private.id, hide_answer=True, protected=False)
    return org.id, incident, private.id


async def _watched(loop: Loop, there: Receiver) -> list[str]:
    """What arrived, with ids and names of the fixtures replaced by the order in which they first appear."""
    await loop.turn()
    known: dict[str, str] = {}
    text = "\n".join(body.decode() for body in there.bodies)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", lambda m: known.setdefault(m[0], f"id{len(known)}"), text)
    return re.sub(r"Person \d+", lambda m: known.setdefault(m[0], f"person{len(known)}"), text).splitlines()


async def test_a_private_call_for_help_is_byte_equal_to_an_ok(db: Pool, db_dsn: str) -> None:
    network = await make_org(db)
    helper = await make_staff(db, network.id, Role.COORDINATOR)
    async with hook_loop(db, db_dsn) as loop, receiver() as well, receiver() as in_need:
        _, ok_incident, ok_person = await _private_world(db, well.url)
        _, help_incident, help_person = await _private_world(db, in_need.url)
        await loop.turn()
        arrived: list[tuple[list[str], list[str]]] = []
        await answer(db, ok_incident, ok_person, Answer.OK, 1)
        await answer(db, help_incident, help_person, Answer.HELP, 1)
        arrived.append((await _watched(loop, well), await _watched(loop, in_need)))
        detail = {"hurt": True, "tell_employer": True}
        await answer(db, help_incident, help_person, Answer.HELP, 2, note="my leg", detail=detail)
        arrived.append((await _watched(loop, well), await _watched(loop, in_need)))
        await open_due_cases(db, NOW + 5 * MIN, lambda hazard, severity, night: 0)
        async with transaction(db) as conn:
            sql = "SELECT id FROM case_file WHERE resident_id = $1 AND closed_at IS NULL"
            case = await conn.fetchval(sql, help_person)
            await claim(conn, [case], helper, NOW + 6 * MIN)
        arrived.append((await _watched(loop, well), await _watched(loop, in_need)))
        async with transaction(db) as conn:
            await close_case(conn, case, Outcome.HELP_GIVEN, helper, NOW + 7 * MIN)
        loop.clock.advance(30 * MIN)
        arrived.append((await _watched(loop, well), await _watched(loop, in_need)))
    for one, other in arrived:
        assert one == other
    assert any("answered_not_shared" in line for line in arrived[-1][0])
    assert not any('"help"' in line for one in arrived for lines in one for line in lines)
