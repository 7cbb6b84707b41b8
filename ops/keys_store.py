"""SQL of the data keys: which keys this database knows, and the rows that a rotation writes anew."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from core.db import Connection, Pool, expect_rows, transaction
from core.encrypted import EncryptedColumn

#: Any fixed number: one rotation at a time per database, and a killed one's lock goes with its connection.
LOCK = 0x6461_696A_6B65_7973  # "daijkeys"


class RowsBusy(Exception):
    """Rows of the batch are being written by somebody else: try again, with fewer."""


class AlreadyRotating(RuntimeError):
    """Another process changes the keys of this database."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A data key this database was ever written with, and how far the rotation to it has got."""

    key_id: bytes
    made_at: datetime
    in_file_at: datetime | None
    at_column: str
    after_key: str | None
    rows_written: int
    links: bool
    finished_at: datetime | None
    retired_at: datetime | None


SQL_TRY_LOCK = "SELECT pg_try_advisory_lock($1)"
SQL_UNLOCK = "SELECT pg_advisory_unlock($1)"


@asynccontextmanager
async def sole_rotation(pool: Pool) -> AsyncIterator[None]:
    """Be the only one who changes keys during the block. Raises AlreadyRotating at once if somebody else does."""
    async with pool.acquire() as conn:
        if not await conn.fetchval(SQL_TRY_LOCK, LOCK):
            raise AlreadyRotating("another process is changing the keys of this database: wait until it has ended")
        try:
            yield
        finally:
            if not conn.is_closed():
                await conn.execute(SQL_UNLOCK, LOCK)


SQL_KNOWN_KEYS = """
SELECT key_id, made_at, in_file_at, at_column, after_key, rows_written, links, finished_at, retired_at
FROM key_rotation ORDER BY made_at DESC, key_id
"""


async def known_keys(conn: Pool | Connection) -> list[KnownKey]:
    """Every key this database knows, newest first."""
    return [KnownKey(**dict(row)) for row in await conn.fetch(SQL_KNOWN_KEYS)]


SQL_ADD_KEY = """
INSERT INTO key_rotation (key_id, made_at, in_file_at, links, finished_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (key_id) DO NOTHING
"""


async def add_key(
    conn: Pool | Connection,
    key_id: bytes,
    now: datetime,
    *,
    in_file: bool,
    finished: bool = False,
    links: bool = False,
) -> None:
    """Know a key. `finished`: there is nothing that older keys have encrypted. Known already: nothing happens."""
    await conn.execute(SQL_ADD_KEY, key_id, now, now if in_file else None, links, now if finished else None)


SQL_IN_FILE = "UPDATE key_rotation SET in_file_at = coalesce(in_file_at, $2) WHERE key_id = $1"


async def mark_in_file(conn: Pool | Connection, key_id: bytes, now: datetime) -> None:
    """The key file holds this key now."""
    expect_rows(await conn.execute(SQL_IN_FILE, key_id, now), 1, "the new key")


SQL_DROP_UNMADE = "DELETE FROM key_rotation WHERE key_id = $1 AND in_file_at IS NULL"


async def drop_unmade(conn: Pool | Connection, key_id: bytes) -> None:
    """Forget a key that never came into the file: its rotation was killed before."""
    await conn.execute(SQL_DROP_UNMADE, key_id)


SQL_PROGRESS = """
UPDATE key_rotation SET at_column = $2, after_key = $3, rows_written = rows_written + $4 WHERE key_id = $1
"""


async def note_progress(conn: Pool | Connection, key_id: bytes, column: str, after: str | None, written: int) -> None:
    """Where a rotation stands, in the transaction of its batch."""
    expect_rows(await conn.execute(SQL_PROGRESS, key_id, column, after, written), 1, "the rotation's progress")


SQL_FINISH = "UPDATE key_rotation SET finished_at = $2, at_column = '', after_key = NULL WHERE key_id = $1"


async def finish(conn: Pool | Connection, key_id: bytes, now: datetime) -> None:
    """Nothing is encrypted with an older key any more."""
    expect_rows(await conn.execute(SQL_FINISH, key_id, now), 1, "the rotation's end")


SQL_RETIRE = """
INSERT INTO key_rotation (key_id, made_at, in_file_at, finished_at, retired_at)
SELECT k.id, $2, $2, $2, $2 FROM unnest($1::bytea[]) AS k (id)
ON CONFLICT (key_id) DO UPDATE SET retired_at = excluded.retired_at
"""


async def retire_keys(conn: Pool | Connection, key_ids: Sequence[bytes], now: datetime) -> None:
    """These keys have left the file; a start no longer asks for them."""
    await conn.execute(SQL_RETIRE, list(key_ids), now)


SQL_KEY_COUNTS = "SELECT used_key, used_rows FROM encrypted_key_counts($1, $2)"


async def key_counts(conn: Pool | Connection, column: EncryptedColumn) -> dict[bytes, int]:
    """How many values of a column each key has encrypted."""
    found = await conn.fetch(SQL_KEY_COUNTS, column.table, column.column)
    return {row["used_key"]: row["used_rows"] for row in found}


