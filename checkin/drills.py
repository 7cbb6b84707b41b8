"""Help that is meant in earnest although nothing real is open: inside a drill, or after an incident has ended. Pure.

Drills and closed incidents are not on the board of what is real. So a call for help made there is never left there:
in a drill the person is asked whether it is real, after an incident's end it is taken as real at once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from checkin.replies import StatusView
from core.model import Answer, Purpose

#: `incident.hazard` of a call for help that belongs to no disaster; no rule has this name, so it is never reminded of.
HELP_HAZARD: Final = "help"
#: Titles for staff, in Japanese as all titles of incidents are.
HELP_IN_DRILL: Final = "訓練中の実際の助け"
HELP_AFTER_END: Final = "対応終了後の助けの求め"


def asks_if_real(purpose: Purpose, status: StatusView) -> bool:
    """Whether the page must ask "is this real?": the person's own call for help stands in something that is not."""
    return purpose is not Purpose.LIVE and status.help_stands


def needs_open_incident(purpose: Purpose, answer: Answer, closed_at: datetime | None) -> bool:
    """Whether an answer must go to an incident that is open, because nobody looks at this one any more."""
    return purpose is Purpose.LIVE and answer.is_help and closed_at is not None


def help_key(resident_id: UUID) -> str:
    """The key of a person's own incident: at most one is open at a time."""
    return f"{HELP_HAZARD}:{resident_id}"
