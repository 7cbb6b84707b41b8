"""Which organisation may stand above which, and what follows. Pure.

An employer belongs to at most one supervising organisation (監理団体); to any number of umbrellas. A member group of a
volunteer network is itself a volunteer network or a community group: its coordinators work on the same board.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import UUID

from core.model import OrgKind

#: (kind above, kind below) -> kind of the relation.
_UNDER_UMBRELLA: Final = (
    OrgKind.EMPLOYER,
    OrgKind.SUPERVISING,
    OrgKind.COMMUNITY,
    OrgKind.VOLUNTEER_NETWORK,
    OrgKind.SCHOOL,
)
_RELATIONS: Final = {
    (OrgKind.SUPERVISING, OrgKind.EMPLOYER): "supervises",
    (OrgKind.VOLUNTEER_NETWORK, OrgKind.VOLUNTEER_NETWORK): "member",
    (OrgKind.VOLUNTEER_NETWORK, OrgKind.COMMUNITY): "member",
    **{(OrgKind.UMBRELLA, kind): "umbrella" for kind in _UNDER_UMBRELLA},
}
#: Kinds that can stand above others.
ABOVE: Final = tuple(dict.fromkeys(above for above, _ in _RELATIONS))
#: Kinds that can stand below others.
BELOW: Final = tuple(dict.fromkeys(below for _, below in _RELATIONS))


class Relation(NamedTuple):
    """`other_id` stands below `org_id`; `kind`: "supervises", "member" or "umbrella"."""

    org_id: UUID
    other_id: UUID
    kind: str


class RelationProblem(ValueError):
    """Two organisations that cannot be related so. `key`: the words to show."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def relation(above: tuple[UUID, OrgKind], below: tuple[UUID, OrgKind], existing: Iterable[Relation]) -> Relation:
    """The relation of two organisations, given as (id, kind). Raises RelationProblem.

    `existing`: every relation there is: a second supervising organisation is refused, and so are circles.
    """
    kind = _RELATIONS.get((above[1], below[1]))
    if kind is None or above[0] == below[0]:
        raise RelationProblem("staff.relations.impossible")
    known = list(existing)
    if kind == "supervises" and any(r.kind == kind and r.other_id == below[0] and r.org_id != above[0] for r in known):
        raise RelationProblem("staff.relations.supervised")
    if above[0] in _under(below[0], known):
        raise RelationProblem("staff.relations.circle")
    return Relation(above[0], below[0], kind)


def _under(org: UUID, relations: Iterable[Relation]) -> set[UUID]:
    """Everything below an organisation, at any depth."""
    children: dict[UUID, list[UUID]] = {}
    for one in relations:
        children.setdefault(one.org_id, []).append(one.other_id)
    found: set[UUID] = set()
    waiting = [org]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found
