"""What an organisation sees of its people in one incident: a state each, counted, grouped by site and dorm. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from core.model import Answer, Severity


class State(StrEnum):
    """Where one person stands, in the order of a dashboard: who needs somebody first."""

    HELP = "help"  # asks for help, also from an earlier incident that is still open
    UNREACHABLE = "unreachable"  # no way to reach, or every message definitively failed
    SILENT = "silent"  # asked, and no answer
    EARLIER = "earlier"  # answered before the newest, stronger warning, and not since
    MOVING = "moving"  # answered: leaving, or on duty
    NOT_SHARED = "not_shared"  # answered, and does not tell the organisation what
    OK = "ok"
    INFORMED = "informed"  # told, not asked

    @property
    def rank(self) -> int:
        return _ORDER.index(self)


_ORDER = list(State)
#: States in which somebody should act.
WAITING = frozenset({State.HELP, State.UNREACHABLE, State.SILENT, State.EARLIER})


class Standing(NamedTuple):
    """The facts that decide a person's state; people with equal facts are counted together."""

    asked: bool
    reachable: bool
    status: Answer | None = None
    #: The answer is older than the newest question.
    before_ask: bool = False
    #: The person lets this organisation see the answer (registry.consent.shares_answer).
    shared: bool = True
    #: Not shared: something was answered to the newest question. What and by which words never gets here.
    answered: bool = False
    enrolled: bool = True
    #: An open case "needs help", perhaps from an earlier incident.
    help_open: bool = False


def state_of(standing: Standing) -> State:
    """The one state to show. What a person does not share looks the same for OK and for help.

    >>> state_of(Standing(asked=True, reachable=True, status=Answer.HELP, shared=False)).value
    'not_shared'
    """
    status = standing.status
    if not standing.shared:
        # Nothing here may differ between OK and help: a call for help outlives the next question, an OK does not, so
        # neither open cases nor answers to an earlier question count.
        if standing.answered or (status is not None and not standing.before_ask):
            return State.NOT_SHARED
        if not standing.reachable:
            return State.UNREACHABLE
        return State.SILENT if standing.asked else State.INFORMED
    if standing.help_open or (status is not None and status.is_help):
        return State.HELP
    if status is not None and not standing.before_ask:
        return State.OK if status.is_green else State.MOVING
    if not standing.reachable:
        return State.UNREACHABLE
    if status is not None:
        return State.EARLIER
    return State.SILENT if standing.asked else State.INFORMED


@dataclass(frozen=True, slots=True)
class Totals:
    """How many people are in each state, and how many of all are not enrolled yet."""

    by_state: dict[State, int] = field(default_factory=dict)
    not_enrolled: int = 0

    def __getitem__(self, state: State) -> int:
        return self.by_state.get(state, 0)

    @property
    def people(self) -> int:
        return sum(self.by_state.values())

    @property
    def waiting(self) -> int:
        """People for whom somebody should act."""
        return sum(n for state, n in self.by_state.items() if state in WAITING)


def totals(standings: Iterable[tuple[Standing, int]]) -> Totals:
    """Count people given as (facts, how many)."""
    by_state: dict[State, int] = {}
    not_enrolled = 0
    for standing, count in standings:
        state = state_of(standing)
        by_state[state] = by_state.get(state, 0) + count
        if not standing.enrolled:
            not_enrolled += count
    return Totals(by_state, not_enrolled)


