"""Pausing, and staying after an organisation has ended a membership."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from core.db import Connection, expect_rows

SQL_PAUSE = "UPDATE resident SET state = 'paused', paused_until = $2 WHERE id = $1"
SQL_RESUME = "UPDATE resident SET state = 'enrolled', paused_until = NULL WHERE id = $1 AND state = 'paused'"


async def pause(conn: Connection, resident_id: UUID, until: date) -> None:
    """No alerts through `until` (a day in Japan); they come again by themselves on the day after."""
    expect_rows(await conn.execute(SQL_PAUSE, resident_id, until), 1, "the person who pauses")


async def resume(conn: Connection, resident_id: UUID) -> bool:
    """End a pause now; False if there was none."""
    return bool(await conn.execute(SQL_RESUME, resident_id) == "UPDATE 1")


SQL_RESUME_DUE = """
UPDATE resident SET state = 'enrolled', paused_until = NULL WHERE state = 'paused' AND paused_until < $1
"""


async def resume_due(conn: Connection, today: date) -> int:
    """End every pause whose last day is over; how many. For the tend loop."""
    return int(str(await conn.execute(SQL_RESUME_DUE, today)).rpartition(" ")[2])


# With the question goes all that was noted about asking it: another company may be left later.
SQL_STAYED = """
UPDATE resident SET ask_stay_at = NULL, stay_asks = 0, stay_tries = 0, stay_due_at = NULL, stay_asked_at = NULL,
    stay_channels = '{}', stay_outcome = ''
WHERE id = $1
"""


async def stay(conn: Connection, resident_id: UUID) -> None:
    """The person stays registered: the question is answered."""
    expect_rows(await conn.execute(SQL_STAYED, resident_id), 1, "the person who stays")
