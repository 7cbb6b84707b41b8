"""A live incident for one person's call for help where none is open, and the link to its page."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from alerts.store import is_fictional
from checkin.drills import HELP_HAZARD, help_key
from core.crypto import Vault
from core.db import Connection, Pool
from core.ids import uuid7
from core.model import Answer, Moment, Severity
from core.tokens import link_token, token_hash

#: Closed this long after the call at the earliest; never while the person's case is open.
HELP_LASTS: Final = timedelta(hours=24)

SQL_NEWEST_LIVE = """
SELECT i.id FROM incident i JOIN incident_resident ir ON ir.incident_id = i.id
WHERE ir.resident_id = $1 AND i.purpose = 'live' AND i.closed_at IS NULL
ORDER BY i.opened_at DESC, i.id DESC LIMIT 1
"""
# The alert tells nobody anything (state done, no areas): people's rows point to the alert they belong to.
SQL_OPEN_HELP_INCIDENT = """
WITH opened AS (
    INSERT INTO incident (id, purpose, hazard, key, title, severity, simulated, key_enc, opened_at, last_round_at,
                          closes_at)
    VALUES ($1, 'live', $2, $3, $4, $5, $6, $7, $8, $8, $9)
    ON CONFLICT (purpose, key) WHERE closed_at IS NULL DO NOTHING
    RETURNING id
)
INSERT INTO alert (id, incident_id, purpose, revision, moment, severity, areas, context, state, people, created_at,
                   done_at, expires_at)
SELECT $10, id, 'live', 1, 'issue', $5, '[]', $11, 'done', 1, $8, $8, $9 FROM opened
RETURNING incident_id
"""
SQL_HELP_INCIDENT = "SELECT id FROM incident WHERE purpose = 'live' AND key = $1 AND closed_at IS NULL"


async def live_incident_for_help(conn: Connection, vault: Vault, resident_id: UUID, title: str, now: datetime) -> UUID:
    """The open live incident that a person's call for help belongs to: the newest they are part of, else their own.

    `title` names a new one for staff. Call it in the transaction that stores the answer.
    """
    found: UUID | None = await conn.fetchval(SQL_NEWEST_LIVE, resident_id)
    if found is not None:
        return found
    incident_id, simulated = uuid7(), await is_fictional(conn)
    opened: UUID | None = await conn.fetchval(
        SQL_OPEN_HELP_INCIDENT,
        incident_id,
        HELP_HAZARD,
        help_key(resident_id),
        title,
        Severity.SEVERE,
        simulated,
        vault.encrypt(os.urandom(32), incident_id, "incident.key_enc"),
        now,
        now + HELP_LASTS,
        uuid7(),
        _context(title, now, simulated=simulated),
    )
    if opened is None:  # a second tap at the same moment has opened it
        opened = await conn.fetchval(SQL_HELP_INCIDENT, help_key(resident_id))
    assert opened is not None
    return opened


def _context(title: str, now: datetime, *, simulated: bool) -> dict[str, Any]:
    return {
        "hazard": HELP_HAZARD,
        "event_type": "",
        "moment": Moment.ISSUE,
        "severity": Severity.SEVERE,
        "max_level": None,
        "title_ja": title,
        "office": "",
        "issued_at": now.isoformat(),
        "headline": "",
        "event_ids": [],
        "questions": [Answer.OK, Answer.HELP],
        "simulated": simulated,
        "epicentre": None,
    }


SQL_LINK = """
SELECT l.id, i.key_enc FROM incident i
LEFT JOIN link l ON l.incident_id = i.id AND l.resident_id = $2 AND l.kind = 'checkin'
WHERE i.id = $1
"""
SQL_NEW_LINK = """
INSERT INTO link (id, kind, token_sha256, resident_id, incident_id, created_at) VALUES ($1, 'checkin', $2, $3, $4, $5)
ON CONFLICT (incident_id, resident_id) WHERE kind = 'checkin' DO NOTHING
"""


async def check_in_token(conn: Connection, vault: Vault, incident_id: UUID, resident_id: UUID, now: datetime) -> str:
    """The token of a person's check-in page in an open incident; the link is made if there is none yet."""
    row = await conn.fetchrow(SQL_LINK, incident_id, resident_id)
    key = vault.decrypt_bytes(row["key_enc"], incident_id, "incident.key_enc")
    if row["id"] is not None:
        return link_token(key, row["id"])
    link_id = uuid7()
    token = link_token(key, link_id)
    if await conn.execute(SQL_NEW_LINK, link_id, token_hash(token), resident_id, incident_id, now) == "INSERT 0 0":
        return await check_in_token(conn, vault, incident_id, resident_id, now)
    return token


SQL_STANDING_CALL = """
SELECT l.id, l.incident_id, i.key_enc
FROM incident_resident ir
JOIN incident i ON i.id = ir.incident_id AND i.closed_at IS NULL AND i.purpose = 'live'
JOIN link l ON l.incident_id = i.id AND l.resident_id = ir.resident_id AND l.kind = 'checkin' AND l.revoked_at IS NULL
WHERE ir.resident_id = $1 AND ir.status IN ('help', 'cannot_leave') AND ir.status_by = 'self'
ORDER BY i.opened_at DESC LIMIT 1
"""


async def standing_call(conn: Connection | Pool, vault: Vault, resident_id: UUID) -> str | None:
    """The token of the page of a person's own live call for help; None if none stands."""
    row = await conn.fetchrow(SQL_STANDING_CALL, resident_id)
    if row is None:
        return None
    return link_token(vault.decrypt_bytes(row["key_enc"], row["incident_id"], "incident.key_enc"), row["id"])
