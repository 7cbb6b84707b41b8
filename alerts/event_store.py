"""Events that wait for their decision: which is next, what was decided, and the summary after we were deaf.

Which one is next does not depend on the order of arrival (docs/adr/0012): first the matter that is oldest, quakes and
tsunamis before all others; of one matter the newest report, because it says everything and what it supersedes is never
sent. Reports that only add facts come last, when the incident they belong to is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from alerts.decision import FACT_TYPES
from core.clock import JST
from core.db import Connection, Pool, expect_rows
from core.event_json import event_from_json
from core.model import Event, Purpose

#: How an outcome starts that an operator must read (the alarms look for it), and one that waits for its summary.
OPERATOR: Final = "operator: "
LATE: Final = "late: "
#: A report that we hear or decide later than this after it was sent came while we were deaf: the short list of JMA's
#: feed reaches ten minutes back.
LATE_AFTER: Final = timedelta(minutes=10)
#: A summary names at most so many things in force.
MAX_NAMED: Final = 8


@dataclass(frozen=True, slots=True)
class EventRow:
    """A stored event that waits for its decision."""

    id: int
    purpose: Purpose
    event: Event


@dataclass(frozen=True, slots=True)
class RawEvent:
    """The same, not read yet: its payload may be one that this version cannot read."""

    id: int
    purpose: Purpose
    payload: dict[str, Any]

    def read(self) -> EventRow:
        """Raises KeyError, TypeError or ValueError if a field is missing or wrong."""
        return EventRow(self.id, self.purpose, event_from_json(self.payload))


# One decision at a time: two deciders that see the same incidents would open two.
SQL_DECIDE_LOCK = "SELECT pg_advisory_xact_lock(hashtext('daijobu decide'))"
# Payloads are opened only for the reports of one matter: after an outage thousands wait.
SQL_NEXT_EVENT = """
WITH waiting AS MATERIALIZED (
    SELECT id, purpose, hazard, thread, event_ids, issued_at, sent_at, message_type,
           type = ANY($2) OR source = 'usgs' OR hazard = 'weather_bulletin' AS adds
    FROM event WHERE decided_at IS NULL AND (decide_after IS NULL OR decide_after <= $1)
), first AS (
    SELECT * FROM waiting
    ORDER BY adds, hazard NOT IN ('earthquake', 'tsunami'), issued_at, sent_at, thread, id LIMIT 1
), matter AS MATERIALIZED (
    SELECT w.* FROM waiting AS w, first AS f
    WHERE w.purpose = f.purpose AND w.adds = f.adds AND w.hazard = f.hazard
      AND (w.thread = f.thread OR w.hazard = 'earthquake' AND w.event_ids && f.event_ids)
), next AS (
    SELECT m.id FROM matter AS m JOIN event AS e ON e.id = m.id
    ORDER BY m.issued_at DESC, m.sent_at DESC, (m.message_type = 'cancel') DESC, (m.message_type = 'correct') DESC,
             CASE WHEN e.payload ->> 'serial' ~ '^[0-9]{1,9}$' THEN (e.payload ->> 'serial')::int ELSE 0 END DESC,
             m.thread, m.id
    LIMIT 1
)
SELECT e.id, e.purpose, e.payload FROM event AS e WHERE e.id = (SELECT id FROM next) FOR UPDATE
"""


async def next_event(conn: Connection, now: datetime) -> RawEvent | None:
    """The undecided event that is next, locked; None if none may be decided yet. Holds the decide lock until the
    transaction ends."""
    await conn.execute(SQL_DECIDE_LOCK)
    row = await conn.fetchrow(SQL_NEXT_EVENT, now, list(FACT_TYPES))
    if row is None:
        return None
    return RawEvent(row["id"], Purpose(row["purpose"]), row["payload"])


SQL_DECIDED = "UPDATE event SET decided_at = $2, outcome = $3 WHERE id = $1 AND decided_at IS NULL"


async def mark_decided(
    conn: Connection | Pool, event_id: int, outcome: str, now: datetime, *, operator: str = ""
) -> None:
    """Answer for an event. `operator`: what an operator must read first. Raises WriteMismatch if somebody else has."""
    said = f"{OPERATOR}{operator} ({outcome})" if operator else outcome
    expect_rows(await conn.execute(SQL_DECIDED, event_id, now, said[:500]), 1, f"the decision on event {event_id}")


SQL_LATE = """
SELECT id, purpose, type, sent_at, decided_at FROM event
WHERE decided_at > $1 AND outcome ^@ 'late: ' ORDER BY sent_at, id FOR UPDATE
"""
SQL_IN_FORCE = """
SELECT title, severity FROM incident
WHERE purpose = $1 AND closed_at IS NULL AND EXISTS (
    SELECT FROM jsonb_each(facts -> 'in_force') AS said WHERE jsonb_array_length(said.value -> 'areas') > 0)
ORDER BY array_position(ARRAY['extreme', 'severe', 'moderate', 'info'], severity), opened_at
"""
SQL_SUMMARISED = "UPDATE event SET outcome = 'ignored: ' || outcome WHERE id = ANY($1::bigint[])"
SQL_SUMMARY = "UPDATE event SET outcome = $2, decided_at = $3 WHERE id = $1"


async def summarise_late(conn: Connection, now: datetime) -> int:
    """One summary for operators of everything that came too late to be sent; how many reports it speaks of.

    Its sentence is the outcome of the newest of these events, so that it is made once, whatever is killed when.
    """
    await conn.execute(SQL_DECIDE_LOCK)
    rows = await conn.fetch(SQL_LATE, now - timedelta(days=1))
    for purpose in sorted({row["purpose"] for row in rows}):
        mine = [row for row in rows if row["purpose"] == purpose]
        ids = [row["id"] for row in mine]
        in_force = [f"{row['title']} ({row['severity']})" for row in await conn.fetch(SQL_IN_FORCE, purpose)]
        types = Counter(row["type"] for row in mine)
        sentence = summary(types, mine[0]["sent_at"], mine[-1]["sent_at"], in_force)
        expect_rows(await conn.execute(SQL_SUMMARISED, ids), len(ids), "the reports of a summary")
        expect_rows(await conn.execute(SQL_SUMMARY, ids[-1], OPERATOR + sentence, now), 1, "the summary")
    return len(rows)


def summary(types: Counter[str], first: datetime, last: datetime, in_force: Sequence[str]) -> str:
    """The sentence for operators: how many reports of which types nobody was told of, and what still holds."""
    total = sum(types.values())
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(types.items()))
    named = "; ".join(in_force[:MAX_NAMED]) or "nothing"
    more = f" and {len(in_force) - MAX_NAMED} more" if len(in_force) > MAX_NAMED else ""
    span = f"{first.astimezone(JST):%Y-%m-%d %H:%M} to {last.astimezone(JST):%m-%d %H:%M}"
    return (
        f"while we were deaf ({span} in Japan): {total} report{'s' if total != 1 else ''} ({kinds}) came too late "
        f"and were sent to nobody; still in force: {named}{more}"
    )[:480]
