"""What a push service's answer means, and when to leave a push service in peace. Pure; times are seconds since 1970."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final

from alerts.channel import SendError, Trouble

#: HTTP status -> what it means. What is not named here is a refusal below 500 and "try again" from there on: 400, 401,
#: 403 and 413 are our fault or a key mismatch (the address is kept), a redirect leads where we never asked to go.
TROUBLE_OF_STATUS: Final = {
    404: Trouble.DEAD_ADDRESS,  # autopush: errno 102
    408: Trouble.NOT_SENT,
    410: Trouble.DEAD_ADDRESS,  # autopush: errno 103, 105, 106
    429: Trouble.THROTTLED,
}
#: So many "slow down" in a row are meant for us, not for one phone; then nobody is sent to there for a while.
BRAKE_AFTER: Final = 5
BRAKE_S: Final = 5.0
#: Alerts do not wait longer for a push service, whatever it asks: other ways are open meanwhile.
MAX_BRAKE_S: Final = 60.0
_REASON: Final = re.compile(r"[A-Za-z0-9_ -]{1,40}")


@dataclass(frozen=True, slots=True)
class Answer:
    """The parts of an HTTP answer that say something."""

    status: int
    location: str = ""
    retry_after: str = ""
    body: bytes = b""

    @property
    def is_our_fault(self) -> bool:
        """Whether it is about us (our key, our signature, our request) and not about one address."""
        return self.status in (400, 401, 403, 413)

    @property
    def reason(self) -> str:
        """The push service's own word or number, "" if it gives none: Mozilla's `errno`, Apple's `reason`. Nothing else
        of the body is kept: some services quote the address."""
        try:
            said = json.loads(self.body)
        except (ValueError, RecursionError):
            return ""
        if not isinstance(said, dict):
            return ""
        if type(errno := said.get("errno")) is int:
            return f"errno {errno}"
        reason = said.get("reason")
        return reason if isinstance(reason, str) and _REASON.fullmatch(reason) else ""


def trouble(answer: Answer, now: float) -> SendError:
    """What an answer other than 2xx means for the message."""
    kind = TROUBLE_OF_STATUS.get(answer.status, Trouble.NOT_SENT if answer.status >= 500 else Trouble.REFUSED)
    wait = retry_after_s(answer.retry_after, now) if kind in (Trouble.THROTTLED, Trouble.NOT_SENT) else None
    return SendError(kind, f"http_{answer.status}", answer.reason, wait)


def retry_after_s(text: str, now: float) -> float | None:
    """Seconds of a Retry-After header, given as seconds or as a date (RFC 9110 §10.2.3); None if it is neither.

    >>> retry_after_s("120", 0.0), retry_after_s("Thu, 01 Jan 1970 00:00:30 GMT", 10.0), retry_after_s("soon", 0.0)
    (120.0, 20.0, None)
    """
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


@dataclass(slots=True)
class _Origin:
    in_a_row: int = 0
    until: float = 0.0


@dataclass(slots=True)
class Brakes:
    """Stops sending to a push service that says "slow down" again and again: pushing on makes it refuse us for
    longer."""

    _origins: dict[str, _Origin] = field(default_factory=dict)

    def wait_s(self, origin: str, now: float) -> float:
        """Seconds until this push service may be asked again; 0 at once."""
        known = self._origins.get(origin)
        return 0.0 if known is None else max(0.0, min(known.until - now, MAX_BRAKE_S))

    def heard(self, origin: str, answer: Answer, now: float) -> None:
        """Take note of an answer."""
        if answer.status != 429:
            if origin in self._origins:
                del self._origins[origin]
            return
        known = self._origins.setdefault(origin, _Origin())
        known.in_a_row += 1
        if known.in_a_row >= BRAKE_AFTER:
            asked = retry_after_s(answer.retry_after, now)
            known.until = now + min(MAX_BRAKE_S, BRAKE_S if asked is None else asked)
