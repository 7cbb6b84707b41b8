"""QR codes with which volunteers join, and who joined by them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.audit import Actor, audit
from core.crypto import Vault
from core.db import Connection, Pool, expect_rows
from core.ids import uuid7
from core.model import Role
from core.tokens import random_token, token_hash
from registry.volunteers import PASS_LIFE, SHOWN_FOR

_TOKEN = "volunteer_pass.token_enc"

SQL_END_PASSES = "UPDATE volunteer_pass SET revoked_at = $2 WHERE created_by = $1 AND revoked_at IS NULL"
SQL_NEW_PASS = """
INSERT INTO volunteer_pass (id, token_sha256, token_enc, org_id, created_by, created_at, expires_at, uses_left)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


async def make_pass(conn: Connection, vault: Vault, leader: Actor, uses: int, now: datetime) -> str:
    """A new QR code of a group leader; an older one of theirs ends. Returns its token (/volunteer/<token>)."""
    pass_id, token = uuid7(), random_token()
    await conn.execute(SQL_END_PASSES, leader.staff_id, now)
    await conn.execute(
        SQL_NEW_PASS,
        pass_id,
        token_hash(token),
        vault.encrypt(token, pass_id, _TOKEN),
        leader.org_id,
        leader.staff_id,
        now,
        now + PASS_LIFE,
        uses,
    )
    await audit(conn, leader, "volunteer_pass", at=now, detail={"uses": uses})
    return token


async def end_passes(conn: Connection, leader: Actor, now: datetime) -> None:
    """Nobody joins by this leader's QR code any more."""
    await conn.execute(SQL_END_PASSES, leader.staff_id, now)
    await audit(conn, leader, "end_volunteer_pass", at=now)


class LeaderPass(NamedTuple):
    """The QR code a leader shows now."""

    token: str
    expires_at: datetime
    uses_left: int


SQL_LEADER_PASS = """
SELECT id, token_enc, expires_at, uses_left FROM volunteer_pass
WHERE created_by = $1 AND revoked_at IS NULL AND expires_at > $2 AND uses_left > 0
ORDER BY created_at DESC LIMIT 1
"""


async def leader_pass(conn: Connection, vault: Vault, leader_id: UUID, now: datetime) -> LeaderPass | None:
    """The leader's QR code that works now; None: there is none."""
    row = await conn.fetchrow(SQL_LEADER_PASS, leader_id, now)
    if row is None:
        return None
    return LeaderPass(vault.decrypt(row["token_enc"], row["id"], _TOKEN), row["expires_at"], row["uses_left"])


class Joined(NamedTuple):
    """A volunteer who joined by a QR code of this organisation."""

    staff_id: UUID
    name: str
    at: datetime
    ended: bool


SQL_JOINED = """
SELECT p.id, p.name, p.created_at, p.disabled_at IS NOT NULL AS ended
FROM staff p JOIN volunteer_pass v ON v.id = p.volunteer_pass_id
WHERE v.org_id = $1 AND p.created_at > $2 ORDER BY p.created_at DESC, p.id
"""


async def joined(conn: Connection, org_id: UUID, now: datetime) -> list[Joined]:
    """Who joined in the last two days, newest first."""
    rows = await conn.fetch(SQL_JOINED, org_id, now - SHOWN_FOR)
    return [Joined(row["id"], row["name"], row["created_at"], row["ended"]) for row in rows]


class Pass(NamedTuple):
    """A live QR code, as its scanner sees it."""

    id: UUID
    org_id: UUID
    org_name: str


SQL_PASS = """
SELECT v.id, v.org_id, o.name AS org_name
FROM volunteer_pass v JOIN organisation o ON o.id = v.org_id JOIN staff p ON p.id = v.created_by
WHERE v.token_sha256 = $1 AND v.revoked_at IS NULL AND v.expires_at > $2 AND v.uses_left > 0
  AND o.closed_at IS NULL AND p.disabled_at IS NULL
"""


async def find_pass(conn: Connection | Pool, token: str, now: datetime) -> Pass | None:
    """A QR code that still lets somebody in; None for unknown, ended and used-up ones alike."""
    row = await conn.fetchrow(SQL_PASS, token_hash(token), now)
    return None if row is None else Pass(row["id"], row["org_id"], row["org_name"])


SQL_USE_PASS = """
UPDATE volunteer_pass SET uses_left = uses_left - 1
WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2 AND uses_left > 0
"""
SQL_INSERT_VOLUNTEER = """
INSERT INTO staff (id, org_id, role, name, email, language, password_hash, created_at, volunteer_pass_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


async def join_by_pass(
    conn: Connection,
    found: Pass,
    staff_id: UUID,
    *,
    name: str,
    sign_in_name: str,
    language: str,
    password_hash: str | None,
    now: datetime,
) -> None:
    """Make the volunteer's account, using the QR code once.

    Raises WriteMismatch if the code has just ended or is used up, UniqueViolation if the sign-in name is taken.
    """
    expect_rows(await conn.execute(SQL_USE_PASS, found.id, now), 1, "the QR code")
    await conn.execute(
        SQL_INSERT_VOLUNTEER,
        staff_id,
        found.org_id,
        Role.VOLUNTEER.value,
        name,
        sign_in_name,
        language,
        password_hash,
        now,
        found.id,
    )
    actor = Actor("volunteer pass", staff_id, found.org_id)
    await audit(conn, actor, "join_volunteer", at=now, subjects=[staff_id], detail={"pass": str(found.id)})
