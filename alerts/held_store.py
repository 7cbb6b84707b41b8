"""Alerts that are held: what waits, and what becomes of it once two people have decided.

The decide loop holds what a person must look at first (alerts/decide.py says why); nothing of it leaves until it is let
go. Whoever changes why or when something is held: `list_held`, `release` and `drop` are all that the pages use.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from alerts.area_json import areas_from_json
from alerts.channel import DOUBTFUL
from alerts.fanout_store import AlertRow
from alerts.outbox_store import INCIDENT_CHANNEL
from alerts.store import SQL_STOP_ALERTS, SQL_STOP_MESSAGES
from core.audit import Actor, audit
from core.clock import JST
from core.db import Connection, expect_rows, notify
from core.model import Moment, Purpose, Severity
from core.wakeups import EVENTS_CHANNEL
from registry.approvals import ApprovalError, Kind
from registry.approvals_store import take


@dataclass(frozen=True, slots=True)
class Held:
    """One alert that waits for two people."""

    alert: AlertRow
    title: str
    hazard: str
    #: Why it is held, in the words of the decision.
    reason: str
    since: datetime
    source: str
    #: A newer report of the same matter has been decided since: this one must not be let go any more.
    superseded: bool


# key_enc is not needed to count people: links are made when the alert goes on.
SQL_HELD = """
SELECT a.id, a.incident_id, a.purpose, a.moment, a.severity, a.areas, a.context, a.created_at, a.expires_at,
       coalesce(a.held_reason, '') AS held_reason, i.title, i.hazard, coalesce(e.source, '') AS source,
       EXISTS (SELECT FROM event n WHERE n.purpose = e.purpose AND n.thread = e.thread AND n.id <> e.id
               AND n.decided_at IS NOT NULL AND (n.issued_at, n.sent_at) > (e.issued_at, e.sent_at)
               AND coalesce(n.outcome, '') NOT LIKE 'ignored%') AS superseded
FROM alert a JOIN incident i ON i.id = a.incident_id LEFT JOIN event e ON e.id = a.event_id
WHERE a.state = 'held' AND ($1::uuid IS NULL OR a.id = $1)
ORDER BY a.created_at, a.revision
"""
SQL_LOCK_HELD = "SELECT id FROM alert WHERE id = $1 AND state = 'held' FOR UPDATE"


async def list_held(conn: Connection, alert_id: UUID | None = None) -> list[Held]:
    """Every alert that waits, the oldest first; of `alert_id` only that one, [] if it waits no more."""
    return [_held(dict(row)) for row in await conn.fetch(SQL_HELD, alert_id)]


def _held(row: dict[str, Any]) -> Held:
    alert = AlertRow(
        id=row["id"],
        incident_id=row["incident_id"],
        purpose=Purpose(row["purpose"]),
        moment=Moment(row["moment"]),
        severity=Severity(row["severity"]),
        areas=areas_from_json(row["areas"]),
        context=row["context"],
        cursor=None,
        people=0,
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        key_enc=None,
    )
    hazard = row["context"].get("hazard") or row["hazard"]
    return Held(alert, row["title"], hazard, row["held_reason"], row["created_at"], row["source"], row["superseded"])


async def _locked(conn: Connection, alert_id: UUID) -> Held:
    if await conn.fetchval(SQL_LOCK_HELD, alert_id) is None:
        raise ApprovalError("superseded", f"alert {alert_id} is not held any more")
    return (await list_held(conn, alert_id))[0]


# Its times begin anew: a text is true from the moment it leaves, and reminders are counted from then on. So does who is
# looked at: while it was held, notes of people who came were taken (alerts/newcomer_tell.py).
SQL_RELEASE = """
UPDATE alert SET state = 'fanning', planned = 0, created_at = $2::timestamptz,
    expires_at = $2::timestamptz + (expires_at - created_at)
WHERE id = $1 AND state = 'held'
"""


async def release(conn: Connection, alert_id: UUID, now: datetime) -> None:
    """Let a held alert go: people are told from now on. Raises ApprovalError where it waits no more, a newer report
    has been decided since, or its life has ended."""
    held = await _locked(conn, alert_id)
    if held.superseded:
        raise ApprovalError("superseded", f"alert {alert_id}: a newer report of the same matter has been decided")
    if now >= held.alert.expires_at:
        ended = f"{held.alert.expires_at.astimezone(JST):%H:%M}"
        raise ApprovalError(
            "too_late", f"alert {alert_id}: what it says held until {ended} in Japan; it is too old now"
        )
    expect_rows(await conn.execute(SQL_RELEASE, alert_id, now), 1, f"the release of alert {alert_id}")
    if held.alert.moment in (Moment.CANCEL, Moment.CORRECT) and held.alert.of:
        await conn.execute(SQL_STOP_ALERTS, held.alert.of, now)
        await conn.execute(SQL_STOP_MESSAGES, held.alert.of, now, f"^({DOUBTFUL})$")
    await notify(conn, EVENTS_CHANNEL)
    await notify(conn, INCIDENT_CHANNEL, str(held.alert.incident_id))


SQL_DROP_HELD = "UPDATE alert SET state = 'stopped', done_at = $2 WHERE id = $1 AND state = 'held'"


async def drop(conn: Connection, alert_id: UUID, now: datetime) -> None:
    """Never send a held alert. Raises ApprovalError where it waits no more."""
    held = await _locked(conn, alert_id)
    expect_rows(await conn.execute(SQL_DROP_HELD, alert_id, now), 1, f"the end of alert {alert_id}")
    await notify(conn, INCIDENT_CHANNEL, str(held.alert.incident_id))


async def carry_out_held(conn: Connection, approval_id: UUID, actor: Actor, now: datetime) -> None:
    """Do what two people decided about an alert. Raises ApprovalError: not approved, too old, or it waits no more."""
    payload = await take(conn, approval_id, Kind.HELD_RELEASE, now)
    alert_id, letting_go = UUID(payload["alert"]), payload["do"] == "release"
    await (release if letting_go else drop)(conn, alert_id, now)
    action = "held.release" if letting_go else "held.drop"
    await audit(conn, actor, action, at=now, detail={"alert": str(alert_id), "approval": str(approval_id)})
