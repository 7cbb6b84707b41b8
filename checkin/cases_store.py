"""Cases in the database: opened by answers and by silence, claimed, released, closed.

Who changes a person's standing holds their incident_resident row first and their case second; cases of several people
are locked in the order of their ids. So two writers wait for each other and never deadlock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from checkin.cases import CLAIM_LASTS, CaseAfter, Outcome, Step, after_answer, case_delay
from core.crypto import Vault
from core.db import Connection, Pool, expect_rows, notify, transaction
from core.ids import uuid7
from core.model import Answer, AnsweredBy, CaseReason, Purpose, Severity

INCIDENT_CHANGED = "daijobu_incident"
#: Cases opened in one transaction: short enough that a check-in never waits long for its row.
BATCH = 2_000

SQL_OPEN_CASE_OF = """
SELECT c.id, c.reason,
       coalesce((SELECT ir.status IN ('help', 'cannot_leave')
                 FROM incident_resident ir JOIN incident i ON i.id = ir.incident_id AND i.closed_at IS NULL
                 WHERE ir.resident_id = c.resident_id AND ir.purpose = c.purpose AND ir.status_by = 'self'
                 ORDER BY ir.status_at DESC LIMIT 1), false) AS own_help
FROM case_file c
WHERE c.purpose = $1 AND c.resident_id = $2 AND c.closed_at IS NULL
FOR UPDATE OF c
"""


async def on_answer(
    conn: Connection,
    *,
    incident_id: UUID,
    resident_id: UUID,
    purpose: Purpose,
    answer: Answer,
    answered_by: AnsweredBy,
    is_help: bool,
    is_green: bool,
    now: datetime,
) -> Step:
    """Follow up on an answer that has just been stored: call it in the same transaction, after the insert.

    Help opens a case or raises the open one; an answer that settles it closes it (see `cases.after_answer`).
    """
    if answer.is_help:
        await open_case(
            conn,
            incident_id=incident_id,
            resident_id=resident_id,
            purpose=purpose,
            reason=CaseReason.NEEDS_HELP,
            now=now,
        )
        return Step.OPEN_HELP
    row = await conn.fetchrow(SQL_OPEN_CASE_OF, purpose.value, resident_id)
    if row is None:
        return Step.NOTHING
    step = after_answer(answer, answered_by, CaseReason(row["reason"]), row["own_help"])
    if step is Step.CLOSE:
        await close_case(conn, row["id"], Outcome.ANSWERED, None, now)
    return step


# A dorm is looked up among live memberships; a person of two organisations has at most one bed. Who was told because of
# where they said they are today is not looked for in the dorm. A call for help raises the case that is open; any other
# reason leaves it as it is.
SQL_OPEN_CASE = """
WITH opened AS (
    INSERT INTO case_file (id, purpose, resident_id, incident_id, dorm_id, reason, opened_at, reason_since)
    SELECT $1, $2, $3, $4, (SELECT m.dorm_id FROM membership m
                            WHERE m.resident_id = $3 AND m.ended_at IS NULL AND m.dorm_id IS NOT NULL
                              AND NOT EXISTS (SELECT FROM incident_resident ir
                                              WHERE ir.incident_id = $4 AND ir.resident_id = $3 AND ir.only_today)
                            ORDER BY m.created_at LIMIT 1), $5, $6, $6
    ON CONFLICT (purpose, resident_id) WHERE closed_at IS NULL DO UPDATE
    SET reason = CASE excluded.reason WHEN 'needs_help' THEN 'needs_help' ELSE case_file.reason END,
        incident_id = CASE excluded.reason WHEN 'needs_help' THEN excluded.incident_id ELSE case_file.incident_id END,
        reason_since = CASE WHEN excluded.reason = 'needs_help' AND case_file.reason <> 'needs_help'
                            THEN excluded.reason_since ELSE case_file.reason_since END
    RETURNING id
), noted AS (
    INSERT INTO case_note (case_id, action, at)
    SELECT id, CASE WHEN id = $1 THEN 'opened' ELSE 'reason' END, $6 FROM opened WHERE id = $1 OR $5 = 'needs_help'
)
SELECT id FROM opened
"""


async def open_case(
    conn: Connection, *, incident_id: UUID, resident_id: UUID, purpose: Purpose, reason: CaseReason, now: datetime
) -> UUID:
    """Open a person's case, or find the open one, raised where the reason is a call for help. Returns the case."""
    case_id: UUID = await conn.fetchval(
        SQL_OPEN_CASE, uuid7(), purpose.value, resident_id, incident_id, reason.value, now
    )
    return case_id


