"""Flood areas: 国土数値情報 A31a 洪水浸水想定区域データ (河川単位), GeoJSON per prefecture or regional bureau.

Folders of the publication: 10_計画規模 (planned scale, properties A31a_101 to _105), 20_想定最大規模 (the largest
conceivable, A31a_201 to _205); 30 (duration), 41 and 42 (houses swept away) hold no depth and are passed over.
Properties by number: _x01 river code, _x02 river name, _x03 and _x04 code and name of the river's authority (a
prefecture, or 81 to 89 for a regional bureau: no prefecture can be told from it), _x05 depth rank. Source of the list:
MLIT's page KsjTmplt-A31a.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from geo.importers.rows import Fault, RowFault
from geo.zones import DEPTH_RANKS, YELLOW, ZoneKind

FLOOD_CREDIT: Final = "「国土数値情報（洪水浸水想定区域データ）」（国土交通省）を加工して作成"
#: Scale -> the digit of its properties.
_SCALES: Final = {"largest": "2", "planned": "1"}


class ZoneRow(NamedTuple):
    """What a row says besides its polygon."""

    kind: ZoneKind
    code: str
    name: str
    scale: str
    rank: int


def is_flood(properties: Mapping[str, Any]) -> bool:
    """Whether these are properties of A31a that name a depth."""
    return any(f"A31a_{digit}05" in properties for digit in _SCALES.values())


def is_other_flood_file(properties: Mapping[str, Any]) -> bool:
    """Whether these are properties of A31a without a depth: duration, houses swept away."""
    return not is_flood(properties) and any(str(key).startswith("A31a_") for key in properties)


def read_flood(properties: Mapping[str, Any]) -> ZoneRow:
    """A row of A31a. Raises RowFault naming the property."""
    scale, digit = next((s, d) for s, d in _SCALES.items() if f"A31a_{d}05" in properties)
    code = str(properties.get(f"A31a_{digit}01") or "").strip()
    name = str(properties.get(f"A31a_{digit}02") or "").strip()
    if not name and not code:
        raise RowFault(Fault.FIELD, f"A31a_{digit}01 and A31a_{digit}02 are empty: it names no river")
    rank = whole(properties.get(f"A31a_{digit}05"), f"A31a_{digit}05")
    if rank not in DEPTH_RANKS:
        known = f"{min(DEPTH_RANKS)} to {max(DEPTH_RANKS)}"
        raise RowFault(Fault.RANK, f"A31a_{digit}05 says depth rank {rank}; the code list has {known}")
    return ZoneRow(ZoneKind.FLOOD, code[:40] or name[:40], name[:100] or code, scale, max(rank, YELLOW))


def whole(value: object, field: str) -> int:
    """A code that may be written as a number or as digits. Raises RowFault."""
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise RowFault(Fault.RANK, f"{field} says {value!r}, which is no code")
