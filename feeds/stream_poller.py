"""One polled stream: ask politely, fetch each new body once, keep it with its events.

Gather (feed_state, the list, the bodies) -> decide (feeds.schedule, parse) -> apply (one transaction per body). A body
that fails stays pending and is tried again; until nothing is pending the stored state does not move on, so that a
restart reads the list anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urljoin

import aiohttp

from core.clock import Clock
from core.db import CONNECTION_ERRORS, Pool
from feeds.atom import MAX_LIST_BYTES
from feeds.feed import Feed, FeedSettings, Stream
from feeds.fetch import Fetched, FetchError, fetch, same_origin_or_allowed, user_agent
from feeds.health import clock_off
from feeds.health_store import PollNote, note_poll
from feeds.keeper import Keeper
from feeds.listing import Entry, Listing, UnreadableFeed
from feeds.pending import Pending
from feeds.schedule import StreamState, backoff, choose, choose_items, count_bytes, plan
from feeds.store import StoredReport, bytes_used, ingest, known_urls, load_state, save_state

log = logging.getLogger(__name__)

#: Bodies fetched at the same time: enough for the burst after a quake, few enough to be polite.
PARALLEL = 4
#: After a long gap hundreds may wait: the list is asked again in between, so that nothing new waits behind the old.
MAX_PER_POLL = 100


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
    #: The list was answered readably (200 or 304).
    heard: bool = False
    #: When it was last heard before this poll.
    heard_before: datetime | None = None
    #: Bytes over the wire, list and bodies.
    size: int = 0
    #: The server's own time in its answer; None if it gave none.
    server_date: datetime | None = None


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
        keeper: Keeper | None = None,
    ) -> None:
        self.name = f"{feed.name}.{stream.name}"
        self._pool, self._settings, self._clock, self._session = pool, settings, clock, session
        self._feed, self._stream = feed, stream
        self._keeper = keeper or Keeper(pool, clock, feed)
        #: Seconds between two polls.
        self.every_s = stream.every_s(settings)
        self._covered_at: datetime | None = None
        self._long_tried_at: datetime | None = None
        self._failures = 0
        self._pending = Pending(self.name)

    async def poll_once(self) -> PollResult:
        """Ask the stream once, fetch what is new, and count it. Raises only what the database raises."""
        asked_at = self._clock.now()
        result = await self._poll(asked_at)
        await self._count(result, asked_at)
        return result

    async def _count(self, result: PollResult, asked_at: datetime) -> None:
        """Add this poll to the numbers of its day."""
        note = PollNote(
            self.name,
            asked_at,
            heard=result.heard,
            asked=result.skipped is None,
            unchanged=result.unchanged,
            bytes=result.size,
            reports=sum(not report.duplicate for report in result.stored),
            unreadable=sum(report.state == "unreadable" and not report.duplicate for report in result.stored),
            heard_before=result.heard_before,
            every_s=self.every_s,
            clock_off_s=clock_off(result.server_date, asked_at, self._clock.now()),
        )
        await note_poll(self._pool, note)

    async def _poll(self, now: datetime) -> PollResult:
        state = await load_state(self._pool, self.name)
        heard_before = state.last_heard_at
        used = await bytes_used(self._pool, self._feed.name, now.date())
        budget = self._settings.feed_daily_byte_budget
        decided = plan(
            state,
            now,
            covered_at=self._covered_at,
            used_today=used,
            budget=budget,
            long_tried_at=self._long_tried_at,
        )
        if decided.skip is not None:
            # While a server is left alone, the reason why is what an operator must read.
            waiting = state.backoff_until is not None and now < state.backoff_until
            error = (state.error if waiting else None) or decided.skip
            await save_state(self._pool, self.name, replace(state, error=error, error_at=now))
            return PollResult(self.name, skipped=decided.skip)
        # A document without a long twin is one document, however long nobody asked for it.
        long = decided.long and self._stream.long_path != self._stream.path
        if long:
            self._long_tried_at = now
        base = self._feed.base_url(self._settings)
        url = urljoin(base, self._stream.long_path if long else self._stream.path)
        try:
            answer = await self._get(url, url, MAX_LIST_BYTES, now, state if not long else None)
            listing = self._read(answer, url, state, long=long)
        except (FetchError, UnreadableFeed) as error:
            return await self._failed(state, now, error, long=long)
        self._failures = 0
        self._covered_at = now
        state = replace(count_bytes(state, now, answer.size), last_heard_at=now, backoff_until=None)
        problems: list[str] = []
        kept: list[StoredReport] = []
        unkept = False
        if listing is not None:
            kept, refused = await self._keeper.keep(choose_items(listing.items, self._stream, now))
            unkept = bool(refused)
            problems = [*listing.problems, *refused, *await self._list(listing.entries, url, now)]
            times = [
                listing.made_at,
                *(entry.updated for entry in listing.entries),
                *(item.updated for item in listing.items),
            ]
            seen = [min(updated, now) for updated in times if updated is not None]
            state = replace(state, newest_report_at=max(seen, default=state.newest_report_at))
        stored, size, state = await self._fetch_pending(state, url, now, used + answer.size, problems)
        complete = not self._pending and not unkept
        state = self._after(state, now, answer, long=long, problems=problems, complete=complete)
        await save_state(self._pool, self.name, state)
        return PollResult(
            self.name,
            (*kept, *stored),
            unchanged=listing is None,
            long=long,
            error=state.error,
            heard=True,
            heard_before=heard_before,
            size=answer.size + size,
            server_date=answer.server_date,
        )

    def _read(self, answer: Fetched, url: str, state: StreamState, *, long: bool) -> Listing | None:
        """What the document lists, or None if it is the one we know already."""
        if answer.body is None:
            return None
        if not long and hashlib.sha256(answer.body).digest() == state.body_sha256:
            return None
        return self._stream.read(answer.body, url)

    async def _list(self, entries: tuple[Entry, ...], url: str, now: datetime) -> list[str]:
        """Put what is new and wanted into the pending bodies. Returns what an operator should know."""
        chosen, refused = choose(entries, self._feed, self._stream, url, now)
        new = [entry for entry in chosen if not self._pending.is_settled(entry)]
        known = await known_urls(self._pool, [entry.identity for entry in new])
        for entry in new:
            if entry.identity in known:
                self._pending.settle(entry)
            else:
                self._pending.add(entry)
        return [f"{refused} entries point to a host that is not the feed's: not fetched"] if refused else []

    async def _fetch_pending(
        self, state: StreamState, list_url: str, now: datetime, used: int, problems: list[str]
    ) -> tuple[list[StoredReport], int, StreamState]:
        """Fetch and keep the pending bodies, some at a time; stop when the server or the budget says so.

        Bodies that come slowly end the round after one interval too: the list is asked again, so that what is newer
        does not wait behind them. Returns what was kept, the bytes it took and the state.
        """
        total = 0
        stored: list[StoredReport] = []
        waiting = self._pending.newest(now, MAX_PER_POLL)
        loop = asyncio.get_running_loop()
        until = loop.time() + self.every_s
        for start in range(0, len(waiting), PARALLEL):
            if start and loop.time() > until:
                break
            if used >= self._settings.feed_daily_byte_budget:
                problems.append(f"the daily byte budget is used up: {len(self._pending)} bodies wait")
                break
            batch = waiting[start : start + PARALLEL]
            outcomes = await asyncio.gather(*(self._fetch_one(entry, list_url, now) for entry in batch))
            wait: FetchError | None = None
            for report, size, error in outcomes:
                used += size
                total += size
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
        return stored, total, state

    async def _fetch_one(
        self, entry: Entry, list_url: str, now: datetime
    ) -> tuple[StoredReport | None, int, FetchError | ValueError | None]:
        """(what was kept, bytes over the wire, what went wrong) for one body."""
        try:
            answer = await self._get(entry.url, list_url, self._settings.feed_max_body_bytes, now, None)
        except FetchError as error:
            (self._pending.count_refusal if error.asks_to_wait else self._pending.count_attempt)(entry, now)
            return None, error.size, error
        if answer.body is None:
            self._pending.count_attempt(entry, now)
            return None, answer.size, FetchError(f"{entry.url}: HTTP 304 to a question without validators")
        try:
            report = await ingest(
                self._pool, answer.body, feed=self._feed, url=entry.identity, received_at=self._clock.now()
            )
        except CONNECTION_ERRORS:
            raise
        except Exception as error:
            # One body that the database refuses must not keep the others out.
            log.exception("feed %s: %s could not be kept", self.name, entry.url)
            self._pending.count_attempt(entry, now)
            return None, answer.size, ValueError(f"{entry.url}: could not be kept: {error}")
        if report.state == "unreadable":
            # Perhaps an error page or half a file: kept, and asked for again.
            self._pending.count_attempt(entry, now)
            return report, answer.size, ValueError(f"{entry.url}: {report.reason}")
        self._pending.settle(entry)
        return report, answer.size, None

    async def _get(
        self, url: str, list_url: str, max_bytes: int, now: datetime, validators: StreamState | None
    ) -> Fetched:
        headers = {"User-Agent": user_agent(self._settings.contact)}
        if validators is not None and validators.etag:
            headers["If-None-Match"] = validators.etag
        if validators is not None and validators.last_modified:
            headers["If-Modified-Since"] = validators.last_modified
        return await fetch(
            self._session,
            url,
            headers=headers,
            max_bytes=max_bytes,
            now=now,
            may_go_to=lambda there: same_origin_or_allowed(there, list_url, self._feed.body_hosts),
        )

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
        size = error.size if isinstance(error, FetchError) else 0
        return PollResult(self.name, long=long, error=message, heard_before=state.last_heard_at, size=size)

    def _after(
        self, state: StreamState, now: datetime, answer: Fetched, *, long: bool, problems: list[str], complete: bool
    ) -> StreamState:
        """The state to store once the bodies are done with; `complete`: everything listed is also kept."""
        for problem in problems:
            log.warning("feed %s: %s", self.name, problem)
        error = problems[0] if problems else None
        state = replace(state, error=error, error_at=now if error else state.error_at)
        if not complete:
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