SQL_CLOSE = """
WITH closed AS (
    UPDATE case_file SET outcome = $2, outcome_by = $3, closed_at = $4,
                         claimed_by = NULL, claimed_at = NULL, claim_expires_at = NULL
    WHERE id = $1 AND closed_at IS NULL RETURNING id
)
INSERT INTO case_note (case_id, staff_id, action, at) SELECT id, $3, 'outcome', $4 FROM closed
"""


async def close_case(conn: Connection, case_id: UUID, outcome: Outcome, staff_id: UUID | None, now: datetime) -> None:
    """Close one open case. Raises WriteMismatch if it is closed already."""
    expect_rows(await conn.execute(SQL_CLOSE, case_id, outcome.value, staff_id, now), 1, f"closing case {case_id}")


# ---------------------------------------------------------------- silence

SQL_OPEN_INCIDENTS = "SELECT id, purpose, hazard FROM incident WHERE closed_at IS NULL AND purpose <> 'canary'"

# One row per person of an open incident who was asked, has not answered since, and has no case yet. The delays come
# in as one row per (incident, severity) with a day and a night value; the night is the one of the question. Rows that
# an answer is just changing are skipped: the next round sees what it said. A case closed after the question (handed
# over, not there) is not opened again by the same silence.
SQL_DUE = """
SELECT ir.incident_id, ir.resident_id, ir.purpose, ir.asked_at, s.lost, d.dorm_id
FROM unnest($2::uuid[], $3::text[], $4::interval[], $5::interval[]) AS delay(incident_id, severity, by_day, by_night)
JOIN incident_resident ir ON ir.incident_id = delay.incident_id AND ir.severity = delay.severity
JOIN resident r ON r.id = ir.resident_id
CROSS JOIN LATERAL (
    SELECT NOT ir.reachable OR coalesce((
        SELECT bool_and(m.state IN ('failed', 'expired', 'cancelled')) AND bool_or(m.state IN ('failed', 'expired'))
        FROM message m
        WHERE m.incident_id = ir.incident_id AND m.resident_id = ir.resident_id), false) AS lost
) s
LEFT JOIN LATERAL (
    SELECT m.dorm_id FROM membership m
    WHERE m.resident_id = ir.resident_id AND m.ended_at IS NULL AND m.dorm_id IS NOT NULL AND NOT ir.only_today
    ORDER BY m.created_at LIMIT 1
) d ON true
WHERE ir.asked_at IS NOT NULL AND (ir.status IS NULL OR ir.status_at < ir.asked_at)
  AND r.state IN ('invited', 'enrolled')
  AND (ir.asked_at + CASE
        WHEN extract(hour FROM ir.asked_at AT TIME ZONE 'Asia/Tokyo') >= 22
          OR extract(hour FROM ir.asked_at AT TIME ZONE 'Asia/Tokyo') < 6 THEN delay.by_night
        ELSE delay.by_day END <= $1 OR s.lost)
  AND NOT EXISTS (SELECT 1 FROM incident_resident o WHERE o.resident_id = ir.resident_id AND o.purpose = ir.purpose
                  AND o.status_at >= ir.asked_at)
  AND NOT EXISTS (SELECT 1 FROM case_file c WHERE c.resident_id = ir.resident_id AND c.purpose = ir.purpose
                  AND (c.closed_at IS NULL OR (c.incident_id = ir.incident_id AND c.closed_at >= ir.asked_at)))
ORDER BY ir.asked_at, ir.resident_id
LIMIT $6
FOR UPDATE OF ir SKIP LOCKED
"""

