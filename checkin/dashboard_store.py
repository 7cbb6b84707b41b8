"""Reading incidents and people for dashboards. Whoever reads names writes the audit row in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from checkin.dashboard import Delivery, EmployerRow, Person, Standing, totals
from core.db import Connection, Record, expect_rows
from core.model import Answer, Purpose, Severity
from registry.access import site_shown


class Incident(NamedTuple):
    """One incident as the heading of a page shows it."""

    id: UUID
    purpose: Purpose
    hazard: str
    title: str
    severity: Severity
    simulated: bool
    opened_at: datetime
    closed_at: datetime | None
    #: Context of its newest alert (what happened, and what was asked); {} before the first one.
    context: dict[str, Any]

    @property
    def questions(self) -> list[str]:
        """The answers its people are offered."""
        return list(self.context.get("questions") or [])


def incident_of(row: Record) -> Incident:
    """An incident from its row with `context`."""
    return Incident(
        row["id"],
        Purpose(row["purpose"]),
        row["hazard"],
        row["title"],
        Severity(row["severity"]),
        row["simulated"],
        row["opened_at"],
        row["closed_at"],
        row["context"] or {},
    )


# An organisation sees an incident once one of its people was told in it because of where they live or work; who was
# told only because of where they said they are today is in it for no organisation (only_today, here and below). A call
# for help may open an incident of its own, an OK never does: where the caller does not share answers, that incident
# does not exist for the organisation.
SQL_INCIDENTS_OF_ORG = """
SELECT i.id, i.purpose, i.hazard, i.title, i.severity, i.simulated, i.opened_at, i.closed_at,
       (SELECT a.context FROM alert a WHERE a.incident_id = i.id
        ORDER BY a.created_at DESC, a.id DESC LIMIT 1) AS context
FROM incident i
WHERE i.purpose <> 'canary'
  AND EXISTS (SELECT 1 FROM incident_resident ir JOIN membership m ON m.resident_id = ir.resident_id
              WHERE ir.incident_id = i.id AND m.org_id = ANY($1) AND m.ended_at IS NULL AND NOT ir.only_today
                AND (m.end_date IS NULL OR m.end_date >= $2)
                AND (i.hazard <> 'help' OR answer_shared(ir.resident_id, m.org_id)))
ORDER BY i.closed_at IS NOT NULL, i.purpose <> 'live', i.opened_at DESC
LIMIT 20
"""


async def incidents_of(conn: Connection, org_ids: Sequence[UUID], today: date) -> list[Incident]:
    """The incidents that touched these organisations' people: open before closed, live before drill, newest first."""
    return [incident_of(row) for row in await conn.fetch(SQL_INCIDENTS_OF_ORG, list(org_ids), today)]


SQL_INCIDENTS = """
SELECT i.id, i.purpose, i.hazard, i.title, i.severity, i.simulated, i.opened_at, i.closed_at,
       (SELECT a.context FROM alert a WHERE a.incident_id = i.id
        ORDER BY a.created_at DESC, a.id DESC LIMIT 1) AS context
FROM incident i
WHERE i.purpose <> 'canary'
ORDER BY i.closed_at IS NOT NULL, i.purpose <> 'live', i.opened_at DESC
LIMIT 20
"""


async def incidents(conn: Connection) -> list[Incident]:
    """All newest incidents, for viewers who see no names."""
    return [incident_of(row) for row in await conn.fetch(SQL_INCIDENTS)]


