"""Token buckets in the database, shared by all processes of all machines. What waits goes together: one statement for
everybody who asked meanwhile, and the next right after it.

Times are the database's own, as with lanes. A bucket without a row is full.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from alerts.buckets import Bucket, OwnBuckets
from core.crypto import Vault
from core.db import CONNECTION_ERRORS, Pool

log = logging.getLogger(__name__)


class _Asked(NamedTuple):
    bucket: Bucket
    answer: asyncio.Future[bool]


# In the order of their keys: two processes that want the same buckets wait for each other, and never in a circle.
SQL_FILL = """
INSERT INTO send_bucket (key, tokens)
SELECT u.key, u.capacity FROM unnest($1::bytea[], $2::float8[]) AS u (key, capacity) ORDER BY u.key
ON CONFLICT (key) DO NOTHING
"""
SQL_TAKE = """
WITH was AS (
    SELECT b.key, u.wanted,
           least(u.capacity, b.tokens + u.capacity / u.period
                             * greatest(0, extract(epoch FROM now() - b.refilled_at))::float8) AS tokens
    FROM unnest($1::bytea[], $2::float8[], $3::float8[], $4::float8[]) AS u (key, capacity, period, wanted)
    JOIN send_bucket AS b ON b.key = u.key
    ORDER BY b.key FOR UPDATE OF b
)
UPDATE send_bucket AS b SET tokens = was.tokens - floor(least(was.tokens, was.wanted)), refilled_at = now()
FROM was WHERE b.key = was.key
RETURNING b.key, floor(least(was.tokens, was.wanted))::int AS taken
"""


async def take_tokens(pool: Pool, wanted: Mapping[bytes, tuple[Bucket, int]]) -> dict[bytes, int]:
    """By key up to so many tokens of each bucket; how many there were."""
    keys = list(wanted)
    capacity = [float(bucket.capacity) for bucket, _ in wanted.values()]
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(SQL_FILL, keys, capacity)
        rows = await conn.fetch(
            SQL_TAKE,
            keys,
            capacity,
            [bucket.period_s for bucket, _ in wanted.values()],
            [float(number) for _, number in wanted.values()],
        )
    return {row["key"]: row["taken"] for row in rows}


class SharedBuckets:
    """The buckets of all processes. While the database does not answer this one counts for itself."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool, self._vault = pool, vault
        self._own = OwnBuckets()
        self._asked: list[_Asked] = []
        self._at_work: asyncio.Task[None] | None = None

    async def take(self, bucket: Bucket) -> bool:
        """One token; False where there is none."""
        asked = _Asked(bucket, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        if self._at_work is None or self._at_work.done():
            self._at_work = asyncio.create_task(self._work(), name="token buckets")
        try:
            return await asked.answer
        except CONNECTION_ERRORS as error:
            log.info("limits are counted here for now: %s", str(error) or type(error).__name__)
            return await self._own.take(bucket)

    async def _work(self) -> None:
        while self._asked:
            batch, self._asked = self._asked, []
            try:
                await self._answer(batch)
            except Exception as error:
                for one in batch:
                    if not one.answer.done():
                        one.answer.set_exception(error)

    async def _answer(self, batch: list[_Asked]) -> None:
        keyed = [(self._vault.blind_index(f"bucket {a.bucket.name}", a.bucket.of), a) for a in batch]
        counts = Counter(key for key, _ in keyed)
        wanted = {key: (asked.bucket, counts[key]) for key, asked in keyed}
        left = await take_tokens(self._pool, wanted)
        for key, asked in keyed:
            left[key] -= 1
            if not asked.answer.done():  # whoever asked may have been stopped meanwhile
                asked.answer.set_result(left[key] >= 0)
