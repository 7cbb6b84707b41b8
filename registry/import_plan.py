"""The words of an upload: what is on the list already, what each row would do, what the clerk decided. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from core.model import Located
from registry.rows import AddressInput, PersonRow


class Fate(StrEnum):
    """What the clerk is told about a row."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DOUBTFUL = "doubtful"  # taken over as `action` says, but somebody should look
    REFUSED = "refused"


class Action(StrEnum):
    """What is written for a row."""

    INSERT = "insert"
    UPDATE = "update"
    END = "end"  # the end date has come: the organisation's view ends
    NONE = "none"


class SiteKey(NamedTuple):
    """A workplace or dorm by its employer's key, kind and name."""

    employer: str
    kind: str
    name: str


class ExistingSite(NamedTuple):
    """A site already registered, with the address its place was made from (None: no place yet)."""

    id: UUID
    key: SiteKey
    place_id: UUID | None
    address: AddressInput | None


class ExistingPerson(NamedTuple):
    """A registered member of one of the employers of this upload."""

    id: UUID
    employer: str
    name: str
    language: str
    second_language: str
    enrolled: bool
    employee_id: str
    contacts: frozenset[tuple[str, bytes]]  # (channel, blind index)
    site: str
    dorm: str
    room: str
    shift: str
    start_date: date | None
    end_date: date | None
    ended: bool
    home: AddressInput | None  # an own home; None where the dorm is the home
    work: AddressInput | None
    has_place: bool
    household: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose upload it is. `employers`: key (`name_key` of name or slug) -> id of the organisations
    it may fill, the uploader's own (`own`) included. `names`: key -> name, as shown.

    An employer that is not among them is made (`may_create_employers`), or proposed (`proposes`), or its rows are
    refused with the reason `unknown`.
    """

    own: str
    employers: Mapping[str, UUID]
    may_create_employers: bool = False
    proposes: bool = False
    unknown: str = "foreign_employer"
    names: Mapping[str, str] = field(default_factory=dict)


#: What to do with an unknown employer, in `Choices.employers`; any other value is the key of the one it is.
LEAVE_OUT, MAKE_NEW = "", "+"
#: What to do with a doubtful row, in `Choices.rows`; any other value is the id of the person it is.
SKIP, AS_NEW = "skip", "new"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the clerk decided: per row number, per unknown employer's key, and who of the missing has left."""

    rows: Mapping[int, str] = field(default_factory=dict)
    employers: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[UUID] = frozenset()

    @property
    def asks_again(self) -> tuple[object, ...]:
        """The part that changes what would be shown; ticks at the missing do not."""
        return (sorted(self.rows.items()), sorted(self.employers.items()))


class Difference(NamedTuple):
    """A field that would change: from what to what, as text ("" where there was nothing, or nothing may be shown)."""

    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class RowPlan:
    """One row's fate. `changes` names the fields that differ, `differences` shows them; `person` carries the row's
    problems. `likeness`: somebody on the list whom the row may be. `keeps_home`: the person gave a home of their own;
    moving to another dorm on a company's list does not move it."""

    person: PersonRow
    employer: str
    fate: Fate
    action: Action
    match: UUID | None = None
    changes: tuple[str, ...] = ()
    own_home: AddressInput | None = None
    own_work: AddressInput | None = None
    differences: tuple[Difference, ...] = ()
    likeness: ExistingPerson | None = None
    keeps_home: bool = False


class ProposedEmployer(NamedTuple):
    """A company the file names and nobody knows: how many rows name it, and which known ones (key, name) it may be."""

    key: str
    name: str
    people: int
    similar: tuple[tuple[str, str], ...] = ()


class Plan(NamedTuple):
    """The whole upload, ready to be shown or applied."""

    rows: tuple[RowPlan, ...]
    new_employers: tuple[str, ...]
    new_sites: tuple[SiteKey, ...]
    site_addresses: Mapping[SiteKey, AddressInput]  # places to make or to change
    absent: tuple[ExistingPerson, ...]
    extra_headings: tuple[str, ...]
    located: Mapping[AddressInput, Located]
    proposed: tuple[ProposedEmployer, ...] = ()
    gone: tuple[ExistingPerson, ...] = ()  # of the absent: who has left, as the clerk ticked

    @property
    def counts(self) -> dict[str, int]:
        """Rows per fate, and how many registered people the file does not name."""
        found = Counter(row.fate for row in self.rows)
        return {fate.value: found[fate] for fate in Fate} | {"absent": len(self.absent)}

    def by_employer(self) -> dict[str, dict[str, int]]:
        """The same counts per employer's key."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for row in self.rows:
            found[row.employer][row.fate] += 1
        for person in self.absent:
            found[person.employer]["absent"] += 1
        return {key: {name: c[name] for name in (*Fate, "absent")} for key, c in found.items()}

    @property
    def writes(self) -> bool:
        """Whether applying it would change anything."""
        return bool(self.gone or self.site_addresses) or any(row.action is not Action.NONE for row in self.rows)

    def digest(self) -> bytes:
        """A fingerprint of what would be done: the same file against a list that has changed gives another one."""
        state = hashlib.sha256()
        for row in self.rows:
            state.update(repr((row.person.number, row.employer, row.action, row.match, row.changes)).encode())
        state.update(repr((self.new_employers, self.new_sites, sorted(map(repr, self.site_addresses)))).encode())
        return state.digest()


class PlaceUnknown(ValueError):
    """What `locate` raises for an address that lies nowhere we know."""


Locate = Callable[[AddressInput], Located]
Fingerprint = Callable[[str, str], bytes]
