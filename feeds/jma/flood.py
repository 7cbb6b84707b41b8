"""River floods: VXKO50-89 for designated rivers (指定河川洪水予報), VXSU50-59 for rivers with water-level notices.

Source: JMA technical notes 634 and 665, 電文解説資料 (指定河川洪水予報, 水位周知河川). A telegram may hold gauges of
different levels: each municipality of the expected inundation takes the level of its own gauge. A VXKO says it in
the main text (主文), a VXSU in the gauge's kind. The short form (簡略版) has a headline only; then the forecast region
is the only area people can be matched by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from core.model import Area, Change, Event, MessageType, UnreadableReport, level_rank
from feeds.jma.codes import plain
from feeds.jma.envelope import NS, Envelope, require_body, required_text, text_at
from feeds.jma.kinds import TIER_OF_LEVEL, level_in_name, unknown_note
from feeds.jma.warning import lift_if_over
from feeds.untrusted import Element

#: Headline Information@type -> our scheme.
_HEAD_SCHEMES = {
    "指定河川洪水予報（予報区域）": "jma.river_section",
    "指定河川洪水予報（河川）": "jma.river",
    "指定河川洪水予報（府県予報区等）": "jma.office",
    "水位周知河川に関する情報（発表区間）": "jma.river_section",
    "水位周知河川に関する情報（河川）": "jma.river",
    "水位周知河川に関する情報（府県予報区等）": "jma.office",
}
#: Last digit of a kind code: 40 is new, 41 goes on, 22 came down from a warning. 10 is lifted.
_CHANGE = {"0": Change.ISSUED, "1": Change.CONTINUED, "2": Change.LOWERED}
#: The level a main text gives its gauge. Only the mark in 【】 counts: the text may speak of a level still to come.
_MAIN_LEVEL = re.compile(r"【警戒レベル([2-5])")
_FELL_BELOW = re.compile(r"氾濫注意水位」?を下回")


def parse_flood(envelope: Envelope) -> tuple[Event, ...]:
    """The event of one river telegram. Raises UnreadableReport if the headline has no kind that says anything."""
    require_body(envelope, "m")
    areas: tuple[Area, ...] = ()
    if envelope.message_type is not MessageType.CANCEL:
        areas = _areas_of(envelope)
    section = next(iter(envelope.event_ids), "") or next(
        (area.code for area in areas if area.scheme == "jma.river_section"), ""
    )
    if not section or len(section) > 100:
        raise UnreadableReport(f"{envelope.type}: neither Head/EventID nor the headline names the river section")
    return (
        envelope.event(
            hazard="river_flood",
            message_type=lift_if_over(envelope.message_type, areas),
            subject=section,
            areas=areas,
            text="\n".join(_texts(envelope)),
            notes=_notes(envelope),
        ),
    )


def _areas_of(envelope: Envelope) -> tuple[Area, ...]:
    head = list(_head_areas(envelope))
    if not head:
        raise UnreadableReport(f"{envelope.type}: the headline names no river section, river or region")
    # The telegram's own level is that of its worst gauge; it counts where a gauge has no text of its own.
    whole = max(head, key=lambda area: level_rank(area.level))
    gauges = _gauges(envelope, whole)
    cities = _cities(envelope, whole, gauges)
    if cities:
        head = [area for area in head if area.scheme != "jma.office"]
    return (*head, *gauges.values(), *cities)


def _head_areas(envelope: Envelope) -> Iterator[Area]:
    for information in envelope.head.iterfind("h:Headline/h:Information", NS):
        scheme = _HEAD_SCHEMES.get(information.get("type", ""))
        if scheme is None:
            continue
        for item in information.iterfind("h:Item", NS):
            kind, code = text_at(item, "h:Kind/h:Name"), text_at(item, "h:Kind/h:Code")
            level, change = kind_level(code, kind)
            if envelope.type == "VXSU" and change is Change.CONTINUED:
                change = Change.NONE  # its first report says 21 as well
            for area in item.iterfind("h:Areas/h:Area", NS):
                yield Area(
                    scheme=scheme,
                    code=required_text(area, "h:Code", f"Headline {scheme}"),
                    name=text_at(area, "h:Name"),
                    kind=kind,
                    kind_code=code,
                    level=level,
                    tier=TIER_OF_LEVEL[level],
                    change=change,
                )


def _is_known(code: str) -> bool:
    return code == "10" or (len(code) == 2 and code[0] in "2345" and code[1] in "0123456789")


def kind_level(code: str, name: str = "") -> tuple[int, Change]:
    """(level, change) of a river kind code; of a code outside JMA's table what its name states.

    Raises UnreadableReport if neither says it: nothing is guessed.

    >>> kind_level("40"), kind_level("10"), kind_level("77", "レベル５氾濫特別警報")
    ((4, <Change.ISSUED: 'issued'>), (0, <Change.LIFTED: 'lifted'>), (5, <Change.ISSUED: 'issued'>))
    """
    if code == "10":
        return 0, Change.LIFTED
    if _is_known(code):
        return int(code[0]), _CHANGE.get(code[1], Change.NONE) if code[0] != "5" else Change.ISSUED
    if plain(name).endswith("解除"):
        return 0, Change.LIFTED
    level = level_in_name(name)
    if level is None:
        raise UnreadableReport(f"river flood: unknown kind {code or '(none)'} {name}".rstrip())
    return level, Change.ISSUED


def _notes(envelope: Envelope) -> tuple[str, ...]:
    found = (
        (text_at(kind, "h:Code"), text_at(kind, "h:Name"))
        for kind in envelope.head.iterfind("h:Headline/h:Information/h:Item/h:Kind", NS)
    )
    return tuple(dict.fromkeys(unknown_note(envelope.type, *kind) for kind in found if not _is_known(kind[0])))


def _items(envelope: Envelope) -> Iterator[Element]:
    for warning in envelope.body.iterfind("m:Warning", NS):
        if warning.get("type", "").startswith(("指定河川洪水予報", "水位周知河川に関する情報")):
            yield from warning.iterfind("m:Item", NS)


def _property_text(item: Element, *types: str) -> str:
    for part in item.iterfind("m:Kind/m:Property", NS):
        if text_at(part, "m:Type") in types:
            return text_at(part, "m:Text")
    return ""


def _texts(envelope: Envelope) -> list[str]:
    texts = [_property_text(item, "主文", "概況") for item in _items(envelope)]
    own = text_at(envelope.body, "m:Text")
    return [text for text in (own, *texts) if text]


def main_text_level(text: str) -> int | None:
    """The level a main text states: 2 to 5, 0 if the river fell below the advisory mark, None if it says neither.

    >>> main_text_level("【警戒レベル３相当】…警戒レベル4相当となる可能性があります"), main_text_level("")
    (3, None)
    """
    found = _MAIN_LEVEL.search(plain(text))
    if found:
        return int(found.group(1))
    return 0 if _FELL_BELOW.search(text) else None


def _stated(item: Element) -> int | None:
    """The level an item of gauges states for itself: a VXKO in its main text, a VXSU in its kind; None if neither."""
    if text := _property_text(item, "主文"):
        return main_text_level(text)
    code = text_at(item, "m:Kind/m:Code")
    return kind_level(code)[0] if _is_known(code) else None


def _gauges(envelope: Envelope, whole: Area) -> dict[str, Area]:
    """Gauge code -> its area. A gauge in several items keeps the highest level."""
    gauges: dict[str, Area] = {}
    for item in _items(envelope):
        stated = _stated(item)
        if stated is None and not _property_text(item, "主文"):
            continue
        for station in item.iterfind("m:Stations/m:Station", NS):
            place = Area("jma.gauge", required_text(station, "m:Code", "Station"), text_at(station, "m:Name"))
            gauge = _at_level(place, whole, stated)
            if gauge.code not in gauges or level_rank(gauge.level) > level_rank(gauges[gauge.code].level):
                gauges[gauge.code] = gauge
    return gauges


def _at_level(place: Area, whole: Area, stated: int | None) -> Area:
    """An area at its own stated level; at the telegram's where nothing is stated or the telegram lifts everything."""
    if stated is None or stated == whole.level or whole.change is Change.LIFTED:
        return replace(
            place,
            kind=whole.kind,
            kind_code=whole.kind_code,
            level=whole.level,
            tier=whole.tier,
            change=whole.change,
        )
    # The headline's kind and change are those of the worst gauge; of this one only the level is told.
    change = Change.LIFTED if stated == 0 else Change.NONE
    return replace(place, level=stated, tier=TIER_OF_LEVEL[stated], change=change)


