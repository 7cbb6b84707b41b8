"""What a map page shows for whom: which reports stand, which areas, whose numbers, and the table. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from alerts.decision import POLYGON
from alerts.rating import matching
from checkin.dashboard import Standing, State, state_of
from core.model import AreaCode, CaseReason, Event, MessageType
from geo.areas import Areas, UnknownArea
from geo.map_frame import CITY, REGION, Frame, frame_of, japan, polygon_codes, region_of
from geo.map_levels import Report
from geo.map_polygons import Drawn
from geo.map_scale import Said, Scale, scale_of, worst
from geo.map_svg import Mark
from registry.small_counts import suppress_line

#: From this step on an area belongs on the first map: levels that ask for a check-in.
_ASKS: Final = {Scale.INTENSITY: 5, Scale.TSUNAMI: 7, Scale.WARNING: 7, Scale.SEVERITY: 7, Scale.TIER: 5}
#: More prefectures than this are shown as the whole country.
MAX_PREFECTURES: Final = 3
#: So many places without people of the viewer's have a line of their own in the table: it must fit beside the map.
LINES: Final = 8
#: Shelters are shown on a map of at most so many municipalities.
MAX_FOR_SHELTERS: Final = 5
_SILENT: Final = frozenset({State.SILENT, State.UNREACHABLE, State.EARLIER})


def standing(events: Iterable[Event]) -> list[Event]:
    """The reports that count, of the newest of each thread: none that takes something back, JMA's own words where there
    are any, and no flash report (VXSE51) of a quake whose municipalities are reported (VXSE53)."""
    kept = [event for event in events if event.message_type is not MessageType.CANCEL]
    official = {event.hazard for event in kept if event.source == "jma"}
    kept = [event for event in kept if event.source == "jma" or event.hazard not in official]
    detailed = {one for event in kept if event.type == "VXSE53" for one in event.event_ids}
    kept = [event for event in kept if event.type != "VXSE51" or not detailed.intersection(event.event_ids)]
    tsunami = [event for event in kept if event.hazard == "tsunami" and (event.areas or event.polygons)]
    # A tsunami report is a snapshot of the whole country: the newest says everything.
    newest = max(tsunami, key=lambda event: event.order, default=None)
    return [event for event in kept if event.hazard != "tsunami" or event is newest]


def reports_of(events: Iterable[Event]) -> list[Report]:
    """Reports as the map reads them."""
    return [Report(event.hazard, event.areas) for event in events if event.areas]


def polygons_of(events: Iterable[Event]) -> list[tuple[Said, Mapping[str, Any]]]:
    """What reports without area codes draw themselves: each polygon as GeoJSON with what it says."""
    return [
        (Said(*scaled, hazards=(event.hazard,), partly=True), event.polygons[int(area.code)].geometry)
        for event in events
        for area in matching(event)
        if area.scheme == POLYGON and (scaled := scale_of(area.level)) is not None
    ]


def with_drawn(
    levels: Mapping[str, list[Said]], drawn: Iterable[Drawn], *, touched: bool = True
) -> dict[str, list[Said]]:
    """Per polygon code of municipalities also what was issued for a part of it, the worst of each scale.

    `touched`: also where an outline only touches a municipality.
    """
    found = {code: list(said) for code, said in levels.items()}
    for one in drawn:
        for code in one.touches if touched else one.over:
            others = [said for said in found.get(code, ()) if said.scale is not one.said.scale]
            same = [said for said in found.get(code, ()) if said.scale is one.said.scale]
            found[code] = [*others, *filter(None, [worst([*same, one.said])])]
    return found


# ---------------------------------------------------------------- which areas

_ASKED: Final = re.compile(r"jp|(\d{2}|\d{3}|\d{5}|\d{6})(,(\d{2}|\d{3}|\d{5}|\d{6})){0,11}")
_SCHEME: Final = {2: "jma.quake_pref", 3: "jma.quake_area", 5: "jis", 6: REGION}


def asked_frame(text: str) -> Frame | None:
    """The frame of `?area=`: "jp", or up to twelve codes of prefectures, quake areas, municipalities, warning areas.

    None for anything else, also for a code that no table knows.
    """
    if not _ASKED.fullmatch(text):
        return None
    if text == "jp":
        return japan()
    try:
        return frame_of(AreaCode(_SCHEME[len(code)], code) for code in text.split(","))
    except UnknownArea:
        return None


def first_frame(levels: Mapping[str, Said], towns: Iterable[str]) -> Frame:
    """Where somebody should look first: the prefectures that are hit hardest, and those of the viewer's people there.

    A prefecture in which nothing was issued is on it only where nothing was issued anywhere.
    """
    top = max((said.step for said in levels.values()), default=0)
    prefs = {code[:2] for code, said in levels.items() if said.step >= min(top, max(top - 2, _ASKS[said.scale]))}
    there = {code[:2] for code in levels}
    prefs |= {town[:2] for town in towns if town and (town[:2] in there or not there)}
    if not 0 < len(prefs) <= MAX_PREFECTURES:
        return japan()
    return frame_of(AreaCode("jma.quake_pref", pref) for pref in sorted(prefs))


def town_of(code: str, areas: Areas) -> str:
    """The municipality (JIS) of a JMA polygon or a JIS code; a ward belongs to its city."""
    jis = code[:5]
    return (areas.city_of_ward(jis) if AreaCode("jis", jis) in areas else "") or jis


def places_in(frame: Frame, areas: Areas) -> dict[str, list[str]]:
    """The rows of a frame's table: municipality -> its polygons, or warning area -> itself."""
    found: dict[str, list[str]] = {}
    for code in frame.codes:
        found.setdefault(code if frame.by_region else town_of(code, areas), []).append(code)
    return found


