"""Cases while their outcome is entered: locked, judged, gone on with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.db import Connection, expect_rows
from core.ids import uuid7


class LockedCase(NamedTuple):
    """An open case, locked for its outcome."""

    id: UUID
    resident_id: UUID
    incident_id: UUID
    reason: str
    own_help: bool
    claimed_by: UUID | None
    claimed_name: str
    claim_expires_at: datetime | None

    def is_somebody_elses(self, staff_id: UUID, now: datetime) -> bool:
        """Whether another member of staff works on it now."""
        return self.claimed_by not in (None, staff_id) and (self.claim_expires_at or now) > now


# The person's standing first, then the case: the order in which an answer takes them.
SQL_LOCK_STANDINGS = """
SELECT ir.resident_id FROM incident_resident ir
JOIN case_file c ON c.incident_id = ir.incident_id AND c.resident_id = ir.resident_id
WHERE c.id = ANY($1)
ORDER BY ir.incident_id, ir.resident_id
FOR UPDATE OF ir
"""

SQL_LOCK_FOR_OUTCOME = """
SELECT c.id, c.resident_id, c.incident_id, c.reason, c.claimed_by, coalesce(s.name, '') AS claimed_name,
       c.claim_expires_at,
       coalesce((SELECT ir.status IN ('help', 'cannot_leave')
                 FROM incident_resident ir JOIN incident i ON i.id = ir.incident_id AND i.closed_at IS NULL
                 WHERE ir.resident_id = c.resident_id AND ir.purpose = c.purpose AND ir.status_by = 'self'
                 ORDER BY ir.status_at DESC LIMIT 1), false) AS own_help
FROM case_file c LEFT JOIN staff s ON s.id = c.claimed_by
WHERE c.id = ANY($1) AND c.closed_at IS NULL
ORDER BY c.id
FOR UPDATE OF c
"""


async def lock_for_outcome(conn: Connection, ids: Sequence[UUID]) -> list[LockedCase]:
    """Lock these cases and their people's standing. Cases that are closed already are left out."""
    await conn.execute(SQL_LOCK_STANDINGS, list(ids))
    return [LockedCase(**dict(row)) for row in await conn.fetch(SQL_LOCK_FOR_OUTCOME, list(ids))]


SQL_OWN_HELP = """
SELECT c.id FROM case_file c
WHERE c.id = ANY($1)
  AND coalesce((SELECT ir.status IN ('help', 'cannot_leave')
               FROM incident_resident ir JOIN incident i ON i.id = ir.incident_id AND i.closed_at IS NULL
               WHERE ir.resident_id = c.resident_id AND ir.purpose = c.purpose AND ir.status_by = 'self'
               ORDER BY ir.status_at DESC LIMIT 1), false)
"""


async def own_help_of(conn: Connection, ids: Sequence[UUID]) -> frozenset[UUID]:
    """Which of these cases rest on the person's own call for help that still stands."""
    return frozenset(row["id"] for row in await conn.fetch(SQL_OWN_HELP, list(ids)))


SQL_QUESTIONS = """
SELECT DISTINCT ON (a.incident_id) a.incident_id, a.context->'questions' AS questions
FROM alert a WHERE a.incident_id = ANY($1) AND a.context ? 'questions'
ORDER BY a.incident_id, a.created_at DESC, a.id DESC
"""


async def questions_of(conn: Connection, incident_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """The answers people are offered, per incident."""
    rows = await conn.fetch(SQL_QUESTIONS, list(incident_ids))
    return {row["incident_id"]: list(row["questions"] or []) for row in rows}


# Who was looked for and not found stays on the board, as a case of their own whatever becomes of the dorm's.
SQL_MISSING = """
WITH opened AS (
    INSERT INTO case_file (id, purpose, resident_id, incident_id, dorm_id, reason, opened_at, reason_since)
    SELECT $2, purpose, resident_id, incident_id, dorm_id, reason, $4, reason_since FROM case_file WHERE id = $1
    RETURNING id
)
INSERT INTO case_note (case_id, staff_id, action, at) SELECT id, $3, 'opened', $4 FROM opened
"""


async def open_again_as_missing(conn: Connection, case_id: UUID, staff_id: UUID, now: datetime) -> None:
    """Go on looking for the person of a case that was just closed as missing. Raises WriteMismatch."""
    expect_rows(await conn.execute(SQL_MISSING, case_id, uuid7(), staff_id, now), 1, f"going on with case {case_id}")
