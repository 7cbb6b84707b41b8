"""Who is signed in, for how long, and where they go. Pure: the cookie and the middleware are in guard_web.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from core.audit import Actor
from core.model import OrgKind, Role
from core.web import STAFF
from registry.second_factor import Demand

IDLE: Final = timedelta(minutes=30)
ABSOLUTE: Final = timedelta(hours=12)
#: While an incident is open nobody is thrown out in the middle of the night's work.
LONGEST: Final = timedelta(hours=24)

#: Languages of the staff pages.
STAFF_LANGUAGES: Final = ("ja", "en")

MIN_PASSWORD: Final = 12
MAX_PASSWORD: Final = 256


class MenuItem(NamedTuple):
    """One entry of the staff menu; `label` is the key of its words."""

    href: str
    label: str


class Stopped(NamedTuple):
    """Somebody has stopped all sending: since when, who, why. Every page of staff says so."""

    at: datetime
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Staff:
    """The signed-in member of staff, as every staff page sees them."""

    id: UUID
    org_id: UUID
    org_kind: OrgKind
    org_name: str
    role: Role
    name: str
    email: str
    language: str
    menu: tuple[MenuItem, ...]
    #: What this session still lacks; what lacks something sees only the pages that mend it.
    demand: Demand = Demand.NONE
    #: When this session last proved the second factor (UTC); None: never.
    second_factor_at: datetime | None = None
    has_password: bool = False
    has_factor: bool = False
    has_passkey: bool = False
    #: The organisations it supervises (監理団体); of a volunteer network, its member groups.
    below: tuple[UUID, ...] = ()
    #: Has the duties of somebody who is away today (registry/duty.py), not a role of its own.
    acting: bool = False
    stopped: Stopped | None = None

    @property
    def actor(self) -> Actor:
        """This member of staff as the audit log names them."""
        return Actor(self.name, self.id, self.org_id)


def staff_of(request: Mapping[Any, Any]) -> Staff:
    """The signed-in member of staff. Only on routes whose audience is staff: the guard has put them there."""
    found = request[STAFF]
    if not isinstance(found, Staff):
        raise TypeError("the guard puts a Staff into the request")
    return found


_PEOPLE: Final = MenuItem("/people", "staff.menu.people")
_SITES: Final = MenuItem("/sites", "staff.menu.sites")
_IMPORT: Final = MenuItem("/import", "staff.menu.import")
_DASHBOARD: Final = MenuItem("/dashboard", "staff.menu.dashboard")
_BOARD: Final = MenuItem("/board", "staff.menu.board")
_DUTY: Final = MenuItem("/duty", "staff.menu.duty")
_TEAM: Final = MenuItem("/team", "staff.menu.team")
_APPROVALS: Final = MenuItem("/approvals", "staff.menu.approvals")
_STATUS: Final = MenuItem("/status", "staff.menu.status")
_WORDING: Final = MenuItem("/wording", "staff.menu.wording")

_MENUS: Final[dict[Role, tuple[MenuItem, ...]]] = {
    Role.EMPLOYER: (_DASHBOARD, _PEOPLE, _SITES, _IMPORT, _TEAM, _STATUS),
    Role.COMMUNITY: (_DASHBOARD, _PEOPLE, _SITES, _IMPORT, _TEAM, _STATUS),
    Role.SUPERVISING: (
        MenuItem("/supervising", "staff.menu.supervising"),
        _PEOPLE,
        _SITES,
        _IMPORT,
        _TEAM,
        _STATUS,
    ),
    Role.COORDINATOR: (_BOARD, _DUTY, _TEAM, _APPROVALS, _STATUS),
    Role.VOLUNTEER: (_BOARD, _DUTY, _STATUS),
    Role.PARTNER: (
        MenuItem("/partner", "staff.menu.partner"),
        MenuItem("/posters", "staff.menu.posters"),
        _TEAM,
        MenuItem("/api-tokens", "staff.menu.api"),
        _STATUS,
    ),
    Role.AUDITOR: (MenuItem("/audit", "staff.menu.audit"), _STATUS),
    Role.TRANSLATOR: (_WORDING,),
    Role.UMBRELLA: (MenuItem("/umbrella", "staff.menu.umbrella"), _TEAM, _STATUS),
    Role.OPERATOR: (
        MenuItem("/operator", "staff.menu.operator"),
        MenuItem("/alarms", "staff.menu.alarms"),
        MenuItem("/sending", "staff.menu.sending"),
        _DASHBOARD,
        _APPROVALS,
        _WORDING,
        _STATUS,
    ),
}


def menu_of(role: Role) -> tuple[MenuItem, ...]:
    """The menu of a role; its first entry is the role's home."""
    return _MENUS[role]


def home_of(role: Role) -> str:
    """Where a role lands after signing in."""
    return _MENUS[role][0].href


class CookieRule(NamedTuple):
    """Name and flags of the session cookie; HttpOnly and SameSite=Lax always."""

    name: str
    secure: bool


def cookie_rule(*, is_https: bool, is_loopback: bool) -> CookieRule | None:
    """The cookie for the scheme of the public URL; None: plain http over a network, where nobody may sign in."""
    if is_https:
        return CookieRule("__Host-daijobu", secure=True)
    return CookieRule("daijobu", secure=False) if is_loopback else None


def still_valid(created_at: datetime, last_seen_at: datetime, now: datetime, *, incident_open: bool) -> bool:
    """Whether a session lives: 30 minutes idle and 12 hours in all, or 24 hours of each while an incident is open."""
    idle, absolute = (LONGEST, LONGEST) if incident_open else (IDLE, ABSOLUTE)
    return now - last_seen_at <= idle and now - created_at <= absolute


#: Failures that are forgiven before the delay begins, per account and per address (an office shares one address).
FREE_TRIES: Final = {"account": 5, "address": 20}
_LONGEST_WAIT: Final = timedelta(minutes=15)
FORGET_AFTER: Final = timedelta(hours=24)


def wait_left(kind: str, failures: int, last_at: datetime, now: datetime) -> timedelta:
    """How long the next try must still wait: 0 for the free ones, then 5 s, 10 s, 20 s ... up to 15 minutes.

    `kind`: "account" or "address". Failures older than a day are forgotten.
    """
    over = failures - FREE_TRIES[kind]
    if over < 0 or now - last_at > FORGET_AFTER:
        return timedelta(0)
    wait = min(timedelta(seconds=5 * 2 ** min(over, 12)), _LONGEST_WAIT)
    return max(last_at + wait - now, timedelta(0))


def safe_next(path: str, fallback: str) -> str:
    """A path of our own to go on to after signing in; `fallback` for anything that could lead elsewhere."""
    if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path:
        return path
    return fallback


def password_problem(password: str, repeated: str, *, email: str, name: str) -> str | None:
    """The key of what is wrong with a new password; None if it will do.

    Length counts, not kinds of characters (NIST SP 800-63B); one's own name or address is too easy to guess.
    """
    if len(password) < MIN_PASSWORD:
        return "staff.password.too_short"
    if len(password) > MAX_PASSWORD:
        return "staff.password.too_long"
    folded = password.casefold()
    guesses = [g for g in (email.casefold(), email.split("@")[0].casefold(), name.casefold().replace(" ", "")) if g]
    if len(set(folded)) < 5 or any(folded.replace(g, "") in ("", "123", "1234") for g in guesses):
        return "staff.password.too_easy"
    if password != repeated:
        return "staff.password.differ"
    return None
