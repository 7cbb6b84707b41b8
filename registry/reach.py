"""Whether a person can be reached if something happens tonight. Pure.

A contact is proven by what came back from it: a receipt that a message was delivered, a notification that was shown, or
an answer through the link it carried, in a drill or a real alert. That something was handed to a provider, or that a
push service took a silent message, proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

#: Without any proof for this long a way to reach somebody is called stale: numbers change hands, phones are replaced.
STALE_AFTER: Final = timedelta(days=90)
#: Without any sign of their own for this long a person is asked "are you still here?".
SILENT_AFTER: Final = timedelta(days=365)


class Standing(StrEnum):
    """What is known of one contact."""

    PROVEN = "proven"  # something came back from it in the last 90 days
    NEW = "new"  # given less than 90 days ago, and not tried yet
    STALE = "stale"
    REFUSED = "opted_out"  # its owner told the provider to stop
    DEAD = "dead"  # the provider says that it does not exist


class Reach(StrEnum):
    """What is known of one person: the best of their contacts."""

    PROVEN = "proven"
    NEW = "new"
    STALE = "stale"
    REFUSED = "opted_out"
    DEAD = "dead"
    NONE = "none"  # nothing that the service could send to

    @property
    def reachable(self) -> bool:
        return self in (Reach.PROVEN, Reach.NEW)


#: From the best to the worst.
ORDER: Final = (Standing.PROVEN, Standing.NEW, Standing.STALE, Standing.REFUSED, Standing.DEAD)


class ContactFacts(NamedTuple):
    """What is stored about one contact that the service can send to (handles for helpers are not asked)."""

    state: str  # contact.state
    proven_at: datetime | None
    created_at: datetime


def standing(contact: ContactFacts, now: datetime) -> Standing:
    """How far one contact can be trusted at `now`.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 22, 3, tzinfo=UTC)
    >>> standing(ContactFacts("proven", noon - timedelta(days=91), noon - timedelta(days=400)), noon).value
    'stale'
    """
    if contact.state == "dead":
        return Standing.DEAD
    if contact.state == "opted_out":
        return Standing.REFUSED
    if (contact.proven_at or contact.created_at) <= now - STALE_AFTER:
        return Standing.STALE
    return Standing.PROVEN if contact.proven_at else Standing.NEW


def reach(contacts: Iterable[ContactFacts], now: datetime) -> Reach:
    """A person's reach: the best of their contacts."""
    found = {standing(contact, now) for contact in contacts}
    best = next((one for one in ORDER if one in found), None)
    return Reach.NONE if best is None else Reach(best.value)


def is_silent(last_sign_at: datetime | None, enrolled_at: datetime | None, created_at: datetime, now: datetime) -> bool:
    """Whether a person has given no sign of their own for twelve months: to be asked, never deleted for it."""
    return max(moment for moment in (last_sign_at, enrolled_at, created_at) if moment) <= now - SILENT_AFTER
