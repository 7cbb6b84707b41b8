"""What PostgreSQL spends while a benchmark runs, and what the same rows cost it at least."""

from __future__ import annotations

import os
import time
from io import BytesIO
from pathlib import Path
from typing import Final

from core.db import Pool

#: The tables that a fan-out fills.
FILLED: Final = ("incident_resident", "alert_resident", "link", "message")


async def server_pid(pool: Pool) -> int | None:
    """The process all of the server's processes are children of; None where there is no /proc."""
    backend = await pool.fetchval("SELECT pg_backend_pid()")
    fields = _fields(backend)
    return None if fields is None else int(fields[1])


def cpu_s(server: int | None) -> float:
    """Seconds of the processor that the server and its processes have used, those that have ended included."""
    if server is None:
        return 0.0
    ticks = 0
    for folder in Path("/proc").iterdir():
        fields = _fields(int(folder.name)) if folder.name.isdigit() else None
        if fields is None:
            continue
        if int(folder.name) == server:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == server:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[str] | None:
    """Of /proc/PID/stat what follows the name: state, parent, ... (proc_pid_stat(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


async def copy_again(pool: Pool, server: int | None) -> dict[str, float]:
    """Seconds, and the server's CPU seconds, of a bare COPY of the same rows into empty tables and indexes."""
    wall = cpu = 0.0
    async with pool.acquire() as conn:
        for table in FILLED:
            data = BytesIO()
            await conn.copy_from_table(table, output=data, format="binary", timeout=3600)
            data.seek(0)
            await conn.execute(f"CREATE TABLE floor_{table} (LIKE {table} INCLUDING INDEXES)")
            started, used = time.perf_counter(), cpu_s(server)
            await conn.copy_to_table(f"floor_{table}", source=data, format="binary", timeout=3600)
            wall += time.perf_counter() - started
            cpu += cpu_s(server) - used
            await conn.execute(f"DROP TABLE floor_{table}")
    return {"seconds": round(wall, 2), "postgres_cpu_s": round(cpu, 2)}
