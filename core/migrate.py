"""Numbered SQL files, applied once each, in order, on purpose (`main.py migrate`), and never edited afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from core.db import Connection, DatabaseError, Pool

MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"
#: Any fixed number; the same in every version, so that an old and a new program exclude each other too.
LOCK = 0x6461_696A_6F62_75  # "daijobu"
_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


class SchemaError(DatabaseError):
    """The schema in the database and the files in migrations/ do not fit. The message says which and what to do."""


class Migration(NamedTuple):
    """One file of migrations/."""

    name: str  # 0001_initial
    sql: str
    sha256: str


def read_migrations(folder: Path = MIGRATIONS) -> tuple[Migration, ...]:
    """The files in order. Raises SchemaError for a wrong name, a gap in the numbers or a number used twice."""
    found = []
    for number, path in enumerate(sorted(folder.glob("*.sql")), start=1):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None or int(match[1]) != number:
            raise SchemaError(
                f"migrations/{path.name}: expected {number:04}_<name>.sql, numbers without gap or repetition"
            )
        body = path.read_bytes()
        found.append(Migration(path.stem, body.decode(), hashlib.sha256(body).hexdigest()))
    if not found:
        raise SchemaError(f"{folder} holds no migrations: the installation is incomplete")
    return tuple(found)


def pending(files: tuple[Migration, ...], applied: dict[str, str]) -> tuple[Migration, ...]:
    """The files still to apply; `applied` maps name to SHA-256. Pure.

    Raises SchemaError if an applied file was edited, or if the database knows a migration that we do not.
    """
    for file in files:
        if applied.get(file.name, file.sha256) != file.sha256:
            raise SchemaError(
                f"migrations/{file.name}.sql was edited after it had been applied: restore it and write a new file"
            )
    unknown = sorted(applied.keys() - {file.name for file in files})
    if unknown:
        raise SchemaError(f"the database has migration {unknown[-1]}, which this version lacks: run a newer version")
    waiting = tuple(file for file in files if file.name not in applied)
    if waiting and applied and waiting[0].name < max(applied):
        raise SchemaError(f"migrations/{waiting[0].name}.sql was added before {max(applied)}: give it the next number")
    return waiting


SQL_CREATE_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migration (
    name       text PRIMARY KEY,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
SQL_LOCK = "SELECT pg_advisory_lock($1)"
SQL_UNLOCK = "SELECT pg_advisory_unlock($1)"
SQL_RECORD = "INSERT INTO schema_migration (name, sha256) VALUES ($1, $2)"


async def migrate(pool: Pool, folder: Path = MIGRATIONS) -> tuple[str, ...]:
    """Apply what is missing, one transaction a file, and return the names. Two runners at once do the work once.

    Raises SchemaError; a file whose SQL fails is rolled back whole and named.
    """
    files = await asyncio.to_thread(read_migrations, folder)
    async with pool.acquire() as conn:
        await conn.execute(SQL_LOCK, LOCK, timeout=None)
        try:
            await conn.execute(SQL_CREATE_LEDGER)
            waiting = pending(files, await _applied(conn))
            for file in waiting:
                await _apply(conn, file)
        finally:
            if not conn.is_closed():
                await conn.execute(SQL_UNLOCK, LOCK)
        return tuple(file.name for file in waiting)


async def _apply(conn: Connection, file: Migration) -> None:
    try:
        async with conn.transaction():
            await conn.execute(file.sql, timeout=3600)
            await conn.execute(SQL_RECORD, file.name, file.sha256)
    except Exception as error:
        raise SchemaError(f"migrations/{file.name}.sql failed and was rolled back: {error}") from error


SQL_HAS_LEDGER = "SELECT to_regclass('schema_migration') IS NOT NULL"
SQL_APPLIED = "SELECT name, sha256 FROM schema_migration"


async def _applied(conn: Connection) -> dict[str, str]:
    return {row["name"]: row["sha256"] for row in await conn.fetch(SQL_APPLIED)}


async def schema_is_current(pool: Pool, folder: Path = MIGRATIONS) -> bool:
    """Whether every migration has been applied. Raises SchemaError if database and files contradict each other."""
    files = await asyncio.to_thread(read_migrations, folder)
    async with pool.acquire() as conn:
        applied = await _applied(conn) if await conn.fetchval(SQL_HAS_LEDGER) else {}
    return not pending(files, applied)


async def require_current_schema(pool: Pool, folder: Path = MIGRATIONS) -> None:
    """Refuse to work on an old schema. Raises SchemaError with the person's next step."""
    if not await schema_is_current(pool, folder):
        raise SchemaError("the database schema is older than this version: run `main.py migrate` first")
