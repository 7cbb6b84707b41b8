"""PostGIS for bench/geofence.py: a server of its own in a temporary folder, on a Unix socket, stopped at the end.

Debian's postgresql-*-postgis-3, if it is installed. The settings are in its favour: no fsync, everything in memory, no
compiling and no parallel workers for what takes milliseconds.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import shapely
from shapely.geometry.base import BaseGeometry

from bench._geofence_areas import Points

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "shared_buffers": "1GB",
    "work_mem": "256MB",
    "autovacuum": "off",
}
SQL_SETUP = """
CREATE EXTENSION postgis;
CREATE TABLE point (id int PRIMARY KEY, lon float8 NOT NULL, lat float8 NOT NULL, g geometry(Point, 4326));
CREATE TABLE area (no int PRIMARY KEY, g geometry);
CREATE TABLE area_part (no int, g geometry);
CREATE TABLE target_part (g geometry);
"""
SQL_POINTS = "UPDATE point SET g = ST_SetSRID(ST_MakePoint(lon, lat), 4326)"
SQL_AREA = "INSERT INTO area SELECT $1, ST_GeomFromWKB($2, 4326)"
SQL_AREA_PARTS = "INSERT INTO area_part SELECT no, ST_Subdivide(g, 128) FROM area"
SQL_DIRECT = "SELECT count(*) FROM point WHERE ST_Intersects(g, ST_GeomFromWKB($1, 4326))"
# A point on the line between two parts lies in both.
SQL_SUBDIVIDED = """
SELECT count(DISTINCT point.id) FROM (SELECT ST_Subdivide(ST_GeomFromWKB($1, 4326), 128) AS g) AS part
JOIN point ON ST_Intersects(point.g, part.g)
"""
SQL_TARGET_PARTS = "INSERT INTO target_part SELECT ST_Subdivide(ST_GeomFromWKB($1, 4326), 128)"
SQL_KEPT_PARTS = "SELECT count(DISTINCT point.id) FROM target_part AS part JOIN point ON ST_Intersects(point.g, part.g)"
SQL_HITS = "SELECT id FROM point WHERE ST_Intersects(g, ST_GeomFromWKB($1, 4326)) ORDER BY id"
# Whether two answers are the same pairs is seen by their number and by a sum over them.
SQL_ASSIGN = """
SELECT count(*) AS pairs, coalesce(sum(point.id::numeric * (area.no + 1)), 0)::text AS checksum
FROM area JOIN point ON ST_Intersects(point.g, area.g)
"""
SQL_ASSIGN_PARTS = """
SELECT count(*) AS pairs, coalesce(sum(id::numeric * (no + 1)), 0)::text AS checksum
FROM (SELECT DISTINCT point.id, part.no FROM area_part AS part JOIN point ON ST_Intersects(point.g, part.g)) AS pair
"""
SQL_SIZE = "SELECT pg_table_size('point') AS points, pg_indexes_size('point') AS indexes"


def programs() -> Path | None:
    """The folder of a PostgreSQL with PostGIS; None if there is none (apt-get install postgresql-15-postgis-3)."""
    for control in sorted(Path("/usr/share/postgresql").glob("*/extension/postgis.control"), reverse=True):
        folder = Path("/usr/lib/postgresql") / control.parts[-3] / "bin"
        if (folder / "initdb").is_file():
            return folder
    return None


@asynccontextmanager
async def postgis(folder_of_programs: Path) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a fresh server, which ends with the block."""
    folder = Path(tempfile.mkdtemp(prefix="daijobu-postgis-"))
    # The server refuses to run as root: the account of Debian's package does it then.
    account = "postgres" if os.geteuid() == 0 else getpass.getuser()
    user = account if os.geteuid() == 0 else None
    shutil.chown(folder, account)
    process: subprocess.Popen[bytes] | None = None
    try:
        process = await asyncio.to_thread(_start, folder_of_programs, folder, user)
        connection = await _connected(folder, process)
        try:
            yield connection
        finally:
            await connection.close()
    finally:
        if process is not None:
            process.terminate()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _start(programs_in: Path, folder: Path, user: str | None) -> subprocess.Popen[bytes]:
    """A new cluster and its server, as `user` (None: as whoever we are)."""
    subprocess.run(
        [programs_in / "initdb", "-D", folder / "data", "-A", "trust", "-U", "bench", "-E", "UTF8", "--no-locale"],
        check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    return subprocess.Popen(
        [programs_in / "postgres", "-D", folder / "data", "-k", folder, *settings],
        user=user, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


async def _connected(folder: Path, process: subprocess.Popen[bytes]) -> asyncpg.Connection:
    for _ in range(300):
        try:
            return await asyncpg.connect(host=str(folder), user="bench", database="postgres", timeout=5)
        except (OSError, asyncpg.CannotConnectNowError):
            if process.poll() is not None:
                break
            await asyncio.sleep(0.1)
    raise RuntimeError("the PostGIS server does not start; run its programs by hand to see why")


async def fill(conn: asyncpg.Connection, points: Points, shapes: Sequence[BaseGeometry]) -> None:
    """The places and the areas to assign them to, with every index and statistic that helps."""
    await conn.execute(SQL_SETUP)
    rows = zip(range(len(points.lon)), points.lon.tolist(), points.lat.tolist(), strict=True)
    await conn.copy_records_to_table("point", records=rows, columns=["id", "lon", "lat"])
    await conn.execute(SQL_POINTS)
    await conn.execute("CREATE INDEX point_g ON point USING gist (g)")
    await conn.executemany(SQL_AREA, [(number, shapely.to_wkb(shape)) for number, shape in enumerate(shapes)])
    await conn.execute(SQL_AREA_PARTS)
    await conn.execute("VACUUM FULL point")
    await conn.execute("VACUUM ANALYZE")


async def keep_parts(conn: asyncpg.Connection, wkb: bytes) -> None:
    """Cut a target into parts before it is asked about."""
    await conn.execute("TRUNCATE target_part")
    await conn.execute(SQL_TARGET_PARTS, wkb)
    await conn.execute("ANALYZE target_part")
