"""Decisions in the database: what is known before one, and what one changes. Called inside one transaction."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from alerts.area_json import areas_to_json
from alerts.channel import DOUBTFUL
from alerts.decision import Act, AlertPlan, FactsOnly, Tell
from alerts.event_store import EventRow, mark_decided
from alerts.incident_facts import epicentre_of, facts_with
from alerts.joining import QUAKE_FAMILY, quake_of, same_quake, worst_of
from alerts.outbox_store import INCIDENT_CHANNEL
from alerts.policy import closes_at
from alerts.rating import codes_of, ends_at, listed_municipalities
from alerts.rules import Rule
from core.crypto import Vault
from core.db import Connection, Pool, expect_rows, notify
from core.event_json import event_from_json
from core.ids import uuid7
from core.model import Event, Moment, Severity

#: Moments that say that something holds, rather than that it is over.
RAISING: Final = (Moment.ISSUE, Moment.UPDATE, Moment.CORRECT)
#: A text whose rule names no life is true for this long.
DEFAULT_LIFE: Final = timedelta(hours=1)
#: "It is over" and "it was wrong" stay true longer than a warning.
AFTERWARDS_LIFE: Final = timedelta(hours=6)


SQL_FICTIONAL = "SELECT value FROM deployment WHERE key = 'fictional'"
SQL_LINK_EVENT = "INSERT INTO incident_event (incident_id, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
# Only the decide loop writes facts, one decision at a time: what is read here is still true when it is written.
SQL_FACTS = "SELECT facts FROM incident WHERE id = $1 AND closed_at IS NULL FOR UPDATE"
SQL_SET_FACTS = """
UPDATE incident SET facts = $2,
    event_ids = (SELECT coalesce(array_agg(DISTINCT e), '{}') FROM unnest(event_ids || $3::text[]) AS e)
WHERE id = $1
"""


async def is_fictional(conn: Connection | Pool) -> bool:
    """Whether this database holds a fictional registry: every text and page then says so."""
    return bool(await conn.fetchval(SQL_FICTIONAL))


async def apply_facts(conn: Connection, row: EventRow, decision: FactsOnly, now: datetime) -> None:
    """Let the incident know what the event says about the quake itself, or which bulletin came."""
    await _add_facts(conn, decision.incident_id, row.id, row.event)
    await mark_decided(conn, row.id, decision.reason, now, operator=decision.operator)
    await notify(conn, INCIDENT_CHANNEL, str(decision.incident_id))


async def _add_facts(conn: Connection, incident_id: UUID, event_id: int, event: Event) -> None:
    facts = await conn.fetchval(SQL_FACTS, incident_id)
    await conn.execute(SQL_LINK_EVENT, incident_id, event_id)
    ids = list(event.event_ids) if event.hazard in QUAKE_FAMILY else []
    tag = await conn.execute(SQL_SET_FACTS, incident_id, facts_with(facts, event), ids)
    expect_rows(tag, 1, f"the facts of incident {incident_id}")


# What was heard about the same quake before it had an incident: the hypocentre alone, the world's catalogue.
SQL_EARLIER_FACTS = """
SELECT id, payload FROM event
WHERE purpose = $1 AND hazard = 'earthquake' AND status = 'actual' AND decided_at IS NOT NULL AND id <> $2
  AND received_at >= $3::timestamptz - interval '1 hour' AND (type IN ('VXSE52', 'VXSE61') OR source = 'usgs')
  AND message_type <> 'cancel' AND NOT EXISTS (SELECT FROM incident_event AS ie WHERE ie.event_id = event.id)
ORDER BY issued_at, id LIMIT 50
"""


async def adopt_facts(conn: Connection, incident_id: UUID, row: EventRow) -> None:
    """Give a quake's incident what was heard of the quake before."""
    this = quake_of(row.event)
    began = this.at or row.event.issued_at
    for earlier in await conn.fetch(SQL_EARLIER_FACTS, row.purpose.value, row.id, began):
        event = event_from_json(earlier["payload"])
        if same_quake(quake_of(event), this):
            await _add_facts(conn, incident_id, earlier["id"], event)


