"""Reading cases for coordinators. Names only of people who agreed to it; whoever reads writes the audit row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from checkin.cases import Claim
from checkin.cases_store import NOTE_COLUMN
from checkin.triage import DormCount, OpenCase
from core.crypto import Vault
from core.db import Connection, Record
from core.model import Answer, CaseReason, Purpose, Role, Severity
from registry.access import may_see_place, may_see_workplace

SQL_OPEN_PURPOSES = "SELECT DISTINCT purpose FROM incident WHERE closed_at IS NULL AND purpose <> 'canary'"


async def open_purposes(conn: Connection) -> set[Purpose]:
    """Whether anything real, or any drill, is open: without that nobody sees the board's people."""
    return {Purpose(row["purpose"]) for row in await conn.fetch(SQL_OPEN_PURPOSES)}


# A municipality is the dorm's, else the home's, else the workplace's; where only the place of today was meant, that.
SQL_OPEN_CASES = """
SELECT c.id, c.purpose, c.resident_id, c.incident_id, c.reason, c.reason_since, c.dorm_id, c.claimed_by,
       c.claim_expires_at, s.name AS claimed_name, coalesce(ir.severity, i.severity) AS severity,
       d.name AS dorm_name, coalesce(o.name, '') AS org_name, coalesce(m.room, '') AS room,
       r.name, r.state, r.language, r.second_language, r.protected, coalesce(c3.given, false) AS named,
       coalesce((SELECT pa.code FROM place_area pa
                 WHERE pa.scheme = 'jis' AND pa.place_id = coalesce(
                     d.place_id,
                     (SELECT rp.place_id FROM resident_place rp WHERE rp.resident_id = r.id
                      ORDER BY (rp.kind = 'today') = coalesce(ir.only_today, false) DESC, rp.kind = 'work' LIMIT 1))
                 ORDER BY pa.code LIMIT 1), '') AS municipality,
       looked.closed_at AS missing_at, r.reach_by
FROM case_file c
JOIN incident i ON i.id = c.incident_id AND i.closed_at IS NULL
JOIN resident r ON r.id = c.resident_id
LEFT JOIN incident_resident ir ON ir.incident_id = c.incident_id AND ir.resident_id = c.resident_id
LEFT JOIN site d ON d.id = c.dorm_id
LEFT JOIN LATERAL (SELECT m.org_id, m.room FROM membership m WHERE m.resident_id = r.id AND m.ended_at IS NULL
                   ORDER BY m.dorm_id = c.dorm_id DESC NULLS LAST, m.created_at LIMIT 1) m ON true
LEFT JOIN organisation o ON o.id = m.org_id
LEFT JOIN staff s ON s.id = c.claimed_by
LEFT JOIN LATERAL (SELECT given FROM consent WHERE resident_id = r.id AND scope = 'C3'
                   ORDER BY id DESC LIMIT 1) c3 ON true
LEFT JOIN LATERAL (SELECT e.closed_at FROM case_file e
                   WHERE e.resident_id = c.resident_id AND e.purpose = c.purpose AND e.outcome = 'missing'
                     AND e.closed_at >= i.opened_at
                   ORDER BY e.closed_at DESC LIMIT 1) looked ON true
WHERE c.purpose = $1 AND c.closed_at IS NULL
  AND ($2::uuid IS NULL OR c.dorm_id = $2) AND ($3::uuid IS NULL OR c.id = $3)
ORDER BY c.id
"""


async def open_cases(
    conn: Connection, purpose: Purpose, *, dorm_id: UUID | None = None, case_id: UUID | None = None
) -> list[OpenCase]:
    """Open cases of a purpose: all, those of one dorm, or one. The caller writes the audit row with the names shown."""
    return [_open_case(row) for row in await conn.fetch(SQL_OPEN_CASES, purpose.value, dorm_id, case_id)]


def _open_case(row: Record) -> OpenCase:
    claim = None
    if row["claimed_by"] is not None:
        claim = Claim(row["claimed_by"], row["claimed_name"], row["claim_expires_at"])
    enrolled = row["state"] == "enrolled"
    named = enrolled and row["named"]
    # A protected person stands alone and nowhere: dorm, town and company would all say where they are.
    placed = may_see_place(Role.COORDINATOR, protected=row["protected"])
    return OpenCase(
        id=row["id"],
        purpose=Purpose(row["purpose"]),
        resident_id=row["resident_id"],
        incident_id=row["incident_id"],
        reason=CaseReason(row["reason"]),
        severity=Severity(row["severity"]),
        since=row["reason_since"],
        dorm_id=row["dorm_id"] if placed else None,
        dorm_name=(row["dorm_name"] or "") if placed else "",
        municipality=row["municipality"] if placed else "",
        org_name=row["org_name"] if placed else "",
        name=row["name"] if named else None,
        enrolled=enrolled,
        languages=tuple(tag for tag in (row["language"], row["second_language"]) if tag),
        room=row["room"] if named and placed else "",
        claim=claim,
        missing_at=row["missing_at"],
        reach_by=row["reach_by"],
    )


