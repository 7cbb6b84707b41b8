"""A volunteer joins at the door: rules of the group leader's QR code and of the name one signs in with. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from registry.rows import EMAIL_PATTERN

#: How long a QR code works, and for how many people: a table at the entrance of a shelter, not a poster.
PASS_LIFE: Final = timedelta(hours=2)
PASS_USES: Final = (5, 10, 20, 40)
DEFAULT_USES: Final = 10
#: Who joined is shown to the leader for so long, for the one-tap removal.
SHOWN_FOR: Final = timedelta(days=2)

_NICKNAME: Final = re.compile(r"[^\s@<>\"'&/\\]{3,30}")


def pass_alive(expires_at: datetime, uses_left: int, revoked_at: datetime | None, now: datetime) -> bool:
    """Whether a QR code still lets somebody in."""
    return revoked_at is None and uses_left > 0 and now < expires_at


def sign_in_name_problem(name: str) -> str | None:
    """The key of what is wrong with a sign-in name (an e-mail address, or a nickname of 3 to 30 characters)."""
    if "@" in name:
        return None if EMAIL_PATTERN.fullmatch(name) else "staff.account.no_email"
    return None if _NICKNAME.fullmatch(name) else "staff.volunteer.bad_nickname"
