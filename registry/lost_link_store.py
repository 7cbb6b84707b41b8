"""A lost card or page, in the database: the wish for a new link, and the card that replaces one at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, Pool
from core.ids import uuid7
from core.tokens import link_token, token_hash
from registry.records import PHONE

#: A second wish within this time is the same one: the message is on its way.
AGAIN_AFTER: Final = timedelta(hours=1)


class AskedBy(StrEnum):
    """Who wishes for a new link besides the owner of a typed number."""

    LINK = "link"
    STAFF = "staff"


SQL_BY_NUMBER = "SELECT ask_link_by_number($1, $2)"


async def ask_by_number(conn: Connection | Pool, vault: Vault, e164: str, now: datetime) -> None:
    """Send the link of whoever has proved this number to be theirs; nothing is said about whether anybody has."""
    await conn.execute(SQL_BY_NUMBER, vault.blind_indexes(PHONE, e164), now)


SQL_HAS_WAY = """
SELECT EXISTS (SELECT FROM contact WHERE resident_id = $1 AND kind = 'address' AND state = 'proven')
"""
SQL_ASK = """
INSERT INTO link_request AS q (resident_id, asked_by, asked_at, new_link, due_at) VALUES ($1, $2, $3, $4, $3)
ON CONFLICT (resident_id) DO UPDATE SET asked_by = excluded.asked_by, asked_at = excluded.asked_at,
    new_link = excluded.new_link, tries = 0, due_at = excluded.due_at, outcome = ''
WHERE q.due_at IS NULL AND q.asked_at <= $5
"""


async def ask_for_link(conn: Connection, resident_id: UUID, by: AskedBy, now: datetime) -> bool:
    """Let a new link be sent to the person; the old one ends when it has left. False: no way is proved to be theirs.

    A wish that waits already, or was fulfilled within the last hour, stays as it is.
    """
    if not await conn.fetchval(SQL_HAS_WAY, resident_id):
        return False
    await conn.execute(SQL_ASK, resident_id, by.value, now, uuid7(), now - AGAIN_AFTER)
    return True


SQL_MAY_PRINT = "SELECT may_print_card($1, $2)"


async def may_print_card(conn: Connection, resident_id: UUID, org_id: UUID) -> bool:
    """Whether staff may print a card for somebody whom nothing reaches and who agreed to be helped by them."""
    return bool(await conn.fetchval(SQL_MAY_PRINT, resident_id, org_id))


SQL_END_OLD = """
UPDATE link SET revoked_at = $2 WHERE resident_id = $1 AND kind = 'personal' AND revoked_at IS NULL AND NOT joined
"""
SQL_NEW = """
INSERT INTO link (id, kind, token_sha256, resident_id, created_at) VALUES ($1, 'personal', $2, $3, $4)
"""


async def replace_link(
    conn: Connection, vault: Vault, resident_id: UUID, now: datetime, link_id: UUID | None = None
) -> str:
    """End the person's permanent link and make a new one (with this id); its token."""
    link_id = link_id or uuid7()
    token = link_token(vault.link_key, link_id)
    await conn.execute(SQL_END_OLD, resident_id, now)
    await conn.execute(SQL_NEW, link_id, token_hash(token), resident_id, now)
    return token
