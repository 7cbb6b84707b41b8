"""Where the people of messages about to be sent are, for the line that names the nearest shelter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from core.db import Connection, Pool
from core.model import Precision


class Whereabouts(NamedTuple):
    """Of one message: the place that decided (centre of its 250 m mesh), and whether its text says it is unreviewed."""

    message_id: int
    lat: float
    lon: float
    precision: Precision
    unreviewed: bool


SQL_WHEREABOUTS = """
SELECT m.id, p.lat, p.lon, p.precision, t.unreviewed
FROM message m
JOIN alert a ON a.id = m.alert_id AND a.moment NOT IN ('cancel', 'lift')
JOIN alert_text t ON t.id = m.text_id
JOIN incident_resident ir ON ir.incident_id = m.incident_id AND ir.resident_id = m.resident_id
LEFT JOIN standing_reason sr ON sr.id = ir.reason_id
JOIN resident_place rp ON rp.resident_id = m.resident_id AND rp.kind = coalesce(sr.reason ->> 'worse', 'home')
     AND (rp.until IS NULL OR rp.until > $2)
JOIN place p ON p.id = rp.place_id AND p.lat IS NOT NULL AND p.lon IS NOT NULL
WHERE m.id = ANY ($1::bigint[])
"""


async def whereabouts(conn: Pool | Connection, message_ids: Sequence[int], now: datetime) -> list[Whereabouts]:
    """Of these messages those that send somebody somewhere, with the place that decided; others are left out."""
    rows = await conn.fetch(SQL_WHEREABOUTS, list(message_ids), now)
    return [Whereabouts(row[0], row[1], row[2], Precision(row[3]), row[4]) for row in rows]
