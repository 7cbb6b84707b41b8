"""Lists of shelters in PostgreSQL: replaced per municipality, read by municipality and around a point."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from core.db import Pool, Scope, ScopedPool
from core.settings import Settings
from geo.importers.gsi_shelters import ShelterFileError
from geo.shelter_index import kind_bits
from geo.shelters import nearest
from geo.shelters_store import all_sites, shelters_around, shelters_in
from ops import geo_shelters
from ops.fetch_file import FetchError, check_url, read_source
from ops.geo_shelters import import_list
from tests.people import NOW
from tests.unit.test_gsi_shelters import SAMPLES, STAYING, emergency_row, table

KUMAMOTO = {"共通ID": "E4310000001201", "緯度": "32.8031", "経度": "130.7079"}


async def take(db: Pool, rows: list[dict[str, str]], **options: object) -> list[str]:
    lines: list[str] = []
    body = table(rows).encode()
    await import_list(db, "43443_2.csv", body, now=NOW, say=lines.append, **options)  # type: ignore[arg-type]
    return lines


async def ids(db: Pool, *jis: str, kind: str | None = None) -> list[str]:
    return [shelter.id for shelter in await shelters_in(db, jis, kind)]


async def test_a_municipality_of_the_file_is_replaced_and_others_stay(db: Pool) -> None:
    await take(db, [emergency_row(1), emergency_row(2), emergency_row(1, **KUMAMOTO)], edition=date(2025, 10, 27))
    assert await ids(db, "43443") == ["E4344300001201", "E4344300002201"]
    lines = await take(db, [emergency_row(2, 備考="２階以上"), emergency_row(3)])
    assert "  no longer in the list of 熊本県益城町: E4344300001201 架空第1公園" in lines
    assert lines[-1] == "  new 1, changed 1, as before 0, no longer in the list 1"
    assert await ids(db, "43443") == ["E4344300002201", "E4344300003201"]
    assert await ids(db, "43101") == await ids(db, "43100") == ["E4310000001201"]
    editions = await db.fetch("SELECT owner_jis, edition, shelters FROM shelter_edition ORDER BY owner_jis")
    assert [tuple(row) for row in editions] == [("43100", date(2025, 10, 27), 1), ("43443", None, 2)]


async def test_the_same_file_twice_changes_nothing(db: Pool) -> None:
    rows = [emergency_row(1, 洪水="1"), emergency_row(2)]
    await take(db, rows)
    assert (await take(db, rows))[-1] == "  new 0, changed 0, as before 2, no longer in the list 0"


async def test_a_row_that_cannot_be_read_is_named_and_its_shelter_has_not_vanished(db: Pool) -> None:
    await take(db, [emergency_row(1), emergency_row(2)])
    lines = await take(db, [emergency_row(1, 緯度="32,7"), emergency_row(2)])
    assert "  refused, line 2: E4344300001201 架空第1公園: 緯度 is '32,7', not a number of degrees" in lines
    assert await ids(db, "43443") == ["E4344300001201", "E4344300002201"]
    lines = await take(db, [emergency_row(1, 緯度="x"), emergency_row(2, 緯度="x")])
    assert lines[-1] == "  熊本県益城町 keeps the list it had: no row of it can be read"
    assert len(await ids(db, "43443")) == 2


async def test_a_dry_run_changes_nothing(db: Pool) -> None:
    lines = await take(db, [emergency_row(1)], dry_run=True)
    assert "1 rows of 1 municipalities would go in" in lines[0]
    assert await db.fetchval("SELECT count(*) FROM shelter") == 0
    assert await db.fetchval("SELECT count(*) FROM shelter_edition") == 0


async def test_an_older_list_needs_a_word(db: Pool) -> None:
    await take(db, [emergency_row(1)], edition=date(2026, 1, 1))
    with pytest.raises(ShelterFileError, match="newer list than 2025-10-27 already.*--older"):
        await take(db, [emergency_row(2)], edition=date(2025, 10, 27))
    assert await ids(db, "43443") == ["E4344300001201"]
    await take(db, [emergency_row(2)], edition=date(2025, 10, 27), older=True)
    assert await ids(db, "43443") == ["E4344300002201"]


async def test_shelters_of_both_lists_around_a_point_as_every_role_reads_them(db: Pool) -> None:
    await take(db, [emergency_row(1), emergency_row(2, 洪水="1", 緯度="32.8012"), emergency_row(1, **KUMAMOTO)])
    houses = [emergency_row(共通ID="E4344300002111"), emergency_row(共通ID="E4344300008111", 緯度="32.7922")]
    await import_list(db, "43443_1.csv", table(houses, STAYING).encode(), now=NOW, say=lambda line: None)
    assert await ids(db, "43443", kind="flood") == ["E4344300002201"]
    for role in ("person", "web", "follow", "operator", "worker"):
        scoped = ScopedPool(db, Scope(f"daijobu_{role}"))
        found = await shelters_around(scoped, 32.7912, 130.8167, 2_000)  # type: ignore[arg-type]
        assert {(each.id, each.is_shelter) for each in found} == {
            ("E4344300001201", False), ("E4344300002201", True), ("E4344300008111", True),
        }  # fmt: skip
    near = nearest(found, 32.7912, 130.8167, "river_flood")
    assert [(each.shelter.id, round(each.metres, -1)) for each in near] == [("E4344300002201", 1110.0)]


async def test_the_nearest_rows_alone_and_all_as_bits(db: Pool) -> None:
    await take(
        db,
        [emergency_row(1), emergency_row(2, 洪水="1", 緯度="32.8012"), emergency_row(3, 火山現象="1", 緯度="32.7922")],
    )
    nearest_two = await shelters_around(db, 32.7912, 130.8167, 5_000, limit=2)
    assert {each.id for each in nearest_two} == {"E4344300001201", "E4344300003201"}
    assert [each.id for each in await shelters_around(db, 32.7912, 130.8167, 5_000, "flood", 9)] == ["E4344300002201"]
    bits = {row[0]: row[4] for row in await all_sites(db)}
    assert bits == {
        "E4344300001201": kind_bits(["earthquake"]),
        "E4344300002201": kind_bits(["earthquake", "flood"]),
        "E4344300003201": kind_bits(["earthquake", "volcano"]),
    }


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    geo_shelters.add_arguments(parser)
    return parser.parse_args(words)


async def test_the_command(db_dsn: str, db: Pool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "43443_2.csv"
    file.write_text(table([emergency_row(1), emergency_row(2, 経度="?")]), encoding="utf-8-sig")
    settings = Settings(database_url=SecretStr(db_dsn))
    assert await geo_shelters.run(settings, arguments(str(file), "--edition", "2025-10-27")) == 1
    assert "refused, line 3: E4344300002201" in capsys.readouterr().out
    assert await geo_shelters.run(settings, arguments(str(file), "--allow-refused")) == 0
    assert await ids(db, "43443") == ["E4344300001201"]


async def test_only_https_or_this_machine_and_not_too_much(tmp_path: Path) -> None:
    settings = Settings()
    for refused in (
        "http://example.org/1.csv",
        "ftp://example.org/1.csv",
        "https://a:b@example.org/1.csv",
        "http://[x",
    ):
        with pytest.raises(FetchError):
            check_url(refused)
    check_url("https://example.org/1.csv")

    async def file(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 1000)

    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://example.org/elsewhere.csv")

    app = web.Application()
    app.router.add_get("/list.csv", file)
    app.router.add_get("/moved.csv", moved)
    async with TestServer(app, host="127.0.0.1") as server:
        assert await read_source(str(server.make_url("/list.csv")), settings, max_bytes=1000) == b"x" * 1000
        with pytest.raises(FetchError, match="more than 0 MB"):
            await read_source(str(server.make_url("/list.csv")), settings, max_bytes=999)
        with pytest.raises(FetchError, match="only https"):
            await read_source(str(server.make_url("/moved.csv")), settings, max_bytes=999)
        with pytest.raises(FetchError, match="HTTP 404"):
            await read_source(str(server.make_url("/none.csv")), settings, max_bytes=999)
    with pytest.raises(FetchError, match="cannot be read"):
        await read_source(str(tmp_path / "none.csv"), settings, max_bytes=999)


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the GSI lists of Kumamoto and Nagareyama are not beside the repository"
)
async def test_real_lists_go_in(db: Pool) -> None:
    for name in ("emergency", "evacuation"):
        body = (SAMPLES / f"{name}_kumamoto_nagareyama.csv").read_bytes()
        assert await import_list(db, name, body, now=NOW, say=lambda line: None) == 0
    assert await db.fetchval("SELECT count(*) FROM shelter") == 1817 + 1410
    near = nearest(await shelters_around(db, 32.7912, 130.8167, 5_000), 32.7912, 130.8167, "earthquake", k=10)
    assert len(near) == 10
    assert near[0].metres < 1_000
