"""Two registrations, one person? Which pairs are worth asking about, whom to ask, and when. Pure.

The person is asked on the registration they already use, never an organisation: neither learns that the other knows
the number.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.clock import JST


class Found(NamedTuple):
    """Two residents with an equal address. `*_enrolled_at`: when each enrolled, None if only invited."""

    one: UUID
    one_enrolled_at: datetime | None
    other: UUID
    other_enrolled_at: datetime | None


class Question(NamedTuple):
    """`ask`, who uses the service already, is asked whether `about` is them too."""

    ask: UUID
    about: UUID


def questions(found: Iterable[Found]) -> list[Question]:
    """One question per pair: to whoever enrolled first. Of two that are only invited nobody is asked yet."""
    made: dict[frozenset[UUID], Question] = {}
    for pair in found:
        enrolled = sorted(
            (at, who)
            for at, who in ((pair.one_enrolled_at, pair.one), (pair.other_enrolled_at, pair.other))
            if at is not None
        )
        if not enrolled or pair.one == pair.other:
            continue
        ask = enrolled[0][1]
        about = pair.other if ask == pair.one else pair.one
        made.setdefault(frozenset((pair.one, pair.other)), Question(ask, about))
    return list(made.values())


def may_write(now: datetime) -> bool:
    """Whether such a question may make a phone ring now: between 9 and 20 o'clock in Japan."""
    return 9 <= now.astimezone(JST).hour < 20
