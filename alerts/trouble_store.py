"""Faults of the deployment that providers tell of: written here, read by the alarms (ops/alarms_store.py)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from alerts.channel import SendError
from core.db import Connection, Pool


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: over which channel, its number, how bad, what it is and what to do, and how often it happened."""

    channel: str
    code: str
    level: str
    what: str
    number: int = 1


def faults_of(channel: str, errors: Iterable[SendError]) -> list[Fault]:
    """What operators must hear of these errors, each once."""
    found: dict[str, Fault] = {}
    for error in errors:
        if error.alarm:
            before = found.get(error.code)
            what = f"{error.detail}. {error.remedy}" if error.remedy else error.detail
            found[error.code] = Fault(channel, error.code, error.alarm, what, 1 + (before.number if before else 0))
    return list(found.values())


SQL_NOTE = """
INSERT INTO provider_trouble AS p (channel, code, level, what, first_at, at, number)
SELECT f.channel, f.code, f.level, f.what, $1, $1, f.number
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[]) AS f (channel, code, level, what, number)
ORDER BY 1, 2
ON CONFLICT (channel, code) DO UPDATE
SET level = excluded.level, what = excluded.what, at = greatest(p.at, excluded.at), number = p.number + excluded.number
"""


async def note_faults(conn: Connection | Pool, faults: Iterable[Fault], now: datetime) -> None:
    """Write them down; the same fault again renews its row."""
    columns = [(f.channel, f.code, f.level, f.what, f.number) for f in faults]
    if columns:
        await conn.execute(SQL_NOTE, now, *(list(column) for column in zip(*columns, strict=True)))
