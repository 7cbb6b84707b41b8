"""Reports, events and feed states in the database. Every body is kept, in the same transaction as its events."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from core.db import Connection, Pool, expect_rows, notify, transaction
from core.event_json import event_to_json
from core.model import Event, MessageType, Parsed, Purpose, Status, UnreadableReport
from core.wakeups import EVENTS_CHANNEL
from feeds.chain_store import chained
from feeds.feed import Feed
from feeds.known import feed_named
from feeds.schedule import StreamState

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredReport:
    """What became of one document. `event_ids` are the rows made now; a report seen before makes none."""

    report_id: int
    event_ids: tuple[int, ...]
    #: The same bytes were stored before.
    duplicate: bool
    #: parsed, ignored (a type we do not use) or unreadable.
    state: str
    #: Why it made no event: a type we do not use, or what could not be read. None if it did or may.
    reason: str | None = None


SQL_FIND_REPORT = "SELECT id FROM report WHERE sha256 = $1"

# A URL is claimed once: by the first body that could be read. An unreadable answer leaves it free to be fetched again.
SQL_INSERT_REPORT = """
INSERT INTO report (source, url, sha256, received_at, body, type, title, status, message_type, reported_at, state,
                    reason)
VALUES ($1, CASE WHEN EXISTS (SELECT 1 FROM report WHERE url = $2) THEN NULL ELSE $2 END,
        $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT DO NOTHING
RETURNING id
"""

SQL_INSERT_EVENT = """
INSERT INTO event (report_id, seq, source, type, hazard, status, message_type, thread, event_ids, issued_at, sent_at,
                   received_at, headline, office, purpose, payload, decided_at, outcome, decide_after)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
ON CONFLICT (report_id, seq, purpose, issued_at) DO NOTHING
RETURNING id
"""


async def store_report(
    conn: Connection,
    *,
    source: str,
    url: str | None,
    body: bytes,
    received_at: datetime,
    parsed: Parsed | None,
    error: str | None = None,
    purpose: str = Purpose.LIVE,
    shift: timedelta | None = None,
    grace: timedelta = timedelta(0),
    type_hint: str = "",
) -> StoredReport:
    """Keep one document and its events; call inside a transaction. Pass `parsed`, or `error` if it cannot be read.

    The same bytes are one report, whatever their URL. Events of a status other than actual are stored as decided with
    the outcome `not_live`. `shift` moves the events' times (a replay); the bytes never change. `grace`: the events
    wait so long undecided (Feed.grace). `type_hint`: the type of what cannot be read, from its address.
    Raises ValueError unless exactly one of `parsed` and `error` is given.
    """
    if (parsed is None) == (error is None):
        raise ValueError("store_report needs either what was parsed or why it cannot be read")
    digest = hashlib.sha256(body).digest()
    state, reason = "unreadable", error
    if parsed is not None:
        state, reason = ("parsed", None) if parsed.ignored is None else ("ignored", parsed.ignored)
    columns = (
        source,
        url if parsed is not None else None,
        digest,
        received_at,
        body,
        parsed.type if parsed else type_hint,
        parsed.title if parsed else "",
        parsed.status if parsed else Status.UNKNOWN,
        parsed.message_type if parsed else MessageType.ISSUE,
        parsed.reported_at if parsed else None,
        state,
        reason if parsed is not None or url is None else f"{reason} (from {url})",
    )
    report_id = await conn.fetchval(SQL_INSERT_REPORT, *columns)
    duplicate = report_id is None
    if duplicate:
        report_id = await conn.fetchval(SQL_FIND_REPORT, digest)
    if report_id is None:
        # Another poller has given the address to other bytes in this very moment: these go without it.
        duplicate = False
        report_id = await conn.fetchval(SQL_INSERT_REPORT, *columns)
    event_ids = []
    undecided = False
    for seq, event in enumerate(parsed.events if parsed else ()):
        event_id = await _insert_event(conn, report_id, seq, shifted(event, shift), received_at, purpose, grace)
        if event_id is not None:
            event_ids.append(event_id)
            undecided = undecided or event.status is Status.ACTUAL
    if undecided:
        await notify(conn, EVENTS_CHANNEL)
    return StoredReport(report_id, tuple(event_ids), duplicate, state, reason)


async def _insert_event(
    conn: Connection,
    report_id: int,
    seq: int,
    event: Event,
    received_at: datetime,
    purpose: str,
    grace: timedelta,
) -> int | None:
    live = event.status is Status.ACTUAL
    event_id: int | None = await conn.fetchval(
        SQL_INSERT_EVENT,
        report_id,
        seq,
        event.source,
        event.type,
        event.hazard,
        event.status,
        event.message_type,
        event.thread,
        list(event.event_ids),
        event.issued_at,
        event.sent_at,
        received_at,
        event.headline,
        event.office,
        purpose,
        event_to_json(event),
        None if live else received_at,
        None if live else "not_live",
        received_at + grace if grace else None,
    )
    return event_id


def shifted(event: Event, shift: timedelta | None) -> Event:
    """The event with all its times moved by `shift`; its ids and text stay as issued."""
    if shift is None:
        return event
    return replace(
        event,
        issued_at=event.issued_at + shift,
        sent_at=event.sent_at + shift,
        occurred_at=None if event.occurred_at is None else event.occurred_at + shift,
        valid_until=None if event.valid_until is None else event.valid_until + shift,
        observations=tuple(
            replace(
                wave,
                first_at=None if wave.first_at is None else wave.first_at + shift,
                height_at=None if wave.height_at is None else wave.height_at + shift,
            )
            for wave in event.observations
        ),
    )


async def ingest(
    pool: Pool,
    body: bytes,
    *,
    source: str = "jma",
    feed: Feed | None = None,
    url: str | None = None,
    received_at: datetime,
    purpose: str = Purpose.LIVE,
    shift: timedelta | None = None,
) -> StoredReport:
    """Parse one document of `feed` (default: the one named `source`) and keep it with its events, in one transaction.

    The poller, `replay` and the demo all come through here. An unreadable document is kept with the reason.
    Raises KeyError for a feed we do not have.
    """
    feed = feed or feed_named(source)
    parsed, error = parse_or_reason(feed, body)
    async with transaction(pool) as conn:
        if parsed is not None and feed.chained:
            parsed = replace(parsed, events=await chained(conn, parsed.events, purpose))
        return await store_report(
            conn,
            source=feed.name,
            url=url,
            body=body,
            received_at=received_at,
            parsed=parsed,
            error=error,
            purpose=purpose,
            shift=shift,
            grace=feed.grace,
            type_hint=(feed.type_of_url(url) or "") if url else "",
        )


def parse_or_reason(feed: Feed, body: bytes) -> tuple[Parsed | None, str | None]:
    """(what the document says, None) or (None, why it cannot be read). Never raises: every body is kept."""
    try:
        return feed.parse(body), None
    except UnreadableReport as error:
        return None, str(error)
    except Exception as error:
        # A mistake of ours; the bytes are kept, so that the mended parser can read them.
        log.exception("feed %s: the parser failed", feed.name)
        return None, f"our parser failed: {type(error).__name__}: {error}"


SQL_KNOWN_URLS = "SELECT url FROM report WHERE url = ANY($1::text[])"


async def known_urls(conn: Pool | Connection, urls: list[str]) -> set[str]:
    """Those of `urls` whose body is already kept."""
    return {row["url"] for row in await conn.fetch(SQL_KNOWN_URLS, urls)}


SQL_LOAD_STATE = """
SELECT etag, last_modified, body_sha256, last_heard_at, last_ok_at, newest_report_at, error, error_at, bytes_day,
       bytes_used, backoff_until, long_read_at
FROM feed_state WHERE feed = $1
"""


async def load_state(conn: Pool | Connection, feed: str) -> StreamState:
    """What we know of one stream (e.g. "jma.eqvol"); all empty if it was never polled."""
    row = await conn.fetchrow(SQL_LOAD_STATE, feed)
    return StreamState() if row is None else StreamState(**dict(row))


# error_at NULL beside an error is impossible; newest_report_at never goes back.
SQL_SAVE_STATE = """
INSERT INTO feed_state (feed, etag, last_modified, body_sha256, last_heard_at, last_ok_at, newest_report_at, error,
                        error_at, bytes_day, bytes_used, backoff_until, long_read_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (feed) DO UPDATE SET
    etag = excluded.etag, last_modified = excluded.last_modified, body_sha256 = excluded.body_sha256,
    last_heard_at = excluded.last_heard_at, last_ok_at = excluded.last_ok_at,
    newest_report_at = greatest(feed_state.newest_report_at, excluded.newest_report_at),
    error = excluded.error, error_at = excluded.error_at, bytes_day = excluded.bytes_day,
    bytes_used = excluded.bytes_used, backoff_until = excluded.backoff_until, long_read_at = excluded.long_read_at
"""


async def save_state(conn: Pool | Connection, feed: str, state: StreamState) -> None:
    """Write the state of one stream."""
    tag = await conn.execute(
        SQL_SAVE_STATE,
        feed,
        state.etag,
        state.last_modified,
        state.body_sha256,
        state.last_heard_at,
        state.last_ok_at,
        state.newest_report_at,
        state.error,
        state.error_at,
        state.bytes_day,
        state.bytes_used,
        state.backoff_until,
        state.long_read_at,
    )
    expect_rows(tag, 1, f"the state of feed {feed}")


SQL_BYTES_USED = "SELECT coalesce(sum(bytes_used), 0) FROM feed_state WHERE feed LIKE $1 || '.%' AND bytes_day = $2"


async def bytes_used(conn: Pool | Connection, source: str, day: date) -> int:
    """Bytes loaded on `day` by all streams of a feed: they share a host, and the host counts the address."""
    used: int = await conn.fetchval(SQL_BYTES_USED, source, day)
    return used


SQL_FORGET_STATES = "DELETE FROM feed_state WHERE feed <> ALL($1::text[])"


async def forget_states(conn: Pool | Connection, streams: list[str]) -> None:
    """Delete the states of all streams but these: a feed that was switched off is not a feed that went silent."""
    await conn.execute(SQL_FORGET_STATES, streams)
