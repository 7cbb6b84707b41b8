"""What the pages of an upload show, as plain values: the columns as understood, and the plan. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from core.model import Precision
from registry.columns import FIELDS, Guess
from registry.headings import NAME_PARTS
from registry.import_plan import Fate, Plan, RowPlan

#: Rows shown per fate; the counts are always complete. What asks for an answer is shown longest.
SHOWN: Final = {Fate.REFUSED: 2_000, Fate.DOUBTFUL: 2_000, Fate.CHANGED: 500, Fate.NEW: 200, Fate.UNCHANGED: 50}
SHOWN_ABSENT: Final = 1_000
#: What a column may be taken for on the page.
CHOICES: Final = (*FIELDS[:1], *NAME_PARTS, *FIELDS[1:])


def guess_view(made: Guess) -> dict[str, Any]:
    """The columns of a file, each with its letter, heading, field and examples, and every remark."""
    return {
        "kind": "columns",
        "sheet": made.sheet,
        "sheets": list(made.sheets),
        "heading_row": made.heading_row,
        "people": made.people,
        "notes": [[f"staff.import.column.{code}", values] for code, values in made.notes],
        "columns": [
            {
                "index": column.index,
                "letter": column.letter,
                "heading": column.heading,
                "field": column.field,
                "examples": list(column.examples),
                "notes": [[f"staff.import.column.{code}", values] for code, values in column.notes],
            }
            for column in made.columns
        ],
    }


def plan_view(made: Plan, names: Mapping[str, str]) -> dict[str, Any]:
    """A plan with as many rows as a page can carry. `names`: employer's key -> name."""
    shown = {fate: [row for row in made.rows if row.fate is fate] for fate in reversed(Fate)}
    names = dict(names) | {row.employer: row.person.employer for row in made.rows if row.employer not in names}
    return {
        "kind": "plan",
        "counts": made.counts,
        "writes": made.writes,
        "employers": [
            {"name": names.get(key) or key, "counts": counts} for key, counts in sorted(made.by_employer().items())
        ],
        "proposed": [
            {"key": p.key, "name": p.name, "people": p.people, "similar": [list(s) for s in p.similar]}
            for p in made.proposed
        ],
        "known": sorted(([key, name] for key, name in names.items() if key), key=lambda pair: pair[1])
        if made.proposed
        else [],
        "groups": [
            {"fate": fate.value, "total": len(rows), "rows": [_row(row, names) for row in rows[: SHOWN[fate]]]}
            for fate, rows in shown.items()
            if rows
        ],
        "absent": [
            {"id": str(p.id), "name": p.name, "dorm": p.dorm, "employer": names.get(p.employer, p.employer)}
            for p in made.absent[:SHOWN_ABSENT]
        ],
        "absent_total": len(made.absent),
        "new_employers": list(made.new_employers),
        "new_sites": [[key.kind, key.name, names.get(key.employer, key.employer)] for key in made.new_sites[:500]],
        "extra": list(made.extra_headings),
        "places": _places(made),
    }


def _places(made: Plan) -> dict[str, int]:
    """How many different places of the list are known to the door, to the town, and to the municipality only."""
    known = Counter(located.precision for located in made.located.values())
    door, town = known[Precision.EXACT] + known[Precision.STREET], known[Precision.TOWN]
    return {"door": door, "town": town, "municipality": known.total() - door - town}


def _row(row: RowPlan, names: Mapping[str, str]) -> dict[str, Any]:
    person, other = row.person, row.likeness
    return {
        "number": person.number,
        "name": person.name,
        "dorm": person.dorm,
        "employer": names.get(row.employer, row.employer),
        "action": row.action.value,
        "problems": [[p.key, dict(p.values)] for p in person.problems],
        "differences": [[d.field, d.old, d.new] for d in row.differences],
        "likeness": {"id": str(other.id), "name": other.name, "dorm": other.dorm, "room": other.room}
        if other
        else None,
        "matched": row.match is not None,
    }


def subjects_of(made: Plan) -> list[UUID]:
    """Whose stored data the view of a plan shows."""
    shown: list[UUID] = []
    left = dict(SHOWN)
    for row in made.rows:
        if left[row.fate] <= 0:
            continue
        left[row.fate] -= 1
        shown += [i for i in (row.match, row.likeness.id if row.likeness else None) if i]
    return list(dict.fromkeys([*shown, *(p.id for p in made.absent[:SHOWN_ABSENT])]))