def _is_inundation(item: Element) -> bool:
    """Whether the item names the municipalities that may be flooded (浸水想定地区), not the gauges."""
    return not _property_text(item, "主文", "概況") and item.find("m:Areas/m:Area/m:CityCode", NS) is not None


def _cities(envelope: Envelope, whole: Area, gauges: dict[str, Area]) -> tuple[Area, ...]:
    """The municipalities of the expected inundation, once each, at the highest level of their gauges."""
    cities: dict[str, Area] = {}
    for item in _items(envelope):
        if not _is_inundation(item):
            continue
        stations = [text_at(station, "m:Code") for station in item.iterfind("m:Stations/m:Station", NS)]
        for element in item.iterfind("m:Areas/m:Area", NS):
            place = _city(element)
            if not place.code:
                continue
            own = [gauges[code] for code in ([place.parent] if place.parent else stations) if code in gauges]
            gauge = max(own, key=lambda g: level_rank(g.level), default=None)
            if gauge is None:
                city = _at_level(place, whole, None)
            else:
                city = _at_level(
                    replace(place, parent=gauge.code), whole, gauge.level if isinstance(gauge.level, int) else None
                )
            if city.code not in cities or level_rank(city.level) > level_rank(cities[city.code].level):
                cities[city.code] = city
    return tuple(cities.values())


def _city(element: Element) -> Area:
    """A municipality. In a VXKO the Area is its gauge (the parent); in a VXSU it may be a part of a municipality."""
    code, city = text_at(element, "m:Code"), text_at(element, "m:CityCode")
    if len(code) == 7 and code[:5] == city[:5]:
        return Area("jma.city", code, text_at(element, "m:Name"))
    return Area("jma.city", city, text_at(element, "m:City"), parent=code)
