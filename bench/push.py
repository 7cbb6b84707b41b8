"""How many Web Push messages one core sends: ours, with and without envelopes made ahead, and three others in turns.

    python bench/push.py [--messages 1000] [--rounds 3] [--modules .venv/node/node_modules]

Prints one JSON object. Each sender is a process of its own, pinned to one core where the system can, and sends the same
text to the same subscriptions, 64 at a time, over kept-alive HTTP connections to a receiver on loopback that only says
201 (bench/_sink.py, on another core). Ours goes through the channel as the service uses it, which also checks the
address, builds the notification's JSON and judges the answer; pywebpush and npm's web-push (`make node`) get the
JSON ready-made, a parsed key, and for the asynchronous one a shared session. Rates are messages per
second of the sender's CPU time; the best of the rounds, which other work on the machine has disturbed least.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import aiohttp
import pywebpush
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from alerts.channel import Outgoing
from alerts.channels.web_push import WebPush
from alerts.push_payload import headers, payload
from alerts.vapid import load_or_make_vapid, public_key
from bench._sink import sink
from core.model import Purpose, Severity
from core.settings import load_settings
from tests.push_server import Browser, base64url

IN_FLIGHT = 64
#: Sent before the clock starts (connections, imports, caches), or as many as are measured.
FIRST = 200
SENDERS = ("ours_prepared", "ours", "pywebpush_async", "pywebpush", "npm_web_push")
CLAIMS = "mailto:bench@daijobu.example"
ANSWER = b"HTTP/1.1 201 Created\r\nLocation: /m/1\r\nTTL: 1800\r\nContent-Length: 0\r\n\r\n"


def message(address: str, number: int = 1) -> Outgoing:
    """An alert of usual length with its two buttons."""
    url = "https://daijobu.example/c/7kQm2xRt9P"
    return Outgoing(
        message_id=number,
        address=address,
        title="Cấp 4: Hãy sơ tán (Mashiki)",
        body="Sông Midori có thể tràn. Hãy rời khỏi nhà ngay. Đến nơi cao hoặc nơi lánh nạn. Không lại gần sông.\n"
        f"かわの みずが あふれます。すぐに にげて ください。\n{url}",
        language="vi",
        severity=Severity.EXTREME,
        purpose=Purpose.LIVE,
        incident_id=UUID(int=7),
        url=url,
        valid_s=1800,
        actions=(("ok", "Tôi an toàn"), ("help", "Cần giúp")),
        receipt_token="0123456789abcdef",
    )


async def in_turns(addresses: Iterable[Any], send: Callable[[Any], Awaitable[object]]) -> None:
    """Send to all, at most IN_FLIGHT at a time."""
    waiting = iter(addresses)

    async def worker() -> None:
        for address in waiting:
            await send(address)

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))


async def timed(addresses: list[Any], first: int, send: Callable[[Any], Awaitable[object]]) -> dict[str, float]:
    """Send to the first ones, then measure the rest."""
    await in_turns(addresses[:first], send)
    started, cpu = time.perf_counter(), time.process_time()
    await in_turns(addresses[first:], send)
    return {
        "sent": len(addresses) - first,
        "seconds": time.perf_counter() - started,
        "cpu_s": time.process_time() - cpu,
    }


async def send_ours(plan: dict[str, Any], folder: Path, *, prepared: bool) -> dict[str, float]:
    """Through the channel."""
    channel = WebPush(load_settings({}, data_dir=folder, push_allow_http=True, send_in_flight=IN_FLIGHT))
    addresses = [json.dumps(one) for one in plan["subscriptions"]]
    if prepared:
        channel.begin_preparing()
        await channel.prepare(addresses)
        channel.end_preparing()
    numbers = itertools.count(1)
    try:
        return await timed(addresses, plan["first"], lambda address: channel.send(message(address, next(numbers))))
    finally:
        await channel.close()


def others_key(folder: Path) -> Vapid02:
    """The plan's key as pywebpush takes it, parsed once."""
    return Vapid02(load_or_make_vapid(load_settings({}, data_dir=folder)))


def others_options(plan: dict[str, Any], key: Vapid02, fields: Mapping[str, str]) -> dict[str, Any]:
    """What pywebpush is told besides the subscription; new for each message, because it writes into two of them."""
    return {
        "data": plan["payload"],
        "vapid_private_key": key,
        "vapid_claims": {"sub": CLAIMS},
        "ttl": 1800,
        "headers": dict(fields),
    }


async def send_pywebpush_async(plan: dict[str, Any], folder: Path) -> dict[str, float]:
    """`webpush_async` as well as it can be used: one session, a key that is parsed once."""
    key, fields = others_key(folder), headers(message(""))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT)) as session:

        async def send(subscription: dict[str, Any]) -> object:
            options = others_options(plan, key, fields)
            return await pywebpush.webpush_async(subscription, aiohttp_session=session, **options)

        return await timed(plan["subscriptions"], plan["first"], send)