SQL_OPEN_SILENT = """
WITH opened AS (
    INSERT INTO case_file (id, purpose, resident_id, incident_id, dorm_id, reason, opened_at, reason_since)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[],
                         $7::timestamptz[], $8::timestamptz[])
    ON CONFLICT (purpose, resident_id) WHERE closed_at IS NULL DO NOTHING
    RETURNING id, incident_id
), noted AS (
    INSERT INTO case_note (case_id, action, at) SELECT id, 'opened', $9 FROM opened
)
SELECT incident_id, count(*) AS cases FROM opened GROUP BY incident_id
"""


async def open_due_cases(pool: Pool, now: datetime, case_after: CaseAfter, override_s: int | None = None) -> int:
    """Open the cases that silence makes due: unreachable people at once, silent ones after their delay.

    Also moves open cases to the newest open incident of their person (a call for help carries over), turns "silent"
    into "unreachable" where every message has failed, and closes cases of people who left the service. Any number of
    processes may do this at once. Returns how many cases were opened.
    """
    incidents = await pool.fetch(SQL_OPEN_INCIDENTS)
    await _keep_up(pool, now)
    delays = [
        (
            incident["id"],
            severity.value,
            case_delay(incident["hazard"], severity, False, case_after, override_s),
            case_delay(incident["hazard"], severity, True, case_after, override_s),
        )
        for incident in incidents
        for severity in Severity
    ]
    columns = [list(column) for column in zip(*delays, strict=True)] if delays else [[], [], [], []]
    opened = 0
    while True:
        async with transaction(pool) as conn:
            due = await conn.fetch(SQL_DUE, now, *columns, BATCH)
            if not due:
                return opened
            # A person in two open incidents at once gets one case, in the incident that asked last.
            latest = {(row["purpose"], row["resident_id"]): row for row in due}.values()
            counts = await conn.fetch(
                SQL_OPEN_SILENT,
                [uuid7() for _ in latest],
                [row["purpose"] for row in latest],
                [row["resident_id"] for row in latest],
                [row["incident_id"] for row in latest],
                [row["dorm_id"] for row in latest],
                [_reason(row["lost"]) for row in latest],
                [now for _ in latest],
                [row["asked_at"] for row in latest],
                now,
            )
            for row in counts:
                await notify(conn, INCIDENT_CHANGED, str(row["incident_id"]))
                opened += row["cases"]
        if len(due) < BATCH:
            return opened


def _reason(lost: bool) -> str:
    return (CaseReason.UNREACHABLE if lost else CaseReason.SILENT).value


# A case belongs to the newest open incident its person was asked in, so that closing the older incident loses nobody.
SQL_CARRY_OVER = """
WITH newest AS (
    SELECT DISTINCT ON (c.id) c.id, ir.incident_id
    FROM case_file c
    JOIN incident_resident ir ON ir.resident_id = c.resident_id AND ir.purpose = c.purpose
    JOIN incident i ON i.id = ir.incident_id AND i.closed_at IS NULL
    WHERE c.closed_at IS NULL
    ORDER BY c.id, i.opened_at DESC, i.id DESC
), locked AS (
    SELECT c.id, n.incident_id FROM case_file c JOIN newest n ON n.id = c.id
    WHERE c.incident_id <> n.incident_id AND c.closed_at IS NULL
    ORDER BY c.id FOR UPDATE OF c SKIP LOCKED
), moved AS (
    UPDATE case_file c SET incident_id = k.incident_id FROM locked k WHERE c.id = k.id RETURNING c.incident_id
)
SELECT DISTINCT incident_id FROM moved
"""