# One row per person of the organisation. A help call of an earlier incident that is still open counts here as well.
# c.outcome is the last thing coordinators settled since this person was asked.
# Of a person who does not share answers nothing leaves the database that could differ between OK and help: no answer,
# no case, and of the time only when the newest question was first answered (a call for help is often told in several
# steps). What came in after the end does not count for them: help would by then belong to another incident.
SQL_PEOPLE = """
SELECT r.id, r.name, r.state, ir.severity, ir.asked_at, ir.reachable, s.shared,
       CASE WHEN s.shared THEN ir.status END AS status, CASE WHEN s.shared THEN ir.status_by END AS status_by,
       CASE WHEN s.shared THEN ir.status_at ELSE quiet.at END AS status_at,
       CASE WHEN s.shared THEN ir.first_status END AS first_status,
       CASE WHEN s.shared THEN ir.first_status_at END AS first_status_at,
       m.household, coalesce(w.name, '') AS site, coalesce(d.name, '') AS dorm, m.room,
       quiet.at IS NOT NULL AS answered,
       CASE WHEN s.shared THEN open_case.reason END AS case_reason,
       CASE WHEN s.shared THEN open_case.claimed_at END AS claimed_at,
       CASE WHEN s.shared THEN last_case.outcome END AS outcome, last_case.closed_at AS outcome_at,
       s.shared AND coalesce(hurt.told, false) AS hurt, sent.channel, sent.state AS message_state,
       sent.at AS message_at, coalesce(b.kind, '') AS away, b.until AS away_until, r.reach_by
FROM incident_resident ir
JOIN incident i ON i.id = ir.incident_id
JOIN resident r ON r.id = ir.resident_id
JOIN membership m ON m.resident_id = r.id AND m.org_id = $2 AND m.ended_at IS NULL
                 AND (m.end_date IS NULL OR m.end_date >= $3)
LEFT JOIN site w ON w.id = m.workplace_id
LEFT JOIN site d ON d.id = m.dorm_id
LEFT JOIN absence b ON b.resident_id = r.id AND b.said_by = 'self' AND b.until >= $3
CROSS JOIN LATERAL (SELECT answer_shared(r.id, m.org_id) AS shared) s
LEFT JOIN LATERAL (SELECT min(k.received_at) AS at FROM check_in k
                   WHERE NOT s.shared AND k.incident_id = ir.incident_id AND k.resident_id = r.id
                     AND k.answered_by <> 'coordinator' AND k.received_at >= coalesce(ir.asked_at, ir.told_at)
                     AND (i.closed_at IS NULL OR k.received_at <= i.closed_at)) quiet ON true
LEFT JOIN case_file open_case ON open_case.resident_id = r.id AND open_case.purpose = ir.purpose
                             AND open_case.closed_at IS NULL
LEFT JOIN LATERAL (SELECT outcome, closed_at FROM case_file
                   WHERE resident_id = r.id AND incident_id = ir.incident_id AND outcome_by IS NOT NULL
                     AND closed_at >= coalesce(ir.asked_at, ir.told_at)
                   ORDER BY closed_at DESC LIMIT 1) last_case ON true
LEFT JOIN LATERAL (SELECT (k.detail->>'tell_employer')::boolean AND (k.detail->>'hurt')::boolean AS told FROM check_in k
                   WHERE k.incident_id = ir.incident_id AND k.resident_id = r.id AND k.answered_by = 'self'
                   ORDER BY k.received_at DESC LIMIT 1) hurt ON true
LEFT JOIN LATERAL (SELECT g.channel, g.state, coalesce(g.done_at, g.sent_at, g.created_at) AS at FROM message g
                   WHERE g.incident_id = ir.incident_id AND g.resident_id = r.id AND g.state <> 'cancelled'
                   ORDER BY array_position(ARRAY['delivered', 'sent', 'leased', 'pending', 'failed', 'expired'],
                                           g.state), g.id DESC
                   LIMIT 1) sent ON true
WHERE ir.incident_id = $1 AND NOT ir.only_today
ORDER BY r.id
"""


async def people_of(conn: Connection, incident_id: UUID, org_id: UUID, today: date) -> list[Person]:
    """Everybody of one organisation who was told in an incident, with what this organisation may know of them.

    The caller writes the audit row.
    """
    return [_person(row) for row in await conn.fetch(SQL_PEOPLE, incident_id, org_id, today)]


