"""The list of encrypted columns is the schema's: what is missing there would be lost with the old key."""

from __future__ import annotations

from core.db import Pool
from core.encrypted import BLIND_INDEXES, ENCRYPTED

SQL_BYTEA = """
SELECT table_name || '.' || column_name FROM information_schema.columns
WHERE table_schema = 'public' AND data_type = 'bytea' AND column_name LIKE $1
"""
SQL_PRIMARY_KEY = """
SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indrelid = $1::text::regclass AND i.indisunique AND i.indnatts = 1
"""


async def test_every_encrypted_column_stands_in_the_list(db: Pool) -> None:
    found = {row[0] for row in await db.fetch(SQL_BYTEA, r"%\_enc")}
    assert found == {column.name for column in ENCRYPTED}, "core/encrypted.py and the schema differ"


async def test_every_blind_index_stands_in_the_list(db: Pool) -> None:
    assert {row[0] for row in await db.fetch(SQL_BYTEA, r"%\_bidx")} == BLIND_INDEXES


async def test_batches_go_by_a_unique_column(db: Pool) -> None:
    for column in ENCRYPTED:
        keys = {row[0] for row in await db.fetch(SQL_PRIMARY_KEY, column.table)}
        assert column.key in keys, f"{column.name}: {column.key} is not unique"
