"""A point out of what people paste: decimal degrees, degrees and minutes, a map app's pair or link. Pure.

Japan's latitudes (20 to 46) and longitudes (122 to 154) do not overlap: which of two numbers is which can always be
told, and a swapped pair is put right and said.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

from geo.postal import PlaceNotFound

_LATITUDES: Final = (20.0, 46.0)
_LONGITUDES: Final = (122.0, 154.0)

_SIGNS: Final = str.maketrans(
    {"′": "'", "’": "'", "‘": "'", "＇": "'", "分": "'", "″": '"', "”": '"', "“": '"', "秒": '"', "º": "°", "˚": "°",
     "度": "°", "−": "-", "‐": "-", "–": "-", "，": ",", "、": ",", "；": ";", "・": ","}
)  # fmt: skip
_TAG: Final = r"北緯|南緯|東経|西経|lat(?:itude)?|lon(?:gitude)?|lng|[nsew]"
_NUMBER: Final = r"[-+]?\d{1,3}(?:[.]\d+|,\d{2,})?"
_ANGLE: Final = (
    rf"(?:(?P<before>{_TAG})\s*[:=]?\s*)?(?P<degrees>{_NUMBER})"
    r"(?:\s*(?P<sign>°|deg)\s*(?:(?P<minutes>\d{1,2}(?:\.\d+)?)\s*'\s*(?:(?P<seconds>\d{1,2}(?:\.\d+)?)\s*(?:\"|''))?)?)?"
    r"\s*(?P<after>[nsew](?![a-z]))?"
)
_ONE: Final = re.compile(_ANGLE)
_LINKS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"!3d(-?\d+\.\d+)!4d(-?\d+\.\d+)",  # the place itself, before the middle of the map
        r"[?&](?:q|ll|query|center|destination|daddr|sll|mlat)=(?:loc:)?(-?\d+\.\d+)(?:,|%2c|&mlon=)\s*(-?\d+\.\d+)",
        r"/@(-?\d+\.\d+),(-?\d+\.\d+)",
        r"^geo:(-?\d+\.\d+),(-?\d+\.\d+)",
        r"#map=[\d.]+/(-?\d+\.\d+)/(-?\d+\.\d+)",
    )
)
_SHORT_LINK: Final = re.compile(r"https?://(?:maps\.app\.goo\.gl|goo\.gl/maps|g\.co/|line\.me/)", re.I)
_INSIDE: Final = re.compile(r"(-?\d{2,3}\.\d{3,})\s*[,;\s]\s*(-?\d{2,3}\.\d{3,})")


class Pasted(NamedTuple):
    """A point as it was written: degrees, WGS84. `swapped`: the longitude stood first. `rest`: the other words."""

    lat: float
    lon: float
    swapped: bool = False
    rest: str = ""


def put_right(lat: float, lon: float) -> tuple[float, float, bool]:
    """A pair with its numbers in order, and whether they were swapped (130.74, 32.79).

    >>> put_right(130.74, 32.79), put_right(32.79, 130.74), put_right(21.03, 105.85)
    ((32.79, 130.74, True), (32.79, 130.74, False), (21.03, 105.85, False))
    """
    if _within(lat, _LONGITUDES) and _within(lon, _LATITUDES):
        return lon, lat, True
    return lat, lon, False


def pasted_point(text: str) -> Pasted | None:
    """The point a text holds, None if it holds none. Raises PlaceNotFound for a shortened link, which hides its point.

    >>> pasted_point("32.79, 130.74")
    Pasted(lat=32.79, lon=130.74, swapped=False, rest='')
    >>> pasted_point("東経130度44分30秒 北緯32度47分24秒")
    Pasted(lat=32.79, lon=130.741667, swapped=False, rest='')
    """
    words = text.replace("緯度", "lat ").replace("経度", "lon ")
    plain = unicodedata.normalize("NFKC", words.translate(_SIGNS)).translate(_SIGNS).strip()
    if _SHORT_LINK.search(plain):
        raise PlaceNotFound(
            f"the link {plain[:80]!r} is shortened and does not show its point: open it and copy the two numbers "
            "of the place, like 32.79, 130.74"
        )
    lower = plain.lower()
    for pattern in _LINKS:
        link = pattern.search(lower)
        if link:
            return _pasted(float(link[1]), float(link[2]))
    whole = _whole(lower)
    if whole is not None:
        return whole
    inside = _INSIDE.search(plain)
    if inside:
        found = _pasted(float(inside[1]), float(inside[2]))
        if _within(found.lat, _LATITUDES) and _within(found.lon, _LONGITUDES):
            rest = f"{plain[: inside.start()]} {plain[inside.end() :]}".strip(" ()[]@,;:\n")
            return found._replace(rest=rest)
    return None


def _whole(lower: str) -> Pasted | None:
    """A text that is nothing but a point."""
    inner = lower.strip(" \t\n()[]{}<>@.,;")
    first = _ONE.match(inner)
    if first is None:
        return None
    gap = re.match(r"\s*[,;/|]?\s*", inner[first.end() :])
    start = first.end() + (gap.end() if gap else 0)
    second = _ONE.fullmatch(inner, start)
    if second is None:
        return None
    if not all(_is_angle(match) for match in (first, second)):
        return None  # 1-2 or 861 2233: house numbers, a postal code
    one, other = _degrees(first), _degrees(second)
    if one is None or other is None:
        return None
    axes = _axis(first), _axis(second)
    if "lon" in axes[:1] or axes == ("", "lat"):
        one, other = other, one
    return _pasted(one, other)


def _pasted(lat: float, lon: float) -> Pasted:
    lat, lon, swapped = put_right(lat, lon)
    return Pasted(round(lat, 6), round(lon, 6), swapped)


def _is_angle(match: re.Match[str]) -> bool:
    return bool(match["sign"] or _axis(match) or re.search(r"[.,]\d", match["degrees"]))


def _axis(match: re.Match[str]) -> str:
    tag = match["before"] or match["after"] or ""
    if tag in ("北緯", "南緯", "n", "s") or tag.startswith("lat"):
        return "lat"
    return "lon" if tag else ""


def _degrees(match: re.Match[str]) -> float | None:
    minutes, seconds = float(match["minutes"] or 0), float(match["seconds"] or 0)
    if minutes >= 60 or seconds >= 60:
        return None
    degrees = float(match["degrees"].replace(",", "."))
    value = abs(degrees) + minutes / 60 + seconds / 3600
    south_or_west = (match["before"] or match["after"]) in ("s", "w", "南緯", "西経")
    return -value if south_or_west or match["degrees"].startswith("-") else value


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]
