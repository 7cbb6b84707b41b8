"""Keeps the reports that come inside other documents: each once, whichever of the feed's streams brings it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from core.clock import Clock
from core.db import CONNECTION_ERRORS, Pool
from feeds.feed import Feed
from feeds.listing import Item
from feeds.pending import Remembered
from feeds.store import StoredReport, ingest, known_urls

log = logging.getLogger(__name__)


class Keeper:
    """One per feed: its streams share it, so that an item that comes over two of them is one report."""

    def __init__(self, pool: Pool, clock: Clock, feed: Feed, *, on_new: Callable[[], None] = lambda: None) -> None:
        self._pool, self._clock, self._feed, self._on_new = pool, clock, feed, on_new
        self._lock = asyncio.Lock()
        self._settled = Remembered()

    async def keep(self, items: Sequence[Item]) -> tuple[list[StoredReport], list[str]]:
        """Keep those not kept yet: (what was kept now, what could not be kept and why).

        `on_new` is called before anything is written: whoever is woken by it must not wait for our disk.
        Raises only what a lost database raises.
        """
        async with self._lock:
            new = [item for item in items if item.key not in self._settled]
            known = await known_urls(self._pool, [item.key for item in new])
            for item in new:
                if item.key in known:
                    self._settled.add(item.key)
            new = [item for item in new if item.key not in known]
            if new:
                self._on_new()
            stored: list[StoredReport] = []
            problems: list[str] = []
            for item in new:
                try:
                    report = await ingest(
                        self._pool, item.body, feed=self._feed, url=item.key, received_at=self._clock.now()
                    )
                except CONNECTION_ERRORS:
                    raise
                except Exception as error:
                    # One item that the database refuses must not keep the others out.
                    log.exception("feed %s: %s could not be kept", self._feed.name, item.key)
                    problems.append(f"{item.key}: could not be kept: {error}")
                    continue
                # Unreadable as well: its bytes will not change, and they are kept.
                self._settled.add(item.key)
                stored.append(report)
                if report.state == "unreadable":
                    log.warning("feed %s: %s: %s", self._feed.name, item.key, report.reason)
            return stored, problems
