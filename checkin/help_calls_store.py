"""Calls for help of which a coordinator has not heard yet, and the record that they have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from alerts.staff_call_store import Uncalled
from checkin.help_calls import Call
from core.db import Connection, Pool, expect_rows
from core.model import Moment, Purpose, Severity

SQL_ANY = """
SELECT EXISTS (SELECT FROM case_file c JOIN incident i ON i.id = c.incident_id AND i.closed_at IS NULL
               WHERE c.closed_at IS NULL AND c.reason = 'needs_help')
"""


async def any_call(conn: Connection | Pool) -> bool:
    """Whether anybody needs help: asked every second, nearly always no."""
    return bool(await conn.fetchval(SQL_ANY))


# Nobody is called about what somebody has taken on already. Of a protected person no place leaves the board.
SQL_CALLS = """
SELECT c.id, c.purpose, c.incident_id, c.reason_since,
       CASE WHEN r.protected THEN '' ELSE coalesce((
           SELECT pa.code FROM place_area pa
           WHERE pa.scheme = 'jis' AND pa.place_id = coalesce(
               d.place_id,
               (SELECT rp.place_id FROM resident_place rp WHERE rp.resident_id = r.id
                ORDER BY (rp.kind = 'today') = coalesce(ir.only_today, false) DESC, rp.kind = 'work' LIMIT 1))
           ORDER BY pa.code LIMIT 1), '') END AS municipality
FROM case_file c
JOIN incident i ON i.id = c.incident_id AND i.closed_at IS NULL AND i.key_enc IS NOT NULL AND i.purpose <> 'canary'
JOIN resident r ON r.id = c.resident_id
LEFT JOIN site d ON d.id = c.dorm_id
LEFT JOIN incident_resident ir ON ir.incident_id = c.incident_id AND ir.resident_id = c.resident_id
WHERE c.closed_at IS NULL AND c.reason = 'needs_help' AND (c.claimed_by IS NULL OR c.claim_expires_at <= $1)
ORDER BY c.reason_since, c.id
"""


async def open_calls(conn: Connection, now: datetime) -> list[Call]:
    """Open calls for help that nobody has taken on, the oldest first."""
    return [
        Call(row["id"], Purpose(row["purpose"]), row["incident_id"], row["municipality"])
        for row in await conn.fetch(SQL_CALLS, now)
    ]


SQL_TOLD = (
    "SELECT case_id, staff_id, at FROM help_told WHERE staff_id = ANY($1::uuid[]) AND (case_id = ANY($2) OR at > $3)"
)


class Heard(NamedTuple):
    """What one coordinator was told before: of which calls, and when last."""

    cases: frozenset[UUID]
    last_at: datetime | None


async def heard_by(
    conn: Connection, staff_ids: Sequence[UUID], cases: Collection[UUID], since: datetime
) -> dict[UUID, Heard]:
    """For each of these staff: which of these cases they were told of, and when they were last told since `since`."""
    found: dict[UUID, Heard] = {}
    for row in await conn.fetch(SQL_TOLD, list(staff_ids), list(cases), since):
        known = found.get(row["staff_id"], Heard(frozenset(), None))
        last = row["at"] if known.last_at is None else max(known.last_at, row["at"])
        found[row["staff_id"]] = Heard(known.cases | {row["case_id"]}, last)
    return found


SQL_KEEP = """
INSERT INTO help_told (case_id, staff_id, at) SELECT c, $2, $3 FROM unnest($1::uuid[]) AS c
"""


async def keep_told(conn: Connection, staff_id: UUID, cases: Sequence[UUID], now: datetime) -> None:
    """This coordinator has been told of these calls."""
    tag = await conn.execute(SQL_KEEP, list(cases), staff_id, now)
    expect_rows(tag, len(cases), f"calls for help told to {staff_id}")


# The newest alert of the incident carries the message: its texts and its outbox rows belong to an alert.
SQL_ALERT = """
SELECT a.id, a.incident_id, a.purpose, a.context, a.expires_at, a.created_at, i.key_enc, i.simulated
FROM alert a JOIN incident i ON i.id = a.incident_id
WHERE a.incident_id = $1 ORDER BY a.created_at DESC, a.id DESC LIMIT 1
"""


async def alert_of(conn: Connection, incident_id: UUID) -> Uncalled:
    """The incident's newest alert, as messages to staff take it; help is always as urgent as can be."""
    row = await conn.fetchrow(SQL_ALERT, incident_id)
    return Uncalled(
        row["id"],
        row["incident_id"],
        Purpose(row["purpose"]),
        Moment.ISSUE,
        Severity.EXTREME,
        dict(row["context"]) | {"simulated": row["simulated"]},
        row["expires_at"],
        row["created_at"],
        row["key_enc"],
    )
