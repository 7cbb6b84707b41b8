"""The purge: every rule does what it says, open incidents are untouched, neither a kill nor a clock harms anything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from checkin.upkeep_store import last_purge, reach_totals
from core.clock import FixedClock
from core.db import CONNECTION_ERRORS, Pool, ScopedPool, connect, transaction
from core.ids import uuid7
from core.model import OrgKind
from ops.purge import SCOPE, PurgeRefused, PurgeReport
from ops.purge import purge as purge_as
from ops.purge_store import ended_since, take_turn
from ops.retention import RULES
from ops.retention_store import STEPS
from ops.tend import TASKS, tend_once
from registry import store
from registry.elsewhere_store import set_elsewhere
from registry.erase_store import erase_resident
from registry.membership_store import end_membership
from tests import people
from tests.alerts_kit import wires
from tests.incidents import TestIncident, database_digest, make_incident, make_link, tell
from tests.lives import a_full_life, close, traces
from tests.people import NOW

#: The purge under test runs a hundred days after everything here happened; three years for what is kept so long.
LATER = NOW + timedelta(days=100)
#: What a purge writes about itself.
NOTES = ("purge_run", "audit", "audit_unsealed")


async def purge(pool: Pool, now: datetime, **more: Any) -> PurgeReport:
    """The purge under its own database role, as the service runs it."""
    return await purge_as(ScopedPool(pool, SCOPE), now, **more)


async def world(db: Pool) -> TestIncident:
    """Something for every rule, and beside it an incident that is open; returns that one."""
    org = await people.make_org(db, OrgKind.EMPLOYER)
    for purpose in ("live", "drill"):
        dorm = await people.make_site(db, org.id)
        one, over = await a_full_life(db, org.id, f"Kanariya-{purpose}", dorm, purpose)
        for _ in range(3):
            other = await people.make_resident(db, org.id, dorm=dorm)
            await tell(db, over, other.id)
            await make_link(db, over, resident_id=other.id)
            await db.execute("INSERT INTO alert_resident VALUES ($1, $2)", over.alert_id, other.id)
        await close(db, over, NOW + timedelta(days=2))
    await db.execute("UPDATE incident SET key_enc = 'left over' WHERE purpose = 'live'")
    async with transaction(db) as conn:
        gone = await people.make_resident(conn, org.id, name="Kanariya-left")
        await end_membership(conn, gone.id, org.id, NOW.date(), NOW)
        await conn.execute("UPDATE resident SET state = 'left', left_at = $2 WHERE id = $1", gone.id, NOW)
        await people.make_resident(conn, None, name="Kanariya-never", enrolled=False)
        await conn.execute("UPDATE resident SET erase_requested_at = $2 WHERE id = $1", one.id, NOW)
        token = await store.personal_token(conn, people.VAULT, one.id)
        assert token
        await conn.execute(
            "INSERT INTO link (id, kind, token_sha256, resident_id, created_at, revoked_at) "
            "VALUES ($1, 'personal', decode(repeat('ab', 32), 'hex'), $2, $3, $3)",
            uuid7(),
            (await people.make_resident(conn, org.id)).id,
            NOW,
        )
        alive = await people.make_resident(conn, org.id, contacts=[])
        await conn.execute(
            "INSERT INTO contact (id, resident_id, channel, address_enc, address_bidx, state, dead_since, created_at) "
            "VALUES ($1, $2, 'push', 'x', 'y', 'dead', $3, $3)",
            uuid7(),
            alive.id,
            NOW,
        )
        await people.make_place(conn, label="Kanariya-old-home")
        # Once where nothing is open, and once where an incident still has the person in it.
        for who in (alive.id, (await people.make_resident(conn, org.id, name="Away and looked for")).id):
            there = await people.make_place(conn)
            await set_elsewhere(conn, who, there, NOW)
        for dry in (True, False):
            await conn.execute(
                "INSERT INTO import_run (id, org_id, file_name, file_sha256, dry_run, at, counts, body_enc) "
                "VALUES ($1, $2, 'list.csv', '', $3, $4, '{}', 'sealed')",
                uuid7(),
                org.id,
                dry,
                NOW if dry else NOW - timedelta(days=300),
            )
        await conn.execute(
            "INSERT INTO session (id_sha256, staff_id, created_at, last_seen_at, expires_at) "
            "VALUES (decode(repeat('01', 32), 'hex'), $1, $2, $2, $2)",
            org.staff_id,
            NOW,
        )
        await conn.execute(
            "INSERT INTO staff_link (token_sha256, kind, org_id, role, email, created_at, expires_at) "
            "VALUES (decode(repeat('02', 32), 'hex'), 'invitation', $1, 'employer', 'Kanariya@a.example', $2, $2)",
            org.id,
            NOW,
        )
        await conn.execute("INSERT INTO signin_failure (key, failures, last_at) VALUES ('Kanariya@a', 3, $1)", NOW)
        await conn.execute("UPDATE place SET created_at = $1", NOW)
        for age in (0, 4):
            left = await people.make_staff(conn, org.id, people.Role.EMPLOYER, password_hash="Kanariya-hash")
            disabled = NOW - timedelta(days=365 * age)
            await conn.execute("UPDATE staff SET disabled_at = $2 WHERE id = $1", left, disabled)
        await conn.execute(
            "INSERT INTO dashboard_opened (org_id, incident_id, first_at, last_at) VALUES ($1, $2, $3, $3)",
            org.id,
            uuid7(),
            NOW - timedelta(days=4 * 365),
        )
    await leftovers(db, org, alive.id, over)
    current = await people.make_resident(db, org.id)
    incident = await make_incident(db, now=NOW)
    await db.execute("UPDATE incident SET key = 'still open' WHERE id = $1", incident.id)
    await tell(db, incident, current.id)
    await make_link(db, incident, resident_id=current.id)
    return incident


#: A row for each smaller rule. $1 organisation, $2 staff, $3 resident, $4 time, $5 incident.
LEFTOVERS = (
    "staff_alert (id, token_sha256, org_id, staff_id, incident_id, created_at, expires_at) VALUES "
    "($3, decode(repeat('05', 32), 'hex'), $1, $2, $5, $4, $4)",
    "enrolment_draft (resident_id, data_enc, updated_at) VALUES ($3, 'x', $4)",
    "absence (resident_id, said_by, kind, until, created_at) VALUES ($3, 'self', 'away', $4::timestamptz::date, $4)",
    "poster (id, org_id, token_sha256, label, created_at) VALUES ($1, $1, decode(repeat('03', 32), 'hex'), '', $4)",
    "shared_location (id, incident_id, resident_id, point_enc, sent_at) VALUES ($3, $5, $3, 'x', $4)",
    "link_request (resident_id, asked_by, asked_at, outcome) VALUES ($3, 'number', $4, 'sent')",
    "line_code (resident_id, code_sha256, made_at) VALUES ($3, sha256('code'), $4)",
    "line_event (event_id, at) VALUES ('e1', $4)",
    "walk_in (poster_id, nonce, resident_id, address_bidx, at) VALUES ($1, 'n', $3, 'x', $4)",
    "same_person (id, resident_id, state, created_at) VALUES ($3, $3, 'unknown', $4)",
    "family_link (id, resident_id, token_sha256, created_at, expires_at) VALUES "
    "($3, $3, decode(repeat('04', 32), 'hex'), $4, $4)",
    "staff_recovery (staff_id, at, by_staff, by_name) VALUES ($2, $4 - interval '4 years', $2, 'Kanariya@a')",
    "held_form (id, staff_id, path, fields_enc, created_at, expires_at) VALUES ($3, $2, '/', 'x', $4, $4)",
    "passkey_challenge_used (challenge_sha256, expires_at) VALUES ('x', $4)",
    "approval (id, kind, payload, state, made_by, made_by_name, made_at, expires_at) VALUES "
    "($3, 'rule_edit', '{}', 'proposed', $2, '', $4, $4 - interval '4 years')",
    "break_glass (id, purpose, recipient, fields, resident_id, org_id, opened_by, approved_by, opened_at, ends_at) "
    "SELECT $3, 'p', 'r', '{phone}', $3, $1, $2, id, $4 - interval '4 years', $4 - interval '4 years' "
    "FROM staff WHERE id <> $2 LIMIT 1",
    "volunteer_pass (id, token_sha256, token_enc, org_id, created_by, created_at, expires_at, uses_left) VALUES "
    "($3, decode(repeat('05', 32), 'hex'), 'x', $1, $2, $4, $4, 1)",
    "ops_alarm (kind, at, staff_id, org_id, number) VALUES ('reveals', $4 - interval '4 years', $2, $1, 9)",
    "alarm (id, key, kind, level, subject, opened_at, last_seen_at, acknowledged_by, acknowledged_at, cleared_at) "
    "VALUES ($3, 'k', 'feed_silent', 'critical', 's', $4 - interval '2 years', $4, $2, $4, $4 - interval '366 days')",
    "provider_trouble (channel, code, level, what, first_at, at) VALUES ('sms', '1', 'warning', 'w', $4, $4)",
    "send_bucket (key, tokens, refilled_at) VALUES (decode(repeat('07', 32), 'hex'), 0, $4)",
    "sms_reply (provider_id, at, read_as) VALUES ('SM1', $4, 'ok')",
    "duty (id, org_id, staff_id, starts_at, ends_at, created_at) VALUES "
    "($3, $1, $2, $4 - interval '4 years', $4 - interval '4 years' + interval '1 hour', $4)",
    "deputy (id, org_id, staff_id, deputy_id, from_day, until_day, created_at) "
    "SELECT $3, $1, $2, id, $4::date - 1400, $4::date - 1400, $4 FROM staff WHERE id <> $2 LIMIT 1",
    "api_token (id, owner_id, org_id, role, name, prefix, secret_sha256, scopes, created_at, expires_at) VALUES "
    "($1, $1, $1, 'employer', 'n', 'p', decode(repeat('06', 32), 'hex'), '{people:read}', $4, $4)",
    "api_usage (token_id, minute, calls) VALUES ($1, $4, 1)",
    "api_idempotency (id, token_id, org_id, key_sha256, request_sha256, created_at) VALUES ($1, $1, $1, 'x', 'y', $4)",
    "webhook (id, org_id, owner_id, token_id, role, url, events, secret_enc, created_at, deleted_at) VALUES "
    "($3, $1, $1, $1, 'employer', 'https://gone.example', '{status}', 'x', $4, $4)",
    "webhook (id, org_id, owner_id, token_id, role, url, events, secret_enc, created_at) VALUES "
    "($1, $1, $1, $1, 'employer', 'https://here.example', '{status}', 'x', $4)",
    "webhook_delivery (event_id, webhook_id, org_id, event, resident_id, payload, state, due_at, created_at, "
    "give_up_at, done_at) VALUES ($3, $1, $1, 'status', $3, '{}', 'delivered', $4, $4, $4, $4)",
    "webhook_seen (org_id, kind, incident_id, resident_id, value) VALUES ($1, 'status', $5, $3, 'ok')",
    "import_run (id, org_id, file_name, file_sha256, dry_run, at, counts, result_enc, subjects, state) VALUES "
    "($3, $1, 'l.csv', '', false, $4, '{}', 'sealed', ARRAY[$3::uuid], 'applied')",
    "import_change (run_id, org_id, kind, row_id, resident_id, key) VALUES ($3, $1, 'changed', $3, $3, $3)",
)


async def leftovers(db: Pool, org: people.Org, resident_id: UUID, over: TestIncident) -> None:
    """Write LEFTOVERS; each statement uses all five parameters once, so that none is of unknown type."""
    for statement in LEFTOVERS:
        await db.execute(
            "WITH given AS (SELECT $1::uuid, $2::uuid, $3::uuid, $4::timestamptz, $5::uuid) INSERT INTO " + statement,
            org.id,
            org.staff_id,
            resident_id,
            NOW,
            over.id,
        )


async def open_rows(db: Pool, incident: TestIncident) -> list[list[tuple[object, ...]]]:
    return [
        [tuple(row) for row in await db.fetch(query, incident.id)]
        for query in (
            "SELECT * FROM incident WHERE id = $1",
            "SELECT * FROM incident_resident WHERE incident_id = $1 ORDER BY resident_id",
            "SELECT * FROM link WHERE incident_id = $1 ORDER BY id",
            "SELECT to_jsonb(r) - 'last_sign_at' FROM resident r JOIN incident_resident x ON x.resident_id = r.id "
            "WHERE x.incident_id = $1",
            "SELECT c.* FROM contact c JOIN incident_resident x USING (resident_id) WHERE x.incident_id = $1",
        )
    ]


@pytest.fixture
async def opened(db: Pool) -> AsyncIterator[TestIncident]:
    """The world; whatever a test does to it, its open incident must be as it was."""
    incident = await world(db)
    before = await open_rows(db, incident)
    assert all(before)
    yield incident
    assert await open_rows(db, incident) == before


def test_every_rule_of_the_purge_has_its_step() -> None:
    assert set(STEPS) == {rule.name for rule in RULES if rule.by == "purge"}
    assert len({rule.name for rule in RULES}) == len(RULES)


async def test_a_dry_run_says_what_a_run_does_and_changes_nothing(db: Pool, opened: TestIncident) -> None:
    before = await database_digest(db)
    told = await purge(db, LATER, dry_run=True, batch=2)
    assert await database_digest(db) == before
    # The audit log has its own tests; here nothing is old enough in it.
    assert {rule for rule, rows in told.rows.items() if rows == 0} <= {"audit"}
    done = await purge(db, LATER)
    assert done.rows == told.rows
    # The same numbers stand in the log of runs, and again nothing is left for a second run.
    noted = await db.fetch(
        "SELECT rule, sum(touched) AS rows FROM purge_run WHERE rule NOT IN ('start', 'end') GROUP BY rule"
    )
    assert {row["rule"]: row["rows"] for row in noted} == {rule: rows for rule, rows in told.rows.items() if rows}
    after = await database_digest(db, NOTES)
    assert (await purge(db, LATER)).total == 0
    assert await database_digest(db, NOTES) == after


async def test_no_word_of_those_who_are_gone_is_left_anywhere(db: Pool, opened: TestIncident) -> None:
    assert len(await traces(db, "Kanariya-live")) >= 2
    await purge(db, LATER)
    # "live" is still a person who lives with us; what was said in the incident is gone. Drills are kept longer.
    assert await traces(db, "Kanariya-left") == set() == await traces(db, "Kanariya-never")
    assert await traces(db, "Kanariya-old-home") == set() == await traces(db, "Kanariya@a")
    for table in (
        "check_in",
        "case_file",
        "case_note",
        "message",
        "receipt",
        "alert_resident",
        "session",
        "staff_link",
    ):
        assert await db.fetchval(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608
    assert await db.fetchval("SELECT name FROM resident WHERE name = 'Kanariya-live'"), "who lives with us stays"
    assert not await db.fetchval("SELECT name FROM resident WHERE name = 'Kanariya-drill'"), "who asked to go is gone"


async def test_numbers_of_an_incident_stay(db: Pool, opened: TestIncident) -> None:
    await purge(db, LATER, batch=1)
    rows = await db.fetch(
        "SELECT s.org_id IS NULL AS all_people, s.what, s.value, s.number FROM incident_summary s "
        "JOIN incident i ON i.id = s.incident_id WHERE i.purpose = 'live' ORDER BY 2, 1 DESC, 3"
    )
    assert [tuple(row) for row in rows] == [
        (True, "cases", "needs_help ok", 1),
        (True, "people", "help", 1),
        (True, "people", "silent", 3),
        (False, "people", "answered", 1),
        (False, "people", "silent", 3),
    ]
    assert await db.fetchval("SELECT sum(messages) FROM delivery_summary") == 2


@pytest.mark.parametrize("after", [1, 4, 9])
async def test_killed_half_way_and_run_again_ends_the_same(
    db: Pool, db_dsn: str, opened: TestIncident, after: int
) -> None:
    expected = (await purge(db, LATER, dry_run=True)).rows
    # The server ends the connection in the middle of a batch, as a kill -9 of either side would.
    await db.execute("CREATE SEQUENCE batches")
    await db.execute(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN "
        f"IF nextval('batches') = {after} THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; "
        "END $$"
    )
    await db.execute("CREATE TRIGGER die AFTER INSERT ON purge_run FOR EACH ROW EXECUTE FUNCTION die()")
    doomed = await connect(db_dsn, size=1)
    with pytest.raises(CONNECTION_ERRORS):
        await purge(doomed, LATER, batch=2)
    doomed.terminate()
    assert await db.fetchval("SELECT count(*) FROM purge_run") == after - 1
    await purge(db, LATER, batch=3)
    noted = await db.fetch(
        "SELECT rule, sum(touched) AS rows FROM purge_run WHERE rule NOT IN ('start', 'end') GROUP BY rule"
    )
    assert {row["rule"]: row["rows"] for row in noted} == {rule: rows for rule, rows in expected.items() if rows}
    assert await db.fetchval("SELECT count(*) FROM purge_run WHERE rule = 'end'") == 1
    assert (await purge(db, LATER)).total == 0


async def test_a_clock_a_year_behind_deletes_nothing(db: Pool, opened: TestIncident) -> None:
    await db.execute(
        "INSERT INTO report (source, sha256, received_at, body, state) "
        "VALUES ('jma', decode(repeat('00', 32), 'hex'), $1, '', 'parsed')",
        LATER,
    )
    before = await database_digest(db)
    with pytest.raises(PurgeRefused, match="before the newest report"):
        await purge(db, LATER - timedelta(days=365))
    assert await database_digest(db) == before
    assert (await purge(db, LATER + timedelta(hours=1))).total > 0


async def test_a_clock_a_year_ahead_needs_an_operators_word(db: Pool, opened: TestIncident) -> None:
    await purge(db, NOW)
    before = await database_digest(db)
    ahead = NOW + timedelta(days=366)
    with pytest.raises(PurgeRefused, match="more than a year after"):
        await purge(db, ahead)
    with pytest.raises(PurgeRefused, match="more than a year after"):
        await purge(db, ahead, why="   ")
    assert await database_digest(db) == before
    await purge(db, ahead, why="the server was in storage for a year")
    assert await db.fetchval("SELECT DISTINCT why FROM purge_run WHERE at = $1", ahead) == (
        "the server was in storage for a year"
    )


async def test_a_run_in_slices_is_one_run(db: Pool, opened: TestIncident) -> None:
    expected = (await purge(db, LATER, dry_run=True)).total
    slices = []
    while not slices or not slices[-1].ended:
        slices.append(await purge(db, LATER + timedelta(minutes=len(slices)), batch=2, most=3))
    assert len(slices) > 3 and len({one.run_id for one in slices}) == 1
    assert sum(one.total for one in slices) == expected
    assert (await purge(db, LATER + timedelta(hours=1))).run_id != slices[0].run_id


async def test_two_purges_never_run_at_once(db: Pool, opened: TestIncident) -> None:
    async with transaction(db) as conn:
        assert await take_turn(conn)
        with pytest.raises(PurgeRefused, match="another purge is running"):
            await purge(db, LATER)
    await purge(db, LATER)


async def test_the_log_of_runs_cannot_be_changed(db: Pool, opened: TestIncident) -> None:
    await purge(db, LATER)
    for statement in ("UPDATE purge_run SET touched = 0", "DELETE FROM purge_run"):
        with pytest.raises(Exception, match="append-only"):
            await db.execute(statement)


async def test_who_asked_to_be_deleted_goes_when_their_incident_has_closed(db: Pool) -> None:
    org = await people.make_org(db, OrgKind.EMPLOYER)
    person, incident = await a_full_life(db, org.id, "Waits", await people.make_site(db, org.id))
    async with transaction(db) as conn:
        assert not (await erase_resident(conn, person.id, NOW)).done
    await purge(db, LATER)
    assert await traces(db, "Waits") != set()
    await close(db, incident, LATER)
    assert (await purge(db, LATER)).rows["erase"] == 1
    assert await traces(db, str(person.id)) == {"audit"}


async def test_what_is_not_old_enough_stays(db: Pool, opened: TestIncident) -> None:
    early = NOW + timedelta(days=31)  # the incidents closed on the second day
    rows = (await purge(db, early)).rows
    kept = ("answer", "case", "told", "standing", "standing_drill", "link_row", "import_record", "staff_name")
    assert {name: rows[name] for name in kept} == dict.fromkeys(kept, 0) | {"staff_name": 1}


async def test_the_tend_loop_purges_once_a_day_and_the_operator_sees_it(
    db: Pool, db_dsn: str, opened: TestIncident
) -> None:
    clock = FixedClock(LATER)
    async with wires(db, db_dsn, clock=clock) as deps:
        turn = tuple(task for task in TASKS if task.name == "purge")
        while not await ended_since(db, NOW):
            assert (await tend_once(deps, "test", turn))["purge"] >= 0
        runs = await db.fetchval("SELECT count(DISTINCT run_id) FROM purge_run")
        clock.advance(timedelta(hours=22))
        await tend_once(deps, "test", turn)
        assert await db.fetchval("SELECT count(DISTINCT run_id) FROM purge_run") == runs == 1
        clock.advance(timedelta(hours=2))
        await tend_once(deps, "test", turn)
        assert await db.fetchval("SELECT count(DISTINCT run_id) FROM purge_run") == 2
        # A clock that cannot be right: nothing happens but a line in the log, and the other tasks go on.
        clock.advance(timedelta(days=800))
        assert (await tend_once(deps, "test", turn))["purge"] == 0
    async with transaction(db) as conn:
        told = await last_purge(conn, LATER)
        totals = await reach_totals(conn, LATER)
    assert told is not None and not told.late and told.people == 0
    assert totals.people == await db.fetchval("SELECT count(*) FROM resident WHERE state IN ('invited', 'enrolled')")
    assert 0 < totals.unreachable <= totals.people and totals.no_sign == 0
