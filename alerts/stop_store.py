"""Stopping what has not been handed over, in the database: one alert for good, or everything until somebody resumes.

A stop of everything is one row that every claim of every worker asks for: from its commit on nothing more is taken from
the outbox, on any machine. A stop of one alert ends it, and cancels what waits of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from alerts.channel import DOUBTFUL
from alerts.outbox_store import INCIDENT_CHANNEL, MESSAGES_CHANNEL
from core.audit import Actor, audit
from core.db import Connection, Pool, notify
from core.wakeups import EVENTS_CHANNEL

#: Error codes after which a message may have left, for SQL.
IN_DOUBT: Final = f"^({DOUBTFUL})$"
#: Longest sentence of why.
MAX_WHY: Final = 300


class StopError(RuntimeError):
    """It cannot be stopped or resumed. `key`: the sentence for the page."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = f"staff.sending.problem.{key}"


@dataclass(frozen=True, slots=True)
class Stop:
    """The stop of everything that is on: since when, by whom, why."""

    at: datetime
    by: str
    why: str


SQL_STOPPED = """
SELECT x.stopped_at AS at, s.name AS by, x.why FROM sending_stop x JOIN staff s ON s.id = x.stopped_by
WHERE x.alert_id IS NULL AND x.resumed_at IS NULL
"""


async def stopped(conn: Connection | Pool) -> Stop | None:
    """The stop of everything, if it is on."""
    row = await conn.fetchrow(SQL_STOPPED)
    return None if row is None else Stop(**dict(row))


SQL_STOP_ALL = """
INSERT INTO sending_stop (why, stopped_by, stopped_at) VALUES ($1, $2, $3)
ON CONFLICT ((alert_id IS NULL)) WHERE alert_id IS NULL AND resumed_at IS NULL DO NOTHING
"""
SQL_RESUME = """
UPDATE sending_stop SET resumed_by = $1, resumed_at = $2 WHERE alert_id IS NULL AND resumed_at IS NULL
"""
SQL_OPEN_INCIDENTS = "SELECT id FROM incident WHERE closed_at IS NULL"


async def stop_everything(conn: Connection, why: str, by: UUID, actor: Actor, now: datetime) -> None:
    """From the commit on no worker takes anything from the outbox. Raises StopError where it is stopped already."""
    if await conn.execute(SQL_STOP_ALL, why, by, now) != "INSERT 0 1":
        raise StopError("already", "everything is stopped already")
    await audit(conn, actor, "sending.stop", at=now, detail={"why": why})
    await _tell_pages(conn)


async def resume(conn: Connection, by: UUID, actor: Actor, now: datetime) -> None:
    """Go on with what is still true. Raises StopError where nothing is stopped."""
    if await conn.execute(SQL_RESUME, by, now) != "UPDATE 1":
        raise StopError("not_stopped", "nothing is stopped")
    await audit(conn, actor, "sending.resume", at=now)
    await notify(conn, MESSAGES_CHANNEL)
    await _tell_pages(conn)


async def _tell_pages(conn: Connection) -> None:
    """Workers look at once; boards and dashboards that are open show the banner, or take it away."""
    await notify(conn, MESSAGES_CHANNEL)
    for row in await conn.fetch(SQL_OPEN_INCIDENTS):
        await notify(conn, INCIDENT_CHANNEL, str(row["id"]))


SQL_STOP_ALERT = "SELECT stop_alert($1, $2, $3, $4, $5)"
SQL_INCIDENT_OF = "SELECT incident_id FROM alert WHERE id = $1"


async def stop_alert(conn: Connection, alert_id: UUID, why: str, by: UUID, actor: Actor, now: datetime) -> int:
    """End one alert: how many messages will not leave. What is in flight finishes. Raises StopError: it had ended."""
    kept: int | None = await conn.fetchval(SQL_STOP_ALERT, alert_id, why, by, IN_DOUBT, now)
    if kept is None:
        raise StopError("gone", f"alert {alert_id} does not exist or was stopped before")
    incident: UUID = await conn.fetchval(SQL_INCIDENT_OF, alert_id)
    detail = {"alert": str(alert_id), "why": why, "kept": kept}
    await audit(conn, actor, "sending.stop_alert", at=now, incident_id=incident, detail=detail)
    await notify(conn, INCIDENT_CHANNEL, str(incident))
    return kept


@dataclass(frozen=True, slots=True)
class Sending:
    """One alert as the page of sending shows it, with what became of its messages."""

    id: UUID
    incident_id: UUID
    title: str
    hazard: str
    purpose: str
    moment: str
    severity: str
    state: str
    source: str
    created_at: datetime
    people: int
    waiting: int
    in_flight: int
    handed_over: int
    cancelled: int
    failed: int
    stopped_at: datetime | None
    stopped_by: str | None
    why: str | None

    @property
    def can_stop(self) -> bool:
        """Something of it may still leave: messages that wait, people not reached yet, reminders to come."""
        return self.state in ("fanning", "held") or (self.state == "done" and self.stopped_at is None)

    @property
    def can_cancel(self) -> bool:
        """It told somebody something that a cancellation can take back."""
        return self.moment in ("issue", "update", "correct", "reminder") and self.handed_over + self.in_flight > 0


