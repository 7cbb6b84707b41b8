"""Where people say they are for some hours or days, in the database (resident_place of kind "today")."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.db import Connection, expect_rows
from registry.elsewhere import last_minute


class Elsewhere(NamedTuple):
    """Where somebody is, as far as its areas tell. `codes`: JIS codes of its municipalities."""

    until: datetime
    codes: tuple[str, ...]

    @property
    def shown_until(self) -> datetime:
        """Its end as people read it."""
        return last_minute(self.until)


SQL_SET = """
INSERT INTO resident_place (resident_id, kind, place_id, until) VALUES ($1, 'today', $2, $3)
ON CONFLICT (resident_id, kind) DO UPDATE SET place_id = excluded.place_id, until = excluded.until
"""


async def set_elsewhere(conn: Connection, resident_id: UUID, place_id: UUID, until: datetime) -> None:
    """The person is at this place until then; what they said before is replaced."""
    expect_rows(await conn.execute(SQL_SET, resident_id, place_id, until), 1, "where the person is")


# Ended and not deleted: what follows an alert they got there still goes to them. The purge deletes it a day later.
SQL_END = "UPDATE resident_place SET until = $2 WHERE resident_id = $1 AND kind = 'today' AND until > $2"


async def end_elsewhere(conn: Connection, resident_id: UUID, now: datetime) -> bool:
    """The person is back; False if nothing was running."""
    return bool(await conn.execute(SQL_END, resident_id, now) == "UPDATE 1")


SQL_NOW = """
SELECT rp.until, coalesce(array_agg(a.code ORDER BY a.code) FILTER (WHERE a.scheme = 'jis'), '{}') AS codes
FROM resident_place rp LEFT JOIN place_area a ON a.place_id = rp.place_id
WHERE rp.resident_id = $1 AND rp.kind = 'today' AND rp.until > $2 GROUP BY rp.until
"""


async def elsewhere_now(conn: Connection, resident_id: UUID, now: datetime) -> Elsewhere | None:
    """Where the person says they are now; None if they have not said so, or its time is over."""
    row = await conn.fetchrow(SQL_NOW, resident_id, now)
    return None if row is None else Elsewhere(row["until"], tuple(row["codes"]))
