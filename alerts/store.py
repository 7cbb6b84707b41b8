"""Decisions in the database: what is known before one, and what one changes. Called inside one transaction."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from alerts.area_json import areas_from_json, areas_to_json
from alerts.decide import Act, AlertPlan, FactsOnly, Known, OpenIncident, ToldAlert, codes_of
from alerts.outbox_store import INCIDENT_CHANNEL
from alerts.policy import closes_at
from alerts.rules import Rule
from core.crypto import Vault
from core.db import Connection, Pool, expect_rows, notify
from core.event_json import event_from_json
from core.ids import uuid7
from core.model import AreaCode, Event, Moment, Purpose, Severity

#: A text whose rule names no life is true for this long.
DEFAULT_LIFE: Final = timedelta(hours=1)
#: "It is over" and "it was wrong" stay true longer than a warning.
AFTERWARDS_LIFE: Final = timedelta(hours=6)


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
SQL_NEXT_EVENT = """
SELECT id, purpose, payload FROM event WHERE decided_at IS NULL ORDER BY received_at, id LIMIT 1 FOR UPDATE
"""


async def next_event(conn: Connection) -> RawEvent | None:
    """The oldest undecided event, locked; None if there is none. Holds the decide lock until the transaction ends."""
    await conn.execute(SQL_DECIDE_LOCK)
    row = await conn.fetchrow(SQL_NEXT_EVENT)
    if row is None:
        return None
    return RawEvent(row["id"], Purpose(row["purpose"]), row["payload"])


SQL_INCIDENTS = """
SELECT id, key, hazard, event_ids, last_round_at, facts FROM incident WHERE purpose = $1 AND closed_at IS NULL
"""
SQL_THREAD = """
SELECT issued_at, sent_at, message_type, payload ->> 'serial' AS serial FROM event
WHERE purpose = $1 AND thread = $2 AND decided_at IS NOT NULL AND id <> $3
ORDER BY issued_at DESC, sent_at DESC LIMIT 20
"""
SQL_TOLD = """
SELECT a.id, a.incident_id, a.moment, a.severity, a.areas FROM alert AS a
JOIN event AS e ON e.id = a.event_id
JOIN incident AS i ON i.id = a.incident_id
WHERE e.purpose = $1 AND e.thread = $2 AND i.closed_at IS NULL AND a.state <> 'held'
  AND a.moment IN ('issue', 'update', 'correct', 'reminder')
ORDER BY a.created_at, a.revision
"""


async def known_for(conn: Connection | Pool, event: Event, purpose: Purpose, event_id: int) -> Known:
    """What a decision on `event` may go by. `event_id`: its own row (0 for an event that is not stored)."""
    incidents = [
        OpenIncident(
            row["id"],
            row["key"],
            row["hazard"],
            frozenset(row["event_ids"]),
            row["last_round_at"],
            frozenset(AreaCode(*code.split(":", 1)) for code in row["facts"].get("codes", ())),
        )
        for row in await conn.fetch(SQL_INCIDENTS, purpose.value)
    ]
    orders = [
        _order(row["issued_at"], row["sent_at"], row["message_type"], row["serial"])
        for row in await conn.fetch(SQL_THREAD, purpose.value, event.thread, event_id)
    ]
    told = [
        ToldAlert(
            row["id"],
            row["incident_id"],
            Moment(row["moment"]),
            Severity(row["severity"]),
            areas_from_json(row["areas"]),
        )
        for row in await conn.fetch(SQL_TOLD, purpose.value, event.thread)
    ]
    return Known(purpose, tuple(incidents), max(orders, default=None), tuple(told))


def _order(
    issued_at: datetime, sent_at: datetime, message_type: str, serial: str
) -> tuple[datetime, datetime, int, int]:
    """`Event.order` of a stored event."""
    rank = {"correct": 1, "cancel": 2}.get(message_type, 0)
    return (issued_at, sent_at, rank, int(serial) if serial and serial.isdigit() else 0)


SQL_DECIDED = "UPDATE event SET decided_at = $2, outcome = $3 WHERE id = $1 AND decided_at IS NULL"


async def mark_decided(conn: Connection | Pool, event_id: int, outcome: str, now: datetime) -> None:
    """Answer for an event. Raises WriteMismatch if somebody else has."""
    expect_rows(await conn.execute(SQL_DECIDED, event_id, now, outcome[:500]), 1, f"the decision on event {event_id}")


SQL_FICTIONAL = "SELECT value FROM deployment WHERE key = 'fictional'"
SQL_LINK_EVENT = "INSERT INTO incident_event (incident_id, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
SQL_ADD_FACTS = """
UPDATE incident SET facts = facts || $2::jsonb,
    event_ids = (SELECT array_agg(DISTINCT e) FROM unnest(event_ids || $3::text[]) AS e)
