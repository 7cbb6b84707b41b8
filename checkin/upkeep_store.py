"""For the status page: what the daily purge last did, and how many people could be reached tonight. Numbers only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from core.db import Connection
from registry.reach import SILENT_AFTER, STALE_AFTER

#: The purge ends once a day: after two days without one, somebody must look.
PURGE_LATE: Final = timedelta(hours=48)


class LastPurge(NamedTuple):
    """The newest run that came to its end. `why`: the sentence with which the clock check was overridden."""

    at: datetime
    touched: int
    people: int
    why: str
    late: bool


SQL_LAST_PURGE = """
SELECT e.at, e.why, coalesce(sum(r.touched), 0) AS touched,
       coalesce(sum(r.touched) FILTER (WHERE r.rule IN ('left', 'never_enrolled', 'erase')), 0) AS people
FROM (SELECT run_id, at, why FROM purge_run WHERE rule = 'end' ORDER BY id DESC LIMIT 1) AS e
LEFT JOIN purge_run r ON r.run_id = e.run_id AND r.rule NOT IN ('start', 'end')
GROUP BY e.at, e.why
"""


async def last_purge(conn: Connection, now: datetime) -> LastPurge | None:
    """What the purge did last; None if none ever came to its end."""
    row = await conn.fetchrow(SQL_LAST_PURGE)
    if row is None:
        return None
    return LastPurge(row["at"], row["touched"], row["people"], row["why"], now - row["at"] > PURGE_LATE)


class ReachTotals(NamedTuple):
    """Of all registered people: how many cannot be reached, how many have given no sign of their own for a year."""

    people: int
    unreachable: int
    no_sign: int


SQL_REACH_TOTALS = "SELECT people, unreachable, no_sign FROM reach_totals($1, $2)"


async def reach_totals(conn: Connection, now: datetime) -> ReachTotals:
    """The numbers of registry/reach.py over everybody."""
    row = await conn.fetchrow(SQL_REACH_TOTALS, now - STALE_AFTER, now - SILENT_AFTER)
    return ReachTotals(**dict(row.items())) if row else ReachTotals(0, 0, 0)