SQL_LOST_SINCE = """
WITH locked AS (
    SELECT c.id FROM case_file c
    WHERE c.closed_at IS NULL AND c.reason = 'silent'
      AND (SELECT bool_and(m.state IN ('failed', 'expired', 'cancelled')) AND bool_or(m.state IN ('failed', 'expired'))
           FROM message m WHERE m.incident_id = c.incident_id AND m.resident_id = c.resident_id)
    ORDER BY c.id FOR UPDATE OF c SKIP LOCKED
), lost AS (
    UPDATE case_file c SET reason = 'unreachable', reason_since = $1 FROM locked k WHERE c.id = k.id
    RETURNING c.id, c.incident_id
), noted AS (
    INSERT INTO case_note (case_id, action, at) SELECT id, 'reason', $1 FROM lost
)
SELECT DISTINCT incident_id FROM lost
"""

SQL_WITHDRAWN = """
WITH locked AS (
    SELECT c.id FROM case_file c JOIN resident r ON r.id = c.resident_id AND r.state = 'left'
    WHERE c.closed_at IS NULL AND c.reason <> 'needs_help'
    ORDER BY c.id FOR UPDATE OF c SKIP LOCKED
), gone AS (
    UPDATE case_file c SET outcome = 'withdrawn', closed_at = $1,
                           claimed_by = NULL, claimed_at = NULL, claim_expires_at = NULL
    FROM locked k WHERE c.id = k.id
    RETURNING c.id, c.incident_id
), noted AS (
    INSERT INTO case_note (case_id, action, at) SELECT id, 'outcome', $1 FROM gone
)
SELECT DISTINCT incident_id FROM gone
"""


async def _keep_up(pool: Pool, now: datetime) -> None:
    async with transaction(pool) as conn:
        changed = {row["incident_id"] for row in await conn.fetch(SQL_CARRY_OVER)}
        changed |= {row["incident_id"] for row in await conn.fetch(SQL_LOST_SINCE, now)}
        changed |= {row["incident_id"] for row in await conn.fetch(SQL_WITHDRAWN, now)}
        for incident_id in sorted(changed):
            await notify(conn, INCIDENT_CHANGED, str(incident_id))


# ---------------------------------------------------------------- claims


class Claimed(NamedTuple):
    """What came of a claim: taken, or who has it already (and until when without an action)."""

    taken: bool
    by_name: str = ""
    until: datetime | None = None
    incidents: tuple[UUID, ...] = ()


SQL_LOCK_CASES = """
SELECT id, incident_id, claimed_by, claim_expires_at FROM case_file
WHERE id = ANY($1) AND closed_at IS NULL
ORDER BY id
FOR UPDATE
"""
# Asked after the lock, not joined to it: a row that somebody changed while we waited for it is read again under
# FOR UPDATE, but what was joined to its old version is not.
SQL_CLAIMED_NAME = "SELECT name FROM staff WHERE id = $1"

SQL_CLAIM = """
WITH taken AS (
    UPDATE case_file SET claimed_by = $2, claimed_at = $3, claim_expires_at = $4
    WHERE id = ANY($1) RETURNING id
)
INSERT INTO case_note (case_id, staff_id, action, at) SELECT id, $2, 'claimed', $3 FROM taken
"""


async def claim(conn: Connection, ids: Sequence[UUID], staff_id: UUID, now: datetime) -> Claimed:
    """Take the cases of a unit, all or none. Of two who try at once exactly one succeeds; the other learns who.

    Claiming one's own again renews it. Cases closed meanwhile are left alone; if none is open, nothing is taken.
    """
    rows = await conn.fetch(SQL_LOCK_CASES, list(ids))
    for row in rows:
        if row["claimed_by"] not in (None, staff_id) and row["claim_expires_at"] > now:
            name = await conn.fetchval(SQL_CLAIMED_NAME, row["claimed_by"])
            return Claimed(False, name, row["claim_expires_at"])
    if not rows:
        return Claimed(False)
    open_ids = [row["id"] for row in rows]
    until = now + CLAIM_LASTS
    expect_rows(await conn.execute(SQL_CLAIM, open_ids, staff_id, now, until), len(open_ids), "claiming cases")
    incidents = tuple(sorted({row["incident_id"] for row in rows}))
    for incident_id in incidents:
        await notify(conn, INCIDENT_CHANGED, str(incident_id))
    return Claimed(True, until=until, incidents=incidents)


