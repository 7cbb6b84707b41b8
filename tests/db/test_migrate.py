"""Applying migrations to a real server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.db import connect
from core.migrate import SchemaError, migrate, read_migrations, require_current_schema, schema_is_current

ALL = tuple(migration.name for migration in read_migrations())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("-- why\nCREATE TABLE first (n int);")
    (tmp_path / "0002_second.sql").write_text("-- why\nALTER TABLE first ADD m int;")
    return tmp_path


async def test_two_runners_at_once_do_the_work_once(blank_dsn: str) -> None:
    pools = [await connect(blank_dsn, size=1) for _ in range(2)]
    done = await asyncio.gather(*(migrate(pool) for pool in pools))
    assert sorted(done) == [(), ALL]
    assert await schema_is_current(pools[0])
    for pool in pools:
        await pool.close()


async def test_serving_an_old_schema_is_refused_with_the_next_step(blank_dsn: str, folder: Path) -> None:
    pool = await connect(blank_dsn, size=1)
    with pytest.raises(SchemaError, match=r"run `main.py migrate`"):
        await require_current_schema(pool, folder)
    assert await migrate(pool, folder) == ("0001_first", "0002_second")
    await require_current_schema(pool, folder)
    (folder / "0003_third.sql").write_text("-- why\nALTER TABLE first ADD o int;")
    assert not await schema_is_current(pool, folder)
    assert await migrate(pool, folder) == ("0003_third",)
    await pool.close()


async def test_an_edited_file_is_refused_by_name(blank_dsn: str, folder: Path) -> None:
    pool = await connect(blank_dsn, size=1)
    await migrate(pool, folder)
    (folder / "0001_first.sql").write_text("-- why\nCREATE TABLE first (n bigint);")
    for action in (migrate, schema_is_current):
        with pytest.raises(SchemaError, match=r"0001_first\.sql was edited after it had been applied"):
            await action(pool, folder)
    await pool.close()


async def test_a_file_that_fails_is_named_and_rolled_back_whole(blank_dsn: str, folder: Path) -> None:
    (folder / "0002_second.sql").write_text("-- why\nCREATE TABLE half (n int);\nALTER TABLE nowhere ADD m int;")
    pool = await connect(blank_dsn, size=1)
    with pytest.raises(SchemaError, match=r"0002_second\.sql failed and was rolled back: .*nowhere"):
        await migrate(pool, folder)
    assert await pool.fetchval("SELECT to_regclass('half')") is None
    assert await pool.fetchval("SELECT array_agg(name) FROM schema_migration") == ["0001_first"]
    (folder / "0002_second.sql").write_text("-- why\nALTER TABLE first ADD m int;")
    assert await migrate(pool, folder) == ("0002_second",)
    await pool.close()
