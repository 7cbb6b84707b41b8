"""What an employer is told about the flood and landslide areas around a dorm or workplace. Pure.

Only what the ministry (MLIT) published, with its edition; what is not known is said to be not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from core.model import AreaCode, Precision
from geo.areas import Areas
from geo.zones import DEPTH_RANKS, NEAR_M, Lies, PlaceHazard, Point, RiverDepth, ZoneKind, comparable
from geo.zones_store import Edition


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence: its key, its values, and how it looks: bad, unknown or plain. `depth`, `scale`: keys inside it."""

    key: str
    tone: str
    values: Mapping[str, Any]
    depth: str = ""
    scale: str = ""


@dataclass(frozen=True, slots=True)
class SitePlace:
    """A site as far as it is needed here. `prefectures`: two digits each, by the place's municipalities."""

    id: UUID
    org_id: UUID
    kind: str
    name: str
    people: int
    place_id: UUID | None
    point: Point
    prefectures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SiteHazard:
    """A site with what is known of it; `lines` by kind of area."""

    site: SitePlace
    lines: Mapping[ZoneKind, tuple[Line, ...]]
    sources: tuple[Edition, ...]
    #: "3–5" of the deepest river, "" outside of flood areas.
    metres: str

    @property
    def in_flood(self) -> bool:
        return bool(self.metres)

    @property
    def in_landslide(self) -> bool:
        return any(line.tone == "bad" for line in self.lines[ZoneKind.LANDSLIDE])

    @property
    def endangered(self) -> bool:
        """Whether it lies in an area of either kind."""
        return self.in_flood or self.in_landslide

    @property
    def unknown(self) -> bool:
        """Whether something about it is not known."""
        return any(line.tone == "unknown" for lines in self.lines.values() for line in lines)


_NOWHERE: Final = PlaceHazard()


def site_hazard(
    site: SitePlace, found: PlaceHazard | None, editions: Sequence[Edition], lang: str, areas: Areas
) -> SiteHazard:
    """What there is to say about one site. `found` None: not compared yet, or nothing to compare it with."""
    hazard = found or _NOWHERE
    lines = {
        ZoneKind.FLOOD: _flood(hazard, _why(site, found, ZoneKind.FLOOD, hazard.flood, editions), lang, areas),
        ZoneKind.LANDSLIDE: _slope(hazard, _why(site, found, ZoneKind.LANDSLIDE, hazard.landslide, editions)),
    }
    asked = tuple(edition for edition in editions if edition.id in hazard.editions)
    return SiteHazard(site, lines, asked, "" if hazard.depth_rank is None else metres_of(hazard.depth_rank))


def metres_of(rank: int) -> str:
    """A depth rank in metres, as people of any language read it.

    >>> metres_of(3), metres_of(1), metres_of(6)
    ('3–5', '0–0.5', '20+')
    """
    low, high = DEPTH_RANKS[rank]
    return f"{low:g}+" if high is None else f"{low:g}–{high:g}"


def river_name(river: RiverDepth, lang: str, areas: Areas) -> str:
    """A river as a reader of this language knows it, with its Japanese name; that alone where JMA has no other."""
    known = AreaCode("jma.river", river.code)
    if lang == "ja" or known not in areas or areas.name(*known, "ja") != river.name:
        return river.name
    return f"{areas.name(*known, lang)} ({river.name})"


def _flood(hazard: PlaceHazard, unknown: Line | None, lang: str, areas: Areas) -> tuple[Line, ...]:
    if hazard.flood is Lies.IN:
        return tuple(
            Line(
                "staff.hazard.flood_in",
                "bad",
                {"river": river_name(river, lang, areas), "near": int(NEAR_M)},
                depth=f"staff.hazard.depth.{river.rank}",
                scale=f"staff.hazard.scale.{river.scale}",
            )
            for river in hazard.rivers
        )
    return (unknown or Line("staff.hazard.flood_out", "plain", {"near": hazard.tolerance_m}),)


def _slope(hazard: PlaceHazard, unknown: Line | None) -> tuple[Line, ...]:
    if hazard.landslide is Lies.IN:
        return (Line(f"staff.hazard.landslide_in.{hazard.slope_rank or 1}", "bad", {"near": int(NEAR_M)}),)
    return (unknown or Line("staff.hazard.landslide_out", "plain", {"near": hazard.tolerance_m}),)


def _why(
    site: SitePlace, found: PlaceHazard | None, kind: ZoneKind, lies: Lies, editions: Sequence[Edition]
) -> Line | None:
    """Why it is not known; None where it is."""
    if lies is not Lies.UNKNOWN:
        return None
    here = [e for e in editions if e.kind is kind and e.prefecture in site.prefectures]
    if site.place_id is None:
        reason = "place"
    elif not comparable(site.point):
        reason = "address"
    elif not here or {e.prefecture for e in here} != set(site.prefectures):
        reason = "no_data"
    elif found is None:
        reason = "soon"
    elif not all(edition.complete for edition in here):
        reason = "part"
    else:
        # An edition that came after the place was compared, or a point that only says the town.
        reason = "town" if site.point.precision is Precision.TOWN else "soon"
    return Line(f"staff.hazard.unknown.{reason}", "unknown", {})
