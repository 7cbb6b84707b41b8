"""What the operator's pages read and write: organisations, totals. No people."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from core.db import Connection

SQL_ORGANISATIONS = """
SELECT o.id, o.slug, o.name, o.kind,
       (SELECT count(*) FROM staff s WHERE s.org_id = o.id AND s.disabled_at IS NULL) AS staff,
       (SELECT count(*) FROM staff_link l WHERE l.org_id = o.id AND l.kind = 'invitation' AND l.used_at IS NULL
        AND l.expires_at > $1) AS invitations,
       (SELECT count(*) FROM membership m WHERE m.org_id = o.id AND m.ended_at IS NULL) AS people
FROM organisation o WHERE o.closed_at IS NULL AND o.kind <> 'operator' ORDER BY o.created_at, o.id
"""


async def organisations(conn: Connection, now: datetime) -> list[dict[str, Any]]:
    """Every organisation but the operator's: id, slug, name, kind, and how many staff, open invitations, people."""
    return [dict(row) for row in await conn.fetch(SQL_ORGANISATIONS, now)]


SQL_HELD_COUNT = "SELECT count(*) FROM alert WHERE state = 'held'"


async def held_count(conn: Connection) -> int:
    """How many alerts wait for two people."""
    number: int = await conn.fetchval(SQL_HELD_COUNT)
    return number


SQL_UNASKED = "SELECT count(*) FROM resident WHERE ask_stay_at IS NOT NULL AND stay_outcome = 'unreachable'"


async def unasked_count(conn: Connection) -> int:
    """How many people have left an organisation and could not be asked whether they stay: no way reaches them."""
    number: int = await conn.fetchval(SQL_UNASKED)
    return number


SQL_KIND_OF = "SELECT kind FROM organisation WHERE id = $1 AND closed_at IS NULL"


async def kind_of(conn: Connection, org_id: UUID) -> str | None:
    """The kind of an open organisation; None if there is none."""
    kind = await conn.fetchval(SQL_KIND_OF, org_id)
    return None if kind is None else str(kind)


SQL_HAS_PASSWORD = "SELECT password_hash IS NOT NULL FROM staff WHERE id = $1"


async def has_password(conn: Connection, staff_id: UUID) -> bool:
    """Whether this member of staff can sign in without a one-time link."""
    return bool(await conn.fetchval(SQL_HAS_PASSWORD, staff_id))
