"""An outbox filled by hand: many messages to one fictional person, for tests of sending alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from core.db import Pool
from core.ids import uuid7
from tests import people
from tests.people import VAULT

SQL_INCIDENT = """
INSERT INTO incident (id, purpose, hazard, key, title, severity, key_enc, opened_at, last_round_at)
VALUES ($1, 'live', 'earthquake', $2, 'test', 'severe', $3, $4, $4)
"""
SQL_ALERT = """
INSERT INTO alert (id, incident_id, purpose, revision, moment, severity, areas, context, state, created_at, expires_at)
VALUES ($1, $2, 'live', 1, 'issue', 'severe', '[]', $3, 'done', $4, $5)
"""
SQL_TEXT = """
INSERT INTO alert_text (alert_id, key, language, channel, title, body, unreviewed, segments)
VALUES ($1, 'k', 'en', 'sms', 'title', E'text\\n{link}', false, 1) RETURNING id
"""
SQL_MESSAGES = """
INSERT INTO message (purpose, incident_id, alert_id, resident_id, contact_id, channel, step, text_id, priority, due_at,
                     expires_at, created_at)
SELECT 'live', $1, $2, $3, $4, 'sms', n, $5, 1, $6, $7, $6 FROM generate_series(1, $8) AS n
"""


async def fill_outbox(
    pool: Pool, count: int, now: datetime, *, life: timedelta = timedelta(hours=3)
) -> tuple[UUID, UUID, UUID]:
    """`count` due SMS; (incident, alert, resident)."""
    person = await people.make_resident(pool, home_place_id=await people.make_place(pool))
    contact = await pool.fetchval("SELECT id FROM contact WHERE resident_id = $1", person.id)
    incident, alert = uuid7(), uuid7()
    key = VAULT.encrypt(bytes(32), incident, "incident.key_enc")
    await pool.execute(SQL_INCIDENT, incident, f"quake:{incident}", key, now)
    context = {"hazard": "earthquake", "questions": ["ok", "help"]}
    await pool.execute(SQL_ALERT, alert, incident, context, now, now + life)
    text = await pool.fetchval(SQL_TEXT, alert)
    await pool.execute(SQL_MESSAGES, incident, alert, person.id, contact, text, now, now + life, count)
    return incident, alert, person.id


async def states(pool: Pool) -> dict[str, int]:
    """How many messages are in which state."""
    rows = await pool.fetch("SELECT state, count(*) FROM message GROUP BY state")
    return {row["state"]: row["count"] for row in rows}
