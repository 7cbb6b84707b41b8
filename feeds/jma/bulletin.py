"""Short weather telegrams without level: VPBS50/51 flash bulletins, VPHW50/51 tornado watches.

Source: 気象庁防災情報XMLフォーマット 電文解説資料 (府県気象防災速報, 竜巻注意情報); JMA technical note 665.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from core.model import Area, Change, Event, MessageType, Tier, UnreadableReport
from feeds.jma.envelope import NS, Envelope, require_body, required_text, text_at
from feeds.jma.kinds import is_urgent, unknown_note
from feeds.jma.warning import block, items, lift_if_over, region
from feeds.untrusted import Element

_TAG = "情報タグ"
_TORNADO_CITIES = "竜巻注意情報（市町村等）"


def parse_bulletin(envelope: Envelope) -> tuple[Event, ...]:
    """The event of one VPBS50 or VPBS51: forecast areas, each with what happens there (線状降水帯発生, 記録雨)."""
    require_body(envelope, "m")
    if not envelope.event_ids:
        raise UnreadableReport(f"{envelope.type}: Head/EventID is missing, so the bulletin cannot be told from others")
    areas: dict[tuple[str, str], Area] = {}
    if envelope.message_type is not MessageType.CANCEL:
        for area in _tagged(envelope):
            old = areas.get((area.scheme, area.code))
            areas[area.scheme, area.code] = area if old is None else replace(old, kind=f"{old.kind}、{area.kind}")
    return (
        envelope.event(
            hazard="weather_bulletin",
            # JPTE202309081000_202309081019: what began at 10:00, as told at 10:19.
            subject=envelope.event_ids[0].split("_")[0],
            areas=tuple(areas.values()),
            text="\n".join(t for t in (envelope.head_title, text_at(envelope.body, "m:Text")) if t),
            notes=tuple(
                dict.fromkeys(unknown_note(envelope.type, "", a.kind) for a in areas.values() if is_urgent(a.kind))
            ),
        ),
    )


def _tagged(envelope: Envelope) -> Iterator[Area]:
    for item in envelope.head.iterfind(f"h:Headline/h:Information[@type='{_TAG}']/h:Item", NS):
        for element in item.iterfind("h:Areas/h:Area", NS):
            code = required_text(element, "h:Code", f"{envelope.type} {_TAG}")
            yield Area(
                scheme=_scheme(code),
                code=code,
                name=text_at(element, "h:Name"),
                kind=text_at(item, "h:Kind/h:Condition"),
                change=Change.ISSUED,
            )


def _scheme(code: str) -> str:
    """Scheme of a six-digit forecast area: 120000 a 府県予報区, 120010 a 一次細分区域, 120011 a part of that."""
    if code.endswith("000"):
        return "jma.office"
    return "jma.class10" if code.endswith("0") else "jma.class15"


def parse_tornado(envelope: Envelope) -> tuple[Event, ...]:
    """The event of one VPHW50 or VPHW51. Raises UnreadableReport if the municipality block is missing."""
    require_body(envelope, "m")
    areas: tuple[Area, ...] = ()
    if envelope.message_type is not MessageType.CANCEL:
        cities = block(envelope, _TORNADO_CITIES)
        if cities is None:
            raise UnreadableReport(f"{envelope.type}: Body has no block {_TORNADO_CITIES}")
        areas = tuple(area for place, kinds in items(cities, "jma.city") if (area := _watched(place, kinds[0])))
    return (
        envelope.event(
            hazard="tornado",
            message_type=lift_if_over(envelope.message_type, areas),
            subject=f"{envelope.office}:{region(envelope)}",
            thread_type="VPHW",  # a sighting (VPHW51) goes on with the watch that a VPHW50 began
            areas=areas,
            text=text_at(envelope.body, "m:Text"),
        ),
    )


def _watched(place: Area, kind: Element) -> Area | None:
    name, code, status = text_at(kind, "m:Name"), text_at(kind, "m:Code"), text_at(kind, "m:Status")
    if status == "解除":
        return replace(place, kind=name, kind_code=code, change=Change.LIFTED)
    if code == "0":
        return None
    change = Change.CONTINUED if status == "継続" else Change.ISSUED
    return replace(place, kind=name, kind_code=code, tier=Tier.ADVISORY, change=change)
