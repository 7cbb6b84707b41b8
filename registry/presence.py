"""Where somebody is not: away, on home leave, moved out; and stays that end by themselves. Pure.

Who is away is told what happens at their places, and not asked whether they are OK there: nobody may have to search
for a person who is in another country. Only the person's own word counts; what an organisation says is a proposal.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

#: Nobody is away for ever: after this the person is asked again.
LONGEST: Final = timedelta(days=366)


class Kind(StrEnum):
    """Why somebody is not there."""

    AWAY = "away"  # left the prefecture
    HOME_LEAVE = "home_leave"  # in the home country
    MOVED_OUT = "moved_out"  # lives elsewhere now: never stored, the home changes instead


class Absence(NamedTuple):
    """Somebody's absence. `until`: the last day away, in Japan. `own`: the person said it or confirmed it."""

    kind: Kind
    until: date
    own: bool = True

    def stands(self, today: date) -> bool:
        """Whether it is still running, whoever said it."""
        return today <= self.until

    def counts(self, today: date) -> bool:
        """Whether alerts about the person's places ask nothing of them today."""
        return self.own and self.stands(today)


class AbsenceProblem(ValueError):
    """What was filled in cannot be an absence. `key` is the sentence to show."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def read_absence(form: Mapping[str, str], today: date, *, own: bool = True) -> Absence:
    """The absence of a form with `kind` and `until` (ISO date). Raises AbsenceProblem naming the sentence."""
    try:
        kind = Kind(form.get("kind", ""))
    except ValueError:
        raise AbsenceProblem("away.problem.kind") from None
    try:
        until = date.fromisoformat(form.get("until", "").strip())
    except ValueError:
        raise AbsenceProblem("away.problem.until") from None
    if not today <= until <= today + LONGEST:
        raise AbsenceProblem("away.problem.until")
    return Absence(kind, until, own)


def read_stay(text: str, today: date) -> date | None:
    """The last day of a short stay; None for an empty field. Raises AbsenceProblem for a day that is over or no day."""
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise AbsenceProblem("away.problem.until") from None
    if day < today:
        raise AbsenceProblem("away.problem.until")
    return day


def stay_is_over(stay_until: date | None, today: date) -> bool:
    """Whether a short stay has ended: the day after its last day."""
    return stay_until is not None and today > stay_until
