"""The runs of an organisation: uploads that wait for an answer, were applied, taken back, or could not be read."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, Pool, Record, expect_rows, transaction
from core.ids import uuid7
from registry.import_change_store import forget_old_changes
from registry.import_plan import Plan
from registry.import_read_store import Owner

#: A file waits for its confirmation so long, then it is forgotten.
BODY_LIFE: Final = timedelta(days=1)
#: An applied import can be taken back so long; then the old values, and what was shown, are forgotten.
UNDO_LIFE: Final = timedelta(days=30)
_RESULT: Final = "import_run.result_enc"
_BODY: Final = "import_run.body_enc"

SQL_AS_WORKER = "SELECT set_config('role', 'daijobu_worker', true)"


@asynccontextmanager
async def as_worker(pool: Pool) -> AsyncIterator[Connection]:
    """A transaction under the role of the loops, for the steps of an upload.

    An upload has to recognise people who have left the organisation, and an undo removes some: the role of the pages
    may do neither. Whoever uses this asks for the rows of one organisation only.
    """
    async with transaction(pool) as conn:
        await conn.execute(SQL_AS_WORKER)
        yield conn


SQL_INSERT_RUN = """
INSERT INTO import_run (id, org_id, staff_id, file_name, file_sha256, dry_run, at, counts, body_enc, state, source,
                        applied_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, CASE WHEN $10 = 'applied' THEN $7::timestamptz END)
"""


async def record_run(
    conn: Connection,
    owner: Owner,
    plan: Plan,
    *,
    file_name: str,
    body: bytes,
    dry_run: bool,
    now: datetime,
    staff_id: UUID | None,
    source: str,
) -> UUID:
    """Note an upload that nobody has to confirm; its id. `source`: command, or form (one person, the API)."""
    run_id, digest = uuid7(), hashlib.sha256(body).digest()
    state = "ready" if dry_run else "applied"
    name = file_name[-200:]
    await conn.execute(
        SQL_INSERT_RUN, run_id, owner.id, staff_id, name, digest, dry_run, now, plan.counts, None, state, source
    )
    await drop_old_bodies(conn, now)
    return run_id


async def new_run(
    conn: Connection, vault: Vault, org_id: UUID, staff_id: UUID, *, file_name: str, body: bytes, now: datetime
) -> UUID:
    """Keep an uploaded file, encrypted, until it is applied or a day old; the run's id."""
    run_id, digest = uuid7(), hashlib.sha256(body).digest()
    sealed = vault.encrypt(body, run_id, _BODY)
    await conn.execute(
        SQL_INSERT_RUN, run_id, org_id, staff_id, file_name, digest, True, now, {}, sealed, "new", "upload"
    )
    await drop_old_bodies(conn, now)
    return run_id


SQL_DROP_OLD_BODIES = "UPDATE import_run SET body_enc = NULL WHERE body_enc IS NOT NULL AND at < $1"
SQL_DROP_OLD_RESULTS = """
UPDATE import_run SET result_enc = NULL, subjects = '{}'
WHERE result_enc IS NOT NULL AND at < CASE WHEN state IN ('applied', 'undone') THEN $2::timestamptz
                                              ELSE $1::timestamptz END
"""


async def drop_old_bodies(conn: Connection, now: datetime) -> None:
    """Forget files and plans that nobody confirmed within a day, and after 30 days what an undo would need."""
    await conn.execute(SQL_DROP_OLD_BODIES, now - BODY_LIFE)
    await conn.execute(SQL_DROP_OLD_RESULTS, now - BODY_LIFE, now - UNDO_LIFE)
    await forget_old_changes(conn, now - UNDO_LIFE)


class Run(NamedTuple):
    """One upload. state: new, columns (look at them), ready (the dry run is shown), applied, undone, failed."""

    id: UUID
    org_id: UUID
    file_name: str
    state: str
    at: datetime
    by: str
    counts: dict[str, int]
    mapping: dict[str, Any] | None
    choices: dict[str, Any]
    problem: dict[str, Any] | None
    digest: bytes | None
    subjects: tuple[UUID, ...]
    has_body: bool
    applied_at: datetime | None
    undone_at: datetime | None

    def can_undo(self, now: datetime) -> bool:
        """Whether what was written is still known."""
        return self.state == "applied" and self.applied_at is not None and now - self.applied_at < UNDO_LIFE


