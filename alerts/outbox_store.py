"""The outbox in the database: claim under a lease, acknowledge in groups, take receipts, give leases back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from alerts.channel import DOUBTFUL, ReceiptRead
from alerts.policy import forward
from core.db import Connection, Pool, expect_rows, notify
from core.model import MessageState

#: NOTIFY channels: the outbox has work; something about an incident changed (payload: its id).
MESSAGES_CHANNEL = "daijobu_messages"
INCIDENT_CHANNEL = "daijobu_incident"


@dataclass(frozen=True, slots=True)
class Claimed:
    """One leased message with all that is needed to send it: nothing is read from the database while sending."""

    id: int
    lease_token: UUID
    attempts: int
    channel: str
    purpose: str
    incident_id: UUID
    step: int
    expires_at: datetime
    severity: str
    hazard: str
    #: A JSON array, as stored: the same for everyone, and decoded once instead of for each message.
    questions_json: str | None
    contact_id: UUID | None
    address_enc: bytes | None
    contact_state: str | None
    title: str
    body: str
    language: str
    link_id: UUID | None
    link_kind: str | None
    key_enc: bytes | None
    #: The step is not needed any more: the person answered, an earlier step arrived, or another way has taken over.
    needless: bool
    #: How the last try ended, where there was one.
    last_code: str | None = None


# One index range per priority: steps that are due later never stand in the way of a lower priority. The lock is taken
# row by row as the outer LIMIT pulls them, so that a second worker skips exactly these. Leases run on the database's
# clock. While everything is stopped (stop_store.py) nothing is taken; of an alert that was stopped nothing leaves. One
# alert may tell staff several times (calls for help): what was written together is one telling.
SQL_CLAIM = """
WITH picked AS (
    SELECT m.id
    FROM generate_series(0, 3) AS p (priority)
    CROSS JOIN LATERAL (
        SELECT id FROM message
        WHERE state = 'pending' AND message.priority = p.priority AND due_at <= $1 AND channel <> ALL($5::text[])
        ORDER BY due_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
    ) AS m
    WHERE NOT EXISTS (SELECT FROM sending_stop AS x WHERE x.alert_id IS NULL AND x.resumed_at IS NULL)
    LIMIT $2
), claimed AS (
    UPDATE message SET state = 'leased', lease_token = $3, lease_until = now() + $4, attempts = attempts + 1
    FROM picked WHERE message.id = picked.id
    RETURNING message.*
)
-- The columns of Claimed, in their order.
SELECT c.id, c.lease_token, c.attempts, c.channel, c.purpose, c.incident_id, c.step, c.expires_at, a.severity,
       a.context ->> 'hazard' AS hazard, a.context ->> 'questions' AS questions_json, c.contact_id, k.address_enc,
       k.state AS contact_state, t.title, t.body, t.language, l.id AS link_id, l.kind AS link_kind, i.key_enc,
       a.state = 'stopped' OR CASE c.unless
           WHEN 'answered' THEN ir.status IS NOT NULL AND ir.status_at >= a.created_at
           WHEN 'received' THEN (ir.status IS NOT NULL AND ir.status_at >= a.created_at) OR EXISTS (
               SELECT 1 FROM message AS o WHERE o.incident_id = c.incident_id AND o.resident_id = c.resident_id
               AND o.alert_id = c.alert_id AND o.link_id IS NOT DISTINCT FROM c.link_id
               AND o.state = 'delivered' AND o.id <> c.id) OR (c.staff_id IS NOT NULL AND (EXISTS (
               SELECT 1 FROM message AS o WHERE o.incident_id = c.incident_id AND o.resident_id IS NULL
               AND o.alert_id = c.alert_id AND o.staff_id = c.staff_id AND o.link_id IS NOT DISTINCT FROM c.link_id
               AND o.created_at = c.created_at AND o.state = 'delivered' AND o.id <> c.id) OR EXISTS (
               SELECT 1 FROM staff_alert AS s WHERE s.id = c.link_id AND s.opened_at >= c.created_at)))
           WHEN 'covered' THEN (ir.status IS NOT NULL AND ir.status_at >= a.created_at) OR EXISTS (
               SELECT 1 FROM message AS o WHERE o.incident_id = c.incident_id AND o.resident_id = c.resident_id
               AND o.alert_id = c.alert_id AND o.link_id IS NOT DISTINCT FROM c.link_id
               AND o.state IN ('sent', 'delivered') AND o.step > c.step) OR (c.staff_id IS NOT NULL AND EXISTS (
               SELECT 1 FROM message AS o WHERE o.incident_id = c.incident_id AND o.resident_id IS NULL
               AND o.alert_id = c.alert_id AND o.staff_id = c.staff_id AND o.link_id IS NOT DISTINCT FROM c.link_id
               AND o.created_at = c.created_at AND o.state IN ('sent', 'delivered') AND o.step > c.step))
           WHEN 'silent' THEN ir.status IS NOT NULL AND ir.status_at >= a.created_at
           ELSE false
       END AS needless,
       c.error_code AS last_code
