"""A cancellation started by hand: what it takes back, whom it reaches and what they will read; two people agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from alerts.area_json import areas_from_json
from alerts.audience import Sample, audience_of
from alerts.decision import Tell
from alerts.deps import Deps
from alerts.fanout_store import AlertRow
from alerts.rule_book import rule_at
from alerts.rule_store import refresh
from alerts.stop_store import alerts_of_report, people_who_heard, write_cancel
from core.audit import Actor, audit
from core.db import Connection
from core.ids import uuid7
from core.model import Moment, Purpose, Severity
from registry.approvals import Kind
from registry.approvals_store import propose, take

#: As migrations/0029: "it was wrong" stays true longer than a warning.
LIFE: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What would be taken back: the alerts, how many people heard of them, and the texts that take it back."""

    title: str
    hazard: str
    incident_id: UUID
    alerts: tuple[UUID, ...]
    people: int
    samples: tuple[Sample, ...]


SQL_NEWEST = """
SELECT a.id, a.incident_id, a.purpose, a.severity, a.areas, a.context, i.title, i.hazard
FROM alert a JOIN incident i ON i.id = a.incident_id
WHERE a.id = ANY($1::uuid[]) AND i.closed_at IS NULL ORDER BY a.revision DESC LIMIT 1
"""


async def cancellation(deps: Deps, conn: Connection, alert_id: UUID, now: datetime) -> Cancellation | None:
    """What a cancellation of this alert would do now; None where nobody heard of it. `conn` sees every row."""
    alerts = await alerts_of_report(conn, alert_id)
    row = await conn.fetchrow(SQL_NEWEST, alerts)
    if row is None:
        return None
    people = await people_who_heard(conn, row["incident_id"], alerts)
    if not people:
        return None
    await refresh(conn, deps.rules)
    alert = _row_of(row, alerts, now)
    hazard = str(alert.context.get("hazard") or row["hazard"])
    rule = rule_at(deps.rules, hazard, str(alert.context.get("rule", "")))
    told = await audience_of(deps, conn, alert, rule, now)
    return Cancellation(row["title"], hazard, row["incident_id"], tuple(alerts), people, told.samples)


def _row_of(row: Mapping[str, Any], alerts: list[UUID], now: datetime) -> AlertRow:
    """The alert that write_cancel (migrations/0029) would make now."""
    context = row["context"] | {
        "moment": Moment.CANCEL.value,
        "tell": Tell.TOLD.value,
        "of": [str(one) for one in alerts],
        "source": "manual",
        "office": "",
        "issued_at": now.isoformat(),
        "valid_until": None,
        "earlier_at": row["context"]["issued_at"],
    }
    return AlertRow(
        id=uuid7(),
        incident_id=row["incident_id"],
        purpose=Purpose(row["purpose"]),
        moment=Moment.CANCEL,
        severity=Severity(row["severity"]),
        areas=areas_from_json(row["areas"]),
        context=context,
        cursor=None,
        people=0,
        created_at=now,
        expires_at=now + LIFE,
        key_enc=None,
    )


async def propose_cancel(
    conn: Connection, found: Cancellation, says: Mapping[str, Any], by: UUID, now: datetime
) -> UUID:
    """Ask for the second person. `says`: what they read (approvals.SAYS). Raises ApprovalError."""
    payload = {**says, "alerts": [str(alert) for alert in found.alerts]}
    return await propose(conn, Kind.ALERT_CANCEL, payload, by, now)


async def carry_out_cancel(conn: Connection, approval_id: UUID, actor: Actor, now: datetime) -> None:
    """Take back what two people agreed on: nothing more of it leaves, and whoever heard of it is told.

    Raises ApprovalError: not approved, or too old.
    """
    payload = await take(conn, approval_id, Kind.ALERT_CANCEL, now)
    incident = await write_cancel(conn, approval_id, uuid7(), now)
    detail = {"alerts": payload["alerts"], "approval": str(approval_id)}
    await audit(conn, actor, "alert.cancel", at=now, incident_id=incident, detail=detail)
