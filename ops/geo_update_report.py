"""What a change of tables does to stored places, in lines: which codes, for how many places, of whom. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from uuid import UUID

from core.model import AreaCode
from geo.areas import Areas, UnknownArea
from geo.placing import Replacing
from ops.geo_update_store import Touched

#: More kinds of change, or sites of one organisation, than this are counted, not printed.
MOST_LINES = 30


class Summary:
    """Adds up batch by batch; holds no person and no place but its number."""

    def __init__(self) -> None:
        self.places = 0
        self.changed = 0
        self._kinds: Counter[Replacing] = Counter()
        self._homes: Counter[str] = Counter()
        self._sites: dict[str, set[str]] = defaultdict(set)

    def add(self, seen: int, changes: Iterable[tuple[UUID, Replacing]], whose: Iterable[Touched]) -> None:
        """One batch: how many places were looked at, what changed, and of whom."""
        self.places += seen
        for _, change in changes:
            self.changed += 1
            self._kinds[change] += 1
        for touched in whose:
            if touched.site:
                self._sites[touched.org].add(touched.site)
            else:
                self._homes[touched.org] += 1

    def lines(self, before: Areas, after: Areas) -> Iterator[str]:
        """The whole, for a terminal or a log."""
        if not self.changed:
            yield f"{self.places} stored places: all keep their area codes"
            return
        yield f"{self.places} stored places: the area codes of {self.changed} change"
        for change, number in _most(self._kinds):
            words = [
                f"{verb} {', '.join(_name(code, table) for code in sorted(codes))}"
                for verb, codes, table in (("lost", change.lost, before), ("gained", change.gained, after))
                if codes
            ]
            yield f"  {number} {'place' if number == 1 else 'places'}: {'; '.join(words)}"
        if len(self._kinds) > MOST_LINES:
            yield f"  ... and {len(self._kinds) - MOST_LINES} other kinds of change"
        yield "for whom:"
        for org in sorted(self._sites.keys() | self._homes.keys()):
            yield f"  {org or 'people without an organisation'}: {self._of(org)}"

    def _of(self, org: str) -> str:
        sites, homes = sorted(self._sites.get(org, ())), self._homes[org]
        words = [f"places of people: {homes}"] if homes else []
        if sites:
            more = f" and {len(sites) - MOST_LINES} more" if len(sites) > MOST_LINES else ""
            words.append(f"sites: {', '.join(sites[:MOST_LINES])}{more}")
        return "; ".join(words)


def _most(kinds: Counter[Replacing]) -> list[tuple[Replacing, int]]:
    return sorted(kinds.items(), key=lambda item: (-item[1], sorted(item[0].lost), sorted(item[0].gained)))[:MOST_LINES]


def _name(code: AreaCode, areas: Areas) -> str:
    try:
        return f"{code.scheme}:{code.code} {areas.name(code.scheme, code.code)}"
    except UnknownArea:
        return f"{code.scheme}:{code.code}"