FROM claimed AS c
JOIN alert AS a ON a.id = c.alert_id
JOIN incident AS i ON i.id = c.incident_id
JOIN alert_text AS t ON t.id = c.text_id
LEFT JOIN contact AS k ON k.id = c.contact_id
LEFT JOIN link AS l ON l.id = c.link_id
LEFT JOIN incident_resident AS ir ON ir.incident_id = c.incident_id AND ir.resident_id = c.resident_id
ORDER BY c.priority, c.due_at, c.id
"""


# The outbox is empty for months and holds 100,000 rows a moment later: a plan kept from the quiet time reads it whole
# for each group of messages (measured: 114 ms instead of 6). Planning anew costs a millisecond.
SQL_PLAN_ANEW = "SET LOCAL plan_cache_mode = force_custom_plan"


async def claim(
    pool: Pool, *, limit: int, token: UUID, lease: timedelta, now: datetime, not_over: Sequence[str] = ()
) -> list[Claimed]:
    """Lease up to `limit` due messages, worst severity first, none for the channels `not_over`. Committed on return."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(SQL_PLAN_ANEW)
        rows = await conn.fetch(SQL_CLAIM, now, limit, token, lease, list(not_over))
    return [Claimed(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one leased message. `state` LEASED: unknown, wait `wait` for the provider's own word."""

    message_id: int
    lease_token: UUID
    state: MessageState
    provider_id: str | None = None
    code: str | None = None
    error: str | None = None
    due_at: datetime | None = None
    wait: timedelta = timedelta(0)
    contact_id: UUID | None = None
    drop_address: str | None = None
    #: It stood back without a try (its lane is down or full), which is not counted as one.
    held: bool = False
    #: The person's next way goes at once, because this one takes long.
    fail_over: bool = False

    @property
    def plain(self) -> bool:
        """Accepted, and nothing more to say about it: nearly all are."""
        return self.state is MessageState.SENT and self.code is None and self.error is None and self.due_at is None

    @property
    def next_step_now(self) -> bool:
        """This way has failed for good: the person's next step must not wait."""
        return self.state is MessageState.FAILED or self.fail_over


# Messages with one link are one person's ways to one text: a leader has another besides, for the dorm.
# Where this way waits for its provider and the next one goes instead, it becomes needless as soon as that has been
# taken ("covered"). A failure brings forward the next step alone, and never a last step ("silent"): a telephone rings
# for who has not answered, not for whose subscription has ended. What nobody knows of an earlier try stays known.
# The lease token fences: a worker that slept through its lease acknowledges nothing. A receipt may have overtaken us
# (the state is then no longer 'leased'), and knows better.
SQL_ACK_PLAIN = """
WITH acked AS (
    UPDATE message AS m
    SET state = 'sent', provider_id = coalesce(u.provider_id, m.provider_id), error_code = NULL, error = NULL,
        sent_at = $4, done_at = NULL, lease_until = NULL, lease_token = NULL
    FROM unnest($1::bigint[], $2::uuid[], $3::text[]) AS u (id, token, provider_id)
    WHERE m.id = u.id AND m.lease_token = u.token AND m.state = 'leased'
    RETURNING m.id, m.incident_id
), receipts AS (
    INSERT INTO receipt (message_id, state, at) SELECT id, 'sent', $4 FROM acked
    ON CONFLICT (message_id, state, code) DO NOTHING
)
SELECT array_agg(id) AS ids,
       (SELECT count(pg_notify('daijobu_incident', d.incident_id::text))
        FROM (SELECT DISTINCT incident_id FROM acked) AS d) AS notified
FROM acked
"""
SQL_ACK = """
WITH acked AS (
    UPDATE message AS m
    SET state = u.state,
        provider_id = coalesce(u.provider_id, m.provider_id),
        error_code = CASE WHEN u.held AND m.error_code ~ $12 THEN m.error_code ELSE u.code END,
        error = u.error,
        due_at = coalesce(u.due_at, m.due_at),
        attempts = m.attempts - u.held::int,
        unless = CASE WHEN u.next_now AND u.state = 'pending' AND m.unless = 'never' AND (EXISTS (
                          SELECT FROM message AS n WHERE n.incident_id = m.incident_id AND n.resident_id = m.resident_id
                          AND n.alert_id = m.alert_id AND n.step > m.step AND n.state = 'pending' AND n.due_at > $10
                          AND n.link_id IS NOT DISTINCT FROM m.link_id AND n.unless <> 'silent')
                          OR (m.staff_id IS NOT NULL AND EXISTS (
                          SELECT FROM message AS n WHERE n.incident_id = m.incident_id AND n.resident_id IS NULL
                          AND n.alert_id = m.alert_id AND n.staff_id = m.staff_id AND n.step > m.step
                          AND n.link_id IS NOT DISTINCT FROM m.link_id AND n.created_at = m.created_at
                          AND n.state = 'pending' AND n.due_at > $10)))
                      THEN 'covered' ELSE m.unless END,
        sent_at = CASE WHEN u.state = 'sent' THEN $10::timestamptz ELSE m.sent_at END,
        done_at = CASE WHEN u.state IN ('failed', 'expired', 'cancelled') THEN $10::timestamptz END,
        lease_until = CASE WHEN u.state = 'leased' THEN now() + u.wait END,
        lease_token = CASE WHEN u.state = 'leased' THEN m.lease_token END
    FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
                $8::interval[], $9::boolean[], $11::boolean[])
         AS u (id, token, state, provider_id, code, error, due_at, wait, next_now, held)
    WHERE m.id = u.id AND m.lease_token = u.token AND m.state = 'leased'
    RETURNING m.id, m.state, m.error_code, m.error, m.incident_id, m.alert_id, m.resident_id, m.staff_id, m.link_id,
              m.created_at, m.step, u.next_now
), receipts AS (
    INSERT INTO receipt (message_id, state, code, detail, at)
    SELECT id, state, coalesce(error_code, ''), coalesce(error, ''), $10 FROM acked WHERE state IN ('sent', 'failed')
    ON CONFLICT (message_id, state, code) DO NOTHING
), sooner AS (
    UPDATE message AS n SET due_at = $10
    FROM acked AS f
    WHERE f.next_now AND n.incident_id = f.incident_id AND n.resident_id = f.resident_id AND n.alert_id = f.alert_id
      AND n.link_id IS NOT DISTINCT FROM f.link_id
      AND n.state = 'pending' AND n.due_at > $10 AND n.unless <> 'silent'
      AND n.step = (SELECT min(o.step) FROM message AS o
                    WHERE o.incident_id = f.incident_id AND o.resident_id = f.resident_id AND o.alert_id = f.alert_id
                      AND o.link_id IS NOT DISTINCT FROM f.link_id
                      AND o.step > f.step AND o.state = 'pending' AND o.unless <> 'silent')
), staff_sooner AS (
    UPDATE message AS n SET due_at = $10
    FROM acked AS f
    WHERE f.next_now AND f.staff_id IS NOT NULL AND n.incident_id = f.incident_id AND n.resident_id IS NULL
      AND n.alert_id = f.alert_id AND n.staff_id = f.staff_id AND n.link_id IS NOT DISTINCT FROM f.link_id
      AND n.created_at = f.created_at AND n.state = 'pending' AND n.due_at > $10
      AND n.step = (SELECT min(o.step) FROM message AS o
                    WHERE o.incident_id = f.incident_id AND o.resident_id IS NULL AND o.alert_id = f.alert_id
                      AND o.staff_id = f.staff_id AND o.link_id IS NOT DISTINCT FROM f.link_id
                      AND o.created_at = f.created_at AND o.step > f.step AND o.state = 'pending')
)
SELECT array_agg(id) AS ids,
       (SELECT count(pg_notify('daijobu_incident', d.incident_id::text))
        FROM (SELECT DISTINCT incident_id FROM acked) AS d) AS notified
FROM acked
"""
SQL_DROP_CONTACTS = """
UPDATE contact SET state = u.state, state_reason = u.reason
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS u (id, state, reason)
WHERE contact.id = u.id AND contact.state NOT IN ('dead', 'opted_out')
"""


async def acknowledge(pool: Pool, outcomes: Sequence[Outcome], now: datetime) -> set[int]:
    """Write all that waits in one transaction; the ids that were ours to write (the others lost their lease)."""
    ids: set[int] = set()
    plain = [o for o in outcomes if o.plain]
    others = [o for o in outcomes if not o.plain]
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(SQL_PLAN_ANEW)
        if plain:
            columns = zip(*((o.message_id, o.lease_token, o.provider_id) for o in plain), strict=True)
            row = await conn.fetchrow(SQL_ACK_PLAIN, *columns, now)
            ids.update(row["ids"] or ())
        if others:
            ids |= await _acknowledge_others(conn, others, now)
    return ids


async def _acknowledge_others(conn: Connection, outcomes: Sequence[Outcome], now: datetime) -> set[int]:
    """What failed, must wait, or needs no sending: with its reason, and with what follows from it."""
    row = await conn.fetchrow(
        SQL_ACK,
        [o.message_id for o in outcomes],
        [o.lease_token for o in outcomes],
        [o.state.value for o in outcomes],
        [o.provider_id for o in outcomes],
        [o.code for o in outcomes],
        [o.error for o in outcomes],
        [o.due_at for o in outcomes],
        [o.wait for o in outcomes],
        [o.next_step_now for o in outcomes],
        now,
        [o.held for o in outcomes],
        f"^({DOUBTFUL})$",
    )
    dead = [o for o in outcomes if o.drop_address and o.contact_id]
    if dead:
        await conn.execute(
            SQL_DROP_CONTACTS,
            [o.contact_id for o in dead],
            [o.drop_address for o in dead],
            [o.code or "" for o in dead],
        )
    return set(row["ids"] or ())


# A lease that ran out: the worker died, or the provider never said. Try again, unless all tries are used up.
SQL_REAP = """
WITH lost AS (
    SELECT id FROM message WHERE state = 'leased' AND lease_until < now() FOR UPDATE SKIP LOCKED
), back AS (
    UPDATE message AS m
    SET state = CASE WHEN m.attempts > $1::int THEN 'failed' ELSE 'pending' END,
        done_at = CASE WHEN m.attempts > $1 THEN $2::timestamptz END,
        -- What was known of earlier tries says nothing of this one, unless it is in doubt itself.
        error_code = CASE WHEN m.error_code ~ $3 THEN m.error_code ELSE 'lease_expired' END,
        lease_until = NULL, lease_token = NULL
    FROM lost WHERE m.id = lost.id
    RETURNING m.id, m.state
)
SELECT count(*)::int AS back, array_agg(id) FILTER (WHERE state = 'failed') AS failed FROM back
"""
# The next step of each of these messages, of the same person about the same thing: with one link, and for staff written
# together with it.
SQL_NEXT_STEP_NOW = """
UPDATE message AS n SET due_at = $2
FROM message AS f
WHERE f.id = ANY($1::bigint[]) AND f.resident_id IS NOT NULL
  AND n.incident_id = f.incident_id AND n.resident_id = f.resident_id AND n.alert_id = f.alert_id
  AND n.link_id IS NOT DISTINCT FROM f.link_id AND n.state = 'pending' AND n.due_at > $2 AND n.unless <> 'silent'
  AND n.step = (SELECT min(o.step) FROM message AS o
                WHERE o.incident_id = f.incident_id AND o.resident_id = f.resident_id AND o.alert_id = f.alert_id
                  AND o.link_id IS NOT DISTINCT FROM f.link_id AND o.step > f.step
                  AND o.state = 'pending' AND o.unless <> 'silent')
"""
SQL_NEXT_OF_STAFF_NOW = """
UPDATE message AS n SET due_at = $2
FROM message AS f
WHERE f.id = ANY($1::bigint[]) AND f.staff_id IS NOT NULL
  AND n.incident_id = f.incident_id AND n.resident_id IS NULL AND n.alert_id = f.alert_id AND n.staff_id = f.staff_id
  AND n.link_id IS NOT DISTINCT FROM f.link_id AND n.created_at = f.created_at
  AND n.state = 'pending' AND n.due_at > $2
  AND n.step = (SELECT min(o.step) FROM message AS o
                WHERE o.incident_id = f.incident_id AND o.resident_id IS NULL AND o.alert_id = f.alert_id
                  AND o.staff_id = f.staff_id AND o.link_id IS NOT DISTINCT FROM f.link_id
                  AND o.created_at = f.created_at AND o.step > f.step AND o.state = 'pending')
"""


async def _next_steps_now(conn: Connection, failed: Sequence[int], now: datetime) -> None:
    """These messages have failed for good: the next way of each of their people begins."""
    for statement in (SQL_NEXT_STEP_NOW, SQL_NEXT_OF_STAFF_NOW):
        await conn.execute(statement, list(failed), now)


async def reap(pool: Pool, *, max_attempts: int, now: datetime) -> int:
    """Put messages whose lease ran out back into the outbox; how many."""
    async with pool.acquire() as conn, conn.transaction():
        row = await conn.fetchrow(SQL_REAP, max_attempts, now, f"^({DOUBTFUL})$")
        assert row is not None
        if row["failed"]:
            await _next_steps_now(conn, row["failed"], now)
    count: int = row["back"]
    return count


SQL_MESSAGE_FOR_RECEIPT = """
SELECT state, incident_id, contact_id, attempts, provider_id FROM message
WHERE id = $1 FOR UPDATE
"""
SQL_INSERT_RECEIPT = """
INSERT INTO receipt (message_id, state, code, detail, at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (message_id, state, code) DO NOTHING
"""
SQL_MOVE_ON = """
UPDATE message SET state = $2, provider_id = coalesce(nullif($3, ''), provider_id), error_code = nullif($4, ''),
    error = nullif($5, ''), sent_at = coalesce(sent_at, $6),
    done_at = CASE WHEN $2 IN ('delivered', 'failed') THEN $6::timestamptz ELSE done_at END,
    lease_until = NULL, lease_token = NULL
WHERE id = $1
"""
SQL_PROVEN = """
UPDATE contact SET state = 'proven', proven_at = $2, state_reason = ''
WHERE id = $1 AND state IN ('unproven', 'proven', 'dead')
"""


def _of_older_try(row: Any, receipt: ReceiptRead) -> bool:
    """Whether it says that a try has failed after which the message was sent again."""
    older = receipt.attempt is not None and receipt.attempt < row["attempts"]
    return receipt.state is MessageState.FAILED and older and row["provider_id"] != receipt.provider_id


async def take_receipt(conn: Connection, receipt: ReceiptRead, now: datetime) -> bool:
    """Record one receipt and move its message on; False if there is no such message. Call inside a transaction.

    Any order, any number of times: a receipt never moves a message back. A delivery proves the contact.
    """
    row: Any = await conn.fetchrow(SQL_MESSAGE_FOR_RECEIPT, receipt.message_id)
    if row is None:
        return False
    await conn.execute(SQL_INSERT_RECEIPT, receipt.message_id, receipt.state.value, receipt.code, receipt.detail, now)
    if not forward(MessageState(row["state"]), receipt.state) or _of_older_try(row, receipt):
        return True
    tag = await conn.execute(
        SQL_MOVE_ON,
        receipt.message_id,
        receipt.state.value,
        receipt.provider_id,
        receipt.code,
        receipt.detail,
        now,
    )
    expect_rows(tag, 1, f"the receipt of message {receipt.message_id}")
    if receipt.state is MessageState.FAILED:
        await _next_steps_now(conn, [receipt.message_id], now)
        await notify(conn, MESSAGES_CHANNEL, str(row["incident_id"]))
    if row["contact_id"] is not None:
        if receipt.drop_address:
            await conn.execute(SQL_DROP_CONTACTS, [row["contact_id"]], [receipt.drop_address], [receipt.code])
        elif receipt.state is MessageState.DELIVERED:
            await conn.execute(SQL_PROVEN, row["contact_id"], now)
    await notify(conn, INCIDENT_CHANNEL, str(row["incident_id"]))
    return True
