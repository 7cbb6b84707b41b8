"""What the clerk answers on an upload's pages: read from the form, kept with the run, given to the planner. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from registry.import_plan import AS_NEW, LEAVE_OUT, MAKE_NEW, SKIP, Choices
from registry.import_view import CHOICES


def read_choices(
    fields: Iterable[tuple[str, str]], shown: Mapping[str, Any], before: Mapping[str, Any]
) -> dict[str, Any]:
    """The answers of the plan's form, as they are stored. `shown`: the plan that the form belonged to; answers to what
    it did not show are left out. `before`: the answers of before, which may be given again.

    Fields: row.<number> = skip | new | <resident id>; employer.<position> = "" | + | <key>; gone = <resident id>.
    """
    offered = {str(row["number"]): row for group in shown["groups"] for row in group["rows"]}
    known = {key for key, _ in shown["known"]}
    absent = {person["id"] for person in shown["absent"]}
    rows: dict[str, str] = {}
    employers: dict[str, str] = {}
    gone: list[str] = []
    for name, value in fields:
        kind, _, which = name.partition(".")
        if kind == "row" and which in offered and value:
            likeness = offered[which]["likeness"]
            again = before.get("rows", {}).get(which)
            if value in (SKIP, AS_NEW, again) or (likeness and value == likeness["id"]):
                rows[which] = value
        elif kind == "employer" and which.isdigit() and int(which) < len(shown["proposed"]):
            if value in (LEAVE_OUT, MAKE_NEW) or value in known:
                employers[shown["proposed"][int(which)]["key"]] = value
        elif name == "gone" and value in absent:
            gone.append(value)
    return {"rows": rows, "employers": employers, "gone": gone}


def decode_choices(stored: Mapping[str, Any]) -> Choices:
    """Stored answers for the planner."""
    return Choices(
        rows={int(number): value for number, value in stored.get("rows", {}).items()},
        employers=dict(stored.get("employers", {})),
        gone=frozenset(UUID(value) for value in stored.get("gone", ())),
    )


def read_mapping(fields: Iterable[tuple[str, str]], shown: Mapping[str, Any]) -> tuple[dict[str, int], str]:
    """The columns form: (field -> column, the field that two columns were given, "" if none).

    Fields: column.<index> = a field or "".
    """
    columns = {str(c["index"]): c["index"] for c in shown["columns"]}
    index: dict[str, int] = {}
    for name, value in fields:
        kind, _, which = name.partition(".")
        if kind == "column" and which in columns and value in CHOICES:
            if value in index:
                return index, value
            index[value] = columns[which]
    return index, ""
