"""SQL of the purge: one function per rule of ops/retention.py, each for one batch inside the caller's transaction.

Every function takes (connection, `before`: what happened at or before this moment is over its time, `limit`: at most so
many rows, `now`) and returns how many rows it touched; 0 means that the rule has nothing left to do. Nothing here
touches an incident that is open, or that still has an open case (view incident_over, migrations/0005).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from core.audit import Actor
from core.db import Connection
from core.seal_store import drop_sealed_before
from ops.retention_staff_store import STAFF_STEPS
from ops.retention_step import Step, counted, plain, touched
from registry.erase_store import erase_idle

PURGE: Final = Actor("purge")
#: People deleted in one transaction: each asks every table that points to people (measured: 5 ms where an index lacks).
PEOPLE_AT_ONCE: Final = 100


def _erasing(sql: str) -> Step:
    """A step that deletes the people whose ids the statement returns."""

    async def step(conn: Connection, before: datetime, limit: int, now: datetime) -> int:
        ids: list[UUID] = [row["id"] for row in await conn.fetch(sql, before, min(limit, PEOPLE_AT_ONCE))]
        return await erase_idle(conn, ids, now, PURGE)

    return step


# ---------------------------------------------------------------- incidents

SQL_INCIDENT_KEY = """
UPDATE incident SET key_enc = NULL WHERE id IN (
    SELECT id FROM incident WHERE closed_at <= $1 AND key_enc IS NOT NULL LIMIT $2)
"""
SQL_LINK_END = """
WITH late AS (
    SELECT l.id, least(i.closed_at + interval '72 hours', l.created_at + interval '14 days') AS ends
    FROM incident_over i JOIN link l ON l.incident_id = i.id
    WHERE i.closed_at <= $1 AND l.expires_at IS NULL LIMIT $2
)
UPDATE link l SET expires_at = late.ends FROM late WHERE l.id = late.id
"""
SQL_ANSWER = """
DELETE FROM check_in WHERE id IN (
    SELECT c.id FROM incident_over i JOIN check_in c ON c.incident_id = i.id WHERE i.closed_at <= $1 LIMIT $2)
"""
SQL_LOCATION = """
DELETE FROM shared_location WHERE id IN (
    SELECT l.id FROM incident_over i JOIN shared_location l ON l.incident_id = i.id WHERE i.closed_at <= $1 LIMIT $2)
"""
SQL_CASE = """
WITH picked AS MATERIALIZED (
    SELECT c.id FROM incident_over i JOIN case_file c ON c.incident_id = i.id WHERE i.closed_at <= $1 LIMIT $2
), notes AS (
    DELETE FROM case_note n USING picked p WHERE n.case_id = p.id
), counted AS (
    INSERT INTO incident_summary AS s (incident_id, org_id, what, value, number)
    SELECT c.incident_id, NULL::uuid, 'cases', c.reason || ' ' || coalesce(c.outcome, 'open'), count(*)
    FROM case_file c JOIN picked p ON p.id = c.id GROUP BY 1, 4 ORDER BY 1, 4
    ON CONFLICT (incident_id, org_id, what, value) DO UPDATE SET number = s.number + excluded.number
)
SELECT array_agg(id) FROM picked
"""
SQL_DROP_CASES = "DELETE FROM case_file WHERE id = ANY($1::uuid[])"


async def _case(conn: Connection, before: datetime, limit: int, now: datetime) -> int:
    # Two statements: one statement cannot delete a row and, before its end, the rows that point to it.
    ids = await conn.fetchval(SQL_CASE, before, limit)
    return touched(await conn.execute(SQL_DROP_CASES, ids)) if ids else 0


SQL_MESSAGE = """
WITH picked AS MATERIALIZED (
    SELECT m.id FROM incident_over i JOIN message m ON m.incident_id = i.id WHERE m.created_at <= $1 LIMIT $2
), gone AS (
    DELETE FROM message m USING picked p WHERE m.id = p.id RETURNING m.alert_id, m.text_id, m.channel, m.state
), receipts AS (
    DELETE FROM receipt r USING picked p WHERE r.message_id = p.id
), counted AS (
    INSERT INTO delivery_summary AS s (alert_id, channel, language, state, messages)
    SELECT g.alert_id, g.channel, coalesce(t.language, ''), g.state, count(*)
    FROM gone g JOIN alert a ON a.id = g.alert_id LEFT JOIN alert_text t ON t.id = g.text_id
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (alert_id, channel, language, state) DO UPDATE SET messages = s.messages + excluded.messages
)
SELECT count(*) FROM gone
"""
SQL_TOLD = """
WITH picked AS MATERIALIZED (
    SELECT t.alert_id, t.resident_id FROM incident_over i JOIN alert a ON a.incident_id = i.id
    JOIN alert_resident t ON t.alert_id = a.id WHERE i.closed_at <= $1 LIMIT $2
)
DELETE FROM alert_resident t USING picked p WHERE t.alert_id = p.alert_id AND t.resident_id = p.resident_id
"""
# Of one organisation only whether people answered: a private call for help must not be guessed from a small number.
SQL_STANDING = """
WITH picked AS MATERIALIZED (
    SELECT r.incident_id, r.resident_id FROM incident_over i JOIN incident_resident r ON r.incident_id = i.id
    WHERE i.closed_at <= $1 AND (i.purpose = 'drill') = $3 LIMIT $2
), gone AS (
    DELETE FROM incident_resident r USING picked p
    WHERE r.incident_id = p.incident_id AND r.resident_id = p.resident_id
    RETURNING r.incident_id, r.orgs, r.status, r.asked_at
), each AS (
    SELECT incident_id, NULL::uuid AS org_id,
           coalesce(status, CASE WHEN asked_at IS NULL THEN 'told' ELSE 'silent' END) AS value FROM gone
    UNION ALL
    SELECT g.incident_id, o.id,
           CASE WHEN status IS NOT NULL THEN 'answered' WHEN asked_at IS NULL THEN 'told' ELSE 'silent' END
    FROM gone g JOIN organisation o ON o.id = ANY(g.orgs)
), counted AS (
    INSERT INTO incident_summary AS s (incident_id, org_id, what, value, number)
    SELECT incident_id, org_id, 'people', value, count(*) FROM each GROUP BY 1, 2, 4 ORDER BY 1, 2, 4
    ON CONFLICT (incident_id, org_id, what, value) DO UPDATE SET number = s.number + excluded.number
)
SELECT count(*) FROM gone
"""


def _standing(drill: bool) -> Step:
    async def step(conn: Connection, before: datetime, limit: int, now: datetime) -> int:
        return int(await conn.fetchval(SQL_STANDING, before, limit, drill))

    return step


# A link may carry an answer to a later incident that is still open: it stays as long as that answer.
SQL_LINK_ROW = """
DELETE FROM link WHERE id IN (
    SELECT l.id FROM incident_over i JOIN link l ON l.incident_id = i.id
    WHERE i.closed_at <= $1 AND NOT EXISTS (SELECT FROM check_in c WHERE c.link_id = l.id) LIMIT $2)
