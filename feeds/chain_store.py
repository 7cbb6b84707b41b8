"""Joins an event to the thread of those it refers to: by the last of a chain of references, by any id of a quake."""

from __future__ import annotations

from dataclasses import replace

from core.db import Connection
from core.model import Event, MessageType

SQL_THREADS_OF = """
SELECT DISTINCT ON (thread) thread, hazard FROM event
WHERE purpose = $1 AND source = $2 AND event_ids && $3::text[]
ORDER BY thread, issued_at
"""


async def chained(conn: Connection, events: tuple[Event, ...], purpose: str) -> tuple[Event, ...]:
    """The events, each in the thread of what it refers to.

    A cancellation that says nothing of its own (no title) takes back every thread that it refers to.
    """
    found: list[Event] = []
    for event in events:
        rows = await conn.fetch(SQL_THREADS_OF, purpose, event.source, list(event.event_ids))
        if event.message_type is MessageType.CANCEL and not event.title:
            found.extend(replace(event, thread=row["thread"], hazard=row["hazard"]) for row in rows)
            found.extend([] if rows else [event])
        else:
            same = [row["thread"] for row in rows if row["hazard"] == event.hazard]
            found.append(replace(event, thread=same[0]) if same else event)
    return tuple(found)
