"""What hearing costs: parsing by type, memory on the largest telegram, and the time from the feed to the first message.

    python bench/feeds.py [--rounds 10] [--trials 4] [--every 30] [--skip-latency]

Prints one JSON object. Parsing is compared, in the same run and turn by turn, with xmltodict (XML) and the standard
library's json (JSON), which only make dictionaries and decide nothing; times of parsing are CPU times. The telegrams
are this repository's own; where recorded ones lie beside it (../shared/feed-samples), those too. The latency is wall
time of the service's own loops on an embedded PostgreSQL (fsync on) against a local host that publishes like JMA's.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import gc
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import xmltodict

from bench._feed_latency import latency
from core.model import UnreadableReport
from core.settings import load_settings
from demo.scenario import QuakeArea, Scenario
from demo.telegrams import build_report
from feeds.known import parse_any
from geo.areas import Areas

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (ROOT / "tests" / "samples" / "feeds", ROOT.parent / "shared" / "feed-samples")
SUFFIXES = (".xml", ".json", ".geojson", ".cap")
#: A quake area's code begins with the two digits of its prefecture only in the weather tables; here any will do.
_PREFECTURE = ("43", "熊本県")


def nationwide(now: datetime) -> bytes:
    """A VXSE53 that names every municipality of Japan: as large as the telegram of a quake felt everywhere."""
    areas = Areas.load()
    codes = sorted(row.code for row in areas.rows("jma.quake_area"))
    felt = []
    for code in codes:
        cities = tuple((city, areas.name("jma.city", city)) for city in areas.cities_of_quake_area(code))
        felt.append(QuakeArea(_PREFECTURE, (code, areas.name("jma.quake_area", code)), "4", {"4": cities}))
    scenario = Scenario(
        id="nationwide",
        title="",
        title_ja="",
        event_id="",
        occurred_at=now,
        reports=(("VXSE53", timedelta(minutes=5)),),
        hypocenter={"name": "日本海", "code": "741", "lat": 38, "lon": 135, "depth_km": 300, "magnitude": 9.0},
        comments={"forecast": ["0215"], "variable": ["0262"]},
        quake_areas=tuple(felt),
    )
    return build_report(scenario, "VXSE53", now)


def documents() -> dict[str, list[bytes]]:
    """Type -> its readable documents, each once."""
    found: dict[str, list[bytes]] = defaultdict(list)
    seen: set[bytes] = set()
    for folder in FOLDERS:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.suffix not in SUFFIXES or (body := path.read_bytes()) in seen:
                continue
            seen.add(body)
            try:
                parsed = parse_any(body)
            except UnreadableReport:
                continue
            if parsed.events:
                found[f"{parsed.source} {parsed.type}".strip()].append(body)
    found["jma VXSE53, every municipality"] = [nationwide(datetime(2026, 11, 20, 3, 0, tzinfo=UTC))]
    return dict(found)


def generic(body: bytes) -> object:
    """The document as dictionaries, whatever it says."""
    return json.loads(body) if body.lstrip()[:1] in b"{[" else xmltodict.parse(body)


def timed(reader: Callable[[bytes], object], body: bytes) -> int:
    """Nanoseconds of CPU of one reading: what else the machine does is not counted."""
    started = time.thread_time_ns()
    reader(body)
    return time.thread_time_ns() - started


def parse_times(found: dict[str, list[bytes]], rounds: int) -> dict[str, Any]:
    """Per type: how many documents, their median size, and both readers' times."""
    table: dict[str, Any] = {}
    for kind, bodies in sorted(found.items()):
        ours: list[int] = []
        other: list[int] = []
        for body in bodies:
            timed(parse_any, body), timed(generic, body)
            for _ in range(rounds):
                ours.append(timed(parse_any, body))
                other.append(timed(generic, body))
        table[kind] = {
            "documents": len(bodies),
            "bytes": round(statistics.median(len(body) for body in bodies)),
            "median_ms": _ms(statistics.median(ours)),
            "p99_ms": _ms(statistics.quantiles(ours, n=100)[98]),
            "generic_median_ms": _ms(statistics.median(other)),
            "generic_p99_ms": _ms(statistics.quantiles(other, n=100)[98]),
            "ratio_median": round(statistics.median(ours) / statistics.median(other), 2),
        }
    return table


