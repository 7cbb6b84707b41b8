"""When a person needs following up, and when not any more. Pure.

A case is one person a coordinator must follow up: somebody who asked for help, whom nothing reaches, or who stays
silent. At most one is open per person across all open incidents of a purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from core.clock import JST
from core.model import Answer, Answered, AnsweredBy, CaseReason, Severity

#: (hazard, severity, whether it is night) -> seconds of silence after which a case opens; rules/ say the numbers.
CaseAfter = Callable[[str, Severity, bool], int]

#: A claim without any action is given back after this long, so that nobody waits for a volunteer who fell asleep.
CLAIM_LASTS = timedelta(minutes=30)
#: Silence at night: a case after 20 minutes at the latest (DESIGN §4, "night, severe and extreme").
NIGHT_CASE_AFTER_S = 20 * 60
NIGHT_BEGINS, NIGHT_ENDS = 22, 6


class Outcome(StrEnum):
    """How a case ended."""

    OK = "ok"  # spoken to, or seen: fine
    HELP_GIVEN = "help_given"  # needed help and has it
    HANDED_OVER = "handed_over"  # fire brigade, police or municipality has taken over
    MISSING = "missing"  # looked for and not found; a case of their own opens
    NOT_THERE = "not_there"  # known to be elsewhere
    ANSWERED = "answered"  # answered by themselves
    INCIDENT_CLOSED = "incident_closed"
    WITHDRAWN = "withdrawn"  # the person left the service


class Found(StrEnum):
    """What a call or a visit can find about one person; the choices of the outcome form."""

    OK = "ok"
    NEEDS_HELP = "needs_help"  # stays open, first in the order
    HELP_GIVEN = "help_given"
    HANDED_OVER = "handed_over"
    MISSING = "missing"
    NOT_THERE = "not_there"
    NOT_YET = "not_yet"  # nothing learnt about this person; stays open


#: Which finding closes the case, and how it is written down.
CLOSES: dict[Found, Outcome] = {
    Found.OK: Outcome.OK,
    Found.HELP_GIVEN: Outcome.HELP_GIVEN,
    Found.HANDED_OVER: Outcome.HANDED_OVER,
    Found.MISSING: Outcome.MISSING,
    Found.NOT_THERE: Outcome.NOT_THERE,
}


class Step(StrEnum):
    """What an answer does to the cases of its person."""

    NOTHING = "nothing"
    OPEN_HELP = "open_help"  # open a case, or raise the open one, to "needs help"
    CLOSE = "close"


def after_answer(answer: Answer, by: AnsweredBy, open_reason: CaseReason | None, own_help: bool) -> Step:
    """What follows from a new answer.

    `open_reason`: reason of the person's open case, None without one. `own_help`: the person asked for help and has
    not said since that all is well; then nobody else's word closes the case.

    >>> after_answer(Answer.OK, AnsweredBy.LEADER, CaseReason.NEEDS_HELP, own_help=True).value
    'nothing'
    """
    if answer.is_help:
        # A colleague's "help" is believed at once; the person's own later answer corrects it.
        return Step.OPEN_HELP
    if open_reason is None:
        return Step.NOTHING
    if by is AnsweredBy.SELF:
        # "I am leaving" is not silence any more, but it does not take back a call for help.
        if answer.is_green or open_reason is not CaseReason.NEEDS_HELP:
            return Step.CLOSE
        return Step.NOTHING
    if not answer.is_green or (open_reason is CaseReason.NEEDS_HELP and own_help):
        return Step.NOTHING
    return Step.CLOSE


def stands_beside(own: Answered | None, asked_at: datetime | None, *, has_case: bool) -> bool:
    """Whether words that a person writes go beside their newest own answer, and not on their case as a note.

    Words are no answer. An answer from before the newest question does not answer that one, and a case that somebody
    works on is closed by an answer, never by what stands beside one: the words of a call for help raise it again.
    """
    if own is None or (asked_at is not None and own.at < asked_at):
        return False
    return own.answer.is_help or not has_case


def is_night(at: datetime) -> bool:
    """Whether a time lies between 22:00 and 06:00 in Japan."""
    hour = at.astimezone(JST).hour
    return hour >= NIGHT_BEGINS or hour < NIGHT_ENDS


def case_delay(
    hazard: str, severity: Severity, night: bool, case_after: CaseAfter, override_s: int | None = None
) -> timedelta:
    """How long a person may stay silent before a case opens. `override_s` wins (drills and demos)."""
    if override_s is not None:
        return timedelta(seconds=override_s)
    seconds = case_after(hazard, severity, night)
    if night and severity.asks:
        seconds = min(seconds, NIGHT_CASE_AFTER_S)
    return timedelta(seconds=seconds)


def choices(reason: CaseReason, own_help: bool) -> tuple[Found, ...]:
    """What a coordinator may enter about one person, in the form's order.

    Who asked for help is not simply "OK": either help came, or somebody took over, or it is still needed.
    """
    if reason is CaseReason.NEEDS_HELP and own_help:
        return (Found.NOT_YET, Found.NEEDS_HELP, Found.HELP_GIVEN, Found.HANDED_OVER, Found.MISSING)
    if reason is CaseReason.NEEDS_HELP:
        return (
            Found.NOT_YET,
            Found.NEEDS_HELP,
            Found.HELP_GIVEN,
            Found.OK,
            Found.HANDED_OVER,
            Found.MISSING,
            Found.NOT_THERE,
        )
    return (Found.NOT_YET, Found.OK, Found.NEEDS_HELP, Found.MISSING, Found.NOT_THERE, Found.HANDED_OVER)


def with_the_rest(
    found: Mapping[UUID, Found], cases: Mapping[UUID, CaseReason], *, rest_is_ok: bool
) -> dict[UUID, Found]:
    """Findings of a form in which one entry may stand for everybody about whom nothing was chosen.

    `cases`: reason of each open case. "The others are OK" never speaks for somebody who asked for help: that is
    entered person by person.
    """
    return {
        case_id: Found.OK
        if rest_is_ok and finding is Found.NOT_YET and cases.get(case_id) is not CaseReason.NEEDS_HELP
        else finding
        for case_id, finding in found.items()
    }


def green_answer(questions: Sequence[str]) -> Answer:
    """The answer that says "all is well" in an incident with these questions.

    >>> green_answer(["safe_place", "leaving", "cannot_leave"]).value
    'safe_place'
    """
    return Answer.OK if not questions or Answer.OK.value in questions else Answer.SAFE_PLACE


def help_answer(questions: Sequence[str]) -> Answer:
    """The answer that says "help is needed" in an incident with these questions."""
    return Answer.HELP if not questions or Answer.HELP.value in questions else Answer.CANNOT_LEAVE


def proxy_answer(found: Found, questions: Sequence[str]) -> Answer | None:
    """The check-in that a finding amounts to; None where nothing is known about the person's state."""
    if found is Found.OK:
        return green_answer(questions)
    if found is Found.NEEDS_HELP:
        return help_answer(questions)
    if found is Found.NOT_THERE:
        return Answer.NOT_THERE
    return None


class Claim(NamedTuple):
    """Who works on a case, and until when without an action."""

    staff_id: UUID
    name: str
    until: datetime

    def stands(self, now: datetime) -> bool:
        return now < self.until