"""
SQL_OLD_PERSONAL_LINK = """
DELETE FROM link WHERE id IN (
    SELECT l.id FROM link l WHERE l.kind = 'personal' AND l.revoked_at <= $1
    AND NOT EXISTS (SELECT FROM check_in c WHERE c.link_id = l.id) LIMIT $2)
"""
SQL_LINK_REQUEST = """
DELETE FROM link_request WHERE resident_id IN (
    SELECT resident_id FROM link_request WHERE due_at IS NULL AND asked_at <= $1 LIMIT $2)
"""

# ---------------------------------------------------------------- people

SQL_MEMBERSHIP = """
DELETE FROM membership m USING (
    SELECT resident_id, org_id FROM membership WHERE ended_at <= $1 LIMIT $2) p
WHERE m.resident_id = p.resident_id AND m.org_id = p.org_id
"""
# Who is part of something open is not even looked at: a batch must not consist of people who have to wait.
SQL_LEFT = """
SELECT r.id FROM resident r WHERE r.state = 'left' AND r.left_at <= $1
AND NOT EXISTS (SELECT FROM resident_busy b WHERE b.resident_id = r.id) ORDER BY r.id LIMIT $2
"""
SQL_NEVER_ENROLLED = """
SELECT r.id FROM resident r WHERE r.state = 'invited' AND r.created_at <= $1
AND NOT EXISTS (SELECT FROM membership m WHERE m.resident_id = r.id)
AND NOT EXISTS (SELECT FROM resident_busy b WHERE b.resident_id = r.id) ORDER BY r.id LIMIT $2
"""
SQL_ERASE = """
SELECT r.id FROM resident r WHERE r.erase_requested_at <= $1
AND NOT EXISTS (SELECT FROM resident_busy b WHERE b.resident_id = r.id) ORDER BY r.id LIMIT $2
"""
SQL_DEAD_PUSH = """
DELETE FROM contact WHERE id IN (
    SELECT id FROM contact WHERE channel = 'push' AND state = 'dead' AND dead_since <= $1 LIMIT $2)
"""
SQL_PLACE = """
DELETE FROM place WHERE id IN (
    SELECT p.id FROM place p WHERE p.created_at <= $1
    AND NOT EXISTS (SELECT FROM resident_place r WHERE r.place_id = p.id)
    AND NOT EXISTS (SELECT FROM site s WHERE s.place_id = p.id) LIMIT $2)
"""
SQL_PLACE_CHANGE = """
DELETE FROM place_change WHERE seq IN (SELECT seq FROM place_change WHERE at <= $1 LIMIT $2)
"""
SQL_UPLOAD = """
UPDATE import_run SET body_enc = NULL,
    result_enc = CASE WHEN state IN ('applied', 'undone') THEN result_enc END,
    subjects = CASE WHEN state IN ('applied', 'undone') THEN subjects ELSE '{}' END
WHERE id IN (
    SELECT id FROM import_run WHERE at <= $1
    AND (body_enc IS NOT NULL OR (result_enc IS NOT NULL AND state NOT IN ('applied', 'undone'))) LIMIT $2)