# The newest alerts of incidents that are open. Counted over the index that finds a person's messages.
SQL_SENDING = """
SELECT a.id, a.incident_id, i.title, coalesce(a.context ->> 'hazard', i.hazard) AS hazard, a.purpose, a.moment,
       a.severity, a.state, coalesce(a.context ->> 'source', '') AS source, a.created_at, a.people,
       n.waiting, n.in_flight, n.handed_over, n.cancelled, n.failed,
       s.stopped_at, p.name AS stopped_by, s.why
FROM alert a JOIN incident i ON i.id = a.incident_id
LEFT JOIN sending_stop s ON s.alert_id = a.id LEFT JOIN staff p ON p.id = s.stopped_by
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE m.state = 'pending')::int AS waiting,
           count(*) FILTER (WHERE m.state = 'leased')::int AS in_flight,
           count(*) FILTER (WHERE m.state IN ('sent', 'delivered'))::int AS handed_over,
           count(*) FILTER (WHERE m.state IN ('cancelled', 'expired'))::int AS cancelled,
           count(*) FILTER (WHERE m.state = 'failed')::int AS failed
    FROM message m WHERE m.incident_id = a.incident_id AND m.alert_id = a.id) AS n
WHERE i.closed_at IS NULL AND a.purpose <> 'canary' AND ($1::uuid IS NULL OR a.id = $1)
ORDER BY a.created_at DESC, a.revision DESC LIMIT $2
"""


async def sending(conn: Connection, alert_id: UUID | None = None, most: int = 30) -> list[Sending]:
    """The newest alerts of open incidents, the newest first; of `alert_id` only that one."""
    return [Sending(**dict(row)) for row in await conn.fetch(SQL_SENDING, alert_id, most)]


SQL_WAITING_NOW = """
SELECT count(*) FILTER (WHERE purpose = 'live')::int AS live, count(*) FILTER (WHERE purpose <> 'live')::int AS other
FROM message WHERE state = 'pending' AND due_at <= $1 AND expires_at > $1
"""


async def waiting_now(conn: Connection, now: datetime) -> tuple[int, int]:
    """Messages that would leave now if nothing was stopped: (live, drills and tests)."""
    row = await conn.fetchrow(SQL_WAITING_NOW, now)
    assert row is not None
    return row["live"], row["other"]


# Every alert that one report and its other versions made in this incident, with its reminders.
SQL_OF_REPORT = """
SELECT k.id FROM alert a LEFT JOIN event e ON e.id = a.event_id
JOIN alert k ON k.incident_id = a.incident_id LEFT JOIN event ke ON ke.id = k.event_id
WHERE a.id = $1 AND k.moment IN ('issue', 'update', 'correct', 'reminder') AND k.purpose = a.purpose
  AND k.context ->> 'hazard' IS NOT DISTINCT FROM a.context ->> 'hazard'
  AND (k.id = a.id OR ke.thread = e.thread)
ORDER BY k.revision
"""
# Over the same contacts as fan-out will use (fanout_store.SQL_REACHED).
SQL_HEARD = """
SELECT count(DISTINCT resident_id)::int FROM message
WHERE incident_id = $1 AND alert_id = ANY($2::uuid[]) AND resident_id IS NOT NULL
  AND (state IN ('leased', 'sent', 'delivered') OR error_code ~ $3)
"""


async def alerts_of_report(conn: Connection, alert_id: UUID) -> list[UUID]:
    """The alerts that a cancellation of this one takes back, oldest first: what that report made us say."""
    return [row["id"] for row in await conn.fetch(SQL_OF_REPORT, alert_id)]


async def people_who_heard(conn: Connection, incident_id: UUID, alerts: list[UUID]) -> int:
    """How many people these alerts reached, or may have reached."""
    number: int = await conn.fetchval(SQL_HEARD, incident_id, alerts, IN_DOUBT)
    return number


SQL_WRITE_CANCEL = "SELECT write_cancel($1, $2, $3, $4)"


async def write_cancel(conn: Connection, approval_id: UUID, new_alert: UUID, now: datetime) -> UUID:
    """The cancellation that an approval (taken by this transaction) describes; the incident's id."""
    incident: UUID = await conn.fetchval(SQL_WRITE_CANCEL, approval_id, new_alert, IN_DOUBT, now)
    await notify(conn, EVENTS_CHANNEL)
    await notify(conn, INCIDENT_CHANNEL, str(incident))
    return incident
