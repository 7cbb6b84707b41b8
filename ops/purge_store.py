"""What a purge writes about itself, what it asks about the clock, and that only one is at work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from core.db import Connection, Pool

#: `purge_run.rule` of a run's first and last row; all other rows name a rule of ops/retention.py.
START: Final = "start"
END: Final = "end"

#: Any fixed number: two purges never run at once.
LOCK: Final = 0x7075_7267_65  # "purge"
SQL_LOCK = "SELECT pg_try_advisory_xact_lock($1)"


async def take_turn(conn: Connection) -> bool:
    """Whether this transaction may purge: False while another purge is in the middle of a batch."""
    return bool(await conn.fetchval(SQL_LOCK, LOCK))


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What tells whether the clock can be believed."""

    newest_report: datetime | None
    last_run: datetime | None


SQL_WITNESSES = """
SELECT (SELECT max(received_at) FROM report) AS newest_report, (SELECT max(at) FROM purge_run) AS last_run
"""


async def witnesses(conn: Connection | Pool) -> Witnesses:
    """When the newest report came and when a purge last wrote something down."""
    row = await conn.fetchrow(SQL_WITNESSES)
    return Witnesses(row["newest_report"], row["last_run"]) if row else Witnesses(None, None)


SQL_NOTE_RUN = "INSERT INTO purge_run (run_id, at, rule, touched, why) VALUES ($1, $2, $3, $4, $5)"


async def note_run(conn: Connection, run_id: UUID, now: datetime, rule: str, touched: int, why: str) -> None:
    """Write down one batch, or the end of a run (`rule` "end"), in the transaction of what it says."""
    await conn.execute(SQL_NOTE_RUN, run_id, now, rule, touched, why)


SQL_UNFINISHED = """
SELECT CASE WHEN rule <> 'end' THEN run_id END FROM (
    SELECT run_id, rule FROM purge_run WHERE at >= $1 ORDER BY id DESC LIMIT 1) AS newest
"""


async def unfinished_run(conn: Connection | Pool, since: datetime) -> UUID | None:
    """The newest run, if it wrote something down since then and has not come to its end."""
    found: UUID | None = await conn.fetchval(SQL_UNFINISHED, since)
    return found


SQL_ENDED_SINCE = "SELECT EXISTS (SELECT FROM purge_run WHERE rule = 'end' AND at > $1)"


async def ended_since(conn: Connection | Pool, since: datetime) -> bool:
    """Whether a run has come to its end after this moment."""
    return bool(await conn.fetchval(SQL_ENDED_SINCE, since))