class Delivery(NamedTuple):
    """The best that is known about getting through: the channel, what is physically true of it, and when."""

    channel: str
    state: str  # a MessageState
    at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """One person as the own organisation may see them: no address, no note, no other organisation."""

    id: UUID
    name: str
    standing: Standing
    severity: Severity
    asked_at: datetime | None
    status_at: datetime | None = None
    status_by: str | None = None
    first_status: Answer | None = None
    first_status_at: datetime | None = None
    site: str = ""
    dorm: str = ""
    room: str = ""
    delivery: Delivery | None = None
    #: Hurt, and wants the organisation to know.
    hurt: bool = False
    #: What coordinators do about it: "" or "claimed", or the outcome of the last case of this incident.
    follow_up: str = ""
    follow_up_at: datetime | None = None
    #: Away by their own word: "away" or "home_leave", and the last day; "" and None for who is there.
    away: str = ""
    away_until: date | None = None
    #: Without any device: "leader" or "paper" brings the news; "" otherwise.
    reach_by: str = ""

    @property
    def state(self) -> State:
        return state_of(self.standing)

    @property
    def answer(self) -> Answer | None:
        """The answer this organisation may see."""
        return self.standing.status if self.standing.shared else None

    @property
    def changed(self) -> bool:
        """Whether the first answer was another one, so that both are worth showing."""
        return self.answer is not None and self.first_status is not None and self.first_status is not self.answer


#: A help call that somebody has settled no longer comes first.
SETTLED = frozenset({"ok", "help_given", "handed_over", "not_there"})


def urgency(person: Person) -> tuple[int, int, int, float, str]:
    """Sort key of people: unsettled calls for help, then by state, by severity, and the longest wait first."""
    settled = person.state is State.HELP and person.follow_up in SETTLED
    since = person.status_at if person.state is State.HELP else person.asked_at
    return (
        person.state.rank,
        1 if settled else 0,
        -person.severity.rank,
        since.timestamp() if since else 0.0,
        person.name,
    )


class Group(NamedTuple):
    """People of one site and dorm, who needs somebody first on top."""

    site: str
    dorm: str
    people: tuple[Person, ...]
    totals: Totals


def groups(people: Iterable[Person]) -> list[Group]:
    """By site and dorm; the group with most people waiting (calls for help counted first) on top, then by name."""
    grouped: dict[tuple[str, str], list[Person]] = {}
    for person in people:
        grouped.setdefault((person.site, person.dorm), []).append(person)
    made = [
        Group(site, dorm, tuple(sorted(members, key=urgency)), totals((p.standing, 1) for p in members))
        for (site, dorm), members in grouped.items()
    ]
    made.sort(key=lambda g: (-g.totals[State.HELP], -g.totals.waiting, g.site, g.dorm))
    return made


class Section(NamedTuple):
    """What a page shows of one group: people to act for as rows, the others by name, the rest as a number."""

    group: Group
    rows: tuple[Person, ...]
    names: tuple[Person, ...]
    #: People of the group (in the state asked for) who are on neither list.
    more: int


def sections(
    all_groups: Iterable[Group],
    *,
    state: State | None = None,
    place: tuple[str, str] | None = None,
    rows: int,
    names: int,
) -> list[Section]:
    """Lay groups out on a page of at most `rows` rows and `names` names, so that it opens on a phone at night.

    Without `state` people who wait are rows and the others names; with it, exactly the people in that state are rows.
    `place` (site, dorm): this group only, and all of it.
    """
    laid_out = []
    for group in all_groups:
        if place is not None and (group.site, group.dorm) != place:
            continue
        acting = [p for p in group.people if (p.state in WAITING if state is None else p.state is state)]
        others = [p for p in group.people if p.state not in WAITING] if state is None else []
        if not acting and not others:
            continue
        shown, named = acting, others
        if place is None:
            shown, named = acting[:rows], others[:names]
            rows, names = rows - len(shown), names - len(named)
        more = len(acting) + len(others) - len(shown) - len(named)
        laid_out.append(Section(group, tuple(shown), tuple(named), more))
    return laid_out


def needs_help_first(people: Sequence[Person]) -> list[Person]:
    """Who asks for help, the unsettled calls first."""
    return sorted((p for p in people if p.state is State.HELP), key=urgency)


class EmployerRow(NamedTuple):
    """One employer in the supervising view."""

    org_id: UUID
    name: str
    totals: Totals
    opened_at: datetime | None


def unopened_first(rows: Iterable[EmployerRow]) -> list[EmployerRow]:
    """Employers who have not looked yet, then who has most calls for help, then most people waiting."""
    return sorted(
        rows, key=lambda r: (r.opened_at is not None, -r.totals[State.HELP], -r.totals.waiting, r.name, r.org_id.int)
    )
