"""Small hand-made files in the form of A31a (flood) and A33 (landslide), around Hitoyoshi in Kumamoto."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from core.db import Pool
from geo.areas import Areas
from geo.shapes import Shapes
from geo.zone_import import ZoneImport
from geo.zones_store import check_due
from ops.geo_zones import store_zones
from tests.people import make_place

KUMA = "8909110001"
JGD2011 = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::6668"}}
#: Beside the river in Hitoyoshi, and on the hill 3 km north of it: (latitude, longitude).
RIVERSIDE = (32.212, 130.760)
HILL = (32.245, 130.760)


def square(lat: float, lon: float, half: float = 0.004) -> dict[str, Any]:
    """A square around a point, `half` degrees to each side (0.004: about 440 m north-south)."""
    ring = [[lon - half, lat - half], [lon + half, lat - half], [lon + half, lat + half], [lon - half, lat + half]]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def flood(
    geometry: Any = None, rank: Any = 3, code: str = KUMA, name: str = "球磨川", *, planned: bool = False
) -> dict[str, Any]:
    """A row of A31a; without a geometry the square at RIVERSIDE."""
    n = 1 if planned else 2
    properties = {
        f"A31a_{n}01": code,
        f"A31a_{n}02": name,
        f"A31a_{n}03": "89",
        f"A31a_{n}04": "九州地方整備局",
        f"A31a_{n}05": rank,
    }
    shape = square(*RIVERSIDE) if geometry is None else geometry
    return {"type": "Feature", "properties": properties, "geometry": shape}


def landslide(geometry: Any, phenomenon: Any = 2, zone: Any = 1) -> dict[str, Any]:
    """A row of A33."""
    properties = {"A33_001": phenomenon, "A33_002": zone, "A33_003": "43", "A33_005": "試験区域"}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def collection(*features: Any, crs: Any = JGD2011, crs_last: bool = False) -> str:
    """A GeoJSON file. `crs_last`: its datum stands behind the features."""
    begin = {"type": "FeatureCollection", "name": "A31a", **({} if crs is None or crs_last else {"crs": crs})}
    end = {"crs": crs} if crs is not None and crs_last else {}
    return json.dumps(begin | {"features": list(features)} | end, ensure_ascii=False, indent=1)


def write(folder: Path, name: str, *features: Any, **more: Any) -> Path:
    """The same in a file."""
    path = folder / name
    path.write_text(collection(*features, **more), encoding="utf-8")
    return path


def zipped(folder: Path, name: str, members: dict[str, str]) -> Path:
    """A zip with these members."""
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, text in members.items():
            archive.writestr(member, text)
    return path


NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
#: Codes of 人吉市 and 錦町, as the area tables give them.
HITOYOSHI = (("jis", "43203"), ("jma.city", "4320300"), ("jma.quake_area", "742"))
NISHIKI = (("jis", "43501"), ("jma.city", "4350100"), ("jma.quake_area", "742"))


async def import_zones(pool: Pool, *paths: Path, prefecture: str = "43") -> ZoneImport:
    """What `main.py geo zones` does with these files, up to the places, which are due then."""
    wanted = ZoneImport(prefecture, Shapes.load(), Areas.load())
    wanted.read(paths)
    for kind in wanted.found():
        await store_zones(pool, wanted, kind, prefecture, "2024", "0" * 64, NOW)
    return wanted


async def compare_all(pool: Pool) -> int:
    """What the tend loop does: every place that is due."""
    done = 0
    while taken := await check_due(pool, NOW):
        done += taken
    return done


async def place_at(
    pool: Pool, point: tuple[float, float], precision: str = "exact", codes: tuple[tuple[str, str], ...] = HITOYOSHI
) -> UUID:
    """A place at a point (latitude, longitude)."""
    return await make_place(pool, codes, lat=point[0], lon=point[1], precision=precision)
