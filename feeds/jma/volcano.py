"""Volcanoes: VFVO50 alert levels (噴火警戒レベル), VFVO52 observed eruptions, VFVO56 eruption flash.

Source: 気象庁防災情報XMLフォーマット 電文解説資料 (地震火山関連), code table VolcanicWarning.
The volcano's level says what it may do; each municipality is told what is asked of it (防災対応), which can be less:
under level 5 one town evacuates and its neighbour only closes the mountain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.model import Area, Change, Event, MessageType, Tier, UnreadableReport, level_rank
from feeds.jma.envelope import NS, Envelope, require_body, required_text, text_at, time_at
from feeds.jma.kinds import is_urgent, unknown_note
from feeds.jma.warning import lift_if_over
from feeds.untrusted import Element

_VOLCANO = "（対象火山）"
_CITIES = "（対象市町村等）"
_RESPONSE = "（対象市町村の防災対応等）"
_FLASH_CITIES = "噴火速報（対象市町村等）"

#: Kind of a volcano -> its alert level.
_LEVEL = {"11": 1, "12": 2, "13": 3, "14": 4, "15": 5}
#: What is asked of a municipality -> the highest alert level that can mean for it (避難等, 入山規制等, 留意).
_AT_MOST = {"41": 5, "42": 3, "43": 3, "45": 1}
#: Kind -> tier. 噴火警報（居住地域）ranks as 特別警報 (Meteorological Service Act, article 13-2).
_TIER = {
    **dict.fromkeys(("01", "14", "15", "24", "25", "41", "46", "47"), Tier.SPECIAL),
    **dict.fromkeys(("02", "03", "12", "13", "22", "23", "31", "36", "42", "43", "44", "48", "49"), Tier.WARNING),
    **dict.fromkeys(("04", "05", "11", "21", "32", "33", "35", "45"), Tier.NONE),
}
_RANK = {Tier.NONE: 0, Tier.WARNING: 1, Tier.SPECIAL: 2}
#: Kinds of an eruption flash that say it ended; the other ones say that it goes on.
_STOPPED = frozenset({"55", "65"})


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    code: str
    condition: str = ""


def parse_volcano(envelope: Envelope) -> tuple[Event, ...]:
    """The event of one VFVO50. Raises UnreadableReport if no volcano is named."""
    require_body(envelope, "v")
    areas: tuple[Area, ...] = ()
    if envelope.message_type is not MessageType.CANCEL:
        areas = _unique(_areas(envelope))
    return (_event(envelope, _subject(envelope), areas),)


def parse_eruption(envelope: Envelope) -> tuple[Event, ...]:
    """The event of one VFVO52 or VFVO56. The flash names municipalities; an observation only the volcano."""
    require_body(envelope, "v")
    areas: tuple[Area, ...] = ()
    if envelope.message_type is not MessageType.CANCEL:
        areas = _unique(_eruption_areas(envelope))
        if not areas:
            raise UnreadableReport(f"{envelope.type}: Body names no volcano")
    return (_event(envelope, _subject(envelope), areas),)


def _event(envelope: Envelope, subject: str, areas: tuple[Area, ...]) -> Event:
    content = "v:VolcanoInfoContent/v:"
    texts = [text_at(envelope.body, content + part) for part in ("VolcanoActivity", "VolcanoPrevention")]
    texts.append(text_at(envelope.body, "v:Text"))
    first = "v:VolcanoInfo/v:Item/v:EventTime/v:EventDateTime"
    return envelope.event(
        hazard="volcano",
        message_type=lift_if_over(envelope.message_type, areas),
        subject=subject,
        occurred_at=time_at(envelope.body, first, "VolcanoInfo/EventDateTime"),
        areas=areas,
        text="\n".join(text for text in texts if text),
        notes=_notes(envelope),
    )


def _subject(envelope: Envelope) -> str:
    """VFVO50: the number of the volcano; the others: time and number, which a correction or cancellation repeats."""
    if envelope.event_ids:
        return envelope.event_ids[0]
    raise UnreadableReport(f"{envelope.type}: Head/EventID is missing, so the volcano cannot be told from others")


def _items(envelope: Envelope, ending: str) -> Iterator[Element]:
    for info in envelope.body.iterfind("v:VolcanoInfo", NS):
        if info.get("type", "").endswith(ending):
            yield from info.iterfind("v:Item", NS)


def _kind(item: Element, path: str) -> _Kind | None:
    kind = _Kind(text_at(item, f"{path}/v:Name"), text_at(item, f"{path}/v:Code"), text_at(item, f"{path}/v:Condition"))
    return kind if kind.name or kind.code else None


def _areas(envelope: Envelope) -> Iterator[Area]:
    volcanoes = list(_items(envelope, _VOLCANO))
    if not volcanoes:
        raise UnreadableReport("VFVO50: Body has no block 対象火山")
    now = [kind for item in volcanoes if (kind := _kind(item, "v:Kind"))]
    before = [kind for item in volcanoes if (kind := _kind(item, "v:LastKind"))]
    for item in volcanoes:
        yield from _rated(item, "jma.volcano", _level(_kind(item, "v:Kind")), _level(_kind(item, "v:LastKind")))
    level, last = (max((found for k in kinds if (found := _level(k))), default=None) for kinds in (now, before))
    # The response tells more than the plain block, which stands in where there is none.
    for item in list(_items(envelope, _RESPONSE)) or list(_items(envelope, _CITIES)):
        response, last_response = _kind(item, "v:Kind"), _kind(item, "v:LastKind")
        yield from _rated(item, "jma.city", _capped(level, response), _capped(last, last_response))


def _unique(areas: Iterator[Area]) -> tuple[Area, ...]:
    """Each area once, at its worst: a town with two kinds of response takes the graver one."""
    found: dict[tuple[str, str], Area] = {}
    for area in areas:
        old = found.get((area.scheme, area.code))
        if old is None or (level_rank(area.level), _RANK[area.tier]) > (level_rank(old.level), _RANK[old.tier]):
            found[area.scheme, area.code] = area
    return tuple(found.values())


def _level(kind: _Kind | None) -> int | None:
    return None if kind is None else _LEVEL.get(kind.code)


def _capped(level: int | None, response: _Kind | None) -> int | None:
    if level is None or response is None:
        return level
    return min(level, _AT_MOST.get(response.code, level))


def _tier(kind: _Kind | None) -> Tier:
    if kind is None:
        return Tier.NONE
    return _TIER.get(kind.code, Tier.SPECIAL if is_urgent(kind.name) else Tier.NONE)


def _rated(item: Element, scheme: str, level: int | None, last: int | None) -> Iterator[Area]:
    kind, last_kind = _kind(item, "v:Kind"), _kind(item, "v:LastKind")
    if kind is None:
        return
    tier = _tier(kind)
    change = _change(kind, level, last, tier, None if last_kind is None else _tier(last_kind))
    for element in item.iterfind("v:Areas/v:Area", NS):
        yield Area(
            scheme=scheme,
            code=required_text(element, "v:Code", f"VolcanoInfo {scheme}"),
            name=text_at(element, "v:Name"),
            kind=kind.name,
            kind_code=kind.code,
            level=level,
            tier=tier,
            change=change,
            last_level=last,
        )


def _change(kind: _Kind, level: int | None, last: int | None, tier: Tier, last_tier: Tier | None) -> Change:
    """Level 1 and 噴火予報 are the state of rest: coming down to them is the end of the warning."""
    now = _RANK[tier] if level is None else level - 1
    before = _RANK[last_tier] if last is None and last_tier is not None else None if last is None else last - 1
    if now == 0:
        over = bool(before) or kind.code in ("04", "32") or kind.condition == "解除"
        return Change.LIFTED if over else Change.NONE
    if not before:
        return Change.ISSUED
    if now == before:
        return Change.CONTINUED
    return Change.RAISED if now > before else Change.LOWERED


def _eruption_areas(envelope: Envelope) -> Iterator[Area]:
    flash = envelope.type == "VFVO56"
    for info in envelope.body.iterfind("v:VolcanoInfo", NS):
        cities = info.get("type", "") == _FLASH_CITIES
        for item in info.iterfind("v:Item", NS):
            kind = _kind(item, "v:Kind")
            for element in item.iterfind("v:Areas/v:Area", NS):
                yield Area(
                    scheme="jma.city" if cities else "jma.volcano",
                    code=required_text(element, "v:Code", f"{envelope.type} Area"),
                    name=text_at(element, "v:Name"),
                    kind="" if kind is None else kind.name,
                    kind_code="" if kind is None else kind.code,
                    tier=Tier.WARNING if flash else Tier.NONE,
                    change=Change.LIFTED if kind is not None and kind.code in _STOPPED else Change.ISSUED,
                )


def _notes(envelope: Envelope) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for item in envelope.body.iterfind("v:VolcanoInfo/v:Item", NS):
        kind = _kind(item, "v:Kind")
        if kind is not None and kind.code not in _TIER and is_urgent(kind.name) and kind.condition != "解除":
            found[unknown_note(envelope.type, kind.code, kind.name)] = None
    return tuple(found)
