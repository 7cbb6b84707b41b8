"""Webhooks: which events there are, how a request is signed, when it is tried again, where it may go. Pure.

The signature is HMAC-SHA256 over "<time>.<body>" under the webhook's secret, in the header
`Daijobu-Signature: t=<unix seconds>,v1=<hex>`; while a secret is being changed there is a v1 for each of the two.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from core.model import Role
from core.public_net import may_connect
from registry.api_tokens import SCOPES_OF, Scope


class Event(StrEnum):
    """What an organisation can be told of."""

    STATUS_CHANGED = "status.changed"
    INCIDENT_OPENED = "incident.opened"
    INCIDENT_CLOSED = "incident.closed"
    PERSON_ENROLLED = "person.enrolled"
    PERSON_LEFT = "person.left"


#: The scope that a webhook's token must have for an event.
SCOPE_OF: Final = {
    Event.STATUS_CHANGED: Scope.STATUS_READ,
    Event.INCIDENT_OPENED: Scope.STATUS_READ,
    Event.INCIDENT_CLOSED: Scope.STATUS_READ,
    Event.PERSON_ENROLLED: Scope.PEOPLE_READ,
    Event.PERSON_LEFT: Scope.PEOPLE_READ,
}

#: An event is tried for so long, then put aside; an address that fails for so long is switched off.
GIVE_UP: Final = timedelta(hours=24)
#: How long the old secret signs beside a new one.
TWO_SECRETS: Final = timedelta(hours=24)
#: Seconds an address may take to answer, and bytes of its answer that are read.
TIMEOUT_S: Final = 5.0
MAX_ANSWER: Final = 65_536
#: Webhooks of one organisation.
MOST_WEBHOOKS: Final = 10
_BACK_OFF_S: Final = (5, 30, 120, 600, 1800, 3600, 7200, 14_400)


def new_secret() -> str:
    """A new signing secret, 256 bits, to be shown once."""
    return "whsec_" + secrets.token_urlsafe(32)


def sign(body: bytes, at: datetime, keys: Sequence[str]) -> str:
    """The value of Daijobu-Signature for a body sent at a moment, one v1 per key."""
    stamp = str(int(at.timestamp()))
    made = [hmac.digest(key.encode(), stamp.encode() + b"." + body, hashlib.sha256).hex() for key in keys]
    return ",".join([f"t={stamp}", *(f"v1={one}" for one in made)])


def verify(header: str, body: bytes, key: str, now: datetime, tolerance: timedelta = timedelta(minutes=5)) -> bool:
    """What a receiver does: whether the signature is ours and not older than `tolerance`."""
    parts = [part.partition("=") for part in header.split(",")]
    stamp = next((value for name, _, value in parts if name == "t"), "")
    if not stamp.isdigit() or abs(now.timestamp() - int(stamp)) > tolerance.total_seconds():
        return False
    expected = hmac.digest(key.encode(), stamp.encode() + b"." + body, hashlib.sha256).hex()
    return any(name == "v1" and hmac.compare_digest(value, expected) for name, _, value in parts)


def next_try(attempts: int, now: datetime, give_up_at: datetime, chance: float) -> datetime | None:
    """When to try again after `attempts` failures: 5 s, 30 s, 2 min ... 4 h, each 20 % more or less; None: give up.

    `chance`: a random number in [0, 1), so that a receiver that comes back is not hit by everything at once.
    """
    pause = _BACK_OFF_S[min(attempts, len(_BACK_OFF_S)) - 1]
    again = now + timedelta(seconds=pause * (0.8 + 0.4 * chance))
    return again if again < give_up_at else None


def envelope(event: Event, event_id: UUID, created_at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    """What is sent. At least once and in no promised order: `id` tells repetitions, `created_at` the order."""
    return {"id": str(event_id), "event": event.value, "created_at": created_at.isoformat(), "data": data}


class BadAddress(ValueError):
    """A webhook may not go there. The message is one sentence for its owner."""


def check_url(url: str, *, allow_loopback: bool = False) -> None:
    """Raises BadAddress unless this may be the address of a webhook: https, no user info, not a private address."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise BadAddress("This is not an address of the web.") from None
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise BadAddress("Write the address in plain letters, without spaces.")
    if not host or port == 0 or parts.username is not None or parts.password is not None or parts.fragment:
        raise BadAddress("Give an https address without a user name, a password or a fragment (#).")
    loopback = allow_loopback and host in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (loopback and parts.scheme == "http"):
        raise BadAddress("The address must begin with https://.")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        if not loopback and (
            host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or "." not in host
        ):
            raise BadAddress("The address must be reachable from the internet.") from None
        return
    if not may_connect(str(literal), allow_loopback=allow_loopback):
        raise BadAddress("The address must be reachable from the internet.")


def allowed_events(role: Role, scopes: frozenset[Scope]) -> frozenset[Event]:
    """The events that a token may subscribe to."""
    return frozenset(event for event, scope in SCOPE_OF.items() if scope in scopes and scope in SCOPES_OF.get(role, ()))
