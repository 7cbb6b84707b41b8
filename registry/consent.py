"""Consent: which lines a person has agreed to now, and what follows for those who ask.

Scopes (Act on the Protection of Personal Information, articles 18, 20, 27): C1 receive alerts, C2 my answer to my
employer, C3 coordinators may follow up, C4 needs, C5 live location, C6 pass on to the municipality. An organisation's
upload is an invitation: it can only stand for C1. All else comes from the person, in their language, and can be
withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

SCOPES: Final = ("C1", "C2", "C3", "C4", "C5", "C6")
#: The lines that the personal page asks for.
ASKED: Final = ("C1", "C2", "C3")
#: Version of the wording of the lines; raise it when their meaning changes.
CONSENT_VERSION: Final = "2026-11"


@dataclass(frozen=True, slots=True)
class ConsentLine:
    """One stored row. Rows are never changed: the newest of a scope counts."""

    scope: str
    given: bool
    basis: str
    at: datetime


def current(lines: Iterable[ConsentLine]) -> dict[str, ConsentLine]:
    """The line that counts per scope. `lines` oldest first, as stored; of two at one time the later stored wins."""
    newest: dict[str, ConsentLine] = {}
    for line in lines:
        held = newest.get(line.scope)
        if held is None or line.at >= held.at:
            newest[line.scope] = line
    return newest


def given(lines: Iterable[ConsentLine]) -> frozenset[str]:
    """The scopes agreed to now."""
    return frozenset(scope for scope, line in current(lines).items() if line.given)


def own_choice(lines: Iterable[ConsentLine]) -> frozenset[str]:
    """The scopes the person agreed to themselves (an invitation is not their word)."""
    return frozenset(scope for scope, line in current(lines).items() if line.given and line.basis == "own")


def changes(before: frozenset[str], wanted: frozenset[str]) -> tuple[tuple[str, bool], ...]:
    """The rows to add so that, of the scopes the page asks for, exactly `wanted` are given: (scope, given)."""
    return tuple((scope, scope in wanted) for scope in ASKED if (scope in wanted) != (scope in before))
