"""Who sees a person, who looked, in words that the person can read. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from core.model import OrgKind, Role
from registry.access import FIELDS


class What(StrEnum):
    """What was done, as the person reads it (looked.<what>)."""

    REGISTRATION = "registration"
    ANSWER = "answer"
    SAVED = "saved"
    NUMBER = "number"
    LOCATION = "location"
    LINK = "link"
    DISCLOSED = "disclosed"
    OTHER = "other"


_ACTIONS: Final = {
    "people.read": What.REGISTRATION,
    "person.read": What.REGISTRATION,
    "dashboard.read": What.ANSWER,
    "supervising.read": What.ANSWER,
    "partner.read": What.ANSWER,
    "leader.read": What.ANSWER,
    "board.read": What.ANSWER,
    "board.unit": What.ANSWER,
    "dashboard.export": What.SAVED,
    "people.export": What.SAVED,
    "board.reveal": What.NUMBER,
    "board.location": What.LOCATION,
    "person.new_link": What.LINK,
    "break_glass.read": What.DISCLOSED,
}


def what_of(action: str) -> What:
    """What an action of the audit log means to the person it is about."""
    return _ACTIONS.get(action, What.OTHER)


class Look(NamedTuple):
    """Rows of the audit log about one person, counted: whose organisation, in which role, which action."""

    org: str
    #: What `role_of` says.
    role: str
    action: str
    times: int
    last: datetime


class Line(NamedTuple):
    """One line of "who looked"."""

    org: str
    role: str
    what: What
    times: int
    last: datetime


def role_of(actor: str, kind: str) -> str:
    """Who looked, as the person reads it (role.<word>), from the audit row's actor and the organisation's kind."""
    if actor == "leader link":
        return "leader"
    if actor.startswith("api:"):
        return "system"
    return _ROLES.get(kind, "operator")


_ROLES: Final = {
    "employer": "employer",
    "school": "employer",
    "supervising": "supervising",
    "community": "community",
    "volunteer_network": "volunteer",
    "partner": "partner",
    "auditor": "auditor",
    "umbrella": "umbrella",
}


def lines(looks: Iterable[Look]) -> list[Line]:
    """Looks that read the same in one line, the newest first."""
    merged: dict[tuple[str, str, What], Line] = {}
    for look in looks:
        what = what_of(look.action)
        key = (look.org, look.role, what)
        held = merged.get(key)
        times = look.times + (held.times if held else 0)
        last = max(look.last, held.last) if held else look.last
        merged[key] = Line(look.org, look.role, what, times, last)
    return sorted(merged.values(), key=lambda line: line.last, reverse=True)


#: What a role's field list (registry/access.py) amounts to, in the words of the person's page (me.sees.<word>).
_WORDS: Final = (
    ("who", frozenset({"name", "language", "second_language"})),
    ("where", frozenset({"site", "dorm", "room", "shift"})),
    ("channel", frozenset({"channel_state"})),
)

ROLE_OF_KIND: Final = {
    OrgKind.EMPLOYER: Role.EMPLOYER,
    OrgKind.SCHOOL: Role.EMPLOYER,
    OrgKind.COMMUNITY: Role.COMMUNITY,
    OrgKind.SUPERVISING: Role.SUPERVISING,
    OrgKind.PARTNER: Role.PARTNER,
}


class Viewer(NamedTuple):
    """An organisation the person belongs to now."""

    org_id: UUID
    name: str
    kind: OrgKind
    dorm: str
    site: str
    member_since: datetime


def sees(kind: OrgKind, *, shares_answer: bool) -> tuple[str, ...]:
    """The words for what staff of an organisation of this kind may see of its own people.

    >>> sees(OrgKind.PARTNER, shares_answer=True)
    ('who', 'answer')
    """
    role = ROLE_OF_KIND.get(kind)
    fields = FIELDS[role] if role is not None else frozenset()
    words = [word for word, of in _WORDS if fields & of]
    if "status" in fields:
        words.append("answer" if shares_answer else "answered")
    return tuple(words)
