"""Deleting a person: everything about them goes, the numbers stay.

What stays for the record: how many people stood how in each incident, how many messages arrived (summary tables), and
the bare ids in the audit log. While the person is part of an open incident nothing is deleted: somebody may be looking
for them. Their wish is noted, and the daily purge fulfils it when the incident has closed.

Whether a place is still somebody else's home is decided by other people's rows: the work is done under the purge's
database role, also when the person's own page asks for it.

message, receipt and alert_resident have no foreign keys (ADR 0009), so each is named here. A contract test holds that
every column which points to a resident is dealt with here or by ON DELETE CASCADE.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.audit import Actor, audit
from core.db import Connection, expect_rows


class Erasure(NamedTuple):
    """What became of a wish to be deleted. `waits_for`: the title of an open incident it waits for, None if done."""

    done: bool
    waits_for: str | None = None


OWN_PAGE = Actor("own page")

# A registration that was joined to another one of the same person goes with it.
SQL_LOCK = """
SELECT r.id, (SELECT s.resident_id FROM same_person s WHERE s.other_id = r.id AND s.state = 'joined' LIMIT 1) AS stays
FROM resident r
WHERE r.id = ANY($1::uuid[]) OR r.id IN (
    SELECT other_id FROM same_person WHERE resident_id = ANY($1::uuid[]) AND state = 'joined')
ORDER BY r.id FOR UPDATE OF r
"""
SQL_OPEN_FOR = """
SELECT DISTINCT ON (resident_id) resident_id, title FROM resident_busy
WHERE resident_id = ANY($1::uuid[]) ORDER BY resident_id, opened_at DESC
"""
SQL_QUEUE = """
UPDATE resident SET erase_requested_at = coalesce(erase_requested_at, $2) WHERE id = $1
"""


SQL_ROLE = "SELECT current_setting('role')"
SQL_TAKE_ROLE = "SELECT set_config('role', $1, true)"


@asynccontextmanager
async def _as_purge(conn: Connection) -> AsyncIterator[None]:
    """The purge's database role for a while; a failure inside ends the transaction, and the role with it."""
    before = await conn.fetchval(SQL_ROLE)
    await conn.execute(SQL_TAKE_ROLE, "daijobu_purge")
    yield
    await conn.execute(SQL_TAKE_ROLE, before)


async def erase_resident(conn: Connection, resident_id: UUID, now: datetime, actor: Actor = OWN_PAGE) -> Erasure:
    """Delete a person and all that is about them, or queue it until their open incidents have closed.

    Call it inside a transaction, with the person's own wish confirmed before. `waits_for` must be shown to the person:
    helpers can find them until then. Raises LookupError if there is no such person.
    """
    async with _as_purge(conn):
        return await _erase_or_queue(conn, resident_id, now, actor)


async def _erase_or_queue(conn: Connection, resident_id: UUID, now: datetime, actor: Actor) -> Erasure:
    ids = [row["id"] for row in await conn.fetch(SQL_LOCK, [resident_id])]
    if resident_id not in ids:
        raise LookupError(f"there is no resident {resident_id} to delete")
    waiting = await conn.fetchrow(SQL_OPEN_FOR, ids)
    if waiting is not None:
        expect_rows(await conn.execute(SQL_QUEUE, resident_id, now), 1, "the wish to be deleted")
        await audit(conn, actor, "person.erase_queued", at=now, subjects=[resident_id])
        return Erasure(False, waiting["title"])
    await _erase(conn, ids)
    await audit(conn, actor, "person.erase", at=now, subjects=ids)
    return Erasure(True)


async def erase_idle(conn: Connection, resident_ids: Sequence[UUID], now: datetime, actor: Actor) -> int:
    """Delete those of these people who are part of nothing open; how many. For the purge, inside a transaction."""
    wanted = set(resident_ids)
    joined = {row["id"]: row["stays"] for row in await conn.fetch(SQL_LOCK, list(wanted))}
    busy = {row["resident_id"] for row in await conn.fetch(SQL_OPEN_FOR, list(joined))}
    busy |= {into for one, into in joined.items() if one in busy}
    idle = [one for one, into in joined.items() if one not in busy and (one in wanted or into not in busy)]
    if idle:
        await _erase(conn, idle)
        await audit(conn, actor, "person.erase", at=now, subjects=idle)
    return len(idle)


