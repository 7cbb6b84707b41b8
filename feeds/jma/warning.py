"""Weather warnings of municipalities, in force since 28 May 2026: VPWW55 heavy rain, VPWW56 landslide and VPWW57 storm
surge with levels; VPWW58 storm, VPWW59 waves, VPWW60 snow and VPWW61 other advisories without.

Source: JMA technical notes 634 and 665. A telegram is a full snapshot of one forecast region (府県予報区). The
municipality block of the Body decides: the Headline drops the kind on lifting, and wider blocks would reach people who
are not warned. Municipalities with nothing in force are not areas of the event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from core.model import Area, Change, Event, MessageType, Tier, UnreadableReport, level_rank
from feeds.jma.envelope import NS, Envelope, require_body, required_text, text_at
from feeds.jma.kinds import (
    TIER_OF_LEVEL,
    WARNING_LEVEL,
    WARNING_TIER,
    is_urgent,
    level_in_name,
    tier_in_name,
    unknown_note,
)
from feeds.untrusted import Element

_REGIONS = "気象警報・注意報（府県予報区等）"
CITIES = "気象警報・注意報（市町村等）"
_SURGE_SECTIONS = "気象警報・注意報（高潮予報区間）"
_HAZARD = {
    "VPWW55": "heavy_rain",
    "VPWW56": "landslide",
    "VPWW57": "storm_surge",
    "VPWW58": "storm_wind",
    "VPWW59": "high_waves",
    "VPWW60": "heavy_snow",
    "VPWW61": "other",
}
#: Where Head/Title stops naming the region and starts naming the warning: 沖縄本島地方|高潮警報・注意報.
_TITLE_HAZARD = re.compile(
    r"レベル|大雨|土砂|高潮|気象|暴風|風雪|強風|波浪|大雪|洪水|雷|融雪|濃霧|乾燥|なだれ|低温|霜|着氷|着雪|その他|竜巻"
    r"|特別警報|危険警報|警報|注意報"
)
_TIERS = [Tier.NONE, Tier.FORECAST, Tier.ADVISORY, Tier.WARNING, Tier.DANGER, Tier.SPECIAL]
#: So many unknown kinds are named in an event; more say nothing new to an operator.
_MAX_NOTES = 20


def parse_warning(envelope: Envelope) -> tuple[Event, ...]:
    """The event of one warning telegram. Raises UnreadableReport if the municipality block is missing."""
    require_body(envelope, "m")
    hazard = _HAZARD[envelope.type]
    areas: tuple[Area, ...] = ()
    if envelope.message_type is not MessageType.CANCEL:
        areas = _areas_of(envelope, hazard)
    return (
        envelope.event(
            hazard=hazard,
            message_type=lift_if_over(envelope.message_type, areas),
            subject=f"{envelope.office}:{region(envelope)}",
            areas=areas,
            text=text_at(envelope.body, "m:Text"),
            notes=_notes(envelope, hazard),
        ),
    )


def lift_if_over(message_type: MessageType, areas: Sequence[Area]) -> MessageType:
    """LIFT for an issue or update that ends every area it names; otherwise what the telegram says it is."""
    if message_type in (MessageType.CORRECT, MessageType.CANCEL) or not areas:
        return message_type
    return MessageType.LIFT if all(area.change is Change.LIFTED for area in areas) else message_type


def block(envelope: Envelope, block_type: str) -> Element | None:
    """The Body's Warning block of this type."""
    return next((w for w in envelope.body.iterfind("m:Warning", NS) if w.get("type") == block_type), None)


def region(envelope: Envelope) -> str:
    """The forecast region, by which one office's several regions are told apart.

    Head/Title names it in every telegram, a cancellation's too; the Body may list its parts instead (石狩地方).
    """
    name = _TITLE_HAZARD.split(envelope.head_title, maxsplit=1)[0].strip()
    if not name and (regions := block(envelope, _REGIONS)) is not None:
        name = text_at(regions, "m:Item/m:Area/m:Name")
    return name[:100]


def items(warnings: Element, scheme: str) -> Iterator[tuple[Area, list[Element]]]:
    """Each area of a block with its kinds in force or ended.

    A Kind without name and code (発表警報・注意報はなし) says that nothing is in force.
    """
    for item in warnings.iterfind("m:Item", NS):
        name = text_at(item, "m:Area/m:Name")
        code = required_text(item, "m:Area/m:Code", f"Warning Item {name}".rstrip())
        found = [k for k in item.iterfind("m:Kind", NS) if text_at(k, "m:Name") or text_at(k, "m:Code")]
        if found:
            yield Area(scheme, code, name), found


