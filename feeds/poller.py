"""The poll loop: ask each stream politely, fetch each new body once, keep it with its events.

Gather (feed_state, the list, the bodies) -> decide (feeds.schedule, parse) -> apply (one transaction per body). A body
that fails stays pending and is tried again; until nothing is pending the stored state does not move on, so that a
restart reads the list anew. Nothing that a feed answers ends the loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urljoin

import aiohttp

from core.clock import Clock
from core.db import CONNECTION_ERRORS, Pool, heartbeat
from feeds.atom import Entry, UnreadableFeed, parse_atom
from feeds.feed import Feed, FeedSettings, Stream
from feeds.fetch import Fetched, FetchError, fetch
from feeds.known import all_feeds
from feeds.schedule import StreamState, backoff, choose, count_bytes, plan
from feeds.store import StoredReport, bytes_used, ingest, known_urls, load_state, save_state

log = logging.getLogger(__name__)

#: Bodies fetched at the same time: enough for the burst after a quake, few enough to be polite.
PARALLEL = 4
#: After a long gap hundreds may wait: the list is asked again in between, so that nothing new waits behind the old.
MAX_PER_POLL = 100
#: A body that could not be had or read is tried this often, then left with an error for the operator.
MAX_ATTEMPTS = 5
#: The long files list several days of reports: they are larger than any body.
MAX_LIST_BYTES = 30_000_000
_REMEMBERED = 5_000


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll of one stream did, for logs and tests."""

    feed: str
    stored: tuple[StoredReport, ...] = ()
    #: Answer was 304, or the same bytes as before.
    unchanged: bool = False
    long: bool = False
    skipped: str | None = None
    error: str | None = None


