"""The areas that bench/geofence.py asks about, and the places it asks for: the same ones each time.

Boundaries of 国土数値情報 (行政区域, N03) where they lie beside the repository (../shared/geo-samples), else our own
polygons, which have fewer corners. Which ones were used is part of the result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
import shapely.geometry
from shapely.geometry.base import BaseGeometry

from geo.areas import Areas
from geo.match import circle
from geo.shapes import Shapes

SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "geo-samples"
N03_FULL = "N03 at full resolution"
N03_ONE = "N03 simplified to 1 %"
OURS = "geo/data"
SEED = 20160414
#: Of Kumamoto at full resolution among the samples.
TEN = ("43101", "43102", "43103", "43104", "43105", "43202", "43203", "43433", "43443", "43513")


class Target(NamedTuple):
    """An area to be asked about; its vertices and where its shape is from."""

    name: str
    shape: BaseGeometry
    source: str

    @property
    def vertices(self) -> int:
        return int(shapely.get_num_coordinates(self.shape))


def targets(areas: Areas, shapes: Shapes) -> list[Target]:
    """From a village to Kyushu."""
    simple = _simplified()

    def full(jis: Iterable[str]) -> tuple[BaseGeometry, str]:
        files = [SAMPLES / "n03-full" / f"{code}.json" for code in jis]
        if all(file.is_file() for file in files):
            return shapely.union_all([_geojson(file) for file in files]), N03_FULL
        return shapely.union_all([shapes.polygon("jis", file.stem, areas) for file in files]), OURS

    def one_percent(wanted: Callable[[str], bool]) -> tuple[BaseGeometry, str]:
        if simple:
            return shapely.union_all([shape for code, shape in simple.items() if wanted(code)]), N03_ONE
        return shapely.union_all([shapes.polygon("jis", c, areas) for c in municipalities(areas) if wanted(c)]), OURS

    return [
        Target("Kuma village", *full(["43513"])),
        Target("circle of 30 km", shapely.geometry.shape(circle(32.8, 130.7, 30)), "geo.match.circle"),
        # Stands for Amakusa of the reference table, which the samples do not hold at full resolution.
        Target("Yatsushiro", *full(["43202"])),
        Target("ten municipalities", *full(TEN)),
        Target("Kumamoto prefecture", *one_percent(lambda code: code.startswith("43"))),
        Target("Kyushu", *one_percent(lambda code: "40" <= code[:2] <= "46")),
    ]


def municipalities(areas: Areas) -> list[str]:
    """JIS codes of all municipalities and wards in force, in code order."""
    return [code for number in range(1, 48) for code in areas.municipalities(f"{number:02}")]


class Points(NamedTuple):
    """Places to ask for: degrees, and the number of the municipality around which each was thrown; shape (n,)."""

    lon: npt.NDArray[np.float64]
    lat: npt.NDArray[np.float64]
    municipality: npt.NDArray[np.int64]


def places(count: int, around: list[BaseGeometry]) -> Points:
    """As many places around each of the shapes, denser towards their middle; some end up next door or in the sea."""
    random = np.random.default_rng(SEED)
    number = random.integers(0, len(around), count)
    middle = shapely.point_on_surface(around)
    size = np.sqrt(shapely.area(around))[number]
    lon = shapely.get_x(middle)[number] + random.normal(0, 0.4, count) * size
    lat = shapely.get_y(middle)[number] + random.normal(0, 0.3, count) * size
    return Points(lon, lat, number)


def _geojson(file: Path) -> BaseGeometry:
    parts = json.loads(file.read_text(encoding="utf-8"))["features"]
    return shapely.union_all([shapely.make_valid(shapely.geometry.shape(p["geometry"])) for p in parts])


def _simplified() -> dict[str, BaseGeometry]:
    """N03 of all Japan by JIS code, from TopoJSON (its arcs are differences of whole numbers, shared by neighbours)."""
    files = sorted((SAMPLES / "n03-topojson").glob("*.json"))
    if not files:
        return {}
    data = json.loads(files[0].read_text(encoding="utf-8"))
    scale, move = np.array(data["transform"]["scale"]), np.array(data["transform"]["translate"])
    arcs = [np.cumsum(np.array(arc), axis=0) * scale + move for arc in data["arcs"]]

    def ring(numbers: list[int]) -> npt.NDArray[Any]:
        parts = [arcs[n] if n >= 0 else arcs[~n][::-1] for n in numbers]
        return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])

    found: dict[str, list[BaseGeometry]] = {}
    (layer,) = data["objects"].values()
    for geometry in layer["geometries"]:
        code = (geometry.get("properties") or {}).get("N03_007")
        if not code or geometry["type"] is None:
            continue
        parts = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        found.setdefault(code, []).extend(shapely.Polygon(ring(p[0]), [ring(hole) for hole in p[1:]]) for p in parts)
    return {code: shapely.make_valid(shapely.MultiPolygon(parts), method="structure") for code, parts in found.items()}
