"""The stored record of what an import wrote."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, expect_rows
from registry.import_ledger import Change, Ledger, open_values
from registry.import_snapshot_store import BATCH

SQL_INSERT_CHANGES = """
INSERT INTO import_change (run_id, org_id, kind, row_id, resident_id, key, values_enc)
SELECT $1, $2, c.kind, c.row_id, c.resident_id, c.key, c.values_enc
FROM unnest($3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::bytea[]) WITH ORDINALITY
     AS c (kind, row_id, resident_id, key, values_enc, n)
ORDER BY c.n
"""


SQL_SET_CREATED = "UPDATE import_run SET created = $2 WHERE id = $1"


async def write_changes(conn: Connection, vault: Vault, run_id: UUID, org_id: UUID, ledger: Ledger) -> None:
    """Store what an import of `org_id` wrote, encrypted, in the import's own transaction."""
    expect_rows(await conn.execute(SQL_SET_CREATED, run_id, ledger.created), 1, "the upload")
    changes = ledger.changes
    for start in range(0, len(changes), BATCH):
        part = changes[start : start + BATCH]
        await conn.execute(
            SQL_INSERT_CHANGES,
            run_id,
            org_id,
            [c.kind for c in part],
            [c.row_id for c in part],
            [c.resident_id for c in part],
            [c.key for c in part],
            [c.sealed(vault) for c in part],
        )


SQL_CHANGES = """
SELECT id, kind, row_id, resident_id, key, values_enc FROM import_change
WHERE run_id = $1 AND id > $2 ORDER BY id LIMIT $3
"""


async def read_changes(conn: Connection, vault: Vault, run_id: UUID) -> list[Change]:
    """What an import wrote, in its order; [] once that was forgotten."""
    found: list[Change] = []
    last = 0
    while True:
        rows = await conn.fetch(SQL_CHANGES, run_id, last, BATCH)
        for row in rows:
            values = open_values(vault, row["values_enc"], row["key"])
            found.append(Change(row["kind"], row["row_id"], row["resident_id"], values, row["key"]))
        if len(rows) < BATCH:
            return found
        last = rows[-1]["id"]


SQL_CREATED = "SELECT created FROM import_run WHERE id = $1"


async def read_created(conn: Connection, run_id: UUID) -> list[UUID]:
    """The people an import made; [] once that was forgotten."""
    return list(await conn.fetchval(SQL_CREATED, run_id) or ())


SQL_FORGET_CREATED = "UPDATE import_run SET created = '{}' WHERE id = $1"
SQL_FORGET_OLD_CREATED = "UPDATE import_run SET created = '{}' WHERE at < $1 AND created <> '{}'"
SQL_FORGET_CHANGES = "DELETE FROM import_change WHERE run_id = $1"
SQL_FORGET_OLD_CHANGES = "DELETE FROM import_change c USING import_run r WHERE r.id = c.run_id AND r.at < $1"


async def forget_changes(conn: Connection, run_id: UUID) -> None:
    """After an undo: the old values are back where they belong."""
    await conn.execute(SQL_FORGET_CHANGES, run_id)
    await conn.execute(SQL_FORGET_CREATED, run_id)


async def forget_old_changes(conn: Connection, before: datetime) -> None:
    """Forget the old values of imports that can no longer be undone."""
    await conn.execute(SQL_FORGET_OLD_CHANGES, before)
    await conn.execute(SQL_FORGET_OLD_CREATED, before)