WHERE id = $1
"""


async def is_fictional(conn: Connection | Pool) -> bool:
    """Whether this database holds a fictional registry: every text and page then says so."""
    return bool(await conn.fetchval(SQL_FICTIONAL))


async def apply_facts(conn: Connection, row: EventRow, decision: FactsOnly, now: datetime) -> None:
    """Let the incident know what the event says about the quake itself."""
    await conn.execute(SQL_LINK_EVENT, decision.incident_id, row.id)
    tag = await conn.execute(SQL_ADD_FACTS, decision.incident_id, _facts(row.event), list(row.event.event_ids))
    expect_rows(tag, 1, f"the facts of incident {decision.incident_id}")
    await mark_decided(conn, row.id, decision.reason, now)
    await notify(conn, INCIDENT_CHANNEL, str(decision.incident_id))


SQL_OPEN_INCIDENT = """
INSERT INTO incident (id, purpose, hazard, key, title, severity, simulated, event_ids, facts, key_enc, opened_at,
                      last_round_at, closes_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)
"""
SQL_JOIN_INCIDENT = """
UPDATE incident SET
    severity = CASE WHEN array_position($8::text[], $2) > array_position($8::text[], severity) THEN $2::text
                    ELSE severity END,
    event_ids = (SELECT coalesce(array_agg(DISTINCT e), '{}') FROM unnest(event_ids || $3::text[]) AS e),
    facts = facts || $4::jsonb || jsonb_build_object('codes', (
        SELECT coalesce(jsonb_agg(DISTINCT c), '[]'::jsonb)
        FROM (SELECT jsonb_array_elements_text(coalesce(facts -> 'codes', '[]'::jsonb)) AS c
              UNION SELECT unnest($5::text[])) AS codes)),
    last_round_at = CASE WHEN $6::boolean THEN $7::timestamptz ELSE last_round_at END
WHERE id = $1 AND closed_at IS NULL
"""
SQL_CLOSES_AT = """
UPDATE incident SET closes_at = CASE
    WHEN $3::boolean THEN $2::timestamptz ELSE greatest(closes_at, $2) END
WHERE id = $1 AND (NOT $3 OR NOT EXISTS (
    SELECT 1 FROM (
        SELECT DISTINCT ON (e.thread) a.moment FROM alert AS a JOIN event AS e ON e.id = a.event_id
        WHERE a.incident_id = $1 AND a.moment <> 'reminder' ORDER BY e.thread, a.revision DESC) AS newest
    WHERE newest.moment NOT IN ('lift', 'cancel')))
"""
SQL_INSERT_ALERT = """
INSERT INTO alert (id, incident_id, event_id, purpose, revision, moment, severity, areas, context, state, held_reason,
                   created_at, expires_at)
SELECT $1, $2, $3, $4, coalesce(max(revision), 0) + 1, $5, $6, $7, $8, $9, $10, $11, $12
FROM alert WHERE incident_id = $2
"""
SQL_EARLIER = "SELECT max((context ->> 'issued_at')::timestamptz) FROM alert WHERE id = ANY($1::uuid[])"
# What is withdrawn or replaced stops at once: nobody new is told, and what still waits in the outbox never leaves.
SQL_STOP_ALERTS = "UPDATE alert SET state = 'stopped', done_at = $2 WHERE id = ANY($1::uuid[]) AND state = 'fanning'"
SQL_STOP_MESSAGES = """
UPDATE message SET state = 'cancelled', done_at = $2, error_code = 'withdrawn'
WHERE alert_id = ANY($1::uuid[]) AND state = 'pending'
"""


async def apply_act(conn: Connection, vault: Vault, row: EventRow, decision: Act, rule: Rule, now: datetime) -> UUID:
    """Open or join the incident and make the alerts; fan-out goes on from there. Returns the incident's id."""
    event = row.event
    simulated = await is_fictional(conn)
    severity = max((plan.severity for plan in decision.alerts), key=lambda s: s.rank)
    moments = {plan.moment for plan in decision.alerts}
    raising = bool(moments & {Moment.ISSUE, Moment.UPDATE, Moment.CORRECT})
    lifted = not raising
    codes = sorted(
        {f"{c.scheme}:{c.code}" for p in decision.alerts if p.moment is not Moment.LIFT for c in codes_of(p.areas)}
    )
    ends = closes_at(now, event.hazard, severity, rule.incident_end_h, lifted=lifted)
    incident_id = decision.incident_id
    if incident_id is None:
        incident_id = uuid7()
        await conn.execute(
            SQL_OPEN_INCIDENT,
            incident_id,
            row.purpose.value,
            event.hazard,
            decision.key,
            decision.title,
            severity.value,
            simulated,
            list(event.event_ids),
            {**_facts(event), "codes": codes},
            vault.encrypt(os.urandom(32), incident_id, "incident.key_enc"),
            now,
            ends,
        )
    else:
        tag = await conn.execute(
            SQL_JOIN_INCIDENT,
            incident_id,
            severity.value,
            list(event.event_ids),
            _facts(event) if raising else {},
            codes,
            raising and severity.asks,
            now,
            [s.value for s in Severity],
        )
        expect_rows(tag, 1, f"joining incident {incident_id}")
    await conn.execute(SQL_LINK_EVENT, incident_id, row.id)
    for plan in decision.alerts:
        await insert_alert(conn, row, incident_id, plan, rule, now, simulated=simulated, hold=decision.hold)
        if plan.of and plan.moment in (Moment.CANCEL, Moment.CORRECT) and decision.hold is None:
            await conn.execute(SQL_STOP_ALERTS, list(plan.of), now)
            await conn.execute(SQL_STOP_MESSAGES, list(plan.of), now)
    await conn.execute(SQL_CLOSES_AT, incident_id, ends, lifted)
    outcome = ", ".join(f"{plan.moment} ({plan.severity})" for plan in decision.alerts)
    await mark_decided(conn, row.id, f"held: {decision.hold}" if decision.hold else outcome, now)
    await notify(conn, INCIDENT_CHANNEL, str(incident_id))
    return incident_id