class StreamPoller:
    """Polls one stream. Keeps in memory only what may be lost: bodies still to fetch, and addresses done with."""

    def __init__(
        self,
        pool: Pool,
        settings: FeedSettings,
        clock: Clock,
        session: aiohttp.ClientSession,
        feed: Feed,
        stream: Stream,
    ) -> None:
        self.name = f"{feed.name}.{stream.name}"
        self._pool, self._settings, self._clock, self._session = pool, settings, clock, session
        self._feed, self._stream = feed, stream
        #: Seconds between two polls.
        self.every_s = stream.every_s(settings)
        self._covered_at: datetime | None = None
        self._failures = 0
        self._pending: dict[str, Entry] = {}
        self._attempts: dict[str, int] = {}
        self._settled: OrderedDict[str, None] = OrderedDict()

    async def poll_once(self) -> PollResult:
        """Ask the stream once and fetch what is new. Raises only what the database raises."""
        now = self._clock.now()
        state = await load_state(self._pool, self.name)
        used = await bytes_used(self._pool, self._feed.name, now.date())
        decided = plan(
            state,
            now,
            covered_at=self._covered_at,
            used_today=used,
            budget=self._settings.feed_daily_byte_budget,
        )
        if decided.skip is not None:
            await save_state(self._pool, self.name, replace(state, error=decided.skip, error_at=now))
            return PollResult(self.name, skipped=decided.skip)
        base = self._feed.base_url(self._settings)
        url = urljoin(base, self._stream.long_path if decided.long else self._stream.path)
        try:
            answer = await self._get(url, MAX_LIST_BYTES, now, state if not decided.long else None)
            entries = self._entries(answer, url, state, long=decided.long)
        except (FetchError, UnreadableFeed) as error:
            return await self._failed(state, now, error, long=decided.long)
        self._failures = 0
        self._covered_at = now
        state = replace(count_bytes(state, now, answer.size), last_heard_at=now, backoff_until=None)
        problems: list[str] = []
        if entries is not None:
            problems = await self._list(entries, url, now)
            seen = [min(entry.updated, now) for entry in entries if entry.updated is not None]
            state = replace(state, newest_report_at=max(seen, default=state.newest_report_at))
        stored, state = await self._fetch_pending(state, now, used + answer.size, problems)
        state = self._after(state, now, answer, long=decided.long, problems=problems)
        await save_state(self._pool, self.name, state)
        return PollResult(self.name, tuple(stored), unchanged=entries is None, long=decided.long, error=state.error)

    def _entries(self, answer: Fetched, url: str, state: StreamState, *, long: bool) -> list[Entry] | None:
        """The list's entries, or None if it is the list we know already."""
        if answer.body is None:
            return None
        if not long and hashlib.sha256(answer.body).digest() == state.body_sha256:
            return None
        return parse_atom(answer.body, url)

    async def _list(self, entries: list[Entry], url: str, now: datetime) -> list[str]:
        """Put what is new and wanted into the pending bodies. Returns what an operator should know."""
        chosen, refused = choose(entries, self._feed, self._stream, url, now)
        new = [entry for entry in chosen if entry.url not in self._settled]
        known = await known_urls(self._pool, [entry.url for entry in new])
        for entry in new:
            if entry.url in known:
                self._settle(entry.url)
            else:
                self._pending.setdefault(entry.url, entry)
        return [f"{refused} entries point to a host that is not the feed's: not fetched"] if refused else []

    async def _fetch_pending(
        self, state: StreamState, now: datetime, used: int, problems: list[str]
    ) -> tuple[list[StoredReport], StreamState]:
        """Fetch and keep the pending bodies, some at a time; stop when the server or the budget says so."""
        stored: list[StoredReport] = []
        newest_first = sorted(self._pending.values(), key=lambda entry: entry.updated or now, reverse=True)
        waiting = newest_first[:MAX_PER_POLL]
        for start in range(0, len(waiting), PARALLEL):
            if used >= self._settings.feed_daily_byte_budget:
                problems.append(f"the daily byte budget is used up: {len(self._pending)} bodies wait")
                break
            batch = waiting[start : start + PARALLEL]
            outcomes = await asyncio.gather(*(self._fetch_one(entry, now) for entry in batch))
            wait: FetchError | None = None
            for report, size, error in outcomes:
                used += size
                state = count_bytes(state, now, size)
                if report is not None:
                    stored.append(report)
                if error is not None:
                    problems.append(str(error))
                    if isinstance(error, FetchError) and error.asks_to_wait:
                        wait = error
            if wait is not None:
                self._failures += 1
                state = replace(state, backoff_until=now + backoff(self._failures, wait.retry_after))
                break
        return stored, state

    async def _fetch_one(
        self, entry: Entry, now: datetime
    ) -> tuple[StoredReport | None, int, FetchError | ValueError | None]:
        """(what was kept, bytes over the wire, what went wrong) for one body."""
        try:
            answer = await self._get(entry.url, self._settings.feed_max_body_bytes, now, None)
        except FetchError as error:
            # A server that asks to wait says nothing about this body: that try does not count.
            if not error.asks_to_wait:
                self._count_attempt(entry.url)
            return None, error.size, error
        if answer.body is None:
            self._count_attempt(entry.url)
            return None, answer.size, FetchError(f"{entry.url}: HTTP 304 to a question without validators")
        try:
            report = await ingest(
                self._pool, answer.body, source=self._feed.name, url=entry.url, received_at=self._clock.now()
            )
        except CONNECTION_ERRORS:
            raise
        except Exception as error:
            # One body that the database refuses must not keep the others out.
            log.exception("feed %s: %s could not be kept", self.name, entry.url)
            self._count_attempt(entry.url)
            return None, answer.size, ValueError(f"{entry.url}: could not be kept: {error}")
        if report.state == "unreadable":
            # Perhaps an error page or half a file: kept, and asked for again.
            self._count_attempt(entry.url)
            return report, answer.size, ValueError(f"{entry.url}: {report.reason}")
        self._settle(entry.url)
        return report, answer.size, None

    async def _get(self, url: str, max_bytes: int, now: datetime, validators: StreamState | None) -> Fetched:
        headers = {"User-Agent": f"Daijobu/0.1 (disaster safety check-in; contact: {self._settings.contact})"}
        if validators is not None and validators.etag:
            headers["If-None-Match"] = validators.etag
        if validators is not None and validators.last_modified:
            headers["If-Modified-Since"] = validators.last_modified
        return await fetch(self._session, url, headers=headers, max_bytes=max_bytes, now=now)

    async def _failed(
        self, state: StreamState, now: datetime, error: FetchError | UnreadableFeed, *, long: bool
    ) -> PollResult:
        """The list itself could not be had: note it, wait if asked to."""
        message = str(error)
        state = replace(state, error=message, error_at=now)
        if isinstance(error, FetchError):
            state = count_bytes(state, now, error.size)
            if error.asks_to_wait:
                self._failures += 1
                state = replace(state, backoff_until=now + backoff(self._failures, error.retry_after))
        await save_state(self._pool, self.name, state)
        log.warning("feed %s: %s", self.name, message)
        return PollResult(self.name, long=long, error=message)

    def _after(
        self, state: StreamState, now: datetime, answer: Fetched, *, long: bool, problems: list[str]
    ) -> StreamState:
        """The state to store once the bodies are done with."""
        for problem in problems:
            log.warning("feed %s: %s", self.name, problem)
        error = problems[0] if problems else None
        state = replace(state, error=error, error_at=now if error else state.error_at)
        if self._pending:
            # Without validators the next answer is the whole list again, also after a restart.
            return replace(state, etag=None, last_modified=None, body_sha256=None)
        state = replace(state, last_ok_at=now)
        if long:
            return replace(state, long_read_at=now)
        if answer.body is None:
            return state
        return replace(
            state,
            etag=answer.etag,
            last_modified=answer.last_modified,
            body_sha256=hashlib.sha256(answer.body).digest(),
        )

    def _settle(self, url: str) -> None:
        self._pending.pop(url, None)
        self._attempts.pop(url, None)
        self._settled[url] = None
        while len(self._settled) > _REMEMBERED:
            self._settled.popitem(last=False)

    def _count_attempt(self, url: str) -> None:
        self._attempts[url] = self._attempts.get(url, 0) + 1
        if self._attempts[url] >= MAX_ATTEMPTS:
            log.error("feed %s: gave up on %s after %d tries", self.name, url, MAX_ATTEMPTS)
            self._settle(url)