def place_of(town: str, frame: Frame) -> str:
    """The row that a municipality's people are counted in; "" where nothing is known about it."""
    if not frame.by_region:
        return town
    try:
        codes = polygon_codes(AreaCode("jis", town)) if town else ()
    except UnknownArea:
        return ""
    return region_of(codes[0]) if codes else ""


def zoom_to(place: str, frame: Frame, places: int) -> str:
    """`?area=` of the next map inward; "" at the innermost. Hokkaido and Okinawa are entered by region."""
    if frame.by_region:
        return place if place[:2] in ("01", "47") else place[:2]
    return place if places > 1 else ""


# ---------------------------------------------------------------- whose numbers


class Numbers(NamedTuple):
    """People by municipality as one viewer may see them; None stands for a hidden number. "" is: place unknown."""

    #: Names of the columns, e.g. ("help", "silent", "all").
    columns: tuple[str, ...]
    towns: dict[str, tuple[int | None, ...]]

    def label(self, cells: Sequence[int | None]) -> str:
        """What stands on the map: waiting of all, or one number; "!" where somebody asks for help."""
        if not cells or None in cells:
            return ""
        known = dict(zip(self.columns, (n or 0 for n in cells), strict=True))
        waiting = known.get("help", 0) + known.get("silent", 0) + known.get("unreachable", 0)
        mark = "!" if known.get("help") else ""
        if "told" in known:
            return str(known["told"]) if known["told"] else ""
        if "all" in known:
            return f"{mark}{waiting}/{known['all']}" if known["all"] else ""
        return f"{mark}{waiting}" if waiting else ""

    def waiting(self, cells: Sequence[int | None]) -> int:
        """For the order of rows: calls for help before silence, before everybody else."""
        known = dict(zip(self.columns, (n or 0 for n in cells), strict=False))
        return known.get("help", 0) * 10_000 + known.get("silent", 0) + known.get("unreachable", 0)


class TownStanding(NamedTuple):
    """So many people of one municipality (JIS code, "" for unknown) with the same facts."""

    town: str
    standing: Standing
    people: int


OWN_COLUMNS: Final = ("help", "silent", "all")
BOARD_COLUMNS: Final = ("help", "silent", "unreachable")
TOLD_COLUMNS: Final = ("told",)


def own_numbers(people: Iterable[TownStanding], areas: Areas) -> Numbers:
    """For whoever keeps a list of people: own people who ask for help, who are silent or not reached, and all."""
    towns: dict[str, list[int]] = {}
    for one in people:
        cells = towns.setdefault(town_of(one.town, areas) if one.town else "", [0, 0, 0])
        state = state_of(one.standing)
        cells[0] += one.people if state is State.HELP else 0
        cells[1] += one.people if state in _SILENT else 0
        cells[2] += one.people
    return Numbers(OWN_COLUMNS, {town: tuple(cells) for town, cells in towns.items()})


def board_numbers(cases: Mapping[str, Counter[CaseReason]], areas: Areas) -> Numbers:
    """For coordinators: the board's open cases."""
    reasons = (CaseReason.NEEDS_HELP, CaseReason.SILENT, CaseReason.UNREACHABLE)
    towns: dict[str, Counter[CaseReason]] = {}
    for town, counted in cases.items():
        towns.setdefault(town_of(town, areas) if town else "", Counter()).update(counted)
    return Numbers(BOARD_COLUMNS, {town: tuple(counted[r] for r in reasons) for town, counted in towns.items()})


