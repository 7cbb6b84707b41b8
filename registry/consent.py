"""Consent: which lines a person has agreed to now, for which viewer, and what follows for those who ask. Pure.

Scopes (Act on the Protection of Personal Information, articles 18, 20, 27): C1 receive alerts, C2 my answer to my
employer (one line per organisation), C3 the volunteer network may follow up, C4 needs (special-care data), C5 my
location in one incident, C6 pass on to the municipality when I do not answer. An organisation's upload is an
invitation: it can only stand for C1. All else comes from the person, in their language, and can be withdrawn as easily.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from core.model import OrgKind

SCOPES: Final = ("C1", "C2", "C3", "C4", "C5", "C6")
#: The lines of an enrolment; the others are asked for when the need arises.
ASKED: Final = ("C1", "C2", "C3")
#: Scopes whose viewer is one organisation; each organisation has a line of its own.
PER_ORG: Final = frozenset({"C2"})
#: Scopes that hold for one incident and end with it.
PER_INCIDENT: Final = frozenset({"C5"})


class Version(NamedTuple):
    """One wording of the lines. `asks_again`: the scopes whose meaning changed with it, so that people are asked."""

    name: str
    asks_again: frozenset[str]


#: Every version, oldest first. Add one whenever the meaning or the words of a line change.
VERSIONS: Final = (
    Version("2026-11", frozenset(SCOPES)),
    # The line of C2 now says "company" to a company's people only, and C5 that no company sees it: words, not meaning.
    # C1 named the phone number only; it now names every way people give: phone, notifications, e-mail, LINE.
    Version("2026-11-22", frozenset({"C1"})),
)
CONSENT_VERSION: Final = VERSIONS[-1].name


class Words(NamedTuple):
    """Keys of the texts of one line: the line itself, and what it means and what happens without it."""

    line: str
    more: str


#: Who is "my company" to the person; all others are "this organisation", under its name.
_COMPANY: Final = frozenset({OrgKind.EMPLOYER, OrgKind.SUPERVISING})


def words_of(scope: str, viewers: Iterable[OrgKind] = ()) -> Words:
    """The words in which a line is asked. `viewers`: the kinds of the organisations that C2 is about.

    >>> words_of("C2", [OrgKind.EMPLOYER]).line, words_of("C2", [OrgKind.COMMUNITY]).line
    ('consent.C2', 'consent.C2.org')
    """
    kinds = frozenset(viewers)
    if scope != "C2" or kinds <= _COMPANY:
        return Words(f"consent.{scope}", f"consent.{scope}.more")
    # A partner sees nothing at all until it may.
    return Words("consent.C2.org", "partners.sees" if kinds == {OrgKind.PARTNER} else "consent.C2.org.more")


class ConsentLine(NamedTuple):
    """One stored row. Rows are never changed: the newest of a scope and viewer counts."""

    scope: str
    given: bool
    basis: str
    at: datetime
    #: The organisation it is about (C2); None: those the person was with at `at`, or no organisation at all.
    viewer_org: UUID | None = None
    #: The incident it is about (C5).
    incident_id: UUID | None = None
    version: str = CONSENT_VERSION


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person ticks: a scope, for one organisation (C2) or one incident (C5), given or taken back."""

    scope: str
    given: bool
    viewer_org: UUID | None = None
    incident_id: UUID | None = None

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise ValueError(f"there is no consent {self.scope!r}: expected one of {', '.join(SCOPES)}")
        if self.viewer_org is not None and self.scope not in PER_ORG:
            raise ValueError(f"consent {self.scope} is not given to one organisation")
        if (self.incident_id is not None) != (self.scope in PER_INCIDENT):
            raise ValueError(f"consent {self.scope}: an incident belongs to {', '.join(PER_INCIDENT)} and to no other")


def _newest(lines: Iterable[ConsentLine]) -> ConsentLine | None:
    """`lines` oldest first, as stored; of two at one time the later stored wins."""
    newest: ConsentLine | None = None
    for line in lines:
        if newest is None or line.at >= newest.at:
            newest = line
    return newest


