"""Landslide areas: 国土数値情報 A33 土砂災害警戒区域データ, GeoJSON per prefecture.

Properties: A33_001 kind of slope failure, A33_002 zone, A33_003 prefecture, A33_004 number, A33_005 name, A33_006
address, A33_007 date, A33_008 red zone not designated yet. Source of the list: MLIT's page KsjTmplt-A33. Lines, which
the data also hold, enclose nothing and are reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from geo.importers.a31a import ZoneRow, whole
from geo.importers.rows import Fault, RowFault
from geo.zones import RED, YELLOW, ZoneKind

LANDSLIDE_CREDIT: Final = "「国土数値情報（土砂災害警戒区域データ）」（国土交通省）を加工して作成"
#: A33_001, 現象の種類.
PHENOMENA: Final[Mapping[int, str]] = {1: "急傾斜地の崩壊", 2: "土石流", 3: "地すべり"}
#: A33_002, 区域区分: 3 and 4 are areas that are surveyed and not designated yet; the slope is the same.
ZONES: Final[Mapping[int, int]] = {1: YELLOW, 2: RED, 3: YELLOW, 4: RED}


def is_landslide(properties: Mapping[str, Any]) -> bool:
    """Whether these are properties of A33."""
    return "A33_001" in properties or "A33_002" in properties


def read_landslide(properties: Mapping[str, Any]) -> ZoneRow:
    """A row of A33. Raises RowFault naming the property."""
    phenomenon = whole(properties.get("A33_001"), "A33_001")
    zone = whole(properties.get("A33_002"), "A33_002")
    if phenomenon not in PHENOMENA:
        raise RowFault(Fault.RANK, f"A33_001 says {phenomenon}; the code list has 1 to 3")
    if zone not in ZONES:
        raise RowFault(Fault.RANK, f"A33_002 says {zone}; the code list has 1 to 4")
    return ZoneRow(ZoneKind.LANDSLIDE, str(phenomenon), PHENOMENA[phenomenon], "", ZONES[zone])
