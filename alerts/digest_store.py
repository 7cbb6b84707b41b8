"""What waited for the morning, in the database: kept alive until then, and made one message per person and way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.db import Connection, Pool, expect_rows

#: For how long it is still worth being told in the morning.
WORTH: Final = timedelta(hours=2)
#: People of one transaction.
BATCH: Final = 5_000

SQL_KEEP = """
UPDATE message SET expires_at = due_at + $1 WHERE unless = 'digest' AND state = 'pending' AND expires_at < due_at + $1
"""


async def keep_until_morning(pool: Pool) -> None:
    """What was true for an hour of the night is worth knowing in the morning."""
    await pool.execute(SQL_KEEP, WORTH)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Messages that wait for one person over one way: their ids and texts, the worst first, then the newest."""

    ids: tuple[int, ...]
    texts: tuple[int, ...]


SQL_WAITING = """
WITH mine AS (
    SELECT id, purpose, resident_id, contact_id, text_id, priority FROM message
    WHERE unless = 'digest' AND state = 'pending' AND due_at <= $1 FOR UPDATE SKIP LOCKED
)
SELECT array_agg(id ORDER BY priority, id DESC) AS ids, array_agg(text_id ORDER BY priority, id DESC) AS texts
FROM mine GROUP BY purpose, resident_id, contact_id HAVING count(*) > 1 LIMIT $2
"""


async def waiting(conn: Connection, until: datetime) -> list[Waiting]:
    """Who has several messages that are due by `until`, locked."""
    return [Waiting(tuple(row["ids"]), tuple(row["texts"])) for row in await conn.fetch(SQL_WAITING, until, BATCH)]


@dataclass(frozen=True, slots=True)
class StoredText:
    """One stored text."""

    alert_id: UUID
    language: str
    channel: str
    title: str
    body: str
    unreviewed: bool


SQL_TEXTS = """
SELECT id, alert_id, language, channel, title, body, unreviewed FROM alert_text WHERE id = ANY($1::bigint[])
"""


async def texts(conn: Connection, ids: Sequence[int]) -> dict[int, StoredText]:
    """These texts by their number."""
    return {
        row["id"]: StoredText(
            row["alert_id"], row["language"], row["channel"], row["title"], row["body"], row["unreviewed"]
        )
        for row in await conn.fetch(SQL_TEXTS, ids)
    }


SQL_ADD_TEXT = """
INSERT INTO alert_text (alert_id, key, language, channel, title, body, unreviewed, segments)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (alert_id, key) DO UPDATE SET key = excluded.key RETURNING id
"""


async def add_text(conn: Connection, key: str, text: StoredText, segments: int) -> int:
    """Store a joined text; its number."""
    number: int = await conn.fetchval(
        SQL_ADD_TEXT,
        text.alert_id,
        key,
        text.language,
        text.channel,
        text.title,
        text.body,
        text.unreviewed,
        segments,
    )
    return number


SQL_JOIN = """
UPDATE message AS m SET text_id = t.text_id, unless = 'never'
FROM unnest($1::bigint[], $2::bigint[]) AS t (id, text_id) WHERE m.id = t.id
"""
SQL_JOINED = """
UPDATE message SET state = 'cancelled', error_code = 'digest', done_at = $2 WHERE id = ANY($1::bigint[])
"""


async def join(conn: Connection, people: Sequence[Waiting], made: Mapping[tuple[int, ...], int], now: datetime) -> None:
    """The first message of each takes the joined text, the others are done with it. `made`: texts -> joined text."""
    tag = await conn.execute(SQL_JOIN, [one.ids[0] for one in people], [made[one.texts] for one in people])
    expect_rows(tag, len(people), "messages of the morning")
    rest = [number for one in people for number in one.ids[1:]]
    expect_rows(await conn.execute(SQL_JOINED, rest, now), len(rest), "messages that went into another")
