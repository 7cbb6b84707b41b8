"""Asking people who have left a company, in the database: who is due, their claim, and what became of the message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.db import Connection, Pool
from registry.stay import AFTER_INCIDENT, ASK_WITHIN, CLAIM, MOST_MESSAGES, SETTLES, Next, Outcome, Way


@dataclass(frozen=True, slots=True)
class ToAsk:
    """Somebody whose turn it is, claimed. `asks`: messages that have left before; `used`: what carried them."""

    id: UUID
    languages: tuple[str, ...]
    asks: int
    tries: int
    used: tuple[str, ...]
    claimed: Outcome


# Not while an incident that is real or a drill has the person in it, nor where a live one warns of their places (who
# has paused alerts is in none), nor on the day after. A membership that was taken up again leaves no ended one: nobody
# left. Who has another one may have changed companies and is asked all the same: only they know where they live now.
SQL_CLAIM = """
WITH recent AS MATERIALIZED (
    SELECT i.id FROM incident i
    WHERE i.purpose = 'live' AND (i.closed_at IS NULL OR i.closed_at > $1::timestamptz - $2::interval)
), warned AS MATERIALIZED (
    SELECT DISTINCT e ->> 'scheme' AS scheme, e ->> 'code' AS code
    FROM recent JOIN alert a ON a.incident_id = recent.id CROSS JOIN LATERAL jsonb_array_elements(a.areas) AS e
), due AS (
    SELECT r.id FROM resident r
    WHERE r.ask_stay_at IS NOT NULL AND r.ask_stay_at <= $1 - $3::interval AND r.ask_stay_at > $1 - $4::interval
      AND r.stay_asks < $5 AND (r.stay_due_at IS NULL OR r.stay_due_at <= $1) AND r.stay_outcome <> 'again'
      AND r.state IN ('invited', 'enrolled', 'paused') AND r.erase_requested_at IS NULL
      AND EXISTS (SELECT FROM membership m WHERE m.resident_id = r.id AND m.ended_at IS NOT NULL)
      AND NOT EXISTS (SELECT FROM resident_busy b WHERE b.resident_id = r.id)
      AND NOT EXISTS (SELECT FROM recent JOIN incident_resident ir ON ir.incident_id = recent.id
                      WHERE ir.resident_id = r.id)
      AND NOT EXISTS (
          SELECT FROM resident_place rp JOIN place_area pa ON pa.place_id = rp.place_id
          JOIN warned w ON w.scheme = pa.scheme AND w.code = pa.code WHERE rp.resident_id = r.id)
    ORDER BY r.ask_stay_at, r.id LIMIT $6 FOR UPDATE OF r SKIP LOCKED
)
UPDATE resident r SET stay_tries = stay_tries + 1, stay_due_at = $1 + $7::interval,
    stay_outcome = CASE stay_outcome WHEN 'sending' THEN 'again' ELSE 'sending' END
FROM due WHERE r.id = due.id
RETURNING r.id, r.language, r.second_language, r.stay_asks, r.stay_tries, r.stay_channels, r.stay_outcome
"""


async def claim_to_ask(conn: Connection | Pool, now: datetime, limit: int) -> list[ToAsk]:
    """Claim up to `limit` people who are to be asked now; the claim ends by itself (registry.stay.CLAIM)."""
    rows = await conn.fetch(SQL_CLAIM, now, AFTER_INCIDENT, SETTLES, ASK_WITHIN, MOST_MESSAGES, limit, CLAIM)
    return [
        ToAsk(
            row["id"],
            (row["language"], row["second_language"] or ""),
            row["stay_asks"],
            row["stay_tries"],
            tuple(row["stay_channels"]),
            Outcome(row["stay_outcome"]),
        )
        for row in rows
    ]


# Nobody wrote down what became of either of two tries: the person may have read it twice, and is not written to again.
SQL_SETTLE_LOST = """
UPDATE resident SET stay_outcome = 'sent', stay_asks = stay_asks + 1, stay_tries = 0, stay_asked_at = $1,
    stay_due_at = $2
WHERE stay_outcome = 'again' AND stay_due_at <= $1 AND ask_stay_at IS NOT NULL AND stay_asks < $3
"""


async def settle_lost(conn: Connection | Pool, now: datetime, then: Next) -> int:
    """Count as sent what was tried twice without anybody knowing what became of it; how many."""
    tag = await conn.execute(SQL_SETTLE_LOST, now, then.due_at, MOST_MESSAGES)
    return int(str(tag).rpartition(" ")[2])


SQL_WAYS = """
SELECT id, channel, state = 'proven' AS proven, address_enc FROM contact
WHERE resident_id = $1 AND kind = 'address' AND state NOT IN ('dead', 'opted_out') ORDER BY created_at DESC, id DESC
"""


async def ways_of(conn: Connection | Pool, resident_id: UUID) -> dict[Way, bytes]:
    """A person's contacts that may work, the newest first, each with its encrypted address."""
    rows = await conn.fetch(SQL_WAYS, resident_id)
    return {Way(row["id"], row["channel"], row["proven"]): row["address_enc"] for row in rows}


# The question may have been answered while the message was on its way: then there is nothing left to write down.
SQL_SENT = """
UPDATE resident SET stay_outcome = $2, stay_due_at = $3, stay_asks = stay_asks + 1, stay_tries = 0, stay_asked_at = $4,
    stay_channels = stay_channels || $5::text
WHERE id = $1 AND ask_stay_at IS NOT NULL AND stay_asks < $6
"""
SQL_NOT_SENT = "UPDATE resident SET stay_outcome = $2, stay_due_at = $3 WHERE id = $1 AND ask_stay_at IS NOT NULL"


async def note_sent(conn: Connection, resident_id: UUID, then: Next, channel: str, now: datetime) -> None:
    """A message has left over a contact of this kind."""
    await conn.execute(SQL_SENT, resident_id, then.outcome.value, then.due_at, now, channel, MOST_MESSAGES)


async def note_not_sent(conn: Connection, resident_id: UUID, then: Next) -> None:
    """No message has left, or nobody knows."""
    await conn.execute(SQL_NOT_SENT, resident_id, then.outcome.value, then.due_at)


SQL_DROP = """
UPDATE contact SET state = u.state, state_reason = u.reason
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS u (id, state, reason)
WHERE contact.id = u.id AND contact.state NOT IN ('dead', 'opted_out')
"""


async def drop_ways(conn: Connection, dead: Sequence[tuple[UUID, str, str]]) -> None:
    """These contacts will never work again: (contact, "dead" or "opted_out", the provider's code)."""
    if dead:
        await conn.execute(SQL_DROP, *zip(*dead, strict=True))
