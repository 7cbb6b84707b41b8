"""Boundaries of 国土数値情報 (N03) beside the repository: full ones of eleven municipalities, thinned ones of all."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import shapely.geometry

GEO_SAMPLES = Path(__file__).resolve().parents[1].parent / "shared" / "geo-samples"
FULL = GEO_SAMPLES / "n03-full"
THINNED = GEO_SAMPLES / "n03-topojson" / "N03-21_210101.s0010.topojson.json"
#: Municipalities of which the full boundary is there.
MUNICIPALITIES = (
    "43101", "43102", "43103", "43104", "43105", "43202", "43203", "43433", "43443", "43513", "12220",
)  # fmt: skip


@cache
def full_boundary(jis: str) -> Any:
    """The boundary as surveyed."""
    features = json.loads((FULL / f"{jis}.json").read_text(encoding="utf-8"))["features"]
    return shapely.union_all([shapely.make_valid(shapely.geometry.shape(f["geometry"])) for f in features])


@cache
def thinned_boundaries(*prefectures: str) -> dict[str, Any]:
    """Municipalities and wards by JIS code, from TopoJSON (arcs shared by neighbours, delta-encoded if quantised)."""
    topology = json.loads(THINNED.read_text(encoding="utf-8"))
    transform = topology.get("transform")
    arcs = [_arc(arc, transform) for arc in topology["arcs"]]
    (collection,) = topology["objects"].values()
    pieces: dict[str, list[Any]] = {}
    for geometry in collection["geometries"]:
        code = geometry["properties"].get("N03_007") or ""
        polygons = {"Polygon": lambda g: [g["arcs"]], "MultiPolygon": lambda g: g["arcs"]}.get(geometry["type"])
        if code.startswith(prefectures) and polygons is not None:
            shapes = [shapely.Polygon(*_rings(polygon, arcs)) for polygon in polygons(geometry)]
            pieces.setdefault(code, []).extend(shapely.make_valid(shape, method="structure") for shape in shapes)
    return {code: shapely.union_all(shapes) for code, shapes in pieces.items()}


def thinned_wkb(*prefectures: str) -> list[tuple[str, bytes]]:
    """The same as an installed file holds them: (JIS code + "00", WKB)."""
    return [(f"{code}00", shapely.to_wkb(shape)) for code, shape in thinned_boundaries(*prefectures).items()]


def random_points(shape: Any, wanted: int, seed: int = 20160414) -> list[tuple[float, float]]:
    """(lat, lon) of `wanted` points inside a shape, the same ones every time."""
    random = np.random.default_rng(seed)
    west, south, east, north = shape.bounds
    shapely.prepare(shape)
    found: list[tuple[float, float]] = []
    while len(found) < wanted:
        x, y = random.uniform(west, east, 4 * wanted), random.uniform(south, north, 4 * wanted)
        inside = shapely.contains_xy(shape, x, y)
        found += [(float(b), float(a)) for a, b in zip(x[inside], y[inside], strict=True)]
    return found[:wanted]


def _arc(arc: list[list[float]], transform: dict[str, list[float]] | None) -> np.ndarray[Any, Any]:
    points = np.asarray(arc, dtype=float)[:, :2]
    if transform is None:
        return points
    moved: np.ndarray[Any, Any] = np.cumsum(points, axis=0) * transform["scale"] + transform["translate"]
    return moved


def _rings(polygon: list[list[int]], arcs: list[np.ndarray[Any, Any]]) -> tuple[Any, list[Any]]:
    rings = []
    for indices in polygon:
        lines = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
        rings.append(np.concatenate([lines[0], *(line[1:] for line in lines[1:])]))
    rings = [ring for ring in rings if len(ring) >= 4]
    return (rings[0], rings[1:]) if rings else ([], [])
