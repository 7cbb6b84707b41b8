"""The database's part of bench/geofence.py: a registry of places, found by code, and loaded into memory."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from alerts.decision import RatedArea, Tell
from alerts.fanout_store import AlertRow
from bench._database import database
from bench._geofence_areas import SEED, Points, municipalities
from core.db import Connection, Pool, connect
from core.migrate import migrate
from core.model import Area, Moment, Purpose, Severity
from geo.areas import Areas

#: Of the ten or so schemes that a place has codes of: enough rows to be honest, few enough to be loaded in a minute.
SCHEMES = ("jis", "jma.city", "jma.quake_area")
SQL_PREPARE = """
SET session_replication_role = replica;
CREATE TEMP TABLE code (no int, scheme text, code text);
CREATE TEMP TABLE thrown (id uuid, no int, lon float8, lat float8);
"""
SQL_FILL = """
INSERT INTO place (id, lat, lon, precision) SELECT id, lat, lon, 'exact' FROM thrown ORDER BY id;
INSERT INTO place_area (scheme, code, place_id)
SELECT c.scheme, c.code, t.id FROM thrown t JOIN code c ON c.no = t.no ORDER BY 1, 2, 3;
INSERT INTO resident_place (resident_id, kind, place_id) SELECT id, 'home', id FROM thrown ORDER BY id;
"""
# As one value: a record for each would cost six times as much as finding them.
SQL_IN_CODES = """
SELECT array_agg(DISTINCT pa.place_id) FROM unnest($1::text[], $2::text[]) AS a (scheme, code)
JOIN place_area AS pa ON pa.scheme = a.scheme AND pa.code = a.code
"""
SQL_COUNT = """
SELECT count(DISTINCT pa.place_id) FROM unnest($1::text[], $2::text[]) AS a (scheme, code)
JOIN place_area AS pa ON pa.scheme = a.scheme AND pa.code = a.code
"""
SQL_PLAN = """
EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF)
SELECT count(DISTINCT pa.place_id) FROM unnest($1::text[], $2::text[]) AS a (scheme, code)
JOIN place_area AS pa ON pa.scheme = a.scheme AND pa.code = a.code
"""
SQL_MOVE = """
UPDATE place SET lat = lat + 0.001 WHERE id IN (SELECT id FROM place ORDER BY id LIMIT $1)
"""


@asynccontextmanager
async def registry(points: Points, areas: Areas, dsn: str | None) -> AsyncIterator[Pool]:
    """A PostgreSQL with our schema, the places with their codes, and one person living at each."""
    async with database(dsn, durable=False) as address:
        pool = await connect(address, size=4)
        await migrate(pool)
        async with pool.acquire() as conn:
            await _fill(conn, points, areas)
        yield pool
        await pool.close()


async def _fill(conn: Connection, points: Points, areas: Areas) -> None:
    raw = np.random.default_rng(SEED + 1).bytes(16 * len(points.lon))
    codes = [
        (number, code.scheme, code.code)
        for number, jis in enumerate(municipalities(areas))
        for code in areas.codes_for_jis(jis)
        if code.scheme in SCHEMES
    ]
    ids = (UUID(bytes=raw[at : at + 16]) for at in range(0, len(raw), 16))
    rows = zip(ids, points.municipality.tolist(), points.lon.tolist(), points.lat.tolist(), strict=True)
    async with conn.transaction():
        await conn.execute(SQL_PREPARE, timeout=None)
        await conn.copy_records_to_table("code", records=codes)
        await conn.copy_records_to_table("thrown", records=rows, timeout=600)
        await conn.execute(SQL_FILL, timeout=600)
        await conn.execute("DROP TABLE code, thrown; SET session_replication_role = origin")
    await conn.execute("VACUUM ANALYZE", timeout=600)


def code_list(areas: Areas, count: int) -> list[str]:
    """JIS codes: all 49 municipalities and wards of Kumamoto, and beyond that of the prefectures after it."""
    order = municipalities(areas)
    start = next(n for n, code in enumerate(order) if code.startswith("43"))
    return (order[start:] + order[:start])[:count]


def alert_for(codes: list[str]) -> AlertRow:
    """What the fan-out asks with, were these municipalities named by a report."""
    rated = tuple(RatedArea(Area("jis", code, level=4), Severity.SEVERE) for code in codes)
    nobody, at = UUID(int=0), datetime(2026, 1, 1, tzinfo=UTC)
    context: dict[str, Any] = {"tell": Tell.MATCHED.value, "of": []}
    return AlertRow(nobody, nobody, Purpose.DRILL, Moment.ISSUE, Severity.SEVERE, rated, context, None, 0, at, at, None)


def resident_bytes() -> int | None:
    """Memory of this process that is in RAM; None where the system does not say (Linux: /proc)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(process: int) -> float:
    """What a process has used of the processor so far, to the nanosecond; 0 where the system does not say."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return 0.0
