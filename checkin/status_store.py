"""How the service itself is doing: loops, outbox."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from core.db import Connection

#: A loop that has not written for this long is shown as silent.
LOOP_SILENT = timedelta(seconds=90)


class Loop(NamedTuple):
    """One loop's sign of life, judged by the database's clock, so that machines need not agree on the time."""

    name: str
    at: datetime
    alive: bool


SQL_LOOPS = "SELECT name, at, now() - at < $1 AS alive FROM heartbeat ORDER BY name"


async def loops(conn: Connection) -> list[Loop]:
    """Every loop that has ever run here."""
    return [Loop(row["name"], row["at"], row["alive"]) for row in await conn.fetch(SQL_LOOPS, LOOP_SILENT)]


class Outbox(NamedTuple):
    """Messages by state, and by how many seconds the oldest due one is late."""

    counts: dict[str, int]
    overdue_s: int


SQL_OUTBOX = """
SELECT state, count(*) AS messages FROM message
WHERE state IN ('pending', 'leased') OR created_at >= $1
GROUP BY state
"""
SQL_OVERDUE = "SELECT min(due_at) FROM message WHERE state = 'pending' AND due_at <= $1"


async def outbox(conn: Connection, now: datetime) -> Outbox:
    """What waits, and what became of the messages of the last 24 hours."""
    rows = await conn.fetch(SQL_OUTBOX, now - timedelta(hours=24))
    oldest = await conn.fetchval(SQL_OVERDUE, now)
    late = int((now - oldest).total_seconds()) if oldest else 0
    return Outbox({row["state"]: row["messages"] for row in rows}, late)


class Attention(NamedTuple):
    """Something an operator must look at: an alert that is held, or a report that could not be read."""

    kind: str  # "held" or "unreadable"
    at: datetime
    what: str
    reason: str


SQL_ATTENTION = """
SELECT 'held' AS kind, a.created_at AS at, i.title AS what, a.held_reason AS reason
FROM alert a JOIN incident i ON i.id = a.incident_id WHERE a.state = 'held'
UNION ALL
SELECT 'unreadable', received_at, source || ' ' || id, reason FROM report
WHERE state = 'unreadable' AND received_at >= $1
ORDER BY 2 DESC LIMIT 50
"""


async def attention(conn: Connection, now: datetime) -> list[Attention]:
    """Alerts that wait for a person, and the unreadable reports of the last 24 hours; newest first."""
    rows = await conn.fetch(SQL_ATTENTION, now - timedelta(hours=24))
    return [Attention(row["kind"], row["at"], row["what"], row["reason"] or "") for row in rows]


SQL_UNREADABLE_BY_TYPE = """
SELECT concat_ws(' ', source, nullif(type, '')) AS about, count(*)::int AS number
FROM report WHERE state = 'unreadable' AND received_at >= $1 GROUP BY source, type ORDER BY 2 DESC, 1
"""


async def unreadable_by_type(conn: Connection, now: datetime) -> list[tuple[str, int]]:
    """Reports of the last 24 hours that nobody could read: (source and type, how many). Their bytes are kept."""
    rows = await conn.fetch(SQL_UNREADABLE_BY_TYPE, now - timedelta(hours=24))
    return [(row["about"], row["number"]) for row in rows]


SQL_OPEN_ALARMS = "SELECT count(*) FROM alarm WHERE cleared_at IS NULL"


async def open_alarms(conn: Connection) -> int:
    """How many alarms to operators are open; the page /alarms shows them."""
    number: int = await conn.fetchval(SQL_OPEN_ALARMS)
    return number
