"""Tokens of programs: what they look like, what they may do, how often they may call. Pure.

`dj_live_` + 6 characters by which people recognise a token + `_` + the secret. Only its SHA-256 is stored; shown once.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from core.model import Role
from core.tokens import token_hash


class Scope(StrEnum):
    """What a token may be used for."""

    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    STATUS_READ = "status:read"
    WEBHOOKS_WRITE = "webhooks:write"


#: Who may make tokens, and with which scopes: a partner sees the agreed status of its own people and nothing else.
SCOPES_OF: Final[dict[Role, tuple[Scope, ...]]] = {
    Role.EMPLOYER: tuple(Scope),
    Role.SUPERVISING: tuple(Scope),
    Role.COMMUNITY: tuple(Scope),
    Role.PARTNER: (Scope.STATUS_READ,),
}
#: Lifetimes offered, in days. A token that lives for ever outlives the person who knew about it.
LIFETIMES: Final = (90, 365, 730)
#: Tokens of one organisation that live at the same time.
MOST_TOKENS: Final = 20

_PATTERN: Final = re.compile(r"dj_live_[0-9a-z]{6}_[A-Za-z0-9_-]{43}")
_LETTERS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_PREFIX_LENGTH: Final = len("dj_live_") + 6


class ApiToken(NamedTuple):
    """A live token as a call knows it. `org_id`: whose people; `owner_id`: who made it; `role`: decides the fields."""

    id: UUID
    org_id: UUID
    owner_id: UUID
    role: Role
    name: str
    scopes: frozenset[Scope]

    @property
    def actor(self) -> str:
        """How the audit log names it."""
        return f"api:{self.name}"


def new_secret() -> tuple[str, str, bytes]:
    """A new token: (the token, to be shown once; the prefix people recognise it by; its SHA-256)."""
    token = f"dj_live_{''.join(secrets.choice(_LETTERS) for _ in range(6))}_{secrets.token_urlsafe(32)}"
    return token, token[:_PREFIX_LENGTH], token_hash(token)


def bearer(header: str) -> str | None:
    """The token of an Authorization header; None if it is not one of ours at all, which needs no look-up.

    >>> bearer("Basic abc") is None
    True
    """
    kind, _, token = header.strip().partition(" ")
    token = token.strip()
    return token if kind.lower() == "bearer" and _PATTERN.fullmatch(token) else None


def scopes_for(role: Role, asked: frozenset[str]) -> frozenset[Scope]:
    """Of the scopes asked for those that the role may give; writing people includes reading them."""
    allowed = SCOPES_OF.get(role, ())
    given = {scope for scope in allowed if scope.value in asked}
    if Scope.PEOPLE_WRITE in given:
        given.add(Scope.PEOPLE_READ)
    return frozenset(given)


class Budget(NamedTuple):
    """Where a token stands in the current minute."""

    limit: int
    used: int
    resets_in_s: int

    @property
    def spent(self) -> bool:
        return self.used > self.limit

    def headers(self) -> dict[str, str]:
        """RateLimit fields of the IETF draft "RateLimit header fields for HTTP"; Retry-After once it is spent."""
        left = max(0, self.limit - self.used)
        fields = {
            "RateLimit-Policy": f'"minute";q={self.limit};w=60',
            "RateLimit": f'"minute";r={left};t={self.resets_in_s}',
        }
        if self.spent:
            fields["Retry-After"] = str(self.resets_in_s)
        return fields


def budget(limit: int, used: int, now: datetime) -> Budget:
    """The budget at `now`, in which `used` calls of this minute are counted, this one included."""
    return Budget(limit, used, 60 - now.second)


def minute_of(now: datetime) -> datetime:
    """The minute that a call counts in."""
    return now.replace(second=0, microsecond=0)


class Knocks:
    """Failed tries per address: after `free` within a minute the door stays shut for the rest of it.

    In memory and per process: it keeps guessing away from the database; a token of 256 bits needs no more.
    """

    def __init__(self, free: int = 100) -> None:
        self._free = free
        self._minute: datetime | None = None
        self._tries: dict[str, int] = {}

    def shut_for(self, address: str, now: datetime) -> int:
        """Seconds that this address must wait; 0: it may try."""
        self._turn(now)
        return 60 - now.second if self._tries.get(address, 0) >= self._free else 0

    def failed(self, address: str, now: datetime) -> None:
        """Count one failed try."""
        self._turn(now)
        self._tries[address] = self._tries.get(address, 0) + 1

    def _turn(self, now: datetime) -> None:
        minute = minute_of(now)
        if minute != self._minute:
            self._minute, self._tries = minute, {}


def expires_at(days: int, now: datetime) -> datetime:
    """The end of a token made now; an unknown lifetime becomes the shortest."""
    return now + timedelta(days=days if days in LIFETIMES else LIFETIMES[0])