"""
SQL_IMPORT_PLAN = """
UPDATE import_run SET result_enc = NULL, subjects = '{}' WHERE id IN (
    SELECT id FROM import_run WHERE at <= $1 AND (result_enc IS NOT NULL OR subjects <> '{}') LIMIT $2)
"""
SQL_IMPORT_CHANGE = """
DELETE FROM import_change WHERE id IN (
    SELECT c.id FROM import_run r JOIN import_change c ON c.run_id = r.id WHERE r.at <= $1 LIMIT $2)
"""
SQL_IMPORT_RECORD = "DELETE FROM import_run WHERE id IN (SELECT id FROM import_run WHERE at <= $1 LIMIT $2)"

# What a person said about themselves for a while.
SQL_DRAFT = """
DELETE FROM enrolment_draft WHERE resident_id IN (
    SELECT resident_id FROM enrolment_draft WHERE updated_at <= $1 LIMIT $2)
"""
SQL_ABSENCE = """
DELETE FROM absence a USING (
    SELECT resident_id, said_by FROM absence WHERE until <= ($1 AT TIME ZONE 'Asia/Tokyo')::date LIMIT $2) p
WHERE a.resident_id = p.resident_id AND a.said_by = p.said_by
"""
SQL_ELSEWHERE = """
DELETE FROM resident_place p USING (
    SELECT e.resident_id FROM resident_place e WHERE e.kind = 'today' AND e.until <= $1
    AND NOT EXISTS (SELECT FROM resident_busy b WHERE b.resident_id = e.resident_id) LIMIT $2) over_now
WHERE p.resident_id = over_now.resident_id AND p.kind = 'today'
"""
SQL_LINE_CODE = """
DELETE FROM line_code WHERE resident_id IN (SELECT resident_id FROM line_code WHERE made_at <= $1 LIMIT $2)
"""
SQL_LINE_EVENT = "DELETE FROM line_event WHERE event_id IN (SELECT event_id FROM line_event WHERE at <= $1 LIMIT $2)"
SQL_WALK_IN = """
DELETE FROM walk_in w USING (SELECT poster_id, nonce FROM walk_in WHERE at <= $1 LIMIT $2) p
WHERE w.poster_id = p.poster_id AND w.nonce = p.nonce
"""
SQL_SAME_PERSON = """
DELETE FROM same_person WHERE id IN (
    SELECT id FROM same_person WHERE state IN ('joined', 'undone', 'unknown')
    AND coalesce(decided_at, created_at) <= $1 LIMIT $2)
"""
SQL_FAMILY_LINK = """
DELETE FROM family_link WHERE id IN (
    SELECT id FROM family_link WHERE least(expires_at, revoked_at) <= $1 LIMIT $2)
"""
SQL_BREAK_GLASS = """
DELETE FROM break_glass WHERE id IN (SELECT id FROM break_glass WHERE least(ends_at, ended_at) <= $1 LIMIT $2)
"""


async def _audit(conn: Connection, before: datetime, limit: int, now: datetime) -> int:
    return await drop_sealed_before(conn, before)


#: What to do for each rule that the purge follows, by the rule's name.
STEPS: Final[Mapping[str, Step]] = {
    "incident_key": plain(SQL_INCIDENT_KEY),
    "link_end": plain(SQL_LINK_END),
    "upload": plain(SQL_UPLOAD),
    "answer": plain(SQL_ANSWER),
    "location": plain(SQL_LOCATION),
    "case": _case,
    "message": counted(SQL_MESSAGE),
    "told": plain(SQL_TOLD),
    "standing": _standing(drill=False),
    "standing_drill": _standing(drill=True),
    "link_row": plain(SQL_LINK_ROW),
    "link_request": plain(SQL_LINK_REQUEST),
    "old_personal_link": plain(SQL_OLD_PERSONAL_LINK),
    "membership": plain(SQL_MEMBERSHIP),
    "left": _erasing(SQL_LEFT),
    "never_enrolled": _erasing(SQL_NEVER_ENROLLED),
    "erase": _erasing(SQL_ERASE),
    "dead_push": plain(SQL_DEAD_PUSH),
    "place": plain(SQL_PLACE),
    "place_change": plain(SQL_PLACE_CHANGE),
    "draft": plain(SQL_DRAFT),
    "absence": plain(SQL_ABSENCE),
    "elsewhere": plain(SQL_ELSEWHERE),
    "line_code": plain(SQL_LINE_CODE),
    "line_event": plain(SQL_LINE_EVENT),
    "walk_in": plain(SQL_WALK_IN),
    "same_person": plain(SQL_SAME_PERSON),
    "family_link": plain(SQL_FAMILY_LINK),
    "break_glass": plain(SQL_BREAK_GLASS),
    "import_plan": plain(SQL_IMPORT_PLAN),
    "import_change": plain(SQL_IMPORT_CHANGE),
    "import_record": plain(SQL_IMPORT_RECORD),
    **STAFF_STEPS,
    "audit": _audit,
}
