"""Who may say what about a text, and what becomes of it: draft, reviewed, approved, field-tested. Pure.

A text is written by one person, read by a second (a native speaker), approved by a third, or by a second where the
makers of the program wrote it, who also writes down what it says in Japanese or English (a back-translation), and then
told to five people who say what they would do. Nobody judges a text of their own, or the same text twice. What is
approved stays as it is until its successor is; other texts are replaced once somebody else has read the new one.
Every word of this belongs to one text and one English source: change either, and the text is a draft again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from core.po import Entry, ReviewState

#: People asked what they would do now, and how many of them must have understood.
ASKED: Final = 5
UNDERSTOOD: Final = 4
#: A back-translation shorter than this says nothing.
MIN_BACK: Final = 2
#: Texts of hazards that one leaves, at level 4 and above: who reads "wait" or "go home" there is in danger.
_LEVEL_4: Final = re.compile(
    r"do\.(heavy_rain|landslide|river_flood|storm_surge|tsunami|volcano)\.(severe|extreme)"
    r"|term\.(\w+\.[45]|tsunami\.(major_)?warning)|means\.(level\.[45]|volcano\.[45]|tsunami\.(severe|extreme))"
)
#: What others call reviewers: in the files, in the history, on pages.
PSEUDONYM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,19}")


class May(StrEnum):
    """What a person may do with the texts of a language."""

    TRANSLATE = "translate"
    REVIEW = "review"
    APPROVE = "approve"


class Act(StrEnum):
    """One thing done to one text."""

    PROPOSE = "propose"
    REVIEW = "review"
    APPROVE = "approve"
    FIELD_TEST = "field_test"
    SEND_BACK = "send_back"


#: Any of these rights allows the act.
RIGHTS: Final[Mapping[Act, frozenset[May]]] = {
    Act.PROPOSE: frozenset({May.TRANSLATE}),
    Act.REVIEW: frozenset({May.REVIEW, May.APPROVE}),
    Act.APPROVE: frozenset({May.APPROVE}),
    Act.FIELD_TEST: frozenset({May.REVIEW, May.APPROVE}),
    Act.SEND_BACK: frozenset({May.REVIEW, May.APPROVE}),
}


class ReviewError(ValueError):
    """It cannot be done. `key`: the words that tell the person why and what to do (staff.wording.problem.*)."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = f"staff.wording.problem.{key}"


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Somebody who works on the texts of one language. `by`: the pseudonym that is kept with what they did."""

    staff_id: UUID
    language: str
    by: str
    may: frozenset[May]

    def has(self, act: Act) -> bool:
        """Whether their rights cover an act at all."""
        return bool(self.may & RIGHTS[act])


@dataclass(frozen=True, slots=True)
class Words:
    """What a person says with an act. Numbers are those of a field test."""

    back_translation: str = ""
    note: str = ""
    asked: int = 0
    understood: int = 0
    waited: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the history of a text. `of`: the fingerprint of key, source and text; `state`: the text's since then;
    `live`: this text is what is said since then."""

    id: int
    act: Act
    text: str
    of: str
    state: ReviewState
    live: bool
    staff_id: UUID
    by: str
    at: datetime
    words: Words = field(default_factory=Words)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text as it stands: who wrote it (nobody: the makers of the program), who has judged it."""

    text: str
    of: str
    state: ReviewState
    authors: frozenset[UUID]
    judges: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is said today, and what somebody would say instead."""

    live: Candidate
    proposal: Candidate | None = None

    def find(self, of: str) -> Candidate | None:
        """The text with this fingerprint, if it still stands."""
        return next((one for one in (self.proposal, self.live) if one is not None and one.of == of), None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an act makes of a text."""

    state: ReviewState
    live: bool


def fingerprint(lang: str, key: str, source: str, text: str) -> str:
    """The fingerprint of a text; an English one is its own source."""
    return Entry(key, text if lang == "en" else source, text).fingerprint


def text_mark(key: str, text: str) -> str:
    """A fingerprint of a text whatever its source: whether the makers have rewritten a file's text since."""
    return Entry(key, "", text).fingerprint


def standing(lang: str, entry: Entry, steps: Sequence[Step]) -> Standing:
    """How a key stands. `entry`: what is said today; `steps`: everything that people did to it, oldest first."""
    live = _candidate(entry.text, entry.fingerprint, entry.state, steps)
    proposed = next((step for step in reversed(steps) if step.act is Act.PROPOSE), None)
    if proposed is None or proposed.text == entry.text:
        return Standing(live)
    if any(step.id > proposed.id and step.text == proposed.text and _ends(step) for step in steps):
        return Standing(live)
    of = fingerprint(lang, entry.key, entry.source, proposed.text)
    state = next((step.state for step in reversed(steps) if step.of == of), ReviewState.DRAFT)
    return Standing(live, _candidate(proposed.text, of, state, steps))


def _ends(step: Step) -> bool:
    return step.live or step.act is Act.SEND_BACK


def _candidate(text: str, of: str, state: ReviewState, steps: Sequence[Step]) -> Candidate:
    authors = frozenset(step.staff_id for step in steps if step.act is Act.PROPOSE and step.text == text)
    judging = (Act.REVIEW, Act.APPROVE)
    sent_back = max((step.id for step in steps if step.of == of and step.state is ReviewState.DRAFT), default=0)
    judges = frozenset(s.staff_id for s in steps if s.act in judging and s.of == of and s.id > sent_back)
    return Candidate(text, of, state, authors, judges)


def propose(stands: Standing, text: str, me: Reviewer) -> Outcome:
    """Whether a new text may be proposed. Raises ReviewError."""
    _right(me, Act.PROPOSE)
    if not text:
        raise ReviewError("empty")
    if text == stands.live.text or (stands.proposal is not None and text == stands.proposal.text):
        raise ReviewError("same")
    return Outcome(ReviewState.DRAFT, live=False)


def judge(stands: Standing, of: str, act: Act, words: Words, me: Reviewer, *, key: str) -> Outcome:
    """What a review, an approval, a field test or a refusal of the text `of` makes of it. Raises ReviewError."""
    text = stands.find(of)
    if text is None:
        raise ReviewError("changed")
    if act is Act.SEND_BACK:
        return _send_back(stands, text, words, me)
    _right(me, act)
    if me.staff_id in text.authors:
        raise ReviewError("own")
    is_live = text is stands.live
    if act is Act.REVIEW:
        _from(text, ReviewState.DRAFT)
        return Outcome(ReviewState.REVIEWED, live=is_live or not stands.live.state.may_go_alone)
    if act is Act.APPROVE:
        _from(text, ReviewState.REVIEWED)
        if me.staff_id in text.judges:
            raise ReviewError("twice")
        if len(words.back_translation.strip()) < MIN_BACK:
            raise ReviewError("no_back")
        return Outcome(ReviewState.APPROVED, live=True)
    _from(text, ReviewState.APPROVED)
    return Outcome(ReviewState.FIELD_TESTED if passed(words, key) else ReviewState.DRAFT, live=True)


def passed(words: Words, key: str) -> bool:
    """Whether a field test was passed: at least four of five understood, and at level 4 nobody would wait or go home.

    Raises ReviewError for numbers that cannot be.
    """
    if words.asked < ASKED:
        raise ReviewError("too_few")
    if not (0 <= words.understood <= words.asked and 0 <= words.waited <= words.asked):
        raise ReviewError("numbers")
    enough = words.understood * ASKED >= words.asked * UNDERSTOOD
    return enough and not (words.waited and tells_to_leave(key))


def tells_to_leave(key: str) -> bool:
    """Whether "I would wait" or "I would go home" is the wrong answer to this text."""
    return _LEVEL_4.fullmatch(key) is not None


def open_acts(stands: Standing, one: Candidate, me: Reviewer) -> tuple[Act, ...]:
    """What this person may do now with a text that stands, for the page."""
    own = me.staff_id in one.authors
    fits = {
        Act.REVIEW: one.state is ReviewState.DRAFT and not own,
        Act.APPROVE: one.state is ReviewState.REVIEWED and not own and me.staff_id not in one.judges,
        Act.FIELD_TEST: one.state is ReviewState.APPROVED and not own,
        Act.SEND_BACK: one is stands.proposal or one.state is not ReviewState.DRAFT,
    }
    return tuple(act for act, fit in fits.items() if fit and (me.has(act) or _takes_back(act, stands, one, me)))


def _takes_back(act: Act, stands: Standing, one: Candidate, me: Reviewer) -> bool:
    return act is Act.SEND_BACK and one is stands.proposal and me.staff_id in one.authors


def _send_back(stands: Standing, text: Candidate, words: Words, me: Reviewer) -> Outcome:
    """One person's doubt is enough, and whoever wrote a proposal may take it back."""
    if not _takes_back(Act.SEND_BACK, stands, text, me):
        _right(me, Act.SEND_BACK)
    if not words.note.strip():
        raise ReviewError("no_note")
    if text is stands.live and text.state is ReviewState.DRAFT:
        raise ReviewError("state")
    return Outcome(ReviewState.DRAFT, live=text is stands.live)


def _right(me: Reviewer, act: Act) -> None:
    if not me.has(act):
        raise ReviewError("right")


def _from(text: Candidate, state: ReviewState) -> None:
    if text.state is not state:
        raise ReviewError("state")
