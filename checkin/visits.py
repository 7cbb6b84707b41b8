""" "I am going to the dorm, arriving about 02:30": the time somebody types, and for how long it is shown. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from core.clock import JST

#: A visit further ahead is none of tonight.
FURTHEST: Final = timedelta(hours=12)
#: A time just gone by is "now", not tomorrow.
JUST_NOW: Final = timedelta(minutes=30)
#: A visit is shown until so long after its time.
SHOWN_AFTER: Final = timedelta(hours=6)
_STEP: Final = timedelta(minutes=5)


class Visit(NamedTuple):
    """Somebody of the staff is on the way to a dorm."""

    site_id: UUID
    dorm: str
    staff_id: UUID
    name: str
    arrives_at: datetime


def arrival(text: str, now: datetime) -> datetime | None:
    """The next time Japan's clocks show "HH:MM", as a form's time field sends it; None for nonsense or too far ahead.

    >>> from datetime import UTC
    >>> arrival("02:30", datetime(2026, 11, 20, 12, 33, tzinfo=UTC)).isoformat()  # 21:33 in Japan
    '2026-11-21T02:30:00+09:00'
    """
    try:
        clock = datetime.strptime(text.strip()[:5], "%H:%M").time()
    except ValueError:
        return None
    local = now.astimezone(JST)
    found = datetime.combine(local.date(), clock, JST)
    if found < local - JUST_NOW:
        found += timedelta(days=1)
    elif found - timedelta(days=1) >= local - JUST_NOW:
        found -= timedelta(days=1)
    return found if found - local <= FURTHEST else None


def suggested(now: datetime) -> str:
    """The time the form begins with: half an hour from now, to the next five minutes."""
    minutes = (now + JUST_NOW).astimezone(JST)
    over = timedelta(minutes=minutes.minute % 5, seconds=minutes.second, microseconds=minutes.microsecond)
    return f"{(minutes - over + _STEP if over else minutes):%H:%M}"