def _person(row: Record) -> Person:
    status = Answer(row["status"]) if row["status"] else None
    follow_up, follow_up_at = "", None
    if row["outcome"]:
        follow_up, follow_up_at = row["outcome"], row["outcome_at"]
    if row["claimed_at"]:
        follow_up, follow_up_at = "claimed", row["claimed_at"]
    delivery = None
    if row["channel"]:
        delivery = Delivery(row["channel"], row["message_state"], row["message_at"])
    return Person(
        id=row["id"],
        name=row["name"],
        standing=_standing(row, status),
        severity=Severity(row["severity"]),
        asked_at=row["asked_at"],
        status_at=row["status_at"],
        status_by=row["status_by"],
        first_status=Answer(row["first_status"]) if row["first_status"] else None,
        first_status_at=row["first_status_at"],
        site=site_shown(row["site"], household=row["household"]),
        dorm=row["dorm"],
        room=row["room"],
        delivery=delivery,
        hurt=row["hurt"],
        follow_up=follow_up,
        follow_up_at=follow_up_at,
        away=row["away"],
        away_until=row["away_until"],
        reach_by=row["reach_by"],
    )


def _standing(row: Record, status: Answer | None) -> Standing:
    asked_at, status_at = row["asked_at"], row["status_at"]
    return Standing(
        asked=asked_at is not None,
        reachable=row["reachable"] and row["case_reason"] != "unreachable",
        status=status,
        before_ask=row["shared"] and status_at is not None and asked_at is not None and status_at < asked_at,
        shared=row["shared"],
        answered=row["answered"],
        enrolled=row["state"] != "invited",
        help_open=row["case_reason"] == "needs_help",
    )


# People with equal facts are counted together, so that the rule that turns facts into a state stands in one place.
SQL_STANDINGS_BY_ORG = """
SELECT m.org_id, ir.asked_at IS NOT NULL AS asked,
       ir.reachable AND (NOT s.shared OR c.reason IS DISTINCT FROM 'unreachable') AS reachable,
       CASE WHEN s.shared THEN ir.status END AS status,
       s.shared AND coalesce(ir.status_at < ir.asked_at, false) AS before_ask, s.shared,
       r.state <> 'invited' AS enrolled, s.shared AND coalesce(c.reason = 'needs_help', false) AS help_open,
       quiet.at IS NOT NULL AS answered, count(*) AS people
FROM incident_resident ir
JOIN incident i ON i.id = ir.incident_id
JOIN resident r ON r.id = ir.resident_id
JOIN membership m ON m.resident_id = r.id AND m.org_id = ANY($2) AND m.ended_at IS NULL
                 AND (m.end_date IS NULL OR m.end_date >= $3)
CROSS JOIN LATERAL (SELECT answer_shared(r.id, m.org_id) AS shared) s
LEFT JOIN LATERAL (SELECT min(k.received_at) AS at FROM check_in k
                   WHERE NOT s.shared AND k.incident_id = ir.incident_id AND k.resident_id = r.id
                     AND k.answered_by <> 'coordinator' AND k.received_at >= coalesce(ir.asked_at, ir.told_at)
                     AND (i.closed_at IS NULL OR k.received_at <= i.closed_at)) quiet ON true
LEFT JOIN case_file c ON c.resident_id = r.id AND c.purpose = ir.purpose AND c.closed_at IS NULL
WHERE ir.incident_id = $1 AND NOT ir.only_today
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
"""

SQL_SUPERVISED = """
SELECT o.id, o.name, opened.last_at
FROM org_relation s JOIN organisation o ON o.id = s.other_id AND o.closed_at IS NULL
LEFT JOIN dashboard_opened opened ON opened.org_id = o.id AND opened.incident_id = $2
WHERE s.org_id = $1 AND s.kind = 'supervises'
ORDER BY o.name
"""


