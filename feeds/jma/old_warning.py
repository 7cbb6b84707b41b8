"""The warning scheme of before 28 May 2026, sent in parallel until about 2028: VPWW53 and VPWW54, VXWW50.

Source: 電文解説資料 (気象特別警報・警報・注意報, 土砂災害警戒情報). A telegram of warnings holds rain, rivers and surge
together: one event for each. Heavy rain says by its Condition and its notes whether inundation or landslides are
meant. In the transition a 危険警報 (level 4) is written as 警報: 3 is the least that it means.
VPWW53 and VPWW54 say the same and share their threads, so that the second tells nobody anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from core.model import Area, Change, Event, MessageType, Tier, UnreadableReport
from feeds.jma.envelope import NS, Envelope, require_body, text_at
from feeds.jma.kinds import TIER_OF_LEVEL
from feeds.jma.warning import CITIES, block, change_of, items, lift_if_over, region
from feeds.untrusted import Element

_RAIN = {"33": 5, "03": 3, "10": 2}
_RIVER = {"04": 3, "18": 2}
_SURGE = {"38": 5, "08": 3, "19": 2}
#: Hazard -> kind code -> level; rain is two hazards (`_rain_levels`).
_LEVELS = {"river_flood": _RIVER, "storm_surge": _SURGE}
#: Hazard of rain -> (word in Condition, word in the notes that stand for an advisory).
_RAIN_WORDS = {"heavy_rain": ("浸水害", "浸水注意"), "landslide": ("土砂災害", "土砂災害注意")}
_HAZARDS = ("heavy_rain", "landslide", "storm_surge", "river_flood")
_LANDSLIDE = "土砂災害警戒情報"
_LANDSLIDE_LEVEL = 4


def parse_old_warning(envelope: Envelope) -> tuple[Event, ...]:
    """One event per hazard that a VPWW53 or VPWW54 names; of a cancellation all of them, without areas."""
    require_body(envelope, "m")
    if envelope.message_type is MessageType.CANCEL:
        return tuple(_event(envelope, hazard, ()) for hazard in _HAZARDS)
    cities = block(envelope, CITIES)
    if cities is None:
        raise UnreadableReport(f"{envelope.type}: Body has no block {CITIES}")
    found: dict[str, list[Area]] = {hazard: [] for hazard in _HAZARDS}
    for place, kinds in items(cities, "jma.city"):
        for hazard in _HAZARDS:
            found[hazard].extend(_areas(hazard, place, kinds))
    # A snapshot without any of these hazards says of each that it is not in force: an event without areas would not.
    return tuple(_event(envelope, hazard, tuple(areas)) for hazard, areas in found.items() if areas) or (
        _event(envelope, "heavy_rain", ()),
    )


def parse_old_landslide(envelope: Envelope) -> tuple[Event, ...]:
    """The event of one VXWW50: landslide at level 4."""
    require_body(envelope, "m")
    if not envelope.event_ids:
        raise UnreadableReport("VXWW50: Head/EventID is missing, so its prefecture cannot be told")
    areas: tuple[Area, ...] = ()
    if envelope.message_type is not MessageType.CANCEL:
        cities = block(envelope, _LANDSLIDE)
        if cities is None:
            raise UnreadableReport(f"VXWW50: Body has no block {_LANDSLIDE}")
        areas = tuple(area for place, kinds in items(cities, "jma.city") for area in _alert(place, kinds[0]))
    return (
        envelope.event(
            hazard="landslide",
            message_type=lift_if_over(envelope.message_type, areas),
            subject=envelope.event_ids[0],
            areas=areas,
            text=text_at(envelope.body, "m:Text"),
        ),
    )


def _event(envelope: Envelope, hazard: str, areas: tuple[Area, ...]) -> Event:
    return envelope.event(
        hazard=hazard,
        message_type=lift_if_over(envelope.message_type, areas),
        subject=f"{envelope.office}:{region(envelope)}:{hazard}",
        thread_type="VPWW53",
        areas=areas,
        text=text_at(envelope.body, "m:Text"),
    )


def _areas(hazard: str, place: Area, kinds: list[Element]) -> Iterator[Area]:
    """The place at the level of this hazard: nothing where no kind of it is in force or has just ended."""
    for kind in kinds:
        name, code, status = text_at(kind, "m:Name"), text_at(kind, "m:Code"), text_at(kind, "m:Status")
        level = _level(hazard, code, text_at(kind, "m:Condition"), _notes(kind))
        last = _level(hazard, text_at(kind, "m:LastKind/m:Code"), text_at(kind, "m:LastKind/m:Condition"), "")
        area = replace(place, kind=name, kind_code=code, last_level=last)
        if status == "解除" and level is not None:
            yield replace(area, level=0, change=Change.LIFTED)
            return
        if level is not None:
            change = _change(status, level, last, told=kind.find("m:LastKind", NS) is not None)
            yield replace(area, level=level, tier=TIER_OF_LEVEL[level], change=change)
            return
        if last is not None:  # e.g. landslide no longer meant by a warning of heavy rain
            yield replace(area, level=0, change=Change.LIFTED)
            return


def _change(status: str, level: int, last: int | None, *, told: bool) -> Change:
    """As of a kind of the new scheme; but here the kind may go on while what it means by its Condition changes."""
    if not told:  # telegrams before 2016 do not name the kind before
        return change_of(status, level, last)
    return change_of("発表", level, last)


def _level(hazard: str, code: str, condition: str, notes: str) -> int | None:
    if hazard in _LEVELS:
        return _LEVELS[hazard].get(code)
    level = _RAIN.get(code)
    if level is None:
        return None
    word, note = _RAIN_WORDS[hazard]
    if level == 2 or (not condition and hazard == "heavy_rain") or word in condition:
        return level
    return 2 if note in notes else None


def _notes(kind: Element) -> str:
    return " ".join((note.text or "") for note in kind.iterfind("{*}Attention/{*}Note"))


def _alert(place: Area, kind: Element) -> Iterator[Area]:
    name, code, status = text_at(kind, "m:Name"), text_at(kind, "m:Code"), text_at(kind, "m:Status")
    if code == "1" or status == "解除":
        yield replace(place, kind=name, kind_code=code, level=0, tier=Tier.NONE, change=Change.LIFTED)
    elif code == "3":
        change = Change.CONTINUED if status == "継続" else Change.ISSUED
        yield replace(place, kind=name, kind_code=code, level=_LANDSLIDE_LEVEL, tier=TIER_OF_LEVEL[4], change=change)
