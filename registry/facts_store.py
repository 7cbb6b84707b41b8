"""Small facts about this installation: region, whether its people are invented, which channels were tried."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.db import Connection, Pool

SQL_GET_FACT = "SELECT value FROM deployment WHERE key = $1"
SQL_SET_FACT = """
INSERT INTO deployment (key, value, set_at) VALUES ($1, $2, $3)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, set_at = excluded.set_at
"""


async def get_fact(conn: Connection | Pool, key: str) -> Any:
    """A fact about this installation ("region": prefecture codes, "fictional", "tested_channels"), or None."""
    return await conn.fetchval(SQL_GET_FACT, key)


async def set_fact(conn: Connection, key: str, value: Any, now: datetime) -> None:
    """Keep a fact about this installation."""
    await conn.execute(SQL_SET_FACT, key, value, now)
