"""The schema of the database before anything works on it. Apart from ops/wires.py: it goes on while that is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from core.db import Pool, connect
from core.migrate import migrate, require_current_schema


async def prepare_schema(dsn: str, *, migrate_first: bool) -> None:
    """Bring the schema up to date, or refuse an old one with SchemaError."""
    await as_owner(dsn, migrate if migrate_first else require_current_schema)


async def as_owner(dsn: str, work: Callable[[Pool], Awaitable[object]]) -> None:
    """Only migrations need the owner of the tables; everything else works under a narrower role."""
    pool = await connect(dsn, size=2)
    try:
        await work(pool)
    finally:
        await pool.close()
