"""How long from a stored telegram to messages: first one leased, last row written, all handed to an in-process channel.

    python bench/fanout.py [--people 20000] [--push-share 0.5] [--send-rates sms=100,push=1000 | --without-sending]

Prints one JSON object. Embedded PostgreSQL in a new folder, fsync on; the decide and send loops of the service itself,
in one process; a channel that accepts at once. Times are seconds since the event's transaction committed. `floor`: one
bare COPY of the very rows that were written, one connection, the same indexes, nothing else; what is above it is
finding the people, deciding, composing, and the sending beside it. `--send-rates` (as DAIJOBU_SEND_RATES) hands over
no more messages a second than providers take; else the sending takes all of the processor that it can get, and every
message is waited for. `--without-sending` leaves the send loop out: the fan-out alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alerts.fanout import decide_forever
from alerts.outbox import send_forever
from bench import _postgres_work as work
from core.clock import SystemClock
from core.db import Pool, connect, notify, transaction
from core.migrate import migrate
from core.postgres import embedded
from core.wakeups import EVENTS_CHANNEL
from registry.records import NewContact, NewResident
from registry.store import insert_residents
from tests import people as factory
from tests.alerts_kit import HIGASHI_KU, KASHIMA, MASHIKI, city, quake, region, store_event, wires
from tests.fakes import FakeChannel, fake_channels

LANGUAGES = ("vi", "id", "fil", "ne", "my", "zh-Hans", "zh-Hant", "en", "ja-simple", "ja")
TOWNS = (factory.MASHIKI, factory.KASHIMA, factory.HIGASHI_KU)
SQL_FIRST = "SELECT EXISTS (SELECT 1 FROM message WHERE state <> 'pending')"
SQL_ANY = "SELECT EXISTS (SELECT 1 FROM message)"
SQL_ROWS = """
SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM incident_resident) + (SELECT count(*) FROM alert_resident)
     + (SELECT count(*) FROM link WHERE kind = 'checkin')
"""
SQL_DONE = "SELECT EXISTS (SELECT 1 FROM alert) AND NOT EXISTS (SELECT 1 FROM alert WHERE state = 'fanning')"
SQL_LEFT = """
SELECT EXISTS (SELECT 1 FROM message WHERE state = 'pending' AND due_at <= $1)
    OR EXISTS (SELECT 1 FROM message WHERE state = 'leased')