def told_numbers(told: Mapping[str, int], areas: Areas) -> tuple[Numbers, int | None]:
    """For who sees no names: people told, small counts hidden over all municipalities at once, and the total.

    What is hidden is the same on every map: else two maps beside each other would tell it.
    """
    towns: Counter[str] = Counter()
    for town, people in told.items():
        towns[town_of(town, areas) if town else ""] += people
    order = sorted(towns)
    shown, total = suppress_line([towns[town] for town in order])
    return Numbers(TOLD_COLUMNS, {town: (n,) for town, n in zip(order, shown, strict=True)}), total


# ---------------------------------------------------------------- the table


class Row(NamedTuple):
    """One line of the table beside the map: a municipality, or a warning area of the whole country."""

    place: str
    codes: tuple[str, ...]
    said: Said | None
    cells: tuple[int | None, ...]
    zoom: str


class Together(NamedTuple):
    """Places with the same level and nobody of the viewer's: one line for all of them."""

    said: Said
    rows: tuple[Row, ...]


class Table(NamedTuple):
    """Lines of their own, worst first: who has people there, and the worst of the others; the rest by level; how many
    places have neither level nor people; and people whom the map cannot show."""

    rows: tuple[Row, ...]
    together: tuple[Together, ...]
    calm: int
    #: Cells of people outside the frame, and of those whose place is unknown or not for this viewer; () for nobody.
    outside: tuple[int | None, ...]
    unplaced: tuple[int | None, ...]


def table(frame: Frame, levels: Mapping[str, Said], numbers: Numbers, areas: Areas) -> Table:
    """The table of a frame. `levels`: what stands on each drawn area, in the scale that the map shows."""
    places = places_in(frame, areas)
    counted: dict[str, list[tuple[int | None, ...]]] = {}
    for town, cells in numbers.towns.items():
        key = place_of(town, frame)
        counted.setdefault(key if key in places else "outside" if town else "", []).append(cells)
    rows = []
    for place, codes in places.items():
        said = max((levels[c] for c in codes if c in levels), key=lambda s: (s.step, not s.no_figure), default=None)
        cells = _added(counted.get(place, []))
        rows.append(Row(place, tuple(codes), said, cells, zoom_to(place, frame, len(places))))
    rows.sort(key=lambda r: (-(r.said.step if r.said else 0), -numbers.waiting(r.cells), r.place))
    shown: list[Row] = []
    rest: dict[Said, list[Row]] = {}
    alone = 0
    for row in rows:
        if any(n is None or n > 0 for n in row.cells):
            shown.append(row)
        elif row.said and alone < LINES and row.said.step >= _ASKS[row.said.scale] and not row.said.no_figure:
            shown.append(row)
            alone += 1
        elif row.said:
            rest.setdefault(row.said._replace(hazards=()), []).append(row)
    together = tuple(Together(said, tuple(found)) for said, found in rest.items())
    calm = sum(1 for row in rows if row.said is None and row not in shown)
    return Table(tuple(shown), together, calm, _added(counted.get("outside", [])), _added(counted.get("", [])))


def marks_of(
    frame: Frame,
    shown: Table,
    levels: Mapping[str, Said],
    numbers: Numbers,
    link: Callable[[str], str],
    areas: Areas,
) -> dict[str, Mark]:
    """What is drawn on each area of a frame; a municipality in several parts has its number on the first.

    `link` makes the address of the map of an area.
    """
    rows, places, marks = {row.place: row for row in shown.rows}, places_in(frame, areas), {}
    for place, codes in places.items():
        cells = rows[place].cells if place in rows else ()
        label = numbers.label(cells)
        zoom = zoom_to(place, frame, len(places))
        for at, code in enumerate(codes):
            marks[code] = Mark(
                levels.get(code),
                label if at == 0 else "",
                urgent=label.startswith("!"),
                weight=numbers.waiting(cells),
                href=link(zoom) if zoom else "",
            )
    return marks


def _added(cells: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
    """Columns added up; a hidden number hides its sum."""
    return tuple(None if None in column else sum(n or 0 for n in column) for column in zip(*cells, strict=True))


def wards_of(town: str, reports: Iterable[Report], areas: Areas) -> list[tuple[str, str]]:
    """(ward, level) for a designated city whose wards a report names, in order of code: JMA draws most cities whole."""
    names = {f"{ward}00": ward for ward in areas.wards(town)}
    found = {}
    for report in reports:
        for area in report.areas:
            if area.scheme == CITY and area.code in names and area.level not in (None, 0):
                found[names[area.code]] = str(area.level)
    return sorted(found.items())


def fits_shelters(frame: Frame) -> bool:
    """Whether a frame is small enough for shelters."""
    return not frame.by_region and len({code[:5] for code in frame.codes}) <= MAX_FOR_SHELTERS
