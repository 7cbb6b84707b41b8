"""How long the service takes to answer after a start on a database it has made before: `python bench/start.py`.

Beside each start, in turns, a Python that only reads the libraries the service stands on (aiohttp, asyncpg, pydantic,
jinja2): what is left is ours, PostgreSQL's start included. Prints JSON; times in seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = "import aiohttp.web, asyncpg, pydantic, jinja2"
#: A start that takes longer has failed.
PATIENCE_S = 120.0


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answered_after(url: str, began: float, process: subprocess.Popen[bytes]) -> float:
    """Seconds from `began` until the page was there. Raises RuntimeError if the process ends or never answers."""
    while time.perf_counter() - began < PATIENCE_S:
        if process.poll() is not None:
            raise RuntimeError(f"the service ended with {process.returncode} before it answered")
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                answer.read()
                return time.perf_counter() - began
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.005)
    raise RuntimeError(f"{url} did not answer in {PATIENCE_S:.0f} s")


def start_once(environment: dict[str, str], port: int) -> tuple[float, float]:
    """(seconds to /healthz, seconds to the front page) of one start, which is then ended."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "main.py", "all"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        up = answered_after(f"http://127.0.0.1:{port}/healthz", began, process)
        return up, answered_after(f"http://127.0.0.1:{port}/", began, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def libraries_once(environment: dict[str, str]) -> float:
    """Seconds for a Python that only reads the libraries."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", LIBRARIES], cwd=ROOT, env=environment, check=True)
    return time.perf_counter() - began


def spread(times: list[float]) -> dict[str, float]:
    """Fastest, median and slowest."""
    return {
        "min": round(min(times), 2),
        "median": round(statistics.median(times), 2),
        "max": round(max(times), 2),
    }


def measure(starts: int) -> dict[str, Any]:
    """One first start on nothing, then `starts` more on the same database."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="daijobu-bench-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)  # PostgreSQL started by root runs as somebody else and must get in
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | {
            "DAIJOBU_DATA_DIR": folder,
            "DAIJOBU_PORT": str(port),
            "DAIJOBU_JMA_FEED_URL": "http://127.0.0.1:1/",
        }
        first, _ = start_once(environment, port)
        again = [(*start_once(environment, port), libraries_once(environment)) for _ in range(starts)]
    up, page, libraries = (list(times) for times in zip(*again, strict=True))
    return {
        "bench": "start",
        "starts": starts,
        "first_start_s": round(first, 2),
        "healthz_s": spread(up),
        "front_page_s": spread(page),
        "libraries_only_s": spread(libraries),
        "ratio_median": round(statistics.median(up) / statistics.median(libraries), 2),
        "machine": {"cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "python": sys.version.split()[0]},
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=10)
    print(json.dumps(measure(parser.parse_args().starts)))


if __name__ == "__main__":
    main()
