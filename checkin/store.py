"""Keeping an answer: one transaction that stores it, moves the person's status, and stops what is no longer needed.

Everybody's answers come through `record_check_in`: the person's own (page, notification button, personal link) and
those given for them (leader, employer, coordinator).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from checkin.cases_store import on_answer
from checkin.drills import HELP_AFTER_END, needs_open_incident
from checkin.help_store import live_incident_for_help
from checkin.replies import StatusView, current_status, tap_time
from core.crypto import Vault
from core.db import Connection, Record, WriteMismatch
from core.ids import uuid7
from core.model import Answer, Answered, AnsweredBy, Purpose


class UnknownPerson(LookupError):
    """There is no such resident or incident, or the incident has alerted nobody yet."""


class Recorded(NamedTuple):
    """What became of an answer. `duplicate`: the same tap had arrived before, and nothing was written.

    `incident_id`: where it was stored; another one than asked for if that was over (see `record_check_in`).
    """

    check_in_id: UUID
    incident_id: UUID
    duplicate: bool
    status: StatusView


async def record_check_in(
    conn: Connection,
    vault: Vault,
    *,
    incident_id: UUID,
    resident_id: UUID,
    answer: Answer,
    answered_by: AnsweredBy,
    via: str,
    tapped_at: datetime | None,
    now: datetime,
    link_id: UUID | None = None,
    client_id: str | None = None,
    detail: dict[str, Any] | None = None,
    note: str | None = None,
    by_resident: UUID | None = None,
    by_staff: UUID | None = None,
) -> Recorded:
    """Store one answer and everything that follows from it, or nothing at all.

    `via` says how it came ("page", "push", "leader page", "dashboard", ...). `tapped_at` None means now; it is capped
    at `now`, and one from before the incident is not believed. `client_id` makes a repeated tap of one link the same
    answer. Somebody who was not part of the incident becomes part of it. A call for help in an incident that has been
    closed goes to one that is open, and opens one if need be: nobody works through closed ones. Raises UnknownPerson.
    """
    async with conn.transaction():
        person = await _lock_person(conn, incident_id, resident_id, now)
        purpose = Purpose(person["purpose"])
        if needs_open_incident(purpose, answer, person["closed_at"]):
            incident_id = await live_incident_for_help(conn, vault, resident_id, HELP_AFTER_END, now)
            person = await _lock_person(conn, incident_id, resident_id, now)
        # No status means no answer yet, by far the commonest case: one round trip less.
        history = [] if person["status"] is None else await answer_history(conn, incident_id, resident_id)
        answered = Answered(answer, answered_by, tap_time(tapped_at, now, person["opened_at"]), now)
        status = current_status([*history, answered])
        check_in_id = uuid7()
        written = await conn.fetchrow(
            SQL_APPLY,
            check_in_id,
            incident_id,
            resident_id,
            purpose,
            answer,
            answered_by,
            via,
            by_resident,
            by_staff,
            link_id,
            client_id,
            detail or {},
            vault.encrypt(note, check_in_id, "check_in.note_enc") if note else None,
            answered.at,
            now,
            *_status_columns(status),
            answered_by is AnsweredBy.SELF,
        )
        if written["inserted"] is None:
            earlier = await conn.fetchval(SQL_EARLIER_TAP, link_id, client_id)
            return Recorded(earlier, incident_id, True, current_status(history))
        if written["updated"] != 1:
            raise WriteMismatch(
                f"status of resident {resident_id} in incident {incident_id}: row vanished under its lock"
            )
        if (answer.is_help or written["has_case"]) and _counts(answered, status):
            await on_answer(
                conn,
                incident_id=incident_id,
                resident_id=resident_id,
                purpose=purpose,
                answer=answer,
                answered_by=answered_by,
                is_help=answer.is_help,
                is_green=answer.is_green,
                now=now,
            )
        return Recorded(check_in_id, incident_id, False, status)


def _counts(answered: Answered, status: StatusView) -> bool:
    """Whether an answer may move a case: an own one that another own one outweighs (an old tap, come late) may not."""
    return answered.by is not AnsweredBy.SELF or status.current == answered


def _status_columns(status: StatusView) -> tuple[str, str, datetime, str, datetime]:
    current, first = status.current, status.first
    assert current is not None and first is not None  # at least the answer being stored
    return current.answer, current.by, current.at, first.answer, first.at


SQL_LOCK_PERSON = """
SELECT ir.status, ir.purpose, i.opened_at, i.closed_at
FROM incident_resident ir JOIN incident i ON i.id = ir.incident_id
WHERE ir.incident_id = $1 AND ir.resident_id = $2
FOR UPDATE OF ir
"""
SQL_JOIN_INCIDENT = """
INSERT INTO incident_resident (incident_id, resident_id, orgs, purpose, severity, told_at, last_alert_id, reachable)
SELECT i.id, r.id, r.orgs, i.purpose, i.severity, $3, a.id, true
FROM incident i
CROSS JOIN resident r
CROSS JOIN LATERAL (SELECT id FROM alert WHERE incident_id = i.id ORDER BY created_at DESC, id DESC LIMIT 1) a
WHERE i.id = $1 AND r.id = $2
ON CONFLICT DO NOTHING
"""


async def _lock_person(conn: Connection, incident_id: UUID, resident_id: UUID, now: datetime) -> Record:
    """Lock where a person stands in an incident, so that their answers are judged one after the other."""
    person = await conn.fetchrow(SQL_LOCK_PERSON, incident_id, resident_id)
    if person is None:
        await conn.execute(SQL_JOIN_INCIDENT, incident_id, resident_id, now)
        person = await conn.fetchrow(SQL_LOCK_PERSON, incident_id, resident_id)
    if person is None:
        raise UnknownPerson(
            f"resident {resident_id} cannot answer in incident {incident_id}: one of them does not exist"
        )
    return person


SQL_HISTORY = """
SELECT answer, answered_by, tapped_at, received_at FROM check_in
WHERE incident_id = $1 AND resident_id = $2 ORDER BY received_at, id
"""


async def answer_history(conn: Connection, incident_id: UUID, resident_id: UUID) -> list[Answered]:
    """All answers of one person in one incident, in order of arrival."""
    rows = await conn.fetch(SQL_HISTORY, incident_id, resident_id)
    return [
        Answered(Answer(row["answer"]), AnsweredBy(row["answered_by"]), row["tapped_at"], row["received_at"])
        for row in rows
    ]


# One statement for everything that needs no decision. Of the messages that still wait, an own answer makes the
# question and its reminders needless; corrections, cancellations and lifts always go out (DESIGN §4, promise 4),
# and a proxy's answer stops only the steps that ask to be stopped by an answer: the warning itself must still reach
# the person. SKIP LOCKED: a message that a sender is taking this instant is being sent. What a provider has taken and
# not passed on yet should be taken back there, best effort (cancel_wanted); a telephone that rings because nobody has
# answered stops whoever answers. The call in which the answer was given is not among it: it has arrived (voice_web.py).
SQL_APPLY = """
WITH inserted AS (
    INSERT INTO check_in (id, incident_id, resident_id, purpose, answer, answered_by, via, by_resident, by_staff,
                          link_id, client_id, detail, note_enc, tapped_at, received_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
    ON CONFLICT (link_id, client_id) WHERE client_id IS NOT NULL DO NOTHING
    RETURNING id
), updated AS (
    UPDATE incident_resident
    SET status = $16, status_by = $17, status_at = $18, first_status = $19, first_status_at = $20
    WHERE incident_id = $2 AND resident_id = $3 AND EXISTS (SELECT FROM inserted)
    RETURNING 1
), needless AS (
    SELECT m.id FROM message m JOIN alert a ON a.id = m.alert_id
    WHERE m.incident_id = $2 AND m.resident_id = $3 AND m.state = 'pending' AND EXISTS (SELECT FROM inserted)
      AND (m.unless IN ('answered', 'silent') OR ($21 AND a.moment IN ('issue', 'reminder')))
    FOR UPDATE OF m SKIP LOCKED
), cancelled AS (
    UPDATE message SET state = 'cancelled', done_at = $15 WHERE id IN (SELECT id FROM needless)
), held_elsewhere AS (
    SELECT m.id FROM message m JOIN alert a ON a.id = m.alert_id
    WHERE m.incident_id = $2 AND m.resident_id = $3 AND m.state IN ('leased', 'sent') AND m.channel IN ('sms', 'voice')
      AND m.carried_at IS NULL AND m.cancel_wanted IS NULL
      AND ($21 AND a.moment IN ('issue', 'reminder') OR m.channel = 'voice' AND m.unless = 'silent')
      AND EXISTS (SELECT FROM inserted)
    FOR UPDATE OF m SKIP LOCKED
), taken_back AS (
    UPDATE message SET cancel_wanted = $15 WHERE id IN (SELECT id FROM held_elsewhere)
)
SELECT (SELECT id FROM inserted) AS inserted,
       (SELECT count(*) FROM updated) AS updated,
       EXISTS (SELECT FROM case_file WHERE purpose = $4 AND resident_id = $3 AND closed_at IS NULL) AS has_case,
       pg_notify('daijobu_incident', $2::uuid::text) AS notified
"""
SQL_EARLIER_TAP = "SELECT id FROM check_in WHERE link_id = $1 AND client_id = $2"