SQL_DORM_COUNTS = """
SELECT m.dorm_id, count(DISTINCT ir.resident_id) AS asked,
       count(DISTINCT ir.resident_id) FILTER (WHERE ir.status IS NULL OR ir.status_at < ir.asked_at) AS silent
FROM membership m
JOIN incident_resident ir ON ir.resident_id = m.resident_id AND ir.purpose = $1 AND ir.asked_at IS NOT NULL
     AND NOT ir.only_today
JOIN incident i ON i.id = ir.incident_id AND i.closed_at IS NULL
WHERE m.dorm_id = ANY($2) AND m.ended_at IS NULL
GROUP BY m.dorm_id
"""


async def dorm_counts(conn: Connection, purpose: Purpose, dorm_ids: Sequence[UUID]) -> dict[UUID, DormCount]:
    """Per dorm: people asked in open incidents, and how many of them have not answered."""
    rows = await conn.fetch(SQL_DORM_COUNTS, purpose.value, list(dorm_ids))
    return {row["dorm_id"]: DormCount(row["asked"], row["silent"]) for row in rows}


# ---------------------------------------------------------------- one unit


class Need(NamedTuple):
    """What a person said about themselves: the answer, ticks such as "trapped", and their own words."""

    answer: Answer
    answered_by: str
    detail: dict[str, Any]
    note: str
    at: datetime


SQL_NEEDS = """
SELECT DISTINCT ON (k.resident_id) k.resident_id, k.id, k.answer, k.answered_by, k.detail, k.note_enc, k.received_at
FROM check_in k
JOIN incident i ON i.id = k.incident_id AND i.closed_at IS NULL
WHERE k.resident_id = ANY($1) AND k.purpose = $2
ORDER BY k.resident_id, k.received_at DESC, k.id DESC
"""


async def needs(conn: Connection, vault: Vault, purpose: Purpose, resident_ids: Sequence[UUID]) -> dict[UUID, Need]:
    """The newest thing each person (or somebody for them) has said in the open incidents."""
    return {
        row["resident_id"]: Need(
            Answer(row["answer"]),
            row["answered_by"],
            row["detail"],
            vault.decrypt(row["note_enc"], row["id"], "check_in.note_enc") if row["note_enc"] else "",
            row["received_at"],
        )
        for row in await conn.fetch(SQL_NEEDS, list(resident_ids), purpose.value)
    }


class Callee(NamedTuple):
    """Somebody to call first: the dorm's leader or deputy, or a clerk of the organisation."""

    #: "leader", "deputy" or "staff"
    part: str
    name: str
    #: "resident" or "staff", and whose contacts a reveal shows.
    kind: str
    id: UUID
    can_reveal: bool
    languages: tuple[str, ...] = ()


# The organisation's clerks stand in for a dorm without a leader, and for people nobody may name.
SQL_CALLEES = """
SELECT l.rank, r.name, 'resident' AS kind, r.id, r.language,
       EXISTS (SELECT 1 FROM contact k WHERE k.resident_id = r.id AND k.state <> 'opted_out') AS can_reveal
FROM site_leader l JOIN resident r ON r.id = l.resident_id
WHERE l.site_id = $1
UNION ALL
SELECT l.rank, s.name, 'staff', s.id, s.language,
       EXISTS (SELECT 1 FROM contact k WHERE k.staff_id = s.id AND k.state <> 'opted_out')
FROM site_leader l JOIN staff s ON s.id = l.staff_id AND s.disabled_at IS NULL
WHERE l.site_id = $1
UNION ALL
(SELECT 4, s.name, 'staff', s.id, s.language, true
 FROM staff s
 WHERE s.org_id = ANY($2) AND s.disabled_at IS NULL
   AND EXISTS (SELECT 1 FROM contact k WHERE k.staff_id = s.id AND k.state <> 'opted_out')
 ORDER BY s.created_at LIMIT 3)
ORDER BY 1
"""


async def callees(conn: Connection, dorm_id: UUID | None, org_ids: Sequence[UUID]) -> list[Callee]:
    """Whom to call before visiting, in order."""
    parts = {1: "leader", 2: "deputy", 3: "night_contact", 4: "staff"}
    rows = await conn.fetch(SQL_CALLEES, dorm_id, list(org_ids))
    return [
        Callee(parts[row["rank"]], row["name"], row["kind"], row["id"], row["can_reveal"], (row["language"],))
        for row in rows
    ]


class House(NamedTuple):
    """Where a dorm is and its telephone: an organisation's own data."""

    name: str
    org_name: str
    address: str
    landline: str


SQL_HOUSE = """
SELECT s.id, s.name, o.name AS org_name, s.landline_enc, p.id AS place_id, p.label, p.address_enc
FROM site s JOIN organisation o ON o.id = s.org_id LEFT JOIN place p ON p.id = s.place_id
WHERE s.id = $1
"""


