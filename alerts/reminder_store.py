"""Asking silent people again: which alert is due for its next reminder, and the alert that does it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from alerts.fanout_store import SQL_SLICE_SILENT
from alerts.rules import Rule
from alerts.store import DEFAULT_LIFE
from core.db import Connection, Pool, expect_rows, notify, transaction
from core.ids import uuid7
from core.model import Severity
from core.wakeups import EVENTS_CHANNEL

#: A reminder that could not be made for longer than this is left out: by then people have made up their minds.
MAX_LATE: Final = timedelta(hours=1)

SQL_ASKING = """
SELECT a.id, a.incident_id, a.event_id, a.severity, a.areas, a.context, a.created_at, a.purpose, i.hazard,
       (SELECT coalesce(max((r.context ->> 'reminder')::int), 0) FROM alert AS r
        WHERE r.incident_id = a.incident_id AND r.moment = 'reminder'
          AND r.context -> 'of' @> to_jsonb(a.id::text)) AS reminded
FROM alert AS a JOIN incident AS i ON i.id = a.incident_id
WHERE i.closed_at IS NULL AND a.purpose <> 'canary' AND a.state = 'done'
  AND a.moment IN ('issue', 'update', 'correct') AND a.severity IN ('severe', 'extreme')
ORDER BY a.created_at
FOR UPDATE OF a SKIP LOCKED
"""
SQL_REMIND = """
INSERT INTO alert (id, incident_id, event_id, purpose, revision, moment, severity, areas, context, state, created_at,
                   expires_at)
SELECT $1, $2, $3, $4, coalesce(max(revision), 0) + 1, 'reminder', $5, $6, $7, 'fanning', $8, $9
FROM alert WHERE incident_id = $2
"""


async def remind(pool: Pool, rules: Mapping[str, Rule], now: datetime) -> int:
    """Make the reminders that are due: one alert per asking alert and time, only where somebody is silent. How many.

    Times that passed while the service was down are made up for once, within an hour.
    """
    made = 0
    async with transaction(pool) as conn:
        for row in await conn.fetch(SQL_ASKING):
            rule = rules.get(row["context"]["hazard"])
            if rule is None:
                continue
            times = [row["created_at"] + timedelta(seconds=after) for after in rule.reminders_s]
            passed = [at for at in times if at <= now]
            due = len(passed)
            if due <= row["reminded"] or now - passed[-1] > MAX_LATE:
                continue
            if not await conn.fetch(SQL_SLICE_SILENT, row["incident_id"], [row["id"]], None, 1):
                continue
            await _insert(conn, row, rule, due, now)
            made += 1
        if made:
            await notify(conn, EVENTS_CHANNEL)
    return made


async def _insert(conn: Connection, row: Mapping[str, object], rule: Rule, number: int, now: datetime) -> None:
    context = row["context"]
    assert isinstance(context, dict)
    severity = Severity(str(row["severity"]))
    life = timedelta(seconds=rule.life_s[severity]) if severity in rule.life_s else DEFAULT_LIFE
    tag = await conn.execute(
        SQL_REMIND,
        uuid7(),
        row["incident_id"],
        row["event_id"],
        row["purpose"],
        severity.value,
        row["areas"],
        {**context, "moment": "reminder", "tell": "silent", "of": [str(row["id"])], "reminder": number},
        now,
        now + life,
    )
    expect_rows(tag, 1, f"reminder {number} of alert {row['id']}")
