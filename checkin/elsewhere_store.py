"""Where people of open incidents said they were when it began: for coordinators, as a place to look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.crypto import Vault
from core.db import Connection


class SaidPlace(NamedTuple):
    """What a person said about where they are. `municipality`: JIS code; `until`: until when, maybe over by now."""

    resident_id: UUID
    municipality: str
    until: datetime


# Still true when the oldest incident that is open for the person began; nothing of a protected person.
SQL_SAID = """
SELECT rp.resident_id, rp.until, p.id, p.label, p.postal_code, p.address_enc,
       coalesce((SELECT min(a.code) FROM place_area a WHERE a.place_id = p.id AND a.scheme = 'jis'), '') AS municipality
FROM resident_place rp
JOIN place p ON p.id = rp.place_id
JOIN resident r ON r.id = rp.resident_id AND NOT r.protected
WHERE rp.resident_id = ANY($1::uuid[]) AND rp.kind = 'today'
  AND rp.until > (SELECT min(i.opened_at) FROM incident_resident ir
                  JOIN incident i ON i.id = ir.incident_id AND i.closed_at IS NULL
                  WHERE ir.resident_id = rp.resident_id)
"""


async def said_places(conn: Connection, resident_ids: Sequence[UUID]) -> dict[UUID, SaidPlace]:
    """Where these people said they were, by municipality; those who said nothing are left out."""
    return {
        row["resident_id"]: SaidPlace(row["resident_id"], row["municipality"], row["until"])
        for row in await conn.fetch(SQL_SAID, list(resident_ids))
    }


async def said_address(conn: Connection, vault: Vault, resident_id: UUID) -> str:
    """The place itself as far as the person gave it: an address or a postal code; "" if unknown or protected.

    As private as the home: only with a reason and an audit row.
    """
    row = await conn.fetchrow(SQL_SAID, [resident_id])
    if row is None:
        return ""
    address = vault.decrypt(row["address_enc"], row["id"], "place.address_enc") if row["address_enc"] else row["label"]
    return address or (f"〒{row['postal_code']}" if row["postal_code"] else "")