SQL_OPEN_INCIDENT = """
INSERT INTO incident (id, purpose, hazard, key, title, severity, simulated, event_ids, facts, key_enc, opened_at,
                      last_round_at, closes_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)
"""
# The window for aftershocks runs from the last round that was sent: fan-out moves last_round_at, not the decision.
SQL_JOIN_INCIDENT = """
UPDATE incident SET
    severity = CASE WHEN array_position($5::text[], $2) > array_position($5::text[], severity) THEN $2::text
                    ELSE severity END,
    event_ids = (SELECT coalesce(array_agg(DISTINCT e), '{}') FROM unnest(event_ids || $3::text[]) AS e),
    facts = $4
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
# A held report is moot once a newer one of its thread has been decided.
SQL_STOP_HELD = """
UPDATE alert AS a SET state = 'stopped', done_at = $4, held_reason = held_reason || ' (superseded by a newer report)'
FROM event AS e
WHERE e.id = a.event_id AND a.state = 'held' AND a.people = 0 AND e.purpose = $1 AND e.thread = $2 AND e.id <> $3
"""
# What is withdrawn or replaced stops at once: nobody new is told, and what still waits in the outbox never leaves.
SQL_STOP_ALERTS = "UPDATE alert SET state = 'stopped', done_at = $2 WHERE id = ANY($1::uuid[]) AND state = 'fanning'"
# The code of a try that may have left stays: the correction goes there too.
SQL_STOP_MESSAGES = """
UPDATE message SET state = 'cancelled', done_at = $2,
    error_code = CASE WHEN error_code ~ $3 THEN error_code ELSE 'withdrawn' END
WHERE alert_id = ANY($1::uuid[]) AND state = 'pending'
"""


async def stop_held(conn: Connection, row: EventRow, now: datetime) -> None:
    """Drop what is held of older reports of this event's thread."""
    await conn.execute(SQL_STOP_HELD, row.purpose.value, row.event.thread, row.id, now)


async def apply_act(conn: Connection, vault: Vault, row: EventRow, decision: Act, rule: Rule, now: datetime) -> UUID:
    """Open or join the incident and make the alerts; fan-out goes on from there. Returns the incident's id."""
    event = row.event
    simulated = await is_fictional(conn)
    severity = worst_of(plan.severity for plan in decision.alerts)
    lifted = not any(p.moment in RAISING and p.tell in (Tell.MATCHED, Tell.TOLD) for p in decision.alerts)
    codes = {code for p in decision.alerts if p.tell is Tell.MATCHED for code in codes_of(p.areas)}
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
            facts_with({}, event, codes=codes, in_force=decision.in_force),
            vault.encrypt(os.urandom(32), incident_id, "incident.key_enc"),
            now,
            ends,
        )
    else:
        facts = await conn.fetchval(SQL_FACTS, incident_id)
        tag = await conn.execute(
            SQL_JOIN_INCIDENT,
            incident_id,
            severity.value,
            list(event.event_ids),
            facts_with(facts, event, codes=codes, in_force=decision.in_force),
            [s.value for s in Severity],
        )
        expect_rows(tag, 1, f"joining incident {incident_id}")
    await conn.execute(SQL_LINK_EVENT, incident_id, row.id)
    if event.hazard == "earthquake":
        await adopt_facts(conn, incident_id, row)
    for plan in decision.alerts:
        await insert_alert(conn, row, incident_id, plan, rule, now, simulated=simulated, hold=decision.hold)
        if plan.tell is Tell.TOLD and plan.moment in (Moment.CANCEL, Moment.CORRECT) and decision.hold is None:
            await conn.execute(SQL_STOP_ALERTS, list(plan.of), now)
            await conn.execute(SQL_STOP_MESSAGES, list(plan.of), now, f"^({DOUBTFUL})$")
    await conn.execute(SQL_CLOSES_AT, incident_id, ends, lifted)
    outcome = ", ".join(f"{plan.moment} ({plan.severity})" for plan in decision.alerts)
    said = f"held: {decision.hold}" if decision.hold else outcome
    await mark_decided(conn, row.id, said, now, operator=decision.operator)
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
        _expires_at(row.event, plan, rule, now),
    )
    return alert_id


def _expires_at(event: Event, plan: AlertPlan, rule: Rule, now: datetime) -> datetime:
    """A text is never sent after its life, nor after the source's own end of what it says."""
    ends = now + life_of(plan, rule)
    until = ends_at(event)
    return ends if until is None or until <= now or plan.moment not in RAISING else min(ends, until)


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
        "epicentre": epicentre_of(event),
        "tell": plan.tell.value,
        "of": [str(alert_id) for alert_id in plan.of],
        "again_if_stronger": plan.again_if_stronger,
        "valid_until": None if (until := ends_at(event)) is None else until.isoformat(),
        "listed": listed_municipalities(event),
        "earlier_at": None if earlier is None else earlier.isoformat(),
    }
