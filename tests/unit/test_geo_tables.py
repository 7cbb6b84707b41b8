"""The committed data files: round trip, and clear words when they are damaged."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from core.model import AreaCode
from geo.tables import (
    AREAS_FILE,
    POLYGONS_FILE,
    AreaDataError,
    AreaRow,
    Vintage,
    pack_areas,
    pack_polygons,
    read_areas,
    read_polygons,
    read_table,
    unpack_areas,
)

ROWS = [
    AreaRow(
        "jis",
        "99101",
        "青葉市東区",
        "あおばしひがしく",
        "Aoba Higashi-ku",
        (AreaCode("jis", "99100"),),
        "某県青葉市東区",
    ),
    AreaRow("jis", "99100", "青葉市"),
    AreaRow("jma.city", "9920000", "旧町", parents=(AreaCode("jis", "99100"),), retired=True),
    AreaRow("jma.city", "9930000", "半町", polygons=("9930001", "9930002")),
]
VINTAGES = {"jis": Vintage("2026-10", "Japan Post"), "jma.city": Vintage("2026-07-07", "JMA")}


def test_areas_come_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "areas.tsv.xz"
    path.write_bytes(pack_areas(ROWS, VINTAGES))
    assert read_areas(path) == [ROWS[1], ROWS[0], *ROWS[2:]]  # sorted by scheme and code
    assert read_table(path).vintages == VINTAGES


def test_equal_rows_make_equal_bytes() -> None:
    assert pack_areas(ROWS, VINTAGES) == pack_areas(reversed(ROWS), dict(reversed(VINTAGES.items())))


def test_a_tab_in_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="9910000 has a tab"):
        pack_areas([AreaRow("jma.city", "9910000", "青\t葉")], {})


def test_polygons_come_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_bytes(pack_polygons([("4344300", b"abc"), ("4310000", b"")]))
    assert list(read_polygons(path)) == [("4310000", b""), ("4344300", b"abc")]


def test_a_polygon_code_must_have_seven_digits() -> None:
    with pytest.raises(ValueError, match="'hoppo' is not 7 digits"):
        pack_polygons([("hoppo", b"")])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AreaDataError, match=r"gone\.xz is missing; restore it"):
        read_areas(tmp_path / "gone.xz")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"not xz", "is damaged"),
        (lzma.compress(b"a\tb\n"), "expected columns"),
        (lzma.compress(b""), "expected columns"),
        (lzma.compress(b"#vintage\tjis\n"), "line 1 is not a vintage"),
        (lzma.compress(lzma.decompress(pack_areas(ROWS, VINTAGES))[:-20]), "line 7 has"),
        (pack_areas(ROWS, VINTAGES)[:-8], "is damaged"),
    ],
)
def test_a_damaged_table_is_named(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "areas.tsv.xz"
    path.write_bytes(content)
    with pytest.raises(AreaDataError, match=complaint):
        read_areas(path)


def test_a_cut_polygon_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_bytes(lzma.compress(lzma.decompress(POLYGONS_FILE.read_bytes())[:1000]))
    with pytest.raises(AreaDataError, match="ends inside the polygon of 0110000"):
        list(read_polygons(path))


def test_a_fetched_table_is_called_by_its_name() -> None:
    with pytest.raises(AreaDataError, match=r"the fetched areas\.tsv\.xz is damaged"):
        unpack_areas(b"", "the fetched areas.tsv.xz")


def test_committed_data_stays_small() -> None:
    assert sum(path.stat().st_size for path in AREAS_FILE.parent.iterdir()) < 1_500_000
