"""The way to PostgreSQL: a pool, a transaction, and the proof that a write did what it meant to.

SQL itself lives in the `store.py` files, beside the one function that runs it. Everything here needs only
PostgreSQL 15 and no extension.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

#: For annotations elsewhere, so that nobody else needs the driver.
Pool: TypeAlias = asyncpg.Pool
Connection: TypeAlias = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
Record: TypeAlias = asyncpg.Record

#: What a lost or unreachable server looks like through the driver: worth trying again, unlike a wrong statement.
CONNECTION_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,  # starting up, shutting down
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a server killed in mid-query; no relation of InterfaceError
)
UniqueViolation = asyncpg.UniqueViolationError
ForeignKeyViolation = asyncpg.ForeignKeyViolationError
#: A statement that the server refuses: no right, no room, a rule broken.
StatementRefused = asyncpg.PostgresError


class DatabaseError(RuntimeError):
    """The database cannot be used. The message says why and what the person can do."""


class WriteMismatch(RuntimeError):
    """A write touched another number of rows than it was meant to; its transaction is rolled back."""


async def connect(
    dsn: str,
    *,
    size: int = 10,
    application: str = "daijobu",
    patience: float = 10.0,
    statement_cache_size: int = 100,
    role: str | None = None,
) -> Pool:
    """Open a pool of up to `size` connections, each with JSON as Python values and times in UTC.

    A server that is not up yet is tried again for `patience` seconds. `statement_cache_size=0` is needed behind
    pgbouncer in transaction mode. `role`: the database role that every connection takes. Raises DatabaseError.
    """
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        pool = None
        try:
            pool = await asyncpg.create_pool(
                dsn,
                min_size=0,  # else the driver logs a stack trace of its own whenever the server restarts
                max_size=size,
                statement_cache_size=statement_cache_size,
                command_timeout=60,
                timeout=10,
                init=prepare_connection,
                server_settings={"application_name": application, "timezone": "UTC"} | ({"role": role} if role else {}),
            )
            async with pool.acquire():  # so that a wrong address is told here and now
                return pool
        except (ValueError, asyncpg.ClientConfigurationError) as error:
            raise DatabaseError(f"DATABASE_URL is not a PostgreSQL address: {_reason(error)}") from error
        except CONNECTION_ERRORS as error:
            if asyncio.get_running_loop().time() >= deadline:
                raise DatabaseError(f"cannot reach the database {describe(dsn)}: {_reason(error)}") from error
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
            raise DatabaseError(f"the database {describe(dsn)} refuses us: {_reason(error)}") from error
        if pool is not None:
            pool.terminate()
        await asyncio.sleep(0.1)


async def prepare_connection(conn: Connection) -> None:
    """Let `json` and `jsonb` columns carry Python values."""
    for name in ("json", "jsonb"):
        await conn.set_type_codec(name, schema="pg_catalog", encoder=_to_json, decoder=json.loads)


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def describe(dsn: str) -> str:
    """The database's address without user and password, for messages."""
    parts = urlsplit(dsn)
    return f"{parts.path.lstrip('/') or '?'} at {parts.hostname or 'the local socket'}"


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")


class Scope(NamedTuple):
    """Whose rows a transaction may touch: what row-level security goes by (migrations/0002).

    `role`: the database role. `orgs`: the organisations whose people a staff page may see. `link`: the SHA-256 of the
    link the transaction is about; the database finds out whose it is: a holder or a dorm. Empty means nobody.
    """

    role: str
    orgs: tuple[UUID, ...] = ()
    link: bytes | None = None


SQL_SCOPE = "SELECT set_config('role', $1, true), set_config('app.orgs', $2, true), set_config('app.people', '', true)"
# The role comes last: whom a link stands for is asked while we may still ask about everybody.
SQL_LINK_SCOPE = """
SELECT set_config('app.orgs', '', true),
       set_config('app.people', coalesce(array_to_string(link_people($2), ','), ''), true),
       set_config('role', $1, true)
"""


