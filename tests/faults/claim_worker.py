"""A worker on another machine, for one claim: it waits for the bell alone, never for its next look at the table.

Argument: DSN. Prints "listening", then the ids of the first messages it may take, or "nothing".
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from uuid import uuid4

from alerts.outbox_store import MESSAGES_CHANNEL, claim
from core.db import connect
from core.wakeups import Wakeups
from tests.alerts_kit import NOON

PATIENCE_S = 300.0


async def main(dsn: str) -> None:
    pool = await connect(dsn, size=2)
    async with Wakeups(dsn) as wakeups:
        bell = await wakeups.on(MESSAGES_CHANNEL)
        print("listening", flush=True)
        taken: list[int] = []
        while not taken and await bell.wait(PATIENCE_S):
            found = await claim(
                pool, limit=10, token=uuid4(), lease=timedelta(minutes=1), now=NOON + timedelta(minutes=5)
            )
            taken = sorted(one.id for one in found)
        print(" ".join(map(str, taken)) or "nothing", flush=True)
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
