"""SQL of the tend loop: what is over is closed, what is too late is marked so."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from core.db import Pool, notify, transaction

#: How long links work after their incident has closed, and at most (DESIGN §7).
LINKS_AFTER_CLOSE = timedelta(hours=72)
LINKS_AT_MOST = timedelta(days=14)

SQL_EXPIRE_MESSAGES = """
WITH late AS (
    SELECT id FROM message WHERE state = 'pending' AND expires_at <= $1 LIMIT 10000 FOR UPDATE SKIP LOCKED
)
UPDATE message AS m SET state = 'expired', done_at = $1, error_code = 'expired' FROM late WHERE m.id = late.id
"""


async def expire_messages(pool: Pool, now: datetime) -> int:
    """Messages that are no longer true never leave. How many were marked."""
    tag = await pool.execute(SQL_EXPIRE_MESSAGES, now)
    return int(tag.rpartition(" ")[2])


# Never with open cases: a person nobody has found is not over.
SQL_CLOSE_INCIDENTS = """
UPDATE incident AS i SET closed_at = $1, key_enc = NULL
WHERE i.closed_at IS NULL AND i.closes_at <= $1
  AND NOT EXISTS (SELECT 1 FROM case_file AS c WHERE c.incident_id = i.id AND c.closed_at IS NULL)
  AND NOT EXISTS (SELECT 1 FROM alert AS a WHERE a.incident_id = i.id AND a.state = 'fanning')
RETURNING i.id
"""
SQL_END_LINKS = """
UPDATE link SET expires_at = least($2::timestamptz + $3::interval, created_at + $4::interval)
WHERE incident_id = ANY($1::uuid[])
"""
SQL_END_MESSAGES = """
UPDATE message SET state = 'cancelled', done_at = $2, error_code = 'incident_closed'
WHERE incident_id = ANY($1::uuid[]) AND state = 'pending'
"""


async def close_incidents(pool: Pool, now: datetime) -> list[UUID]:
    """Close incidents whose time has come, destroy their link keys, let their links end. The ids."""
    async with transaction(pool) as conn:
        ids = [row["id"] for row in await conn.fetch(SQL_CLOSE_INCIDENTS, now)]
        if ids:
            await conn.execute(SQL_END_LINKS, ids, now, LINKS_AFTER_CLOSE, LINKS_AT_MOST)
            await conn.execute(SQL_END_MESSAGES, ids, now)
            for incident_id in ids:
                await notify(conn, "daijobu_incident", str(incident_id))
    return ids


# A cancelled alert asked for nothing: who was only silent about it needs no follow-up. A call for help stays.
SQL_MOOT_CASES = """
WITH moot AS (
    SELECT c.id, c.incident_id FROM case_file AS c
    JOIN incident_resident AS ir ON ir.incident_id = c.incident_id AND ir.resident_id = c.resident_id
    WHERE c.closed_at IS NULL AND c.reason <> 'needs_help' AND ir.asked_at IS NULL
      AND EXISTS (SELECT 1 FROM alert_resident AS ar JOIN alert AS a ON a.id = ar.alert_id
                  WHERE ar.resident_id = c.resident_id AND a.incident_id = c.incident_id
                    AND a.moment IN ('cancel', 'correct'))
    FOR UPDATE OF c SKIP LOCKED
), closed AS (
    UPDATE case_file AS c SET outcome = 'incident_closed', closed_at = $1, claimed_by = NULL, claimed_at = NULL,
        claim_expires_at = NULL
    FROM moot WHERE c.id = moot.id RETURNING c.id, c.incident_id
), noted AS (
    INSERT INTO case_note (case_id, action, at) SELECT id, 'outcome', $1 FROM closed
)
SELECT DISTINCT incident_id FROM closed
"""


async def close_moot_cases(pool: Pool, now: datetime) -> int:
    """Close cases of silence about an alert that was cancelled. In how many incidents."""
    async with transaction(pool) as conn:
        rows = await conn.fetch(SQL_MOOT_CASES, now)
        for row in rows:
            await notify(conn, "daijobu_incident", str(row["incident_id"]))
    return len(rows)
