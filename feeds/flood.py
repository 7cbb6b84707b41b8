"""How much a pushed stream sends in a minute, and when that is too much. Pure but for its own count."""

from __future__ import annotations

from feeds.feed import Push

_MINUTE_S = 60.0


class Flood:
    """Counts one connection. Times are seconds of any steady clock."""

    def __init__(self, push: Push, at: float) -> None:
        self._limits = {
            "frames": push.max_frames_per_minute,
            "bytes": push.max_bytes_per_minute,
            "reports": push.max_items_per_minute,
        }
        self._since = at
        self._counted = dict.fromkeys(self._limits, 0)

    def why_too_much(self, at: float, *, frames: int = 0, size: int = 0, reports: int = 0) -> str | None:
        """Count what came; why the connection should be left, or None."""
        if at - self._since >= _MINUTE_S:
            self._since = at
            self._counted = dict.fromkeys(self._limits, 0)
        for name, amount in (("frames", frames), ("bytes", size), ("reports", reports)):
            self._counted[name] += amount
            if self._counted[name] > self._limits[name]:
                return f"more than {self._limits[name]} {name} in a minute: left alone for a while"
        return None
