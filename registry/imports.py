"""What an upload would do: the fate of every row. Pure; `apply` is registry.import_store.

A blank cell says nothing and changes nothing. A name that is missing from the file is listed and left alone: an upload
never removes anybody. What people chose themselves (name, language and home, once enrolled) no company's list changes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from core.model import Located
from geo.notes import PlaceNote
from registry.access import HOUSEHOLD
from registry.import_plan import (
    AS_NEW,
    LEAVE_OUT,
    MAKE_NEW,
    SKIP,
    Action,
    Choices,
    Difference,
    ExistingPerson,
    ExistingSite,
    Fate,
    Fingerprint,
    Locate,
    PlaceUnknown,
    Plan,
    ProposedEmployer,
    RowPlan,
    Scope,
    SiteKey,
)
from registry.names import NameIndex, name_key, near, near_companies
from registry.phones import display
from registry.records import LANDLINE, PHONE
from registry.rows import AddressInput, PersonRow, Weight

__all__ = [
    "Action", "Choices", "ExistingPerson", "ExistingSite", "Fate", "Locate", "PlaceUnknown", "Plan", "RowPlan", "Scope",
    "SiteKey", "name_key", "plan",
]  # fmt: skip


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
    choices: Choices | None = None,
) -> Plan:
    """Decide every row. `fingerprint(channel, address)` is the blind index; `today` is the day in Japan; `choices` is
    what the clerk answered to an earlier plan."""
    planner = _Planner(scope, existing, sites, locate, fingerprint, today, choices or Choices())
    return planner.run(people, extra_headings)


class _Planner:
    def __init__(
        self,
        scope: Scope,
        existing: Sequence[ExistingPerson],
        sites: Sequence[ExistingSite],
        locate: Locate,
        fingerprint: Fingerprint,
        today: date,
        choices: Choices,
    ) -> None:
        self.choices = choices
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
        for key, chosen in choices.employers.items():
            if chosen in self.canonical:
                self.canonical.setdefault(key, self.canonical[chosen])
        self.by_id = {person.id: person for person in existing}
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
        rows = self.ask_about_likenesses(self.once_each([self.decide(p, e, addresses) for p, e in assigned]))
        taken = {row.match for row in rows if row.match is not None and row.fate is not Fate.REFUSED}
        kept = [r for r in rows if r.fate is not Fate.REFUSED]
        new_sites = {k: None for r in kept for k in _site_keys(r.person, r.employer) if k not in self.sites}
        employers: dict[str, str] = {}
        for r in kept:
            if r.employer not in self.scope.employers:
                employers.setdefault(r.employer, r.person.employer)
        named = {r.employer for r in kept} | {self.scope.own}
        absent = tuple(p for p in self.existing if p.id not in taken and not p.ended and p.employer in named)
        return Plan(
            rows=tuple(rows),
            new_employers=tuple(employers.values()),
            new_sites=tuple(new_sites),
            site_addresses={
                key: address
                for key, address in addresses.items()
                if key in new_sites or (key in self.sites and not self.same_place(self.sites[key].address, address))
            },
            absent=absent,
            extra_headings=extra_headings,
            located={a: found for a, found in self.located.items() if found is not None},
            proposed=self.proposed(assigned) if self.scope.proposes else (),
            gone=tuple(p for p in absent if p.id in self.choices.gone),
        )

    def once_each(self, rows: Sequence[RowPlan]) -> list[RowPlan]:
        """Two rows that mean one registered person: the first keeps them."""
        taken: dict[UUID, int] = {}
        done: list[RowPlan] = []
        for row in rows:
            match = row.match
            if match is not None and row.fate is not Fate.REFUSED:
                if match in taken:
                    other = taken[match]
                    again = row.person.with_problem("same_person_twice", Weight.REFUSE, text="", other=other)
                    row = RowPlan(again, row.employer, Fate.REFUSED, Action.NONE)
                else:
                    taken[match] = row.person.number
            done.append(row)
        return done

    def ask_about_likenesses(self, rows: Sequence[RowPlan]) -> list[RowPlan]:
        """New rows that look like somebody whom no other row means: taken as new, and asked about."""
        taken = {row.match for row in rows if row.match is not None and row.fate is not Fate.REFUSED}
        free: dict[str, list[tuple[str, ExistingPerson]]] = defaultdict(list)
        for person in self.existing:
            if person.id not in taken and not person.ended:
                free[person.employer].append((person.name, person))
        indexes = {employer: NameIndex(people) for employer, people in free.items()}
        done: list[RowPlan] = []
        for row in rows:
            if row.action is Action.INSERT and row.employer in indexes and row.likeness is None:
                if self.choices.rows.get(row.person.number) != AS_NEW:
                    found = [p for p in indexes[row.employer].near(row.person.name) if _no_clash(row.person, p)]
                    if found:
                        row = _alike(row, "similar_name", found[0])
            done.append(row)
        return done

    def proposed(self, assigned: Sequence[tuple[PersonRow, str]]) -> tuple[ProposedEmployer, ...]:
        """The companies nobody knows, as the file writes them first, with the known ones they may be."""
        rows: Counter[str] = Counter()
        names: dict[str, str] = {}
        for person, _ in assigned:
            key = name_key(person.employer)
            if key and key not in self.scope.employers:
                rows[key] += 1
                names.setdefault(key, person.employer)
        known = list(self.scope.names.items())
        return tuple(
            ProposedEmployer(key, name, rows[key], tuple(near_companies(name, known))) for key, name in names.items()
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
            else:
                for note in found.notes:
                    if isinstance(note, PlaceNote):
                        person = person.with_problem(f"place_{note.key}", Weight.DOUBT, **note.values)
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
        chosen = self.choices.rows.get(person.number, "")
        if chosen == SKIP:
            person = person.with_problem("left_out", Weight.REFUSE)
        elif employer not in self.scope.employers and not self.may_make(employer):
            person = person.with_problem(self.scope.unknown, Weight.REFUSE, text=person.employer)
        if _weight(person) is Weight.REFUSE:
            return RowPlan(person, employer, Fate.REFUSED, Action.NONE)
        person, own_home, own_work, any_place = self.places(person, employer, addresses)
        match, how, likeness = self.choose(person, employer, chosen)
        left = person.end_date is not None and person.end_date <= self.today
        if match is None:
            if left:
                person = person.with_problem("already_left", Weight.REFUSE, text=str(person.end_date))
                return RowPlan(person, employer, Fate.REFUSED, Action.NONE)
            person = self.check_new(person, employer, any_place)
            fate = Fate.DOUBTFUL if _weight(person) is Weight.DOUBT else Fate.NEW
            row = RowPlan(person, employer, fate, Action.INSERT, None, (), own_home, own_work)
            return _alike(row, how, likeness) if likeness else row
        found: tuple[Difference, ...]
        if left:
            action = Action.NONE if match.ended else Action.END
            found = () if match.ended else (Difference("end_date", _text(match.end_date), _text(person.end_date)),)
        else:
            found = self.differences(person, match, own_home, own_work)
            action = Action.UPDATE if found else Action.NONE
        if how == "name" and found:
            person = person.with_problem("matched_by_name", Weight.DOUBT)
        if not any_place and not match.has_place:
            person = person.with_problem("no_place", Weight.DOUBT)
        if _weight(person) is Weight.DOUBT:
            fate = Fate.DOUBTFUL
        else:
            fate = Fate.CHANGED if found else Fate.UNCHANGED
        changes = tuple(d.field for d in found)
        asked = match if how == "name" and found else None
        keeps_home = match.enrolled and match.home is not None
        return RowPlan(person, employer, fate, action, match.id, changes, own_home, own_work, found, asked, keeps_home)

    def may_make(self, employer: str) -> bool:
        """Whether an unknown employer is made: all of them, or those the clerk ticked."""
        ticked = self.scope.proposes and self.choices.employers.get(employer, LEAVE_OUT) == MAKE_NEW
        return self.scope.may_create_employers or ticked

    def choose(
        self, person: PersonRow, employer: str, chosen: str
    ) -> tuple[ExistingPerson | None, str, ExistingPerson | None]:
        """(who the row is, by what, whom else it may be): the clerk's word first, then what the list says."""
        if chosen == AS_NEW:
            return None, "", None
        if chosen:
            same = next((p for p in self.existing_of(chosen) if p.employer == employer), None)
            if same is not None:
                return same, "clerk", None
        return self.find(person, employer)

    def existing_of(self, chosen: str) -> list[ExistingPerson]:
        try:
            found = self.by_id.get(UUID(chosen))
        except ValueError:
            return []
        return [found] if found else []

    def check_new(self, person: PersonRow, employer: str, any_place: bool) -> PersonRow:
        if not any_place:
            person = person.with_problem("no_place", Weight.DOUBT)
        if not any(c.kind == "address" for c in person.contacts):
            person = person.with_problem("no_way_to_reach", Weight.DOUBT)
        if person.dorm and not person.home and SiteKey(employer, "dorm", person.dorm) not in self.sites and any_place:
            person = person.with_problem("dorm_without_address", Weight.NOTE, text=person.dorm)
        return person

    def find(self, person: PersonRow, employer: str) -> tuple[ExistingPerson | None, str, ExistingPerson | None]:
        """Who this row is: by employee number, else phone, else name and dorm. A phone alone is not a person: one whose
        number it is under quite another name is asked about."""
        if person.employee_id:
            match = self.by_number.get((employer, person.employee_id))
            if match is not None:
                return match, "employee_id", None
        name = name_key(person.name)
        other_owner: ExistingPerson | None = None
        for contact in person.contacts:
            if contact.channel != PHONE:
                continue
            if not self.by_phone:  # a new list: no need to fingerprint fifty thousand numbers
                break
            owners = self.by_phone.get((employer, self.fingerprint(PHONE, contact.address)), ())
            owners = [p for p in owners if _no_clash(person, p)]
            same = [p for p in owners if name_key(p.name) == name] or [p for p in owners if near(p.name, person.name)]
            # A number shared by people with employee numbers of their own is no reason to take one for the other.
            if same and (name_key(same[0].name) == name or not person.employee_id):
                return same[0], "phone", None
            other_owner = other_owner or next((p for p in owners if not p.ended), None)
        alike = [p for p in self.by_name.get((employer, name, name_key(person.dorm)), ()) if _no_clash(person, p)]
        if len(alike) == 1:
            return alike[0], "name", None
        if alike:
            return None, "two_of_this_name", alike[0]
        return None, "phone_of_another", other_owner

    def differences(
        self,
        person: PersonRow,
        match: ExistingPerson,
        own_home: AddressInput | None,
        own_work: AddressInput | None,
    ) -> tuple[Difference, ...]:
        pairs: list[tuple[str, Any, Any]] = [
            ("employee_id", person.employee_id, match.employee_id),
            ("site", person.site, match.site),
            ("dorm", person.dorm, match.dorm),
            ("room", person.room, match.room),
            ("shift", person.shift, match.shift),
            ("start_date", person.start_date, match.start_date),
            ("end_date", person.end_date, match.end_date),
        ]
        if not match.enrolled:
            pairs = [
                ("name", person.name, match.name),
                *pairs,
                ("language", person.language, match.language),
                ("second_language", person.second_language, match.second_language),
            ]
        # Somebody's home, told once by an upload, is not shown again by the next one.
        secret = {"site", "work"} if match.household else set()
        found = [
            Difference(name, HOUSEHOLD if old and name in secret else _text(old), _text(new))
            for name, new, old in pairs
            if new and new != old
        ]
        if person.household is not None and person.household != match.household:
            found.append(Difference("household", "", "○" if person.household else "×"))
        # An address that an enrolled person gave is theirs: not shown, and a home not replaced.
        for name, given, old in (("home", own_home, match.home), ("work", own_work, match.work)):
            if given and given != old and not (name == "home" and match.enrolled and old is not None):
                found.append(Difference(name, "" if match.enrolled or name in secret else _text(old), _text(given)))
        added = [
            c for c in person.contacts if (c.channel, self.fingerprint(c.channel, c.address)) not in match.contacts
        ]
        if added:
            shown = [display(c.address) if c.channel in (PHONE, LANDLINE) else c.address for c in added]
            found.append(Difference("contact", "", ", ".join(shown)))
        if match.ended:
            found.append(Difference("rejoined", _text(match.end_date), ""))
        return tuple(found)


