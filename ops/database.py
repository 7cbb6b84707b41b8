"""Which database a process works on: the one of DATABASE_URL, or the embedded one, which it starts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.postgres import embedded
from core.settings import Settings


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[str]:
    """The DSN of a running database. Raises PostgresError if the embedded one cannot start."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    async with embedded(settings.data_dir) as dsn:
        yield dsn
