"""Which calls for help a coordinator is to be told of now, and where they come from. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from core.model import Purpose

#: At most one message per coordinator in this time: the calls that come meanwhile are counted in the next.
PAUSE: Final = timedelta(minutes=2)


class Call(NamedTuple):
    """One open call for help. `municipality`: JIS code; "" where none is known or none may be told."""

    case_id: UUID
    purpose: Purpose
    incident_id: UUID
    municipality: str


def to_tell(
    calls: Iterable[Call], heard: Collection[UUID], last_at: datetime | None, now: datetime
) -> list[Sequence[Call]]:
    """The messages one coordinator is due: new calls, those that are real first, a drill's apart from them.

    `heard`: the cases they were told of; `last_at`: when. Nothing while the pause since then lasts.
    """
    if last_at is not None and now - last_at < PAUSE:
        return []
    new = [call for call in calls if call.case_id not in heard]
    return [group for purpose in Purpose if (group := [call for call in new if call.purpose is purpose])]


def place_of_calls(calls: Iterable[Call]) -> str:
    """The one municipality all these calls come from; "" if there are several, or one is unknown."""
    places = {call.municipality for call in calls}
    return places.pop() if len(places) == 1 else ""
