"""Sealing the audit log, reading its chain, and letting go of what has been kept long enough."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from core.audit_chain import GENESIS, AuditRow, Head, Seal, canonical, seal_rows
from core.db import Connection, Pool, Record, expect_rows, transaction
from core.signing import Signer, SigningError

#: Rows sealed in one transaction.
BATCH = 2_000

SQL_KEYS = "SELECT id, public_key FROM audit_key ORDER BY since, id"


async def audit_keys(conn: Pool | Connection) -> dict[str, bytes]:
    """The public keys that have signed here, by key id, the oldest first."""
    return {row["id"]: bytes(row["public_key"]) for row in await conn.fetch(SQL_KEYS)}


SQL_ADD_KEY = "INSERT INTO audit_key (id, public_key, since) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING"


async def add_key(conn: Pool | Connection, signer: Signer, now: datetime) -> None:
    """Let this key sign from now on. Only for the first key ever, and for a person who decided so."""
    await conn.execute(SQL_ADD_KEY, signer.key_id, signer.public_key, now)


# One sealer at a time, whatever became of its lease; a second one waits and then finds nothing to do.
SQL_ONE_SEALER = "SELECT pg_advisory_xact_lock(hashtext('daijobu audit seal'))"
SQL_WAITING = """
SELECT a.id, a.at, a.staff_id, a.actor, a.action, a.subjects, a.fields, a.org_id, a.incident_id, a.detail
FROM audit_unsealed u JOIN audit a ON a.id = u.audit_id
ORDER BY u.audit_id LIMIT $1
"""
SQL_LAST_HEAD = "SELECT day, seq, audit_id, hash, at, key_id, signature FROM audit_head ORDER BY seq DESC LIMIT 1"
SQL_SEAL = "INSERT INTO audit_seal (seq, audit_id, hash) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])"
SQL_NO_LONGER_WAITING = "DELETE FROM audit_unsealed WHERE audit_id = ANY($1::bigint[])"
# Today's head moves on; one from which verification starts (rows before it were removed) stays for ever.
SQL_FORGET_HEAD = """
DELETE FROM audit_head h WHERE h.day = $1 AND NOT EXISTS (SELECT FROM audit_dropped d WHERE d.seq = h.seq)
"""
SQL_SIGN_HEAD = """
INSERT INTO audit_head (seq, day, audit_id, hash, at, key_id, signature) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


async def seal_batch(pool: Pool, signer: Signer, now: datetime, limit: int = BATCH) -> int:
    """Seal up to `limit` waiting rows and sign the day's head, all or nothing; how many.

    Raises SigningError if the log was signed with other keys only.
    """
    async with transaction(pool) as conn:
        await conn.execute(SQL_ONE_SEALER)
        rows = [_audit_row(row) for row in await conn.fetch(SQL_WAITING, limit)]
        if not rows:
            return 0
        await _require_key(conn, signer, now)
        last = await last_head(conn)
        sealed = seal_rows(rows, last.seq if last else 0, last.hash if last else GENESIS)
        tag = await conn.execute(
            SQL_SEAL, [s.seq for s in sealed], [s.audit_id for s in sealed], [s.hash for s in sealed]
        )
        expect_rows(tag, len(rows), "the seals of the audit log")
        ids = [row.id for row in rows]
        expect_rows(await conn.execute(SQL_NO_LONGER_WAITING, ids), len(rows), "the rows that wait for a seal")
        # A clock that was set back must not sign a day before the newest one.
        day = now.astimezone(UTC).date()
        day = day if last is None else max(day, last.day)
        head = Head(day, sealed[-1].seq, sealed[-1].audit_id, sealed[-1].hash, now, signer.key_id)
        head = replace(head, signature=signer.sign(canonical(head.as_json())))
        await conn.execute(SQL_FORGET_HEAD, day)
        tag = await conn.execute(
            SQL_SIGN_HEAD, head.seq, day, head.audit_id, head.hash, now, head.key_id, head.signature
        )
        expect_rows(tag, 1, "the signed head of the audit log")
    return len(rows)


