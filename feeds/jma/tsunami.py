"""Tsunami warnings, advisories and forecasts: VTSE41, a national snapshot of all forecast areas (津波予報区).

Source: 気象庁防災情報XMLフォーマット 電文解説資料 (地震火山関連), code table 警報等情報要素／津波警報・注意報・予報.
"""

from __future__ import annotations

from core.model import TSUNAMI_LEVELS, Area, Change, Event, MessageType, Tier, UnreadableReport
from feeds.jma.codes import TSUNAMI_KIND
from feeds.jma.envelope import NS, Element, Envelope, require_body, required_text, text_at, time_at
from feeds.jma.quake import comments, hypocenter


def parse_tsunami(envelope: Envelope) -> Event:
    """The event of one VTSE41. With several quakes at once (two event ids) the first one's hypocentre is given."""
    require_body(envelope, "s")
    if not envelope.event_ids:
        raise UnreadableReport("VTSE41: Head/EventID is missing, so the tsunami cannot be told from others")
    areas: tuple[Area, ...] = ()
    quake = None
    message_type = envelope.message_type
    if message_type is not MessageType.CANCEL:
        items = envelope.body.findall("s:Tsunami/s:Forecast/s:Item", NS)
        if not items:
            raise UnreadableReport("VTSE41: Body has no Tsunami/Forecast/Item")
        areas = tuple(_area(item) for item in items)
        quake = envelope.body.find("s:Earthquake", NS)
        if message_type is not MessageType.CORRECT and _is_over(areas):
            message_type = MessageType.LIFT
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
    )


def _kind_level(code: str, name: str, area: str) -> tuple[str, Tier]:
    if code not in TSUNAMI_KIND:
        raise UnreadableReport(f"VTSE41: unknown kind {code or '(none)'} {name} for {area}")
    return TSUNAMI_KIND[code]


def _area(item: Element) -> Area:
    name = text_at(item, "s:Area/s:Name")
    code = required_text(item, "s:Area/s:Code", f"VTSE41 Item {name}".rstrip())
    kind, kind_code = text_at(item, "s:Category/s:Kind/s:Name"), text_at(item, "s:Category/s:Kind/s:Code")
    level, tier = _kind_level(kind_code, kind, name)
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


def _change(kind_code: str, level: str, last: str | None) -> Change:
    if kind_code in ("50", "60"):
        return Change.LIFTED
    if level == "none":
        return Change.NONE if last in (None, "none") else Change.LIFTED
    if last in (None, "none"):
        return Change.ISSUED
    now, before = TSUNAMI_LEVELS.index(level), TSUNAMI_LEVELS.index(last)
    if now == before:
        return Change.CONTINUED
    return Change.RAISED if now > before else Change.LOWERED


def _is_over(areas: tuple[Area, ...]) -> bool:
    """No warning or advisory is left, and this report ended at least one (to nothing, or to a mere forecast)."""
    if any(area.level not in ("none", "forecast") for area in areas):
        return False
    return any(area.change in (Change.LIFTED, Change.LOWERED) for area in areas)
