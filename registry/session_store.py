"""One's own sessions: where one is signed in, and ending them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.audit import Actor, audit
from core.db import Connection, expect_rows
from core.tokens import token_hash
from registry.sessions import still_valid

SQL_MY_SESSIONS = """
SELECT s.id, s.created_at, s.last_seen_at, s.how, s.browser, s.system, s.second_factor_at, s.id_sha256 = $2 AS this,
       EXISTS (SELECT FROM incident i WHERE i.closed_at IS NULL) AS incident_open
FROM session s WHERE s.staff_id = $1 AND s.revoked_at IS NULL AND s.expires_at > $3
ORDER BY s.id_sha256 = $2 DESC, s.last_seen_at DESC
"""


class OpenSession(NamedTuple):
    """One place where a member of staff is signed in. `this`: the one that asks."""

    id: UUID
    created_at: datetime
    last_seen_at: datetime
    how: str
    browser: str
    system: str
    whole: bool
    this: bool


async def open_sessions(conn: Connection, staff_id: UUID, session_id: str, now: datetime) -> list[OpenSession]:
    """The sessions that still work, this one first, then the newest used."""
    return [
        OpenSession(
            row["id"],
            row["created_at"],
            row["last_seen_at"],
            row["how"],
            row["browser"],
            row["system"],
            row["second_factor_at"] is not None,
            row["this"],
        )
        for row in await conn.fetch(SQL_MY_SESSIONS, staff_id, token_hash(session_id), now)
        if still_valid(row["created_at"], row["last_seen_at"], now, incident_open=row["incident_open"])
    ]


SQL_END_SESSION = "UPDATE session SET revoked_at = $3 WHERE id = $1 AND staff_id = $2 AND revoked_at IS NULL"


async def end_session(conn: Connection, staff_id: UUID, which: UUID, now: datetime) -> None:
    """End one of one's own sessions. Raises WriteMismatch if there is none (any more)."""
    expect_rows(await conn.execute(SQL_END_SESSION, which, staff_id, now), 1, "the session")
    await audit(conn, Actor("account", staff_id), "end_session", at=now, subjects=[staff_id])
