"""Polygons of JMA's municipality-level areas from GeoJSON to WKB, made valid. Used by the build and by the update."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from core.later import Later

if TYPE_CHECKING:
    import shapely
    import shapely.geometry as geometry
else:
    shapely, geometry = Later("shapely"), Later("shapely.geometry")

#: JMA draws 1,855 areas; a source with much fewer is not the one we know.
FEWEST_POLYGONS = 1840


def build_polygons(
    members: Mapping[str, list[dict[str, Any]]], known: Collection[str], fewest: int = FEWEST_POLYGONS
) -> tuple[list[tuple[str, bytes]], list[str]]:
    """(code, WKB) of every municipality-level area, made valid; and notes on codes JMA's tables no longer hold.

    `members`: file name -> GeoJSON features; those called landslides_* (市町村等) are taken. Raises ValueError for a
    feature that is no polygon, and for fewer than `fewest` of them.
    """
    shapes, notes = [], []
    for name, features in members.items():
        if not name.startswith("landslides_"):
            continue
        for feature in features:
            code = feature["properties"]["code"]
            if code not in known:
                notes.append(f"polygon {code} {feature['properties']['name']} is in no code table: left out")
                continue
            shapes.append((code, shapely.to_wkb(valid_polygon(feature["geometry"], code))))
    if len(shapes) < fewest:
        raise ValueError(f"only {len(shapes)} polygons, expected at least {fewest}: the polygon source has changed")
    return shapes, notes


def valid_polygon(geojson: Mapping[str, Any], code: str) -> Any:
    """A GeoJSON polygon made valid. Raises ValueError naming the area if nothing with an area is left."""
    shape = shapely.make_valid(geometry.shape(geojson), method="structure", keep_collapsed=False)
    if shape.is_empty or shape.geom_type not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"polygon {code} became {shape.geom_type} when it was made valid")
    return shape
