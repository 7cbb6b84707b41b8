"""Token buckets: how often something may happen, whoever does it. The arithmetic, and what a channel asks.

A bucket holds `capacity` tokens and fills up evenly within `period_s`. All processes share theirs in the database
(alerts/bucket_store.py); a process that cannot ask it counts for itself meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

#: Buckets that a process keeps for itself; the ones unused for longest go first.
REMEMBERED: Final = 200_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """One limit. `name`: what it limits ("sms"); `of`: whose, an address or "" for everybody together. Never logged."""

    name: str
    of: str
    capacity: int
    period_s: float


class Buckets(Protocol):
    """Where tokens are taken."""

    async def take(self, bucket: Bucket) -> bool:
        """One token; False where there is none."""
        ...


def refilled(tokens: float, bucket: Bucket, elapsed_s: float) -> float:
    """The tokens of a bucket that had so many so many seconds ago. A clock that went back adds nothing.

    >>> refilled(0.0, Bucket("sms", "", 20, 3600.0), 360.0)
    2.0
    """
    return min(float(bucket.capacity), tokens + bucket.capacity * max(0.0, elapsed_s) / bucket.period_s)


@dataclass(slots=True)
class OwnBuckets:
    """The buckets of one process alone."""

    clock: Callable[[], float] = time.monotonic
    _held: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    async def take(self, bucket: Bucket) -> bool:
        """One token; False where there is none."""
        now, key = self.clock(), (bucket.name, bucket.of)
        held, at = self._held.pop(key, (float(bucket.capacity), now))
        tokens = refilled(held, bucket, now - at)
        if len(self._held) >= REMEMBERED:
            del self._held[next(iter(self._held))]
        self._held[key] = (tokens - 1 if tokens >= 1 else tokens, now)
        return tokens >= 1


@runtime_checkable
class Limited(Protocol):
    """A channel whose limits all processes share: whoever makes it says where its tokens are."""

    buckets: Buckets
