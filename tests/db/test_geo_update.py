"""`main.py geo update` against a local server: fetched, compared, placed again, installed; or all left as it was."""

from __future__ import annotations

import argparse
import io
import json
import zipfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import shapely

from core.db import Pool, transaction
from core.ids import uuid7
from core.model import AreaCode, Located, Precision
from core.settings import Settings
from geo import data_folder
from geo.areas import Areas
from geo.data_folder import AreaDataError
from geo.importers.archive import ArchiveError
from geo.placing_store import tables_of_places
from geo.shapes import Shapes
from geo.store import insert_place, place_codes
from geo.tables import read_polygons, read_table
from ops import geo_update
from ops.fetch_file import FetchError
from ops.table_editions import other_tables
from registry import store
from tests.area_tree import tree_of
from tests.feed_server import FeedServer, answer, cut_short, feed_server
from tests.people import VAULT, make_org

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
#: In the third of five strips that stand for Kumamoto's wards here; and a home in Mashiki.
DORM, HOME = (32.79, 130.70), (32.7873, 130.8167)


def strip(
    code: str | None, west: float, width: float = 0.04, south: float = 32.6, north: float = 33.0
) -> dict[str, Any]:
    ring = [[west, south], [west + width, south], [west + width, north], [west, north], [west, south]]
    return {"type": "Feature", "properties": {"N03_007": code}, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def geojson(*features: dict[str, Any]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def zipped(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


WARDS = geojson(*(strip(f"4310{n}", 130.56 + 0.04 * n) for n in range(1, 6)), strip("01695", 130.9), strip(None, 131.0))
BOUNDARIES = zipped(
    **{"N03-20260101_43.geojson": WARDS, "N03-20260101_43_prefecture.geojson": geojson(), "readme.txt": b"x"}
)


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[FeedServer]:
    before = data_folder.folder()
    data_folder.use(tmp_path / "geo")
    async with feed_server() as fake:
        fake.bodies["/n03/N03-20260101_43_GML.zip"] = BOUNDARIES
        yield fake
    data_folder.use(before)


@pytest.fixture
def settings(host: FeedServer, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        geo_jma_url=f"{host.base}/const/",
        geo_n03_url=f"{host.base}/n03/N03-20260101_{{pref}}_GML.zip",
    )


async def update(pool: Pool, settings: Settings, *words: str) -> int:
    parser = argparse.ArgumentParser()
    geo_update.add_arguments(parser)
    return await geo_update.update(
        settings, parser.parse_args(words), pool, NOW, progress=lambda source, done, total: None
    )


async def make_places(pool: Pool) -> tuple[Any, Any]:
    """A dorm whose ward nobody knew, and the home of a person who belongs to no organisation."""
    areas = Areas.committed()
    async with transaction(pool) as conn:
        org = await make_org(conn, name="星空製作所")
        dorm = await insert_place(conn, Located(*DORM, Precision.EXACT, areas.codes_for_jis("43100")))
        await store.create_site(conn, VAULT, org_id=org.id, kind="dorm", name="第二寮", now=NOW, place_id=dorm)
        home = await insert_place(conn, Located(*HOME, Precision.EXACT, areas.codes_for_jis("43443"), "8612233"))
        person = uuid7()
        await conn.execute(
            "INSERT INTO resident (id, name, language, state, created_at) VALUES ($1, 'Nguyen', 'vi', 'enrolled', $2)",
            person, NOW,
        )  # fmt: skip
        await conn.execute(
            "INSERT INTO resident_place (resident_id, place_id, kind) VALUES ($1, $2, 'home')", person, home
        )
    return dorm, home


async def wards_of(pool: Pool, place: Any) -> set[str]:
    return {code.code for code in (await place_codes(pool, [place]))[0].codes if code.scheme == "jis"}


async def test_boundaries_are_fetched_and_everyone_is_placed_again(
    db: Pool, host: FeedServer, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    dorm, home = await make_places(db)
    mashiki = await wards_of(db, home)

    assert await update(db, settings, "--only", "n03", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "N03 of prefecture 43: 5 municipalities, 2026-01-01" in said
    assert "2 stored places: the area codes of 1 change" in said
    assert "1 place: lost jis:43101 中央区" in said.replace("熊本市", "") and "gained" not in said
    assert "星空製作所: sites: 第二寮" in said and "Nguyen" not in said
    assert "dry run: nothing was changed" in said
    assert data_folder.names() == [] and len(await wards_of(db, dorm)) == 6

    assert await update(db, settings, "--only", "n03") == 0
    assert await wards_of(db, dorm) == {"43100", "43103"}
    assert await wards_of(db, home) == mashiki
    version = data_folder.checked_version("n03.wkb.xz")
    assert version is not None and version.vintage == "43 2026-01-01" and "国土数値情報" in version.source
    assert (
        await tables_of_places(db) == {"n03.wkb.xz": version.sha256} and other_tables(await tables_of_places(db)) == []
    )
    assert Shapes.load().at(*DORM).inside == ("4310300",)
    assert await db.fetchval("SELECT detail->>'places' FROM audit WHERE action = 'place.again'") == "1"

    capsys.readouterr()
    assert await update(db, settings, "--only", "n03") == 0
    assert "nothing new" in capsys.readouterr().out
    tables = (geo_update.Tables(Areas.committed(), Shapes.committed()), geo_update.Tables(Areas.load(), Shapes.load()))
    assert (await geo_update.place_again(db, *tables, NOW, dry_run=False)).changed == 0  # geo update --places

    assert await geo_update.go_back(db, NOW, dry_run=True) == 0 and data_folder.names()
    assert len(await tables_of_places(db)) == 1
    assert await geo_update.go_back(db, NOW, dry_run=False) == 0
    assert data_folder.names() == [] and Shapes.load().at(*DORM).inside == ("4310000",)
    assert await tables_of_places(db) == {}
    assert len(await wards_of(db, dorm)) == 6  # JMA's polygons do not tell the ward: all count again
    assert await geo_update.go_back(db, NOW, dry_run=False) == 0


@pytest.fixture(scope="module")
def polygon_files() -> dict[str, bytes]:
    """JMA's ten files, with Mashiki cut in two."""
    codes, packed = zip(*((code, wkb) for code, wkb in read_polygons()), strict=True)
    shapes = dict(zip(codes, shapely.from_wkb(packed), strict=True))
    mashiki = shapes.pop("4344300")
    west, south, east, north = mashiki.bounds
    shapes["4344311"] = mashiki & shapely.box(west, south, 130.84, north)
    shapes["4344312"] = mashiki & shapely.box(130.84, south, east, north)
    features: list[list[str]] = [[] for _ in range(10)]
    for number, (code, text) in enumerate(zip(shapes, shapely.to_geojson(list(shapes.values())), strict=True)):
        features[number % 10].append(f'{{"properties": {{"code": "{code}", "name": "x"}}, "geometry": {text}}}')
    return {f"landslides_{n}.json": f'{{"features": [{",".join(f)}]}}'.encode() for n, f in enumerate(features)}


def new_tree() -> bytes:
    tree = tree_of(read_table())
    for code, name, parent in (("4344311", "益城町西部", "430011"), ("4344312", "益城町東部", "430020")):
        tree["class20s"][code] = {"name": name, "enName": "", "kana": "", "parent": parent}
    return json.dumps(tree).encode()


async def test_a_split_warning_area_is_brought_in(
    db: Pool, host: FeedServer, settings: Settings, polygon_files: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    _, home = await make_places(db)
    host.bodies["/const/area.json"] = new_tree()
    host.bodies |= {f"/const/geojson/{name}": body for name, body in polygon_files.items()}
    assert await update(db, settings, "--only", "jma", "--edition", "2027-05-01") == 0
    said = capsys.readouterr().out
    for line in (
        "jma.city: edition 2026-07-07 -> 2027-05-01",
        "+ jma.city:4344311 益城町西部",
        "new: 4344311, 4344312, gone: 4344300",
        "4344300 益城町 is not drawn: 4344311 4344312 stands for it",
        "1 place: gained jma.city:4344311 益城町西部",
        "people without an organisation: places of people: 1",
    ):
        assert line in said
    codes = (await place_codes(db, [home]))[0].codes
    assert AreaCode("jma.city", "4344311") in codes and AreaCode("jma.city", "4344312") not in codes
    assert AreaCode("jma.city", "4344300") in codes
    assert Areas.load().vintage("jma.city").edition == "2027-05-01"
    assert Areas.load().row("jma.city", "4344300").polygons == ("4344311", "4344312")
    assert Shapes.load().polygon("jma.city", "4344300", Areas.load()).contains(shapely.Point(130.8167, 32.7873))
    assert data_folder.names() == ["areas.tsv.xz", "areas.wkb.xz"]
    capsys.readouterr()
    assert await update(db, settings, "--only", "jma", "--edition", "2027-05-01") == 0
    assert "nothing new" in capsys.readouterr().out


def bomb() -> bytes:
    return zipped(**{"N03-20260101_43.geojson": b'{"N03_007"' + b" " * (40 << 20)})


N03_PATH = "/n03/N03-20260101_43_GML.zip"
TOO_FEW = b'{"features": []}'


@pytest.mark.parametrize(
    ("break_it", "complaint"),
    [
        (lambda host: host.faults.update({N03_PATH: [answer(404)]}), "404"),
        (lambda host: host.faults.update({N03_PATH: [cut_short(BOUNDARIES)]}), "N03-20260101_43_GML"),
        (lambda host: host.faults.update({N03_PATH: [answer(302, Location="http://192.0.2.1/x.zip")]}), "https"),
        (lambda host: host.bodies.update({N03_PATH: bomb()}), "unpacks to more than"),
        (lambda host: host.bodies.update({N03_PATH: BOUNDARIES[:-30]}), "damaged zip"),
        (lambda host: host.bodies.update({N03_PATH: zipped(**{"a.shp": b""})}), "no file ending in .geojson"),
        (lambda host: host.bodies.update({N03_PATH: zipped(**{"a.geojson": TOO_FEW})}), "the property N03_007"),
        (lambda host: host.bodies.update({N03_PATH: geojson(strip("12220", 139.9))}), "no municipality of prefecture"),
    ],
)  # fmt: skip
async def test_what_cannot_be_used_leaves_the_old_tables(
    db: Pool, host: FeedServer, settings: Settings, break_it: Callable[[FeedServer], None], complaint: str
) -> None:
    assert await update(db, settings, "--only", "n03") == 0
    before = data_folder.read_file("n03.wkb.xz")
    break_it(host)
    with pytest.raises((AreaDataError, FetchError, ArchiveError), match=complaint):
        await update(db, settings, "--only", "n03")
    assert data_folder.read_file("n03.wkb.xz") == before
    assert sorted(path.name for path in (data_folder.folder() or Path()).iterdir()) == ["n03.wkb.xz", "versions.json"]


async def test_jma_files_that_are_cut_off_are_refused(
    db: Pool, host: FeedServer, settings: Settings, polygon_files: dict[str, bytes]
) -> None:
    with pytest.raises(FetchError, match="area.json"):
        await update(db, settings, "--only", "jma")
    host.bodies["/const/area.json"] = new_tree()
    host.bodies |= {f"/const/geojson/{name}": body for name, body in polygon_files.items()}
    host.bodies["/const/geojson/landslides_3.json"] = b"<html>"
    with pytest.raises(AreaDataError, match=r"landslides_3\.json is not GeoJSON"):
        await update(db, settings, "--only", "jma")
    host.bodies |= {f"/const/geojson/landslides_{n}.json": TOO_FEW for n in range(3)}
    host.bodies["/const/geojson/landslides_3.json"] = TOO_FEW
    with pytest.raises(AreaDataError, match="the polygon source has changed"):
        await update(db, settings, "--only", "jma")
    assert data_folder.names() == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--only", "n03", "--prefectures", "43,99"], "write two-digit codes"),
        (["--only", "jma", "--edition", "May"], "write the day as 2026-07-07"),
        (["--only", "n03", "--n03", "http://192.0.2.1/{pref}.zip"], "https"),
        (["--only", "n03", "--n03", "/nowhere/{pref}.zip"], "/nowhere/43.zip"),
    ],
)
async def test_a_wrong_option_is_named(db: Pool, settings: Settings, words: list[str], complaint: str) -> None:
    with pytest.raises((AreaDataError, FetchError), match=complaint):
        await update(db, settings, *words)


async def test_files_on_the_disk_serve_as_well(db: Pool, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "wards.geojson"
    path.write_bytes(WARDS)
    assert await update(db, settings, "--only", "n03", "--n03", str(path)) == 0
    version = data_folder.version("n03.wkb.xz")
    assert version is not None and version.vintage == "43 unknown"
