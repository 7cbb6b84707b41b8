"""Where a person's phone was when they sent it in an incident (consent C5): one encrypted position they can delete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, Pool, expect_rows
from core.i18n import Catalogs
from core.ids import uuid7
from registry.consent import Choice, shares_location
from registry.consent_store import consent_lines, record
from registry.location import Position, position_of, text_of

POINT_COLUMN: Final = "shared_location.point_enc"


class OwnLocation(NamedTuple):
    """What the check-in page says of a person's position in an incident. `sent_at` None: they sent none."""

    may_send: bool
    sent_at: datetime | None


SQL_OWN = """
SELECT NOT r.protected AS may_send, l.sent_at FROM resident r
LEFT JOIN shared_location l ON l.resident_id = r.id AND l.incident_id = $2
WHERE r.id = $1
"""


async def own_location(conn: Connection | Pool, resident_id: UUID, incident_id: UUID) -> OwnLocation:
    """Whether the person may send their position (not who must never be found), and when they did."""
    row = await conn.fetchrow(SQL_OWN, resident_id, incident_id)
    return OwnLocation(row["may_send"], row["sent_at"]) if row else OwnLocation(False, None)


SQL_KEPT = """
INSERT INTO shared_location (id, incident_id, resident_id, point_enc, sent_at) VALUES ($1, $2, $3, $4, $5)
"""
SQL_DROP = "DELETE FROM shared_location WHERE resident_id = $1 AND incident_id = $2"


async def share_location(
    conn: Connection,
    vault: Vault,
    catalogs: Catalogs,
    resident_id: UUID,
    incident_id: UUID,
    position: Position,
    *,
    language: str,
    now: datetime,
) -> None:
    """Keep where the person is now, in place of what they sent before, with the consent (C5) that they gave by it."""
    if not shares_location(await consent_lines(conn, resident_id), incident_id):
        given = Choice("C5", True, incident_id=incident_id)
        await record(conn, catalogs, resident_id, [given], language=language, now=now)
    await conn.execute(SQL_DROP, resident_id, incident_id)
    row = uuid7()
    sealed = vault.encrypt(text_of(position), row, POINT_COLUMN)
    expect_rows(await conn.execute(SQL_KEPT, row, incident_id, resident_id, sealed, now), 1, "the position")


async def withdraw_location(
    conn: Connection, catalogs: Catalogs, resident_id: UUID, incident_id: UUID, *, language: str, now: datetime
) -> bool:
    """Take C5 back for one incident; the database deletes the position with it. False: there was nothing to take."""
    if not shares_location(await consent_lines(conn, resident_id), incident_id):
        return False
    taken = Choice("C5", False, incident_id=incident_id)
    await record(conn, catalogs, resident_id, [taken], language=language, now=now)
    return True


class Shared(NamedTuple):
    """One position a person sent, with the incident it was for."""

    resident_id: UUID
    incident_id: UUID
    incident: str
    position: Position
    sent_at: datetime


SQL_SENT = """
SELECT l.id, l.resident_id, l.incident_id, i.title, l.point_enc, l.sent_at
FROM shared_location l JOIN incident i ON i.id = l.incident_id
WHERE l.resident_id = $1 ORDER BY l.sent_at DESC
"""


async def sent_locations(conn: Connection, vault: Vault, resident_id: UUID) -> list[Shared]:
    """Every position that is kept of a person, for themselves, newest first."""
    return [
        Shared(row["resident_id"], row["incident_id"], row["title"], _open(vault, row["id"], row["point_enc"]),
               row["sent_at"])
        for row in await conn.fetch(SQL_SENT, resident_id)
    ]  # fmt: skip


# Row-level security says the same once more (migrations/0033).
SQL_FOR_HELPERS = """
SELECT DISTINCT ON (l.resident_id) l.id, l.resident_id, l.incident_id, i.title, l.point_enc, l.sent_at
FROM shared_location l
JOIN incident i ON i.id = l.incident_id AND i.closed_at IS NULL AND i.purpose = $2
JOIN resident r ON r.id = l.resident_id AND NOT r.protected
WHERE l.resident_id = ANY($1::uuid[])
  AND EXISTS (SELECT FROM case_file c WHERE c.resident_id = l.resident_id AND c.purpose = $2 AND c.closed_at IS NULL)
  AND coalesce((SELECT c.given FROM consent c
                WHERE c.resident_id = l.resident_id AND c.scope = 'C5' AND c.incident_id = l.incident_id
                ORDER BY c.id DESC LIMIT 1), false)
ORDER BY l.resident_id, l.sent_at DESC
"""


async def locations_for_helpers(
    conn: Connection, vault: Vault, resident_ids: Sequence[UUID], purpose: str
) -> dict[UUID, Shared]:
    """The newest position of each of these people with an open case. The caller has checked the right to them
    (access.may_see_location) and writes the audit row in the same transaction."""
    return {
        row["resident_id"]: Shared(
            row["resident_id"], row["incident_id"], row["title"], _open(vault, row["id"], row["point_enc"]),
            row["sent_at"],
        )
        for row in await conn.fetch(SQL_FOR_HELPERS, list(resident_ids), purpose)
    }  # fmt: skip


def _open(vault: Vault, row: UUID, sealed: bytes) -> Position:
    return position_of(vault.decrypt(sealed, row, POINT_COLUMN))
