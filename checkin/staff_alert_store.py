"""The link of a message to staff, in the database: what it opens, on which device, and how it ends."""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from alerts.staff_call_store import LINK_LASTS
from checkin.dashboard_store import Incident
from core.audit import Actor
from core.db import Connection, expect_rows
from core.ids import uuid7
from core.model import Purpose, Role, Severity
from core.tokens import link_token, token_hash

#: No link of staff works longer than this after its incident has closed.
AFTER_CLOSE: Final = timedelta(hours=24)


class StaffAlert(NamedTuple):
    """A link that works: whose it is, for which incident, and whether a device has opened it."""

    id: UUID
    staff_id: UUID
    name: str
    language: str
    role: Role
    org_id: UUID
    org_name: str
    #: The organisations it supervises.
    below: tuple[UUID, ...]
    incident: Incident
    expires_at: datetime
    device_sha256: bytes | None

    @property
    def actor(self) -> Actor:
        return Actor("staff link", self.staff_id, self.org_id)


# It ends with the account and with the organisation, and when the account moves to another organisation.
SQL_FIND = """
SELECT a.id, a.staff_id, s.name, s.language, s.role, a.org_id, o.name AS org_name, a.expires_at, a.device_sha256,
       ARRAY(SELECT r.other_id FROM org_relation r WHERE r.org_id = a.org_id AND r.kind = 'supervises') AS below,
       i.id AS incident_id, i.purpose, i.hazard, i.title, i.severity, i.simulated, i.opened_at, i.closed_at
FROM staff_alert a
JOIN staff s ON s.id = a.staff_id AND s.org_id = a.org_id AND s.disabled_at IS NULL
JOIN organisation o ON o.id = a.org_id AND o.closed_at IS NULL
JOIN incident i ON i.id = a.incident_id
WHERE a.token_sha256 = $1 AND a.revoked_at IS NULL AND a.expires_at > $2
  AND (i.closed_at IS NULL OR i.closed_at > $2 - $3::interval)
"""


async def find_alert(conn: Connection, token_sha256: bytes, now: datetime) -> StaffAlert | None:
    """What a token opens; None if it is unknown, ended or taken back, which look the same from outside."""
    row = await conn.fetchrow(SQL_FIND, token_sha256, now, AFTER_CLOSE)
    if row is None:
        return None
    incident = Incident(
        row["incident_id"],
        Purpose(row["purpose"]),
        row["hazard"],
        row["title"],
        Severity(row["severity"]),
        row["simulated"],
        row["opened_at"],
        row["closed_at"],
        {},
    )
    return StaffAlert(
        row["id"],
        row["staff_id"],
        row["name"],
        row["language"],
        Role(row["role"]),
        row["org_id"],
        row["org_name"],
        tuple(row["below"]),
        incident,
        row["expires_at"],
        row["device_sha256"],
    )


SQL_BIND = """
UPDATE staff_alert SET device_sha256 = $2, opened_at = $3
WHERE id = $1 AND device_sha256 IS NULL AND revoked_at IS NULL
"""


async def bind(conn: Connection, alert_id: UUID, device_sha256: bytes, now: datetime) -> bool:
    """The first device to open a link keeps it; False for any other."""
    return bool(await conn.execute(SQL_BIND, alert_id, device_sha256, now) == "UPDATE 1")


class Dorm(NamedTuple):
    """A dorm of the own organisation with people who were told in an incident."""

    id: UUID
    name: str
    people: int


SQL_DORMS = """
SELECT d.id, d.name, count(*)::int AS people
FROM incident_resident ir
JOIN membership m ON m.resident_id = ir.resident_id AND m.org_id = $2 AND m.ended_at IS NULL
                 AND (m.end_date IS NULL OR m.end_date >= $3)
JOIN site d ON d.id = m.dorm_id AND d.org_id = $2
WHERE ir.incident_id = $1 AND NOT ir.only_today GROUP BY d.id, d.name ORDER BY d.name
"""


