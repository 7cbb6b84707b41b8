"""How long an answer takes: HTTP POST to committed check-in, against a bare aiohttp + asyncpg INSERT in the same run.

    python bench/checkin.py [--requests 3000] [--concurrency 16] [--database DSN]

Both servers run in one process of their own, on the same embedded PostgreSQL with fsync on, and take turns in small
rounds, so that whatever else the machine does hits both. A refused or failed request ends the run. Prints one JSON
object: requests per second and percentiles in milliseconds of both, and their ratio (ours divided by bare).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

# Run as a file, this folder stands first on the path and this very file would be taken for the package `checkin`.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench._database import add_argument, database
from checkin.web import ROUTES
from core.clock import SystemClock
from core.crypto import Vault
from core.db import Pool, connect
from core.i18n import Catalogs
from core.ids import uuid7
from core.migrate import migrate
from core.settings import load_settings
from core.tokens import link_token, token_hash
from core.wakeups import Wakeups
from core.web import SITE, Site, add_routes, make_jinja, security_headers
from registry.guard_web import guard

ROUNDS = 10
WARM_UP = 200
POOL_SIZE = 10

SQL_BARE_TABLE = (
    "CREATE TABLE bare (id uuid PRIMARY KEY, token text NOT NULL, answer text NOT NULL, at timestamptz NOT NULL)"
)
SQL_BARE_INSERT = "INSERT INTO bare (id, token, answer, at) VALUES ($1, $2, $3, $4)"
SQL_COUNTS = "SELECT (SELECT count(*) FROM check_in) AS ours, (SELECT count(*) FROM bare) AS bare"

SQL_PEOPLE = """
INSERT INTO resident (id, name, language, state, simulated, created_at)
SELECT unnest($1::uuid[]), 'Fictional', 'vi', 'enrolled', true, $2
"""
SQL_INCIDENT = """
INSERT INTO incident (id, purpose, hazard, key, title, severity, simulated, opened_at, last_round_at)
VALUES ($1, 'live', 'earthquake', 'bench', 'bench', 'extreme', true, $2, $2)
"""
SQL_ALERT = """
INSERT INTO alert (id, incident_id, purpose, revision, moment, severity, areas, context, state, created_at, expires_at)
VALUES ($1, $2, 'live', 1, 'issue', 'extreme', '[]', $3, 'done', $4::timestamptz, $4::timestamptz + interval '1 hour')
"""
SQL_TOLD = """
INSERT INTO incident_resident (incident_id, resident_id, orgs, purpose, severity, asked_at, asks, told_at,
                               last_alert_id, reachable)
SELECT $1, unnest($2::uuid[]), '{}', 'live', 'extreme', $3, 1, $3, $4, true
"""
SQL_LINKS = """
INSERT INTO link (id, kind, token_sha256, resident_id, incident_id, created_at)
SELECT l.id, 'checkin', l.hash, l.resident, $4, $5
FROM unnest($1::uuid[], $2::bytea[], $3::uuid[]) AS l(id, hash, resident)
"""
SQL_TEXT = """
INSERT INTO alert_text (alert_id, key, language, channel, title, body, unreviewed, segments)
VALUES ($1, 'bench', 'vi', 'sms', '', '', false, 1) RETURNING id
"""
# Each person still has a reminder waiting, which the answer must cancel: the work a real answer does.
SQL_REMINDERS = """
INSERT INTO message (purpose, incident_id, alert_id, resident_id, channel, step, text_id, priority, unless, due_at,
                     expires_at, created_at)
SELECT 'live', $1, $2, unnest($3::uuid[]), 'sms', 1, $4, 0, 'answered', $5::timestamptz + interval '5 minutes',
       $5::timestamptz + interval '1 hour', $5::timestamptz
