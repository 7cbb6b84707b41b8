"""When many opened numbers are too many."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from checkin.reveals import MOST, WINDOW, Revealed, too_many
from tests.people import NOW


@pytest.mark.parametrize(
    ("number", "alarmed_ago", "raised"),
    [
        (0, None, False),
        (MOST, None, False),
        (MOST + 1, None, True),
        (MOST + 1, timedelta(minutes=1), False),
        (10 * MOST, WINDOW - timedelta(seconds=1), False),
        (MOST + 1, WINDOW, True),
    ],
)
def test_more_than_thirty_in_ten_minutes_once(number: int, alarmed_ago: timedelta | None, raised: bool) -> None:
    one = Revealed(uuid4(), uuid4(), number, None if alarmed_ago is None else NOW - alarmed_ago)
    assert too_many([one], NOW) == ([one] if raised else [])


def test_each_person_is_looked_at_alone() -> None:
    calm, busy = (Revealed(uuid4(), uuid4(), number, None) for number in (MOST, MOST + 1))
    assert too_many([calm, busy], NOW) == [busy]