def current(lines: Iterable[ConsentLine]) -> dict[str, ConsentLine]:
    """The line that counts per scope, whoever its viewer is; C5 by the newest incident."""
    held: dict[str, list[ConsentLine]] = {}
    for line in lines:
        held.setdefault(line.scope, []).append(line)
    return {scope: newest for scope, own in held.items() if (newest := _newest(own)) is not None}


def given(lines: Iterable[ConsentLine]) -> frozenset[str]:
    """The scopes agreed to now."""
    return frozenset(scope for scope, line in current(lines).items() if line.given)


def own_choice(lines: Iterable[ConsentLine]) -> frozenset[str]:
    """The scopes the person agreed to themselves (an invitation is not their word)."""
    return frozenset(scope for scope, line in current(lines).items() if line.given and line.basis == "own")


def standing(lines: Iterable[ConsentLine]) -> list[ConsentLine]:
    """Every line that stands as given by the person, one per scope, viewer and incident: what stopping takes back."""
    newest: dict[tuple[str, UUID | None, UUID | None], ConsentLine] = {}
    for line in lines:
        if line.viewer_org is None and not line.given:
            newest = {key: held for key, held in newest.items() if key[0] != line.scope}
        newest[line.scope, line.viewer_org, line.incident_id] = line
    return [line for line in newest.values() if line.given and line.basis == "own"]


def line_for_org(lines: Iterable[ConsentLine], org: UUID, member_since: datetime | None) -> ConsentLine | None:
    """The C2 line that counts for one organisation; None if the person has said nothing about it.

    A line without viewer stands for the organisations the person was with when they said it (`member_since` at or
    before its time); one that takes back stands for all, also for those that come later.
    """
    return _newest(
        line
        for line in lines
        if line.scope == "C2"
        and (
            line.viewer_org == org
            or (line.viewer_org is None and (not line.given or (member_since is not None and line.at >= member_since)))
        )
    )


def shares_answer(
    lines: Iterable[ConsentLine], org: UUID, *, member_since: datetime | None, enrolled: bool, hidden: bool
) -> bool:
    """Whether an organisation may see a person's answers (the SQL function answer_shared says the same).

    Hidden wins over everything. `enrolled` False: only invited, never asked: until they are, what they say when their
    life may be in danger is shown to the organisation that invited them (the Act's articles 18 (3) (ii), 27 (1) (ii)).
    """
    if hidden:
        return False
    line = line_for_org(lines, org, member_since)
    return line.given if line is not None else not enrolled


def shares_location(lines: Iterable[ConsentLine], incident_id: UUID) -> bool:
    """Whether the person's location may be shown in this incident (C5); a consent to an earlier one does not count."""
    line = _newest(one for one in lines if one.scope == "C5" and one.incident_id == incident_id)
    return line is not None and line.given


def to_ask_again(lines: Iterable[ConsentLine], versions: Sequence[Version] = VERSIONS) -> frozenset[str]:
    """The scopes the person gave under a wording whose meaning has changed since: their page asks once more.

    Until they answer, what they gave stands for what it said.
    """
    order = {version.name: index for index, version in enumerate(versions)}
    again = set()
    for scope, line in current(lines).items():
        if line.basis != "own" or not line.given:
            continue
        # A version nobody knows any more is older than all of ours.
        said = order.get(line.version, -1)
        if any(scope in version.asks_again for version in versions[said + 1 :]):
            again.add(scope)
    return frozenset(again)


def changes(before: frozenset[str], wanted: frozenset[str]) -> tuple[tuple[str, bool], ...]:
    """The rows to add so that, of the scopes an enrolment asks for, exactly `wanted` are given: (scope, given)."""
    return tuple((scope, scope in wanted) for scope in ASKED if (scope in wanted) != (scope in before))


def choices(before: Mapping[Choice, bool], wanted: Iterable[Choice]) -> list[Choice]:
    """The choices to store so that the switches stand as the person set them: only those that move.

    `before`: what stands now for every switch of the page, keyed by the choice that would give it.
    """
    moved = []
    for choice in wanted:
        key = Choice(choice.scope, True, choice.viewer_org, choice.incident_id)
        if before.get(key, False) != choice.given:
            moved.append(choice)
    return moved


def text_hash(text: str) -> bytes:
    """SHA-256 of the exact words that were shown (UTF-8)."""
    return hashlib.sha256(text.encode()).digest()
