"""Every SQL constant of the program fits the migrated schema: a misspelt column is found here, not at night."""

from __future__ import annotations

from core.db import Pool
from tests.sql_constants import statements, unpreparable


def test_the_search_finds_statements() -> None:
    names = {str(statement) for statement in statements()}
    assert {"core.lease.SQL_TAKE", "core.db.SQL_HEARTBEAT", "core.audit.SQL_AUDIT"} <= names


async def test_every_statement_can_be_prepared(db: Pool) -> None:
    async with db.acquire() as conn:
        assert await unpreparable(conn) == []


async def test_a_wrong_column_would_be_found(db: Pool) -> None:
    async with db.acquire() as conn:
        await conn.execute("ALTER TABLE heartbeat RENAME COLUMN detail TO particulars")
        assert any(line.startswith("core.db.SQL_HEARTBEAT:") for line in await unpreparable(conn))