async def insert_alert(
    conn: Connection,
    row: EventRow,
    incident_id: UUID,
    plan: AlertPlan,
    rule: Rule,
    now: datetime,
    *,
    simulated: bool,
    hold: str | None = None,
) -> UUID:
    """One alert row; fan-out takes it from there. Returns its id."""
    alert_id = uuid7()
    earlier = await earlier_issue(conn, plan.of)
    await conn.execute(
        SQL_INSERT_ALERT,
        alert_id,
        incident_id,
        row.id,
        row.purpose.value,
        plan.moment.value,
        plan.severity.value,
        areas_to_json(plan.areas),
        alert_context(row.event, plan, rule, simulated=simulated, earlier=earlier),
        "fanning" if hold is None else "held",
        hold,
        now,
        now + life_of(plan, rule),
    )
    return alert_id


def life_of(plan: AlertPlan, rule: Rule) -> timedelta:
    """How long the texts of an alert stay true."""
    if plan.moment in (Moment.CANCEL, Moment.LIFT):
        return AFTERWARDS_LIFE
    return timedelta(seconds=rule.life_s[plan.severity]) if plan.severity in rule.life_s else DEFAULT_LIFE


async def earlier_issue(conn: Connection, alerts: Sequence[UUID]) -> datetime | None:
    """When the newest of these alerts was announced by its source: what a correction refers to."""
    if not alerts:
        return None
    found: datetime | None = await conn.fetchval(SQL_EARLIER, list(alerts))
    return found


def alert_context(
    event: Event, plan: AlertPlan, rule: Rule, *, simulated: bool, earlier: datetime | None = None
) -> dict[str, Any]:
    """What pages and texts need to know about an alert, and what fan-out needs to resume it."""
    worst = next((r for r in plan.areas if r.severity == plan.severity), None)
    return {
        "hazard": event.hazard,
        "source": event.source,
        "rule": rule.version,
        "event_type": event.type,
        "moment": plan.moment.value,
        "severity": plan.severity.value,
        "max_level": None if worst is None else worst.level,
        "title_ja": event.title,
        "office": event.office,
        "issued_at": event.issued_at.isoformat(),
        "headline": event.headline,
        "event_ids": list(event.event_ids),
        "questions": [answer.value for answer in rule.asks(plan.severity)],
        "simulated": simulated,
        "epicentre": _facts(event).get("epicentre"),
        "tell": plan.tell.value,
        "of": [str(alert_id) for alert_id in plan.of],
        "again_if_stronger": plan.again_if_stronger,
        "earlier_at": None if earlier is None else earlier.isoformat(),
    }


def _facts(event: Event) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if event.hypocenter is not None:
        facts["epicentre"] = {
            "name_ja": event.hypocenter.name,
            "lat": event.hypocenter.lat,
            "lon": event.hypocenter.lon,
            "depth_km": event.hypocenter.depth_km,
            "magnitude": event.hypocenter.magnitude,
            "magnitude_text": event.hypocenter.magnitude_text,
        }
    if event.occurred_at is not None:
        facts["occurred_at"] = event.occurred_at.isoformat()
    return facts