"""


async def make_people(pool: Pool, count: int) -> list[str]:
    """Fictional people who have been asked; returns the token of each."""
    now = datetime.now(UTC)
    incident, alert = uuid7(), uuid7()
    people = [uuid7() for _ in range(count)]
    links = [uuid7() for _ in range(count)]
    tokens = [link_token(b"bench" * 7, link) for link in links]
    context = {"moment": "issue", "questions": ["ok", "help"], "hazard": "earthquake"}
    await pool.execute(SQL_PEOPLE, people, now)
    await pool.execute(SQL_INCIDENT, incident, now)
    await pool.execute(SQL_ALERT, alert, incident, context, now)
    await pool.execute(SQL_TOLD, incident, people, now, alert)
    await pool.execute(SQL_LINKS, links, [token_hash(token) for token in tokens], people, incident, now)
    text = await pool.fetchval(SQL_TEXT, alert)
    await pool.execute(SQL_REMINDERS, incident, alert, people, text, now)
    await pool.execute(SQL_BARE_TABLE)
    await pool.execute("ANALYZE")
    return tokens


def serve(dsn: str, pipe: Pipe) -> None:
    """The server process: our check-in page and the bare INSERT, each on a port of its own, with a pool of its own."""
    asyncio.run(_serve(dsn, pipe))


async def _serve(dsn: str, pipe: Pipe) -> None:
    ours, bare = await connect(dsn, size=POOL_SIZE, role="daijobu_worker"), await connect(dsn, size=POOL_SIZE)
    app = web.Application(middlewares=[security_headers, guard])
    app[SITE] = Site(
        settings=load_settings({}),
        pool=ours,
        vault=Vault(bytes(32)),
        catalogs=Catalogs.load(),
        clock=SystemClock(),
        wakeups=Wakeups(dsn),
        jinja=make_jinja(),
    )
    add_routes(app, ROUTES)

    async def insert(request: web.Request) -> web.Response:
        form = await request.post()
        await bare.execute(
            SQL_BARE_INSERT, uuid7(), request.match_info["token"], str(form["answer"]), datetime.now(UTC)
        )
        return web.Response(status=204)

    plain = web.Application()
    plain.router.add_post("/c/{token}", insert)
    ports = []
    runners = []
    for one in (app, plain):
        runner = web.AppRunner(one, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        runners.append(runner)
        ports.append(runner.addresses[0][1])
    pipe.send(ports)
    await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
    for runner in runners:
        await runner.cleanup()
    await ours.close()
    await bare.close()


async def burst(post: Callable[[str], Awaitable[None]], tokens: list[str], concurrency: int) -> list[float]:
    """Post once for every token with so many at a time; seconds each took."""
    took: list[float] = []
    waiting = iter(tokens)

    async def worker() -> None:
        for token in waiting:
            started = time.perf_counter()
            await post(token)
            took.append(time.perf_counter() - started)

    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return took


async def measure(requests: int, concurrency: int, dsn: str | None) -> dict[str, Any]:
    """The whole benchmark on a database of its own."""
    context = multiprocessing.get_context("spawn")
    async with database(dsn) as address:
        pool = await connect(address, size=2)
        await migrate(pool)
        warm_up = min(WARM_UP, 10 * requests)
        tokens = await make_people(pool, requests + warm_up)
        here, there = context.Pipe()
        server = context.Process(target=serve, args=(address, there), daemon=True)
        server.start()
        try:
            ports = await asyncio.get_running_loop().run_in_executor(None, here.recv)
            result = await _rounds(ports, tokens, warm_up, concurrency)
        finally:
            here.send("stop")
            server.join(10)
        stored = await pool.fetchrow(SQL_COUNTS)
        if (stored["ours"], stored["bare"]) != (len(tokens), len(tokens)):
            raise RuntimeError(f"{len(tokens)} answers were acknowledged, the database holds {dict(stored)}")
        await pool.close()
        return result | {"requests": requests, "concurrency": concurrency, "committed": stored["ours"]}


async def _rounds(ports: list[int], tokens: list[str], warm_up: int, concurrency: int) -> dict[str, Any]:
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers={"Accept": "application/json"}) as session:

        def poster(port: int) -> Callable[[str], Awaitable[None]]:
            async def post(token: str) -> None:
                url = f"http://127.0.0.1:{port}/c/{token}"
                async with session.post(url, data={"answer": "ok", "client_id": token}) as response:
                    if response.status != 204:
                        raise RuntimeError(f"POST /c/... answered {response.status}")

            return post

        posts = {"ours": poster(ports[0]), "bare": poster(ports[1])}
        for post in posts.values():
            await burst(post, tokens[:warm_up], concurrency)
        took: dict[str, list[float]] = {name: [] for name in posts}
        spent = dict.fromkeys(posts, 0.0)
        measured = tokens[warm_up:]
        for number in range(ROUNDS):
            part = measured[number::ROUNDS]
            names = list(posts) if number % 2 == 0 else list(reversed(posts))
            for name in names:
                started = time.perf_counter()
                took[name] += await burst(posts[name], part, concurrency)
                spent[name] += time.perf_counter() - started
    report: dict[str, Any] = {"benchmark": "checkin"}
    for name, seconds in took.items():
        cuts = statistics.quantiles(seconds, n=100)
        report[name] = {
            "per_second": round(len(seconds) / spent[name], 1),
            "p50_ms": round(cuts[49] * 1000, 2),
            "p95_ms": round(cuts[94] * 1000, 2),
            "p99_ms": round(cuts[98] * 1000, 2),
        }
    report["ratio_p50"] = round(report["ours"]["p50_ms"] / report["bare"]["p50_ms"], 2)
    report["ratio_throughput"] = round(report["bare"]["per_second"] / report["ours"]["per_second"], 2)
    return report


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.checkin", description=__doc__.split("\n\n")[0])
    parser.add_argument("--requests", type=int, default=3000, help="measured requests to each server")
    parser.add_argument("--concurrency", type=int, default=16, help="requests at a time")
    add_argument(parser)
    options = parser.parse_args()
    json.dump(asyncio.run(measure(options.requests, options.concurrency, options.database)), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
