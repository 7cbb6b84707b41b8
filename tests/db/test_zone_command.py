"""`main.py geo zones`: files and addresses go in, a dry run changes nothing, what cannot be used is said."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from core.db import Pool
from core.settings import Settings
from geo.zone_import import NotZones
from geo.zones_store import editions, place_hazards
from ops.fetch_file import FetchError
from ops.geo_zones import add_arguments, run
from tests.zone_files import HILL, RIVERSIDE, collection, flood, landslide, place_at, square, write, zipped

TOKYO = {"type": "name", "properties": {"name": "EPSG:4301"}}


async def zones(dsn: str, folder: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    settings = Settings(database_url=SecretStr(dsn), data_dir=folder)
    return await run(settings, parser.parse_args([*words]))


async def test_a_published_zip_goes_in_from_an_address_and_every_place_is_compared(
    db: Pool, db_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = await place_at(db, RIVERSIDE)
    slopes = write(tmp_path, "A33-23_43.geojson", landslide(square(*HILL)), landslide(square(*HILL), 9))
    body = zipped(tmp_path, "A31a-24_43_10_GEOJSON.zip", {"20_x/a.geojson": collection(flood())}).read_bytes()

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body)

    app = web.Application()
    app.router.add_get("/{name}", answer)
    async with TestServer(app) as server:
        url = str(server.make_url("/A31a-24_43_10_GEOJSON.zip"))
        words = (url, str(slopes), "--prefecture", "43")
        assert await zones(db_dsn, tmp_path, *words, "--dry-run") == 0
        assert await editions(db) == [] and "nothing was changed" in capsys.readouterr().out
        assert await zones(db_dsn, tmp_path, *words) == 0
    said = capsys.readouterr().out
    assert "A33-23_43.geojson, feature 2 at 130.756, 32.241: A33_001 says 9" in said
    assert "flood: 1 rows taken, 0 left out" in said and "landslide: 1 rows taken, 1 left out" in said
    assert "JMA's flood bulletins (VXKO) speak of 1" in said
    found = await editions(db)
    assert [(e.prefecture, e.kind, e.edition, e.features, e.left_out) for e in found] == [
        ("43", "flood", "2023, 2024", 1, 0),
        ("43", "landslide", "2023, 2024", 1, 1),
    ]
    assert (await place_hazards(db, [place]))[place].depth_rank == 3


async def test_a_file_in_the_old_datum_is_named_and_the_command_says_that_it_failed(
    db: Pool, db_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = str(write(tmp_path, "old.geojson", flood(), crs=TOKYO))
    with pytest.raises(NotZones, match="nothing was changed"):
        await zones(db_dsn, tmp_path, old, "--prefecture", "43")
    assert "old.geojson: EPSG:4301 is the old Tokyo datum" in capsys.readouterr().out
    good = str(write(tmp_path, "good.geojson", flood(code="x", name="名無川")))
    assert await zones(db_dsn, tmp_path, old, good, "--prefecture", "43") == 1
    assert "no bulletin is matched to: 名無川" in capsys.readouterr().out
    assert [e.complete for e in await editions(db)] == [False]


@pytest.mark.parametrize(
    ("words", "error", "sentence"),
    [
        (("http://example.org/a.zip", "--prefecture", "43"), FetchError, "only https"),
        (("nowhere.geojson", "--prefecture", "43"), FetchError, "no such file"),
        (("x.geojson", "--prefecture", "48"), NotZones, "two digits, 01 to 47"),
    ],
)
async def test_what_cannot_start_says_so(
    db_dsn: str, tmp_path: Path, words: tuple[str, ...], error: type[Exception], sentence: str
) -> None:
    write(tmp_path, "x.geojson", flood())
    named = tuple(str(tmp_path / word) if word == "x.geojson" else word for word in words)
    with pytest.raises(error, match=sentence):
        await zones(db_dsn, tmp_path, *named)
