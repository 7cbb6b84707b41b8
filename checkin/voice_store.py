"""Whose call a key was pressed in, and what they were asked."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.db import Connection


class Caller(NamedTuple):
    """The person of a call, and what its incident asks."""

    incident_id: UUID
    resident_id: UUID
    link_id: UUID | None
    language: str
    questions: tuple[str, ...]


# For as long as its link would work, and as long as the person is with us.
SQL_CALLER = """
SELECT m.incident_id, m.resident_id, m.link_id, t.language, a.context -> 'questions' AS questions
FROM message AS m
JOIN alert AS a ON a.id = m.alert_id
JOIN alert_text AS t ON t.id = m.text_id
JOIN resident AS r ON r.id = m.resident_id AND r.state IN ('invited', 'enrolled')
JOIN link AS l ON l.id = m.link_id AND l.revoked_at IS NULL AND (l.expires_at IS NULL OR l.expires_at > $2)
WHERE m.id = $1 AND m.channel = 'voice'
"""


async def caller(conn: Connection, message_id: int, now: datetime) -> Caller | None:
    """Who is on the telephone; None for a call that is not ours, or over for good."""
    row = await conn.fetchrow(SQL_CALLER, message_id, now)
    if row is None:
        return None
    return Caller(
        row["incident_id"], row["resident_id"], row["link_id"], row["language"], tuple(row["questions"] or ())
    )
