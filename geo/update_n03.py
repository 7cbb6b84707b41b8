"""N03 (国土数値情報 行政区域): boundaries of municipalities and wards from GeoJSON, one prefecture at a time.

Every feature is one piece of land; `N03_007` is the five-digit JIS code of its municipality or ward (empty where land
belongs to none yet). Coordinates are JGD2011, which is WGS84 within a metre. Source: MLIT's page KsjTmplt-N03.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from core.later import Later
from geo.build_polygons import valid_polygon
from geo.tables import AreaDataError

if TYPE_CHECKING:
    import numpy as np
    import shapely
else:
    np, shapely = Later("numpy"), Later("shapely")

CREDIT: Final = "「国土数値情報（行政区域データ）」（国土交通省）を加工して作成"
#: Boundaries are thinned to about ten metres: far finer than the strip in which both sides count.
TOLERANCE_DEG: Final = 0.0001
#: Decimals of a coordinate that are kept: a tenth of a metre.
_DECIMALS: Final = 6
#: Japan's land, with its furthest islands: (west, south, east, north).
_BOX: Final = (122.0, 20.0, 154.5, 46.0)


class N03(NamedTuple):
    """Polygons by JIS code + "00", WGS84, and what could not be used."""

    polygons: list[tuple[str, bytes]]
    notes: list[str]


def holds_n03(content: bytes) -> bool:
    """Whether a GeoJSON file speaks of municipalities, told from its beginning: an archive may hold other files."""
    return b"N03_007" in content[: 1 << 16]


def edition_of(text: str) -> str:
    """The day in a file name or address: N03-20260101_43_GML.zip -> "2026-01-01"; "" for none."""
    found = re.search(r"N03-(20\d\d)(\d\d)(\d\d)", text)
    return "-".join(found.groups()) if found else ""


def read_n03(content: bytes, name: str, prefecture: str, tolerance: float = TOLERANCE_DEG) -> N03:
    """The municipalities of a prefecture ("43"). Raises AreaDataError naming the file and what is wrong with it."""
    try:
        features = json.loads(content)["features"]
        shapes: dict[str, list[Any]] = defaultdict(list)
        notes: list[str] = []
        for number, feature in enumerate(features, 1):
            code = str(feature["properties"].get("N03_007") or "")
            if not code or code.endswith("000"):
                notes.append(
                    f"{name} feature {number}: land that belongs to no municipality yet (所属未定地), left out"
                )
                continue
            if not (len(code) == 5 and code.isdigit()):
                raise AreaDataError(f"{name} feature {number}: N03_007 is {code!r}, not a five-digit JIS code")
            if code[:2] == prefecture:
                shapes[code].append(valid_polygon(feature["geometry"], code))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise AreaDataError(f"{name} is not N03 as GeoJSON ({type(error).__name__}: {error})") from None
    if not shapes:
        raise AreaDataError(f"{name} holds no municipality of prefecture {prefecture}")
    codes = sorted(shapes)
    whole: Any = np.array([shapely.union_all(shapes[code]) for code in codes], dtype=object)
    _check_box(whole, name)
    if tolerance > 0:
        whole = shapely.coverage_simplify(whole, tolerance)
    rounded = shapely.transform(whole, lambda xy: np.round(xy, _DECIMALS))
    return N03([(f"{c}00", shapely.to_wkb(_valid(s, c, name))) for c, s in zip(codes, rounded, strict=True)], notes)


def replaced(
    before: Iterable[tuple[str, bytes]], fresh: Mapping[str, Iterable[tuple[str, bytes]]]
) -> list[tuple[str, bytes]]:
    """The polygons of the prefectures in `fresh` instead of those from before; other prefectures stay."""
    kept = [(code, wkb) for code, wkb in before if code[:2] not in fresh]
    return sorted([*kept, *(pair for polygons in fresh.values() for pair in polygons)])


def _check_box(shapes: Any, name: str) -> None:
    west, south, east, north = (float(v) for v in shapely.total_bounds(shapes))
    if not (_BOX[0] <= west and _BOX[1] <= south and east <= _BOX[2] and north <= _BOX[3]):
        swapped = _BOX[1] <= west and east <= _BOX[3] and _BOX[0] <= south
        why = "latitude and longitude are swapped" if swapped else "its coordinates are not degrees of JGD2011 in Japan"
        raise AreaDataError(f"{name}: {why} ({west:.2f}, {south:.2f} to {east:.2f}, {north:.2f})")


def _valid(shape: Any, code: str, name: str) -> Any:
    whole = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    if whole.is_empty or whole.geom_type not in ("Polygon", "MultiPolygon"):
        raise AreaDataError(f"{name}: the boundary of {code} became {whole.geom_type} when it was thinned")
    return whole
