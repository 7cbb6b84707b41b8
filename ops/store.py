"""SQL of the doctor: the server's version and clock, what it logs, the loops' heartbeats."""

from __future__ import annotations

from datetime import datetime

from core.db import Connection, Pool

SQL_VERSION = "SELECT current_setting('server_version'), clock_timestamp()"


async def server_version(conn: Pool | Connection) -> tuple[str, datetime]:
    """PostgreSQL's version and its clock."""
    row = await conn.fetchrow(SQL_VERSION)
    assert row is not None
    return row[0], row[1]


SQL_LOG_SETTINGS = """
SELECT name, setting FROM pg_settings
WHERE name IN ('log_statement', 'log_min_duration_statement', 'log_min_error_statement', 'log_parameter_max_length',
               'log_parameter_max_length_on_error', 'log_error_verbosity', 'log_duration')
"""


async def log_settings(conn: Pool | Connection) -> dict[str, str]:
    """What the server writes into its log, as our connections have it."""
    return {row["name"]: row["setting"] for row in await conn.fetch(SQL_LOG_SETTINGS)}


SQL_HEARTBEATS = "SELECT name, at FROM heartbeat ORDER BY name"


async def heartbeats(conn: Pool | Connection) -> dict[str, datetime]:
    """When each loop last said that it is alive."""
    return {row["name"]: row["at"] for row in await conn.fetch(SQL_HEARTBEATS)}
