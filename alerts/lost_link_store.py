"""Wishes for a lost link, in the database: whose turn it is, and what became of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from core.db import Connection, Pool, expect_rows

#: How long a claim lasts; a process that was killed while sending leaves the wish to the next one after it.
CLAIM: Final = timedelta(minutes=10)
#: After so many tries the wish is over; it can be made again.
MOST_TRIES: Final = 4


class Wish(NamedTuple):
    """One claimed wish. `new_link`: the id of the link that will replace the present one; None: that one is sent."""

    resident_id: UUID
    languages: tuple[str, ...]
    new_link: UUID | None
    tries: int


SQL_CLAIM = """
WITH due AS (
    SELECT q.resident_id FROM link_request q WHERE q.due_at <= $1 ORDER BY q.due_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE link_request q SET tries = q.tries + 1, due_at = $1 + $3::interval
FROM due JOIN resident r ON r.id = due.resident_id WHERE q.resident_id = due.resident_id
RETURNING q.resident_id, r.language, r.second_language, q.new_link, q.tries
"""


async def claim_wishes(conn: Connection | Pool, now: datetime, limit: int) -> list[Wish]:
    """Claim up to `limit` wishes that are due."""
    return [
        Wish(row["resident_id"], (row["language"], row["second_language"] or ""), row["new_link"], row["tries"])
        for row in await conn.fetch(SQL_CLAIM, now, limit, CLAIM)
    ]


SQL_SETTLE = "UPDATE link_request SET outcome = $2, due_at = $3 WHERE resident_id = $1"


async def settle(conn: Connection, resident_id: UUID, outcome: str, due_at: datetime | None) -> None:
    """Write down what became of a turn; `due_at`: when it is tried again, None: it is over."""
    expect_rows(await conn.execute(SQL_SETTLE, resident_id, outcome, due_at), 1, "the wish for a link")
