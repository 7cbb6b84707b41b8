"""In which order coordinators work, and why this one comes now. Pure.

A dorm is one unit: one call or visit settles all of it. A person without a dorm is a unit of one. Every unit carries
the sentence that says why it stands where it stands, so that the order can be argued with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from checkin.cases import Claim
from core.model import CaseReason, Purpose, Severity

#: Nobody beside them whom one could ask: between "one of six silent" and "all silent".
ALONE_SHARE = 0.5


class OpenCase(NamedTuple):
    """One open case as the order sees it."""

    id: UUID
    purpose: Purpose
    resident_id: UUID
    incident_id: UUID
    reason: CaseReason
    severity: Severity
    #: Since when the reason holds (the call for help, the failed message); for silence: when they were asked.
    since: datetime
    dorm_id: UUID | None = None
    dorm_name: str = ""
    #: Municipality (scheme jis) of the dorm or the home; "" if unknown.
    municipality: str = ""
    org_name: str = ""
    #: None: the person has not agreed to be named to coordinators, or is not enrolled yet.
    name: str | None = None
    enrolled: bool = False
    languages: tuple[str, ...] = ()
    room: str = ""
    claim: Claim | None = None
    #: Without any device: "leader" or "paper" brings the news; "" otherwise.
    reach_by: str = ""
    #: When somebody looked for this person and did not find them; None otherwise.
    missing_at: datetime | None = None


class DormCount(NamedTuple):
    """How many people of a dorm were asked, and how many of them have not answered."""

    asked: int
    silent: int


@dataclass(frozen=True, slots=True)
class Why:
    """The reason shown on the board: the key of a sentence and what to fill in."""

    key: str
    fields: Mapping[str, object] = field(default_factory=dict)


class Unit(NamedTuple):
    """What one coordinator takes on at a time."""

    purpose: Purpose
    kind: str  # "dorm" or "person"
    id: UUID  # the dorm's site, or the case
    cases: tuple[OpenCase, ...]
    why: Why

    @property
    def reasons(self) -> frozenset[CaseReason]:
        return frozenset(case.reason for case in self.cases)

    @property
    def municipality(self) -> str:
        """Code of the municipality (scheme jis); "" if unknown."""
        return self.cases[0].municipality

    @property
    def severity(self) -> Severity:
        return max((case.severity for case in self.cases), key=lambda s: s.rank)

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages spoken there, the most frequent first."""
        tally: dict[str, int] = {}
        for case in self.cases:
            for tag in case.languages:
                tally[tag] = tally.get(tag, 0) + 1
        return tuple(sorted(tally, key=lambda tag: (-tally[tag], tag)))

    def claim(self, now: datetime) -> Claim | None:
        """Who works on it now."""
        return next((c.claim for c in self.cases if c.claim is not None and c.claim.stands(now)), None)

    @property
    def path(self) -> str:
        """The unit's page below /board."""
        return f"{self.purpose.value}/{self.kind}/{self.id}"


def units(cases: Iterable[OpenCase], dorms: Mapping[UUID, DormCount], now: datetime) -> list[Unit]:
    """All open cases as units, the most urgent first.

    Order: calls for help; people looked for and not found; then the rest by severity, by the share of silent people
    in the dorm (a house where nobody answers is worse than one who overslept), and by how long they have been silent.
    """
    grouped: dict[tuple[Purpose, str, UUID], list[OpenCase]] = {}
    for case in cases:
        # Somebody who was looked for at the dorm is not settled by a call to the dorm: a unit of their own.
        alone = case.dorm_id is None or case.missing_at is not None
        key = (case.purpose, "person", case.id) if alone else (case.purpose, "dorm", _dorm(case))
        grouped.setdefault(key, []).append(case)
    ordered = []
    for (purpose, kind, id_), members in grouped.items():
        members.sort(key=lambda c: (_CASE_RANK[c.reason], -c.severity.rank, c.since, c.id))
        count = dorms.get(id_) if kind == "dorm" else None
        unit = Unit(purpose, kind, id_, tuple(members), _why(members, count, now))
        ordered.append((_urgency(unit, count), unit))
    ordered.sort(key=lambda pair: pair[0])
    return [unit for _, unit in ordered]


_CASE_RANK = {CaseReason.NEEDS_HELP: 0, CaseReason.UNREACHABLE: 1, CaseReason.SILENT: 2}


def _dorm(case: OpenCase) -> UUID:
    assert case.dorm_id is not None
    return case.dorm_id


