"""That a link names somebody who exists is looked up for each link, but for those of people made in the same breath."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from core.db import Pool, transaction
from core.ids import uuid7
from registry.records import NewResident
from registry.store import insert_residents
from tests import people as factory

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SQL_LINK = """
INSERT INTO link (id, kind, token_sha256, resident_id, created_at)
VALUES ($1, 'personal', sha256(uuid_send($1)), $2, $3)
"""


async def test_new_people_get_their_links_and_whoever_comes_after_them_is_looked_up_again(db: Pool) -> None:
    one = NewResident(name="An", language="vi", state="enrolled")
    async with transaction(db) as conn:
        await insert_residents(conn, factory.VAULT, [one], NOW)
    assert await db.fetchval("SELECT count(*) FROM link WHERE resident_id = $1 AND kind = 'personal'", one.id) == 1
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="names no resident"):
        async with transaction(db) as conn:
            await insert_residents(conn, factory.VAULT, [NewResident(name="Bo", language="my", state="enrolled")], NOW)
            await conn.execute(SQL_LINK, uuid7(), uuid7(), NOW)
    assert await db.fetchval("SELECT count(*) FROM resident") == 1