SQL_RUN = """
SELECT i.id, i.org_id, i.file_name, i.state, i.at, coalesce(s.name, '') AS by, i.counts, i.mapping, i.choices,
       i.problem, i.digest, i.subjects, i.body_enc IS NOT NULL AS has_body, i.applied_at, i.undone_at
FROM import_run i LEFT JOIN staff s ON s.id = i.staff_id
WHERE i.id = $1 AND i.org_id = $2
"""
SQL_RUNS = """
SELECT i.id, i.org_id, i.file_name, i.state, i.at, coalesce(s.name, '') AS by, i.counts, i.mapping, i.choices,
       i.problem, i.digest, i.subjects, i.body_enc IS NOT NULL AS has_body, i.applied_at, i.undone_at
FROM import_run i LEFT JOIN staff s ON s.id = i.staff_id
WHERE i.org_id = $1 AND i.source <> 'form' AND (i.state IN ('applied', 'undone') OR i.body_enc IS NOT NULL)
ORDER BY i.at DESC, i.id DESC LIMIT $2
"""
SQL_LOCK_RUN = "SELECT id FROM import_run WHERE id = $1 AND org_id = $2 FOR UPDATE"


def _run(row: Record) -> Run:
    return Run(**{name: row[name] for name in Run._fields if name != "subjects"}, subjects=tuple(row["subjects"]))


async def get_run(conn: Connection, run_id: UUID, org_id: UUID, *, lock: bool = False) -> Run | None:
    """One upload of this organisation; None for any other. `lock`: nobody else changes it until the end."""
    if lock:
        await conn.execute(SQL_LOCK_RUN, run_id, org_id)
    row = await conn.fetchrow(SQL_RUN, run_id, org_id)
    return _run(row) if row else None


async def list_runs(conn: Connection, org_id: UUID, limit: int = 30) -> list[Run]:
    """The organisation's uploads that did something or still wait, newest first."""
    return [_run(row) for row in await conn.fetch(SQL_RUNS, org_id, limit)]


SQL_BODY = "SELECT body_enc FROM import_run WHERE id = $1 AND org_id = $2"
SQL_RESULT = "SELECT result_enc FROM import_run WHERE id = $1 AND org_id = $2"


async def read_body(conn: Connection, vault: Vault, run_id: UUID, org_id: UUID) -> bytes | None:
    """The kept file; None once it was applied or forgotten."""
    sealed = await conn.fetchval(SQL_BODY, run_id, org_id)
    return vault.decrypt_bytes(sealed, run_id, _BODY) if sealed else None


async def read_result(conn: Connection, vault: Vault, run_id: UUID, org_id: UUID) -> dict[str, Any] | None:
    """What the run's page shows (registry.import_view); None before there is anything, or after 30 days."""
    sealed = await conn.fetchval(SQL_RESULT, run_id, org_id)
    if not sealed:
        return None
    shown: dict[str, Any] = json.loads(zlib.decompress(vault.decrypt_bytes(sealed, run_id, _RESULT)))
    return shown


def seal_result(vault: Vault, run_id: UUID, shown: dict[str, Any]) -> bytes:
    """What the run's page shows, packed and encrypted."""
    return vault.encrypt(zlib.compress(json.dumps(shown, ensure_ascii=False).encode(), 3), run_id, _RESULT)


SQL_SET_COLUMNS = """
UPDATE import_run SET state = 'columns', result_enc = $2, mapping = $3, problem = NULL, digest = NULL, subjects = '{}'
WHERE id = $1 AND state IN ('new', 'columns', 'ready', 'failed')
"""
SQL_CHOOSE_COLUMNS = """
UPDATE import_run SET mapping = $2, problem = $3, choices = '{}' WHERE id = $1 AND state = 'columns'
"""
SQL_SET_CHOICES = "UPDATE import_run SET choices = $2 WHERE id = $1 AND state = 'ready'"
SQL_SET_READY = """
UPDATE import_run SET state = 'ready', result_enc = $2, counts = $3, digest = $4, subjects = $5, problem = $6,
       choices = $7
WHERE id = $1 AND state IN ('new', 'columns', 'ready')
"""
SQL_SET_FAILED = """
UPDATE import_run SET state = 'failed', problem = $2, body_enc = NULL, result_enc = NULL
WHERE id = $1 AND state IN ('new', 'columns', 'ready')
"""
SQL_SET_PROBLEM = "UPDATE import_run SET problem = $2 WHERE id = $1 AND state IN ('columns', 'ready')"
SQL_SET_APPLIED = """
UPDATE import_run SET state = 'applied', dry_run = false, result_enc = $2, counts = $3, problem = NULL, body_enc = NULL,
       applied_at = $4
WHERE id = $1 AND state = 'ready'
"""
SQL_SET_UNDONE = """
UPDATE import_run SET state = 'undone', undone_at = $2, undone_by = $3, result_enc = $4
WHERE id = $1 AND state = 'applied'
"""
SQL_DISCARD = """
UPDATE import_run SET state = 'failed', body_enc = NULL, result_enc = NULL, subjects = '{}'
WHERE id = $1 AND org_id = $2 AND state IN ('new', 'columns', 'ready', 'failed')
"""


