"""What the auditor's pages read and write: numbers and samples without names, and signed reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from checkin.drills import HELP_HAZARD
from core.db import Connection, Record, expect_rows
from ops.auditor import SERVICE_ACTORS, Counted, SampledRow

SQL_NUMBERS = """
SELECT to_char(at AT TIME ZONE 'Asia/Tokyo', 'YYYY-MM') AS month, action,
       CASE WHEN actor = ANY($3) THEN actor ELSE '' END AS actor, count(*) AS rows,
       coalesce(sum(cardinality(subjects)), 0)::bigint AS people
FROM audit WHERE at >= $1 AND at < $2 GROUP BY 1, 2, 3
"""


async def numbers(conn: Connection, begin: datetime, end: datetime) -> list[Counted]:
    """How often each action was written in [begin, end), by month in Japan."""
    return [Counted(**dict(row.items())) for row in await conn.fetch(SQL_NUMBERS, begin, end, list(SERVICE_ACTORS))]


# The same seed draws the same rows again: an auditor can show what was looked at.
SQL_SAMPLE = """
SELECT a.id, a.at, a.staff_id, s.role, a.actor, a.action, a.subjects, a.fields, a.org_id, a.incident_id, a.detail
FROM audit a LEFT JOIN staff s ON s.id = a.staff_id
WHERE a.at >= $1 AND a.at < $2
ORDER BY md5($3 || a.id), a.id LIMIT $4
"""


async def sample_rows(conn: Connection, begin: datetime, end: datetime, seed: str, limit: int) -> list[SampledRow]:
    """Random rows of the audit log, in the order of their times."""
    rows = await conn.fetch(SQL_SAMPLE, begin, end, seed, limit)
    return sorted((_sampled(row) for row in rows), key=lambda row: (row.at, row.id))


def _sampled(row: Record) -> SampledRow:
    fields = dict(row.items())
    return SampledRow(**fields | {"subjects": tuple(row["subjects"]), "fields": tuple(row["fields"])})


@dataclass(frozen=True, slots=True)
class Decision:
    """One alert: what was heard, what was decided, for where, how many people, and how fast."""

    id: UUID
    purpose: str
    hazard: str
    severity: str
    moment: str
    revision: int
    state: str
    held_reason: str
    people: int
    areas: Sequence[dict[str, Any]]
    created_at: datetime
    done_at: datetime | None
    title: str
    source: str
    type: str
    issued_at: datetime | None
    received_at: datetime | None
    report_sha256: str


# A person's own call for help opens an incident of theirs: it is no decision of ours, and about one person.
SQL_DECISIONS = """
SELECT a.id, a.purpose, i.hazard, a.severity, a.moment, a.revision, a.state, coalesce(a.held_reason, '') AS held_reason,
       a.people, a.areas, a.created_at, a.done_at, coalesce(r.title, '') AS title, coalesce(e.source, '') AS source,
       coalesce(e.type, '') AS type, e.issued_at, e.received_at, coalesce(encode(r.sha256, 'hex'), '') AS report_sha256
FROM alert a JOIN incident i ON i.id = a.incident_id
LEFT JOIN event e ON e.id = a.event_id LEFT JOIN report r ON r.id = e.report_id
WHERE a.created_at >= $1 AND a.created_at < $2 AND a.purpose <> 'canary' AND i.hazard <> $5
ORDER BY md5($3 || a.id), a.id LIMIT $4
"""


async def sample_decisions(conn: Connection, begin: datetime, end: datetime, seed: str, limit: int) -> list[Decision]:
    """Random alerts, in the order of their times."""
    rows = await conn.fetch(SQL_DECISIONS, begin, end, seed, limit, HELP_HAZARD)
    return sorted((Decision(**dict(row.items())) for row in rows), key=lambda one: (one.created_at, one.id))


@dataclass(frozen=True, slots=True)
class Report:
    """A signed report. `document` is the canonical JSON that was signed."""

    id: UUID
    period_from: datetime
    period_to: datetime
    made_at: datetime
    document: str
    key_id: str
    signature: bytes
    public_key: bytes


SQL_ADD_REPORT = """
INSERT INTO audit_report (id, org_id, staff_id, period_from, period_to, made_at, document, key_id, signature)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


async def add_report(conn: Connection, report: Report, *, org_id: UUID, staff_id: UUID) -> None:
    """Keep a signed report; it can never be changed."""
    tag = await conn.execute(
        SQL_ADD_REPORT,
        report.id,
        org_id,
        staff_id,
        report.period_from,
        report.period_to,
        report.made_at,
        report.document,
        report.key_id,
        report.signature,
    )
    expect_rows(tag, 1, "the auditor's report")


SQL_REPORTS = """
SELECT r.id, r.period_from, r.period_to, r.made_at, r.document, r.key_id, r.signature, k.public_key
FROM audit_report r JOIN audit_key k ON k.id = r.key_id
WHERE r.org_id = $1 AND ($2::uuid IS NULL OR r.id = $2) ORDER BY r.made_at DESC LIMIT 100
"""


async def reports(conn: Connection, org_id: UUID, report_id: UUID | None = None) -> list[Report]:
    """The reports of an auditing organisation, the newest first; or the one with this id, if it is theirs."""
    return [Report(**dict(row.items())) for row in await conn.fetch(SQL_REPORTS, org_id, report_id)]