async def dorms_of(conn: Connection, incident_id: UUID, org_id: UUID, today: date) -> list[Dorm]:
    """The dorms somebody can go to, by name."""
    return [Dorm(**dict(row.items())) for row in await conn.fetch(SQL_DORMS, incident_id, org_id, today)]


class BoardCounts(NamedTuple):
    """How many people wait on the board of a purpose; no names."""

    needs_help: int
    unreachable: int
    silent: int
    #: Of all of them, those whom nobody has taken on.
    free: int


SQL_BOARD = """
SELECT count(*) FILTER (WHERE c.reason = 'needs_help') AS needs_help,
       count(*) FILTER (WHERE c.reason = 'unreachable') AS unreachable,
       count(*) FILTER (WHERE c.reason = 'silent') AS silent,
       count(*) FILTER (WHERE c.claimed_by IS NULL OR c.claim_expires_at <= $2) AS free
FROM case_file c JOIN incident i ON i.id = c.incident_id AND i.closed_at IS NULL
WHERE c.purpose = $1 AND c.closed_at IS NULL
"""


async def board_counts(conn: Connection, purpose: Purpose, now: datetime) -> BoardCounts:
    """The numbers of the board."""
    row = await conn.fetchrow(SQL_BOARD, purpose.value, now)
    return BoardCounts(**dict(row.items())) if row else BoardCounts(0, 0, 0, 0)


# ---------------------------------------------------------------- one's own links, after signing in


class OwnLink(NamedTuple):
    """One of one's own links, as the account page lists it."""

    id: UUID
    title: str
    created_at: datetime
    opened_at: datetime | None
    expires_at: datetime


SQL_OWN = """
SELECT a.id, i.title, a.created_at, a.opened_at, a.expires_at
FROM staff_alert a JOIN incident i ON i.id = a.incident_id
WHERE a.staff_id = $1 AND a.revoked_at IS NULL AND a.expires_at > $2 ORDER BY a.created_at DESC, a.id DESC LIMIT 50
"""


async def own_links(conn: Connection, staff_id: UUID, now: datetime) -> list[OwnLink]:
    """One's links that still work, the newest first."""
    return [OwnLink(**dict(row.items())) for row in await conn.fetch(SQL_OWN, staff_id, now)]


SQL_REVOKE = "UPDATE staff_alert SET revoked_at = $3 WHERE id = $1 AND staff_id = $2 AND revoked_at IS NULL"


async def revoke(conn: Connection, alert_id: UUID, staff_id: UUID, now: datetime) -> None:
    """End one of one's own links at once. Raises WriteMismatch if there is none such."""
    expect_rows(await conn.execute(SQL_REVOKE, alert_id, staff_id, now), 1, "the link")


SQL_REVOKE_OLDER = """
UPDATE staff_alert SET revoked_at = $3 WHERE staff_id = $1 AND incident_id = $2 AND revoked_at IS NULL
"""
SQL_NEW_LINK = """
INSERT INTO staff_alert (id, token_sha256, org_id, staff_id, incident_id, created_at, expires_at, device_sha256,
                         opened_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $6)
"""


async def new_link(
    conn: Connection, *, org_id: UUID, staff_id: UUID, incident_id: UUID, device_sha256: bytes, now: datetime
) -> str:
    """A new link that this device has opened already; the older ones for the incident end. Returns its token."""
    await conn.execute(SQL_REVOKE_OLDER, staff_id, incident_id, now)
    link_id = uuid7()
    token = link_token(os.urandom(32), link_id)
    tag = await conn.execute(
        SQL_NEW_LINK,
        link_id,
        token_hash(token),
        org_id,
        staff_id,
        incident_id,
        now,
        now + LINK_LASTS,
        device_sha256,
    )
    expect_rows(tag, 1, "a new link of staff")
    return token
