"""Webhooks and what waits to be delivered to them: subscriptions, secrets, and an outbox with leases."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, Pool, expect_rows, notify, transaction
from core.ids import uuid7
from registry.api_tokens import ApiToken
from registry.webhooks import GIVE_UP, TWO_SECRETS, Event, envelope

#: NOTIFY when something waits to be delivered.
DELIVERIES: Final = "daijobu_webhooks"
_SECRET, _OLD_SECRET = "webhook.secret_enc", "webhook.secret_old_enc"


class Webhook(NamedTuple):
    """A subscription. `failing_since`: None while it answers; `disabled_at`: switched off until somebody looks."""

    id: UUID
    org_id: UUID
    url: str
    events: list[str]
    names: bool
    created_at: datetime
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str
    live: bool  # False: ended with the token it lived with
    waiting: int
    dead: int


SQL_INSERT_WEBHOOK = """
INSERT INTO webhook (id, org_id, owner_id, token_id, role, url, events, names, secret_enc, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""


async def create_webhook(
    conn: Connection,
    vault: Vault,
    token: ApiToken,
    *,
    url: str,
    events: Iterable[Event],
    names: bool,
    secret: str,
    now: datetime,
) -> UUID:
    """Make a subscription; its id."""
    webhook_id = uuid7()
    await conn.execute(
        SQL_INSERT_WEBHOOK,
        webhook_id,
        token.org_id,
        token.owner_id,
        token.id,
        token.role,
        url,
        sorted(events),
        names,
        vault.encrypt(secret, webhook_id, _SECRET),
        now,
    )
    return webhook_id


SQL_WEBHOOKS = """
SELECT w.id, w.org_id, w.url, w.events, w.names, w.created_at, w.failing_since, w.disabled_at, w.disabled_reason,
       t.revoked_at IS NULL AS live,
       (SELECT count(*) FROM webhook_delivery d
        WHERE d.webhook_id = w.id AND d.state IN ('pending', 'leased')) AS waiting,
       (SELECT count(*) FROM webhook_delivery d WHERE d.webhook_id = w.id AND d.state = 'dead') AS dead
FROM webhook w JOIN api_token t ON t.id = w.token_id
WHERE w.deleted_at IS NULL AND (w.org_id = $1 OR w.owner_id = $2) AND ($3::uuid IS NULL OR w.id = $3)
ORDER BY w.id
"""


async def webhooks_of(
    conn: Connection, *, org_id: UUID | None = None, owner_id: UUID | None = None, webhook_id: UUID | None = None
) -> list[Webhook]:
    """The subscriptions about an organisation's people, or those that an organisation made; or the one of these."""
    rows = await conn.fetch(SQL_WEBHOOKS, org_id, owner_id, webhook_id)
    return [Webhook(**{name: row[name] for name in Webhook._fields}) for row in rows]


SQL_CHANGE_WEBHOOK = "UPDATE webhook SET url = $2, events = $3, names = $4, token_id = $5 WHERE id = $1"


async def change_webhook(
    conn: Connection, webhook_id: UUID, token: ApiToken, *, url: str, events: Iterable[Event], names: bool
) -> None:
    """Change where a subscription goes and what it tells; it now lives with the token that changed it."""
    tag = await conn.execute(SQL_CHANGE_WEBHOOK, webhook_id, url, sorted(events), names, token.id)
    expect_rows(tag, 1, "the webhook")


SQL_DELETE_WEBHOOK = "UPDATE webhook SET deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL"
SQL_DROP_WAITING = """
UPDATE webhook_delivery SET state = 'superseded', done_at = $2 WHERE webhook_id = $1 AND state IN ('pending', 'dead')
"""


async def delete_webhook(conn: Connection, webhook_id: UUID, now: datetime) -> None:
    """End a subscription and forget what waits for it."""
    expect_rows(await conn.execute(SQL_DELETE_WEBHOOK, webhook_id, now), 1, "the webhook")
    await conn.execute(SQL_DROP_WAITING, webhook_id, now)


SQL_LOCK_SECRET = "SELECT secret_enc FROM webhook WHERE id = $1 FOR UPDATE"
SQL_SET_SECRET = """
UPDATE webhook SET secret_enc = $2, secret_old_enc = $3, secret_old_until = $4 WHERE id = $1
"""


async def rotate_secret(conn: Connection, vault: Vault, webhook_id: UUID, secret: str, now: datetime) -> datetime:
    """Give a subscription a new secret; the old one signs beside it until the time returned."""
    old = vault.decrypt(await conn.fetchval(SQL_LOCK_SECRET, webhook_id), webhook_id, _SECRET)
    until = now + TWO_SECRETS
    sealed = vault.encrypt(secret, webhook_id, _SECRET), vault.encrypt(old, webhook_id, _OLD_SECRET)
    expect_rows(await conn.execute(SQL_SET_SECRET, webhook_id, *sealed, until), 1, "the webhook's secret")
    return until


# ---------------------------------------------------------------- the outbox


class News(NamedTuple):
    """Something to tell an organisation. `data` holds no name."""

    event: Event
    data: dict[str, Any]
    incident_id: UUID | None = None
    resident_id: UUID | None = None


# What a person's earlier event said is no longer so: a repetition of it must not arrive after the new one.
SQL_SUPERSEDE = """
UPDATE webhook_delivery d SET state = 'superseded', done_at = $4
WHERE d.org_id = $1 AND d.incident_id = $2 AND d.resident_id = $3 AND d.event = 'status.changed'
  AND d.state IN ('pending', 'dead')
"""
# A webhook ends with the token it lives with being revoked, and with the supervision it was made under.
SQL_ENQUEUE = """
INSERT INTO webhook_delivery (event_id, webhook_id, org_id, event, incident_id, resident_id, payload, due_at,
                              created_at, give_up_at)
SELECT $1, w.id, w.org_id, $3, $4, $5, $6, $7, $7, $8
FROM webhook w JOIN api_token t ON t.id = w.token_id AND t.revoked_at IS NULL
WHERE w.org_id = $2 AND $3 = ANY(w.events) AND w.deleted_at IS NULL AND w.disabled_at IS NULL
  AND (w.owner_id = w.org_id OR EXISTS (SELECT FROM org_relation r WHERE r.org_id = w.owner_id
                                        AND r.other_id = w.org_id AND r.kind = 'supervises'))
"""


async def enqueue(conn: Connection, org_id: UUID, news: Iterable[News], now: datetime) -> int:
    """Put news into the outbox of each subscription that wants it; how many deliveries. Call it in a transaction."""
    made = 0
    for one in news:
        if one.event is Event.STATUS_CHANGED:
            await conn.execute(SQL_SUPERSEDE, org_id, one.incident_id, one.resident_id, now)
        event_id = uuid7()
        payload = envelope(one.event, event_id, now, one.data)
        tag = await conn.execute(
            SQL_ENQUEUE,
            event_id,
            org_id,
            one.event,
            one.incident_id,
            one.resident_id,
            payload,
            now,
            now + GIVE_UP,
        )
        made += int(tag.rpartition(" ")[2])
    if made:
        await notify(conn, DELIVERIES)
    return made


class Due(NamedTuple):
    """A delivery that this process holds the lease of. `name`: the person's, where the subscription may have it."""

    id: int
    event_id: UUID
    webhook_id: UUID
    event: str
    url: str
    payload: dict[str, Any]
    name: str | None
    secrets: tuple[str, ...]
    attempts: int
    lease_token: UUID
    give_up_at: datetime


# At most `$2` of one subscription at a time: a receiver that is slow holds up itself only. The name is read now, of a
# person who is still a member, and never stored with the delivery.
SQL_CLAIM = """
WITH due AS (
    SELECT d.id FROM webhook w JOIN api_token t ON t.id = w.token_id AND t.revoked_at IS NULL
    CROSS JOIN LATERAL (
        SELECT id FROM webhook_delivery
        WHERE webhook_id = w.id AND ((state = 'pending' AND due_at <= $1) OR (state = 'leased' AND lease_until <= $1))
        ORDER BY due_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
    ) d
    WHERE w.deleted_at IS NULL AND w.disabled_at IS NULL
    LIMIT $3
), claimed AS (
    UPDATE webhook_delivery d SET state = 'leased', lease_until = $1 + $4::interval, lease_token = $5,
        attempts = d.attempts + 1
    FROM due WHERE d.id = due.id
    RETURNING d.id, d.event_id, d.webhook_id, d.event, d.payload, d.attempts, d.resident_id, d.org_id, d.give_up_at
)
SELECT c.id, c.event_id, c.webhook_id, c.event, c.payload, c.attempts, c.give_up_at, w.url, w.secret_enc,
       CASE WHEN w.secret_old_until > $1 THEN w.secret_old_enc END AS secret_old_enc,
       CASE WHEN w.names THEN r.name END AS name
FROM claimed c JOIN webhook w ON w.id = c.webhook_id
LEFT JOIN membership m ON m.resident_id = c.resident_id AND m.org_id = c.org_id AND m.ended_at IS NULL
LEFT JOIN resident r ON r.id = m.resident_id
ORDER BY c.id
"""


async def claim(
    pool: Pool, vault: Vault, *, now: datetime, lease: timedelta, token: UUID, each: int = 4, limit: int = 32
) -> list[Due]:
    """Lease what is due, at most `each` of one subscription; leases that ran out are due again."""
    async with transaction(pool) as conn:
        rows = await conn.fetch(SQL_CLAIM, now, each, limit, lease, token)
    made = []
    for row in rows:
        keys = [vault.decrypt(row["secret_enc"], row["webhook_id"], _SECRET)]
        if row["secret_old_enc"]:
            keys.append(vault.decrypt(row["secret_old_enc"], row["webhook_id"], _OLD_SECRET))
        made.append(
            Due(
                row["id"],
                row["event_id"],
                row["webhook_id"],
                row["event"],
                row["url"],
                row["payload"],
                row["name"],
                tuple(keys),
                row["attempts"],
                token,
                row["give_up_at"],
            )
        )
    return made


SQL_DONE = """
UPDATE webhook_delivery SET state = 'delivered', done_at = $3, last_code = $4, last_error = '', lease_until = NULL
WHERE id = $1 AND lease_token = $2 AND state = 'leased'
"""
SQL_WORKS = "UPDATE webhook SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL"
SQL_NOT_DONE = """
UPDATE webhook_delivery SET state = CASE WHEN $5::timestamptz IS NULL THEN 'dead' ELSE 'pending' END,
       due_at = coalesce($5, due_at), done_at = CASE WHEN $5::timestamptz IS NULL THEN $3::timestamptz END,
       last_code = $4, last_error = $6, lease_until = NULL
WHERE id = $1 AND lease_token = $2 AND state = 'leased'
"""
SQL_FAILS = """
UPDATE webhook SET failing_since = coalesce(failing_since, $2),
       disabled_at = CASE WHEN failing_since <= $3 AND disabled_at IS NULL THEN $2 ELSE disabled_at END,
       disabled_reason = CASE WHEN failing_since <= $3 AND disabled_at IS NULL THEN $4 ELSE disabled_reason END
WHERE id = $1 RETURNING disabled_at = $2 AS switched_off
"""
SQL_PUT_ASIDE = """
UPDATE webhook_delivery SET state = 'dead', done_at = $2 WHERE webhook_id = $1 AND state = 'pending'
"""


async def delivered(pool: Pool, due: Due, code: int, now: datetime) -> None:
    """The receiver has it. A lease that ran out meanwhile is another's: then it arrives once more."""
    async with transaction(pool) as conn:
        await conn.execute(SQL_DONE, due.id, due.lease_token, now, code)
        await conn.execute(SQL_WORKS, due.webhook_id)


async def failed(pool: Pool, due: Due, code: int | None, error: str, again: datetime | None, now: datetime) -> bool:
    """The receiver does not have it: due again at `again`, or put aside (None).

    True if the subscription was switched off by this, having failed for 24 hours; all that waits is put aside then.
    """
    async with transaction(pool) as conn:
        await conn.execute(SQL_NOT_DONE, due.id, due.lease_token, now, code, again, error[:200])
        if not await conn.fetchval(SQL_FAILS, due.webhook_id, now, now - GIVE_UP, error[:200]):
            return False
        await conn.execute(SQL_PUT_ASIDE, due.webhook_id, now)
    return True


class DeadDelivery(NamedTuple):
    """A delivery that was given up: shown with its reason, without what it says."""

    id: int
    event_id: UUID
    event: str
    created_at: datetime
    done_at: datetime
    attempts: int
    last_code: int | None
    last_error: str


SQL_DEAD = """
SELECT id, event_id, event, created_at, done_at, attempts, last_code, last_error FROM webhook_delivery
WHERE webhook_id = $1 AND state = 'dead' ORDER BY id DESC LIMIT $2
"""


async def dead_of(conn: Connection, webhook_id: UUID, limit: int = 50) -> list[DeadDelivery]:
    """The newest deliveries of a subscription that were given up."""
    rows = await conn.fetch(SQL_DEAD, webhook_id, limit)
    return [DeadDelivery(**{name: row[name] for name in DeadDelivery._fields}) for row in rows]


SQL_SWITCH_ON = "UPDATE webhook SET disabled_at = NULL, disabled_reason = '', failing_since = NULL WHERE id = $1"
SQL_SEND_AGAIN = """
UPDATE webhook_delivery SET state = 'pending', due_at = $2, give_up_at = $3, attempts = 0, done_at = NULL
WHERE webhook_id = $1 AND state = 'dead' AND ($4::bigint[] IS NULL OR id = ANY($4::bigint[]))
"""


async def send_again(conn: Connection, webhook_id: UUID, now: datetime, ids: Collection[int] | None = None) -> int:
    """Switch a subscription on and try what was given up once more (all of it, or `ids`); how many deliveries."""
    expect_rows(await conn.execute(SQL_SWITCH_ON, webhook_id), 1, "the webhook")
    chosen = None if ids is None else list(ids)
    tag = await conn.execute(SQL_SEND_AGAIN, webhook_id, now, now + GIVE_UP, chosen)
    await notify(conn, DELIVERIES)
    return int(tag.rpartition(" ")[2])
