"""Push subscriptions in the database: who may add one, and where it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.crypto import CryptoError, Vault
from core.db import Connection, Pool, expect_rows
from core.ids import uuid7
from core.tokens import token_hash
from registry.reach import STALE_AFTER


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose link a token is."""

    resident_id: UUID
    language: str


SQL_HOLDER = """
SELECT l.resident_id, r.language FROM link AS l JOIN resident AS r ON r.id = l.resident_id
WHERE l.token_sha256 = $1 AND l.kind IN ('checkin', 'personal') AND l.revoked_at IS NULL
  AND (l.expires_at IS NULL OR l.expires_at > $2) AND r.state IN ('invited', 'enrolled', 'paused')
"""


async def holder_of(conn: Connection, token: str, now: datetime) -> Holder | None:
    """The resident whose check-in or personal link this is; None for any other token."""
    row = await conn.fetchrow(SQL_HOLDER, token_hash(token), now)
    return None if row is None else Holder(row["resident_id"], row["language"])


# The same browser again is the same contact, alive again. A browser that now belongs to somebody else moves over: two
# people never share one screen's notifications.
SQL_TAKEN_OVER = """
UPDATE contact SET state = 'dead', state_reason = 'subscription moved to another person'
WHERE channel = 'push' AND address_bidx = ANY($1::bytea[]) AND resident_id <> $2 AND state <> 'dead'
"""
# While the keys change, the same subscription may still stand under the older index.
SQL_SUBSCRIBED_BEFORE = """
UPDATE contact SET state = CASE WHEN state = 'proven' THEN 'proven' ELSE 'unproven' END, state_reason = ''
WHERE resident_id = $1 AND channel = 'push' AND address_bidx = ANY($2::bytea[]) RETURNING id
"""
SQL_SUBSCRIBE = """
INSERT INTO contact (id, resident_id, kind, channel, address_enc, address_bidx, state, created_at)
VALUES ($1, $2, 'address', 'push', $3, $4, 'unproven', $5)
ON CONFLICT (resident_id, channel, address_bidx) WHERE resident_id IS NOT NULL
DO UPDATE SET state = CASE WHEN contact.state = 'proven' THEN 'proven' ELSE 'unproven' END, state_reason = ''
RETURNING id
"""


async def subscribe(conn: Connection, vault: Vault, resident_id: UUID, subscription: str, now: datetime) -> UUID:
    """Keep a subscription (its JSON) as a contact; the contact's id. Unproven until a notification was seen."""
    index, *older = vault.blind_indexes("push", subscription)
    await conn.execute(SQL_TAKEN_OVER, [index, *older], resident_id)
    kept: UUID | None = await conn.fetchval(SQL_SUBSCRIBED_BEFORE, resident_id, older) if older else None
    if kept is not None:
        return kept
    contact_id = uuid7()
    made: UUID = await conn.fetchval(
        SQL_SUBSCRIBE,
        contact_id,
        resident_id,
        vault.encrypt(subscription, contact_id, "contact.address_enc"),
        index,
        now,
    )
    return made


SQL_UNSUBSCRIBE = """
UPDATE contact SET state = 'dead', state_reason = 'switched off by the person'
WHERE resident_id = $1 AND channel = 'push' AND address_bidx = ANY($2::bytea[]) AND state <> 'dead'
"""


async def unsubscribe(conn: Connection, vault: Vault, resident_id: UUID, subscription: str) -> bool:
    """Stop using a subscription; False if this person has none such."""
    tag = await conn.execute(SQL_UNSUBSCRIBE, resident_id, vault.blind_indexes("push", subscription))
    if tag == "UPDATE 0":
        return False
    expect_rows(tag, 1, "switching off a push subscription")
    return True


SQL_NEWEST_PUSH = """
SELECT id, address_enc FROM contact
WHERE resident_id = $1 AND channel = 'push' AND state IN ('unproven', 'proven') ORDER BY created_at DESC LIMIT 1
"""


async def newest_push(conn: Connection, vault: Vault, resident_id: UUID) -> tuple[UUID, str] | None:
    """(contact, subscription as JSON) that the person switched on last; None if there is none alive."""
    row = await conn.fetchrow(SQL_NEWEST_PUSH, resident_id)
    return None if row is None else (row["id"], vault.decrypt(row["address_enc"], row["id"], "contact.address_enc"))


SQL_LIVE_ADDRESSES = """
SELECT id, address_enc FROM contact
WHERE channel = $1 AND state = $2 AND kind = 'address' AND ($3::uuid IS NULL OR id > $3) ORDER BY id LIMIT $4
"""


async def live_addresses(
    pool: Pool, vault: Vault, channel: str, state: str, after: UUID | None, limit: int
) -> list[tuple[UUID, str]]:
    """Up to `limit` contacts of a channel in a state, in the order of their ids from `after` on: (id, address).

    The address is "" where it cannot be read: the send will say so, and one such row must not hide the others.
    """
    rows = await pool.fetch(SQL_LIVE_ADDRESSES, channel, state, after, limit)
    return [(row["id"], _readable(vault, row["id"], row["address_enc"])) for row in rows]


def _readable(vault: Vault, contact_id: UUID, stored: bytes) -> str:
    try:
        return vault.decrypt(stored, contact_id, "contact.address_enc")
    except CryptoError:
        return ""


SQL_OLD_PROOFS = """
UPDATE contact SET state = 'unproven', state_reason = 'nothing came back for too long'
WHERE channel = 'push' AND state = 'proven' AND proven_at < $1
"""


async def forget_old_proofs(pool: Pool, now: datetime) -> int:
    """Browsers from which nothing has come back for STALE_AFTER are not proven any more (an SMS goes beside the push);
    how many."""
    tag: str = await pool.execute(SQL_OLD_PROOFS, now - STALE_AFTER)
    return int(tag.rpartition(" ")[2])


SQL_PROVE = """
UPDATE contact SET state = 'proven', proven_at = $2, state_reason = ''
WHERE id = $1 AND channel = 'push' AND state IN ('unproven', 'proven')
"""


async def prove(conn: Connection, contact_id: UUID, now: datetime) -> bool:
    """A test notification was shown in this browser; False if it is not in use any more."""
    tag = await conn.execute(SQL_PROVE, contact_id, now)
    return str(tag) == "UPDATE 1"
