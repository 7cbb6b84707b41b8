"""A list of 50,000 people, from the file to the tables, as the website does it; prints JSON.

    python bench/imports.py [--rows 50000]

Stages: `columns` (read the file, find its columns), `dry_run` (read it again, decide every row against the empty list),
`apply` (the same once more under the lock, then write everybody), `dry_run_again` (every row against all those people),
`undo`. `lag_ms`: the longest time another page would have waited. Beside them, in the same run, the file is read by
openpyxl in its read-only mode, as most Python programs would.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import openpyxl

from core.audit import Actor
from core.clock import SystemClock
from core.db import Pool, connect, transaction
from core.i18n import Catalogs
from core.migrate import migrate
from core.model import OrgKind
from core.postgres import embedded
from registry import store
from registry.import_jobs import Job, Step, apply, check, read_columns, start, take_back
from registry.import_plan import Choices
from registry.import_run_store import get_run, new_run
from tests import people as factory

HEADINGS = (
    "氏名", "言語", "第二言語", "電話番号", "メール", "社員番号", "雇用企業", "勤務先", "寮", "部屋", "シフト",
    "入社日", "自宅郵便番号", "勤務先郵便番号",
)  # fmt: skip
POSTAL_CODES = ("8612242", "8620950", "8660861", "8690402", "8600806", "8611102", "8690552", "8691101")
LANGUAGES = ("ベトナム語", "インドネシア語", "ミャンマー語", "ネパール語", "中国語")


def workbook(rows: int) -> bytes:
    """A federation's list: forty employers, four hundred dorms, numbers as people write them."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("名簿")
    sheet.append(HEADINGS)
    for n in range(rows):
        dorm = n % 400
        phone = f"090-{1000 + n // 10_000:04d}-{n % 10_000:04d}"
        sheet.append(
            [f"Person {n:05d}", LANGUAGES[n % 5], "英語", phone, f"p{n}@example.com", f"{n}", f"会社{dorm // 10}",
             f"工場{dorm // 4}", f"寮{dorm}", str(n % 50), "日勤", "2026/4/1", POSTAL_CODES[dorm % 8],
             POSTAL_CODES[dorm // 4 % 8]]
        )  # fmt: skip
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def read_with_openpyxl(body: bytes) -> int:
    """The named peer: cells only, no decision about any of them."""
    book = openpyxl.load_workbook(io.BytesIO(body), read_only=True, data_only=True)
    return sum(1 for _ in book.worksheets[0].iter_rows(values_only=True))


class Lag:
    """How long the event loop was busy at most, since it was last asked."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def watch(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            self.worst = max(self.worst, time.perf_counter() - before - 0.005)

    def take(self) -> float:
        worst, self.worst = self.worst, 0.0
        return round(worst * 1000, 1)


@asynccontextmanager
async def database() -> AsyncIterator[Pool]:
    """A fresh, migrated, durable database."""
    folder = Path(tempfile.mkdtemp(prefix="daijobu-bench-"))
    folder.chmod(0o711)
    try:
        async with embedded(folder, durable=True) as dsn:
            pool = await connect(dsn, size=10)
            await migrate(pool)
            yield pool
            await pool.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def run(rows: int) -> dict[str, Any]:
    """One measurement on a fresh database."""
    body = workbook(rows)
    stages: dict[str, dict[str, float]] = {}
    lag = Lag()
    async with database() as pool:
        now = datetime.now(UTC)
        async with transaction(pool) as conn:
            org = await store.create_organisation(
                conn, slug="federation", name="連合会", kind=OrgKind.SUPERVISING, now=now
            )
            staff = await factory.make_staff(conn, org, factory.ROLE_OF_KIND[OrgKind.SUPERVISING])
            for n in range(40):
                employer = await store.create_organisation(
                    conn, slug=f"e{n}", name=f"会社{n}", kind=OrgKind.EMPLOYER, now=now
                )
                await store.relate(conn, org, employer)
        catalogs = Catalogs.load()
        watching = asyncio.create_task(lag.watch())
        await asyncio.sleep(0.1)

        async def upload() -> Job:
            async with transaction(pool) as conn:
                run_id = await new_run(
                    conn, factory.VAULT, org, staff, file_name="list.xlsx", body=body, now=datetime.now(UTC)
                )
            return Job(pool, factory.VAULT, catalogs, SystemClock(), org, run_id, Actor("bench", staff, org))

        async def stage(name: str, job: Job, step: Step, expected: str) -> dict[str, int]:
            lag.take()
            started = time.perf_counter()
            assert await start(job, "checking", step, set(), wait_s=600)
            seconds = time.perf_counter() - started
            print(f"{name}: {seconds:.2f} s", file=sys.stderr, flush=True)
            stages[name] = {"seconds": round(seconds, 2), "rows_per_s": round(rows / seconds), "lag_ms": lag.take()}
            async with pool.acquire() as conn:
                found = await get_run(conn, job.run_id, org)
            assert found is not None and found.state == expected and not found.problem, found
            return found.counts

        first = await upload()
        await stage("columns", first, read_columns(), "columns")
        counts = await stage("dry_run", first, check(Choices(), {}), "ready")
        await stage("apply", first, apply, "applied")
        second = await upload()
        await stage("columns_again", second, read_columns(), "columns")
        again = await stage("dry_run_again", second, check(Choices(), {}), "ready")
        written = await pool.fetchval("SELECT count(*) FROM resident")
        await stage("undo", first, take_back, "undone")
        left = await pool.fetchval("SELECT count(*) FROM resident")
        watching.cancel()
    started = time.perf_counter()
    assert read_with_openpyxl(body) == rows + 1
    peer = time.perf_counter() - started
    return {
        "bench": "imports",
        "rows": rows,
        "file_bytes": len(body),
        "stages": stages,
        "upload_to_written_s": round(sum(stages[s]["seconds"] for s in ("columns", "dry_run", "apply")), 2),
        "counts": counts,
        "counts_again": again,
        "written": written,
        "left_after_undo": left,
        "peak_mb": {
            "website": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "reader": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        },
        "openpyxl_read_only": {"seconds": round(peer, 2), "rows_per_s": round(rows / peer)},
        "load": [round(n, 2) for n in os.getloadavg()],
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
    }


def main() -> None:
    """Read the command line, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000, help="people in the list")
    arguments = parser.parse_args()
    if sys.platform == "win32":
        result = asyncio.run(run(arguments.rows))
    else:
        import uvloop  # as the service itself does

        result = uvloop.run(run(arguments.rows))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
