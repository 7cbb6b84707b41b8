"""Numbers that were refused for their country live again when the allowed countries change."""

from __future__ import annotations

from datetime import datetime

from alerts.sms_guard import COUNTRY
from core.db import Pool, transaction
from registry.facts_store import get_fact, set_fact

FACT = "sms_countries"

SQL_LIVE_AGAIN = """
UPDATE contact SET state = 'unproven', state_reason = ''
WHERE channel = 'phone' AND state = 'dead' AND state_reason = $1
"""


async def follow_countries(pool: Pool, countries: str, now: datetime) -> int:
    """Give every number that was refused for its country another chance, once per change. How many."""
    async with transaction(pool) as conn:
        if await get_fact(conn, FACT) == countries:
            return 0
        tag = await conn.execute(SQL_LIVE_AGAIN, COUNTRY)
        await set_fact(conn, FACT, countries, now)
    return int(tag.rpartition(" ")[2])
