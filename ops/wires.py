"""Opens everything a process needs, in order, and closes it again: database, keys, words, rules, tables, channels."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from os import getpid

from alerts import wording_store
from alerts.bucket_store import SharedBuckets
from alerts.channels_setup import make_channels, share_limits
from alerts.deps import Deps
from alerts.rule_book import RuleBook
from alerts.rule_store import refresh
from alerts.wording_book import WordingBook
from core.clock import SystemClock
from core.db import Pool, connect
from core.i18n import Catalogs
from core.ids import uuid7
from core.settings import Settings
from core.wakeups import Wakeups
from geo.areas import Areas
from ops.database import open_database
from ops.keys import open_vault
from ops.schema import as_owner, prepare_schema


@dataclass(frozen=True, slots=True)
class Wires:
    """What one process has open."""

    dsn: str
    deps: Deps
    holder: str  # who we are when we take a lease: unique to this process and start


@asynccontextmanager
async def open_wires(
    settings: Settings,
    *,
    migrate_first: bool = False,
    prepare: Callable[[Pool], Awaitable[object]] | None = None,
    dsn: str | None = None,
) -> AsyncIterator[Wires]:
    """Open the database (embedded unless DATABASE_URL is set) and everything else.

    `migrate_first`: bring the schema up to date; otherwise an old schema is refused with SchemaError.
    `prepare` does something else instead: the demo starts from nothing.
    `dsn`: of a database that is open already, its schema prepared (ops/schema.py).
    """
    async with AsyncExitStack() as stack:
        # Words, rules and areas are read while PostgreSQL starts.
        reading = asyncio.create_task(asyncio.to_thread(read_files))
        stack.callback(reading.cancel)
        if dsn is None:
            dsn = await stack.enter_async_context(open_database(settings))
            if prepare is not None:
                await as_owner(dsn, prepare)
            else:
                await prepare_schema(dsn, migrate_first=migrate_first)
        pool = await connect(dsn, size=settings.pool_size, role="daijobu_worker")
        stack.push_async_callback(pool.close)
        wakeups = await stack.enter_async_context(Wakeups(dsn))
        clock = SystemClock()
        vault = await open_vault(pool, settings, clock.now())
        files, rules, areas = await reading
        catalogs = WordingBook(files)
        await refresh(pool, rules)
        await wording_store.refresh(pool, catalogs)
        channels = make_channels(settings)
        share_limits(channels, SharedBuckets(pool, vault))
        for channel in channels.values():
            stack.push_async_callback(channel.close)
        deps = Deps(
            pool=pool,
            settings=settings,
            vault=vault,
            catalogs=catalogs,
            rules=rules,
            areas=areas,
            clock=clock,
            channels=channels,
            wakeups=wakeups,
        )
        yield Wires(dsn=dsn, deps=deps, holder=f"{socket.gethostname()}:{getpid()}:{uuid7()}")


def read_files() -> tuple[Catalogs, RuleBook, Areas]:
    """Wording, rules and area tables; wording and areas are read once per process."""
    return Catalogs.load(), RuleBook.load(), Areas.load()
