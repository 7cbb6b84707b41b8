"""Bodies that wait to be fetched, and addresses that are done with. Memory only: the tables know what is kept."""

from __future__ import annotations

import logging
from collections import OrderedDict
from datetime import datetime, timedelta

from feeds.listing import Entry

log = logging.getLogger(__name__)

#: A body that could not be had or read is tried this often, then left with an error for the operator. JMA lists some
#: bodies before they are there, and a cache may keep the "not found": the tries go on for half an hour.
MAX_ATTEMPTS = 10
#: The first tries are made at every poll, then the pause doubles from a minute.
QUICK_ATTEMPTS = 5
_REMEMBERED = 5_000


class Remembered:
    """The newest few thousand keys that were added."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        self._most = most
        self._keys: OrderedDict[str, None] = OrderedDict()

    def add(self, key: str) -> None:
        self._keys[key] = None
        while len(self._keys) > self._most:
            self._keys.popitem(last=False)

    def __contains__(self, key: str) -> bool:
        return key in self._keys


class Pending:
    """The entries of one stream whose body is still to be had."""

    def __init__(self, feed: str) -> None:
        self._feed = feed
        self._waiting: dict[str, Entry] = {}
        self._attempts: dict[str, int] = {}
        self._not_before: dict[str, datetime] = {}
        self._settled = Remembered()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, entry: Entry) -> None:
        """Let it wait, unless it does already."""
        self._waiting.setdefault(entry.identity, entry)

    def is_settled(self, entry: Entry) -> bool:
        """Whether this process is done with it: kept, or given up."""
        return entry.identity in self._settled

    def newest(self, now: datetime, most: int) -> list[Entry]:
        """The next ones to fetch, newest first; one without a time counts as new, one that failed often waits."""
        due = [entry for key, entry in self._waiting.items() if self._not_before.get(key, now) <= now]
        return sorted(due, key=lambda entry: entry.updated or now, reverse=True)[:most]

    def settle(self, entry: Entry) -> None:
        """Done with: kept, or known."""
        self._waiting.pop(entry.identity, None)
        self._attempts.pop(entry.identity, None)
        self._not_before.pop(entry.identity, None)
        self._settled.add(entry.identity)

    def count_attempt(self, entry: Entry, now: datetime) -> None:
        """One more try failed; after MAX_ATTEMPTS it is given up, with an error in the log."""
        if self._tried(entry, now) >= MAX_ATTEMPTS:
            log.error("feed %s: gave up on %s after %d tries", self._feed, entry.url, MAX_ATTEMPTS)
            self.settle(entry)

    def count_refusal(self, entry: Entry, now: datetime) -> None:
        """The server asked to be left alone: that says little about the body, which is never given up for it.

        Its pauses grow all the same, so that one address that is always refused does not hold up the others.
        """
        self._tried(entry, now, at_most=MAX_ATTEMPTS - 1)

    def _tried(self, entry: Entry, now: datetime, at_most: int = MAX_ATTEMPTS) -> int:
        tries = min(self._attempts.get(entry.identity, 0) + 1, at_most)
        self._attempts[entry.identity] = tries
        if tries >= QUICK_ATTEMPTS:
            self._not_before[entry.identity] = now + timedelta(minutes=1) * 2 ** (tries - QUICK_ATTEMPTS)
        return tries
