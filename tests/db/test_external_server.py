"""An external PostgreSQL of the operating system (Debian 12 has 15): same schema, same statements, same flow."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.db import Pool, connect, heartbeat, notify, transaction
from core.lease import hold_lease
from core.migrate import migrate, require_current_schema
from core.postgres_files import choose_account
from core.wakeups import Wakeups
from tests.conftest import make_scratch_folder
from tests.sql_constants import unpreparable

SUPPORTED = range(15, 19)


def installed_programs() -> Path | None:
    """The `bin` folder of the oldest supported PostgreSQL that the operating system has."""
    for version in SUPPORTED:
        folder = Path(f"/usr/lib/postgresql/{version}/bin")
        if (folder / "initdb").exists():
            return folder
    return None


@pytest.fixture(scope="module")
async def external_dsn() -> AsyncIterator[str]:
    """A throw-away cluster made with the system's own programs."""
    programs = installed_programs()
    if programs is None:
        reason = "no /usr/lib/postgresql/15 to 18: install the package postgresql to test an external server"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = make_scratch_folder()
    account = choose_account(None)
    identity: dict[str, Any] = {}
    if account.switch:
        identity = {"user": account.uid, "group": account.gid, "extra_groups": []}
        os.chown(folder, account.uid, account.gid)
    data = folder / "data"
    tool: dict[str, Any] = {"cwd": "/", "check": True, "stdout": subprocess.DEVNULL, **identity}
    try:
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "owner", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"],
            **tool,
        )
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        subprocess.run([programs / "pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start"], **tool)
        try:
            yield f"postgresql://owner@/postgres?host={folder}&port=5432"
        finally:
            subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], **tool)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
async def external(external_dsn: str) -> AsyncIterator[Pool]:
    pool = await connect(external_dsn, size=4)
    await migrate(pool)
    yield pool
    pool.terminate()


async def test_the_server_is_a_supported_version_and_the_schema_applies(external: Pool) -> None:
    assert int(await external.fetchval("SHOW server_version_num")) // 10000 in SUPPORTED
    await require_current_schema(external)
    assert await migrate(external) == ()


async def test_every_statement_fits_the_old_version_too(external: Pool) -> None:
    async with external.acquire() as conn:
        assert await unpreparable(conn) == []


async def test_the_wires_work(external: Pool, external_dsn: str) -> None:
    async with Wakeups(external_dsn) as wakeups, hold_lease(external, "poll", "me", timedelta(minutes=1)):
        bell = await wakeups.on("events")
        async with transaction(external) as conn:
            await heartbeat(conn, "poll", {"feeds": 2})
            await notify(conn, "events")
        assert await bell.wait(30)
    assert await external.fetchval("SELECT detail FROM heartbeat WHERE name = 'poll'") == {"feeds": 2}
