"""What was shown of a person in an emergency disclosure, told to the person on their own page."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.db import Connection


class Disclosure(NamedTuple):
    """One break-glass disclosure that showed a person's data."""

    purpose: str
    recipient: str
    fields: tuple[str, ...]
    at: datetime


SQL_DISCLOSURES = """
SELECT b.purpose, b.recipient, b.fields, p.first_shown_at AS at
FROM break_glass_person p JOIN break_glass b ON b.id = p.break_glass_id
WHERE p.resident_id = $1 AND p.read_at IS NULL ORDER BY p.first_shown_at
"""
SQL_READ = "UPDATE break_glass_person SET read_at = $2 WHERE resident_id = $1 AND read_at IS NULL"


async def disclosures_of(conn: Connection, resident_id: UUID) -> list[Disclosure]:
    """The disclosures the person has not put away yet, oldest first."""
    rows = await conn.fetch(SQL_DISCLOSURES, resident_id)
    return [Disclosure(row["purpose"], row["recipient"], tuple(row["fields"]), row["at"]) for row in rows]


async def mark_read(conn: Connection, resident_id: UUID, now: datetime) -> None:
    """The person has read what was disclosed; it stays in their data and in "who looked"."""
    await conn.execute(SQL_READ, resident_id, now)
