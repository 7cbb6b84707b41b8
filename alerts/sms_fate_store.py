"""What the provider took: SMS of which nobody told the end, questions to take back (calls too), texts to blank."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from alerts.channel import DOUBTFUL, ReceiptRead
from alerts.outbox_store import take_receipt
from core.db import Connection, Pool
from core.model import MessageState

#: When the provider is asked about a message, counted from its sending; after the last time it stays "sent". Ten hours:
#: no message waits longer at Twilio (ValidityPeriod).
ASK_AFTER: Final = (
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=11),
)
#: Older ones are history.
ASK_UNTIL: Final = timedelta(hours=24)
#: No question waits at the provider for longer.
TAKE_BACK_UNTIL: Final = timedelta(hours=2)
#: What could not be blanked today is tried again tomorrow.
BLANK_AGAIN: Final = timedelta(days=1)


class Sms(NamedTuple):
    """A message of ours, and what the provider calls it."""

    id: int
    sid: str


SQL_IN_DOUBT = "SELECT FROM message WHERE id = $1 AND state IN ('leased', 'pending') AND error_code ~ $2"


async def adopt(conn: Connection, message_id: int, sid: str, now: datetime) -> bool:
    """The provider speaks of a message whose sending got no answer: it has it. False if there was no doubt."""
    if await conn.fetchrow(SQL_IN_DOUBT, message_id, f"^({DOUBTFUL})$") is None:
        return False
    return await take_receipt(conn, ReceiptRead(message_id, MessageState.SENT, provider_id=sid), now)


SQL_CARRIED = "UPDATE message SET carried_at = $2 WHERE id = $1 AND carried_at IS NULL"


async def carried(conn: Connection | Pool, message_id: int, now: datetime) -> None:
    """A network has the message: it cannot be taken back any more."""
    await conn.execute(SQL_CARRIED, message_id, now)


SQL_KNOWN = """
SELECT provider_id FROM message
WHERE incident_id = $1 AND id <> $2 AND provider_id = ANY($3::text[])
"""


async def not_of_others(pool: Pool, incident_id: UUID, message_id: int, sids: Sequence[str]) -> list[str]:
    """Of these ids of the provider those that no other message of the incident has, in the same order."""
    known = {row["provider_id"] for row in await pool.fetch(SQL_KNOWN, incident_id, message_id, list(sids))}
    return [sid for sid in sids if sid not in known]


# Marked before the provider is asked: whoever dies in between asks again at the next time, and nobody asks for ever.
SQL_ASK = """
WITH due AS (
    SELECT id FROM message
    WHERE state = 'sent' AND channel = 'sms' AND provider_id IS NOT NULL AND sent_at <= $1::timestamptz - $2::interval
      AND sent_at > $1 - $3::interval AND fate_asks < cardinality($4::interval[])
      AND (fate_due_at IS NULL OR fate_due_at <= $1)
    ORDER BY sent_at LIMIT $5 FOR UPDATE SKIP LOCKED
)
UPDATE message AS m
SET fate_asks = m.fate_asks + 1, fate_due_at = m.sent_at + ($4::interval[])[least(m.fate_asks + 2, cardinality($4))]
FROM due WHERE m.id = due.id
RETURNING m.id, m.provider_id
"""


async def to_ask(pool: Pool, now: datetime, limit: int) -> list[Sms]:
    """Messages without an end that are due to be asked about; they count as asked."""
    rows = await pool.fetch(SQL_ASK, now, ASK_AFTER[0], ASK_UNTIL, list(ASK_AFTER), limit)
    return [Sms(*row) for row in rows]


# The answer itself marked them (checkin/store.py): questions and reminders, never a correction, which always goes out.
SQL_TAKE_BACK = """
SELECT id, provider_id FROM message
WHERE cancel_wanted > $1::timestamptz - $2::interval AND state = 'sent' AND channel = $4
  AND provider_id IS NOT NULL AND carried_at IS NULL
ORDER BY cancel_wanted LIMIT $3
"""


async def to_take_back(pool: Pool, now: datetime, limit: int, channel: str = "sms") -> list[Sms]:
    """Questions that the provider of a channel may still hold, to people who have answered."""
    return [Sms(*row) for row in await pool.fetch(SQL_TAKE_BACK, now, TAKE_BACK_UNTIL, limit, channel)]


SQL_STILL_WANTED = "SELECT FROM message WHERE id = $1 AND state = 'sent' AND cancel_wanted IS NOT NULL"


async def still_wanted(pool: Pool, message_id: int) -> bool:
    """Whether it should still be taken back: not once a key was pressed in that very call."""
    return await pool.fetchrow(SQL_STILL_WANTED, message_id) is not None


# The provider's own call-back ("canceled") may have been faster than its answer.
SQL_TAKEN_BACK = """
UPDATE message SET state = 'cancelled', error_code = 'taken_back', error = NULL, done_at = $2, cancel_wanted = NULL
WHERE id = $1 AND (state = 'sent' OR (state = 'failed' AND error_code = 'canceled'))
"""


async def taken_back(pool: Pool, message_id: int, now: datetime) -> None:
    """The provider will not send it."""
    await pool.execute(SQL_TAKEN_BACK, message_id, now)


SQL_BLANK = """
SELECT m.id, m.provider_id FROM message AS m
WHERE m.channel = 'sms' AND m.provider_id IS NOT NULL AND m.blanked_at IS NULL
  AND m.sent_at <= $1::timestamptz - $2::interval AND (m.fate_due_at IS NULL OR m.fate_due_at <= $1)
  AND NOT EXISTS (SELECT FROM message AS w WHERE w.state = 'pending' AND w.due_at <= $1)
ORDER BY m.sent_at LIMIT $3
"""


async def to_blank(pool: Pool, now: datetime, after: timedelta, limit: int) -> list[Sms]:
    """Old messages whose text the provider still has; none while messages wait to be sent."""
    return [Sms(*row) for row in await pool.fetch(SQL_BLANK, now, after, limit)]


SQL_BLANKED = """
UPDATE message SET blanked_at = CASE WHEN $3 THEN $2::timestamptz END,
    fate_due_at = CASE WHEN $3 THEN fate_due_at ELSE $4::timestamptz END
WHERE id = $1
"""


async def blanked(pool: Pool, message_id: int, now: datetime, *, done: bool) -> None:
    """The provider has the text no more; or (not `done`) it is tried again tomorrow."""
    await pool.execute(SQL_BLANKED, message_id, now, done, now + BLANK_AGAIN)
