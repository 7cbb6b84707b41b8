"""River flood forecasts for designated rivers (指定河川洪水予報): VXKO50-89, one telegram per river section.

Source: JMA technical notes 634 and 665, 電文解説資料 (指定河川洪水予報). One telegram may hold gauges of different
levels: each municipality of the expected inundation takes the level of its own gauge, as the main text (主文) says.
The short form (簡略版) has a headline only; then the forecast region is the only area people can be matched by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.model import Area, Change, Event, MessageType, UnreadableReport, level_rank
from feeds.jma.codes import TIER_OF_LEVEL, plain
from feeds.jma.envelope import NS, Element, Envelope, require_body, required_text, text_at

#: Headline Information@type -> our scheme.
_HEAD_SCHEMES = {
    "指定河川洪水予報（予報区域）": "jma.river_section",
    "指定河川洪水予報（河川）": "jma.river",
    "指定河川洪水予報（府県予報区等）": "jma.office",
}
#: Last digit of a kind code: 40 is new, 41 goes on, 22 came down from a warning. 10 is lifted.
_CHANGE = {"0": Change.ISSUED, "1": Change.CONTINUED, "2": Change.LOWERED}
#: The level a main text gives its gauge. Only the mark in 【】 counts: the text may speak of a level still to come.
_MAIN_LEVEL = re.compile(r"【警戒レベル([2-5])")
_FELL_BELOW = re.compile(r"氾濫注意水位」?を下回")


def parse_flood(envelope: Envelope) -> Event:
    """The event of one river flood forecast. Raises UnreadableReport if the headline has no kind we know."""
    require_body(envelope, "m")
    areas: tuple[Area, ...] = ()
    message_type = envelope.message_type
    if message_type is not MessageType.CANCEL:
        areas = _areas_of(envelope)
        if message_type is not MessageType.CORRECT and all(a.change is Change.LIFTED for a in areas):
            message_type = MessageType.LIFT
    section = next(iter(envelope.event_ids), "") or next(
        (area.code for area in areas if area.scheme == "jma.river_section"), ""
    )
    if not section or len(section) > 100:
        raise UnreadableReport("VXKO: neither Head/EventID nor the headline names the river section")
    return envelope.event(
        hazard="river_flood",
        message_type=message_type,
        subject=section,
        areas=areas,
        text="\n".join(_main_texts(envelope)),
    )


def _areas_of(envelope: Envelope) -> tuple[Area, ...]:
    head = list(_head_areas(envelope))
    if not head:
        raise UnreadableReport("VXKO: the headline names no river section, river or region")
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
            for area in item.iterfind("h:Areas/h:Area", NS):
                yield _make(
                    scheme,
                    required_text(area, "h:Code", f"Headline {scheme}"),
                    text_at(area, "h:Name"),
                    kind=kind,
                    kind_code=code,
                    level=level,
                    change=change,
                )


def kind_level(code: str, name: str = "") -> tuple[int, Change]:
    """(level, change) of a river kind code. Raises UnreadableReport for a code outside JMA's table.

    >>> kind_level("40"), kind_level("10")
    ((4, <Change.ISSUED: 'issued'>), (0, <Change.LIFTED: 'lifted'>))
    """
    if code == "10":
        return 0, Change.LIFTED
    if len(code) == 2 and code[0] in "2345" and code.isascii() and code.isdigit():
        return int(code[0]), _CHANGE.get(code[1], Change.NONE) if code[0] != "5" else Change.ISSUED
    raise UnreadableReport(f"VXKO: unknown kind {code or '(none)'} {name}".rstrip())


def _make(
    scheme: str, code: str, name: str, *, kind: str, kind_code: str, level: int, change: Change, parent: str = ""
) -> Area:
    return Area(
        scheme=scheme,
        code=code,
        name=name,
        kind=kind,
        kind_code=kind_code,
        level=level,
        tier=TIER_OF_LEVEL[level],
        change=change,
        parent=parent,
    )


def _warning_items(envelope: Envelope) -> Iterator[Element]:
    yield from envelope.body.iterfind("m:Warning[@type='指定河川洪水予報']/m:Item", NS)


def _main_text(item: Element) -> str:
    for part in item.iterfind("m:Kind/m:Property", NS):
        if text_at(part, "m:Type") == "主文":
            return text_at(part, "m:Text")
    return ""


def _main_texts(envelope: Envelope) -> list[str]:
    texts = [_main_text(item) for item in _warning_items(envelope)]
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


def _gauges(envelope: Envelope, whole: Area) -> dict[str, Area]:
    """Gauge code -> its area, from the main texts. A gauge in several texts keeps the highest level."""
    gauges: dict[str, Area] = {}
    for item in _warning_items(envelope):
        text = _main_text(item)
        if not text:
            continue
        stated = main_text_level(text)
        for station in item.iterfind("m:Stations/m:Station", NS):
            code = required_text(station, "m:Code", "VXKO Station")
            gauge = _at_level("jma.gauge", code, text_at(station, "m:Name"), whole, stated, "")
            if code not in gauges or level_rank(gauge.level) > level_rank(gauges[code].level):
                gauges[code] = gauge
    return gauges


def _at_level(scheme: str, code: str, name: str, whole: Area, stated: int | None, parent: str) -> Area:
    """An area at its own stated level; at the telegram's where nothing is stated or the telegram lifts everything."""
    whole_level = whole.level if isinstance(whole.level, int) else 0
    if stated is None or stated == whole_level or whole.change is Change.LIFTED:
        return _make(
            scheme,
            code,
            name,
            kind=whole.kind,
            kind_code=whole.kind_code,
            level=whole_level,
            change=whole.change,
            parent=parent,
        )
    # The headline's kind and change are those of the worst gauge; of this one only the level is told.
    change = Change.LIFTED if stated == 0 else Change.NONE
    return _make(scheme, code, name, kind="", kind_code="", level=stated, change=change, parent=parent)


def _cities(envelope: Envelope, whole: Area, gauges: dict[str, Area]) -> tuple[Area, ...]:
    """The municipalities of the expected inundation, once each, at the highest level of their gauges."""
    cities: dict[str, Area] = {}
    for item in _warning_items(envelope):
        if _main_text(item):
            continue
        for place in item.iterfind("m:Areas/m:Area", NS):
            code = text_at(place, "m:CityCode")
            if not code:
                continue
            gauge_code = text_at(place, "m:Code")
            gauge = gauges.get(gauge_code)
            stated = gauge.level if gauge is not None and isinstance(gauge.level, int) else None
            city = _at_level("jma.city", code, text_at(place, "m:City"), whole, stated, gauge_code)
            if code not in cities or level_rank(city.level) > level_rank(cities[code].level):
                cities[code] = city
    return tuple(cities.values())