# Messages are found by incident and person: that is the only index with a person in it, and there are few incidents.
SQL_FOLD_MESSAGES = """
WITH mine AS MATERIALIZED (
    SELECT m.id FROM incident i CROSS JOIN unnest($1::uuid[]) AS p (id)
    JOIN message m ON m.incident_id = i.id AND m.resident_id = p.id
), gone AS (
    DELETE FROM message m USING mine WHERE m.id = mine.id RETURNING m.id, m.alert_id, m.text_id, m.channel, m.state
), receipts AS (
    DELETE FROM receipt r USING mine WHERE r.message_id = mine.id
)
INSERT INTO delivery_summary AS s (alert_id, channel, language, state, messages)
SELECT g.alert_id, g.channel, coalesce(t.language, ''), g.state, count(*)
FROM gone g LEFT JOIN alert_text t ON t.id = g.text_id JOIN alert a ON a.id = g.alert_id
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
ON CONFLICT (alert_id, channel, language, state) DO UPDATE SET messages = s.messages + excluded.messages
"""
SQL_FOLD_CASES = """
WITH notes AS (
    DELETE FROM case_note n USING case_file c WHERE n.case_id = c.id AND c.resident_id = ANY($1::uuid[])
)
INSERT INTO incident_summary AS s (incident_id, org_id, what, value, number)
SELECT incident_id, NULL::uuid, 'cases', reason || ' ' || coalesce(outcome, 'open'), count(*)
FROM case_file WHERE resident_id = ANY($1::uuid[]) GROUP BY 1, 4 ORDER BY 1, 4
ON CONFLICT (incident_id, org_id, what, value) DO UPDATE SET number = s.number + excluded.number
"""
SQL_DROP_CASES = "DELETE FROM case_file WHERE resident_id = ANY($1::uuid[])"
SQL_FOLD_STANDING = """
WITH gone AS (
    DELETE FROM incident_resident WHERE resident_id = ANY($1::uuid[])
    RETURNING incident_id, orgs, status, asked_at
), counted AS (
    SELECT incident_id, NULL::uuid AS org_id,
           coalesce(status, CASE WHEN asked_at IS NULL THEN 'told' ELSE 'silent' END) AS value FROM gone
    UNION ALL
    SELECT g.incident_id, o.id,
           CASE WHEN status IS NOT NULL THEN 'answered' WHEN asked_at IS NULL THEN 'told' ELSE 'silent' END
    FROM gone g JOIN organisation o ON o.id = ANY(g.orgs)
)
INSERT INTO incident_summary AS s (incident_id, org_id, what, value, number)
SELECT incident_id, org_id, 'people', value, count(*) FROM counted GROUP BY 1, 2, 4 ORDER BY 1, 2, 4
ON CONFLICT (incident_id, org_id, what, value) DO UPDATE SET number = s.number + excluded.number
"""
# By the alerts there are: no index has the person first.
SQL_DROP_TOLD = """
DELETE FROM alert_resident AS t USING (SELECT id FROM alert) AS a
WHERE t.alert_id = a.id AND t.resident_id = ANY($1::uuid[])
"""
# What a leader answered for others is about the others: it stays, without the leader.
SQL_UNSIGN_ANSWERS = """
WITH mine AS MATERIALIZED (
    SELECT id FROM link WHERE resident_id = ANY($1::uuid[]) AND kind = 'checkin'
    UNION ALL SELECT id FROM link WHERE resident_id = ANY($1::uuid[]) AND kind <> 'checkin'
)
UPDATE check_in SET by_resident = CASE WHEN by_resident = ANY($1::uuid[]) THEN NULL ELSE by_resident END,
    link_id = CASE WHEN link_id IN (SELECT id FROM mine) THEN NULL ELSE link_id END
WHERE resident_id <> ALL($1::uuid[])
  AND (by_resident = ANY($1::uuid[]) OR link_id IN (SELECT id FROM mine))
"""
SQL_DROP_ANSWERS = "DELETE FROM check_in WHERE resident_id = ANY($1::uuid[])"
# A list that an organisation uploaded: what it showed is one encrypted value about many people, and goes as a whole.
SQL_FORGET_PLANS = """
UPDATE import_run SET result_enc = NULL, subjects = '{}' WHERE subjects && $1::uuid[]
"""
SQL_DROP_LEADERS = "DELETE FROM site_leader WHERE resident_id = ANY($1::uuid[])"
SQL_PLACES_OF = "SELECT DISTINCT place_id FROM resident_place WHERE resident_id = ANY($1::uuid[])"
SQL_DROP_PEOPLE = "DELETE FROM resident WHERE id = ANY($1::uuid[])"
SQL_DROP_PLACES = """
DELETE FROM place p WHERE p.id = ANY($1::uuid[])
  AND NOT EXISTS (SELECT FROM resident_place r WHERE r.place_id = p.id)
  AND NOT EXISTS (SELECT FROM site s WHERE s.place_id = p.id)
"""


async def _erase(conn: Connection, ids: list[UUID]) -> None:
    """Delete these people, whose rows are locked and who are part of nothing open."""
    await conn.execute(SQL_FOLD_MESSAGES, ids)
    await conn.execute(SQL_FOLD_CASES, ids)
    await conn.execute(SQL_DROP_CASES, ids)
    await conn.execute(SQL_UNSIGN_ANSWERS, ids)
    await conn.execute(SQL_DROP_ANSWERS, ids)
    await conn.execute(SQL_FOLD_STANDING, ids)
    await conn.execute(SQL_DROP_TOLD, ids)
    await conn.execute(SQL_DROP_LEADERS, ids)
    await conn.execute(SQL_FORGET_PLANS, ids)
    places = [row["place_id"] for row in await conn.fetch(SQL_PLACES_OF, ids)]
    expect_rows(await conn.execute(SQL_DROP_PEOPLE, ids), len(ids), "the people to delete")
    await conn.execute(SQL_DROP_PLACES, places)
