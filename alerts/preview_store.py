"""The stored reports that a preview can be made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.db import Connection
from core.event_json import event_from_json
from core.model import Event

#: How many of the newest events are offered.
OFFERED: Final = 30


@dataclass(frozen=True, slots=True)
class Choice:
    """One stored event, as the list names it."""

    id: int
    title: str
    hazard: str
    type: str
    status: str
    office: str
    issued_at: datetime
    outcome: str


# What told nobody is offered last: hundreds of reports a day change nothing for anybody.
SQL_CHOICES = """
SELECT id, coalesce(payload ->> 'title', '') AS title, hazard, type, status, coalesce(office, '') AS office, issued_at,
       coalesce(outcome, '') AS outcome
FROM (SELECT * FROM event WHERE purpose <> 'canary' ORDER BY id DESC LIMIT 2000) AS e
ORDER BY coalesce(outcome, '') ^@ 'ignored:', id DESC LIMIT $1
"""


async def choices(conn: Connection) -> list[Choice]:
    """The newest events, those that told somebody first."""
    return [Choice(**dict(row)) for row in await conn.fetch(SQL_CHOICES, OFFERED)]


SQL_EVENT_PAYLOAD = "SELECT payload FROM event WHERE id = $1 AND purpose <> 'canary'"


async def stored_event(conn: Connection, event_id: int) -> Event | None:
    """One stored event; None if there is none."""
    payload = await conn.fetchval(SQL_EVENT_PAYLOAD, event_id)
    return None if payload is None else event_from_json(payload)
