"""How hard we try, how long, and when it is over: pure rules about time. Every function takes `now`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from alerts.channel import SendError
from core.clock import JST
from core.model import MessageState, Severity

#: Seconds before each further try of one step; after the last one the step has failed.
BACK_OFF_S: Final = (1.0, 3.0, 9.0, 27.0)
#: How far a pause is moved at random, so that a thousand retries do not knock at the same instant.
JITTER: Final = 0.3
#: A message whose fate is unknown waits this long for the provider's own word before it is sent again. For people in
#: danger a duplicate is cheaper than a gap, so it is short.
AMBIGUOUS_WAIT_S: Final = 25.0

#: An incident without a lift (a warning whose end we never heard) closes this long after its last round.
OPEN_WITHOUT_LIFT: Final = timedelta(hours=72)
#: A quake that asked nobody is over after a day.
OPEN_WITHOUT_ASKING: Final = timedelta(hours=24)
#: Nobody is asked more often than this within a day.
MAX_ASKS: Final = 5
ASKS_WINDOW: Final = timedelta(hours=24)
#: When people sleep, in hours of Japan's day.
NIGHT: Final = (22, 6)

#: How far a receipt has come; a receipt never moves a message back. A late "delivered" beats "failed".
_RANK: Final = {
    MessageState.PENDING: 0,
    MessageState.LEASED: 1,
    MessageState.SENT: 2,
    MessageState.FAILED: 3,
    MessageState.DELIVERED: 4,
}


def next_attempt(
    attempts: int, error: SendError, now: datetime, expires_at: datetime, random: Callable[[], float]
) -> datetime | None:
    """When to try again after `attempts` tries, the last of which ended with `error`; None: never.

    Pauses 1, 3, 9, 27 s, each moved by up to 30 % (`random` gives [0, 1)); a provider that names a longer pause gets
    it; an ambiguous try waits for the provider's own word. Never at or past `expires_at`.
    """
    if not error.retry or not 1 <= attempts <= len(BACK_OFF_S):
        return None
    pause = BACK_OFF_S[attempts - 1] * (1 - JITTER + 2 * JITTER * random())
    if error.ambiguous:
        pause = max(pause, AMBIGUOUS_WAIT_S)
    if error.retry_after_s is not None:
        pause = max(pause, error.retry_after_s)
    at = now + timedelta(seconds=pause)
    return at if at < expires_at else None


def forward(current: MessageState, receipt: MessageState) -> bool:
    """Whether a receipt moves a message on. Receipts arrive doubled and in any order; the outcome is the same.

    A message that was reaped or withdrawn after it had left (expired, cancelled) takes no receipts.
    """
    return current in _RANK and receipt in _RANK and _RANK[receipt] > _RANK[current]


def closes_at(now: datetime, hazard: str, severity: Severity, end_h: int, *, lifted: bool) -> datetime:
    """When an incident closes if nothing more happens. `end_h`: the rule's hours after the last lift, or for an
    earthquake (which nobody lifts) after the last shock that asked."""
    if hazard == "earthquake" and not severity.asks:
        return now + OPEN_WITHOUT_ASKING
    if lifted or hazard == "earthquake":
        return now + timedelta(hours=end_h)
    return now + OPEN_WITHOUT_LIFT


def is_night(at: datetime) -> bool:
    """Between 22:00 and 06:00 in Japan: people sleep, so silence is followed up sooner."""
    return within_hours(at, NIGHT)


def within_hours(at: datetime, hours: tuple[int, int]) -> bool:
    """Whether a time lies in these hours of Japan's day, the first included, the second not; they may span midnight.

    The same hour twice means the whole day.
    """
    hour = at.astimezone(JST).hour
    first, last = hours
    return first <= hour < last if first < last else hour >= first or hour < last


def next_hour(at: datetime, hour: int) -> datetime:
    """The next time after `at` when it is `hour` o'clock in Japan."""
    local = at.astimezone(JST)
    found = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    return found if found > local else found + timedelta(days=1)


def may_ask(asks: int, last_asked_at: datetime | None, now: datetime, elsewhere: int = 0) -> bool:
    """Whether a person may be asked once more: at most five times in 24 hours, whatever incidents ask.

    `asks`: of this incident, the last at `last_asked_at`; `elsewhere`: of all others within the last 24 hours.
    """
    here = 0 if last_asked_at is None or now - last_asked_at >= ASKS_WINDOW else asks
    return here + elsewhere < MAX_ASKS


def priority(severity: Severity) -> int:
    """The outbox's order: 0 (extreme) first."""
    return Severity.EXTREME.rank - severity.rank
