"""How one retention rule is followed: a step takes a connection and does one batch inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from core.db import Connection

#: (connection, what happened at or before this moment is over its time, at most so many rows, now) -> rows touched.
Step = Callable[[Connection, datetime, int, datetime], Awaitable[int]]


def plain(sql: str) -> Step:
    """A step that is one statement with the parameters $1 before, $2 limit; its command tag counts."""

    async def step(conn: Connection, before: datetime, limit: int, now: datetime) -> int:
        return touched(await conn.execute(sql, before, limit))

    return step


def counted(sql: str) -> Step:
    """A step that is one statement returning the number of rows it removed."""

    async def step(conn: Connection, before: datetime, limit: int, now: datetime) -> int:
        return int(await conn.fetchval(sql, before, limit))

    return step


def touched(tag: str) -> int:
    """The number of rows in a command tag such as "DELETE 7"."""
    return int(tag.rpartition(" ")[2])