def _ms(nanoseconds: float) -> float:
    return round(nanoseconds / 1e6, 3)


def rate(found: dict[str, list[bytes]], rounds: int) -> dict[str, float]:
    """Events a second of CPU, all documents in turn; and the same documents through the generic reader."""
    bodies = [body for kind in found.values() for body in kind]
    events = 0
    gc.collect()
    started = time.thread_time()
    for _ in range(rounds):
        for body in bodies:
            events += len(parse_any(body).events)
    ours = time.thread_time() - started
    started = time.thread_time()
    for _ in range(rounds):
        for body in bodies:
            generic(body)
    other = time.thread_time() - started
    return {
        "events_per_second": round(events / ours),
        "documents_per_second": round(rounds * len(bodies) / ours),
        "megabytes_per_second": round(rounds * sum(map(len, bodies)) / ours / 1e6, 1),
        "generic_documents_per_second": round(rounds * len(bodies) / other),
    }


# --- memory: in a process of its own for each reading, because memory once taken is not given back


def memory(body: bytes) -> dict[str, Any]:
    """Peak memory that one reading of this document adds to a process, in kB, by us and by the generic reader."""
    peaks = {}
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        for reader in ("ours", "generic"):
            command = [sys.executable, __file__, "--peak-of", file.name, "--reader", reader]
            peaks[f"{reader}_kb"] = int(subprocess.run(command, capture_output=True, check=True).stdout)
    return {"bytes": len(body), **peaks, "ratio": round(peaks["ours_kb"] / max(peaks["generic_kb"], 1), 2)}


def peak_of(reader: Callable[[bytes], object], body: bytes, warm: bytes) -> int:
    """kB by which the peak of resident memory grows while `body` is read; everything is imported and warm before."""
    reader(warm)
    gc.collect()
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():
        import tracemalloc  # elsewhere only what Python itself allocates can be told

        tracemalloc.start()
        reader(body)
        return tracemalloc.get_traced_memory()[1] // 1024
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what was freed must not hide what is needed
    reset.write_text("5")
    before = _kb(status, "VmHWM")
    kept = reader(body)
    peak = _kb(status, "VmHWM") - before
    del kept
    return peak


def _kb(status: Path, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", status.read_text(), re.MULTILINE)
    assert found is not None
    return int(found.group(1))


def main() -> None:
    """Read the command line, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="readings of each document by each reader")
    parser.add_argument(
        "--trials", type=int, default=4, help="quakes published, each at a random moment of an interval"
    )
    parser.add_argument(
        "--every", type=float, default=load_settings({}).eqvol_every_s, help="seconds between two polls"
    )
    parser.add_argument("--people", type=int, default=1000, help="residents in the fictional registry")
    parser.add_argument("--skip-latency", action="store_true", help="parsing and memory only")
    parser.add_argument("--peak-of", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--reader", choices=("ours", "generic"), default="ours", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_of is not None:
        warm = next((ROOT / "tests" / "samples" / "feeds" / "jma").glob("vxse53*.xml")).read_bytes()
        print(peak_of(parse_any if options.reader == "ours" else generic, options.peak_of.read_bytes(), warm))
        return
    found = documents()
    largest = max((body for bodies in found.values() for body in bodies), key=len)
    report: dict[str, Any] = {
        "bench": "feeds",
        "recorded_samples": FOLDERS[1].is_dir(),
        "parse": parse_times(found, options.rounds),
        "rate": rate(found, max(options.rounds // 5, 1)),
        "memory_of_largest": memory(largest),
    }
    if not options.skip_latency:
        report["entry_to_first_lease"] = asyncio.run(latency(options.trials, options.every, options.people))
    report["machine"] = {
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "system": platform.system(),
    }
    json.dump(report, sys.stdout, indent=2, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
