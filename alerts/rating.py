"""How hard an event knocks where: its areas with their severities, and where it is over. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from alerts.decision import POLYGON, RELAY, Geography, RatedArea
from alerts.rules import Rule, severity_of
from core.model import Area, AreaCode, Change, Event, Level, Severity, level_rank
from geo.rivers import SCHEME, river_code

#: A quake area that reached this level makes its silent municipalities count with the area's maximum.
SILENT_TOWN_FROM: Final = "5-"

#: Schemes by which people are matched, narrowest first: the first one that an event carries is used, so that a wider
#: block of the same telegram never reaches people who are not warned.
MATCH_SCHEMES: Final = (
    "jma.city",
    "jma.quake_area",
    "jma.tsunami_area",
    "jma.class15",
    "jma.class10",
    "jma.office",
)

#: A relay's quake is rated as JMA's flash report is: never harder than `severe`.
_FLASH: Final = "VXSE51"
RELAY_CAP: Final = Severity.SEVERE


def rate(event: Event, rule: Rule, geography: Geography) -> tuple[RatedArea, ...]:
    """The areas in which people are told, each with its severity, silent municipalities included; worst first."""
    rated: dict[AreaCode, RatedArea] = {}
    areas = matching(event)
    maxima = {a.code: a.level for a in event.areas if a.scheme == "jma.quake_area"}
    for area in areas:
        if area.change is Change.LIFTED:
            continue
        area_max: Level = None
        counted = area
        if area.not_received and level_rank(maxima.get(area.parent)) > level_rank(area.level):
            area_max = maxima[area.parent]
            counted = replace(area, level=area_max)
        severity = _severity(event, rule, counted)
        if severity is not None:
            _keep_worse(rated, RatedArea(area, severity, area_max, shape=shape_of(event, area)))
    if areas and areas[0].scheme == "jma.city" and event.hazard == "earthquake":
        named = {area.code for area in areas}
        for code, level in maxima.items():
            if level_rank(level) < level_rank(SILENT_TOWN_FROM):
                continue
            for city in geography.cities_of(code):
                if city in named:
                    continue
                silent = Area(
                    "jma.city",
                    city,
                    name=geography.name_of("jma.city", city),
                    level=level,
                    not_received=True,
                    parent=code,
                )
                severity = _severity(event, rule, silent)
                if severity is not None:
                    _keep_worse(rated, RatedArea(silent, severity, area_max=level, announced=False))
    return tuple(sorted(rated.values(), key=_worst_first))


def _worst_first(rated: RatedArea) -> tuple[int, int, bool, str]:
    """Of areas that are equally bad a municipality before a river: it is what a text calls a place by."""
    return -rated.severity.rank, -level_rank(rated.level), rated.area.scheme == SCHEME, rated.area.code


def _severity(event: Event, rule: Rule, area: Area) -> Severity | None:
    if event.source != RELAY:
        return severity_of(rule, area, event.type)
    severity = severity_of(rule, area, _FLASH if event.hazard == "earthquake" else event.type)
    return RELAY_CAP if severity is not None and severity.rank > RELAY_CAP.rank else severity


def _keep_worse(rated: dict[AreaCode, RatedArea], new: RatedArea) -> None:
    code = AreaCode(new.area.scheme, new.area.code)
    old = rated.get(code)
    if old is None or weight(new) > weight(old):
        rated[code] = new


def weight(rated: RatedArea) -> tuple[int, int]:
    """For comparing two areas of one hazard: severity, then level."""
    return (rated.severity.rank, level_rank(rated.level))


def matching(event: Event) -> tuple[Area, ...]:
    """By what people are matched: the areas of the narrowest scheme; only without any of those the polygons.

    A river reaches the places in its flood areas besides, in the prefectures that its bulletin speaks of.
    """
    for scheme in MATCH_SCHEMES:
        found = tuple(a for a in event.areas if a.scheme == scheme)
        if found:
            return found + _rivers(event, {a.code[:2] for a in found})
    return tuple(
        Area(
            POLYGON,
            str(number),
            level=polygon.level,
            change=Change.LIFTED if polygon.level in (0, "none") else Change.NONE,
        )
        for number, polygon in enumerate(event.polygons)
        if polygon.level is not None
    )


def _rivers(event: Event, prefectures: Collection[str]) -> tuple[Area, ...]:
    """The rivers of a flood bulletin as the places in their flood areas carry them (geo.rivers).

    The first two digits of a municipality or an office are its prefecture.
    """
    return tuple(
        replace(area, scheme=SCHEME, code=river_code(area.code, prefecture), parent=area.code)
        for area in event.areas
        if area.scheme == "jma.river"
        for prefecture in sorted(prefectures)
    )


def listed_municipalities(event: Event) -> list[str]:
    """The municipalities for which a flood bulletin gives a level of their own (their gauge's), higher or lower.

    In them that level counts, and not the river's: a place at a calm gauge is not called because another one is high.
    """
    if not any(area.scheme == "jma.river" for area in event.areas):
        return []
    return sorted({area.code for area in event.areas if area.scheme == "jma.city"})


def ends_at(event: Event) -> datetime | None:
    """When what the event says ends by itself. A tsunami warning never does: the time in a VTSE41 is that of its mere
    forecasts (津波予報), which tell nobody."""
    return None if event.hazard == "tsunami" else event.valid_until


def shape_of(event: Event, area: Area) -> Mapping[str, Any] | None:
    """The GeoJSON of an area that is one of the event's polygons; None for an area with a code."""
    return event.polygons[int(area.code)].geometry if area.scheme == POLYGON else None


def over_areas(
    event: Event, rule: Rule, before: Iterable[RatedArea], rated: Sequence[RatedArea]
) -> tuple[RatedArea, ...]:
    """Where it is over: what the event lifts or lowers to a level that tells nobody, and what was warned `before`
    and is not `rated` any more. An earthquake's town is not over because a later report leaves it out, but one that
    only its quake area's maximum spoke for is, where the report gives that area less.

    Each comes with the change LIFTED, and as the event names it, where it does.
    """
    still = {r.source for r in rated if r.area.scheme != POLYGON}
    restated = {a.code for a in event.areas if a.scheme == "jma.quake_area"}
    shapes = [r.shape for r in rated if r.shape is not None]
    now = {AreaCode(a.scheme, a.code): a for a in matching(event)}
    found: dict[AreaCode, RatedArea] = {}
    for code, area in now.items():
        ended = area.change is Change.LIFTED or (
            area.change is Change.LOWERED and _severity(event, rule, area) is None and event.hazard != "earthquake"
        )
        if ended and code not in still:
            found[code] = RatedArea(replace(area, change=Change.LIFTED), Severity.INFO, shape=shape_of(event, area))
    ended_shapes = [r.shape for r in found.values() if r.shape is not None]
    for old in before:
        code = old.source
        if old.shape is not None:
            # The number of a polygon means nothing in another report: the old shape ends, the new ones still hold.
            if not old.over and old.shape not in shapes and old.shape not in ended_shapes:
                found[AreaCode(POLYGON, f"was {code.code}")] = _ended(old, old.area)
            continue
        if old.over or code in found or code in still:
            continue
        if code in now or event.hazard != "earthquake" or (not old.announced and old.area.parent in restated):
            found[code] = _ended(old, now.get(code, old.area))
    return tuple(found.values())


def _ended(old: RatedArea, area: Area) -> RatedArea:
    return RatedArea(replace(area, change=Change.LIFTED), Severity.INFO, shape=old.shape)


def is_lower(before: Sequence[RatedArea], rated: Sequence[RatedArea]) -> bool:
    """Whether somewhere less may hold now than `before`: an area that came down, or other areas or shapes than then."""
    if not before or not rated:
        return False
    now = {r.source: r for r in rated if r.shape is None}
    if {r.source.scheme for r in before} != {r.source.scheme for r in rated} or not now:
        return min(map(weight, rated)) < max(map(weight, before))
    return any(old.source in now and weight(now[old.source]) < weight(old) for old in before)


def codes_of(areas: Iterable[RatedArea]) -> frozenset[AreaCode]:
    """The codes an incident remembers of its alerts: the areas and, for municipalities, their quake area.

    The number of a polygon means nothing outside its report: it is left out.
    """
    found = set()
    for rated in areas:
        if rated.area.scheme == POLYGON:
            continue
        found.add(AreaCode(rated.area.scheme, rated.area.code))
        if rated.area.scheme == "jma.city" and len(rated.area.parent) == 3:
            found.add(AreaCode("jma.quake_area", rated.area.parent))
    return frozenset(found)