async def house(conn: Connection, vault: Vault, site_id: UUID) -> House | None:
    """Address and landline of a dorm."""
    row = await conn.fetchrow(SQL_HOUSE, site_id)
    if row is None:
        return None
    address = row["label"] or ""
    if row["address_enc"]:
        address = vault.decrypt(row["address_enc"], row["place_id"], "place.address_enc")
    landline = vault.decrypt(row["landline_enc"], row["id"], "site.landline_enc") if row["landline_enc"] else ""
    return House(row["name"], row["org_name"], "" if address == row["name"] else address, landline)


SQL_ORGS_OF = """
SELECT DISTINCT m.org_id FROM membership m WHERE m.resident_id = ANY($1) AND m.ended_at IS NULL
"""


async def orgs_of(conn: Connection, resident_ids: Sequence[UUID]) -> list[UUID]:
    """The organisations these people belong to now."""
    return [row["org_id"] for row in await conn.fetch(SQL_ORGS_OF, list(resident_ids))]


class Entry(NamedTuple):
    """One line of what was done about a unit."""

    at: datetime
    action: str
    staff_name: str
    note: str


SQL_HISTORY = """
SELECT n.case_id, n.action, n.at, n.note_enc, coalesce(s.name, '') AS staff_name
FROM case_note n LEFT JOIN staff s ON s.id = n.staff_id
WHERE n.case_id = ANY($1)
   OR n.case_id IN (SELECT e.id FROM case_file e JOIN case_file c ON c.resident_id = e.resident_id
                                                 AND c.purpose = e.purpose AND c.incident_id = e.incident_id
                    WHERE c.id = ANY($1))
ORDER BY n.at DESC, n.id DESC
LIMIT 200
"""


async def history(conn: Connection, vault: Vault, case_ids: Sequence[UUID]) -> list[Entry]:
    """What was done about these cases and their people's earlier ones of the incident, newest first.

    A line that stands on several cases of a unit appears once.
    """
    entries: dict[Entry, None] = {}
    for row in await conn.fetch(SQL_HISTORY, list(case_ids)):
        note = vault.decrypt(row["note_enc"], row["case_id"], NOTE_COLUMN) if row["note_enc"] else ""
        entries.setdefault(Entry(row["at"], row["action"], row["staff_name"], note))
    return list(entries)


# ---------------------------------------------------------------- revealing one person's contacts


class Reach(NamedTuple):
    """One way to reach a person: the channel, and the number, address or handle."""

    channel: str
    address: str
    dead: bool


SQL_REACH = """
SELECT id, channel, address_enc, state FROM contact
WHERE (resident_id = $1 OR staff_id = $2) AND state <> 'opted_out' AND channel <> 'push'
  AND NOT (channel = 'line' AND kind = 'address') -- LINE's number of an account opens nothing
ORDER BY kind, created_at
"""


async def reach(
    conn: Connection, vault: Vault, *, resident_id: UUID | None = None, staff_id: UUID | None = None
) -> list[Reach]:
    """The numbers and handles of one person. The caller has checked the right to them and writes the audit row."""
    return [
        Reach(
            row["channel"],
            vault.decrypt(row["address_enc"], row["id"], "contact.address_enc"),
            row["state"] == "dead",
        )
        for row in await conn.fetch(SQL_REACH, resident_id, staff_id)
    ]


SQL_WORKPLACE = """
SELECT p.id, p.label, p.address_enc, r.protected,
       EXISTS (SELECT FROM membership m WHERE m.resident_id = r.id AND m.household AND m.ended_at IS NULL) AS household
FROM resident_place rp JOIN place p ON p.id = rp.place_id JOIN resident r ON r.id = rp.resident_id
WHERE rp.resident_id = $1 AND rp.kind = 'work'
"""


async def work_address(conn: Connection, vault: Vault, role: Role, resident_id: UUID, *, help_asked: bool) -> str:
    """Where one person works; "" if unknown or not to be told (access.may_see_workplace).

    As private as the home: only with a reason and an audit row.
    """
    row = await conn.fetchrow(SQL_WORKPLACE, resident_id)
    if row is None or not may_see_workplace(
        role, household=row["household"], help_asked=help_asked, protected=row["protected"]
    ):
        return ""
    return vault.decrypt(row["address_enc"], row["id"], "place.address_enc") if row["address_enc"] else row["label"]


SQL_HOME = """
SELECT p.id, p.label, p.address_enc FROM resident_place rp JOIN place p ON p.id = rp.place_id
JOIN resident r ON r.id = rp.resident_id AND NOT r.protected
WHERE rp.resident_id = $1 AND rp.kind = 'home'
"""


async def home_address(conn: Connection, vault: Vault, resident_id: UUID) -> str:
    """Where one person lives; "" if unknown or protected.

    As private as the number: only with a reason and an audit row.
    """
    row = await conn.fetchrow(SQL_HOME, resident_id)
    if row is None:
        return ""
    return vault.decrypt(row["address_enc"], row["id"], "place.address_enc") if row["address_enc"] else row["label"]
