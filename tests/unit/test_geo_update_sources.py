"""Files that `geo update` reads: found in folders and archives, whatever they are packed in; too large ones refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from core.settings import Settings
from geo.data_folder import AreaDataError
from geo.importers.archive import ArchiveError
from ops.fetch_file import FetchError
from ops.geo_update import _from_codes
from ops.geo_update_sources import Fetcher, code_tables, n03_file, read_jma


@pytest.fixture
def fetcher(tmp_path: Path) -> Fetcher:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return Fetcher(folder, Settings(), lambda source, done, total: None)


def packed(path: Path, **files: bytes) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return str(path)


async def test_code_tables_in_an_archive(fetcher: Fetcher, tmp_path: Path) -> None:
    files = {"main/csv/AreaRiver.csv": b"1", "main/csv/AreaTsunami.csv": b"2", "main/README.md": b"x"}
    folder = await code_tables(fetcher, packed(tmp_path / "codes.zip", **files))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "AreaRiver.csv": b"1", "AreaTsunami.csv": b"2",
    }  # fmt: skip


async def test_code_tables_in_a_folder(fetcher: Fetcher, tmp_path: Path) -> None:
    assert await code_tables(fetcher, str(tmp_path)) == tmp_path


async def test_a_table_that_is_missing_is_named(fetcher: Fetcher, tmp_path: Path) -> None:
    source = packed(tmp_path / "codes.zip", **{"AreaRiver.csv": b"1"})
    with pytest.raises(AreaDataError, match=r"codes\.zip: .*AreaInformationCity\.csv is missing"):
        await _from_codes(
            fetcher, source, b'{"offices": {}, "class10s": {}, "class15s": {}, "class20s": {}}', "2027-05-01"
        )


async def test_an_archive_that_points_outside_is_refused(fetcher: Fetcher, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="outside the archive"):
        await code_tables(fetcher, packed(tmp_path / "codes.zip", **{"../AreaRiver.csv": b"1"}))


@pytest.mark.parametrize("below", ["", "geojson"])
async def test_jma_files_in_a_folder(fetcher: Fetcher, tmp_path: Path, below: str) -> None:
    (tmp_path / below).mkdir(exist_ok=True)
    (tmp_path / "area.json").write_bytes(b"{}")
    for number in range(10):
        (tmp_path / below / f"landslides_{number}.json").write_text(json.dumps({"features": [number]}))
    found = await read_jma(fetcher, str(tmp_path))
    assert found.tree == b"{}" and found.polygons["landslides_7.json"] == [7]
    (tmp_path / below / "landslides_7.json").unlink()
    with pytest.raises(FetchError, match=r"landslides_7\.json: there is no such file"):
        await read_jma(fetcher, str(tmp_path))


async def test_the_largest_file_that_speaks_of_municipalities(fetcher: Fetcher, tmp_path: Path) -> None:
    small, large = b'{"N03_007": "43103"}', b'{"N03_007": "43103", "x": 1}'
    files = {"a/N03-20260101_43.geojson": large, "b_city.geojson": small, "c.geojson": b" " * 99}
    source = packed(tmp_path / "N03-20260101_43_GML.zip", **files)
    content, name = await n03_file(fetcher, source.replace("_43_", "_{pref}_"), "43")
    assert content == large and "N03-20260101_43.geojson" in name


async def test_a_file_that_is_too_large_is_refused(fetcher: Fetcher, tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(b" " * 3_000_000)
    with pytest.raises(AreaDataError, match=r"large\.json: more than 2 MB"):
        await fetcher.get(str(path), 2 << 20)
