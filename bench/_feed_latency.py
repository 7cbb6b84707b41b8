"""From "the entry appears in the feed" to "the first message is leased": our own loops and a host like JMA's."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from alerts.deps import Deps
from alerts.fanout import decide_forever
from alerts.outbox import send_forever
from core.clock import SystemClock
from core.db import Pool, connect, transaction
from core.migrate import migrate
from core.postgres import embedded
from demo.telegrams import build_report
from feeds.poller import poll_forever
from registry.records import NewContact, NewResident
from registry.store import insert_residents
from tests import people as factory
from tests.alerts_kit import wires
from tests.fakes import FakeChannel, fake_channels
from tests.jma_server import JmaServer, jma_server
from tests.story.feed_stage import AREAS, quake

#: Quake areas and a municipality in each: every trial shakes another one, so that each makes an incident of its own.
PLACES = (("741", "43443"), ("740", "43214"), ("742", "43203"), ("743", "43215"), ("750", "44203"), ("751", "44201"))
SQL_LEASED = "SELECT count(DISTINCT alert_id) FROM message WHERE state <> 'pending'"
SQL_READY = "SELECT count(*) FROM feed_state WHERE last_heard_at IS NOT NULL"


async def fill(pool: Pool, count: int, now: datetime) -> None:
    """`count` people with a phone, in the places that will shake."""
    places = []
    for _, jis in PLACES:
        codes = tuple((code.scheme, code.code) for code in AREAS.codes_for_jis(jis))
        places.append(await factory.make_place(pool, codes, label=jis))
    batch = [
        NewResident(
            name=f"Person {n}",
            language="en",
            state="enrolled",
            contacts=(NewContact("phone", f"+8190{n:08d}"),),
            home_place_id=places[n % len(places)],
        )
        for n in range(count)
    ]
    async with transaction(pool) as conn:
        await insert_residents(conn, factory.VAULT, batch, now)
    await pool.execute("ANALYZE")


async def trial(pool: Pool, host: JmaServer, number: int, wait_s: float) -> dict[str, float]:
    """Publish one quake after `wait_s`; seconds until its body is asked for, and until a message of it is leased."""
    await asyncio.sleep(wait_s)
    area, jis = PLACES[number % len(PLACES)]
    now = datetime.now(UTC)
    city = next(code.code for code in AREAS.codes_for_jis(jis) if code.scheme == "jma.city")
    scenario = quake(now - timedelta(minutes=3, seconds=number), (area, {"6-": [city]}), magnitude=6.0)
    path = host.publish("VXSE53", build_report(scenario, "VXSE53", scenario.occurred_at))
    started = time.perf_counter()
    asked = 0.0
    while True:
        await asyncio.sleep(0.01)
        seen = time.perf_counter() - started
        if not asked and host.requests(path):
            asked = seen
        if asked and await pool.fetchval(SQL_LEASED) > number:
            return {"waited_for_poll_s": asked, "from_answer_to_lease_s": seen - asked, "total_s": seen}


async def latency(trials: int, every_s: float, people: int) -> dict[str, Any]:
    """`trials` quakes against an interval of `every_s` seconds between polls; medians and the worst."""
    if not 1 <= trials <= len(PLACES):
        raise SystemExit(f"--trials must be between 1 and {len(PLACES)}: every trial needs a place of its own.")
    folder = Path(tempfile.mkdtemp(prefix="daijobu-bench-"))
    folder.chmod(0o711)
    clock = SystemClock()
    try:
        async with embedded(folder, durable=True) as dsn, jma_server(clock) as host:
            # The list shows an entry at once: what is measured begins when the entry appears.
            host.renewed = timedelta(milliseconds=1)
            pool = await connect(dsn, size=10)
            await migrate(pool)
            await fill(pool, people, clock.now())
            channel = FakeChannel("sms")
            settings = {"jma_feed_url": host.feed_url, "eqvol_every_s": every_s, "extra_every_s": max(every_s, 60.0)}
            async with wires(pool, dsn, channels=fake_channels(channel), clock=clock, **settings) as deps:
                measured = await _run(deps, host, trials, every_s)
            await pool.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    totals = [each["total_s"] for each in measured]
    works = [each["from_answer_to_lease_s"] for each in measured]
    return {
        "poll_interval_s": every_s,
        "people": people,
        "trials": [{name: round(value, 3) for name, value in each.items()} for each in measured],
        "median_s": round(statistics.median(totals), 2),
        "worst_s": round(max(totals), 2),
        "median_in_intervals": round(statistics.median(totals) / every_s, 2),
        "worst_in_intervals": round(max(totals) / every_s, 2),
        "without_waiting_median_s": round(statistics.median(works), 3),
        "without_waiting_worst_s": round(max(works), 3),
    }


async def _run(deps: Deps, host: JmaServer, trials: int, every_s: float) -> list[dict[str, float]]:
    stop = asyncio.Event()
    loops = [
        asyncio.create_task(poll_forever(deps.pool, deps.settings, deps.clock, stop=stop)),
        asyncio.create_task(decide_forever(deps, stop)),
        asyncio.create_task(send_forever(deps, stop)),
    ]
    while await deps.pool.fetchval(SQL_READY) < 2:
        await asyncio.sleep(0.05)
    rng = Random(2016)
    try:
        return [await trial(deps.pool, host, n, rng.uniform(0, every_s)) for n in range(trials)]
    finally:
        stop.set()
        await asyncio.gather(*loops)