def make_pollers(
    pool: Pool, settings: FeedSettings, clock: Clock, session: aiohttp.ClientSession
) -> list[StreamPoller]:
    """One poller per stream of every feed we know."""
    return [
        StreamPoller(pool, settings, clock, session, feed, stream)
        for feed in all_feeds().values()
        for stream in feed.streams
    ]


async def poll_forever(
    pool: Pool,
    settings: FeedSettings,
    clock: Clock,
    *,
    session: aiohttp.ClientSession | None = None,
    stop: asyncio.Event,
) -> None:
    """Poll every stream at its own pace until `stop` is set. One poller per deployment: hold the lease around this."""
    if session is None:
        async with aiohttp.ClientSession() as own:
            await poll_forever(pool, settings, clock, session=own, stop=stop)
        return
    async with asyncio.TaskGroup() as tasks:
        for poller in make_pollers(pool, settings, clock, session):
            tasks.create_task(_loop(poller, pool, stop), name=f"poll {poller.name}")


async def _loop(poller: StreamPoller, pool: Pool, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            result = await poller.poll_once()
            await heartbeat(pool, "poll", {"feed": result.feed, "error": result.error or result.skipped})
        except CONNECTION_ERRORS as error:
            log.warning("feed %s: the database is away, trying again: %s", poller.name, error)
        except Exception:
            # A poll that goes wrong in a way nobody thought of must not end the polling.
            log.exception("feed %s: this poll failed, the next one comes", poller.name)
        try:
            async with asyncio.timeout(poller.every_s * random.uniform(0.9, 1.1)):
                await stop.wait()
        except TimeoutError:
            continue
