"""What every polygon file of public data is checked for: datum, numbers, order of the coordinates, place. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from core.later import Later

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import shapely
    from shapely.geometry.base import BaseGeometry
else:
    np, shapely = Later("numpy"), Later("shapely")

#: Systems in degrees that agree within a metre in Japan: WGS84, JGD2000, JGD2011, and their forms with height.
ACCEPTED_EPSG: Final = frozenset({4326, 4979, 4612, 4947, 6668, 6667})
#: The old Tokyo datum: about 400 m away from the others.
TOKYO_EPSG: Final = frozenset({4301, 5132})
#: Japan with its remote islands: (west, south, east, north) in degrees.
JAPAN: Final = (122.0, 20.0, 154.0, 46.0)


class Fault(StrEnum):
    """What can be wrong with a row. REPAIRED rows go in, all others stay out."""

    NUMBER = "number"
    SWAPPED = "swapped"
    DATUM = "datum"
    OUTSIDE = "outside"
    RANK = "rank"
    SHAPE = "shape"
    FIELD = "field"
    REPAIRED = "repaired"


class Problem(NamedTuple):
    """One row that was not taken as it is: where it stands, and what is wrong with it in one sentence."""

    file: str
    feature: int
    #: The first coordinate as the file has it, "" if there is none.
    at: str
    fault: Fault
    text: str

    def __str__(self) -> str:
        where = f"{self.file}, feature {self.feature}" if self.feature else self.file
        return f"{where}{f' at {self.at}' if self.at else ''}: {self.text}"


class RowFault(ValueError):
    """A row cannot be used."""

    def __init__(self, fault: Fault, text: str) -> None:
        super().__init__(text)
        self.fault = fault


_CODE: Final = re.compile(r"(\d{4,5})$")


def check_crs(crs: object) -> None:
    """Refuse a `crs` member that is not in degrees of WGS84, JGD2000 or JGD2011; none at all means WGS84 (RFC 7946).

    Raises RowFault.
    """
    if crs is None:
        return
    inner = crs.get("properties") if isinstance(crs, Mapping) else None
    named = inner.get("name", inner.get("code")) if isinstance(inner, Mapping) else crs
    text = str(named)
    found = _CODE.search(text)
    if text.upper().endswith("CRS84") or (found and int(found[1]) in ACCEPTED_EPSG):
        return
    if (found and int(found[1]) in TOKYO_EPSG) or "tokyo" in text.lower():
        raise RowFault(
            Fault.DATUM,
            f"{text} is the old Tokyo datum, about 400 m off: take the edition in JGD2011 or convert it first",
        )
    raise RowFault(Fault.DATUM, f"{text} is not WGS84, JGD2000 or JGD2011 in degrees: convert it to EPSG:6668 first")


def first_coordinate(feature: object) -> str:
    """The first coordinate of a feature as the file writes it: "131.1, 32.9"; "" if there is none."""
    part: object = feature.get("geometry") if isinstance(feature, Mapping) else None
    part = part.get("coordinates") if isinstance(part, Mapping) else None
    while isinstance(part, list) and part and isinstance(part[0], list):
        part = part[0]
    return ", ".join(str(number)[:20] for number in part[:2]) if isinstance(part, list) else ""


def polygon_of(feature: object) -> tuple[BaseGeometry, bool]:
    """(the feature's polygon in degrees, whether it had to be repaired). Raises RowFault."""
    if not isinstance(feature, Mapping):
        raise RowFault(Fault.SHAPE, "not a feature")
    check_crs(feature.get("crs"))
    geometry = feature.get("geometry")
    kind = geometry.get("type") if isinstance(geometry, Mapping) else None
    if not isinstance(geometry, Mapping) or kind not in ("Polygon", "MultiPolygon"):
        raise RowFault(Fault.SHAPE, f"its shape is {'missing' if kind is None else f'a {kind}'}, not a polygon")
    check_crs(geometry.get("crs"))
    coordinates = geometry.get("coordinates")
    parts = [coordinates] if kind == "Polygon" else coordinates
    if not isinstance(parts, list) or not parts:
        raise RowFault(Fault.SHAPE, "its polygon has no corners")
    shapes = [_one(part) for part in parts]
    shape = shapes[0] if len(shapes) == 1 else shapely.MultiPolygon(shapes)
    if shapely.is_valid(shape):
        return shape, False
    repaired = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    if repaired.is_empty:
        raise RowFault(Fault.SHAPE, "its polygon covers nothing")
    return repaired, True


def _one(rings: object) -> BaseGeometry:
    if not isinstance(rings, list) or not rings:
        raise RowFault(Fault.SHAPE, "its polygon has no corners")
    outer, *holes = [_ring(ring) for ring in rings]
    return shapely.Polygon(outer, holes)


def _ring(ring: object) -> npt.NDArray[np.float64]:
    try:
        corners = np.asarray(ring)
    except ValueError:
        raise RowFault(Fault.NUMBER, "a corner that is not two numbers") from None
    if corners.ndim != 2 or corners.shape[1] < 2 or corners.dtype.kind not in "fiu":
        raise RowFault(Fault.NUMBER, "a corner that is not two numbers")
    corners = corners[:, :2].astype(float)
    if not np.isfinite(corners).all():
        raise RowFault(Fault.NUMBER, "a corner that is not a number")
    if len(corners) < 4:
        raise RowFault(Fault.SHAPE, f"a ring of {len(corners)} corners is no polygon")
    west, south, east, north = JAPAN
    x, y = corners[:, 0], corners[:, 1]
    if ((x >= west) & (x <= east) & (y >= south) & (y <= north)).all():
        return corners
    if ((y >= west) & (y <= east) & (x >= south) & (x <= north)).all():
        raise RowFault(Fault.SWAPPED, "latitude and longitude are swapped: GeoJSON writes the longitude first")
    raise RowFault(Fault.OUTSIDE, "a corner that is not in Japan")
