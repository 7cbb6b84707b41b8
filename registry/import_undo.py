"""Taking an import back: which of its changes still stand as they were written, and why others cannot go. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from registry.import_ledger import Change


class Kept(NamedTuple):
    """Somebody whom the undo leaves alone, and why (staff.import.undo.why.<code>)."""

    resident_id: UUID
    why: str


class Undo(NamedTuple):
    """What taking an import back would do. `orgs`: the changes of organisations, sites and their places."""

    remove: tuple[UUID, ...]  # people whom the import made
    restore: tuple[Change, ...]  # people whom it changed, or whose membership it ended
    unhouse: tuple[Change, ...]  # people to whom it gave the place of their dorm or workplace
    kept: tuple[Kept, ...]
    orgs: tuple[Change, ...]


def undo(
    changes: Sequence[Change],
    created: Sequence[UUID],
    acted: Mapping[UUID, str],
    now: Mapping[UUID, Mapping[str, Any]],
) -> Undo:
    """Decide every change.

    `created`: the people the import made. `acted`: residents who are no longer only an entry of this import -> why
    (enrolled, alerted, leader, ...); "" for the others, missing for those who are gone. `now`: the present values of
    changed residents (import_snapshot_store.people_now).
    """
    restore, unhouse = [], []
    remove = [i for i in created if acted.get(i) == ""]
    kept = [Kept(i, why) for i in created if (why := acted.get(i))]
    for change in changes:
        if change.kind in ("changed", "ended"):
            present = now.get(change.row_id)
            if present is None:
                continue
            if _same(present, change.values["after"]):
                restore.append(change)
            else:
                own = present["state"] != change.values["after"]["state"]
                kept.append(Kept(change.row_id, "enrolled" if own else "changed_since"))
        elif change.kind == "housed":
            unhouse.append(change)
    orgs = tuple(c for c in changes if c.kind in ("organisation", "site", "site_place"))
    return Undo(tuple(remove), tuple(restore), tuple(unhouse), tuple(kept), orgs)


#: Values that other parts of the service write without anybody having decided anything about the entry.
_ASIDE = frozenset({"home", "work"})


def _same(present: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether nobody has touched the entry since. A home or workplace counts by what it was set to, not by whether
    a later import gave the dorm a place."""
    return all(present.get(name) == value or (name in _ASIDE and value is None) for name, value in after.items())
