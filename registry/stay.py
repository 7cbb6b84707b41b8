"""Whether somebody who has left a company is written to, when, and over which way. Pure.

An organisation ends a membership; its view ends that day. The person is asked once, and once more a week later, whether
they stay and where they live now. Silence changes nothing: they stay registered as long as they wish.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from core.clock import JST

#: A clerk who ticked the wrong name has this long to take it back before the person reads that they have left.
SETTLES: Final = timedelta(hours=1)
#: Hours of the day in Japan: from the first until before the last.
FIRST_HOUR, LAST_HOUR = 8, 21
#: One message, and one reminder this long after it.
REMIND_AFTER: Final = timedelta(days=7)
MOST_MESSAGES: Final = 2
#: Helpers and people have other things to do while an incident is open, and the day after.
AFTER_INCIDENT: Final = timedelta(hours=24)
#: Later than this the news is no news: the question stays on the person's own page.
ASK_WITHIN: Final = timedelta(days=30)
#: How long a claim lasts: a process that was killed while sending leaves the person to the next one after it.
CLAIM: Final = timedelta(minutes=10)
#: Pauses after a try that failed; the last one again and again.
BACK_OFF: Final = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
#: Whoever cannot be reached is looked at again so often: they may have given a number on their own page.
LOOK_AGAIN: Final = timedelta(days=1)


class Outcome(StrEnum):
    """What became of the message (resident.stay_outcome); "" before anything was tried."""

    SENDING = "sending"
    AGAIN = "again"
    SENT = "sent"
    RETRY = "retry"
    UNREACHABLE = "unreachable"


class Way(NamedTuple):
    """A contact that is neither dead nor refused. `channel`: of the contact, "push" or "phone"."""

    id: UUID
    channel: str
    proven: bool


class Next(NamedTuple):
    """What is written down after a turn: the outcome, and when the person is looked at again."""

    outcome: Outcome
    due_at: datetime


def is_daytime(now: datetime) -> bool:
    """Whether a message that can wait may be sent: from 08:00 until before 21:00 in Japan.

    >>> from datetime import UTC
    >>> is_daytime(datetime(2026, 11, 20, 11, 59, tzinfo=UTC)), is_daytime(datetime(2026, 11, 20, 12, 0, tzinfo=UTC))
    (True, False)
    """
    return FIRST_HOUR <= now.astimezone(JST).hour < LAST_HOUR


#: From 1 on; 0 is a notification that was once seen.
_ORDER: Final = ("", "phone", "line", "push", "email")


def ways_in_order(ways: Sequence[Way], used: Collection[str], usable: Collection[str]) -> list[Way]:
    """The ways to try, one after the other, until one takes the message.

    A notification costs nothing and comes first where one was ever seen; then the telephone; then LINE; then
    notifications that nobody has seen yet; e-mail last. The reminder takes what has not carried the first message
    (`used`: kinds of contact), if there is such a way. `usable`: the kinds for which a channel is configured.
    """

    def rank(way: Way) -> tuple[bool, int]:
        return way.channel in used, 0 if way.channel == "push" and way.proven else _ORDER.index(way.channel)

    return sorted((way for way in ways if way.channel in usable), key=rank)


def after_failure(tries: int, *, unsure: bool, claimed: Outcome, now: datetime) -> Next:
    """After a try that failed, the `tries`th since a message last left.

    `unsure`: the provider did not say whether it took the message; `claimed`: the state under which this try was made.
    What may have left once is tried once more and never a third time: then the claim stays as it is, and counts.
    """
    pause = BACK_OFF[min(max(tries, 1), len(BACK_OFF)) - 1]
    if unsure:
        return Next(claimed, now + pause)
    # A try of unknown fate stays one, also after another that certainly failed.
    return Next(Outcome.RETRY if claimed is Outcome.SENDING else Outcome.SENDING, now + pause)


def after_sending(now: datetime) -> Next:
    """After a message has left: the reminder is due in a week."""
    return Next(Outcome.SENT, now + REMIND_AFTER)


def without_a_way(now: datetime) -> Next:
    """Nothing that could be tried."""
    return Next(Outcome.UNREACHABLE, now + LOOK_AGAIN)
