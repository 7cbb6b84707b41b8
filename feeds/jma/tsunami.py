"""Tsunami: VTSE41 warnings, a national snapshot of all forecast areas (津波予報区); VTSE51 and VTSE52 waves as facts.

Source: 気象庁防災情報XMLフォーマット 電文解説資料 (地震火山関連), code table 警報等情報要素／津波警報・注意報・予報.
"""

from __future__ import annotations

from dataclasses import replace

from core.model import TSUNAMI_LEVELS, Area, Change, Event, Level, MessageType, Tier, UnreadableReport
from feeds.jma.envelope import NS, Envelope, require_body, required_text, text_at, time_at
from feeds.jma.kinds import TSUNAMI_KIND, tsunami_in_name, unknown_note
from feeds.jma.quake import comments, hypocenter
from feeds.jma.waves import observations
from feeds.untrusted import Element

_ITEMS = "s:Tsunami/s:Forecast/s:Item"


def parse_tsunami(envelope: Envelope) -> tuple[Event, ...]:
    """The event of one VTSE41. With several quakes at once (two event ids) the first one's hypocentre is given.

    Raises UnreadableReport if the telegram has no forecast area, or none of them a kind that says anything.
    """
    message_type = envelope.message_type
    items = _items(envelope)
    areas = tuple(_area(item, envelope.type) for item in items)
    if message_type is not MessageType.CANCEL:
        if not items:
            raise UnreadableReport("VTSE41: Body has no Tsunami/Forecast/Item")
        if all(area.level is None for area in areas):
            raise UnreadableReport(f"VTSE41: unknown kind {areas[0].kind_code or '(none)'} {areas[0].kind} everywhere")
        if message_type is not MessageType.CORRECT and _is_over(areas):
            message_type = MessageType.LIFT
    return (_event(envelope, message_type, areas),)


def parse_waves(envelope: Envelope) -> tuple[Event, ...]:
    """The event of one VTSE51 or VTSE52: waves, and the forecast areas as VTSE41 left them. It changes no warning."""
    message_type = envelope.message_type
    if message_type is MessageType.ISSUE:
        message_type = MessageType.UPDATE
    return (_event(envelope, message_type, tuple(_as_it_stands(_area(i, envelope.type)) for i in _items(envelope))),)


def _items(envelope: Envelope) -> list[Element]:
    require_body(envelope, "s")
    if not envelope.event_ids:
        raise UnreadableReport(f"{envelope.type}: Head/EventID is missing, so the tsunami cannot be told from others")
    return [] if envelope.message_type is MessageType.CANCEL else envelope.body.findall(_ITEMS, NS)


def _event(envelope: Envelope, message_type: MessageType, areas: tuple[Area, ...]) -> Event:
    cancelled = message_type is MessageType.CANCEL
    quake = None if cancelled else envelope.body.find("s:Earthquake", NS)
    text, comment_codes = comments(envelope.body)
    return envelope.event(
        hazard="tsunami",
        message_type=message_type,
        # A second quake adds its id to the same snapshot, so the oldest id names the thread.
        subject=min(envelope.event_ids),
        occurred_at=None if quake is None else time_at(quake, "s:OriginTime", "Earthquake/OriginTime"),
        hypocenter=None if quake is None else hypocenter(quake),
        areas=areas,
        comment_codes=comment_codes,
        text=text,
        observations=() if cancelled else observations(envelope.body),
        notes=tuple(
            dict.fromkeys(
                unknown_note(envelope.type, area.kind_code, area.kind)
                for area in areas
                if area.kind_code not in TSUNAMI_KIND
            )
        ),
    )


def _kind_level(code: str, name: str) -> tuple[Level, Tier]:
    """What a kind says. One that we do not know must not keep the other coasts from being told: its name decides."""
    return TSUNAMI_KIND.get(code) or tsunami_in_name(name) or (None, Tier.NONE)


def _area(item: Element, telegram: str) -> Area:
    name = text_at(item, "s:Area/s:Name")
    code = required_text(item, "s:Area/s:Code", f"{telegram} Item {name}".rstrip())
    kind, kind_code = text_at(item, "s:Category/s:Kind/s:Name"), text_at(item, "s:Category/s:Kind/s:Code")
    level, tier = _kind_level(kind_code, kind)
    last_code = text_at(item, "s:Category/s:LastKind/s:Code")
    last = TSUNAMI_KIND[last_code][0] if last_code in TSUNAMI_KIND else None
    return Area(
        scheme="jma.tsunami_area",
        code=code,
        name=name,
        kind=kind,
        kind_code=kind_code,
        level=level,
        tier=tier,
        change=_change(kind_code, level, last),
        last_level=last,
    )


def _as_it_stands(area: Area) -> Area:
    """The area as a telegram that changes no warning means it: its LastKind repeats an earlier VTSE41's."""
    return replace(area, change=Change.NONE if area.level == "none" else Change.CONTINUED, last_level=None)


def _change(kind_code: str, level: Level, last: str | None) -> Change:
    if kind_code in ("50", "60"):
        return Change.LIFTED
    if level == "none":
        return Change.NONE if last in (None, "none") else Change.LIFTED
    if last in (None, "none") or level not in TSUNAMI_LEVELS:
        return Change.ISSUED
    now, before = TSUNAMI_LEVELS.index(str(level)), TSUNAMI_LEVELS.index(str(last))
    if now == before:
        return Change.CONTINUED
    return Change.RAISED if now > before else Change.LOWERED


def _is_over(areas: tuple[Area, ...]) -> bool:
    """No warning or advisory is left, and this report ended at least one (to nothing, or to a mere forecast)."""
    if any(area.level not in ("none", "forecast") for area in areas):
        return False
    return any(area.change in (Change.LIFTED, Change.LOWERED) for area in areas)