SQL_ROWS = "SELECT row_key, bound_to, stored FROM encrypted_rows($1, $2, $3, $4, $5, $6, $7)"


async def rows_to_rewrite(
    conn: Connection, column: EncryptedColumn, newest: bytes, after: str | None, most: int
) -> list[tuple[str, UUID, bytes]]:
    """The next (row, id to which its value is bound, stored value) that another key than `newest` has encrypted."""
    found = await conn.fetch(SQL_ROWS, column.table, column.key, column.row, column.column, newest, after, most)
    return [(row["row_key"], row["bound_to"], row["stored"]) for row in found]


SQL_REPLACE = "SELECT replace_encrypted($1, $2, $3, $4, $5, $6)"


async def replace_values(conn: Connection, column: EncryptedColumn, changed: Sequence[tuple[str, bytes, bytes]]) -> int:
    """Write (row, old value, new value) where the old value still stands; how many were written."""
    keys, olds, news = ([row[part] for row in changed] for part in range(3))
    return int(await conn.fetchval(SQL_REPLACE, column.table, column.key, column.column, keys, olds, news))


@dataclass(frozen=True, slots=True)
class StoredContact:
    """A contact as a rotation sees it."""

    id: UUID
    channel: str
    address_enc: bytes
    address_bidx: bytes


SQL_CONTACTS = """
SELECT id, channel, address_enc, address_bidx FROM contact WHERE ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT $2
"""


async def contacts_after(conn: Connection | Pool, after: UUID | None, most: int) -> list[StoredContact]:
    """The next contacts, whatever key they have: their blind index tells nothing about its key."""
    return [StoredContact(**dict(row)) for row in await conn.fetch(SQL_CONTACTS, after, most)]


SQL_REPLACE_CONTACTS = """
UPDATE contact AS c SET address_enc = n.new, address_bidx = n.bidx
FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bytea[]) AS n (id, old, new, bidx)
WHERE c.id = n.id AND c.address_enc = n.old
"""
SQL_TAKE_DOUBLE = """
DELETE FROM contact AS d USING contact AS c
WHERE c.id = $1 AND d.resident_id = c.resident_id AND d.channel = c.channel AND d.address_bidx = $2 AND d.id <> c.id
RETURNING d.state, d.state_reason, d.proven_at
"""
SQL_TAKE_STATE = "UPDATE contact SET state = $2, state_reason = $3, proven_at = coalesce($4, proven_at) WHERE id = $1"


async def replace_contacts(conn: Connection, changed: Sequence[tuple[StoredContact, bytes, bytes]]) -> int:
    """Write (contact, new value, new blind index); how many were written.

    Where the same address was entered once more while the keys changed, under the new index, the two become one: the
    older contact stays, with the younger one's state.
    """
    try:
        async with conn.transaction():
            return await _replace_contacts(conn, changed)
    except asyncpg.UniqueViolationError:
        pass
    written = 0
    for one in changed:
        taken = await conn.fetchrow(SQL_TAKE_DOUBLE, one[0].id, one[2])
        written += await _replace_contacts(conn, [one])
        if taken is not None:
            await conn.execute(SQL_TAKE_STATE, one[0].id, *taken)
    return written


async def _replace_contacts(conn: Connection, changed: Sequence[tuple[StoredContact, bytes, bytes]]) -> int:
    tag = await conn.execute(
        SQL_REPLACE_CONTACTS,
        [contact.id for contact, _, _ in changed],
        [contact.address_enc for contact, _, _ in changed],
        [new for _, new, _ in changed],
        [bidx for _, _, bidx in changed],
    )
    return int(tag.rpartition(" ")[2])


SQL_PERSONAL_LINKS = """
SELECT id, token_sha256 FROM link
WHERE kind = 'personal' AND revoked_at IS NULL AND ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT $2
"""


async def personal_links_after(conn: Connection, after: UUID | None, most: int) -> list[tuple[UUID, bytes]]:
    """The next living personal links: (id, hash of its token)."""
    return [(row["id"], row["token_sha256"]) for row in await conn.fetch(SQL_PERSONAL_LINKS, after, most)]


SQL_RENEW_LINKS = """
UPDATE link AS l SET token_sha256 = n.hash FROM unnest($1::uuid[], $2::bytea[]) AS n (id, hash) WHERE l.id = n.id
"""


async def renew_links(conn: Connection, renewed: Sequence[tuple[UUID, bytes]]) -> None:
    """Give links the hash of another token: the old ones lead nowhere from now on."""
    tag = await conn.execute(SQL_RENEW_LINKS, [link for link, _ in renewed], [new for _, new in renewed])
    expect_rows(tag, len(renewed), "renewed personal links")


SQL_PATIENCE = "SELECT set_config('lock_timeout', '300ms', true)"


@asynccontextmanager
async def batch(pool: Pool) -> AsyncIterator[Connection]:
    """A transaction that never waits long for somebody else's rows. Raises RowsBusy.

    It gives up before PostgreSQL looks for deadlocks (1 s), so that the service's own work is never the victim.
    """
    try:
        async with transaction(pool) as conn:
            await conn.execute(SQL_PATIENCE)
            yield conn
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
        raise RowsBusy from error
