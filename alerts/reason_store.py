"""The reasons of alerts in the database: each written once, whoever of several slices needs it first."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from core.db import Connection, Pool

# In the order of ids, so that two who write the same reasons wait for each other in one direction only.
SQL_REASONS = """
INSERT INTO standing_reason (id, incident_id, reason)
SELECT r.id, $1, r.reason::jsonb FROM unnest($2::uuid[], $3::text[]) AS r (id, reason) ORDER BY r.id
ON CONFLICT (id) DO NOTHING
"""


async def write_reasons(
    conn: Connection | Pool, incident_id: UUID, known: set[UUID], wanted: Mapping[UUID, str]
) -> None:
    """Make the rows of these reasons (id -> JSON) where there are none yet; `known`: those that are there, kept up.

    On the pool, outside of the slice's transaction: two slices at once never wait for each other's reasons. A reason
    that holds for nobody after all is a row that names nobody.
    """
    new = sorted(wanted.keys() - known)
    if new:
        await conn.execute(SQL_REASONS, incident_id, new, [wanted[one] for one in new])
        known.update(new)
