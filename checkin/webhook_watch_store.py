"""Watching for news: reading what organisations with webhooks may see, and what they were told last."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from checkin.dashboard_store import incidents_of, people_of
from checkin.webhook_watch import Key, current, news
from core.clock import date_in_japan
from core.db import Connection, Pool, transaction
from core.model import Role
from registry.webhook_store import enqueue

# Whoever sees least decides: an organisation that is partner's or employer's own has one role only in any case.
SQL_WATCHED = """
SELECT w.org_id, min(w.role) AS role FROM webhook w JOIN api_token t ON t.id = w.token_id AND t.revoked_at IS NULL
WHERE w.deleted_at IS NULL AND w.disabled_at IS NULL GROUP BY w.org_id ORDER BY w.org_id
"""
SQL_FORGET = """
DELETE FROM webhook_seen s WHERE NOT EXISTS (
    SELECT FROM webhook w JOIN api_token t ON t.id = w.token_id AND t.revoked_at IS NULL
    WHERE w.org_id = s.org_id AND w.deleted_at IS NULL AND w.disabled_at IS NULL)
"""


async def watch(pool: Pool, now: datetime) -> int:
    """Look once at every organisation with a live webhook; how many deliveries were made.

    Each organisation in a transaction of its own: what was seen and what is told of it are written together.
    """
    await pool.execute(SQL_FORGET)
    made = 0
    for row in await pool.fetch(SQL_WATCHED):
        async with transaction(pool) as conn:
            made += await _watch_one(conn, row["org_id"], Role(row["role"]), now)
    return made


SQL_LOCK = "SELECT id FROM organisation WHERE id = $1 FOR NO KEY UPDATE"
SQL_SEEN = "SELECT kind, incident_id, resident_id, value FROM webhook_seen WHERE org_id = $1"
SQL_MEMBERS = """
SELECT r.id, r.state FROM membership m JOIN resident r ON r.id = m.resident_id
WHERE m.org_id = $1 AND m.ended_at IS NULL AND r.state <> 'left'
"""


async def _watch_one(conn: Connection, org_id: UUID, role: Role, now: datetime) -> int:
    await conn.execute(SQL_LOCK, org_id)  # two watchers would tell everything twice
    seen: dict[Key, str] = {
        (row["kind"], row["incident_id"], row["resident_id"]): row["value"]
        for row in await conn.fetch(SQL_SEEN, org_id)
    }
    began = seen.pop(("since", None, None), None) is not None
    today = date_in_japan(now)
    members = {row["id"]: row["state"] for row in await conn.fetch(SQL_MEMBERS, org_id)}
    found = {incident.id: incident for incident in await incidents_of(conn, [org_id], today)}
    # A closed incident is read once more, for what came in at its very end, and then no longer.
    looked = [
        (incident, await people_of(conn, incident.id, org_id, today))
        for incident in found.values()
        if incident.closed_at is None or seen.get(("incident", incident.id, None)) == "open"
    ]
    state = current(looked, members, role)
    told = await enqueue(conn, org_id, news(seen, state, found), now) if began else 0
    await _remember(conn, org_id, seen, state, began=began)
    return told


SQL_REMEMBER = """
INSERT INTO webhook_seen (org_id, kind, incident_id, resident_id, value)
SELECT $1, s.kind, s.incident_id, s.resident_id, s.value
FROM unnest($2::text[], $3::uuid[], $4::uuid[], $5::text[]) AS s (kind, incident_id, resident_id, value)
ON CONFLICT (org_id, kind, incident_id, resident_id) DO UPDATE SET value = excluded.value
"""
SQL_LEFT = "DELETE FROM webhook_seen WHERE org_id = $1 AND resident_id = ANY($2::uuid[])"


async def _remember(
    conn: Connection, org_id: UUID, seen: dict[Key, str], state: dict[Key, str], *, began: bool
) -> None:
    rows = [(key, value) for key, value in state.items() if seen.get(key) != value]
    if not began:
        rows.append((("since", None, None), "told"))
    await conn.execute(
        SQL_REMEMBER,
        org_id,
        [key[0] for key, _ in rows],
        [key[1] for key, _ in rows],
        [key[2] for key, _ in rows],
        [value for _, value in rows],
    )
    left = [key[2] for key in seen if key[0] == "person" and key not in state]
    await conn.execute(SQL_LEFT, org_id, left)