def _areas_of(envelope: Envelope, hazard: str) -> tuple[Area, ...]:
    cities = block(envelope, CITIES)
    if cities is None:
        raise UnreadableReport(f"{envelope.type}: Body has no block {CITIES}")
    areas = list(_areas(cities, hazard, "jma.city"))
    sections = block(envelope, _SURGE_SECTIONS)
    if sections is not None:
        areas.extend(_areas(sections, hazard, "jma.surge_section"))
    return tuple(areas)


def _areas(warnings: Element, hazard: str, scheme: str) -> Iterator[Area]:
    with_level = hazard in WARNING_LEVEL
    for place, found in items(warnings, scheme):
        areas = [_leveled(kind, hazard, place) if with_level else _unleveled(kind, place) for kind in found]
        if with_level:
            yield max(areas, key=lambda area: (level_rank(area.level), area.change is not Change.LIFTED))
        else:
            yield _joined(areas)


def _leveled(kind: Element, hazard: str, place: Area) -> Area:
    name, code, status = text_at(kind, "m:Name"), text_at(kind, "m:Code"), text_at(kind, "m:Status")
    last_code, last_name = text_at(kind, "m:LastKind/m:Code"), text_at(kind, "m:LastKind/m:Name")
    last = _level(hazard, last_code, last_name) if last_code or last_name else None
    if _is_over(code, status):
        return replace(place, kind=name, kind_code=code, level=0, change=Change.LIFTED, last_level=last)
    level = _level(hazard, code, name)
    return replace(
        place,
        kind=name,
        kind_code=code,
        level=level,
        tier=TIER_OF_LEVEL[level] if level is not None else tier_in_name(name),
        change=change_of(status, -1 if level is None else level, last),
        last_level=last,
    )


def _unleveled(kind: Element, place: Area) -> Area:
    name, code, status = text_at(kind, "m:Name"), text_at(kind, "m:Code"), text_at(kind, "m:Status")
    if _is_over(code, status):
        return replace(place, kind=name, kind_code=code, change=Change.LIFTED)
    tier = _tier(code, name)
    last_code, last_name = text_at(kind, "m:LastKind/m:Code"), text_at(kind, "m:LastKind/m:Name")
    last = _TIERS.index(_tier(last_code, last_name)) if last_code or last_name else None
    change = change_of(status, _TIERS.index(tier), last)
    return replace(place, kind=name, kind_code=code, tier=tier, change=change)


def _joined(areas: list[Area]) -> Area:
    """One area for all kinds without level of a place: the gravest first, those that ended only if nothing else is."""
    in_force = [area for area in areas if area.change is not Change.LIFTED] or areas
    in_force.sort(key=lambda area: -_TIERS.index(area.tier))
    changes = {area.change for area in in_force}
    return replace(
        in_force[0],
        kind="、".join(area.kind for area in in_force),
        kind_code=" ".join(area.kind_code for area in in_force),
        change=next((c for c in (Change.ISSUED, Change.RAISED, Change.LOWERED) if c in changes), in_force[0].change),
    )


def _is_over(code: str, status: str) -> bool:
    return status == "解除" or code == "00"


def _level(hazard: str, code: str, name: str) -> int | None:
    return WARNING_LEVEL[hazard].get(code, level_in_name(name))


def _tier(code: str, name: str) -> Tier:
    return WARNING_TIER.get(code, tier_in_name(name))


def change_of(status: str, now: int, before: int | None) -> Change:
    """How a kind in force moved, from its Status and the ranks of the kind now and before (None: not told)."""
    if status == "継続":
        return Change.CONTINUED
    if "から" in status:  # e.g. 特別警報から危険警報
        return Change.LOWERED
    # A rise is 発表 as well: only the earlier kind tells.
    if before is None or now < 0:
        return Change.ISSUED
    if now == before:
        return Change.CONTINUED
    return Change.RAISED if now > before else Change.LOWERED


def _notes(envelope: Envelope, hazard: str) -> tuple[str, ...]:
    """One note per kind, in any block, that is in force, graver than an advisory, and not in our table."""
    known = WARNING_LEVEL.get(hazard, WARNING_TIER)
    found: dict[str, None] = {}
    for kind in envelope.body.iterfind("m:Warning/m:Item/m:Kind", NS):
        name, code = text_at(kind, "m:Name"), text_at(kind, "m:Code")
        if not (name or code) or code in known or _is_over(code, text_at(kind, "m:Status")):
            continue
        if is_urgent(name) or tier_in_name(name) is not Tier.ADVISORY:
            found[unknown_note(envelope.type, code, name)] = None
    return tuple(found)[:_MAX_NOTES]
