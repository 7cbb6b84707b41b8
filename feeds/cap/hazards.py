"""What agencies call their alerts -> our hazards, and CAP's three scales -> one level. Tables, no decisions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from core.model import CAP_SEVERITIES

#: First match counts: a tsunami after an earthquake is a tsunami, a storm surge is no storm.
_EVENTS: tuple[tuple[str, str], ...] = (
    ("tsunami", r"tsunami|津波"),
    ("volcano", r"volcan|erupt|ash ?fall|噴火|火山|降灰"),
    ("earthquake", r"earth ?quake|seismic|地震"),
    ("landslide", r"land ?slide|mud ?slide|mud ?flow|debris flow|土砂"),
    ("storm_surge", r"storm surge|coastal flood|tidal flood|高潮"),
    ("tornado", r"tornado|waterspout|竜巻"),
    ("river_flood", r"flood|inundation|overflow|洪水|氾濫"),
    ("heavy_snow", r"snow|blizzard|avalanche|winter storm|大雪|暴風雪|雪崩"),
    (
        "storm_wind",
        r"typhoon|hurricane|cyclone|tropical storm|\bgale|high winds?\b|wind storm|windstorm|暴風|台風|強風",
    ),
    ("high_waves", r"high waves?\b|high surf|heavy sea|波浪|高波"),
    ("heavy_rain", r"heavy rain|rainfall|rainstorm|torrential|大雨|豪雨"),
)
_PATTERNS = tuple((hazard, re.compile(pattern)) for hazard, pattern in _EVENTS)
#: eventCode values of the US SAME scheme, for agencies that use other words in `event`.
_SAME = {
    "TSW": "tsunami", "TSA": "tsunami", "EQW": "earthquake", "VOW": "volcano", "TOR": "tornado", "TOA": "tornado",
    "FFW": "river_flood", "FFA": "river_flood", "FLW": "river_flood", "FLA": "river_flood",
    "CFW": "storm_surge", "SSW": "storm_surge", "SSA": "storm_surge", "BZW": "heavy_snow", "WSW": "heavy_snow",
    "HUW": "storm_wind", "TYW": "storm_wind", "TRW": "storm_wind", "HWW": "storm_wind",
}  # fmt: skip
#: Categories in which a word means the hazard of nature: a "flood of calls" is Infra or Security.
_NATURE = frozenset({"Geo", "Met", "Env", "Safety", "Rescue", "Other"})

_SEVERITY = {"Extreme": "extreme", "Severe": "severe", "Moderate": "moderate", "Minor": "minor", "Unknown": "minor"}


def hazard_of(event: str, categories: Collection[str], codes: Collection[str] = ()) -> str:
    """Our hazard of a CAP `event`; "other" where none of ours is meant.

    >>> hazard_of("Flash Flood Watch", ["Met"]), hazard_of("Heat wave", ["Met"]), hazard_of("Flood", ["Security"])
    ('river_flood', 'other', 'other')
    """
    if not _NATURE.intersection(categories):
        return "other"
    name = unicodedata.normalize("NFKC", event).lower()
    for hazard, pattern in _PATTERNS:
        if pattern.search(name):
            return hazard
    return next((_SAME[code] for code in codes if code in _SAME), "other")


def level_of(severity: str, urgency: str, certainty: str) -> str:
    """The level of an info block: its severity, no higher than what is sure and still to come.

    >>> level_of("Extreme", "Immediate", "Observed"), level_of("Extreme", "Immediate", "Possible")
    ('extreme', 'moderate')
    >>> level_of("Extreme", "Past", "Observed")
    'minor'
    """
    most = "extreme"
    if certainty == "Unlikely" or urgency == "Past":
        most = "minor"
    elif certainty == "Possible":
        most = "moderate"
    return min(_SEVERITY[severity], most, key=CAP_SEVERITIES.index)
