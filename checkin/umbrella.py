"""What an umbrella organisation sees: numbers per organisation below it and in all, small ones hidden. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import UUID

from checkin.dashboard import Standing, State, Totals, state_of
from registry.small_counts import suppress, suppress_line

#: The columns after "people" and "told", and the states counted in each.
OK: Final = "ok"
HELP: Final = "help"
SILENT: Final = "silent"
OTHER: Final = "other"
COLUMNS: Final = (OK, HELP, SILENT, OTHER)
_COLUMN_OF: Final = {
    State.OK: OK,
    State.HELP: HELP,
    State.SILENT: SILENT,
    State.UNREACHABLE: SILENT,
    State.EARLIER: SILENT,
}


class Counted(NamedTuple):
    """So many people of one organisation with the same facts; `told` False: not told in this incident."""

    org_id: UUID
    told: bool
    standing: Standing
    people: int


class Line(NamedTuple):
    """One row of the page; None stands for a hidden number. `org_id` None: all of them."""

    org_id: UUID | None
    people: int | None
    told: int | None
    columns: tuple[int | None, ...]

    def of(self, column: str) -> int | None:
        """The number of one of COLUMNS."""
        return self.columns[COLUMNS.index(column)]


def _line(org_id: UUID | None, people: int | None, cells: tuple[int | None, ...]) -> Line:
    """The cells end with who was not told; "told" is shown only where a reader could work it out anyway."""
    *columns, not_told = cells
    told = people - not_told if people is not None and not_told is not None else None
    return Line(org_id, people, told, tuple(columns))


def lines(orgs: Iterable[UUID], counted: Iterable[Counted]) -> tuple[list[Line], Line]:
    """A line per organisation in the order given, and the line of all: what may be shown.

    Somebody who belongs to two of the organisations is counted in each.
    """
    places = {org: place for place, org in enumerate(orgs)}
    rows = [[0] * (len(COLUMNS) + 1) for _ in places]
    for one in counted:
        if one.org_id in places:
            column = COLUMNS.index(_COLUMN_OF.get(state_of(one.standing), OTHER)) if one.told else len(COLUMNS)
            rows[places[one.org_id]][column] += one.people
    shown = suppress(rows)
    if not rows:
        return [], Line(None, 0, 0, (0,) * len(COLUMNS))
    made = [_line(org, shown.row_totals[place], shown.rows[place]) for org, place in places.items()]
    return made, _line(None, shown.total, shown.column_totals)


def hidden_totals(totals: Totals) -> tuple[dict[State, int | None], int | None, int | None]:
    """An incident's numbers for who sees no names: (per state, people, not enrolled); None stands for a hidden one."""
    states = list(State)
    counts, people = suppress_line([totals[state] for state in states])
    (not_enrolled, _), again = suppress_line([totals.not_enrolled, totals.people - totals.not_enrolled])
    # Both lines have the same total: where one hides it, the other must not tell it.
    if people is None or again is None:
        people, not_enrolled = None, None
    return dict(zip(states, counts, strict=True)), people, not_enrolled


def hidden_reach(people: int, unreachable: int, no_sign: int) -> tuple[int | None, int | None, int | None]:
    """All people, of these out of reach, of these silent for long, for who sees no names; None stands for hidden."""
    shown = [suppress_line([part, people - part]) for part in (unreachable, no_sign)]
    if any(total is None for _, total in shown):
        return None, None, None
    return people, shown[0][0][0], shown[1][0][0]
