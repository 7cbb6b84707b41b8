"""Who is inside, for a million places: by a list of codes, by polygons, and which municipality each lies in.

    python bench/geofence.py [--places 1000000] [--repeats 7] [--without-postgis] [--database DSN]

Prints one JSON object. Codes: our schema in an embedded PostgreSQL. Polygons: the engine of the service (geo/match.py,
geo/place_index.py), and the same questions put to PostGIS and geopandas in the same run where they are installed; all
must find the same places. Times are medians in milliseconds, one thread each; how many times faster goes by the time
of the processor.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import numpy.typing as npt
import shapely

from alerts.fanout_store import slice_ids
from bench import _geofence_codes as codes
from bench import _geofence_postgis as pg
from bench._database import add_argument
from bench._geofence_areas import Points, Target, municipalities, places, targets
from core.db import Pool
from geo.areas import Areas
from geo.match import PointIndex, Probe, widened
from geo.place_index_store import LivePlaces
from geo.shapes import Shapes

#: No question is asked again once it has taken this long in all.
PATIENCE_S = 10.0
GOAL_CODES_MS = 50.0
GOAL_RATIO = 10.0
GOAL_VERTICES = 1000


class Times(NamedTuple):
    """Medians in milliseconds: by the clock, and of the processor (ours and the server's), whatever else it does."""

    ms: float
    cpu_ms: float


def median_of(question: Callable[[], object], repeats: int) -> Times:
    """Of our own work, in this thread."""
    times: list[tuple[float, float]] = []
    while len(times) < repeats and (not times or sum(wall for wall, _ in times) < PATIENCE_S):
        started, cpu = time.perf_counter(), time.thread_time()
        question()
        times.append((time.perf_counter() - started, time.thread_time() - cpu))
    return _medians(times)


async def median_of_answers(question: Callable[[], Awaitable[object]], repeats: int, server: int) -> Times:
    """Of a question to the database. `server`: the process behind the connection; its time counts, and ours."""
    times: list[tuple[float, float]] = []
    while len(times) < repeats and (not times or sum(wall for wall, _ in times) < PATIENCE_S):
        started, cpu, theirs = time.perf_counter(), time.process_time(), codes.cpu_seconds(server)
        await question()
        spent = time.process_time() - cpu + codes.cpu_seconds(server) - theirs
        times.append((time.perf_counter() - started, spent))
    return _medians(times)


def _medians(times: list[tuple[float, float]]) -> Times:
    wall, cpu = zip(*times, strict=True)
    return Times(statistics.median(wall) * 1000, statistics.median(cpu) * 1000)


async def by_codes(pool: Pool, areas: Areas, repeats: int) -> dict[str, Any]:
    """The code lists of the reference: 49 of Kumamoto, 249 of Kyushu and beyond."""
    found: dict[str, Any] = {}
    async with pool.acquire() as conn:
        server = conn.get_server_pid()
        for wanted in (49, 249):
            named = codes.code_list(areas, wanted)
            columns = (["jis"] * len(named), named)
            alert = codes.alert_for(named)
            questions = {
                "count": partial(conn.fetchval, codes.SQL_COUNT, *columns),
                "place_ids": partial(conn.fetchval, codes.SQL_IN_CODES, *columns),
                # As the decide loop asks: people in order of id, the first 500, then 20,000 at a time.
                "first_500_people": partial(slice_ids, conn, alert, 500),
                "next_20000_people": partial(slice_ids, conn, alert, 20_000),
            }
            found[f"{wanted} codes"] = {
                "hits": await conn.fetchval(codes.SQL_COUNT, *columns),
                **{name: await median_of_answers(question, repeats, server) for name, question in questions.items()},
                "plan": [row[0] for row in await conn.fetch(codes.SQL_PLAN, *columns)],
            }
    return found


async def in_memory(pool: Pool, repeats: int) -> dict[str, Any]:
    """What holding the places costs: to load, to keep up with changes, in memory."""
    live = LivePlaces()
    async with pool.acquire() as conn:
        server, before = conn.get_server_pid(), codes.resident_bytes()
        loaded = await median_of_answers(lambda: live.now(conn), 1, server)
        held, after = await live.now(conn), codes.resident_bytes()
        unchanged = await median_of_answers(lambda: live.now(conn), repeats, server)
        await conn.execute(codes.SQL_MOVE, 1000)
        changed = await median_of_answers(lambda: live.now(conn), 1, server)
    return {
        "load": loaded,
        "nothing_changed": unchanged,
        "1000_moved": changed,
        "numpy_bytes": held.nbytes,
        "rss_bytes": None if before is None or after is None else after - before,
    }


def assigned(index: PointIndex, shapes: list[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Every pair of a point and a shape around it: shape by shape over the sorted points."""
    hits = [index.inside(shape) for shape in shapes]
    return np.concatenate(hits), np.repeat(np.arange(len(shapes)), [len(hit) for hit in hits])


def assigned_by_tree(points: Points, shapes: list[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The same by a tree of the shapes, asked by box, then shape by shape: shapely's own fastest way."""
    made = shapely.points(points.lon, points.lat)
    point, shape = shapely.STRtree(shapes).query(made)
    order = np.argsort(shape, kind="stable")
    point, shape = point[order], shape[order]
    kept = np.zeros(len(point), dtype=np.bool_)
    starts = np.searchsorted(shape, np.arange(len(shapes) + 1))
    for number, each in enumerate(shapes):
        here = slice(starts[number], starts[number + 1])
        shapely.prepare(each)
        kept[here] = shapely.intersects_xy(each, points.lon[point[here]], points.lat[point[here]])
    return point[kept], shape[kept]


def checksum(pairs: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]) -> tuple[int, str]:
    """How many pairs, and a sum over them that PostGIS can make as well."""
    point, shape = pairs
    return len(point), str(int(np.sum(point.astype(np.int64) * (shape.astype(np.int64) + 1))))


def ours(index: PointIndex, target: Target, repeats: int) -> tuple[dict[str, Any], npt.NDArray[np.intp]]:
    """One area by our engine: from its bytes, as a report brings it, and once it is known."""
    wkb = shapely.to_wkb(target.shape)
    known = Probe(shapely.from_wkb(wkb))
    for _ in range(5):  # the grid comes once it pays
        hits = index.inside(known)
    return {
        "first": median_of(lambda: index.inside(shapely.from_wkb(wkb)), repeats),
        "again": median_of(lambda: index.inside(known), repeats),
        # What a report's polygon goes through before it is asked: 300 m in metres, not degrees.
        "widen": median_of(lambda: widened(target.shape, 300.0), 1),
    }, hits


async def theirs(conn: Any, target: Target, repeats: int, hits: npt.NDArray[np.intp]) -> dict[str, Any]:
    """The same by PostGIS. Raises AssertionError if it finds other places."""
    wkb = shapely.to_wkb(target.shape)
    found = [row["id"] for row in await conn.fetch(pg.SQL_HITS, wkb)]
    different = sorted(set(found) ^ set(hits.tolist()))
    assert not different, f"{target.name}: PostGIS and we disagree about places {different[:10]}"
    await pg.keep_parts(conn, wkb)
    server = conn.get_server_pid()
    times = {
        "direct": await median_of_answers(partial(conn.fetchval, pg.SQL_DIRECT, wkb), repeats, server),
        "subdivided": await median_of_answers(partial(conn.fetchval, pg.SQL_SUBDIVIDED, wkb), repeats, server),
        "subdivided_before": await median_of_answers(partial(conn.fetchval, pg.SQL_KEPT_PARTS), repeats, server),
    }
    assert await conn.fetchval(pg.SQL_KEPT_PARTS) == len(hits)
    return times


def by_geopandas(points: Points, asked: list[Target], answers: list[Any], shapes: list[Any]) -> dict[str, Any] | str:
    """The same by geopandas: its index of the points for one area, a join for all of them."""
    if importlib.util.find_spec("geopandas") is None:
        return "not installed"
    geopandas: Any = importlib.import_module("geopandas")
    frame = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(points.lon, points.lat), crs=4326)
    index = frame.sindex
    times: dict[str, Any] = {}
    for target, hits in zip(asked, answers, strict=True):
        assert np.array_equal(np.sort(index.query(target.shape, predicate="intersects")), hits), target.name
        times[target.name] = median_of(partial(index.query, target.shape, predicate="intersects"), 5)
    polygons = geopandas.GeoDataFrame(geometry=shapes, crs=4326)
    times["assign"] = median_of(lambda: geopandas.sjoin(frame, polygons, predicate="intersects"), 1)
    return times


async def run(count: int, repeats: int, *, with_postgis: bool, dsn: str | None) -> dict[str, Any]:
    """Everything, one after the other."""
    areas, shapes = Areas.load(), Shapes.load()
    polygons = [shapes.polygon("jma.city", code, areas) for code in shapes.codes()]
    points = places(count, [shapes.polygon("jis", jis, areas) for jis in municipalities(areas)])
    result: dict[str, Any] = {"bench": "geofence", "places": count, "load_average": os.getloadavg()[0]}
    async with codes.registry(points, areas, dsn) as pool:
        result["codes"] = await by_codes(pool, areas, repeats)
        result["memory"] = await in_memory(pool, repeats)

    index = PointIndex(points.lon, points.lat)
    asked = targets(areas, shapes)
    found = [ours(index, target, repeats) for target in asked]
    answers = [hits for _, hits in found]
    result["polygons"] = {
        target.name: {"vertices": target.vertices, "source": target.source, "hits": len(hits), "ours": times}
        for target, (times, hits) in zip(asked, found, strict=True)
    }
    pairs = checksum(assigned(index, polygons))
    assert pairs == checksum(assigned_by_tree(points, polygons)), "the two ways to assign the points disagree"
    result["assign"] = {
        "shapes": len(polygons),
        "pairs": pairs[0],
        "ours": median_of(lambda: assigned(index, polygons), min(repeats, 3)),
        "tree_of_shapes": median_of(lambda: assigned_by_tree(points, polygons), min(repeats, 3)),
    }
    result["geopandas"] = by_geopandas(points, asked, answers, polygons)
    programs = pg.programs() if with_postgis else None
    result["postgis"] = None if programs is None else programs.parts[-2]
    if programs is not None:
        async with pg.postgis(programs) as conn:
            await pg.fill(conn, points, polygons)
            for target, hits in zip(asked, answers, strict=True):
                _compare(result["polygons"][target.name], await theirs(conn, target, repeats, hits))
            await _assign(conn, result["assign"], pairs, min(repeats, 3))
            result["memory"]["postgis_bytes"] = dict(await conn.fetchrow(pg.SQL_SIZE))
    result["goals"] = _goals(result)
    result["machine"] = {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}
    return result


def _compare(area: dict[str, Any], times: dict[str, Any]) -> None:
    area["postgis"] = times
    mine = area["ours"]
    # A polygon that has just arrived, against whichever is faster of the two ways to ask for it.
    area["times_faster"] = min(times["direct"].cpu_ms, times["subdivided"].cpu_ms) / mine["first"].cpu_ms
    # A polygon that is asked again: we keep the grid, PostGIS its parts in a table.
    area["times_faster_again"] = min(times["direct"].cpu_ms, times["subdivided_before"].cpu_ms) / mine["again"].cpu_ms


async def _assign(conn: Any, assign: dict[str, Any], pairs: tuple[int, str], repeats: int) -> None:
    for name, query in (("postgis", pg.SQL_ASSIGN), ("postgis_subdivided", pg.SQL_ASSIGN_PARTS)):
        row = await conn.fetchrow(query)
        assert (row["pairs"], row["checksum"]) == pairs, f"PostGIS assigns otherwise: {dict(row)} for {pairs}"
        assign[name] = await median_of_answers(partial(conn.fetchrow, query), repeats, conn.get_server_pid())
    assign["times_faster"] = min(assign["postgis"].cpu_ms, assign["postgis_subdivided"].cpu_ms) / assign["ours"].cpu_ms


def _goals(result: dict[str, Any]) -> dict[str, Any]:
    large = [area for area in result["polygons"].values() if area["vertices"] >= GOAL_VERTICES]
    ratios = [area["times_faster"] for area in large if "times_faster" in area]
    codes_ms = result["codes"]["49 codes"]["place_ids"].cpu_ms
    return {
        "code_list_ms": codes_ms,
        "code_list_under_50_ms": codes_ms < GOAL_CODES_MS,
        "least_times_faster": min(ratios, default=None),
        "polygons_10_times_faster": min(ratios) >= GOAL_RATIO if ratios else None,
    }


def rounded(value: Any) -> Any:
    """Numbers as people read them: three digits that count."""
    if isinstance(value, float):
        return float(f"{value:.3g}")
    if isinstance(value, Times):
        return rounded(value._asdict())
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return value


def main() -> None:
    """Read the command line, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--places", type=int, default=1_000_000, help="homes and workplaces in the fictional registry")
    parser.add_argument("--repeats", type=int, default=7, help="how often each question is asked")
    parser.add_argument(
        "--without-postgis", action="store_true", help="ask PostGIS nothing, even where it is installed"
    )
    add_argument(parser)
    given = parser.parse_args()
    result = asyncio.run(run(given.places, given.repeats, with_postgis=not given.without_postgis, dsn=given.database))
    print(json.dumps(rounded(result)))


if __name__ == "__main__":
    main()
