"""What an upload would do: the fate of every row. Pure; `apply` is registry.import_store.

A blank cell says nothing and changes nothing. A name that is missing from the file is listed and left alone: an upload
never removes anybody. What people chose themselves (their language, once enrolled) is not changed by a company's list.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from core.model import Located
from registry.records import PHONE
from registry.rows import AddressInput, PersonRow, Weight


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


@dataclass(frozen=True, slots=True)
class SiteKey:
    """A workplace or dorm by its employer's key, kind and name."""

    employer: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class ExistingSite:
    """A site already registered, with the address its place was made from (None: no place yet)."""

    id: UUID
    key: SiteKey
    place_id: UUID | None
    address: AddressInput | None


@dataclass(frozen=True, slots=True)
class ExistingPerson:
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


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose upload it is. `employers`: key (`name_key` of name or slug) -> id of the organisations
    it may fill, the uploader's own (`own`) included."""

    own: str
    employers: Mapping[str, UUID]
    may_create_employers: bool = False


@dataclass(frozen=True, slots=True)
class RowPlan:
    """One row's fate. `changes` names the fields that differ; `person` carries the row's problems."""

    person: PersonRow
    employer: str
    fate: Fate
    action: Action
    match: UUID | None = None
    changes: tuple[str, ...] = ()
    own_home: AddressInput | None = None
    own_work: AddressInput | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole upload, ready to be shown or applied."""

    rows: tuple[RowPlan, ...]
    new_employers: tuple[str, ...]
    new_sites: tuple[SiteKey, ...]
    site_addresses: Mapping[SiteKey, AddressInput]  # places to make or to change
    absent: tuple[ExistingPerson, ...]
    extra_headings: tuple[str, ...]
    located: Mapping[AddressInput, Located]

    @property
    def counts(self) -> dict[str, int]:
        """Rows per fate, and how many registered people the file does not name."""
        found = Counter(row.fate.value for row in self.rows)
        return {fate.value: found[fate.value] for fate in Fate} | {"absent": len(self.absent)}


class PlaceUnknown(ValueError):
    """What `locate` raises for an address that lies nowhere we know."""


Locate = Callable[[AddressInput], Located]
Fingerprint = Callable[[str, str], bytes]


def name_key(text: str) -> str:
    """Names of people and companies as they compare: without width, case and spaces, ㈱ written out."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split()).replace("(株)", "株式会社")


def plan(
    people: Sequence[PersonRow],
    scope: Scope,
    existing: Sequence[ExistingPerson],
    sites: Sequence[ExistingSite],
    *,
    locate: Locate,
    fingerprint: Fingerprint,
    today: date,
    extra_headings: tuple[str, ...] = (),
) -> Plan:
    """Decide every row. `fingerprint(channel, address)` is the blind index; `today` is the day in Japan."""
    return _Planner(scope, existing, sites, locate, fingerprint, today).run(people, extra_headings)


