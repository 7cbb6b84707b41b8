"""The benchmarks still run, on a handful of people: their figures are worth nothing if nobody notices a break."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from tests.sql_constants import ROOT


@pytest.mark.parametrize(
    ("command", "counted"),
    [
        (("bench/checkin.py", "--requests", "20"), "committed"),
        (("bench/fanout.py", "--people", "50"), "told"),
        (("bench/push.py", "--messages", "50", "--rounds", "1"), "messages"),
        (("bench/sms.py", "--messages", "50", "--rounds", "1"), "messages"),
        (("bench/start.py", "--starts", "1"), "starts"),
        (("bench/geofence.py", "--places", "3000", "--repeats", "1", "--without-postgis"), "places"),
    ],
)
async def test_it_prints_its_figures(command: tuple[str, ...], counted: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-2000:]
    assert json.loads(out)[counted] >= int(command[2])
