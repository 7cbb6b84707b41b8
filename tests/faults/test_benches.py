"""The benchmarks still run, on a handful of people: their figures are worth nothing if nobody notices a break."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest

from tests.sql_constants import ROOT


async def figures(*command: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-2000:]
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.mark.parametrize(
    ("command", "counted"),
    [
        (("bench/fanout.py", "--people", "50"), "told"),
        (("bench/push.py", "--messages", "50", "--rounds", "1"), "messages"),
        (("bench/sms.py", "--messages", "50", "--rounds", "1"), "messages"),
        (("bench/start.py", "--starts", "1"), "starts"),
    ],
)
async def test_it_prints_its_figures(command: tuple[str, ...], counted: str) -> None:
    assert (await figures(*command))[counted] >= int(command[2])


@pytest.mark.parametrize(
    ("command", "counted"),
    [
        (("bench/checkin.py", "--requests", "20"), "committed"),
        (("bench/geofence.py", "--places", "1000", "--repeats", "1", "--without-postgis"), "places"),
    ],
)
async def test_it_prints_its_figures_of_a_database_that_is_named(
    command: tuple[str, ...], counted: str, db_dsn: str
) -> None:
    assert (await figures(*command, "--database", db_dsn))[counted] >= int(command[2])
