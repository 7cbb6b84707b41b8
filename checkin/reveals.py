"""When one person opens very many telephone numbers in a short time: harvesting looks like that. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

#: A volunteer who calls one person after another opens about one number in two minutes.
MOST: Final = 30
WINDOW: Final = timedelta(minutes=10)


class Revealed(NamedTuple):
    """How many people's numbers one member of staff opened within WINDOW, and when an alarm was last raised."""

    staff_id: UUID
    org_id: UUID
    number: int
    alarmed_at: datetime | None


def too_many(counted: Iterable[Revealed], now: datetime) -> list[Revealed]:
    """Those about whom to raise an alarm now: more than MOST, and none raised within WINDOW already."""
    return [one for one in counted if one.number > MOST and (one.alarmed_at is None or now - one.alarmed_at >= WINDOW)]
