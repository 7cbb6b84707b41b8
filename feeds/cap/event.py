"""What a CAP alert means for us: an event per hazard, its areas with levels, its place in a thread. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.model import Area, AreaCode, Change, Event, Level, MessageType, Polygon, Status, level_rank
from feeds.cap.alert import Alert, Info, NotUsed, Place
from feeds.cap.geocodes import name_of
from feeds.cap.hazards import hazard_of, level_of
from feeds.near import reaches_japan
from geo.areas import Areas, UnknownArea
from geo.shapes import Shapes

TYPE = "CAP"

STATUS = {
    "Actual": Status.ACTUAL,
    "Exercise": Status.EXERCISE,
    "System": Status.TEST,
    "Test": Status.TEST,
    "Draft": Status.TEST,
}
_MESSAGE = {"Alert": MessageType.ISSUE, "Update": MessageType.UPDATE, "Cancel": MessageType.CANCEL}
_NOT_ALERTS = {"Ack": "an acknowledgement, not an alert", "Error": "a rejection of another message, not an alert"}
MAX_TEXT = 12_000


def message_type(alert: Alert) -> MessageType:
    """What the alert does to those before it: all-clear in every block lifts, and Cancel says it was wrong.

    Raises NotUsed for acknowledgements and for what is not for the public.
    """
    if alert.msg_type in _NOT_ALERTS:
        raise NotUsed(f"CAP {alert.msg_type}: {_NOT_ALERTS[alert.msg_type]}")
    if alert.scope != "Public":
        raise NotUsed(f"CAP scope {alert.scope}: not for the public")
    if alert.infos and all(_is_over(info) for info in alert.infos):
        return MessageType.LIFT
    return _MESSAGE[alert.msg_type]


def events_of(alert: Alert, source: str) -> tuple[Event, ...]:
    """The events of one alert: one per hazard, the same in all languages. Raises NotUsed, also for far places."""
    kind = message_type(alert)
    if not alert.infos and kind is not MessageType.CANCEL:
        raise NotUsed("CAP alert without an info block: it says nothing")
    blocks: dict[str, list[Info]] = {}
    for info in alert.infos:
        blocks.setdefault(hazard_of(info.event, info.categories, info.event_codes), []).append(info)
    if not blocks:
        blocks["other"] = []  # a bare Cancel: what it takes back is known by its thread
    return tuple(_event(alert, source, hazard, infos, kind, len(blocks) > 1) for hazard, infos in blocks.items())


def _event(alert: Alert, source: str, hazard: str, infos: list[Info], kind: MessageType, several: bool) -> Event:
    first = alert.references[0][1] if alert.references else alert.id
    cancelled = kind is MessageType.CANCEL
    areas, polygons = ((), ()) if cancelled else _where(infos)
    if not areas and polygons and kind is MessageType.ISSUE and not any(reaches_japan(p.geometry) for p in polygons):
        # An update of something known is kept wherever it went: whoever was warned hears of it.
        raise NotUsed("CAP alert of which nothing is near Japan")
    ends = [info.expires for info in infos]
    told = _preferred(infos)
    return Event(
        source=source,
        type=TYPE,
        hazard=hazard,
        status=STATUS[alert.status],
        message_type=kind,
        thread=f"{source}:{alert.status}:{first}{f':{hazard}' if several else ''}",
        event_ids=tuple(dict.fromkeys([alert.id, *(identity for _, identity in alert.references)])),
        issued_at=alert.sent,
        sent_at=alert.sent,
        title="" if told is None else told.event,
        headline="" if told is None else told.headline or told.event,
        office=alert.sender[:100] if told is None else told.sender_name or alert.sender[:100],
        # Only of a quake is the onset the moment at which something happened.
        occurred_at=told.onset if told is not None and hazard == "earthquake" else None,
        valid_until=max((end for end in ends if end is not None), default=None) if None not in ends else None,
        areas=areas,
        polygons=polygons,
        text=_text(infos, told),
        notes=_notes(infos),
    )


def _is_over(info: Info) -> bool:
    return "AllClear" in info.responses


def _preferred(infos: Iterable[Info]) -> Info | None:
    """The block whose texts we show: Japanese, else English, else the first."""
    ordered = list(infos)
    for language in ("ja", "en"):
        for info in ordered:
            if info.language.lower().split("-")[0] == language:
                return info
    return ordered[0] if ordered else None


def _where(infos: list[Info]) -> tuple[tuple[Area, ...], tuple[Polygon, ...]]:
    """Areas by code if every area has codes, else polygons for all of them: matching uses one kind or the other.

    The same area in several blocks (languages) counts once, with its highest level; over is the lowest.
    """
    placed = [(place, _level(info), info) for info in infos for place in info.places]
    coded: dict[AreaCode, Area] = {}
    shaped: dict[str, Polygon] = {}
    by_shape = any(not place.codes and place.shapes for place, _, _ in placed)
    for place, level, info in placed:
        if not by_shape:
            for code in place.codes:
                before = coded.get(code)
                if before is None or level_rank(before.level) < level_rank(level):
                    coded[code] = _area(code, level, info)
            continue
        for shape in place.shapes or _shapes_of(place):
            key = str(shape["coordinates"])
            known = shaped.get(key)
            if known is None or level_rank(known.level) < level_rank(level):
                shaped[key] = Polygon(shape, level)
    return tuple(sorted(coded.values(), key=lambda area: (area.scheme, area.code))), tuple(shaped.values())


def _level(info: Info) -> Level:
    return "none" if _is_over(info) else level_of(info.severity, info.urgency, info.certainty)


def _area(code: AreaCode, level: Level, info: Info) -> Area:
    over = level == "none"
    return Area(
        scheme=code.scheme,
        code=code.code,
        name=name_of(code),
        kind=info.event,
        level=level,
        change=Change.LIFTED if over else Change.NONE,
        parent=Areas.load().quake_area_of_city(code.code) if code.scheme == "jma.city" else "",
    )


def _shapes_of(place: Place) -> list[dict[str, Any]]:
    """The polygons of an area that has only codes, beside others that have none."""
    found: list[dict[str, Any]] = []
    for code in place.codes:
        try:
            found.append(Shapes.load().polygon(code.scheme, code.code, Areas.load()).__geo_interface__)
        except UnknownArea:
            continue  # sea areas have no shape; its name is in the text
    return found


def _text(infos: list[Info], told: Info | None) -> str:
    if told is None:
        return ""
    lines = [told.description, told.instruction]
    if told.onset is not None:
        lines.append(f"Onset: {told.onset.isoformat()}")
    places = [place for info in infos if info is told or info.language == told.language for place in info.places]
    if names := "; ".join(dict.fromkeys(place.name for place in places if place.name)):
        lines.append(f"Areas: {names}")
    return "\n".join(line for line in lines if line)[:MAX_TEXT]


def _notes(infos: Iterable[Info]) -> tuple[str, ...]:
    codes = dict.fromkeys(code for info in infos for place in info.places for code in place.unknown)
    return (f"Codes of areas that we do not know: {', '.join(codes)[:500]}.",) if codes else ()
