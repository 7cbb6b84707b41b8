"""Fixtures every suite shares: one PostgreSQL a worker, one migrated template, and a fresh copy of it for each test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from core.db import Pool, connect
from core.migrate import migrate
from core.postgres import embedded

ROOT = Path(__file__).resolve().parents[1]
#: Bytes a worker's server may need on the RAM disk.
RAM_NEEDED = 2_000_000_000


#: The folders whose files take longest come first, so that no worker sits alone with one of them at the end.
SLOW_FIRST = ("story", "faults", "contract", "browser", "db", "fuzz", "unit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files by folder; inside a folder as they were."""
    order = {folder: place for place, folder in enumerate(SLOW_FIRST)}
    items.sort(key=lambda item: order.get(item.path.parent.name, -1))


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server for tests, reached through its maintenance database."""

    dsn: str
    admin: Pool
    #: How CREATE DATABASE copies. Files take half the CPU of pages, but also two checkpoints, which flush to the disk.
    strategy: str = "wal_log"

    def dsn_of(self, database: str) -> str:
        return urlunsplit(urlsplit(self.dsn)._replace(path=f"/{database}"))

    @asynccontextmanager
    async def copy_of(self, database: str) -> AsyncIterator[str]:
        """The address of a copy of a database to which nobody is connected; dropped at the end."""
        name = f"daijobu_copy_{uuid4().hex[:12]}"
        await self.admin.execute(f"CREATE DATABASE {name} TEMPLATE {database} STRATEGY {self.strategy}")
        try:
            yield self.dsn_of(name)
        finally:
            await self.admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def make_scratch_folder(*, in_memory: bool = False) -> Path:
    """A folder that the account of a server started by root can reach (pytest's own tmp_path is 0700).

    `in_memory`: on a RAM disk where the system has one with room: a fresh database per test is mostly file copies.
    """
    ram = Path("/dev/shm")
    roomy = in_memory and ram.is_dir() and shutil.disk_usage(ram).free > RAM_NEEDED
    folder = Path(tempfile.mkdtemp(prefix="daijobu-test-", dir=ram if roomy else "/tmp"))
    folder.chmod(0o711)
    return folder


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A short, reachable, empty folder for an embedded server."""
    folder = make_scratch_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[Server]:
    """The embedded server in test mode (no fsync), or the one that DAIJOBU_TEST_DATABASE_URL names."""
    external = os.environ.get("DAIJOBU_TEST_DATABASE_URL")
    if external:
        admin = await connect(external, size=2)
        yield Server(external, admin)
        await admin.close()
        return
    folder = make_scratch_folder(in_memory=True)
    try:
        async with embedded(folder, durable=False) as dsn:
            admin = await connect(dsn, size=2)
            yield Server(dsn, admin, strategy="file_copy")  # nothing is ever flushed here
            await admin.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def template(server: Server) -> AsyncIterator[str]:
    """The name of a migrated database that tests are copied from."""
    name = f"daijobu_template_{uuid4().hex[:12]}"
    await server.admin.execute(f"CREATE DATABASE {name}")
    pool = await connect(server.dsn_of(name), size=2)
    await migrate(pool)
    await pool.close()  # CREATE DATABASE ... TEMPLATE refuses while anybody is connected
    yield name
    await server.admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def db_dsn(server: Server, template: str) -> AsyncIterator[str]:
    """The address of a fresh, migrated, empty database."""
    async with server.copy_of(template) as dsn:
        yield dsn


@pytest.fixture
async def db(db_dsn: str) -> AsyncIterator[Pool]:
    """A pool on a fresh, migrated, empty database."""
    pool = await connect(db_dsn, size=10)
    yield pool
    pool.terminate()  # a test that failed inside a transaction must not make us wait for it


@pytest.fixture
async def blank_dsn(server: Server) -> AsyncIterator[str]:
    """The address of a database without any schema."""
    name = f"daijobu_blank_{uuid4().hex[:12]}"
    await server.admin.execute(f"CREATE DATABASE {name}")
    yield server.dsn_of(name)
    await server.admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
