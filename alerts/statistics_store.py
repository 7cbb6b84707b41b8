"""What the planner should know after a burst has filled tables that were empty."""

from __future__ import annotations

from core.db import Pool, transaction

# A fifth of the usual sample: enough to know that a table is not empty any more, at a fifth of the time.
SQL_SAMPLE = "SET LOCAL default_statistics_target = 20"
# Only the columns that queries choose by: reasons, token hashes and lists of organisations take four times as long.
SQL_STATISTICS = """
ANALYZE message (incident_id, resident_id, alert_id, step, state, priority, due_at, lease_until),
    incident_resident (incident_id, resident_id, severity, asked_at, status), link (kind, incident_id, resident_id),
    alert_resident
"""


async def refresh_statistics(pool: Pool) -> None:
    """Let the planner know what a large alert has put into tables that were empty before.

    It also ends plans that were made while they were: pages and check-ins come a moment later, long before autovacuum.
    """
    async with transaction(pool) as conn:
        await conn.execute(SQL_SAMPLE)
        await conn.execute(SQL_STATISTICS)
