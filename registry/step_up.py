"""When an act asks for the second factor again: exports, sends, keys, powers. Pure; the page is step_up_web.py."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

#: For so long a proof counts for what cannot be taken back.
FRESH: Final = timedelta(minutes=10)
#: So long the form waits for its proof.
HOLD: Final = timedelta(minutes=30)


def needs_proof(second_factor_at: datetime | None, now: datetime, *, has_factor: bool, fictional: bool) -> bool:
    """Whether the second factor must be shown again: it was not shown in this session in the last ten minutes.

    In a database of invented people nobody needs a second factor; who set one up there is asked like anybody.
    """
    if fictional and not has_factor:
        return False
    return second_factor_at is None or not timedelta(0) <= now - second_factor_at < FRESH
