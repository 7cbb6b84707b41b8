"""A brake for guessers: links that do not exist, counted per address. Links that do exist are never braked."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime


class Misses:
    """A token bucket per address, in memory: `burst` misses at once, `per_minute` after that.

    A dormitory or a mobile carrier shares one address among many people: that is why only misses count, and why
    a full bucket refuses nothing but the next miss. Remembers at most `addresses` addresses, the latest.
    """

    def __init__(self, *, burst: int = 20, per_minute: float = 20.0, addresses: int = 10_000) -> None:
        self._burst = float(burst)
        self._per_second = per_minute / 60
        self._limit = addresses
        self._buckets: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def allow(self, address: str, now: datetime) -> bool:
        """Count one miss. False: this address has missed too often lately."""
        tokens, since = self._buckets.pop(address, (self._burst, now))
        tokens = min(self._burst, tokens + max(0.0, (now - since).total_seconds()) * self._per_second)
        allowed = tokens >= 1
        self._buckets[address] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > self._limit:
            self._buckets.popitem(last=False)
        return allowed

    def __len__(self) -> int:
        return len(self._buckets)