async def _require_key(conn: Connection, signer: Signer, now: datetime) -> None:
    known = await audit_keys(conn)
    if not known:
        await add_key(conn, signer, now)
    elif signer.key_id not in known:
        raise SigningError(
            f"the audit log was signed with key {', '.join(known)}, but keys/audit.key (or DAIJOBU_AUDIT_PRIVATE_KEY) "
            f"holds key {signer.key_id}: put the right one back from its backup, or accept this one with "
            "python main.py audit new-key"
        )


def _audit_row(row: Record) -> AuditRow:
    return AuditRow(
        id=row["id"],
        at=row["at"],
        staff_id=row["staff_id"],
        actor=row["actor"],
        action=row["action"],
        subjects=tuple(row["subjects"]),
        fields=tuple(row["fields"]),
        org_id=row["org_id"],
        incident_id=row["incident_id"],
        detail=row["detail"],
    )


async def last_head(conn: Pool | Connection) -> Head | None:
    """The newest signed head; None before anything was sealed."""
    row = await conn.fetchrow(SQL_LAST_HEAD)
    return None if row is None else _head(row)


def _head(row: Record) -> Head:
    return Head(
        row["day"],
        row["seq"],
        row["audit_id"],
        bytes(row["hash"]),
        row["at"],
        row["key_id"],
        bytes(row["signature"]),
    )


SQL_HEADS = "SELECT day, seq, audit_id, hash, at, key_id, signature FROM audit_head ORDER BY seq"


async def heads(conn: Pool | Connection) -> dict[int, Head]:
    """Every signed head, by its number in the chain."""
    return {row["seq"]: _head(row) for row in await conn.fetch(SQL_HEADS)}


SQL_SEALS = """
SELECT s.seq, s.audit_id, s.hash, a.id, a.at, a.staff_id, a.actor, a.action, a.subjects, a.fields, a.org_id,
       a.incident_id, a.detail
FROM audit_seal s LEFT JOIN audit a ON a.id = s.audit_id
WHERE s.seq > $1 AND s.seq <= $2 ORDER BY s.seq LIMIT $3
"""


async def chain(conn: Connection, after: int, up_to: int, limit: int = 5_000) -> AsyncIterator[list[Seal]]:
    """The chain behind number `after`, up to number `up_to`, in pieces of at most `limit` rows."""
    while True:
        rows = await conn.fetch(SQL_SEALS, after, up_to, limit)
        if not rows:
            return
        yield [
            Seal(row["seq"], row["audit_id"], bytes(row["hash"]), None if row["id"] is None else _audit_row(row))
            for row in rows
        ]
        after = rows[-1]["seq"]


# To the next signed head, so that whoever gets the part has its end signed.
SQL_PART = """
SELECT min(s.seq) AS first,
       coalesce((SELECT min(h.seq) FROM audit_head h WHERE h.seq >= max(s.seq)), max(s.seq)) AS last
FROM audit a JOIN audit_seal s ON s.audit_id = a.id WHERE a.at >= $1 AND a.at < $2
"""
SQL_HASH_OF = """
SELECT hash FROM audit_seal WHERE seq = $1
UNION ALL SELECT hash FROM audit_head WHERE seq = $1 LIMIT 1
"""


class Part(NamedTuple):
    """A part of the chain: the number and hash it follows, and its last number."""

    after: int
    hash: bytes
    last: int


async def part_of(conn: Connection, begin: datetime, end: datetime) -> Part | None:
    """The unbroken part of the chain with every sealed row written in [begin, end); None if there is none."""
    row = await conn.fetchrow(SQL_PART, begin, end)
    if row is None or row["first"] is None:
        return None
    before = await conn.fetchval(SQL_HASH_OF, row["first"] - 1)
    return Part(row["first"] - 1, GENESIS if before is None else bytes(before), row["last"])