SQL_RELEASE = """
WITH released AS (
    UPDATE case_file SET claimed_by = NULL, claimed_at = NULL, claim_expires_at = NULL
    WHERE id = ANY($1) AND claimed_by = $2 AND closed_at IS NULL RETURNING id, incident_id
), noted AS (
    INSERT INTO case_note (case_id, staff_id, action, at) SELECT id, $2, 'released', $3 FROM released
)
SELECT incident_id, count(*) AS cases FROM released GROUP BY incident_id
"""


async def release(conn: Connection, ids: Sequence[UUID], staff_id: UUID, now: datetime) -> int:
    """Give one's own claims back. Returns how many cases; others' claims are left alone."""
    rows = await conn.fetch(SQL_RELEASE, list(ids), staff_id, now)
    for row in rows:
        await notify(conn, INCIDENT_CHANGED, str(row["incident_id"]))
    return sum(row["cases"] for row in rows)


SQL_EXTEND = "UPDATE case_file SET claim_expires_at = $3 WHERE id = ANY($1) AND claimed_by = $2 AND closed_at IS NULL"


async def extend(conn: Connection, ids: Sequence[UUID], staff_id: UUID, now: datetime) -> None:
    """An action on a unit keeps one's own claim alive; other cases stay as they are."""
    await conn.execute(SQL_EXTEND, list(ids), staff_id, now + CLAIM_LASTS)


SQL_EXPIRE = """
WITH expired AS (
    UPDATE case_file c SET claimed_by = NULL, claimed_at = NULL, claim_expires_at = NULL
    FROM (SELECT id, claimed_by FROM case_file WHERE claim_expires_at <= $1 AND closed_at IS NULL
          ORDER BY id FOR UPDATE SKIP LOCKED) late
    WHERE c.id = late.id RETURNING c.id, c.incident_id, late.claimed_by AS by
), noted AS (
    INSERT INTO case_note (case_id, staff_id, action, at) SELECT id, by, 'expired', $1 FROM expired
)
SELECT incident_id, count(*) AS cases FROM expired GROUP BY incident_id
"""


async def expire_claims(pool: Pool, now: datetime) -> int:
    """Give back claims without an action for 30 minutes. Returns how many cases."""
    async with transaction(pool) as conn:
        rows = await conn.fetch(SQL_EXPIRE, now)
        for row in rows:
            await notify(conn, INCIDENT_CHANGED, str(row["incident_id"]))
    return sum(row["cases"] for row in rows)


# ---------------------------------------------------------------- notes

NOTE_COLUMN = "case_note.note_enc"

SQL_NOTE = "INSERT INTO case_note (case_id, staff_id, action, note_enc, at) VALUES ($1, $2, 'note', $3, $4)"


async def add_note(
    conn: Connection, vault: Vault, ids: Sequence[UUID], staff_id: UUID, text: str, now: datetime
) -> None:
    """Write down what was learnt, on every case of a unit; encrypted, bound to its case."""
    for case_id in ids:
        await conn.execute(SQL_NOTE, case_id, staff_id, vault.encrypt(text, case_id, NOTE_COLUMN), now)
    await extend(conn, ids, staff_id, now)


async def add_words(conn: Connection, vault: Vault, case_id: UUID, text: str, now: datetime) -> None:
    """Write down on a case what its person has written; nobody's claim is extended by it."""
    await conn.execute(SQL_NOTE, case_id, None, vault.encrypt(text, case_id, NOTE_COLUMN), now)