async def set_columns(conn: Connection, run_id: UUID, shown: bytes, mapping: dict[str, Any] | None) -> None:
    """The file was read: show its columns."""
    expect_rows(await conn.execute(SQL_SET_COLUMNS, run_id, shown, mapping), 1, "the upload")


async def set_columns_chosen(
    conn: Connection, run_id: UUID, mapping: dict[str, Any], problem: dict[str, Any] | None
) -> None:
    """The clerk's columns, and what is wrong with them if anything is."""
    expect_rows(await conn.execute(SQL_CHOOSE_COLUMNS, run_id, mapping, problem), 1, "the upload")


async def set_gone(conn: Connection, run_id: UUID, choices: dict[str, Any]) -> None:
    """Answers that do not change what was shown: who of the missing has left."""
    expect_rows(await conn.execute(SQL_SET_CHOICES, run_id, choices), 1, "the upload")


async def set_ready(
    conn: Connection,
    run_id: UUID,
    shown: bytes,
    counts: dict[str, int],
    digest: bytes,
    subjects: Sequence[UUID],
    choices: dict[str, Any],
    problem: dict[str, Any] | None,
) -> None:
    """The dry run was made: show it."""
    tag = await conn.execute(SQL_SET_READY, run_id, shown, counts, digest, list(subjects), problem, choices)
    expect_rows(tag, 1, "the upload")


async def set_failed(conn: Connection, run_id: UUID, problem: dict[str, Any]) -> None:
    """The file cannot be read: keep the sentence, forget the file."""
    await conn.execute(SQL_SET_FAILED, run_id, problem)


async def set_problem(conn: Connection, run_id: UUID, problem: dict[str, Any]) -> None:
    """Something about the last step, said above the page that is shown again."""
    await conn.execute(SQL_SET_PROBLEM, run_id, problem)


async def set_applied(conn: Connection, run_id: UUID, shown: bytes, counts: dict[str, int], now: datetime) -> None:
    """The plan was written: the file is no longer needed."""
    expect_rows(await conn.execute(SQL_SET_APPLIED, run_id, shown, counts, now), 1, "the upload")


async def set_undone(conn: Connection, run_id: UUID, shown: bytes, staff_id: UUID | None, now: datetime) -> None:
    """The import was taken back."""
    expect_rows(await conn.execute(SQL_SET_UNDONE, run_id, now, staff_id, shown), 1, "the upload")


async def discard(conn: Connection, run_id: UUID, org_id: UUID) -> None:
    """The clerk wants none of it: forget the file now."""
    await conn.execute(SQL_DISCARD, run_id, org_id)


# ---------------------------------------------------------------- what is being done right now

#: Work that has not moved for so long belongs to a process that died.
STALE: Final = timedelta(seconds=60)
SQL_BEGIN_WORK = """
INSERT INTO import_progress AS p (run_id, org_id, stage, at) VALUES ($1, $2, $3, $4)
ON CONFLICT (run_id) DO UPDATE SET stage = excluded.stage, done = 0, total = 0, at = excluded.at WHERE p.at < $5
RETURNING run_id
"""
SQL_MOVE_WORK = "UPDATE import_progress SET stage = $2, done = $3, total = $4, at = $5 WHERE run_id = $1"
SQL_END_WORK = "DELETE FROM import_progress WHERE run_id = $1"
SQL_WORK = "SELECT stage, done, total FROM import_progress WHERE run_id = $1 AND org_id = $2 AND at >= $3"


async def begin_work(pool: Pool, run_id: UUID, org_id: UUID, stage: str, now: datetime) -> bool:
    """Claim a run's next step; False if somebody is at it already."""
    async with as_worker(pool) as conn:
        return await conn.fetchval(SQL_BEGIN_WORK, run_id, org_id, stage, now, now - STALE) is not None


async def move_work(pool: Pool, run_id: UUID, stage: str, done: int, total: int, now: datetime) -> None:
    """Say how far the step is."""
    async with as_worker(pool) as conn:
        await conn.execute(SQL_MOVE_WORK, run_id, stage, done, total, now)


async def end_work(pool: Pool, run_id: UUID) -> None:
    """The step is over."""
    async with as_worker(pool) as conn:
        await conn.execute(SQL_END_WORK, run_id)


async def work_of(conn: Connection, run_id: UUID, org_id: UUID, now: datetime) -> tuple[str, int, int] | None:
    """What is being done to a run and how far: (stage, done, total); None if nothing."""
    row = await conn.fetchrow(SQL_WORK, run_id, org_id, now - STALE)
    return (row["stage"], row["done"], row["total"]) if row else None
