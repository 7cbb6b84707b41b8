"""The link a person sends to their family, and what it shows: their own state, nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, Pool
from core.ids import uuid7
from core.model import Answer
from core.tokens import link_token, token_hash

#: A family link lives this long, or as long as an incident in which the person was told is open, if that is longer.
LIFE: Final = timedelta(days=30)


class FamilyLink(NamedTuple):
    """A live link as its owner sees it."""

    token: str
    expires_at: datetime


# "Alive" in one place: not revoked, and not over; a link does not end in the middle of an emergency.
SQL_OWN_LINK = """
SELECT f.id, f.expires_at FROM family_link f
WHERE f.resident_id = $1 AND f.revoked_at IS NULL
  AND (f.expires_at > $2 OR EXISTS (SELECT FROM incident_resident ir JOIN incident i ON i.id = ir.incident_id
                                    WHERE ir.resident_id = f.resident_id AND i.closed_at IS NULL
                                      AND i.opened_at < f.expires_at))
"""


async def own_link(conn: Connection, vault: Vault, resident_id: UUID, now: datetime) -> FamilyLink | None:
    """The person's live link; None if there is none."""
    row = await conn.fetchrow(SQL_OWN_LINK, resident_id, now)
    return FamilyLink(link_token(vault.link_key, row["id"]), row["expires_at"]) if row else None


SQL_REVOKE = "UPDATE family_link SET revoked_at = $2 WHERE resident_id = $1 AND revoked_at IS NULL"
SQL_MAKE = """
INSERT INTO family_link (id, resident_id, token_sha256, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)
"""


async def make_link(conn: Connection, vault: Vault, resident_id: UUID, now: datetime) -> None:
    """A new link; an older one ends."""
    await revoke(conn, resident_id, now)
    link_id = uuid7()
    token = link_token(vault.link_key, link_id)
    await conn.execute(SQL_MAKE, link_id, resident_id, token_hash(token), now, now + LIFE)


async def revoke(conn: Connection, resident_id: UUID, now: datetime) -> None:
    """End the person's link; whoever has it sees nothing from now on."""
    await conn.execute(SQL_REVOKE, resident_id, now)


class FamilyView(NamedTuple):
    """What the family sees. `calm`: no live question is open. No place, no organisation, no warning."""

    resident_id: UUID
    name: str
    language: str
    calm: bool
    answer: Answer | None
    at: datetime | None


# The newest live incident that asked them, while it is open.
SQL_VIEW = """
SELECT r.id, r.name, r.language, s.incident_id, s.status, s.status_at
FROM family_link f
JOIN resident r ON r.id = f.resident_id AND r.state <> 'left'
LEFT JOIN LATERAL (SELECT ir.incident_id, ir.status, ir.status_at
                   FROM incident_resident ir JOIN incident i ON i.id = ir.incident_id
                   WHERE ir.resident_id = r.id AND i.closed_at IS NULL AND i.purpose = 'live'
                     AND (ir.asked_at IS NOT NULL OR ir.status IS NOT NULL)
                   ORDER BY i.opened_at DESC LIMIT 1) s ON true
WHERE f.token_sha256 = $1 AND f.revoked_at IS NULL
  AND (f.expires_at > $2 OR EXISTS (SELECT FROM incident_resident ir JOIN incident i ON i.id = ir.incident_id
                                    WHERE ir.resident_id = f.resident_id AND i.closed_at IS NULL
                                      AND i.opened_at < f.expires_at))
"""


async def family_view(conn: Connection | Pool, token_sha256: bytes, now: datetime) -> FamilyView | None:
    """What a family link shows; None if it is unknown, ended or over."""
    row = await conn.fetchrow(SQL_VIEW, token_sha256, now)
    if row is None:
        return None
    answer = Answer(row["status"]) if row["status"] else None
    return FamilyView(row["id"], row["name"], row["language"], row["incident_id"] is None, answer, row["status_at"])
