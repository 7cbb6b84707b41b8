"""Cases in the database: silence and help open them, answers and outcomes close them, one volunteer works on each."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from checkin.cases import Found, Step
from checkin.cases_store import claim, expire_claims, extend, on_answer, open_due_cases, release
from checkin.outcomes import OutcomeRefused, close_dorm
from checkin.store import record_check_in
from core.db import Pool, transaction
from core.model import Answer, AnsweredBy, OrgKind, Purpose, Role, Severity
from tests.incidents import FLOOD_CONTEXT, TestIncident, make_incident, make_message, tell
from tests.people import NOW, VAULT, make_org, make_resident, make_site, make_staff

MIN = timedelta(minutes=1)


def after_30_min(hazard: str, severity: Severity, night: bool) -> int:
    return 1800


async def answer(
    pool: Pool,
    incident: TestIncident,
    resident_id: UUID,
    said: Answer,
    by: AnsweredBy = AnsweredBy.SELF,
    now: datetime = NOW + MIN,
) -> None:
    async with transaction(pool) as conn:
        await record_check_in(
            conn,
            VAULT,
            incident_id=incident.id,
            resident_id=resident_id,
            answer=said,
            answered_by=by,
            via="test",
            tapped_at=now,
            now=now,
        )


async def cases(pool: Pool) -> list[tuple[UUID, str, str | None]]:
    rows = await pool.fetch("SELECT resident_id, reason, outcome FROM case_file ORDER BY opened_at, id")
    return [(row["resident_id"], row["reason"], row["outcome"]) for row in rows]


async def test_silence_becomes_a_case_after_its_delay_and_only_once(db: Pool) -> None:
    org = await make_org(db)
    dorm = await make_site(db, org.id)
    silent = await make_resident(db, org.id, dorm=dorm)
    fine = await make_resident(db, org.id, dorm=dorm)
    informed = await make_resident(db, org.id)
    incident = await make_incident(db)
    for person in (silent, fine):
        await tell(db, incident, person.id)
    await tell(db, incident, informed.id, asked=False)
    await answer(db, incident, fine.id, Answer.OK)

    assert await open_due_cases(db, NOW + 29 * MIN, after_30_min) == 0
    assert await open_due_cases(db, NOW + 30 * MIN, after_30_min) == 1
    assert await open_due_cases(db, NOW + 31 * MIN, after_30_min) == 0
    assert await cases(db) == [(silent.id, "silent", None)]
    assert await db.fetchval("SELECT dorm_id FROM case_file") == dorm[0]
    assert await db.fetchval("SELECT action FROM case_note") == "opened"


async def test_night_and_override_shorten_the_delay(db: Pool) -> None:
    night = NOW.replace(hour=13)  # 22:00 in Japan
    person = await make_resident(db)
    incident = await make_incident(db, now=night)
    await tell(db, incident, person.id, now=night)
    assert await open_due_cases(db, night + 19 * MIN, after_30_min) == 0
    assert await open_due_cases(db, night + 20 * MIN, after_30_min) == 1

    other = await make_resident(db)
    await tell(db, incident, other.id, now=night)
    assert await open_due_cases(db, night + MIN, after_30_min, override_s=60) == 1


async def test_nobody_can_be_reached_is_a_case_at_once(db: Pool) -> None:
    org = await make_org(db)
    no_way, all_failed, one_pending = [await make_resident(db, org.id) for _ in range(3)]
    incident = await make_incident(db)
    for person in (no_way, all_failed, one_pending):
        await tell(db, incident, person.id)
    await db.execute("UPDATE incident_resident SET reachable = false WHERE resident_id = $1", no_way.id)
    await make_message(db, incident, all_failed.id, state="failed")
    await make_message(db, incident, all_failed.id, state="expired", step=1)
    await make_message(db, incident, one_pending.id, state="failed")
    await make_message(db, incident, one_pending.id, state="pending", step=1)

    assert await open_due_cases(db, NOW, after_30_min) == 2
    assert {(r, reason) for r, reason, _ in await cases(db)} == {
        (no_way.id, "unreachable"),
        (all_failed.id, "unreachable"),
    }
    # Unknown delivery is silence; when the last message fails too, the case says so.
    await open_due_cases(db, NOW + 30 * MIN, after_30_min)
    assert (one_pending.id, "silent", None) in await cases(db)
    await db.execute("UPDATE message SET state = 'failed' WHERE state = 'pending'")
    await open_due_cases(db, NOW + 31 * MIN, after_30_min)
    assert (one_pending.id, "unreachable", None) in await cases(db)


async def test_answers_open_raise_and_close_cases(db: Pool) -> None:
    person = await make_resident(db)
    incident = await make_incident(db)
    await tell(db, incident, person.id)
    await open_due_cases(db, NOW + 30 * MIN, after_30_min)
    await answer(db, incident, person.id, Answer.HELP, now=NOW + 31 * MIN)
    assert await cases(db) == [(person.id, "needs_help", None)]
    await answer(db, incident, person.id, Answer.OK, AnsweredBy.LEADER, now=NOW + 32 * MIN)
    assert await cases(db) == [(person.id, "needs_help", None)], "nobody else takes back a call for help"
    await answer(db, incident, person.id, Answer.OK, now=NOW + 33 * MIN)
    assert await cases(db) == [(person.id, "needs_help", "answered")]


async def test_a_leaders_ok_closes_silence_and_a_leaders_help(db: Pool) -> None:
    silent, helped = await make_resident(db), await make_resident(db)
    incident = await make_incident(db)
    for person in (silent, helped):
        await tell(db, incident, person.id)
    await open_due_cases(db, NOW + 30 * MIN, after_30_min)
    await answer(db, incident, helped.id, Answer.HELP, AnsweredBy.LEADER, now=NOW + 31 * MIN)
    for person in (silent, helped):
        await answer(db, incident, person.id, Answer.OK, AnsweredBy.LEADER, now=NOW + 32 * MIN)
    assert sorted((reason, outcome) for _, reason, outcome in await cases(db)) == [
        ("needs_help", "answered"),
        ("silent", "answered"),
    ]


async def test_on_answer_says_what_it_did(db: Pool) -> None:
    person = await make_resident(db)
    incident = await make_incident(db)
    await tell(db, incident, person.id)
    async with transaction(db) as conn:
        for said, step in ((Answer.OK, Step.NOTHING), (Answer.HELP, Step.OPEN_HELP), (Answer.OK, Step.CLOSE)):
            done = await on_answer(
                conn,
                incident_id=incident.id,
                resident_id=person.id,
                purpose=Purpose.LIVE,
                answer=said,
                answered_by=AnsweredBy.SELF,
                is_help=said.is_help,
                is_green=said.is_green,
                now=NOW,
            )
            assert done is step


async def test_help_carries_over_to_a_new_incident_and_stays_one_case(db: Pool) -> None:
    person = await make_resident(db)
    first = await make_incident(db)
    await tell(db, first, person.id)
    await answer(db, first, person.id, Answer.HELP)
    later = NOW + timedelta(hours=28)
    second = await make_incident(db, now=later)
    await tell(db, second, person.id, now=later)
    assert await open_due_cases(db, later + 40 * MIN, after_30_min) == 0
    row = await db.fetchrow("SELECT incident_id, reason FROM case_file")
    assert (row["incident_id"], row["reason"]) == (second.id, "needs_help")


async def test_an_answer_to_the_newer_incident_is_not_silence_in_the_older_one(db: Pool) -> None:
    person = await make_resident(db)
    first = await make_incident(db)
    await tell(db, first, person.id)
    second = await make_incident(db, now=NOW + MIN)
    await tell(db, second, person.id, now=NOW + MIN)
    await answer(db, second, person.id, Answer.OK, now=NOW + 2 * MIN)
    assert await open_due_cases(db, NOW + 60 * MIN, after_30_min) == 0


async def test_an_ok_from_before_a_stronger_shock_is_silence_again(db: Pool) -> None:
    person = await make_resident(db)
    incident = await make_incident(db)
    await tell(db, incident, person.id)
    await answer(db, incident, person.id, Answer.OK)
    await db.execute("UPDATE incident_resident SET asked_at = $1", NOW + 60 * MIN)
    assert await open_due_cases(db, NOW + 80 * MIN, after_30_min) == 0
    assert await open_due_cases(db, NOW + 90 * MIN, after_30_min) == 1


async def test_live_and_drill_cases_of_a_person_stand_apart(db: Pool) -> None:
    person = await make_resident(db)
    for purpose in ("live", "drill"):
        incident = await make_incident(db, purpose=purpose)
        await tell(db, incident, person.id)
    assert await open_due_cases(db, NOW + 30 * MIN, after_30_min) == 2


async def test_leaving_the_service_closes_silence_but_not_a_call_for_help(db: Pool) -> None:
    gone, help_ = await make_resident(db), await make_resident(db)
    incident = await make_incident(db)
    for person in (gone, help_):
        await tell(db, incident, person.id)
    await answer(db, incident, help_.id, Answer.HELP)
    await open_due_cases(db, NOW + 30 * MIN, after_30_min)
    await db.execute("UPDATE resident SET state = 'left'")
    await open_due_cases(db, NOW + 31 * MIN, after_30_min)
    assert {(r, o) for r, _, o in await cases(db)} == {(gone.id, "withdrawn"), (help_.id, None)}


async def test_many_tends_at_once_open_each_case_once(db: Pool) -> None:
    org = await make_org(db)
    incident = await make_incident(db)
    for _ in range(40):
        await tell(db, incident, (await make_resident(db, org.id)).id)
    opened = await asyncio.gather(*(open_due_cases(db, NOW + 30 * MIN, after_30_min) for _ in range(4)))
    await open_due_cases(db, NOW + 30 * MIN, after_30_min)
    assert sum(opened) == await db.fetchval("SELECT count(*) FROM case_file") == 40


async def open_dorm(db: Pool, people: int = 6, **incident: object) -> tuple[list[UUID], list[UUID]]:
    """A dorm of silent people: (case ids, resident ids), in the same order."""
    org = await make_org(db)
    dorm = await make_site(db, org.id)
    made = await make_incident(db, **incident)  # type: ignore[arg-type]
    residents = []
    for _ in range(people):
        person = await make_resident(db, org.id, dorm=dorm)
        await tell(db, made, person.id)
        residents.append(person.id)
    await open_due_cases(db, NOW + 30 * MIN, after_30_min)
    rows = await db.fetch("SELECT id, resident_id FROM case_file")
    by_resident = {row["resident_id"]: row["id"] for row in rows}
    return [by_resident[r] for r in residents], residents


async def two_volunteers(db: Pool) -> tuple[UUID, UUID]:
    org = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    return org.staff_id, await make_staff(db, org.id, Role.VOLUNTEER, name="Second Volunteer")


async def test_of_many_who_claim_at_once_exactly_one_wins_and_all_learn_who(db: Pool) -> None:
    ids, _ = await open_dorm(db)
    org = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    staff = [await make_staff(db, org.id, Role.VOLUNTEER, name=f"Volunteer {n}") for n in range(8)]

    async def attempt(staff_id: UUID) -> tuple[bool, str]:
        async with transaction(db) as conn:
            taken = await claim(conn, ids, staff_id, NOW + 31 * MIN)
            return taken.taken, taken.by_name

    results = await asyncio.gather(*map(attempt, staff))
    assert sum(taken for taken, _ in results) == 1
    winner = f"Volunteer {[taken for taken, _ in results].index(True)}"
    assert {name for taken, name in results if not taken} == {winner}
    assert await db.fetchval("SELECT count(DISTINCT claimed_by) FROM case_file") == 1


async def test_claims_are_released_extended_and_expire(db: Pool) -> None:
    ids, _ = await open_dorm(db, 2)
    mine, other = await two_volunteers(db)
    now = NOW + 31 * MIN
    async with transaction(db) as conn:
        assert (await claim(conn, ids, mine, now)).taken
        assert await release(conn, ids, other, now) == 0
        await extend(conn, ids, mine, now + 20 * MIN)
    assert await expire_claims(db, now + 49 * MIN) == 0
    assert await expire_claims(db, now + 50 * MIN) == 2
    async with transaction(db) as conn:
        assert (await claim(conn, ids, other, now + 51 * MIN)).taken
        assert await release(conn, ids, other, now + 52 * MIN) == 2
    actions = [
        row["action"] for row in await db.fetch("SELECT action FROM case_note WHERE case_id = $1 ORDER BY id", ids[0])
    ]
    assert actions == ["opened", "claimed", "expired", "claimed", "released"]


async def test_a_dorm_is_closed_in_one_outcome(db: Pool) -> None:
    ids, residents = await open_dorm(db)
    mine, _ = await two_volunteers(db)
    now = NOW + 40 * MIN
    outcomes = dict.fromkeys(ids[:5], Found.OK) | {ids[5]: Found.MISSING}
    async with transaction(db) as conn:
        result = await close_dorm(conn, VAULT, outcomes, staff_id=mine, note="called", questions={}, now=now)
    assert (result.closed, result.still_open, result.missing) == (6, 1, 1)
    statuses = {
        row["resident_id"]: (row["status"], row["status_by"])
        for row in await db.fetch("SELECT resident_id, status, status_by FROM incident_resident")
    }
    assert all(statuses[r] == ("ok", "coordinator") for r in residents[:5])
    assert statuses[residents[5]] == (None, None)
    # The missing person stays on the board, and silence does not open a second case.
    still = await db.fetch("SELECT resident_id, dorm_id FROM case_file WHERE closed_at IS NULL")
    assert [row["resident_id"] for row in still] == [residents[5]]
    assert await open_due_cases(db, now + 60 * MIN, after_30_min) == 0
    assert await db.fetchval("SELECT count(*) FROM case_note WHERE action = 'note'") == 6


async def test_a_flood_outcome_uses_the_floods_answers(db: Pool) -> None:
    ids, _ = await open_dorm(db, 1, context=FLOOD_CONTEXT)
    mine, _ = await two_volunteers(db)
    incident_id = await db.fetchval("SELECT incident_id FROM case_file")
    async with transaction(db) as conn:
        await close_dorm(
            conn,
            VAULT,
            {ids[0]: Found.OK},
            staff_id=mine,
            note="",
            questions={incident_id: FLOOD_CONTEXT["questions"]},
            now=NOW + 40 * MIN,
        )
    assert await db.fetchval("SELECT status FROM incident_resident") == "safe_place"


async def test_handed_over_is_not_opened_again_by_the_same_silence(db: Pool) -> None:
    ids, _ = await open_dorm(db, 1)
    mine, _ = await two_volunteers(db)
    async with transaction(db) as conn:
        await close_dorm(
            conn, VAULT, {ids[0]: Found.HANDED_OVER}, staff_id=mine, note="", questions={}, now=NOW + 40 * MIN
        )
    assert await open_due_cases(db, NOW + 90 * MIN, after_30_min) == 0


async def test_still_needing_help_raises_the_case_and_keeps_it_open(db: Pool) -> None:
    ids, residents = await open_dorm(db, 1)
    mine, _ = await two_volunteers(db)
    async with transaction(db) as conn:
        result = await close_dorm(
            conn, VAULT, {ids[0]: Found.NEEDS_HELP}, staff_id=mine, note="", questions={}, now=NOW + 40 * MIN
        )
    assert (result.closed, result.still_open) == (0, 1)
    assert await cases(db) == [(residents[0], "needs_help", None)]


@pytest.mark.parametrize(
    ("found", "key"),
    [
        ([Found.NOT_YET, Found.NOT_YET], "staff.board.refused.nothing"),
        ([Found.OK, Found.OK], "staff.board.refused.own_help"),
    ],
)
async def test_refused_outcomes_write_nothing(db: Pool, found: list[Found], key: str) -> None:
    ids, residents = await open_dorm(db, 2)
    mine, _ = await two_volunteers(db)
    incident_id = await db.fetchval("SELECT id FROM incident")
    await answer(db, TestIncident(incident_id, incident_id, "live", "extreme", b""), residents[1], Answer.HELP)
    with pytest.raises(OutcomeRefused) as refused:
        async with transaction(db) as conn:
            await close_dorm(
                conn,
                VAULT,
                dict(zip(ids, found, strict=True)),
                staff_id=mine,
                note="",
                questions={},
                now=NOW + 40 * MIN,
            )
    assert refused.value.key == key
    assert await db.fetchval("SELECT count(*) FROM case_file WHERE closed_at IS NOT NULL") == 0


async def test_an_outcome_is_refused_while_somebody_else_has_it_and_after_it_was_closed(db: Pool) -> None:
    ids, residents = await open_dorm(db, 2)
    mine, other = await two_volunteers(db)
    now = NOW + 40 * MIN
    outcomes = dict.fromkeys(ids, Found.OK)
    async with transaction(db) as conn:
        await claim(conn, ids, other, now)
    with pytest.raises(OutcomeRefused) as refused:
        async with transaction(db) as conn:
            await close_dorm(conn, VAULT, outcomes, staff_id=mine, note="", questions={}, now=now)
    assert (refused.value.key, refused.value.fields) == ("staff.board.refused.claimed", {"name": "Second Volunteer"})
    incident_id = await db.fetchval("SELECT id FROM incident")
    await answer(db, TestIncident(incident_id, incident_id, "live", "extreme", b""), residents[0], Answer.OK, now=now)
    with pytest.raises(OutcomeRefused) as refused:
        async with transaction(db) as conn:
            await close_dorm(conn, VAULT, outcomes, staff_id=other, note="", questions={}, now=now)
    assert refused.value.key == "staff.board.refused.closed"


async def test_answers_and_outcomes_at_once_never_deadlock_or_lose_an_answer(db: Pool) -> None:
    ids, residents = await open_dorm(db, 12)
    mine, _ = await two_volunteers(db)
    incident_id = await db.fetchval("SELECT id FROM incident")
    incident = TestIncident(incident_id, incident_id, "live", "extreme", b"")
    now = NOW + 40 * MIN

    async def outcome() -> None:
        try:
            async with transaction(db) as conn:
                await close_dorm(
                    conn, VAULT, dict.fromkeys(ids, Found.OK), staff_id=mine, note="", questions={}, now=now
                )
        except OutcomeRefused:
            pass  # somebody answered first: the page is shown again

    await asyncio.gather(outcome(), *(answer(db, incident, r, Answer.OK, now=now) for r in reversed(residents)))
    assert await db.fetchval("SELECT count(*) FROM check_in WHERE answered_by = 'self'") == 12
    assert await db.fetchval("SELECT count(*) FROM case_file WHERE closed_at IS NULL") == 0
    assert await db.fetchval("SELECT count(*) FROM incident_resident WHERE status_by = 'self'") == 12
