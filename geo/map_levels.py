"""Which level stands where: the areas of the newest reports, resolved to the areas a map draws. Pure.

A municipality that a report names speaks for itself. A wider area (a quake area, a warning area, a coast) speaks for
its municipalities only where the report names none of them: its level is the highest inside, not everybody's. One
exception: an earthquake report names every municipality with a figure, so where its quake area reached 5-lower or more
and a municipality is missing, no figure came from there, and the map says so instead of showing calm (DESIGN §4).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from core.model import Area, AreaCode, Change, level_rank
from geo.areas import Areas
from geo.map_scale import Said, Scale, scale_of, worst

_CITY_SCHEMES: Final = ("jma.city", "jis")
#: Wider areas, the most exact first.
_WIDER: Final = ("jma.quake_area", "jma.class15", "jma.class10", "jma.tsunami_area", "jma.office", "jma.quake_pref")
#: From here on a town without a figure must not look calm (震度５弱以上未入電).
_SHAKEN: Final = level_rank("5-")


class Report(NamedTuple):
    """The areas of one report about one hazard: the newest of its thread."""

    hazard: str
    areas: tuple[Area, ...]


def levels_on(codes: Iterable[str], reports: Iterable[Report], areas: Areas) -> dict[str, list[Said]]:
    """Per 7-digit polygon code what stands there, the worst of each scale; codes where nothing stands are left out."""
    drawn = list(codes)
    spoken = [_spoken(report, areas) for report in reports]
    found: dict[str, list[Said]] = {}
    for code in drawn:
        own, wider = keys_of(code, areas)
        here = [said for one in spoken if (said := one.at(own, wider)) is not None]
        by_scale = [worst(s for s in here if s.scale is scale) for scale in Scale]
        if any(by_scale):
            found[code] = [said for said in by_scale if said is not None]
    return found


@functools.lru_cache(maxsize=4096)
def keys_of(code: str, areas: Areas) -> tuple[list[AreaCode], list[AreaCode]]:
    """The area codes that speak for a polygon: those of the municipality itself (its city, its wards), and wider ones.

    A code of polygons that the table no longer knows stands for itself alone.
    """
    jis = code[:5]
    own = [AreaCode("jma.city", code), AreaCode("jma.city", f"{jis}00"), AreaCode("jis", jis)]
    if AreaCode("jis", jis) not in areas:
        return own, []
    for near in filter(None, (*areas.wards(jis), areas.city_of_ward(jis))):
        own += [AreaCode("jis", near), AreaCode("jma.city", f"{near}00")]
    if code.endswith("00"):
        own += [AreaCode("jma.city", part) for part in areas.parts_of(jis)]
    rank = {scheme: at for at, scheme in enumerate(_WIDER)}
    wider = [a for a in areas.codes_for_jis(jis, [code]) if a.scheme in rank]
    return list(dict.fromkeys(own)), sorted(wider, key=lambda a: (rank[a.scheme], a.code))


class _Spoken:
    """A report by area code."""

    def __init__(self, report: Report) -> None:
        self.hazard = report.hazard
        self.said: dict[AreaCode, list[Area]] = {}
        for area in report.areas:
            if area.change is not Change.LIFTED:
                self.said.setdefault(AreaCode(area.scheme, area.code), []).append(area)
        #: Wider areas of which the report names municipalities.
        self.detailed: set[AreaCode] = set()

    def at(self, own: list[AreaCode], wider: list[AreaCode]) -> Said | None:
        if mine := worst(self._all(own)):
            return mine
        for code in wider:
            if code not in self.said:
                continue
            said = worst(self._all([code]))
            if said is None:
                return None
            shaken = said.scale is Scale.INTENSITY
            if code not in self.detailed:
                return said._replace(no_figure=shaken)
            return said._replace(no_figure=True) if shaken and level_rank(said.level) >= _SHAKEN else None
        return None

    def _all(self, codes: list[AreaCode]) -> list[Said]:
        found = []
        for code in codes:
            for area in self.said.get(code, ()):
                if scaled := scale_of(area.level, area.tier):
                    found.append(Said(*scaled, area.not_received, area.not_received, (self.hazard,)))
        return found


def _spoken(report: Report, areas: Areas) -> _Spoken:
    spoken = _Spoken(report)
    for code in [c for c in spoken.said if c.scheme in _CITY_SCHEMES]:
        jis = code.code[:5]
        if AreaCode("jis", jis) in areas:
            parts = [code.code] if len(code.code) == 7 else []
            spoken.detailed.update(a for a in areas.codes_for_jis(jis, parts) if a.scheme in _WIDER)
    return spoken


def by_region(levels: Mapping[str, list[Said]], members: Mapping[str, Iterable[str]]) -> dict[str, list[Said]]:
    """The worst of each scale per region: `members` names the polygon codes of each."""
    found = {}
    for region, codes in members.items():
        inside = [said for code in codes for said in levels.get(code, ())]
        tops = [worst(s for s in inside if s.scale is scale) for scale in Scale]
        if any(tops):
            found[region] = [said for said in tops if said is not None]
    return found