def _share(unit: Unit, count: DormCount | None) -> float:
    if count is None or count.asked < 2:
        return ALONE_SHARE
    return min(1.0, max(count.silent, len(unit.cases)) / count.asked)


def _urgency(unit: Unit, count: DormCount | None) -> tuple[int, int, int, float, float, int, int]:
    helps = sum(case.reason is CaseReason.NEEDS_HELP for case in unit.cases)
    missing = any(case.missing_at for case in unit.cases)
    return (
        0 if helps else 1 if missing else 2,
        -unit.severity.rank,
        -helps,
        -_share(unit, count),
        min(case.since for case in unit.cases).timestamp(),
        -len(unit.cases),
        unit.id.int,
    )


def _why(cases: Sequence[OpenCase], count: DormCount | None, now: datetime) -> Why:
    helps = [case for case in cases if case.reason is CaseReason.NEEDS_HELP]
    if helps:
        return Why("staff.board.why.help", {"n": len(helps), "minutes": _minutes(min(c.since for c in helps), now)})
    missing = [case.missing_at for case in cases if case.missing_at is not None]
    if missing:
        return Why("staff.board.why.missing", {"minutes": _minutes(min(missing), now)})
    waited = _minutes(min(case.since for case in cases), now)
    if count is not None and count.asked >= 2 and max(count.silent, len(cases)) >= count.asked:
        return Why("staff.board.why.dorm_all", {"total": count.asked, "minutes": waited})
    if all(case.reason is CaseReason.UNREACHABLE for case in cases):
        return Why("staff.board.why.unreachable", {"n": len(cases), "minutes": waited})
    if count is not None and count.asked >= 2:
        return Why("staff.board.why.dorm_some", {"n": len(cases), "total": count.asked, "minutes": waited})
    return Why("staff.board.why.silent", {"minutes": waited})


def _minutes(since: datetime, now: datetime) -> int:
    return max(0, int((now - since).total_seconds() // 60))


@dataclass(frozen=True, slots=True)
class Filter:
    """What a coordinator wants to see. Empty: everything."""

    reason: CaseReason | None = None
    #: "mine", "free" (claimed by nobody) or "".
    whose: str = ""
    #: Code of a municipality, "" for people whose municipality is unknown; None: everywhere.
    place: str | None = None


def chosen(all_units: Iterable[Unit], wanted: Filter, me: UUID, now: datetime) -> list[Unit]:
    """The units a filter leaves, in their order."""
    kept = []
    for unit in all_units:
        claim = unit.claim(now)
        if wanted.place is not None and unit.municipality != wanted.place:
            continue
        if wanted.reason is not None and wanted.reason not in unit.reasons:
            continue
        if wanted.whose == "mine" and (claim is None or claim.staff_id != me):
            continue
        if wanted.whose == "free" and claim is not None:
            continue
        kept.append(unit)
    return kept


def by_municipality(chosen_units: Iterable[Unit]) -> list[tuple[str, list[Unit]]]:
    """Units under their municipality's code; the municipality of the most urgent unit first."""
    grouped: dict[str, list[Unit]] = {}
    for unit in chosen_units:
        grouped.setdefault(unit.municipality, []).append(unit)
    return list(grouped.items())


def calls_for_help(chosen_units: Iterable[Unit]) -> tuple[list[Unit], list[Unit]]:
    """Units with a call for help, in their order wherever they are, and the rest: no town hides another's call."""
    helps: list[Unit] = []
    rest: list[Unit] = []
    for unit in chosen_units:
        (helps if CaseReason.NEEDS_HELP in unit.reasons else rest).append(unit)
    return helps, rest


def people_by_place(chosen_units: Iterable[Unit]) -> dict[str, int]:
    """How many people wait in each municipality (code -> people), the one with the most urgent unit first."""
    return {code: sum(len(unit.cases) for unit in members) for code, members in by_municipality(chosen_units)}


class Page(NamedTuple):
    """A part of a list too long for one page; `first` and `last` count from 1, `of` is the whole list."""

    units: tuple[Unit, ...]
    number: int
    first: int
    last: int
    of: int

    @property
    def has_next(self) -> bool:
        return self.last < self.of


def page_of(chosen_units: Sequence[Unit], number: int, size: int) -> Page:
    """Page `number` (from 1); the last page where there are fewer."""
    pages = max(1, -(-len(chosen_units) // size))
    number = min(max(1, number), pages)
    start = (number - 1) * size
    part = tuple(chosen_units[start : start + size])
    return Page(part, number, min(start + 1, len(chosen_units)), start + len(part), len(chosen_units))
