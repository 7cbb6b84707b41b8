"""SQL of the deployment's own facts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.db import Connection, Pool

SQL_DEPLOYMENT_VALUE = "SELECT value FROM deployment WHERE key = $1"


async def deployment_value(conn: Pool | Connection, key: str) -> Any:
    """A fact about this installation (`fictional`, `region`), None if it was never set."""
    return await conn.fetchval(SQL_DEPLOYMENT_VALUE, key)


SQL_SET_DEPLOYMENT = """
INSERT INTO deployment (key, value, set_at) VALUES ($1, $2, $3)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, set_at = excluded.set_at
"""


async def set_deployment(conn: Pool | Connection, key: str, value: Any, now: datetime) -> None:
    """Remember a fact about this installation."""
    await conn.execute(SQL_SET_DEPLOYMENT, key, value, now)


SQL_VERSION = "SELECT current_setting('server_version'), clock_timestamp()"


async def server_version(conn: Pool | Connection) -> tuple[str, datetime]:
    """PostgreSQL's version and its clock."""
    row = await conn.fetchrow(SQL_VERSION)
    assert row is not None
    return row[0], row[1]


SQL_HEARTBEATS = "SELECT name, at FROM heartbeat ORDER BY name"


async def heartbeats(conn: Pool | Connection) -> dict[str, datetime]:
    """When each loop last said that it is alive."""
    return {row["name"]: row["at"] for row in await conn.fetch(SQL_HEARTBEATS)}
