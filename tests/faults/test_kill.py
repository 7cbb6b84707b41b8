"""kill -9 in the middle of 5,000 messages: nobody is missed, and at most what was in flight is sent twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path

from core.db import Pool
from tests.alerts_kit import NOON
from tests.outbox_kit import fill_outbox, states

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = 5_000
SLOTS = 64
#: After how many accepted messages the worker is killed.
KILL_AT = (700, 1_900, 3_300)


async def start_worker(dsn: str, file: Path) -> asyncio.subprocess.Process:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.sender_worker", dsn, str(file), str(SLOTS), cwd=ROOT, env=environment
    )


def accepted(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


async def test_kill_nine_loses_nothing(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    await fill_outbox(db, MESSAGES, NOON)
    file = tmp_path / "accepted"
    kills = 0
    for threshold in KILL_AT:
        worker = await start_worker(db_dsn, file)
        while len(accepted(file)) < threshold:
            assert worker.returncode is None, "the worker ended by itself"
            await asyncio.sleep(0.01)
        worker.send_signal(signal.SIGKILL)
        await worker.wait()
        kills += 1
        found = await states(db)
        assert found.get("leased", 0) > 0, "the kill hit nothing in flight: the test proves nothing"
        assert found.get("sent", 0) <= len(accepted(file)), "marked sent before it was handed over"
    worker = await start_worker(db_dsn, file)
    while await states(db) != {"sent": MESSAGES}:
        assert worker.returncode is None, "the worker ended by itself"
        await asyncio.sleep(0.05)
    worker.send_signal(signal.SIGKILL)
    await worker.wait()
    counted = Counter(accepted(file))
    assert len(counted) == MESSAGES, "somebody was missed"
    duplicates = sum(counted.values()) - MESSAGES
    print(f"{kills} kills, {duplicates} of {MESSAGES} messages sent twice, {SLOTS} slots")
    assert duplicates <= kills * SLOTS
