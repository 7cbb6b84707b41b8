"""Envelopes made ahead: the slow part of encrypting for each live subscription, done while nobody waits.

In memory only, never logged or stored; each is used once (push_encrypt.Envelope sees to that) and forgotten after a
day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from alerts.push_address import Subscription
from alerts.push_encrypt import Envelope, decode


class EnvelopePool:
    """At most `limit` envelopes, one for each browser. `make` may run in another thread than the rest."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._made: dict[bytes, Envelope] = {}
        self._seen: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._made)

    @property
    def full(self) -> bool:
        """Whether there is no room for more."""
        return len(self._made) >= self._limit

    def take(self, subscription: Subscription) -> Envelope | None:
        """The envelope for a browser, if there is one; nobody gets it again."""
        return self._made.pop(_key(subscription), None) if self._made else None

    def make(self, subscriptions: Iterable[Subscription]) -> int:
        """One for each of these that has none, while there is room; how many were made. Bad keys are passed over: the
        send will say what is wrong with them."""
        count = 0
        for subscription in subscriptions:
            key = _key(subscription)
            self._seen.add(key)
            if self.full or key in self._made:
                continue
            try:
                self._made[key] = Envelope(decode(subscription.p256dh), decode(subscription.auth))
            except ValueError:
                continue
            count += 1
        return count

    def begin(self) -> None:
        """A round through all live browsers begins."""
        self._seen = set()

    def end(self) -> None:
        """The round is complete: forget the envelopes of browsers that were not in it."""
        for key in [key for key in list(self._made) if key not in self._seen]:
            self._made.pop(key, None)
        self._seen = set()

    def clear(self) -> None:
        """Forget all."""
        self._made.clear()


def _key(subscription: Subscription) -> bytes:
    return hashlib.sha256(f"{subscription.p256dh} {subscription.auth}".encode()).digest()[:16]