def send_pywebpush(plan: dict[str, Any], folder: Path) -> dict[str, float]:
    """`webpush`, one after the other over a kept-alive session."""
    key, fields = others_key(folder), headers(message(""))
    started = cpu = 0.0
    with requests.Session() as session:
        for number, subscription in enumerate(plan["subscriptions"]):
            if number == plan["first"]:
                started, cpu = time.perf_counter(), time.process_time()
            pywebpush.webpush(subscription, requests_session=session, **others_options(plan, key, fields))
    return {
        "sent": len(plan["subscriptions"]) - plan["first"],
        "seconds": time.perf_counter() - started,
        "cpu_s": time.process_time() - cpu,
    }


def as_sender(name: str, file: Path) -> None:
    """What a sender's process does."""
    plan = json.loads(file.read_text(encoding="utf-8"))
    if name == "pywebpush":
        result = send_pywebpush(plan, file.parent)
    else:
        work = (
            send_pywebpush_async(plan, file.parent)
            if name == "pywebpush_async"
            else send_ours(plan, file.parent, prepared=name == "ours_prepared")
        )
        if sys.platform == "win32":
            result = asyncio.run(work)
        else:
            import uvloop  # as the service itself does

            result = uvloop.run(work)
    print(json.dumps(result))


def make_plan(port: int, count: int, folder: Path) -> Path:
    """Subscriptions, text and keys for everybody, in a file."""
    vapid = load_or_make_vapid(load_settings({}, data_dir=folder))
    subscriptions, first = [], min(FIRST, count)
    for number in range(first + count):
        endpoint = f"http://127.0.0.1:{port}/wpush/v2/{number:08d}{'gAAAAABk' * 17}"
        browser = Browser(endpoint, ec.generate_private_key(ec.SECP256R1()), os.urandom(16))
        subscriptions.append(json.loads(browser.to_json()))
    plan = {
        "subscriptions": subscriptions,
        "payload": payload(message("")).decode(),
        "topic": headers(message(""))["Topic"],
        "first": first,
        "in_flight": IN_FLIGHT,
        "public": public_key(vapid),
        "private": base64url(vapid.private_numbers().private_value.to_bytes(32, "big")),
    }
    file = folder / "plan.json"
    file.write_text(json.dumps(plan), encoding="utf-8")
    return file


def run(name: str, file: Path, core: list[str], modules: Path) -> dict[str, float]:
    """One sender, once. Raises CalledProcessError with what it said."""
    if name == "npm_web_push":
        command = ["node", str(ROOT / "bench" / "_push_npm.js"), str(modules), str(file)]
    else:
        command = [sys.executable, str(Path(__file__).resolve()), "--sender", name, "--plan", str(file)]
    done = subprocess.run([*core, *command], check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def compare(count: int, rounds: int, modules: Path) -> dict[str, Any]:
    """All senders in turns, `rounds` times."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    taskset = ["taskset", "-c", str(cores[0])] if shutil.which("taskset") else []
    has_npm = shutil.which("node") is not None and (modules / "web-push").is_dir()
    names = [name for name in SENDERS if name != "npm_web_push" or has_npm]
    results: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="daijobu-bench-") as folder, sink(ANSWER) as port:
        file = make_plan(port, count, Path(folder))
        for _, name in itertools.product(range(rounds), names):
            results[name].append(run(name, file, taskset, modules))
    rates = {name: max(one["sent"] / one["cpu_s"] for one in results[name]) for name in names}
    others = [name for name in names if not name.startswith("ours")]
    return {
        "bench": "push",
        "messages": sum(int(one["sent"]) for one in results["ours"]) // rounds,
        "rounds": rounds,
        "text_bytes": len(payload(message(""))),
        "per_cpu_second": {name: round(rate) for name, rate in rates.items()},
        "per_second": {name: round(max(one["sent"] / one["seconds"] for one in results[name])) for name in names},
        "times_as_fast_as": {
            ours: {other: round(rates[ours] / rates[other], 1) for other in others} for ours in names[:2]
        },
        "left_out": {} if has_npm else {"npm_web_push": "node or the module web-push is missing (make node)"},
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
    }


def main() -> None:
    """Read the command line, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1000, help="messages a sender sends")
    parser.add_argument("--rounds", type=int, default=3, help="how often each sender has its turn")
    parser.add_argument("--modules", type=Path, default=ROOT / ".venv/node/node_modules", help="where npm installed")
    parser.add_argument("--sender", choices=SENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--plan", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.sender:
        as_sender(arguments.sender, arguments.plan)
    else:
        print(json.dumps(compare(arguments.messages, arguments.rounds, arguments.modules)))


if __name__ == "__main__":
    main()
