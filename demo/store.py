"""SQL of the demo alone: start from nothing, enrol most people, name leaders, count."""

from __future__ import annotations

from datetime import datetime

from core.db import Connection, Pool
from core.migrate import migrate
from registry.consent import CONSENT_VERSION

SQL_WIPE = "DROP SCHEMA public CASCADE"
SQL_FRESH = "CREATE SCHEMA public"


async def wipe(pool: Pool) -> None:
    """Empty the demo's own database: each demo starts from nothing. Never called with a DATABASE_URL."""
    await pool.execute(SQL_WIPE)
    await pool.execute(SQL_FRESH)
    await migrate(pool)
    await pool.expire_connections()


# Nine in ten complete their enrolment and agree to all three lines; the rest stay invited, as in life.
SQL_ENROL = """
UPDATE resident SET state = 'enrolled', enrolled_at = $1, simulated = true
WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM resident) AS r WHERE n % 10 <> 0)
"""
SQL_SIMULATED = "UPDATE resident SET simulated = true WHERE NOT simulated"
SQL_CONSENT = """
INSERT INTO consent (resident_id, scope, given, basis, version, language, at)
SELECT r.id, s.scope, true, 'own', $2, r.language, $1
FROM resident r CROSS JOIN (VALUES ('C1'), ('C2'), ('C3')) AS s (scope) WHERE r.state = 'enrolled'
"""


async def enrol_most(conn: Connection, now: datetime) -> None:
    """Enrol nine people in ten, with their own consent to alerts, employer and coordinators."""
    await conn.execute(SQL_ENROL, now)
    await conn.execute(SQL_SIMULATED)
    await conn.execute(SQL_CONSENT, now, CONSENT_VERSION)


SQL_LEADERS = """
INSERT INTO site_leader (site_id, rank, resident_id)
SELECT dorm_id, n, resident_id
FROM (SELECT m.dorm_id, m.resident_id, row_number() OVER (PARTITION BY m.dorm_id ORDER BY r.name) AS n
      FROM membership m JOIN resident r ON r.id = m.resident_id
      WHERE m.dorm_id IS NOT NULL AND r.state = 'enrolled') AS ranked
WHERE n <= 2
"""


async def name_leaders(conn: Connection) -> None:
    """The first two enrolled people of each dorm, by name, are its leader and deputy."""
    await conn.execute(SQL_LEADERS)


SQL_COUNTS = """
SELECT (SELECT count(*) FROM resident) AS residents, (SELECT count(*) FROM site WHERE kind = 'dorm') AS dorms
"""


async def counts(conn: Connection) -> tuple[int, int]:
    """(residents, dorms)."""
    row = await conn.fetchrow(SQL_COUNTS)
    assert row is not None
    return row["residents"], row["dorms"]


SQL_DUE = """
SELECT count(*) FROM message WHERE state IN ('pending', 'leased') AND due_at <= now()
"""


async def due_messages(pool: Pool) -> int:
    """Messages that should be out by now."""
    return int(await pool.fetchval(SQL_DUE))


SQL_TOLD = """
SELECT count(*) FILTER (WHERE i.reachable) AS told, count(*) FILTER (WHERE NOT i.reachable) AS unreachable,
       coalesce(array_agg(DISTINCT r.language) FILTER (WHERE i.reachable), '{}') AS languages
FROM incident_resident i JOIN resident r ON r.id = i.resident_id
"""


async def told(pool: Pool) -> tuple[int, int, list[str]]:
    """(people told, people in the area without a way to reach them, languages)."""
    row = await pool.fetchrow(SQL_TOLD)
    assert row is not None
    return row["told"], row["unreachable"], list(row["languages"])