async def supervised_rows(conn: Connection, org_id: UUID, incident_id: UUID, today: date) -> list[EmployerRow]:
    """One row per supervised employer with people in the incident: counts, and when its dashboard was opened last."""
    employers = await conn.fetch(SQL_SUPERVISED, org_id, incident_id)
    counted: dict[UUID, list[tuple[Standing, int]]] = {}
    for row in await conn.fetch(SQL_STANDINGS_BY_ORG, incident_id, [e["id"] for e in employers], today):
        counted.setdefault(row["org_id"], []).append((standing_of(row), row["people"]))
    return [
        EmployerRow(e["id"], e["name"], totals(counted[e["id"]]), e["last_at"]) for e in employers if e["id"] in counted
    ]


def standing_of(row: Record) -> Standing:
    """How one person, or a group that stands alike, stands: from its row."""
    return Standing(
        asked=row["asked"],
        reachable=row["reachable"],
        status=Answer(row["status"]) if row["status"] else None,
        before_ask=row["before_ask"],
        shared=row["shared"],
        answered=row["answered"],
        enrolled=row["enrolled"],
        help_open=row["help_open"],
    )


SQL_SUPERVISED_IDS = """
SELECT o.id FROM org_relation s JOIN organisation o ON o.id = s.other_id AND o.closed_at IS NULL
WHERE s.org_id = $1 AND s.kind = 'supervises'
"""


async def supervised_ids(conn: Connection, org_id: UUID) -> list[UUID]:
    """The employers a supervising organisation answers for."""
    return [row["id"] for row in await conn.fetch(SQL_SUPERVISED_IDS, org_id)]


SQL_ORG_NAME = "SELECT name FROM organisation WHERE id = $1"


async def org_name(conn: Connection, org_id: UUID) -> str:
    """The name of an organisation; "" for an unknown id."""
    return await conn.fetchval(SQL_ORG_NAME, org_id) or ""


# Everybody, for the operator: states only, never names. Sharing is a matter between a person and their company.
SQL_STANDINGS = """
SELECT ir.asked_at IS NOT NULL AS asked, ir.reachable AND c.reason IS DISTINCT FROM 'unreachable' AS reachable,
       ir.status, coalesce(ir.status_at < ir.asked_at, false) AS before_ask, true AS shared,
       r.state <> 'invited' AS enrolled, coalesce(c.reason = 'needs_help', false) AS help_open, false AS answered,
       count(*) AS people
FROM incident_resident ir
JOIN resident r ON r.id = ir.resident_id
LEFT JOIN case_file c ON c.resident_id = r.id AND c.purpose = ir.purpose AND c.closed_at IS NULL
WHERE ir.incident_id = $1
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""


async def standings(conn: Connection, incident_id: UUID) -> list[tuple[Standing, int]]:
    """Everybody in an incident as (facts, how many people)."""
    return [(standing_of(row), row["people"]) for row in await conn.fetch(SQL_STANDINGS, incident_id)]


SQL_MARK_OPENED = """
INSERT INTO dashboard_opened (org_id, incident_id, first_at, last_at) VALUES ($1, $2, $3, $3)
ON CONFLICT (org_id, incident_id) DO UPDATE SET last_at = greatest(dashboard_opened.last_at, excluded.last_at)
"""


async def mark_opened(conn: Connection, org_id: UUID, incident_id: UUID, now: datetime) -> None:
    """Record that an organisation looked: like the audit log, a trace of a read."""
    expect_rows(await conn.execute(SQL_MARK_OPENED, org_id, incident_id, now), 1, "marking a dashboard as opened")


SQL_IS_OWN_PERSON = """
SELECT EXISTS (SELECT 1 FROM incident_resident ir JOIN membership m ON m.resident_id = ir.resident_id
               WHERE ir.incident_id = $1 AND ir.resident_id = $2 AND m.org_id = $3 AND m.ended_at IS NULL
                 AND NOT ir.only_today
                 AND (m.end_date IS NULL OR m.end_date >= $4))
"""


async def is_own_person(conn: Connection, incident_id: UUID, resident_id: UUID, org_id: UUID, today: date) -> bool:
    """Whether a person of an incident belongs to the organisation today."""
    return bool(await conn.fetchval(SQL_IS_OWN_PERSON, incident_id, resident_id, org_id, today))
