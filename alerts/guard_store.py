"""How many people an alert would reach, for the guard rails. Counts only; nothing of a person leaves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from alerts.decision import AlertPlan, Tell
from alerts.fanout_store import AlertRow
from alerts.polygons import prepare
from core.db import Connection
from core.model import Purpose
from geo.areas import Areas
from geo.match import UnusablePolygon
from geo.place_index_store import LivePlaces

SQL_COUNT_REGISTRY = "SELECT count(*) FROM resident WHERE state IN ('invited', 'enrolled')"
# Where somebody said they are today counts while it runs, as it does for whom an alert tells (fanout_store.SQL_PEOPLE).
SQL_COUNT_REACHED = """
SELECT count(DISTINCT rp.resident_id)
FROM unnest($1::text[], $2::text[]) AS a (scheme, code)
JOIN place_area AS pa ON pa.scheme = a.scheme AND pa.code = a.code
JOIN resident_place AS rp ON rp.place_id = pa.place_id AND (rp.until IS NULL OR rp.until > $3)
JOIN resident AS r ON r.id = rp.resident_id AND r.state IN ('invited', 'enrolled')
"""
SQL_COUNT_INSIDE = """
SELECT count(DISTINCT rp.resident_id)
FROM unnest($1::uuid[]) AS inside (place_id)
JOIN resident_place AS rp ON rp.place_id = inside.place_id AND (rp.until IS NULL OR rp.until > $2)
JOIN resident AS r ON r.id = rp.resident_id AND r.state IN ('invited', 'enrolled')
"""


async def count_registry(conn: Connection) -> int:
    """Everybody whom we may tell at all."""
    number: int = await conn.fetchval(SQL_COUNT_REGISTRY)
    return number


async def count_reached(
    conn: Connection, plans: Iterable[AlertPlan], areas: Areas, live: LivePlaces, now: datetime
) -> int:
    """The people in the areas or polygons of these alerts; of several alerts the larger number."""
    most = 0
    for plan in plans:
        if plan.tell is Tell.MATCHED:
            shapes = any(rated.shape is not None for rated in plan.areas)
            most = max(most, await (_inside(conn, plan, areas, live, now) if shapes else _coded(conn, plan, now)))
    return most


async def _coded(conn: Connection, plan: AlertPlan, now: datetime) -> int:
    schemes, codes = [r.area.scheme for r in plan.areas], [r.area.code for r in plan.areas]
    number: int = await conn.fetchval(SQL_COUNT_REACHED, schemes, codes, now)
    return number


async def _inside(conn: Connection, plan: AlertPlan, areas: Areas, live: LivePlaces, now: datetime) -> int:
    try:
        polygons = await prepare(conn, _draft(plan), areas, live)
    except UnusablePolygon:
        return 0  # held already, for that reason
    assert polygons is not None
    number: int = await conn.fetchval(SQL_COUNT_INSIDE, list(polygons.places), now)
    return number


def _draft(plan: AlertPlan) -> AlertRow:
    """The plan as an alert that is never stored."""
    nothing, never = UUID(int=0), datetime.min.replace(tzinfo=UTC)
    context: dict[str, Any] = {"tell": plan.tell.value, "of": []}
    return AlertRow(
        nothing, nothing, Purpose.LIVE, plan.moment, plan.severity, plan.areas, context, None, 0, never, never, None
    )
