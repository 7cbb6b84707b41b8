"""People of the API as rows of a list, so that an HR system and an uploaded file can never differ. Pure."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from registry.api_models import NumberedPersonIn
from registry.columns import HEADINGS
from registry.imports import Fate, RowPlan
from registry.rows import Problem as RowProblem

#: Fields of a person in the order of the list's columns; all but `employer`, which the token decides, and whether
#: somebody works in a home, which the API's person does not say.
COLUMNS: Final = tuple(name for name in HEADINGS if name not in ("employer", "household"))
#: The first data row of the list: row 1 holds the headings.
FIRST_ROW: Final = 2

#: Beginning of a reason's code -> the field it is about. The longest beginning wins.
_FIELD_OF: Final = {
    "no_name": "name", "phone": "phone", "no_way": "phone", "email": "email", "contact": "contact",
    "employee_id": "employee_id", "same_person": "employee_id", "language": "language", "no_language": "language",
    "unknown_language": "language", "date": "start_date", "dates": "end_date", "already_left": "end_date",
    "postal_code": "home_postal_code", "point": "home_lat", "home": "home_address", "work": "work_address",
    "place": "home_address", "no_place": "home_address", "dorm": "dorm", "matched": "name",
}  # fmt: skip

#: Says a reason in words, given its key and values.
Say = Callable[..., str]


def as_list(people: Sequence[NumberedPersonIn]) -> bytes:
    """The people as a list in CSV, headings first, one row each."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([HEADINGS[name][0] for name in COLUMNS])
    for person in people:
        given = person.model_dump(mode="json")
        writer.writerow(["" if given[name] is None else str(given[name]) for name in COLUMNS])
    return out.getvalue().encode()


def notes_of(problems: Iterable[RowProblem], say: Say, prefix: str = "") -> list[dict[str, Any]]:
    """What there is to say about a row: code, weight, JSON pointer below `prefix`, one sentence."""
    return [
        {
            "code": problem.code,
            "weight": problem.weight.name.lower(),
            "pointer": f"{prefix}/{field_of(problem.code)}",
            "detail": say(problem.key, **dict(problem.values)),
        }
        for problem in problems
    ]


def field_of(code: str) -> str:
    """The field of a person that a reason is about; the name if it is about the row as a whole.

    >>> field_of("phone_too_short"), field_of("home_not_found"), field_of("something_new")
    ('phone', 'home_address', 'name')
    """
    found = [start for start in _FIELD_OF if code.startswith(start)]
    return _FIELD_OF[max(found, key=len)] if found else "name"


def fates(rows: Iterable[RowPlan], people: Sequence[NumberedPersonIn], say: Say) -> list[dict[str, Any]]:
    """The fate of each person in the order given; one the planner says nothing about is refused."""
    by_row = {row.person.number: row for row in rows}
    made = []
    for index, person in enumerate(people):
        row = by_row.get(index + FIRST_ROW)
        made.append(
            {
                "index": index,
                "employee_id": person.employee_id,
                "fate": (row.fate if row else Fate.REFUSED).value,
                "changes": list(row.changes) if row else [],
                "notes": notes_of(row.person.problems, say, f"/people/{index}") if row else [],
            }
        )
    return made


def etag(shown: dict[str, Any]) -> str:
    """A strong validator (RFC 9110) of what is shown: equal as long as nothing the caller sees has changed."""
    canonical = json.dumps(shown, sort_keys=True, ensure_ascii=False)
    return f'"{hashlib.sha256(canonical.encode()).hexdigest()[:32]}"'


def matches(header: str, current: str | None) -> bool:
    """Whether an If-Match or If-None-Match header names the current validator ("*": any that exists)."""
    asked = [part.strip() for part in header.split(",")]
    return current is not None and ("*" in asked or current in asked)
