"""Who sent an SMS, which incident it answers, and what became of the answer."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from checkin.drills import HELP_AFTER_END
from checkin.help_store import live_incident_for_help
from checkin.link_store import IncidentView, incident_view
from checkin.store import record_check_in
from core.crypto import Vault
from core.db import Connection, Record
from core.model import Answer, AnsweredBy

SQL_SEEN = "INSERT INTO sms_reply (provider_id, at, read_as) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"


async def is_new(conn: Connection, provider_id: str, read_as: str, now: datetime) -> bool:
    """Whether this reply comes for the first time; it counts as read. Call in the transaction that follows it."""
    tag: str = await conn.execute(SQL_SEEN, provider_id, now, read_as)
    return tag != "INSERT 0 0"


class Replier:
    """A person whose number it is, and the newest open incident that asked them (None: nothing is open)."""

    __slots__ = ("incident", "language", "resident_id")

    def __init__(self, row: Record) -> None:
        self.resident_id: UUID = row["resident_id"]
        self.language: str = row["language"]
        self.incident: IncidentView | None = incident_view(row) if row["incident_id"] is not None else None


# Incidents that asked come before those that only told; of the others the newest. A number that the provider once
# called dead is alive if somebody writes from it.
SQL_REPLIERS = """
SELECT r.id AS resident_id, r.language, t.*
FROM (SELECT DISTINCT resident_id FROM contact
      WHERE channel = 'phone' AND address_bidx = ANY($1::bytea[]) AND resident_id IS NOT NULL) AS k
JOIN resident AS r ON r.id = k.resident_id AND r.state IN ('invited', 'enrolled', 'paused')
LEFT JOIN LATERAL (
    SELECT i.id AS incident_id, i.purpose, i.hazard, i.severity, i.simulated, i.opened_at, i.closed_at, a.context
    FROM incident_resident AS ir
    JOIN incident AS i ON i.id = ir.incident_id AND i.closed_at IS NULL AND i.purpose <> 'canary'
    LEFT JOIN alert AS a ON a.id = ir.last_alert_id
    WHERE ir.resident_id = r.id
    ORDER BY (ir.asked_at IS NOT NULL) DESC, i.opened_at DESC, i.id DESC LIMIT 1
) AS t ON true
ORDER BY r.id
"""


async def repliers(conn: Connection, vault: Vault, phone: str) -> list[Replier]:
    """The people with this number (E.164), each with what they answer."""
    return [Replier(row) for row in await conn.fetch(SQL_REPLIERS, vault.blind_indexes("phone", phone))]


STOPPED: Final = "STOP"
SQL_STOP = """
UPDATE contact SET state = 'opted_out', state_reason = $2
WHERE channel = 'phone' AND address_bidx = ANY($1::bytea[]) AND state <> 'opted_out'
"""
# Also who was found to have stopped when a message was refused (Twilio's error 21610).
SQL_START = """
UPDATE contact SET state = 'unproven', state_reason = ''
WHERE channel = 'phone' AND address_bidx = ANY($1::bytea[]) AND state = 'opted_out'
"""


async def stop_or_start(conn: Connection, vault: Vault, phone: str, *, stop: bool) -> int:
    """A person stops, or allows again, SMS to their number. To how many contacts it belongs."""
    indexes = vault.blind_indexes("phone", phone)
    tag = await (conn.execute(SQL_STOP, indexes, STOPPED) if stop else conn.execute(SQL_START, indexes))
    return int(tag.rpartition(" ")[2])


async def keep_answer(conn: Connection, vault: Vault, who: Replier, answer: Answer, note: str, now: datetime) -> UUID:
    """Store a person's own answer, with their words; in which incident. A call for help opens one if need be."""
    if who.incident is None:
        incident_id = await live_incident_for_help(conn, vault, who.resident_id, HELP_AFTER_END, now)
    else:
        incident_id = who.incident.id
    recorded = await record_check_in(
        conn,
        vault,
        incident_id=incident_id,
        resident_id=who.resident_id,
        answer=answer,
        answered_by=AnsweredBy.SELF,
        via="sms",
        tapped_at=None,
        now=now,
        note=note or None,
    )
    return recorded.incident_id
