"""Why messages did not arrive, in words: the codes of channels and providers sorted into a few reasons. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from alerts.channel import Trouble
from alerts.twilio_errors import table

#: Reasons with a sentence of their own (`staff.undelivered.why.<reason>`), by the code that a message keeps.
_REASONS: Final = {
    "contact_dead": "dead",
    "contact_opted_out": "opted_out",
    "no_contact": "removed",
    "no_channel": "not_set_up",
    "internal": "fault",
    "expired": "late",
    "held": "down",
    "http_404": "dead",
    "http_410": "dead",
    "http_429": "slow",
    "timeout": "no_answer",
    "no_answer": "no_answer",
    "no_json": "no_answer",
    "unknown_fate": "no_answer",
    "lease_expired": "no_answer",
    "no_connection": "down",
    "20429": "slow",
    "30003": "off",
    "30004": "blocked",
    "30007": "filtered",
    "30008": "unsaid",
    "busy": "not_taken",
    "no_answer_call": "not_taken",
    "outside_hours": "limit",
    "too_many_calls": "limit",
}
#: What an error of the provider's table says about the address, where the code has no reason of its own.
_BY_TROUBLE: Final = {
    Trouble.DEAD_ADDRESS.value: "dead",
    Trouble.OPTED_OUT.value: "opted_out",
    Trouble.THROTTLED.value: "slow",
    Trouble.NOT_SENT.value: "down",
    Trouble.AMBIGUOUS.value: "no_answer",
    Trouble.STALE.value: "late",
}


#: Every reason there is.
REASONS: Final = frozenset({*_REASONS.values(), *_BY_TROUBLE.values(), "account", "refused"})


def reason_of(code: str) -> str:
    """The reason behind a code, as the last part of its key; "refused" where it says no more than that.

    >>> [reason_of(code) for code in ("http_410", "21614", "http_503", "20003", "x")]
    ['dead', 'dead', 'no_answer', 'account', 'refused']
    """
    if code in _REASONS:
        return _REASONS[code]
    if code in _BY_TROUBLE:
        return _BY_TROUBLE[code]
    if code.startswith("http_5"):
        return "no_answer"
    if code.isdigit() and (known := table().get(int(code))) is not None:
        return "account" if known.alarm == "critical" else _BY_TROUBLE.get(known.trouble.value, "refused")
    return "refused"


def hint_of(code: str) -> str:
    """What the provider's own table says about a number, and what can be done; "" where it says nothing."""
    known = table().get(int(code)) if code.isdigit() else None
    return "" if known is None else f"{known.meaning}; {known.action}"


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Messages of one incident that failed over one channel for one code."""

    incident_id: UUID
    title: str
    hazard: str
    purpose: str
    channel: str
    code: str
    messages: int
    #: Of these people nobody has answered, and no other message of the alert has left for them.
    without: int
    #: How many could be sent again: still true, the address still there, the person has not answered.
    again: int
    newest_at: datetime

    @property
    def reason(self) -> str:
        """The reason's key."""
        return reason_of(self.code)

    @property
    def hint(self) -> str:
        """The provider's own words for it, in English."""
        return hint_of(self.code)