class _Planner:
    def __init__(
        self,
        scope: Scope,
        existing: Sequence[ExistingPerson],
        sites: Sequence[ExistingSite],
        locate: Locate,
        fingerprint: Fingerprint,
        today: date,
    ) -> None:
        self.scope = scope
        self.existing = existing
        self.sites = {site.key: site for site in sites}
        self.locate = locate
        self.fingerprint = fingerprint
        self.today = today
        # An organisation may be called by its name or its slug; one of them stands for it.
        first: dict[UUID, str] = {scope.employers[scope.own]: scope.own}
        for key, org in scope.employers.items():
            first.setdefault(org, key)
        self.canonical = {key: first[org] for key, org in scope.employers.items()}
        self.located: dict[AddressInput, Located | None] = {}
        self.seen: dict[tuple[str, str, str], int] = {}
        self.by_number = {(p.employer, p.employee_id): p for p in existing if p.employee_id}
        self.by_phone: dict[tuple[str, bytes], list[ExistingPerson]] = defaultdict(list)
        self.by_name: dict[tuple[str, str, str], list[ExistingPerson]] = defaultdict(list)
        for person in existing:
            for channel, index in person.contacts:
                if channel == PHONE:
                    self.by_phone[(person.employer, index)].append(person)
            self.by_name[(person.employer, name_key(person.name), name_key(person.dorm))].append(person)

    def run(self, people: Sequence[PersonRow], extra_headings: tuple[str, ...]) -> Plan:
        placed = [self.check_places(self.check_double(p)) for p in people]
        assigned = [(p, self.employer_of(p)) for p in placed]
        usable = [(p, e) for p, e in assigned if _weight(p) < Weight.REFUSE]
        addresses = self.site_addresses(usable)
        rows: list[RowPlan] = []
        taken: dict[UUID, int] = {}
        for person, employer in assigned:
            row = self.decide(person, employer, addresses)
            match = row.match
            if match is not None and row.fate is not Fate.REFUSED:
                if match in taken:
                    again = person.with_problem("same_person_twice", Weight.REFUSE, text="", other=taken[match])
                    row = RowPlan(again, employer, Fate.REFUSED, Action.NONE)
                else:
                    taken[match] = person.number
            rows.append(row)
        kept = [r for r in rows if r.fate is not Fate.REFUSED]
        new_sites = {k: None for r in kept for k in _site_keys(r.person, r.employer) if k not in self.sites}
        employers: dict[str, str] = {}
        for r in kept:
            if r.employer not in self.scope.employers:
                employers.setdefault(r.employer, r.person.employer)
        named = {r.employer for r in kept} | {self.scope.own}
        return Plan(
            rows=tuple(rows),
            new_employers=tuple(employers.values()),
            new_sites=tuple(new_sites),
            site_addresses={
                key: address
                for key, address in addresses.items()
                if key in new_sites or (key in self.sites and not self.same_place(self.sites[key].address, address))
            },
            absent=tuple(p for p in self.existing if p.id not in taken and not p.ended and p.employer in named),
            extra_headings=extra_headings,
            located={a: found for a, found in self.located.items() if found is not None},
        )

    # ------------------------------------------------------------------ checks of one row

    def check_double(self, person: PersonRow) -> PersonRow:
        if not person.name:
            return person
        employer, name = name_key(person.employer), name_key(person.name)
        if person.employee_id:
            code, key = "employee_id_twice", (employer, "number", person.employee_id)
        else:
            phone = next((c.address for c in person.contacts if c.channel == PHONE), "")
            code, key = "same_person_twice", (employer, name, phone or name_key(person.dorm) + "/" + person.room)
        if key in self.seen:
            return person.with_problem(code, Weight.REFUSE, text=person.employee_id, other=self.seen[key])
        self.seen[key] = person.number
        return person

    def check_places(self, person: PersonRow) -> PersonRow:
        for which, address in (("home", person.home), ("work", person.work)):
            if address is None:
                continue
            if address not in self.located:
                try:
                    self.located[address] = self.locate(address)
                except PlaceUnknown:
                    self.located[address] = None
            found = self.located[address]
            if found is None:
                shown = address.postal_code or address.address or f"{address.lat}, {address.lon}"
                person = person.with_problem(f"{which}_not_found", Weight.DOUBT, text=shown)
                person = replace(person, home=None) if which == "home" else replace(person, work=None)
            elif found.notes:
                person = person.with_problem("place_note", Weight.DOUBT, text="; ".join(found.notes))
        return person

    def employer_of(self, person: PersonRow) -> str:
        key = name_key(person.employer)
        return self.canonical.get(key, key) if key else self.scope.own

    # ------------------------------------------------------------------ places of dorms and workplaces

    def site_addresses(self, people: Sequence[tuple[PersonRow, str]]) -> dict[SiteKey, AddressInput]:
        """Per site the address that most of its rows give; what a row gives beside it is an own place."""
        said: dict[SiteKey, Counter[AddressInput]] = defaultdict(Counter)
        for person, employer in people:
            if person.dorm and person.home:
                said[SiteKey(employer, "dorm", person.dorm)][person.home] += 1
            if person.site and person.work:
                said[SiteKey(employer, "workplace", person.site)][person.work] += 1
        return {key: counter.most_common(1)[0][0] for key, counter in said.items()}

    def same_place(self, one: AddressInput | None, other: AddressInput | None) -> bool:
        """Whether two addresses are the same for our purpose: equal, or in the same areas under one postal code."""
        if one == other:
            return True
        if one is None or other is None:
            return False
        a, b = self.located.get(one), self.located.get(other)
        return a is not None and b is not None and a.codes == b.codes and one.postal_code == other.postal_code != ""

    def places(
        self, person: PersonRow, employer: str, addresses: Mapping[SiteKey, AddressInput]
    ) -> tuple[PersonRow, AddressInput | None, AddressInput | None, bool]:
        """(row with place problems, own home, own work, whether the person has any place at all)."""
        own: dict[str, AddressInput | None] = {}
        any_place = False
        for kind, name, given in (("dorm", person.dorm, person.home), ("workplace", person.site, person.work)):
            key = SiteKey(employer, kind, name)
            at_site = addresses.get(key) or (self.sites[key].address if key in self.sites else None)
            has_site = bool(name) and (
                at_site is not None or (key in self.sites and self.sites[key].place_id is not None)
            )
            own[kind] = given if given and not (name and self.same_place(given, at_site)) else None
            if kind == "dorm" and own[kind] and name:
                person = person.with_problem("home_differs_from_dorm", Weight.DOUBT, text=name)
            any_place = any_place or has_site or given is not None
        return person, own["dorm"], own["workplace"], any_place

    # ------------------------------------------------------------------ the decision

    def decide(self, person: PersonRow, employer: str, addresses: Mapping[SiteKey, AddressInput]) -> RowPlan:
        if employer not in self.scope.employers and not self.scope.may_create_employers:
            person = person.with_problem("foreign_employer", Weight.REFUSE, text=person.employer)
        if _weight(person) is Weight.REFUSE:
            return RowPlan(person, employer, Fate.REFUSED, Action.NONE)
        person, own_home, own_work, any_place = self.places(person, employer, addresses)
        match, how = self.find(person, employer)
        left = person.end_date is not None and person.end_date <= self.today
        if match is None:
            if left:
                person = person.with_problem("already_left", Weight.REFUSE, text=str(person.end_date))
                return RowPlan(person, employer, Fate.REFUSED, Action.NONE)
            person = self.check_new(person, employer, any_place)
            fate = Fate.DOUBTFUL if _weight(person) is Weight.DOUBT else Fate.NEW
            return RowPlan(person, employer, fate, Action.INSERT, None, (), own_home, own_work)
        if left:
            action = Action.NONE if match.ended else Action.END
            changes: tuple[str, ...] = () if match.ended else ("end_date",)
        else:
            changes = self.differences(person, match, own_home, own_work)
            action = Action.UPDATE if changes else Action.NONE
        if how == "name" and changes:
            person = person.with_problem("matched_by_name", Weight.DOUBT)
        if not any_place and not match.has_place:
            person = person.with_problem("no_place", Weight.DOUBT)
        if _weight(person) is Weight.DOUBT:
            fate = Fate.DOUBTFUL
        else:
            fate = Fate.CHANGED if changes else Fate.UNCHANGED
        return RowPlan(person, employer, fate, action, match.id, changes, own_home, own_work)

    def check_new(self, person: PersonRow, employer: str, any_place: bool) -> PersonRow:
        if not any_place:
            person = person.with_problem("no_place", Weight.DOUBT)
        if not any(c.kind == "address" for c in person.contacts):
            person = person.with_problem("no_way_to_reach", Weight.DOUBT)
        if person.dorm and not person.home and SiteKey(employer, "dorm", person.dorm) not in self.sites and any_place:
            person = person.with_problem("dorm_without_address", Weight.NOTE, text=person.dorm)
        return person

    def find(self, person: PersonRow, employer: str) -> tuple[ExistingPerson | None, str]:
        """Who this row is: by employee number, else phone, else name and dorm."""
        if person.employee_id:
            match = self.by_number.get((employer, person.employee_id))
            if match is not None:
                return match, "employee_id"
        for contact in person.contacts:
            if contact.channel == PHONE:
                same = [
                    p
                    for p in self.by_phone.get((employer, self.fingerprint(PHONE, contact.address)), ())
                    # A shared phone is not a shared person: two people of one number keep apart by their names.
                    if _no_clash(person, p) and (not person.employee_id or name_key(p.name) == name_key(person.name))
                ]
                by_name = [p for p in same if name_key(p.name) == name_key(person.name)]
                if by_name or len(same) == 1:
                    return (by_name or same)[0], "phone"
        same = [
            p
            for p in self.by_name.get((employer, name_key(person.name), name_key(person.dorm)), ())
            if _no_clash(person, p)
        ]
        return (same[0], "name") if len(same) == 1 else (None, "")

    def differences(
        self,
        person: PersonRow,
        match: ExistingPerson,
        own_home: AddressInput | None,
        own_work: AddressInput | None,
    ) -> tuple[str, ...]:
        pairs: list[tuple[str, Any, Any]] = [
            ("name", person.name, match.name),
            ("employee_id", person.employee_id, match.employee_id),
            ("site", person.site, match.site),
            ("dorm", person.dorm, match.dorm),
            ("room", person.room, match.room),
            ("shift", person.shift, match.shift),
            ("start_date", person.start_date, match.start_date),
            ("end_date", person.end_date, match.end_date),
            ("home", own_home, match.home),
            ("work", own_work, match.work),
        ]
        if not match.enrolled:
            pairs += [
                ("language", person.language, match.language),
                ("second_language", person.second_language, match.second_language),
            ]
        changed = [name for name, new, old in pairs if new and new != old]
        if any((c.channel, self.fingerprint(c.channel, c.address)) not in match.contacts for c in person.contacts):
            changed.append("contact")
        if match.ended:
            changed.append("rejoined")
        return tuple(changed)


def _no_clash(person: PersonRow, known: ExistingPerson) -> bool:
    """Two different employee numbers are two people, whatever else agrees."""
    return not person.employee_id or not known.employee_id or person.employee_id == known.employee_id


def _weight(person: PersonRow) -> Weight:
    return max((p.weight for p in person.problems), default=Weight.NOTE)


def _site_keys(person: PersonRow, employer: str) -> list[SiteKey]:
    pairs = (("dorm", person.dorm), ("workplace", person.site))
    return [SiteKey(employer, kind, name) for kind, name in pairs if name]
