"""Words that a person wrote during an incident (SMS, LINE): kept where staff see them, never read as "I'm OK"."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from checkin.cases import stands_beside
from checkin.cases_store import INCIDENT_CHANGED, add_words, open_case
from checkin.replies import current_status
from checkin.store import answer_history, record_check_in
from core.crypto import Vault
from core.db import Connection, notify
from core.model import AnsweredBy, CaseReason, Purpose

# Those that ask first; but who was told for information only may have something to say as well.
SQL_WHERE_IT_BELONGS = """
SELECT i.id FROM incident_resident ir JOIN incident i ON i.id = ir.incident_id
WHERE ir.resident_id = $1 AND i.closed_at IS NULL AND i.purpose <> 'canary' AND i.key_enc IS NOT NULL
ORDER BY (ir.asked_at IS NOT NULL OR ir.status IS NOT NULL) DESC, i.purpose = 'live' DESC,
         coalesce(ir.asked_at, i.opened_at) DESC LIMIT 1
"""


async def open_incident_of(conn: Connection, resident_id: UUID) -> UUID | None:
    """The open incident to which a person's words belong: one that asks, live before drills, newest. None: none."""
    found: UUID | None = await conn.fetchval(SQL_WHERE_IT_BELONGS, resident_id)
    return found


# The person's standing is locked before their case is looked at (see cases_store): an answer that comes at the same
# moment is either seen here, or judges the case that is opened here.
SQL_STANDING = """
SELECT purpose, asked_at FROM incident_resident WHERE incident_id = $1 AND resident_id = $2 FOR UPDATE
"""
SQL_HAS_CASE = "SELECT EXISTS (SELECT FROM case_file WHERE purpose = $1 AND resident_id = $2 AND closed_at IS NULL)"


async def keep_words(
    conn: Connection, vault: Vault, incident_id: UUID, resident_id: UUID, words: str, *, via: str, now: datetime
) -> None:
    """Keep what somebody in an open incident wrote: beside the answer they have given, else as a note on their case.

    `via` names the channel ("sms", "line"). Where they have no case one is opened: people read it. Their standing
    stays what it is. Call it inside a transaction.
    """
    standing = await conn.fetchrow(SQL_STANDING, incident_id, resident_id)
    purpose = Purpose(standing["purpose"])
    has_case = await conn.fetchval(SQL_HAS_CASE, purpose, resident_id)
    own = current_status(await answer_history(conn, incident_id, resident_id)).newest_own
    if own is not None and stands_beside(own, standing["asked_at"], has_case=has_case):
        await record_check_in(
            conn,
            vault,
            incident_id=incident_id,
            resident_id=resident_id,
            answer=own.answer,
            answered_by=AnsweredBy.SELF,
            via=via,
            tapped_at=own.at,  # what they had answered is as old as it was
            now=now,
            note=words,
        )
        return
    # Like the case of a person who is silent, only sooner: somebody should read what they wrote.
    case_id = await open_case(
        conn, incident_id=incident_id, resident_id=resident_id, purpose=purpose, reason=CaseReason.SILENT, now=now
    )
    await add_words(conn, vault, case_id, f"{via.upper()}: {words}", now)
    await notify(conn, INCIDENT_CHANGED, str(incident_id))