class ScopedPool:
    """A pool that sees only its scope: every statement and every transaction on it begins by taking the scope on.

    The same calls as the pool itself, so that a store need not know which of the two it works on.
    """

    def __init__(self, pool: Pool, scope: Scope) -> None:
        self._pool = pool
        self.scope = scope

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """A connection inside a transaction of this scope: a scope cannot outlive its transaction (SET LOCAL)."""
        async with self._pool.acquire() as conn, conn.transaction():
            if self.scope.link is None:
                await conn.execute(SQL_SCOPE, self.scope.role, ",".join(map(str, self.scope.orgs)))
            else:
                await conn.execute(SQL_LINK_SCOPE, self.scope.role, self.scope.link)
            yield conn

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """As asyncpg's, in a transaction of its own."""
        async with self.acquire() as conn:
            return str(await conn.execute(query, *args, timeout=timeout))

    async def executemany(self, query: str, args: Any, *, timeout: float | None = None) -> None:
        """As asyncpg's, in a transaction of its own."""
        async with self.acquire() as conn:
            await conn.executemany(query, args, timeout=timeout)

    async def fetch(self, query: str, *args: Any, timeout: float | None = None) -> list[Record]:
        """As asyncpg's, in a transaction of its own."""
        async with self.acquire() as conn:
            return list(await conn.fetch(query, *args, timeout=timeout))

    async def fetchrow(self, query: str, *args: Any, timeout: float | None = None) -> Record | None:
        """As asyncpg's, in a transaction of its own."""
        async with self.acquire() as conn:
            return await conn.fetchrow(query, *args, timeout=timeout)

    async def fetchval(self, query: str, *args: Any, column: int = 0, timeout: float | None = None) -> Any:
        """As asyncpg's, in a transaction of its own."""
        async with self.acquire() as conn:
            return await conn.fetchval(query, *args, column=column, timeout=timeout)


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """One transaction: committed at the end of the block, rolled back by any exception.

    On a ScopedPool it has that pool's scope. Keep it short: never wait for a provider or a person inside.
    """
    if isinstance(pool, ScopedPool):
        async with pool.acquire() as conn:
            yield conn
        return
    async with pool.acquire() as conn, conn.transaction():
        yield conn


SQL_WIDEN = (
    "SELECT set_config('app.orgs', concat_ws(',', nullif(current_setting('app.orgs', true), ''), $1::text), true)"
)


async def widen_scope(conn: Connection, org: UUID) -> None:
    """Let the rest of this transaction see an organisation that it has just made."""
    await conn.execute(SQL_WIDEN, str(org))


def expect_rows(tag: str, expected: int, what: str) -> None:
    """Check a command tag such as "UPDATE 3" (what `execute` returns). Raises WriteMismatch naming `what`.

    >>> expect_rows("UPDATE 1", 1, "the claim")
    """
    touched = int(tag.rpartition(" ")[2]) if tag and tag[-1].isdigit() else 0
    if touched != expected:
        raise WriteMismatch(f"{what}: {touched} rows written where {expected} were meant")


SQL_HEARTBEAT = """
INSERT INTO heartbeat (name, at, detail) VALUES ($1, now(), $2)
ON CONFLICT (name) DO UPDATE SET at = excluded.at, detail = excluded.detail
"""


async def heartbeat(conn: Pool | Connection, name: str, detail: dict[str, Any] | None = None) -> None:
    """Say that the loop `name` is alive. Stamped by the database's clock: machines need not agree on the time."""
    await conn.execute(SQL_HEARTBEAT, name, detail or {})


SQL_NOTIFY = "SELECT pg_notify($1, $2)"


async def notify(conn: Pool | Connection, channel: str, payload: str = "") -> None:
    """Wake whoever listens to `channel`, when the surrounding transaction commits. A hint: the tables are the truth."""
    await conn.execute(SQL_NOTIFY, channel, payload)


async def open_connection(dsn: str, application: str = "daijobu") -> Connection:
    """One connection outside any pool, for LISTEN and for work that must keep its session. The caller closes it."""
    conn = await asyncpg.connect(dsn, timeout=10, server_settings={"application_name": application, "timezone": "UTC"})
    await prepare_connection(conn)
    return conn