"""


async def fill(pool: Pool, count: int, push_share: float, now: datetime) -> float:
    """A fictional registry of `count` people in three towns; seconds it took."""
    started = time.perf_counter()
    places = [await factory.make_place(pool, TOWNS[n % 3]) for n in range(60)]
    for begin in range(0, count, 10_000):
        batch = []
        for n in range(begin, min(begin + 10_000, count)):
            contacts = [NewContact("phone", f"+8190{n:08d}")]
            if n % 100 < push_share * 100:
                contacts.append(NewContact("push", f'{{"endpoint":"https://push.example/{n}"}}', state="proven"))
            batch.append(
                NewResident(
                    name=f"Person {n}",
                    language=LANGUAGES[n % len(LANGUAGES)],
                    state="enrolled",
                    contacts=tuple(contacts),
                    home_place_id=places[n % 60],
                    work_place_id=places[(n * 7) % 60],
                )
            )
        async with transaction(pool) as conn:
            await insert_residents(conn, factory.VAULT, batch, now)
    # They have been registered for long: nobody of them is a newcomer, and autovacuum has been there.
    await pool.execute("TRUNCATE newcomer")
    await pool.execute("VACUUM ANALYZE")
    return time.perf_counter() - started


async def run(count: int, push_share: float, *, sending: bool = True, rates: str = "") -> dict[str, Any]:
    """One measurement on a fresh database."""
    folder = Path(tempfile.mkdtemp(prefix="daijobu-bench-"))
    folder.chmod(0o711)
    try:
        async with embedded(folder, durable=True) as dsn:
            owner = await connect(dsn, size=2)
            await migrate(owner)
            server = await work.server_pid(owner)
            pool = await connect(dsn, size=10, role="daijobu_worker")  # as the service itself
            filled = await fill(owner, count, push_share, datetime.now(UTC))
            now = datetime.now(UTC)
            channels = [FakeChannel("sms"), FakeChannel("push")]
            async with wires(
                pool, dsn, channels=fake_channels(*channels), clock=SystemClock(), send_timeout_s=10.0, send_rates=rates
            ) as deps:
                stop = asyncio.Event()
                loops = [asyncio.create_task(decide_forever(deps, stop))]
                if sending:
                    loops.append(asyncio.create_task(send_forever(deps, stop)))
                await asyncio.sleep(0.3)
                event = quake(
                    region("7"), city(MASHIKI, "7"), city(KASHIMA, "6-"), city(HIGASHI_KU, "5+"), at=now, id="1"
                )
                async with transaction(pool) as conn:
                    await store_event(conn, event, received_at=now)
                    await notify(conn, EVENTS_CHANNEL)
                started, cpu_started, server_started = time.perf_counter(), time.process_time(), work.cpu_s(server)
                marks: dict[str, float] = {}
                while True:
                    # Looking costs the database too: often at first, then seldom.
                    await asyncio.sleep(0.02 if "first_message_leased" not in marks else 0.05)
                    seen = time.perf_counter() - started
                    if "first_message_leased" not in marks and await pool.fetchval(SQL_FIRST if sending else SQL_ANY):
                        marks["first_message_leased"] = seen
                    if "last_row_written" not in marks and await pool.fetchval(SQL_DONE):
                        marks["last_row_written"] = seen
                        cpu = time.process_time() - cpu_started, work.cpu_s(server) - server_started
                        handed_by_then = sum(len(channel.taken) for channel in channels)
                    if "last_row_written" in marks:
                        if not sending or rates:
                            break
                        if not await pool.fetchval(SQL_LEFT, datetime.now(UTC) + timedelta(seconds=1)):
                            marks["all_handed_over"] = time.perf_counter() - started
                            break
                stop.set()
                await asyncio.gather(*loops)
            told = await pool.fetchval("SELECT count(*) FROM incident_resident")
            rows = await pool.fetchval("SELECT count(*) FROM message")
            wrote = await owner.fetchval(SQL_ROWS)
            floor = await work.copy_again(owner, server)
            await pool.close()
            await owner.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    handed = sum(len(channel.taken) for channel in channels)
    last = marks["last_row_written"]
    return {
        "bench": "fanout",
        "people": count,
        "told": told,
        "messages": rows,
        "handed_over": handed,
        "handed_over_at_last_row": handed_by_then,
        "seconds": {name: round(value, 3) for name, value in marks.items()},
        "rows": wrote,
        "rows_per_second": round(wrote / last),
        "send_rates": rates or None,
        "messages_per_second": round(handed / marks["all_handed_over"]) if "all_handed_over" in marks else None,
        # Until the last row; on a busy machine the better figures.
        "cpu_s": round(cpu[0], 2),
        "postgres_cpu_s": round(cpu[1], 2),
        "floor": {**floor, "times": round(last / floor["seconds"], 1)},
        "registry_filled_s": round(filled, 1),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
    }


def main() -> None:
    """Read the command line, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20_000, help="residents in the fictional registry")
    parser.add_argument("--push-share", type=float, default=0.5, help="share of people with a push subscription")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--send-rates", default="", help="what providers take, e.g. sms=100,push=1000")
    how.add_argument("--without-sending", action="store_true", help="the fan-out alone")
    arguments = parser.parse_args()
    sending = not arguments.without_sending
    measured = run(arguments.people, arguments.push_share, sending=sending, rates=arguments.send_rates)
    if sys.platform == "win32":
        result = asyncio.run(measured)
    else:
        import uvloop  # as the service itself does

        result = uvloop.run(measured)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
