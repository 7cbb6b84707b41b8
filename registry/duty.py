"""Who acts for whom, and who is on duty: read from times and days alone. Pure.

A deputy (代理) stands in for a colleague of the same organisation from one day through another, as days are in Japan.
Duties and messages go to both; approvals stay personal, because two people must really be two people.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from core.clock import JST, date_in_japan

#: Longest absence that one entry may cover.
LONGEST_ABSENCE: Final = timedelta(days=365)
#: Longest single duty, as in the table.
LONGEST_DUTY: Final = timedelta(days=31)


class StandIn(NamedTuple):
    """`deputy_id` acts for `staff_id` from `from_day` through `until_day` (days in Japan)."""

    staff_id: UUID
    deputy_id: UUID
    from_day: date
    until_day: date

    def holds(self, now: datetime) -> bool:
        """Whether it is one of its days in Japan."""
        return self.from_day <= date_in_japan(now) <= self.until_day


def with_deputies(people: Iterable[UUID], stand_ins: Iterable[StandIn], now: datetime) -> list[UUID]:
    """Everybody to be told: these people, each followed by who acts for them today; nobody twice.

    A deputy of a deputy is not asked: whoever is away may be read on the team page, and a chain would hide it.
    """
    live: dict[UUID, list[UUID]] = {}
    for one in stand_ins:
        if one.holds(now):
            live.setdefault(one.staff_id, []).append(one.deputy_id)
    told: dict[UUID, None] = {}
    for person in people:
        told.setdefault(person)
        for deputy in live.get(person, ()):
            told.setdefault(deputy)
    return list(told)


class DutyProblem(ValueError):
    """Times or days of a form that cannot be meant. `key`: the words to show."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def read_days(first: str, last: str, today: date) -> tuple[date, date]:
    """The days of an absence as a form's date fields send them ("2026-12-29"). Raises DutyProblem."""
    try:
        begin, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        raise DutyProblem("staff.deputy.no_days") from None
    if end < begin or end < today or end - begin > LONGEST_ABSENCE:
        raise DutyProblem("staff.deputy.wrong_days")
    return begin, end


def read_times(first: str, last: str, now: datetime) -> tuple[datetime, datetime]:
    """The times of a duty as `datetime-local` fields send them ("2026-11-20T21:00", Japan time). Raises DutyProblem."""
    try:
        begin = datetime.fromisoformat(first).replace(tzinfo=JST)
        end = datetime.fromisoformat(last).replace(tzinfo=JST)
    except ValueError:
        raise DutyProblem("staff.duty.no_times") from None
    if end <= begin or end <= now or end - begin > LONGEST_DUTY:
        raise DutyProblem("staff.duty.wrong_times")
    return begin, end
