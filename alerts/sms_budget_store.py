"""What SMS cost in a month, counted in the database."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from core.clock import JST, date_in_japan
from core.db import Connection, Pool, transaction

#: How far back days are counted anew; older ones stay as they are.
COUNT_ANEW: Final = timedelta(days=1)

# A message that has been blanked is not counted again: the greater count of a day is the right one.
SQL_COUNT = """
INSERT INTO sms_day AS d (day, parts)
SELECT (m.sent_at AT TIME ZONE 'Asia/Tokyo')::date, sum(greatest(t.segments, 1))
FROM message AS m JOIN alert_text AS t ON t.id = m.text_id
WHERE m.channel = 'sms' AND m.provider_id IS NOT NULL AND m.blanked_at IS NULL AND m.sent_at >= $1
GROUP BY 1 ORDER BY 1
ON CONFLICT (day) DO UPDATE SET parts = excluded.parts WHERE d.parts < excluded.parts
"""
SQL_MONTH = "SELECT coalesce(sum(parts), 0)::bigint FROM sms_day WHERE day >= $1 AND day <= $2"


async def count_parts(pool: Pool, now: datetime) -> None:
    """Count the parts of today and yesterday (Japan's time) anew."""
    day = date_in_japan(now - COUNT_ANEW)
    async with transaction(pool) as conn:
        await conn.execute(SQL_COUNT, datetime(day.year, day.month, day.day, tzinfo=JST))


async def parts_of_month(conn: Connection | Pool, now: datetime) -> tuple[date, int]:
    """(the first day of this month in Japan, parts sent since)."""
    today = date_in_japan(now)
    first = today.replace(day=1)
    parts: int = await conn.fetchval(SQL_MONTH, first, today)
    return first, parts


SQL_TOLD = "SELECT FROM provider_trouble WHERE channel = 'sms' AND code = $1"


async def is_told(conn: Connection | Pool, code: str) -> bool:
    """Whether operators have been told of it already."""
    return await conn.fetchrow(SQL_TOLD, code) is not None
