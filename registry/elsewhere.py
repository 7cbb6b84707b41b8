"""Where somebody says they are for some hours or days: how long it holds. Pure.

Such a place is a third one beside home and work (resident_place of kind "today"). While it runs the person is told of
it as well, and asked there, also if they said that they are away from home: being away silences home and work only.
Their organisations never see it; coordinators do, in an open incident, as a place to look. It ends by itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from core.clock import JST

#: Nobody is "somewhere else today" for longer: that is a new home.
LONGEST_DAYS: Final = 14
HOURS: Final = (3, 6, 12)
DAYS: Final = (2, 3, 7, LONGEST_DAYS)


class Length(NamedTuple):
    """How long: a number of hours from now, or of days, today being the first; the last day ends at 24:00 in Japan."""

    unit: str  # "hours" or "days"
    amount: int

    @property
    def value(self) -> str:
        """As it stands in the form."""
        return f"{self.unit}:{self.amount}"


TODAY: Final = Length("days", 1)
#: What the page offers, the default first.
LENGTHS: Final = (TODAY, *(Length("hours", n) for n in HOURS), *(Length("days", n) for n in DAYS))


class ElsewhereProblem(ValueError):
    """What was filled in is no place or no time. `key` is the sentence to show."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def read_length(text: str) -> Length:
    """The length of a form; empty: until tonight. Raises ElsewhereProblem for anything the page does not offer."""
    if not text:
        return TODAY
    found = next((length for length in LENGTHS if length.value == text), None)
    if found is None:
        raise ElsewhereProblem("away.problem.until")
    return found


def ends_at(length: Length, now: datetime) -> datetime:
    """When a place said at `now` ends.

    >>> from datetime import UTC
    >>> ends_at(TODAY, datetime(2026, 11, 20, 3, tzinfo=UTC)).isoformat()
    '2026-11-21T00:00:00+09:00'
    """
    if length.unit == "hours":
        return now + timedelta(hours=length.amount)
    midnight = now.astimezone(JST).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=length.amount)


def last_minute(until: datetime) -> datetime:
    """The end as people read it: who stays "until 20 November, 24:00" is not to read 21 November.

    >>> last_minute(ends_at(TODAY, datetime(2026, 11, 20, 12, tzinfo=JST))).isoformat()
    '2026-11-20T23:59:00+09:00'
    """
    local = until.astimezone(JST)
    return local - timedelta(minutes=1) if (local.hour, local.minute) == (0, 0) else local
