"""What is known before a decision, gathered from the database."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from alerts.area_json import areas_from_json
from alerts.decision import Known, OpenIncident, Order, Quake, ToldAlert
from alerts.incident_facts import codes_from, in_force_from, quakes_from
from alerts.joining import quake_of
from core.db import Connection, Pool
from core.model import AreaCode, Event, Hypocenter, Moment, Purpose, Severity

SQL_INCIDENTS = """
SELECT id, key, hazard, event_ids, last_round_at, facts FROM incident WHERE purpose = $1 AND closed_at IS NULL
"""
# A report from the future (held, whatever it says) supersedes nothing that is true today.
SQL_THREAD = """
SELECT issued_at, sent_at, message_type, payload ->> 'serial' AS serial, outcome ^@ 'operator: ' AS operator
FROM event
WHERE purpose = $1 AND thread = $2 AND decided_at IS NOT NULL AND id <> $3
  AND issued_at <= decided_at + interval '2 minutes'
ORDER BY issued_at DESC, sent_at DESC LIMIT 20
"""
# Areas are read for the event's own thread; of others it is enough to know that they told somebody.
SQL_TOLD = """
SELECT a.id, a.incident_id, a.moment, a.severity, e.thread, e.source,
       CASE WHEN e.thread = $2 THEN a.areas ELSE '[]'::jsonb END AS areas
FROM alert AS a
JOIN event AS e ON e.id = a.event_id
JOIN incident AS i ON i.id = a.incident_id
WHERE i.purpose = $1 AND i.closed_at IS NULL AND e.purpose = $1
  AND (e.thread = $2 OR e.hazard = $3 AND (e.hazard <> 'earthquake' OR e.source = 'p2pquake'))
  AND NOT (a.people = 0 AND a.state IN ('held', 'stopped'))
  AND a.moment IN ('issue', 'update', 'correct', 'reminder')
ORDER BY a.created_at, a.revision
"""
SQL_DETAILED = """
SELECT issued_at, sent_at, message_type, payload ->> 'serial' AS serial FROM event
WHERE purpose = $1 AND hazard = 'earthquake' AND type = 'VXSE53' AND status = 'actual' AND event_ids && $2::text[]
  AND received_at >= $3::timestamptz - interval '1 hour' AND decided_at IS NOT NULL
ORDER BY issued_at DESC, sent_at DESC LIMIT 1
"""
SQL_ORIGINALS = """
SELECT event_ids, issued_at, payload ->> 'occurred_at' AS occurred_at, payload -> 'hypocenter' AS place,
       (SELECT coalesce(array_agg(area ->> 'code'), '{}') FROM jsonb_array_elements(payload -> 'areas') AS area
        WHERE area ->> 'scheme' = 'jma.quake_area') AS quake_areas
FROM event
WHERE purpose = $1 AND hazard = 'earthquake' AND source = 'jma' AND status = 'actual' AND message_type <> 'cancel'
  AND received_at >= $2::timestamptz - interval '1 hour' AND issued_at <= $2::timestamptz + interval '2 hours'
ORDER BY received_at DESC LIMIT 200
"""
SQL_ORIGINAL_TSUNAMI = """
SELECT max(issued_at) FROM event
WHERE purpose = $1 AND hazard = 'tsunami' AND type = 'VTSE41' AND status = 'actual'
  AND issued_at >= $2::timestamptz - interval '1 hour'
"""
_RANK: Final = {"correct": 1, "cancel": 2}


async def known_for(conn: Connection | Pool, event: Event, purpose: Purpose, event_id: int) -> Known:
    """What a decision on `event` may go by. `event_id`: its own row (0 for an event that is not stored)."""
    thread = await conn.fetch(SQL_THREAD, purpose.value, event.thread, event_id)
    detailed: Order | None = None
    originals: tuple[Quake, ...] = ()
    tsunami: datetime | None = None
    if event.type == "VXSE51" and event.event_ids:
        row = await conn.fetchrow(SQL_DETAILED, purpose.value, list(event.event_ids), event.issued_at)
        detailed = None if row is None else order_of(*row)
    if event.source != "jma" and event.hazard == "earthquake":
        originals = await _originals(conn, event, purpose)
    if event.source != "jma" and event.hazard == "tsunami":
        tsunami = await conn.fetchval(SQL_ORIGINAL_TSUNAMI, purpose.value, event.issued_at)
    return Known(
        purpose,
        incidents=await _incidents(conn, purpose),
        newest=max((order_of(*row[:4]) for row in (tuple(r) for r in thread)), default=None),
        told=await _told(conn, event, purpose),
        detailed=detailed,
        originals=originals,
        original_tsunami=tsunami,
        operator_told=any(row["operator"] for row in thread),
    )


async def _incidents(conn: Connection | Pool, purpose: Purpose) -> tuple[OpenIncident, ...]:
    return tuple(
        OpenIncident(
            row["id"],
            row["key"],
            row["hazard"],
            frozenset(row["event_ids"]),
            row["last_round_at"],
            codes_from(row["facts"].get("codes", ())),
            quakes_from(row["facts"], row["event_ids"]),
            in_force_from(row["facts"]),
        )
        for row in await conn.fetch(SQL_INCIDENTS, purpose.value)
    )


async def _told(conn: Connection | Pool, event: Event, purpose: Purpose) -> tuple[ToldAlert, ...]:
    return tuple(
        ToldAlert(
            row["id"],
            row["incident_id"],
            Moment(row["moment"]),
            Severity(row["severity"]),
            areas_from_json(row["areas"]),
            row["thread"],
            row["source"],
        )
        for row in await conn.fetch(SQL_TOLD, purpose.value, event.thread, event.hazard)
    )


async def _originals(conn: Connection | Pool, event: Event, purpose: Purpose) -> tuple[Quake, ...]:
    """The quakes of JMA's own reports around the time of an event of another source."""
    at = quake_of(event).at or event.issued_at
    found = []
    for row in await conn.fetch(SQL_ORIGINALS, purpose.value, at):
        place = None if row["place"] is None else Hypocenter(**row["place"])
        ids = tuple(row["event_ids"])
        when = row["occurred_at"]
        bare = Event(
            source="jma",
            type="",
            hazard="earthquake",
            status=event.status,
            message_type=event.message_type,
            thread="",
            issued_at=row["issued_at"],
            sent_at=row["issued_at"],
            event_ids=ids,
            occurred_at=None if when is None else datetime.fromisoformat(when),
            hypocenter=place,
        )
        quake = quake_of(bare)
        codes = frozenset(AreaCode("jma.quake_area", code) for code in row["quake_areas"])
        found.append(Quake(quake.ids, quake.at, quake.lat, quake.lon, codes))
    return tuple(found)


def order_of(issued_at: datetime, sent_at: datetime, message_type: str, serial: str) -> Order:
    """`Event.order` of a stored event."""
    number = int(serial) if serial and serial.isascii() and serial.isdigit() else 0
    return (issued_at, sent_at, _RANK.get(message_type, 0), number)
