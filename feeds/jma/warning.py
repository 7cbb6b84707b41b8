"""Weather warnings with levels: VPWW55 heavy rain, VPWW56 landslide, VPWW57 storm surge (in force since 28 May 2026).

Source: JMA technical notes 634 and 665. A telegram is a full snapshot of one forecast region (府県予報区). The
municipality block of the Body decides: the Headline drops the kind on lifting, and wider blocks would reach people who
are not warned. Municipalities with nothing in force are not areas of the event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from core.model import Area, Change, Event, MessageType, Tier, UnreadableReport, level_rank
from feeds.jma.codes import HAZARD, TIER_OF_LEVEL, WARNING_LEVEL, level_in_name
from feeds.jma.envelope import NS, Element, Envelope, require_body, required_text, text_at

_REGIONS = "気象警報・注意報（府県予報区等）"
_CITIES = "気象警報・注意報（市町村等）"
_SURGE_SECTIONS = "気象警報・注意報（高潮予報区間）"
#: Where Head/Title stops naming the region and starts naming the warning: 沖縄本島地方|高潮警報・注意報.
_TITLE_HAZARD = re.compile(r"レベル|大雨|土砂|高潮|気象|特別警報|危険警報|警報|注意報")


def parse_warning(envelope: Envelope) -> Event:
    """The event of one warning telegram. Raises UnreadableReport if the municipality block is missing."""
    require_body(envelope, "m")
    hazard = HAZARD[envelope.type]
    areas: tuple[Area, ...] = ()
    message_type = envelope.message_type
    if message_type is not MessageType.CANCEL:
        areas = _areas_of(envelope, hazard)
        if message_type is not MessageType.CORRECT and areas and all(a.change is Change.LIFTED for a in areas):
            message_type = MessageType.LIFT
    return envelope.event(
        hazard=hazard,
        message_type=message_type,
        subject=f"{envelope.office}:{_region(envelope)}",
        areas=areas,
        text=text_at(envelope.body, "m:Text"),
    )


def _block(envelope: Envelope, block_type: str) -> Element | None:
    return next((w for w in envelope.body.iterfind("m:Warning", NS) if w.get("type") == block_type), None)


def _region(envelope: Envelope) -> str:
    """The forecast region's name. One office may serve several; a cancellation names it only in Head/Title."""
    regions = _block(envelope, _REGIONS)
    name = "" if regions is None else text_at(regions, "m:Item/m:Area/m:Name")
    return (name or _TITLE_HAZARD.split(envelope.head_title, maxsplit=1)[0].strip())[:100]


def _areas_of(envelope: Envelope, hazard: str) -> tuple[Area, ...]:
    cities = _block(envelope, _CITIES)
    if cities is None:
        raise UnreadableReport(f"{envelope.type}: Body has no block {_CITIES}")
    areas = list(_areas(cities, hazard, "jma.city"))
    sections = _block(envelope, _SURGE_SECTIONS)
    if sections is not None:
        areas.extend(_areas(sections, hazard, "jma.surge_section"))
    return tuple(areas)


def _areas(block: Element, hazard: str, scheme: str) -> Iterator[Area]:
    for item in block.iterfind("m:Item", NS):
        name = text_at(item, "m:Area/m:Name")
        code = required_text(item, "m:Area/m:Code", f"Warning Item {name}".rstrip())
        kinds = [kind for kind in item.iterfind("m:Kind", NS) if _in_force_or_ended(kind)]
        if kinds:
            found = [_area(kind, hazard, Area(scheme, code, name)) for kind in kinds]
            yield max(found, key=lambda area: (level_rank(area.level), area.change is not Change.LIFTED))


def _in_force_or_ended(kind: Element) -> bool:
    """A Kind without name and code (発表警報・注意報はなし) says that nothing is in force."""
    return bool(text_at(kind, "m:Name") or text_at(kind, "m:Code"))


def _level(hazard: str, code: str, name: str) -> int | None:
    return WARNING_LEVEL[hazard].get(code, level_in_name(name))


def _area(kind: Element, hazard: str, area: Area) -> Area:
    name, code, status = text_at(kind, "m:Name"), text_at(kind, "m:Code"), text_at(kind, "m:Status")
    last_code, last_name = text_at(kind, "m:LastKind/m:Code"), text_at(kind, "m:LastKind/m:Name")
    last = _level(hazard, last_code, last_name) if last_code or last_name else None
    if status == "解除" or code == "00":
        return replace(area, kind=name, kind_code=code, level=0, tier=Tier.NONE, change=Change.LIFTED, last_level=last)
    level = _level(hazard, code, name)
    return replace(
        area,
        kind=name,
        kind_code=code,
        level=level,
        tier=TIER_OF_LEVEL[level] if level is not None else Tier.NONE,
        change=_change(status, level, last),
        last_level=last,
    )


def _change(status: str, level: int | None, last: int | None) -> Change:
    if status == "継続":
        return Change.CONTINUED
    if "から" in status:  # e.g. 特別警報から危険警報
        return Change.LOWERED
    # A rise is 発表 as well: only the earlier kind tells.
    if last is None or level is None:
        return Change.ISSUED
    if level == last:
        return Change.CONTINUED
    return Change.RAISED if level > last else Change.LOWERED
