"""The record of uploads, and the file of a dry run until the clerk confirms it."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, expect_rows
from core.ids import uuid7
from registry.import_read_store import Owner
from registry.imports import Plan

SQL_INSERT_RUN = """
INSERT INTO import_run (id, org_id, staff_id, file_name, file_sha256, dry_run, at, counts, body_enc)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


async def record_run(
    conn: Connection,
    vault: Vault,
    owner: Owner,
    plan: Plan,
    *,
    file_name: str,
    body: bytes,
    dry_run: bool,
    now: datetime,
    staff_id: UUID | None,
    keep_body: bool = False,
) -> UUID:
    """Note an upload; its id. `keep_body`: keep the file, encrypted, for the confirmation (at most a day)."""
    run_id = uuid7()
    sealed = vault.encrypt(body, run_id, "import_run.body_enc") if keep_body else None
    digest = hashlib.sha256(body).digest()
    await conn.execute(
        SQL_INSERT_RUN, run_id, owner.id, staff_id, file_name[-200:], digest, dry_run, now, plan.counts, sealed
    )
    await drop_old_bodies(conn, now)
    return run_id


#: A file waits for its confirmation so long, then it is forgotten.
BODY_LIFE: Final = timedelta(days=1)
SQL_DROP_OLD_BODIES = "UPDATE import_run SET body_enc = NULL WHERE body_enc IS NOT NULL AND at < $1"


async def drop_old_bodies(conn: Connection, now: datetime) -> None:
    """Forget the files of dry runs that nobody confirmed within a day: they hold personal data."""
    await conn.execute(SQL_DROP_OLD_BODIES, now - BODY_LIFE)


SQL_TAKE_BODY = """
SELECT file_name, body_enc FROM import_run WHERE id = $1 AND org_id = $2 AND body_enc IS NOT NULL FOR UPDATE
"""
SQL_DROP_BODY = "UPDATE import_run SET body_enc = NULL WHERE id = $1"


async def take_upload(conn: Connection, vault: Vault, run_id: UUID, org_id: UUID) -> tuple[str, bytes] | None:
    """The kept file of a dry run (name, bytes), once; None if it was applied, is too old, or is another's."""
    row = await conn.fetchrow(SQL_TAKE_BODY, run_id, org_id)
    if row is None:
        return None
    expect_rows(await conn.execute(SQL_DROP_BODY, run_id), 1, "the kept file")
    return row["file_name"], vault.decrypt_bytes(row["body_enc"], run_id, "import_run.body_enc")
