"""Words that a person wrote in a chat during an incident: kept where staff see them, never read as "I'm OK"."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from checkin.cases_store import INCIDENT_CHANGED, NOTE_COLUMN
from checkin.help_store import check_in_token
from checkin.link_store import open_link
from checkin.store import record_check_in
from core.crypto import Vault
from core.db import Connection, notify
from core.ids import uuid7
from core.model import AnsweredBy
from core.tokens import token_hash

# Like the case of a person who is silent, only sooner: somebody should read what they wrote. An open case stays.
SQL_CASE = """
WITH opened AS (
    INSERT INTO case_file (id, purpose, resident_id, incident_id, dorm_id, reason, opened_at, reason_since)
    SELECT $1, i.purpose, $3, i.id, (SELECT m.dorm_id FROM membership m
                                     WHERE m.resident_id = $3 AND m.ended_at IS NULL AND m.dorm_id IS NOT NULL
                                       AND NOT EXISTS (SELECT FROM incident_resident ir WHERE ir.incident_id = $2
                                                       AND ir.resident_id = $3 AND ir.only_today)
                                     ORDER BY m.created_at LIMIT 1), 'silent', $4, $4
    FROM incident i WHERE i.id = $2
    ON CONFLICT (purpose, resident_id) WHERE closed_at IS NULL DO UPDATE SET reason = case_file.reason
    RETURNING id
), noted AS (
    INSERT INTO case_note (case_id, action, at) SELECT id, 'opened', $4 FROM opened WHERE id = $1
)
SELECT id FROM opened
"""
SQL_NOTE = "INSERT INTO case_note (case_id, action, note_enc, at) VALUES ($1, 'note', $2, $3)"
# Who was told for information only is not asked, and has nothing to answer.
SQL_INCIDENT = """
SELECT i.id FROM incident_resident ir JOIN incident i ON i.id = ir.incident_id
WHERE ir.resident_id = $1 AND i.closed_at IS NULL AND i.purpose <> 'canary' AND i.key_enc IS NOT NULL
  AND (ir.asked_at IS NOT NULL OR ir.status IS NOT NULL)
ORDER BY i.purpose = 'live' DESC, coalesce(ir.asked_at, i.opened_at) DESC LIMIT 1
"""


async def keep_words(
    conn: Connection, vault: Vault, resident_id: UUID, words: str, *, via: str, now: datetime
) -> str | None:
    """Keep what somebody wrote with their newest incident: beside their answer, or as a note on the case of a person
    who has given none. The token of their check-in page, where they can answer; None where no incident asks them.

    `via` names the channel ("line"). Call it inside a transaction.
    """
    incident_id = await conn.fetchval(SQL_INCIDENT, resident_id)
    if incident_id is None:
        return None
    token = await check_in_token(conn, vault, incident_id, resident_id, now)
    view = await open_link(conn, token_hash(token), now)
    own = view.status.newest_own if view is not None else None
    if view is not None and own is not None and view.incident.id == incident_id:
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
            link_id=view.link_id,
            note=words,
        )
        return token
    case_id = await conn.fetchval(SQL_CASE, uuid7(), incident_id, resident_id, now)
    await conn.execute(SQL_NOTE, case_id, vault.encrypt(f"{via.upper()}: {words}", case_id, NOTE_COLUMN), now)
    await notify(conn, INCIDENT_CHANGED, str(incident_id))
    return token
