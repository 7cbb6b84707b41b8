"""When to ask a feed, which of its files, and what its silence means. Pure: the poller gathers and applies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from feeds.feed import Feed, Stream
from feeds.fetch import same_origin_or_allowed
from feeds.listing import Entry, Item

#: The short files show the last ten minutes; after a longer silence the long one must be read.
GAP = timedelta(minutes=8)
#: The long files are made by the hour; so long after it they are surely there.
LONG_MADE_AFTER = timedelta(minutes=5)
#: A long file is asked for no more often than this: whatever is wrong with it, the short one is read meanwhile.
LONG_AGAIN_AFTER = timedelta(minutes=5)
#: Longer addresses do not fit an index, and no feed of ours has them.
MAX_URL = 500
_FIRST_BACKOFF = timedelta(seconds=30)
MAX_BACKOFF = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class StreamState:
    """What we know of one polled file (table feed_state)."""

    etag: str | None = None
    last_modified: str | None = None
    body_sha256: bytes | None = None
    #: Last readable answer (200 or 304).
    last_heard_at: datetime | None = None
    #: Last time everything listed was also stored: before it, nothing can be missing.
    last_ok_at: datetime | None = None
    newest_report_at: datetime | None = None
    error: str | None = None
    error_at: datetime | None = None
    #: UTC day of `bytes_used`.
    bytes_day: date | None = None
    bytes_used: int = 0
    backoff_until: datetime | None = None
    long_read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do at one tick. `skip` says why not to ask at all."""

    long: bool = False
    skip: str | None = None


def plan(
    state: StreamState,
    now: datetime,
    *,
    covered_at: datetime | None,
    used_today: int,
    budget: int,
    long_tried_at: datetime | None = None,
) -> Plan:
    """Whether and what to ask.

    `covered_at` is when this process last saw the whole list (None: not yet, then the stored time counts);
    `long_tried_at` when it last asked for the long file.
    """
    if state.backoff_until is not None and now < state.backoff_until:
        return Plan(skip=f"told to wait until {state.backoff_until:%H:%M:%S} UTC")
    if used_today >= budget:
        return Plan(skip=f"the daily byte budget of {budget} is used up; it starts anew at 00:00 UTC")
    return Plan(long=_long_is_due(state, now, covered_at or state.last_ok_at, long_tried_at))


def _long_is_due(state: StreamState, now: datetime, seen_at: datetime | None, tried_at: datetime | None) -> bool:
    """At the first start, after a gap, and once for each edition of the long file.

    The editions matter: after an outage that ended at 12:50 the long file is of 12:00 and the short one begins at
    12:40; what came between them stands only in the edition of 13:00, as does what the short file left out.
    """
    if tried_at is not None and now - tried_at < LONG_AGAIN_AFTER:
        return False
    if seen_at is None or now - seen_at > GAP:
        return True
    edition = (now - LONG_MADE_AFTER).replace(minute=0, second=0, microsecond=0)
    return state.long_read_at is None or state.long_read_at < edition


def count_bytes(state: StreamState, now: datetime, size: int) -> StreamState:
    """Add `size` bytes to today's count; a new UTC day starts from zero."""
    before = state.bytes_used if state.bytes_day == now.date() else 0
    return replace(state, bytes_day=now.date(), bytes_used=before + size)


def backoff(failures: int, retry_after: timedelta | None) -> timedelta:
    """How long to leave a server alone after `failures` refusals in a row: doubling from 30 s, or what it asks.

    >>> [backoff(n, None).seconds for n in (1, 2, 9)]
    [30, 60, 900]
    """
    own: timedelta = min(_FIRST_BACKOFF * 2 ** min(failures - 1, 10), MAX_BACKOFF)
    return own if retry_after is None else max(retry_after, _FIRST_BACKOFF)


def choose(
    entries: Sequence[Entry], feed: Feed, stream: Stream, feed_url: str, now: datetime
) -> tuple[list[Entry], int]:
    """(entries whose body is worth fetching, newest first; how many point to a host that is not allowed).

    Filtered by the type code in the address before anything is fetched. An entry older than the stream's reach is
    superseded. Newest first, so that what is true now goes out first and what it supersedes is never sent.
    """
    chosen: list[Entry] = []
    refused = 0
    for entry in entries:
        type_code = feed.type_of_url(entry.url)
        if type_code is None or not feed.wanted(type_code):
            continue
        if entry.updated is not None and now - entry.updated > stream.reach:
            continue
        if max(len(entry.url), len(entry.identity)) > MAX_URL or not same_origin_or_allowed(
            entry.url, feed_url, feed.body_hosts
        ):
            refused += 1
            continue
        chosen.append(entry)
    chosen.sort(key=lambda entry: now if entry.updated is None else entry.updated, reverse=True)
    return chosen, refused


def choose_items(items: Iterable[Item], stream: Stream, now: datetime) -> list[Item]:
    """The items worth keeping, newest first, each identity once; older than the stream's reach is superseded."""
    chosen: dict[str, Item] = {}
    for item in items:
        if item.updated is None or now - item.updated <= stream.reach:
            chosen.setdefault(item.key, item)
    return sorted(chosen.values(), key=lambda item: item.updated or now, reverse=True)
