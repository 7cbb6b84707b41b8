"""How many SMS one core hands over: our channel against Twilio's own asynchronous client, in turns.

    python bench/sms.py [--messages 1000] [--rounds 3]

Prints one JSON object. Each sender is a process of its own, pinned to one core where the system can, and sends the same
text to the same numbers, 64 at a time, over kept-alive HTTP connections to a receiver on loopback that answers as
Twilio does (bench/_sink.py, on another core). `ours` is the channel as the service uses it: it also checks country
and limits, computes the validity, names the call-back and keeps the answer's headers. `client` is our API client alone.
`twilio` is the package with its own AsyncTwilioHttpClient, which has no base URL and no time limit; it is told the
receiver's address. Rates are messages per second of the sender's CPU time; the median of the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from alerts.channel import Outgoing
from alerts.channels.sms_twilio import TwilioSms
from bench._sink import sink
from bench._sms_answer import ACCOUNT, ANSWER, SID
from core.model import Purpose, Severity
from core.settings import load_settings

IN_FLIGHT: Final = 64
#: Sent before the clock starts (connections, imports, caches), or as many as are measured.
FIRST: Final = 200
SENDERS: Final = ("ours", "client", "twilio")
TOKEN: Final = "0" * 32
SERVICE: Final = "MG" + "0" * 32
URL: Final = "https://daijobu.example/c/7kQm2xRt9P"
TEXT: Final = f"Daijobu: ĐỘNG ĐẤT 6+. Mashiki (益城町). 20/11 12:00. Ra khỏi nhà nếu có vết nứt.\n{URL}"


def message(number: int) -> Outgoing:
    """An alert of usual length to one of many numbers."""
    return Outgoing(
        message_id=number,
        address=f"+8190{number:08d}",
        title="",
        body=TEXT,
        language="vi",
        severity=Severity.EXTREME,
        purpose=Purpose.LIVE,
        incident_id=UUID(int=7),
        url=URL,
        valid_s=10_800,
        hazard="earthquake",
    )


class Elsewhere(AsyncTwilioHttpClient):  # type: ignore[misc]  # the package has no types
    """Twilio's client, led to the receiver."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    async def request(self, method: str, url: str, *args: Any, **more: Any) -> Any:
        return await super().request(method, self._base + urlsplit(url).path, *args, **more)


async def timed(count: int, first: int, send: Callable[[int], Awaitable[object]]) -> dict[str, float]:
    """Send `first` messages, then measure `count`."""

    async def in_turns(numbers: range) -> None:
        waiting = iter(numbers)

        async def worker() -> None:
            for number in waiting:
                await send(number)

        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))

    await in_turns(range(1, first + 1))
    started, cpu = time.perf_counter(), time.process_time()
    await in_turns(range(first + 1, first + count + 1))
    return {"sent": count, "seconds": time.perf_counter() - started, "cpu_s": time.process_time() - cpu}


async def as_sender(name: str, base: str, count: int) -> dict[str, float]:
    """What a sender's process does."""
    first = min(FIRST, count)
    if name == "twilio":
        http = Elsewhere(base)
        client = Client(ACCOUNT, TOKEN, http_client=http)

        async def create(number: int) -> None:
            made = await client.messages.create_async(
                to=f"+8190{number:08d}",
                body=TEXT,
                messaging_service_sid=SERVICE,
                status_callback=f"https://daijobu.example/t/s/{number}-1",
                validity_period=7200,
                smart_encoded=False,
            )
            assert made.sid == SID

        try:
            return await timed(count, first, create)
        finally:
            await http.close()
    channel = TwilioSms(
        load_settings(
            {"DAIJOBU_TWILIO_AUTH_TOKEN": TOKEN},
            twilio_account_sid=ACCOUNT,
            twilio_messaging_service_sid=SERVICE,
            twilio_base_url=base,
            public_url="https://daijobu.example",
            send_in_flight=IN_FLIGHT,
        )
    )

    async def send(number: int) -> None:
        if name == "ours":
            assert (await channel.send(message(number))).provider_id == SID
            return
        fields = {
            "To": f"+8190{number:08d}",
            "Body": TEXT,
            "MessagingServiceSid": SERVICE,
            "StatusCallback": f"https://daijobu.example/t/s/{number}-1",
            "ValidityPeriod": 7200,
            "SmartEncoded": "false",
        }
        assert await channel.messages.create(fields) == SID

    try:
        return await timed(count, first, send)
    finally:
        await channel.close()


def compare(count: int, rounds: int) -> dict[str, Any]:
    """All senders in turns, `rounds` times."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    taskset = ["taskset", "-c", str(cores[0])] if shutil.which("taskset") else []
    results: dict[str, list[dict[str, float]]] = {name: [] for name in SENDERS}
    with sink(ANSWER) as port:
        base = f"http://127.0.0.1:{port}"
        for _, name in itertools.product(range(rounds), SENDERS):
            command = [sys.executable, str(Path(__file__).resolve()), "--sender", name, "--base", base]
            done = subprocess.run(
                [*taskset, *command, "--messages", str(count)], check=True, stdout=subprocess.PIPE, text=True
            )
            results[name].append(json.loads(done.stdout))
    rates = {name: statistics.median(one["sent"] / one["cpu_s"] for one in results[name]) for name in SENDERS}
    return {
        "bench": "sms",
        "messages": sum(int(one["sent"]) for one in results["ours"]) // rounds,
        "rounds": rounds,
        "per_cpu_second": {name: round(rate) for name, rate in rates.items()},
        "per_second": {
            name: round(statistics.median(one["sent"] / one["seconds"] for one in results[name])) for name in SENDERS
        },
        "times_as_fast_as_twilio": {name: round(rates[name] / rates["twilio"], 2) for name in SENDERS[:2]},
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
    }


def main() -> None:
    """Read the command line, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1000, help="messages a sender sends")
    parser.add_argument("--rounds", type=int, default=3, help="how often each sender has its turn")
    parser.add_argument("--sender", choices=SENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--base", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.sender:
        print(json.dumps(compare(arguments.messages, arguments.rounds)))
        return
    # Twilio's client passes an argument that aiohttp has deprecated; a thousand lines of it say nothing more.
    warnings.simplefilter("ignore", DeprecationWarning)
    work = as_sender(arguments.sender, arguments.base, arguments.messages)
    if sys.platform == "win32":
        print(json.dumps(asyncio.run(work)))
    else:
        import uvloop  # as the service itself does

        print(json.dumps(uvloop.run(work)))


if __name__ == "__main__":
    main()
