"""Earthquake telegrams: VXSE51 intensity flash, VXSE52 hypocentre, VXSE53 both, VXSE61 revised hypocentre.

Source: 気象庁防災情報XMLフォーマット 電文解説資料 (地震火山関連). VXSE52, VXSE61 and overseas quakes have a hypocentre
and no areas.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from core.model import INTENSITIES, Area, Change, Event, Hypocenter, Level, MessageType, UnreadableReport, level_rank
from feeds.jma.codes import plain
from feeds.jma.envelope import NS, Envelope, require_body, required_text, text_at, time_at
from feeds.untrusted import Element

#: City/Condition and station Int where the figure has not come in and 5-lower or more is assumed.
NOT_RECEIVED = "震度5弱以上未入電"

_REVISE = {"追加": Change.ISSUED, "上方修正": Change.RAISED, "下方修正": Change.LOWERED}
_NUMBER = r"([+-][0-9]{1,9}(?:\.[0-9]{1,9})?)"
_ISO6709 = re.compile(rf"{_NUMBER}{_NUMBER}{_NUMBER}?/?")


def parse_quake(envelope: Envelope) -> tuple[Event, ...]:
    """The event of one earthquake telegram. Raises UnreadableReport naming what is missing."""
    require_body(envelope, "s")
    if not envelope.event_ids:
        raise UnreadableReport(f"{envelope.type}: Head/EventID is missing, so the quake cannot be told from others")
    cancelled = envelope.message_type is MessageType.CANCEL
    areas = () if cancelled else tuple(_areas(envelope))
    quake = None if cancelled else envelope.body.find("s:Earthquake", NS)
    if not cancelled and not areas and quake is None:
        raise UnreadableReport(f"{envelope.type}: Body has neither Earthquake nor Intensity/Observation")
    text, comment_codes = comments(envelope.body)
    return (
        envelope.event(
            hazard="earthquake",
            # One thread per type: cancelling a VXSE53 does not retract the VXSE51 of the same quake.
            subject=min(envelope.event_ids),
            occurred_at=None if quake is None else time_at(quake, "s:OriginTime", "Earthquake/OriginTime"),
            hypocenter=None if quake is None else hypocenter(quake),
            areas=areas,
            comment_codes=comment_codes,
            text=text,
        ),
    )


def intensity(value: str) -> tuple[Level, bool]:
    """(level, not received) of a MaxInt, Int or Condition text; (None, False) if it is none of JMA's values.

    >>> intensity("4 "), intensity("震度５弱以上未入電")
    (('4', False), ('5-', True))
    """
    word = plain(value)
    if word in INTENSITIES:
        return word, False
    if word == NOT_RECEIVED:
        return "5-", True
    return None, False


def _area(element: Element, scheme: str, parent: str = "") -> Area:
    code = required_text(element, "s:Code", f"Intensity {scheme} {text_at(element, 's:Name')}".rstrip())
    level, not_received = intensity(text_at(element, "s:MaxInt"))
    # A municipality with a silent station has a Condition, and a MaxInt only if another station of it reported less.
    missing, is_missing = intensity(text_at(element, "s:Condition"))
    if is_missing and level_rank(level) < level_rank(missing):
        level, not_received = missing, True
    return Area(
        scheme=scheme,
        code=code,
        name=text_at(element, "s:Name"),
        level=level,
        change=_REVISE.get(text_at(element, "s:Revise"), Change.NONE),
        not_received=not_received,
        parent=parent,
    )


def _areas(envelope: Envelope) -> Iterator[Area]:
    for pref in envelope.body.iterfind("s:Intensity/s:Observation/s:Pref", NS):
        pref_area = _area(pref, "jma.quake_pref")
        yield pref_area
        for region in pref.iterfind("s:Area", NS):
            region_area = _area(region, "jma.quake_area", parent=pref_area.code)
            yield region_area
            for city in region.iterfind("s:City", NS):
                yield _area(city, "jma.city", parent=region_area.code)


def hypocenter(quake: Element) -> Hypocenter:
    """Where and how strong, of one Earthquake element. Raises UnreadableReport if the place has no name."""
    area = quake.find("s:Hypocenter/s:Area", NS)
    if area is None:
        raise UnreadableReport("Earthquake has no Hypocenter/Area")
    lat = lon = depth = None
    # VXSE61 gives the place twice; the one without type is in degrees, as in all other telegrams.
    for coordinate in area.iterfind("e:Coordinate", NS):
        if coordinate.get("type") is None:
            lat, lon, depth = position((coordinate.text or "").strip())
            if lat is not None and lon is not None and coordinate.get("datum") == "日本測地系":
                lat, lon = tokyo_to_wgs84(lat, lon)
            break
    magnitude, magnitude_text = _magnitude(quake.find("e:Magnitude", NS))
    return Hypocenter(
        name=required_text(area, "s:Name", "Earthquake/Hypocenter/Area"),
        lat=lat,
        lon=lon,
        depth_km=depth,
        magnitude=magnitude,
        magnitude_text=magnitude_text,
    )


def position(text: str) -> tuple[float | None, float | None, float | None]:
    """(latitude, longitude, depth in km) of an ISO 6709 text in degrees with metres; depth None: unknown.

    All None where the place is unknown or not on the globe.

    >>> position("+32.7+130.8-10000/"), position("+39.0+140.9/")
    ((32.7, 130.8, 10.0), (39.0, 140.9, None))
    """
    found = _ISO6709.fullmatch(text)
    if found is None:
        return None, None, None
    lat, lon = float(found[1]), float(found[2])
    if abs(lat) > 90 or abs(lon) > 180:
        return None, None, None
    # `+ 0.0` turns the -0.0 of "+0" into 0.0.
    return lat, lon, None if found[3] is None else -float(found[3]) / 1000 + 0.0


def tokyo_to_wgs84(lat: float, lon: float) -> tuple[float, float]:
    """Degrees in the Tokyo datum (日本測地系, JMA until 24 July 2025) to WGS84, good to some metres in Japan.

    The linear approximation in common use since the Geospatial Information Authority's change of datum in 2002.
    """
    return (
        round(lat - 0.00010695 * lat + 0.000017464 * lon + 0.0046017, 5),
        round(lon - 0.000046038 * lat - 0.000083043 * lon + 0.010040, 5),
    )


def _magnitude(element: Element | None) -> tuple[float | None, str]:
    """(magnitude, JMA's words where it is not a number, e.g. Ｍ８を超える巨大地震)."""
    if element is None:
        return None, ""
    try:
        value = float((element.text or "").strip())
    except ValueError:
        value = math.nan
    if math.isfinite(value):
        return value, ""
    return None, element.get("description", "")


def comments(body: Element) -> tuple[str, tuple[str, ...]]:
    """(JMA's comments as one text, codes of its fixed comments) of a seismology Body, or the text of a cancellation."""
    texts: list[str] = []
    found: list[str] = []
    if own := text_at(body, "s:Text"):
        texts.append(own)
    for name in ("WarningComment", "ForecastComment", "VarComment"):
        for comment in body.iterfind(f"s:Comments/s:{name}", NS):
            if words := text_at(comment, "s:Text"):
                texts.append(words)
            found.extend(text_at(comment, "s:Code").split())
    if free := text_at(body, "s:Comments/s:FreeFormComment"):
        texts.append(free)
    return "\n".join(texts), tuple(found)
