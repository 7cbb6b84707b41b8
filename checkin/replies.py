"""What a person's answers add up to. Pure: the store keeps every answer, this says which one counts.

The newest own answer is the status; an own call for help stands until a later own answer that is green; a proxy
(leader, employer, coordinator) never beats an own answer. "Newest" goes by the tap, not by the arrival: a phone that
was offline sends its old taps late.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from core.model import Answer, Answered, AnsweredBy, Moment, require_aware

#: A link and everything answered through it ends this long after its incident has closed.
LINK_AFTER_CLOSE = timedelta(hours=72)
#: ... and at the latest at this age.
LINK_MAX_AGE = timedelta(days=14)


def read_answer(text: str) -> Answer | None:
    """The answer a form field or a button stands for; None for a word that is none."""
    try:
        return Answer(text)
    except ValueError:
        return None


def read_millis(millis: int) -> datetime | None:
    """A time given as milliseconds since 1970 (JavaScript, LINE); None for one that no clock shows."""
    try:
        return datetime.fromtimestamp(millis / 1000, UTC) if millis > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


class StatusView(NamedTuple):
    """Where one person stands in one incident. Everything is None for somebody who has not answered."""

    current: Answered | None = None
    #: The first answer of all, own or proxy: never replaced, so that nobody can quietly rewrite what was said.
    first: Answered | None = None
    #: The person's own newest answer; differs from `current` while an own call for help stands.
    newest_own: Answered | None = None

    @property
    def help_stands(self) -> bool:
        """Whether the person's own call for help is the status."""
        return self.current is not None and self.current.by is AnsweredBy.SELF and self.current.answer.is_help


def current_status(history: Sequence[Answered]) -> StatusView:
    """The status that follows from all answers of one person in one incident, in order of arrival."""
    if not history:
        return StatusView()
    taps = sorted(history, key=_tapped)
    own = [answered for answered in taps if answered.by is AnsweredBy.SELF]
    first = min(history, key=lambda answered: answered.received_at)
    if not own:
        return StatusView(taps[-1], first, None)
    current = own[0]
    for answered in own[1:]:
        if not current.answer.is_help or answered.answer.is_help or answered.answer.is_green:
            current = answered
    return StatusView(current, first, own[-1])


def _tapped(answered: Answered) -> tuple[datetime, datetime]:
    return (answered.at, answered.received_at)


def tap_time(claimed: datetime | None, received: datetime, not_before: datetime) -> datetime:
    """When an answer counts as tapped: what the phone says, if that can be true.

    Never later than the receipt. A claim from before `not_before` (when the link was made) is a phone whose clock
    is wrong: the receipt counts then. Raises ValueError for a naive time.
    """
    require_aware("claimed", claimed)
    if claimed is None or claimed < not_before:
        return received
    return min(claimed, received)


#: What may always be said, also when nothing was asked (a report for information, an alert that was withdrawn).
ALWAYS = (Answer.OK, Answer.HELP)


def allowed_answers(questions: Sequence[str], moment: Moment) -> tuple[Answer, ...]:
    """The answers the page offers, in the rule's order.

    `questions` is the rule's list (alert context). After a cancellation the danger asked about did not exist, so only
    OK and help remain. Raises ValueError for a word that is not an answer.
    """
    asked = tuple(dict.fromkeys(Answer(word) for word in questions))
    if not asked or moment is Moment.CANCEL:
        return ALWAYS
    return asked


def proxy_answers(offered: Sequence[Answer]) -> tuple[Answer, ...]:
    """What a leader can say about somebody else: the safe answers and the call for help, not what they are doing."""
    return tuple(answer for answer in offered if answer.is_green or answer.is_help)


def all_well_answer(offered: Sequence[Answer]) -> Answer:
    """What "everybody else is OK" means here: the first safe answer of the rule (OK if it has none)."""
    return next((answer for answer in offered if answer.is_green), Answer.OK)


class Detail(NamedTuple):
    """What a person may add after answering. Free words travel apart, encrypted."""

    hurt: bool = False
    trapped: bool = False
    need_help: bool = False
    at_shelter: bool = False
    left_area: bool = False
    #: How many people are with the person, themselves not counted; None if not said.
    people: int | None = None
    #: Only asked with `hurt`: may the employer know?
    tell_employer: bool = False

    @property
    def calls_for_help(self) -> bool:
        return self.trapped or self.need_help

    def as_json(self) -> dict[str, bool | int]:
        """What was said, and nothing that was not."""
        flags: dict[str, bool | int] = {name: True for name in FLAGS if getattr(self, name)}
        if self.people is not None:
            flags["people"] = self.people
        return flags


#: The yes-or-no parts of a detail form, as form fields and as stored keys.
FLAGS = ("hurt", "trapped", "need_help", "at_shelter", "left_area", "tell_employer")
MAX_PEOPLE = 99


def read_detail(form: dict[str, str]) -> Detail:
    """The detail from form fields. What cannot be read is left out: nobody under a table is asked to mend a number.

    Digits of any script count (a Burmese keyboard types ၃).
    """
    flags = {name: form.get(name) in ("1", "on", "true") for name in FLAGS}
    flags["tell_employer"] = flags["tell_employer"] and flags["hurt"]
    text = form.get("people", "").strip()
    people = int(text) if text.isdecimal() and len(text) <= 4 else None
    return Detail(people=min(people, MAX_PEOPLE) if people is not None else None, **flags)


def answer_with_detail(current: Answer | None, offered: Sequence[Answer], detail: Detail) -> Answer | None:
    """The answer a detail form stands for: "trapped" or "I need help" turn any answer into a call for help.

    Otherwise the person's own answer as it was; None if they have given none yet (then there is nothing to add to).
    """
    if detail.calls_for_help and (current is None or not current.is_help):
        return next((answer for answer in offered if answer.is_help), Answer.HELP)
    return current
