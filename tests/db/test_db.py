"""The pool, transactions and their scope, JSON, and errors that tell what to do."""

from __future__ import annotations

import socket
from uuid import UUID

import pytest

from core.db import DatabaseError, Pool, Scope, ScopedPool, WriteMismatch, connect, expect_rows, heartbeat, transaction

ORG = UUID("01900000-0000-7000-8000-000000000001")
OTHER = UUID("01900000-0000-7000-8000-000000000002")


async def test_a_transaction_is_all_or_nothing(db: Pool) -> None:
    async with transaction(db) as conn:
        await heartbeat(conn, "kept")
    with pytest.raises(WriteMismatch, match="the claim: 0 rows written where 1 were meant"):
        async with transaction(db) as conn:
            await heartbeat(conn, "lost")
            expect_rows(await conn.execute("UPDATE heartbeat SET at = now() WHERE name = 'nobody'"), 1, "the claim")
    assert await db.fetchval("SELECT array_agg(name) FROM heartbeat") == ["kept"]


async def test_a_scope_lasts_for_the_transaction_only(db: Pool, db_dsn: str) -> None:
    pool = await connect(db_dsn, size=1)
    scoped = ScopedPool(pool, Scope("daijobu_web", orgs=(ORG, OTHER)))
    async with transaction(scoped) as conn:
        assert await conn.fetchval("SELECT current_user::text") == "daijobu_web"
        assert await conn.fetchval("SELECT current_setting('app.orgs')") == f"{ORG},{OTHER}"
    assert await scoped.fetchval("SELECT current_user::text") == "daijobu_web"
    assert await pool.fetchval("SELECT current_user = session_user")
    assert await pool.fetchval("SELECT nullif(current_setting('app.orgs', true), '')") is None
    await pool.close()


async def test_json_columns_carry_python_values(db: Pool) -> None:
    await heartbeat(db, "poll", {"大丈夫": [1, None, {"a": "é"}]})
    await heartbeat(db, "poll", {"大丈夫": [2]})
    row = await db.fetchrow("SELECT detail, at > now() - interval '1 hour' AS fresh FROM heartbeat")
    assert (row["detail"], row["fresh"]) == ({"大丈夫": [2]}, True)


@pytest.mark.parametrize(("tag", "expected"), [("UPDATE 2", 2), ("INSERT 0 7", 7), ("SELECT 0", 0), ("BEGIN", 0)])
def test_command_tags(tag: str, expected: int) -> None:
    expect_rows(tag, expected, "rows")
    with pytest.raises(WriteMismatch):
        expect_rows(tag, expected + 1, "rows")


async def test_nobody_listening_is_one_sentence_without_the_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses
        with pytest.raises(DatabaseError, match=r"cannot reach the database town at 127\.0\.0\.1: ") as caught:
            await connect(f"postgresql://me:secret@127.0.0.1:{taken.getsockname()[1]}/town", patience=0)
    assert "secret" not in str(caught.value)


async def test_an_unknown_database_is_one_sentence(db_dsn: str) -> None:
    with pytest.raises(DatabaseError, match=r"refuses us: database .*_gone.* does not exist"):
        await connect(db_dsn.partition("?")[0] + "_gone" + "?" + db_dsn.partition("?")[2])


async def test_something_else_than_an_address_is_one_sentence() -> None:
    with pytest.raises(DatabaseError, match="DATABASE_URL is not a PostgreSQL address"):
        await connect("mysql://somewhere/else", patience=0)