class Extent(NamedTuple):
    """How far the chain reaches: first and last number there are (0 and 0 for none), rows that wait for their seal,
    and below which number rows were removed because their time was over (0: never)."""

    first: int
    last: int
    waiting: int
    dropped: int


SQL_EXTENT = """
SELECT coalesce((SELECT min(seq) FROM audit_seal), 0) AS first, coalesce((SELECT max(seq) FROM audit_seal), 0) AS last,
       (SELECT count(*) FROM audit_unsealed) AS waiting, coalesce((SELECT max(seq) FROM audit_dropped), 0) AS dropped
"""


async def extent(conn: Pool | Connection) -> Extent:
    """How far the chain reaches now."""
    row = await conn.fetchrow(SQL_EXTENT)
    assert row is not None
    return Extent(row["first"], row["last"], row["waiting"], row["dropped"])


SQL_PAST_THE_SEALER = """
SELECT a.id FROM audit a
WHERE NOT EXISTS (SELECT FROM audit_seal s WHERE s.audit_id = a.id)
  AND NOT EXISTS (SELECT FROM audit_unsealed u WHERE u.audit_id = a.id)
ORDER BY a.id LIMIT 10
"""


async def past_the_sealer(conn: Connection) -> list[int]:
    """Audit rows that have no seal and wait for none: nobody but a person with a database password makes those."""
    return [row["id"] for row in await conn.fetch(SQL_PAST_THE_SEALER)]


# Seals never change, so a walk over them needs no snapshot; only their beginning may not go away meanwhile.
SQL_KEEP_BEGINNING = "SELECT pg_advisory_xact_lock_shared(hashtext('daijobu audit drop'))"
SQL_DROP_ALONE = "SELECT pg_advisory_xact_lock(hashtext('daijobu audit drop'))"


async def keep_beginning(conn: Connection) -> None:
    """Let no old rows be dropped until this transaction ends. Call it before walking the chain."""
    await conn.execute(SQL_KEEP_BEGINNING)


# The rows are nearly in the order of their times: the first one that is young enough ends the part that may go, and the
# signed head at or before it becomes the new beginning.
SQL_CHECKPOINT = """
SELECT h.seq FROM audit_head h
WHERE h.seq < coalesce((SELECT s.seq FROM audit_seal s JOIN audit a ON a.id = s.audit_id WHERE a.at >= $1
                        ORDER BY s.seq LIMIT 1), h.seq + 1)
ORDER BY h.seq DESC LIMIT 1
"""
SQL_COUNT_BELOW = "SELECT count(*) FROM audit_seal WHERE seq <= $1"
SQL_NOTE_DROP = "INSERT INTO audit_dropped (seq, dropped_at, rows) VALUES ($1, now(), $2)"
SQL_DROP_ROWS = "DELETE FROM audit a USING audit_seal s WHERE s.seq <= $1 AND a.id = s.audit_id"
SQL_DROP_SEALS = "DELETE FROM audit_seal WHERE seq <= $1"
SQL_DROP_HEADS = "DELETE FROM audit_head WHERE seq < $1"


async def drop_sealed_before(conn: Connection, before: datetime) -> int:
    """Remove the beginning of the audit log, as far as it is older than `before`; how many rows.

    Only whole signed days go: the head they end with stays, so that the rest can still be verified from there. Rows
    that wait for their seal stay, whatever their age. Call it inside a transaction.
    """
    await conn.execute(SQL_DROP_ALONE)
    seq = await conn.fetchval(SQL_CHECKPOINT, before)
    rows = 0 if seq is None else await conn.fetchval(SQL_COUNT_BELOW, seq)
    if rows == 0:
        return 0
    await conn.execute(SQL_NOTE_DROP, seq, rows)
    expect_rows(await conn.execute(SQL_DROP_ROWS, seq), rows, "audit rows whose time is over")
    expect_rows(await conn.execute(SQL_DROP_SEALS, seq), rows, "seals of audit rows whose time is over")
    await conn.execute(SQL_DROP_HEADS, seq)
    return int(rows)