def _alike(row: RowPlan, code: str, other: ExistingPerson) -> RowPlan:
    """A new row with the question whether it is somebody of the list."""
    person = row.person.with_problem(code, Weight.DOUBT, name=other.name)
    return replace(row, person=person, fate=Fate.DOUBTFUL, likeness=other)


def _text(value: date | str | AddressInput | None) -> str:
    if isinstance(value, AddressInput):
        point = f"{value.lat}, {value.lon}" if value.lat is not None else ""
        code = f"〒{value.postal_code[:3]}-{value.postal_code[3:]}" if value.postal_code else ""
        return " ".join(part for part in (code, value.address, point) if part)
    return str(value) if value else ""


def _no_clash(person: PersonRow, known: ExistingPerson) -> bool:
    """Two different employee numbers are two people, whatever else agrees."""
    return not person.employee_id or not known.employee_id or person.employee_id == known.employee_id


def _weight(person: PersonRow) -> Weight:
    if not person.problems:
        return Weight.NOTE
    return max((p.weight for p in person.problems), default=Weight.NOTE)


def _site_keys(person: PersonRow, employer: str) -> list[SiteKey]:
    pairs = (("dorm", person.dorm), ("workplace", person.site))
    return [SiteKey(employer, kind, name) for kind, name in pairs if name]
