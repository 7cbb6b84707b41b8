"""Who may see which fields of whom. Pure: the stores ask here before they ask the database.

An employer or a community group sees its own people's name, status and channel state, where they work and sleep on its
sites, never a home address, a need, a note or another organisation. Volunteers see names only of people who agreed
to it themselves (C3). The operator runs the machine and sees numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from core.db import Scope
from core.model import Role

#: What the employer's own list and pages may show about a person.
_EMPLOYER: Final = frozenset(
    {
        "name", "language", "second_language", "state", "status", "status_age", "channel_state", "employee_id", "site",
        "dorm", "room", "shift", "start_date", "end_date", "leader",
    }
)  # fmt: skip

FIELDS: Final[dict[Role, frozenset[str]]] = {
    Role.EMPLOYER: _EMPLOYER,
    Role.COMMUNITY: _EMPLOYER - {"employee_id", "start_date", "end_date"},
    Role.SUPERVISING: frozenset({"name", "state", "status", "status_age", "channel_state", "site", "dorm", "room"}),
    Role.COORDINATOR: frozenset(
        {"name", "language", "second_language", "status", "status_age", "channel_state", "dorm", "room", "need", "note",
         "phone_on_request", "location"}
    ),
    Role.VOLUNTEER: frozenset(
        {"name", "language", "second_language", "status", "status_age", "channel_state", "dorm", "room", "need", "note",
         "phone_on_request", "location"}
    ),
    Role.PARTNER: frozenset({"name", "status", "status_age"}),
    Role.OPERATOR: frozenset(),
    Role.AUDITOR: frozenset(),
    Role.UMBRELLA: frozenset(),
    Role.TRANSLATOR: frozenset(),
}  # fmt: skip

#: Who keeps a list of people of their own.
KEEPS_PEOPLE: Final = frozenset({Role.EMPLOYER, Role.COMMUNITY, Role.SUPERVISING})
#: Who invites colleagues and names deputies. Volunteers are invited by coordinators; operators have their own page.
HAS_TEAM: Final = KEEPS_PEOPLE | {Role.COORDINATOR, Role.PARTNER, Role.UMBRELLA}


def may_see(role: Role, field: str) -> bool:
    """Whether a role may be shown a field of a person who is theirs to see."""
    return field in FIELDS[role]


def visible_orgs(role: Role, own: UUID, supervised: Iterable[UUID] = ()) -> frozenset[UUID]:
    """The organisations whose people a role may list by name: its own; a supervising one's employers too."""
    if role not in KEEPS_PEOPLE:
        return frozenset()
    return frozenset({own, *supervised}) if role is Role.SUPERVISING else frozenset({own})


def editable_orgs(role: Role, own: UUID, supervised: Iterable[UUID] = ()) -> frozenset[UUID]:
    """The organisations whose list a role may change: it uploads for them."""
    return visible_orgs(role, own, supervised)


def may_name(role: Role, *, enrolled: bool, consents: frozenset[str]) -> bool:
    """Whether a follow-up list shows a person's name: to volunteers only of who enrolled and agreed to C3."""
    if role in (Role.COORDINATOR, Role.VOLUNTEER):
        return enrolled and "C3" in consents
    return role in KEEPS_PEOPLE


def may_see_answer(role: Role, consents: frozenset[str], *, hidden: bool = False) -> bool:
    """Whether the answer itself is shown: an employer sees "answered, not shared" where C2 is not given, or `hidden`.

    `consents`: the scopes that hold for this viewer (C2 is given to one organisation). Coordinators always see it:
    a call for help that is hidden from the employer reaches them as any other.
    """
    if role in KEEPS_PEOPLE or role is Role.PARTNER:
        return "C2" in consents and not hidden
    return role in (Role.COORDINATOR, Role.VOLUNTEER)


def may_see_place(role: Role, *, protected: bool) -> bool:
    """Whether a role may be told where somebody is: follow-up only, and of a protected person nobody at all."""
    return not protected and role in (Role.COORDINATOR, Role.VOLUNTEER)


def may_see_location(role: Role, *, protected: bool, mine_or_free: bool) -> bool:
    """Whether the position that somebody sent is shown: to who holds their case or may take it.

    `mine_or_free`: nobody else is on the case now. That the person agreed (C5) is asked where it is read.
    """
    return mine_or_free and "location" in FIELDS[role] and may_see_place(role, protected=protected)


#: Stands where the name of a workplace would, if that is somebody's home; pages put words in its place.
HOUSEHOLD: Final = "\u2302"


def site_shown(name: str, *, household: bool) -> str:
    """The workplace as lists, exports, slips and programs show it: the name of a household is somebody's own.

    >>> site_shown("Plant 1", household=False)
    'Plant 1'
    """
    return HOUSEHOLD if household else name


def may_see_workplace(role: Role, *, household: bool, help_asked: bool, protected: bool = False) -> bool:
    """Whether whoever follows up may be told the address where a person works, beyond its municipality.

    Somebody who works in a household is looked for there only once they, or others for them, asked for help.
    """
    return may_see_place(role, protected=protected) and (help_asked or not household)


def may_see_needs(role: Role, consents: frozenset[str], *, incident_open: bool) -> bool:
    """Whether special-care data is shown: to coordinators, while an incident is open, of who agreed to it (C4)."""
    return role is Role.COORDINATOR and incident_open and "C4" in consents


#: The database role behind a staff role (migrations/0002): the second wall, whatever a page forgets to ask.
_DATABASE_ROLE: Final = {
    Role.OPERATOR: "daijobu_operator",
    Role.COORDINATOR: "daijobu_follow",
    Role.VOLUNTEER: "daijobu_follow",
}


def scope_of(role: Role, own: UUID, below: Iterable[UUID] = ()) -> Scope:
    """The rows a member of staff may touch: its organisation's, a supervising one's employers' too.

    Coordinators and volunteers besides: people of open incidents; coordinators the teams of their network's member
    groups. An umbrella and an auditor see totals made elsewhere.
    """
    orgs = {own, *below} if role in (Role.SUPERVISING, Role.COORDINATOR) else {own}
    return Scope(_DATABASE_ROLE.get(role, "daijobu_web"), orgs=tuple(sorted(orgs)))
