"""Waves of a tsunami as its telegrams state them: measured at gauges, forecast for coasts, estimated from offshore.

Source: 気象庁防災情報XMLフォーマット 電文解説資料 (地震火山関連). Heights stay in JMA's words: they are often no
number (巨大, 観測中, 欠測).
"""

from __future__ import annotations

from collections.abc import Iterator

from core.model import Observation
from feeds.jma.envelope import NS, text_at, time_at
from feeds.untrusted import Element


def observations(body: Element) -> tuple[Observation, ...]:
    """Every wave of a tsunami Body, in its order. Raises UnreadableReport if a time is none."""
    found: list[Observation] = []
    for item in body.iterfind("s:Tsunami/s:Observation/s:Item", NS):
        area = text_at(item, "s:Area/s:Code")
        found.extend(_wave(station, "observed", "jma.tide_gauge", area) for station in item.iterfind("s:Station", NS))
    for item in body.iterfind("s:Tsunami/s:Estimation/s:Item", NS):
        found.extend(_coast(item, "estimated", "jma.coast"))
    for item in body.iterfind("s:Tsunami/s:Forecast/s:Item", NS):
        area = text_at(item, "s:Area/s:Code")
        found.extend(_coast(item, "forecast", "jma.tsunami_area"))
        found.extend(_wave(station, "forecast", "jma.tide_gauge", area) for station in item.iterfind("s:Station", NS))
    # An area without wave (only its kind is told) says nothing here.
    return tuple(wave for wave in found if wave.first_at or wave.first or wave.height)


def _coast(item: Element, basis: str, scheme: str) -> Iterator[Observation]:
    area = item.find("s:Area", NS)
    if area is not None:
        yield _wave(item, basis, scheme, text_at(area, "s:Code"), place=area)


def _wave(element: Element, basis: str, scheme: str, area: str, place: Element | None = None) -> Observation:
    named = element if place is None else place
    first = (text_at(element, f"s:FirstHeight/s:{name}") for name in ("Condition", "Initial"))
    return Observation(
        basis=basis,
        scheme=scheme,
        code=text_at(named, "s:Code"),
        name=text_at(named, "s:Name"),
        area=area,
        first_at=time_at(element, "s:FirstHeight/s:ArrivalTime", "FirstHeight/ArrivalTime"),
        first=" ".join(words for words in first if words),
        height=_height(element),
        height_at=time_at(element, "s:MaxHeight/s:DateTime", "MaxHeight/DateTime"),
    )


def _height(element: Element) -> str:
    """The description, which holds words and unit (０．２ｍ未満, 巨大); else the condition (観測中, 欠測)."""
    height = element.find("s:MaxHeight/e:TsunamiHeight", NS)
    if height is not None:
        rising = height.get("condition") == "上昇中"
        return (height.get("description") or (height.text or "").strip()) + ("（上昇中）" if rising else "")
    return text_at(element, "s:MaxHeight/s:Condition")
